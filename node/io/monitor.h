/* What ZeroMQ's io thread says about the connections of a socket. */
#ifndef GPULET_NODE_IO_MONITOR_H
#define GPULET_NODE_IO_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct monitor_event {
    uint16_t what; /* ZMQ_EVENT_... */
    int fd;        /* of the connection, where there is one */
};

/* Watches a socket for these events (a set of ZMQ_EVENT_...). Returns a socket to poll, owned by the
 * caller; NULL when the system refuses. Events of a connection come in their order, and before its
 * first message can be received. */
void *monitor_open(void *zmq, void *socket, int events);

/* The next event; false when there is none just now. */
bool monitor_next(void *monitor, struct monitor_event *ret_event);

/* Stops watching; before the socket itself is closed. NULL is allowed for both. */
void monitor_close(void *socket, void *monitor);

#endif
