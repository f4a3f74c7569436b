/* The leases of a node, on either side: their memory, their rows, and what the table says of them. */
#ifndef GPULET_NODE_CORE_LEASE_H
#define GPULET_NODE_CORE_LEASE_H

#include "node/core/state.h"

/* A new one with papers, in state ASKED, or NULL when too many are open. */
struct lease *lease_new(struct core *core, bool is_host, const struct record_id *hold);

struct lease *lease_by_hold(struct core *core, const struct record_id *hold);
struct lease *lease_by_id(struct core *core, const struct lease_id *id);

/* Asks the table and moves to the state it says. The row is not yet stored. */
enum lease_action lease_apply(struct core *core, struct lease *lease, enum lease_event event,
                              enum lease_actor actor);

/* Makes the row durable with this step. Drops the papers of a lease that is over, and whole holds that
 * never became a lease. */
void lease_store(struct core *core, struct lease *lease);

/* Forgets a lease that is over and was never stored, or whose row was deleted. */
void lease_forget(struct core *core, struct lease *lease);

/* Recovery. */
void lease_recover(struct core *core, const struct row *row);
void lease_recover_evidence(struct core *core, const struct event *event);

struct lease_id lease_id_of(const struct lease *lease);
enum lease_state lease_state(const struct lease *lease);

/* Slots of a group that leases and holds keep, one bit each. */
uint64_t lease_slots_taken(const struct core *core, uint16_t slot_group);

/* When the next of them frees up, unix seconds; 0: not known. */
uint64_t lease_slots_free_at_s(const struct core *core, uint16_t slot_group);

/* The listing that is inside the signed terms; texts borrowed from the papers. All zero without papers. */
void lease_listing(const struct core *core, const struct lease *lease, struct listing *ret_listing);

/* What a run of that length costs under the lease. */
struct amount lease_charge(const struct lease *lease, uint64_t run_ms);

/* True while the row's boot deadline is of this boot and not passed. */
bool lease_deadline_is_ahead(const struct core *core, const struct lease *lease);
void lease_set_deadline(struct core *core, struct lease *lease, struct duration from_now);

/* Copies into one of the papers; `length` must fit (asserted). */
void paper_put(uint8_t *paper, size_t size, struct bytes bytes, uint16_t *ret_length);

/* Finds leases by a prefix of the lease's or hold's hex id: STATUS_NOT_FOUND, STATUS_AMBIGUOUS. */
enum status lease_by_prefix(struct core *core, struct bytes prefix, struct lease **ret_lease)
    MUST_USE;

#endif
