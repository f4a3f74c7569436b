/* Where a source of events puts them: into the core, by way of the loop. */
#ifndef GPULET_NODE_IO_SINK_H
#define GPULET_NODE_IO_SINK_H

#include <stddef.h>
#include <zmq.h>

#include "node/core/event.h"

/* What the event points at is borrowed for the call. The taker fills in event.now. */
struct sink {
    void (*take)(void *context, const struct event *event);
    void *context;
};

/* What one poll waits for. Sources add their sockets and remember the place that they got. */
struct poll_set {
    zmq_pollitem_t *items;
    size_t count;
    size_t capacity;
};

/* The place of the new item; asserts that there is room (the loop takes it for the limits' sum). */
size_t poll_set_add_socket(struct poll_set *set, void *socket);
size_t poll_set_add_fd(struct poll_set *set, int fd, short events);

/* True when the item at that place has something. Places from before the last poll answer false. */
bool poll_set_is_ready(const struct poll_set *set, size_t place);

/* Not in any poll. */
#define POLL_PLACE_NONE ((size_t)-1)

#endif
