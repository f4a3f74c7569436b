#include "node/core/avoid.h"

static struct avoided *
avoid_find(struct core *core, const struct peer_id *host)
{
    for (size_t i = 0; i < AVOIDED_MAX; i++) {
        if (core->avoided[i].strikes > 0 && peer_id_equal(&core->avoided[i].host, host)) {
            return &core->avoided[i];
        }
    }
    return NULL;
}

/* A place that is free, else the one whose time is over first. */
static struct avoided *
avoid_place(struct core *core)
{
    struct avoided *first = &core->avoided[0];
    for (size_t i = 0; i < AVOIDED_MAX; i++) {
        struct avoided *each = &core->avoided[i];
        if (each->strikes == 0) {
            return each;
        }
        first = each->until.ms < first->until.ms ? each : first;
    }
    return first;
}

void
avoid_note(struct core *core, const struct peer_id *host, enum avoid_why why)
{
    /* Busy hosts are asked again soon; a host that says nothing costs seconds each time. */
    static const int64_t first_ms[] = {
        [AVOID_REFUSED] = 1000, [AVOID_SILENT] = 300000, [AVOID_LIED] = 600000};
    static const int64_t most_ms[] = {
        [AVOID_REFUSED] = 8000, [AVOID_SILENT] = 3600000, [AVOID_LIED] = 3600000};
    struct avoided *avoided = avoid_find(core, host);
    if (avoided == NULL) {
        avoided = avoid_place(core);
        *avoided = (struct avoided){.host = *host};
    }
    const unsigned doublings = avoided->strikes < 10 ? avoided->strikes : 10;
    const int64_t for_ms = first_ms[why] << doublings;
    avoided->strikes = (uint8_t)(doublings + 1);
    avoided->until =
        boot_add(core->now.boot, duration_of_ms(for_ms < most_ms[why] ? for_ms : most_ms[why]));
}

void
avoid_forgive(struct core *core, const struct peer_id *host)
{
    struct avoided *avoided = avoid_find(core, host);
    if (avoided != NULL) {
        avoided->strikes = 0;
    }
}

bool
avoid_has(const struct core *core, const struct peer_id *host)
{
    for (size_t i = 0; i < AVOIDED_MAX; i++) {
        const struct avoided *avoided = &core->avoided[i];
        if (avoided->strikes > 0 && peer_id_equal(&avoided->host, host)) {
            return boot_is_before(core->now.boot, avoided->until);
        }
    }
    return false;
}
