#include "node/core/trust.h"

#include "node/core/ledger.h"
#include "node/core/links.h"

struct renter_record *
trust_find(struct core *core, const struct peer_id *peer)
{
    for (size_t i = 0; i < LEASES_OPEN_MAX; i++) {
        if (core->renters[i].used && peer_id_equal(&core->renters[i].peer, peer)) {
            return &core->renters[i];
        }
    }
    return NULL;
}

/* One that is there, else an unused place, else one whose wait is over. */
static struct renter_record *
renter_place(struct core *core, const struct peer_id *peer)
{
    struct renter_record *place = trust_find(core, peer);
    if (place != NULL) {
        return place;
    }
    for (size_t i = 0; i < LEASES_OPEN_MAX; i++) {
        struct renter_record *each = &core->renters[i];
        if (!each->used) {
            place = each;
            break;
        }
        if (place == NULL && boot_is_before(each->wait_until, core->now.boot)) {
            place = each;
        }
    }
    if (place != NULL) {
        *place = (struct renter_record){.used = true, .peer = *peer};
    }
    return place;
}

/* Slots were kept for a renter that has not started anything: it waits, twice as long each time. Taking
 * the first few back in good time costs no wait; doing so for ever would block the slots as well. */
void
trust_note_lapse(struct core *core, const struct peer_id *peer, bool was_cancelled)
{
    enum { FREE_CANCELS = 2 };
    struct renter_record *renter = renter_place(core, peer);
    if (renter == NULL) {
        return;
    }
    const uint32_t free_ones = was_cancelled ? FREE_CANCELS : 0;
    const uint32_t counted = renter->lapses > free_ones ? renter->lapses - free_ones : 0;
    const int64_t wait_ms = (int64_t)HOLD_LAPSE_WAIT_MS_MIN << (counted < 10 ? counted : 10);
    const bool is_free = renter->lapses < free_ones;
    renter->lapses++;
    if (!is_free) {
        renter->wait_until = boot_add(
            core->now.boot,
            duration_of_ms(wait_ms < HOLD_LAPSE_WAIT_MS_MAX ? wait_ms : HOLD_LAPSE_WAIT_MS_MAX));
    }
}

void
trust_limit_wait(struct core *core, const struct lease *lease)
{
    enum { TIMES = 4 };
    struct renter_record *renter = trust_find(core, &lease->row.peer);
    const int64_t kept_ms = core->now.wall.ms - (int64_t)lease->row.created_at_ms;
    if (renter == NULL || kept_ms < 0) {
        return;
    }
    const struct boot latest = boot_add(core->now.boot, duration_of_ms(TIMES * kept_ms));
    if (boot_is_before(latest, renter->wait_until)) {
        renter->wait_until = latest;
    }
}

/* Slots are kept for it, and nothing is paid yet. */
bool
trust_is_unstarted(const struct lease *lease)
{
    return lease->used && lease->row.is_host &&
           (lease->row.state == LEASE_HELD || lease->row.state == LEASE_LEASED);
}

bool
trust_has_open_hold(const struct core *core, const struct peer_id *peer)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        if (trust_is_unstarted(&core->leases[i]) &&
            peer_id_equal(&core->leases[i].row.peer, peer)) {
            return true;
        }
    }
    return false;
}

/* It has paid here before, or the owner knows it. */
bool
trust_knows(struct core *core, const struct peer_id *peer)
{
    const struct balance_row *balance = ledger_balance(core, peer);
    const struct peer_state *known = peers_find(core, peer);
    return (balance != NULL && balance->leases > 0) || (known != NULL && known->row.standing == 1);
}

/* Slots that unknown keys keep without having started anything: keys cost nothing. */
unsigned
trust_unknown_slots(struct core *core, uint16_t slot_group)
{
    unsigned count = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        if (trust_is_unstarted(lease) && lease->row.slot_group == slot_group &&
            !trust_knows(core, &lease->row.peer)) {
            count += lease->row.slots;
        }
    }
    return count;
}

void
trust_keeps_its_word(struct core *core, const struct peer_id *peer)
{
    struct renter_record *renter = trust_find(core, peer);
    if (renter != NULL) {
        renter->used = false;
    }
}
