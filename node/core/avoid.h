/* Hosts that a renter avoids for a while: cheap offers that lead nowhere must not hide the others. */
#ifndef GPULET_NODE_CORE_AVOID_H
#define GPULET_NODE_CORE_AVOID_H

#include "node/core/state.h"

enum avoid_why {
    AVOID_REFUSED, /* it was busy, or refused what its listing offers */
    AVOID_SILENT,  /* it did not answer, or cannot be reached */
    AVOID_LIED     /* its terms were not those of its listing */
};

/* Counts a failure: the next ones in a row are avoided for longer and longer. */
void avoid_note(struct core *core, const struct peer_id *host, enum avoid_why why);

/* It has started a job of ours: all is forgotten. */
void avoid_forgive(struct core *core, const struct peer_id *host);

bool avoid_has(const struct core *core, const struct peer_id *host);

#endif
