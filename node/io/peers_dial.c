#include "node/io/peers_dial.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/curve.h"
#include "node/io/log.h"
#include "node/io/monitor.h"

enum {
    SEND_FRAMES_MAX = 256,
    RECEIVE_FRAMES_MAX = 64,
    FRAMES_A_ROUND = 64,
    FRAMES_LEFT_MAX = 256, /* of a connection that is gone: what its queue can hold */
    CONNECT_MS_MAX = 10000,
    STEADY_MS = 30000 /* a connection that lived so long sets the pauses back */
};

static const int monitor_events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                                  ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_MONITOR_STOPPED;

/* An address that we want to be connected to. */
struct dial {
    bool is_used;
    bool is_doomed;   /* to be closed at the next round */
    bool is_for_good; /* and forgotten */
    char address[ENDPOINT_SIZE];
    struct channel_key key;
    void *socket; /* NULL between two attempts */
    void *monitor;
    size_t place;
    size_t monitor_place;
    struct link link; /* number 0: not up */
    int64_t due_ms;   /* without socket: the next attempt; with, before it is up: gives up */
    int64_t up_at_ms;
    int64_t pause_ms;
};

struct dials {
    const struct peers_options *options;
    uint32_t own_ip; /* 0: any */
    uint64_t serial;
    struct dial list[DIALS_MAX];
};

struct dials *
dials_new(const struct peers_options *options, const char *endpoint)
{
    struct dials *dials = calloc(1, sizeof *dials);
    if (dials == NULL) {
        return NULL;
    }
    dials->options = options;
    uint32_t ip = 0;
    if (endpoint_is_numeric(bytes_of_text(endpoint), &ip, NULL)) {
        dials->own_ip = ip;
    }
    return dials;
}

static void
close_sockets(struct dial *dial)
{
    monitor_close(dial->socket, dial->monitor);
    curve_close(dial->socket);
    dial->socket = NULL;
    dial->monitor = NULL;
    dial->place = POLL_PLACE_NONE;
    dial->monitor_place = POLL_PLACE_NONE;
}

void
dials_free(struct dials *dials)
{
    if (dials == NULL) {
        return;
    }
    for (size_t i = 0; i < DIALS_MAX; i++) {
        close_sockets(&dials->list[i]);
    }
    free(dials);
}

/* A free place; else that of the dial which failed longest. NULL when all are connected. */
static struct dial *
place_for_dial(struct dials *dials)
{
    struct dial *worst = NULL;
    for (size_t i = 0; i < DIALS_MAX; i++) {
        struct dial *dial = &dials->list[i];
        if (!dial->is_used) {
            return dial;
        }
        if (dial->link.number == 0 && !dial->is_doomed &&
            (worst == NULL || dial->pause_ms > worst->pause_ms)) {
            worst = dial;
        }
    }
    if (worst != NULL) {
        close_sockets(worst);
    }
    return worst;
}

enum status
dials_add(struct dials *dials, struct bytes address, const struct channel_key *key, int64_t now_ms)
{
    if (!endpoint_is_numeric(address, NULL, NULL)) {
        return STATUS_BAD_INPUT;
    }
    for (size_t i = 0; i < DIALS_MAX; i++) {
        struct dial *dial = &dials->list[i];
        if (dial->is_used && channel_key_equal(&dial->key, key) &&
            bytes_are_text(address, dial->address)) {
            dial->is_for_good = false;
            return STATUS_OK;
        }
    }
    struct dial *dial = place_for_dial(dials);
    if (dial == NULL) {
        return STATUS_LIMIT;
    }
    *dial = (struct dial){.is_used = true,
                          .key = *key,
                          .place = POLL_PLACE_NONE,
                          .monitor_place = POLL_PLACE_NONE,
                          .due_ms = now_ms};
    memcpy(dial->address, address.data, address.length);
    return STATUS_OK;
}

/* The pause before the next attempt: doubled, and spread by half of it to either side, so that a
 * restarted node is not dialled by everybody at once. */
static void
plan_next_attempt(const struct dials *dials, struct dial *dial, int64_t now_ms)
{
    const int64_t least = dials->options->redial_ms_min;
    const int64_t most = dials->options->redial_ms_max;
    if (dial->up_at_ms != 0 && now_ms - dial->up_at_ms > STEADY_MS) {
        dial->pause_ms = 0;
    }
    dial->pause_ms = dial->pause_ms == 0 ? least : dial->pause_ms * 2;
    dial->pause_ms = dial->pause_ms > most ? most : dial->pause_ms;
    dial->due_ms =
        now_ms + dial->pause_ms / 2 + (int64_t)random_below((uint64_t)dial->pause_ms + 1);
    dial->up_at_ms = 0;
}

static void
start_attempt(struct dials *dials, struct dial *dial, int64_t now_ms)
{
    const struct curve_options options = {.zmq = dials->options->zmq,
                                          .keypair = dials->options->keypair,
                                          .send_frames_max = SEND_FRAMES_MAX,
                                          .receive_frames_max = RECEIVE_FRAMES_MAX,
                                          .server = &dial->key};
    char endpoint[2 * ENDPOINT_SIZE];
    endpoint_to_dial(bytes_of_text(dial->address), dials->own_ip, endpoint);
    dial->socket = curve_open_dealer(&options);
    if (dial->socket != NULL) {
        dial->monitor = monitor_open(options.zmq, dial->socket, monitor_events);
    }
    if (dial->monitor == NULL || zmq_connect(dial->socket, endpoint) != 0) {
        close_sockets(dial);
        plan_next_attempt(dials, dial, now_ms);
        return;
    }
    dial->due_ms = now_ms + CONNECT_MS_MAX;
}

