#include <assert.h>

#include "node/io/sink.h"

static size_t
add(struct poll_set *set, zmq_pollitem_t item)
{
    assert(set->count < set->capacity);
    set->items[set->count] = item;
    return set->count++;
}

size_t
poll_set_add_socket(struct poll_set *set, void *socket)
{
    return add(set, (zmq_pollitem_t){.socket = socket, .events = ZMQ_POLLIN});
}

size_t
poll_set_add_fd(struct poll_set *set, int fd, short events)
{
    return add(set, (zmq_pollitem_t){.fd = fd, .events = events});
}

bool
poll_set_is_ready(const struct poll_set *set, size_t place)
{
    return place < set->count && set->items[place].revents != 0;
}
