/* Says that the daemon is ready, to whoever waits: a line in the log, a file, a descriptor. */
#ifndef GPULET_NODE_IO_READY_H
#define GPULET_NODE_IO_READY_H

#include "node/io/loop.h"

/* The line is "ready <pid> <peer endpoint> <stream endpoint> <control path>"; it goes to <data>/ready,
 * to --ready-fd, which is closed after it, and to the log. A service manager that asked for it by
 * NOTIFY_SOCKET is told too. */
void ready_tell(const struct options *options, const struct loop *loop);

/* Removes <data>/ready. */
void ready_forget(const struct options *options);

#endif
