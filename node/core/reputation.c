#include "node/core/reputation.h"

#include "node/core/find.h"
#include "node/core/lease.h"

enum verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_FAILED };

static enum verdict
verdict_of(const struct lease *lease)
{
    if (lease->row.started_at_ms == 0) {
        return VERDICT_NONE;
    }
    switch ((enum end_reason)lease->row.reason) {
    case END_JOB_EXITED:
    case END_RENTER:
    case END_DURATION:
    case END_UNPAID:
    case END_LIMIT:
        return VERDICT_GOOD;
    case END_HOST:
    case END_HOST_FAILURE:
    case END_HOST_SILENT:
        return VERDICT_FAILED;
    case END_NONE:
    case END_RECLAIMED: /* within the terms that both have signed */
    case END_NOT_STARTED:
    case END_REASON_COUNT:
        break;
    }
    return VERDICT_NONE;
}

static struct reputation *
find_place(struct core *core, const struct peer_id *host)
{
    struct reputation *fewest = &core->reputations[0];
    for (size_t i = 0; i < core->reputation_count; i++) {
        struct reputation *each = &core->reputations[i];
        if (peer_id_equal(&each->host, host)) {
            return each;
        }
        fewest = each->good + each->failed < fewest->good + fewest->failed ? each : fewest;
    }
    /* Who is known by fewest leases gives way. */
    return core->reputation_count < REPUTATIONS_MAX ? &core->reputations[core->reputation_count++]
                                                    : fewest;
}

static uint16_t
share_of(const struct reputation *reputation)
{
    return (uint16_t)((reputation->good + 1) * 10000 / (reputation->good + reputation->failed + 2));
}

uint16_t
reputation_of(const struct core *core, const struct peer_id *host)
{
    for (size_t i = 0; i < core->reputation_count; i++) {
        if (peer_id_equal(&core->reputations[i].host, host)) {
            return share_of(&core->reputations[i]);
        }
    }
    return RELIABILITY_UNKNOWN_BP;
}

void
reputation_note(struct core *core, const struct lease *lease)
{
    if (lease->row.is_host || lease_state_is_open(lease_state(lease)) ||
        verdict_of(lease) == VERDICT_NONE) {
        return;
    }
    /* Counted anew: a row may be stored more than once. Those of long ago are no longer in memory. */
    struct reputation counted = {.host = lease->row.peer};
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *each = &core->leases[i];
        if (each->used && !each->row.is_host && !lease_state_is_open(lease_state(each)) &&
            peer_id_equal(&each->row.peer, &counted.host)) {
            counted.good += verdict_of(each) == VERDICT_GOOD;
            counted.failed += verdict_of(each) == VERDICT_FAILED;
        }
    }
    *find_place(core, &counted.host) = counted;
    book_set_reliability(core->book, &counted.host, share_of(&counted));
}
