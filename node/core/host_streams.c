#include "node/core/host.h"
#include "node/core/say.h"

/* A day after its end, by the wall clock, as it goes on over restarts. */
static bool
log_is_gone(const struct core *core, const struct lease *lease)
{
    return lease->row.ended_at_ms != 0 && !lease_state_holds_slots(lease_state(lease)) &&
           (uint64_t)core->now.wall.ms > lease->row.ended_at_ms + LOG_KEEP_S * UINT64_C(1000);
}

void
host_allow_streams(struct core *core, struct lease *lease, const struct link_state *link)
{
    if (log_is_gone(core, lease)) {
        return;
    }
    struct effect *effect = effects_add(core->effects, EFFECT_STREAM_ALLOW);
    effect->as.stream.lease = lease_id_of(lease);
    effect->as.stream.key = link->key;
    lease->streams_open = true;
}

void
host_forbid_streams(struct core *core, struct lease *lease)
{
    if (lease->streams_open) {
        effects_add(core->effects, EFFECT_STREAM_FORBID)->as.stream.lease = lease_id_of(lease);
        lease->streams_open = false;
    }
}

void
host_streams_recovered(struct core *core)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (lease->used && lease->row.is_host && lease->row.started_at_ms != 0) {
            lease->streams_open = !log_is_gone(core, lease);
        }
    }
}

void
host_streams_tick(struct core *core)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (lease->used && lease->streams_open && log_is_gone(core, lease) && say_has_room(core)) {
            host_forbid_streams(core, lease);
        }
    }
}
