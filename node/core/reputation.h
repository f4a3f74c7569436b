/* How far a host can be relied on, by this node's own leases with it: nobody else's word is taken. */
#ifndef GPULET_NODE_CORE_REPUTATION_H
#define GPULET_NODE_CORE_REPUTATION_H

#include "node/core/state.h"

/* In basis points, by Laplace's rule of succession: (good + 1) / (good + failed + 2), so that a host
 * without a lease here has half. */
uint16_t reputation_of(const struct core *core, const struct peer_id *host);

/* A lease of ours was closed or read back: what it says of its host counts from now on, in the book
 * too. Leases that the owner reclaimed, and those that never started, count neither way. */
void reputation_note(struct core *core, const struct lease *lease);

#endif
