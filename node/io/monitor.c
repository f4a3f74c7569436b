#include "node/io/monitor.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "node/io/clock.h"

void *
monitor_open(void *zmq, void *socket, int events)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://monitor-%016llx",
             (unsigned long long)random_below(UINT64_MAX));
    if (zmq_socket_monitor(socket, endpoint, events) != 0) {
        return NULL;
    }
    void *monitor = zmq_socket(zmq, ZMQ_PAIR);
    const int unlimited = 0; /* a lost DISCONNECTED would leave a ghost */
    const int linger = 0;
    if (monitor != NULL && zmq_setsockopt(monitor, ZMQ_RCVHWM, &unlimited, sizeof unlimited) == 0 &&
        zmq_setsockopt(monitor, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
        zmq_connect(monitor, endpoint) == 0) {
        return monitor;
    }
    monitor_close(socket, monitor);
    return NULL;
}

bool
monitor_next(void *monitor, struct monitor_event *ret_event)
{
    uint8_t head[6];
    const int length = zmq_recv(monitor, head, sizeof head, ZMQ_DONTWAIT);
    if (length < 0) {
        return false;
    }
    char endpoint[256];
    if (zmq_recv(monitor, endpoint, sizeof endpoint, ZMQ_DONTWAIT) < 0 ||
        length != (int)sizeof head) {
        return false;
    }
    uint32_t value = 0;
    memcpy(&ret_event->what, head, sizeof ret_event->what);
    memcpy(&value, head + 2, sizeof value);
    ret_event->fd = (int)value;
    return true;
}

void
monitor_close(void *socket, void *monitor)
{
    if (socket != NULL) {
        zmq_socket_monitor(socket, NULL, 0);
    }
    if (monitor != NULL) {
        zmq_close(monitor);
    }
}
