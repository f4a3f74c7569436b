/* Questions of the command line, answered from what the core knows. */
#ifndef GPULET_NODE_CORE_CONTROL_H
#define GPULET_NODE_CORE_CONTROL_H

#include "node/core/state.h"

/* A frame of the local socket. What cannot be read is answered, never dropped without a word. */
void control_question(struct core *core, struct client client, struct bytes bytes);

#endif
