#include <stdio.h>

#include "node/core/host.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { REPEAT_MS = 2000, DAY_MS = 86400000 };

/* When the owner took its cards from this lease, about; 0: never, or before the job was started. */
static uint64_t
reclaimed_at_ms(const struct core *core, const struct lease *lease)
{
    if (!lease->used || !lease->row.is_host || lease->row.reason != END_RECLAIMED ||
        lease->row.started_at_ms == 0) {
        return 0;
    }
    return lease->row.ended_at_ms != 0 ? lease->row.ended_at_ms : (uint64_t)core->now.wall.ms;
}

/* How often one slot was taken back within the last day, and when the first of these was. */
static unsigned
reclaims_of_slot(const struct core *core, uint16_t slot_group, unsigned slot,
                 uint64_t *ret_first_ms)
{
    unsigned count = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        const uint64_t at_ms = reclaimed_at_ms(core, lease);
        if (at_ms != 0 && at_ms + DAY_MS > (uint64_t)core->now.wall.ms &&
            lease->row.slot_group == slot_group && (lease->row.slot_mask >> slot & 1) != 0) {
            *ret_first_ms = count == 0 || at_ms < *ret_first_ms ? at_ms : *ret_first_ms;
            count++;
        }
    }
    return count;
}

/* Whether one more reclaim is within what the lease's own terms say of a day; 0, or unix ms of when it is. */
static uint64_t
allowed_from_ms(struct core *core, const struct lease *lease, unsigned *ret_slot)
{
    struct listing listing;
    const enum lease_action action =
        lease_step(lease_state(lease), LEASE_EVENT_RECLAIM, LEASE_ACTOR_HOST).action;
    if (action != LEASE_ACTION_WARN_JOB || lease->papers == NULL) {
        return 0; /* nothing runs that could be taken away */
    }
    lease_listing(core, lease, &listing);
    for (unsigned slot = 0; slot < SLOTS_PER_GROUP_MAX; slot++) {
        uint64_t first_ms = 0;
        if ((lease->row.slot_mask >> slot & 1) != 0 &&
            reclaims_of_slot(core, lease->row.slot_group, slot, &first_ms) >=
                listing.reclaims_per_day) {
            *ret_slot = slot;
            return first_ms == 0 ? UINT64_MAX : first_ms + DAY_MS;
        }
    }
    return 0;
}

static bool
is_on_cards(const struct core *core, const struct lease *lease, uint64_t gpu_mask)
{
    return lease->used && lease->row.is_host && lease_state_holds_slots(lease_state(lease)) &&
           (listing_gpu_mask(core, lease->row.slot_group, lease->row.slot_mask) & gpu_mask) != 0;
}

bool
host_may_reclaim(struct core *core, uint64_t gpu_mask, char *ret_why, size_t size)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        unsigned slot = 0;
        const uint64_t from_ms =
            is_on_cards(core, lease, gpu_mask) ? allowed_from_ms(core, lease, &slot) : 0;
        if (from_ms == 0) {
            continue;
        }
        char id[ID_HEX_SIZE];
        char when[64] = "never under this lease";
        id_to_hex(lease->row.lease.bytes, id);
        if (from_ms != UINT64_MAX) {
            const uint64_t left_min = (from_ms - (uint64_t)core->now.wall.ms) / 60000 + 1;
            snprintf(when, sizeof when, "again in %llu h %llu min",
                     (unsigned long long)(left_min / 60), (unsigned long long)(left_min % 60));
        }
        snprintf(ret_why, size,
                 "card %u was taken back within a day as often as lease %.8s allows "
                 "(--reclaims-per-day); a reclaim is allowed %s. `gpulet lease end %.8s` ends it "
                 "now, for the whole intervals that ran, and is noted as the host's doing",
                 slot, id, when, id);
        return false;
    }
    return true;
}

