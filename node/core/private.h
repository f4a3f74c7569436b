/* Frames between the two sides of a lease: read once, checked, handed to the side that they are for. */
#ifndef GPULET_NODE_CORE_PRIVATE_H
#define GPULET_NODE_CORE_PRIVATE_H

#include "node/core/links.h"

void private_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes);

#endif