void
dials_add_to_poll(struct dials *dials, struct poll_set *set)
{
    const int64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < DIALS_MAX; i++) {
        struct dial *dial = &dials->list[i];
        if (dial->is_used && dial->socket == NULL && dial->due_ms <= now_ms) {
            start_attempt(dials, dial, now_ms);
        }
        if (dial->socket != NULL) {
            dial->place = poll_set_add_socket(set, dial->socket);
            dial->monitor_place = poll_set_add_socket(set, dial->monitor);
        }
    }
}

static void
tell_link_up(const struct dial *dial, const struct sink *sink)
{
    const struct event event = {.type = EVENT_LINK_UP,
                                .as.link_up = {.link = dial->link,
                                               .key = dial->key,
                                               .outbound = true,
                                               .address = bytes_of_text(dial->address)}};
    sink->take(sink->context, &event);
}

/* Hands on what came, `most` frames at most. A frame with a second part dooms the link: neither
 * queue lengths nor frame sizes bound such a message. */
static void
receive_frames(struct dial *dial, const struct sink *sink, size_t most)
{
    for (size_t i = 0; i < most && !dial->is_doomed; i++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, dial->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return;
        }
        if (zmq_msg_more(&message) != 0 || zmq_msg_size(&message) > FRAME_BYTES_MAX) {
            dial->is_doomed = true;
        } else if (dial->link.number != 0) {
            const struct event event = {
                .type = EVENT_FRAME,
                .as.frame = {.link = dial->link,
                             .bytes = bytes_of(zmq_msg_data(&message), zmq_msg_size(&message))}};
            sink->take(sink->context, &event);
        }
        zmq_msg_close(&message);
    }
}

static void
end_attempt(struct dials *dials, struct dial *dial, const struct sink *sink)
{
    const struct link link = dial->link;
    dial->link.number = 0;
    dial->is_doomed = false;
    close_sockets(dial);
    if (dial->is_for_good) {
        *dial = (struct dial){.is_used = false};
    } else {
        plan_next_attempt(dials, dial, clock_boot_ms());
    }
    if (link.number != 0) {
        const struct event event = {.type = EVENT_LINK_DOWN, .as.link_down = link};
        sink->take(sink->context, &event);
    }
}

/* True while the connection lives on. */
static bool
receive_monitor(struct dials *dials, struct dial *dial, const struct sink *sink)
{
    struct monitor_event event;
    while (monitor_next(dial->monitor, &event)) {
        if (event.what != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            return false;
        }
        if (dial->link.number == 0) {
            const size_t slot = (size_t)(dial - dials->list);
            dial->link.number = link_number_make(++dials->serial, true, slot);
            dial->up_at_ms = clock_boot_ms();
            tell_link_up(dial, sink);
        }
    }
    return true;
}

void
dials_receive(struct dials *dials, const struct poll_set *set, const struct sink *sink)
{
    const int64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < DIALS_MAX; i++) {
        struct dial *dial = &dials->list[i];
        if (!dial->is_used) {
            continue;
        }
        bool lives = !dial->is_doomed;
        if (lives && dial->socket != NULL && poll_set_is_ready(set, dial->monitor_place)) {
            lives = receive_monitor(dials, dial, sink);
        }
        if (dial->socket != NULL && !lives) {
            receive_frames(dial, sink, FRAMES_LEFT_MAX);
        } else if (dial->socket != NULL && poll_set_is_ready(set, dial->place)) {
            receive_frames(dial, sink, FRAMES_A_ROUND);
        }
        const bool took_too_long =
            dial->socket != NULL && dial->link.number == 0 && dial->due_ms <= now_ms;
        if (!lives || dial->is_doomed || took_too_long) {
            end_attempt(dials, dial, sink);
        }
    }
}

static struct dial *
dial_of_link(struct dials *dials, struct link link)
{
    const size_t slot = link_slot(link);
    if (slot >= DIALS_MAX || dials->list[slot].link.number != link.number || link.number == 0) {
        return NULL;
    }
    return &dials->list[slot];
}

enum status
dials_send(struct dials *dials, struct link link, struct bytes frame)
{
    struct dial *dial = dial_of_link(dials, link);
    if (dial == NULL || dial->is_doomed || dial->socket == NULL) {
        return STATUS_DISCONNECTED;
    }
    if (zmq_send(dial->socket, frame.data, frame.length, ZMQ_DONTWAIT) < 0) {
        return zmq_errno() == EAGAIN ? STATUS_BUSY : STATUS_DISCONNECTED;
    }
    return STATUS_OK;
}

void
dials_drop(struct dials *dials, struct link link, bool for_good)
{
    struct dial *dial = dial_of_link(dials, link);
    if (dial != NULL) {
        dial->is_doomed = true;
        dial->is_for_good = for_good;
    }
}

void
dials_announce(struct dials *dials, const struct sink *sink)
{
    for (size_t i = 0; i < DIALS_MAX; i++) {
        const struct dial *dial = &dials->list[i];
        if (dial->is_used && dial->link.number != 0 && !dial->is_doomed) {
            tell_link_up(dial, sink);
        }
    }
}

int64_t
dials_deadline_ms(const struct dials *dials)
{
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < DIALS_MAX; i++) {
        const struct dial *dial = &dials->list[i];
        if (dial->is_doomed) {
            return 0;
        }
        if (dial->is_used && dial->link.number == 0 && dial->due_ms < earliest) {
            earliest = dial->due_ms;
        }
    }
    return earliest;
}