void
host_say_reclaim(struct core *core, struct lease *lease)
{
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    lease->send_at = boot_add(core->now.boot, duration_of_ms(REPEAT_MS));
    if (link != NULL && lease->papers != NULL && lease->papers->reclaim_length > 0 &&
        !lease->reclaim_is_known) {
        say_signed(core, link->link,
                   bytes_of(lease->papers->reclaim, lease->papers->reclaim_length));
    }
}

static void
free_reclaimed(struct core *core, struct lease *lease)
{
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    lease->row.reason = END_RECLAIMED;
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    if (link != NULL) {
        const struct record_id *about =
            record_id_is_zero(&lease->row.lease) ? &lease->row.hold : &lease->row.lease;
        host_refuse(core, link->link, about, REFUSAL_PAUSED, "the owner took the card back");
    }
    lease_store(core, lease);
}

/* Signed once: repeats are the same bytes. */
static void
seal_reclaim(struct core *core, struct lease *lease)
{
    const struct reclaim reclaim = {.lease = lease_id_of(lease),
                                    .notice_s = lease->row.notice_s,
                                    .at_ms = (uint64_t)core->now.wall.ms};
    const struct seal_order order = {.kind = RECORD_RECLAIM, .seq = reclaim.at_ms};
    const struct verified_record record = say_seal(core, order, &reclaim);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_RECLAIM, &record);
    if (lease->papers != NULL) {
        paper_put(lease->papers->reclaim, sizeof lease->papers->reclaim, verified_bytes(&record),
                  &lease->papers->reclaim_length);
    }
}

static void
reclaim_lease(struct core *core, struct lease *lease)
{
    unsigned slot;
    const bool is_broken = allowed_from_ms(core, lease, &slot) != 0;
    const enum lease_action action =
        lease_apply(core, lease, LEASE_EVENT_RECLAIM, LEASE_ACTOR_HOST);
    if (action == LEASE_ACTION_FREE) {
        free_reclaimed(core, lease);
    }
    if (action != LEASE_ACTION_WARN_JOB) {
        return;
    }
    if (is_broken) {
        say_log(core, LOG_WARNING,
                "a card is taken back more often a day than was signed: its lease costs nothing");
    }
    lease->row.reason = END_RECLAIMED;
    lease->row.stopped_run_ms = is_broken ? 0 : lease->row.run_ms;
    lease_set_deadline(core, lease, duration_of_s(lease->row.notice_s));
    seal_reclaim(core, lease);
    lease->reclaim_is_known = false;
    if (lease->row.notice_s == 0) {
        lease_apply(core, lease, LEASE_EVENT_NOTICE_OVER, LEASE_ACTOR_CLOCK);
        host_order_job(core, lease, EFFECT_JOB_KILL)->grace_ms = 0;
    } else {
        host_order_job(core, lease, EFFECT_JOB_WARN);
    }
    lease_store(core, lease);
    host_say_reclaim(core, lease);
}

uint32_t
host_reclaim(struct core *core, uint64_t gpu_mask)
{
    uint32_t count = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (is_on_cards(core, lease, gpu_mask)) {
            reclaim_lease(core, lease);
            count++;
        }
    }
    return count;
}

void
host_draining_tick(struct core *core, struct lease *lease)
{
    if (!lease_deadline_is_ahead(core, lease)) {
        if (lease_apply(core, lease, LEASE_EVENT_NOTICE_OVER, LEASE_ACTOR_CLOCK) ==
            LEASE_ACTION_KILL_JOB) {
            lease_store(core, lease);
            host_order_job(core, lease, EFFECT_JOB_KILL)->grace_ms = 0;
        }
    } else if (core_is_due(core, lease->send_at)) {
        host_say_reclaim(core, lease); /* a renter that knows in time saves its work */
    }
}

void
host_take_state(struct core *core, struct link_state *link,
                const struct lease_state_message *message)
{
    (void)core;
    struct lease *lease = lease_by_id(core, &message->lease);
    if (lease != NULL && lease->row.is_host && peer_id_equal(&lease->row.peer, &link->peer) &&
        message->state >= LEASE_DRAINING) {
        lease->reclaim_is_known = true;
    }
}
