/* What a host grants to keys that it does not know: holds cost nothing, so they are few, and waits grow. */
#ifndef GPULET_NODE_CORE_TRUST_H
#define GPULET_NODE_CORE_TRUST_H

#include "node/core/lease.h"

/* Slots were kept for a renter that has started nothing; the first few that it took back itself are
 * forgiven. */
void trust_note_lapse(struct core *core, const struct peer_id *peer, bool was_cancelled);

/* A gang gives back what it held, as it could not gather enough: its wait is at most a few times as long as
 * the slots were kept, so that whoever gives them back soon may soon try again. */
void trust_limit_wait(struct core *core, const struct lease *lease);

/* It has started what it held, and waits no longer. */
void trust_keeps_its_word(struct core *core, const struct peer_id *peer);

/* The renter's waits, or NULL. */
struct renter_record *trust_find(struct core *core, const struct peer_id *peer);

/* A hold, or a lease before START: slots are kept, and nothing is paid. */
bool trust_is_unstarted(const struct lease *lease);
bool trust_has_open_hold(const struct core *core, const struct peer_id *peer);

/* It has paid here before, or the owner allows it. */
bool trust_knows(struct core *core, const struct peer_id *peer);

/* Slots of a group that unknown keys keep without having started anything. */
unsigned trust_unknown_slots(struct core *core, uint16_t slot_group);

#endif
