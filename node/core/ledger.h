/* Who owes what: double entry, every transaction backed by a signed record. */
#ifndef GPULET_NODE_CORE_LEDGER_H
#define GPULET_NODE_CORE_LEDGER_H

#include "node/core/state.h"

/* Brings what the books hold for a lease to `total`; the evidence is the record that says so. The
 * lease's row is changed, not stored. */
void ledger_post(struct core *core, struct lease *lease, struct amount total,
                 const struct record_id *evidence);

/* A grant of the issuer's: the cumulative amount; a lower one than known changes nothing. */
void ledger_grant(struct core *core, const struct verified_record *grant);

/* Both signatures stand under a final: counts for the peer's record. */
void ledger_count_lease(struct core *core, const struct peer_id *peer);

/* Recovery: balances, the last row of the ledger. */
void ledger_recover_balance(struct core *core, const struct row *row);
void ledger_recover_last(struct core *core, const struct row *row);

/* NULL when nothing ever stood between us. */
const struct balance_row *ledger_balance(const struct core *core, const struct peer_id *peer);

/* True when whatever may still be booked with that peer has its place. Asked before a lease begins:
 * what is owed must be booked, so that it may not fail later. */
bool ledger_has_room(const struct core *core, const struct peer_id *peer);

/* All accounts of all peers, each summed; `leases` too. */
struct balance_row ledger_sum(const struct core *core);

/* Grants less debts less what open leases may still cost; the largest amount on a network without
 * an issuer, where limits per lease and day bound spending. */
struct amount ledger_spendable(const struct core *core);

/* After recovery: what leases have cost today counts against the day's limit. */
void ledger_recovered(struct core *core);

/* Whether a lease of the renter's may become as dear as `total`, by `more` than now: as below. */
enum status ledger_may_extend(const struct core *core, struct amount total, struct amount more,
                              const char **ret_why) MUST_USE;

/* Whether the renter may sign for so much more: STATUS_OK, or STATUS_LIMIT with a sentence in ret_why. */
enum status ledger_may_spend(const struct core *core, struct amount most, const char **ret_why)
    MUST_USE;

#endif
