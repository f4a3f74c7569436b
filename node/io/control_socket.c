#include "node/io/control_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/control_path.h"
#include "node/io/log.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"
#include "protocol/message.h"

enum {
    ROUTING_LENGTH = 5,
    FRAMES_A_ROUND = 256,
    SEND_FRAMES_MAX = 65536, /* a client that asked for every listing reads them at its own pace */
    RECEIVE_FRAMES_MAX = 1000,
    LAST_WORDS_MS = 200
};

struct control_client {
    struct client client; /* number 0: free */
    uint32_t routing;
    int64_t heard_ms;
    uint32_t questions; /* asked, and not answered by CONTROL_DONE yet */
    bool is_doomed;
};

struct control {
    struct control_path path;
    void *router;
    size_t place;
    uint64_t serial;
    int64_t beat_due_ms;
    int64_t served_ms; /* when the queue was last seen empty */
    struct control_client clients[CONTROL_CLIENTS_MAX];
};

static bool
set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static enum status
bind_router(struct control *control, void *zmq)
{
    const int64_t frame_max = FRAME_BYTES_MAX;
    control->router = zmq_socket(zmq, ZMQ_ROUTER);
    if (control->router == NULL || !set_int(control->router, ZMQ_LINGER, 0) ||
        !set_int(control->router, ZMQ_ROUTER_MANDATORY, 1) ||
        !set_int(control->router, ZMQ_SNDHWM, SEND_FRAMES_MAX) ||
        !set_int(control->router, ZMQ_RCVHWM, RECEIVE_FRAMES_MAX) ||
        zmq_setsockopt(control->router, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) != 0) {
        return STATUS_SYSTEM;
    }
    char endpoint[CONTROL_PATH_SIZE + 8];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", control->path.socket);
    return zmq_bind(control->router, endpoint) == 0 ? STATUS_OK : STATUS_SYSTEM;
}

enum status
control_open(void *zmq, const char *data_dir, struct control **ret_control)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = control_path_make(data_dir, &control->path);
    if (status == STATUS_OK) {
        status = bind_router(control, zmq);
    }
    if (status == STATUS_OK) {
        status = control_path_tell(&control->path);
    }
    if (status != STATUS_OK) {
        control_close(control);
        return status;
    }
    control->served_ms = clock_boot_ms();
    *ret_control = control;
    return STATUS_OK;
}

void
control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    if (control->router != NULL) {
        /* The last answer, to who asked us to end, still goes out. */
        (void)set_int(control->router, ZMQ_LINGER, LAST_WORDS_MS);
        zmq_close(control->router);
    }
    control_path_remove(&control->path);
    free(control);
}

const char *
control_path(const struct control *control)
{
    return control->path.socket;
}

void
control_add_to_poll(struct control *control, struct poll_set *set)
{
    control->place = poll_set_add_socket(set, control->router);
}

static enum status
send_to(struct control *control, uint32_t routing, struct bytes frame)
{
    uint8_t id[ROUTING_LENGTH] = {0};
    memcpy(id + 1, &routing, sizeof routing);
    if (zmq_send(control->router, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(control->router, frame.data, frame.length, ZMQ_DONTWAIT) < 0) {
        return zmq_errno() == EAGAIN ? STATUS_BUSY : STATUS_DISCONNECTED;
    }
    return STATUS_OK;
}

static enum status
send_done(struct control *control, uint32_t routing, enum status status, const char *why)
{
    uint8_t memory[1024];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    const struct control_done done = {.status = (uint8_t)status, .text = bytes_of_text(why)};
    const enum status encoded = message_encode(control_schema(CONTROL_DONE), &done, &buffer);
    return encoded == STATUS_OK ? send_to(control, routing, buffer_bytes(&buffer)) : encoded;
}

/* The client of that routing id, new when there is none; NULL when there is no place. */
static struct control_client *
client_of_routing(struct control *control, uint32_t routing, int64_t now_ms)
{
    struct control_client *place = NULL;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *client = &control->clients[i];
        if (client->client.number == 0) {
            place = place == NULL ? client : place;
        } else if (client->routing == routing) {
            return client;
        }
    }
    if (place != NULL) {
        *place = (struct control_client){.routing = routing, .heard_ms = now_ms};
        place->client.number = ++control->serial * CONTROL_CLIENTS_MAX;
        place->client.number += (uint64_t)(place - control->clients);
    }
    return place;
}

static void
take_frame(struct control *control, uint32_t routing, struct bytes frame, const struct sink *sink)
{
    uint8_t type = 0;
    if (message_type(frame, &type) != STATUS_OK || type < MESSAGE_STREAM_OPEN) {
        return; /* no client of ours; whoever may open the directory harms only itself */
    }
    const int64_t now_ms = clock_boot_ms();
    struct control_client *client = client_of_routing(control, routing, now_ms);
    if (client == NULL) {
        if (type >= CONTROL_STATUS && type != CONTROL_PING &&
            send_done(control, routing, STATUS_LIMIT,
                      "too many commands are connected; end one of them") != STATUS_OK) {
            log_line(LOG_DEBUG, "a client of the control socket could not be told of the limit");
        }
        return;
    }
    client->heard_ms = now_ms;
    if (type == CONTROL_PING) {
        return;
    }
    client->questions += type >= CONTROL_STATUS;
    const struct event event = {.type = EVENT_CONTROL,
                                .as.control = {.client = client->client, .bytes = frame}};
    sink->take(sink->context, &event);
}

static bool
receive_message(struct control *control, const struct sink *sink)
{
    zmq_msg_t routing;
    zmq_msg_t message;
    zmq_msg_init(&routing);
    zmq_msg_init(&message);
    const bool got = zmq_msg_recv(&routing, control->router, ZMQ_DONTWAIT) >= 0;
    if (got && zmq_msg_more(&routing) != 0 &&
        zmq_msg_recv(&message, control->router, ZMQ_DONTWAIT) >= 0) {
        bool more = zmq_msg_more(&message) != 0;
        const uint8_t *id = zmq_msg_data(&routing);
        if (!more && zmq_msg_size(&routing) == ROUTING_LENGTH && id[0] == 0) {
            uint32_t number = 0;
            memcpy(&number, id + 1, sizeof number);
            take_frame(control, number, bytes_of(zmq_msg_data(&message), zmq_msg_size(&message)),
                       sink);
        }
        while (more) {
            more = zmq_msg_recv(&message, control->router, ZMQ_DONTWAIT) >= 0 &&
                   zmq_msg_more(&message) != 0;
        }
    }
    zmq_msg_close(&routing);
    zmq_msg_close(&message);
    return got;
}

/* Beats, and lets go of clients that are gone. Only called with an empty queue, so that a client's
 * beats count even when it was we who stood still. */
static void
beat(struct control *control, int64_t now_ms, const struct sink *sink)
{
    uint8_t memory[16];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    const struct control_plain plain = {0};
    if (message_encode(control_schema(CONTROL_PING), &plain, &buffer) != STATUS_OK) {
        return;
    }
    const bool we_stood_still = now_ms - control->served_ms > CONTROL_GONE_MS / 2;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *client = &control->clients[i];
        if (client->client.number == 0) {
            continue;
        }
        if (we_stood_still) {
            client->heard_ms = now_ms;
        }
        if (client->is_doomed || now_ms - client->heard_ms >= CONTROL_GONE_MS ||
            send_to(control, client->routing, buffer_bytes(&buffer)) == STATUS_DISCONNECTED) {
            const struct event event = {.type = EVENT_CONTROL_GONE,
                                        .as.control_gone = client->client};
            *client = (struct control_client){0};
            sink->take(sink->context, &event);
        }
    }
    control->beat_due_ms = now_ms + CONTROL_BEAT_MS;
}

bool
control_receive(struct control *control, const struct poll_set *set, const struct sink *sink)
{
    const int64_t now_ms = clock_boot_ms();
    bool more = poll_set_is_ready(set, control->place);
    for (size_t count = 0; more && count < FRAMES_A_ROUND; count++) {
        more = receive_message(control, sink);
    }
    if (!more && control->beat_due_ms <= now_ms) {
        beat(control, now_ms, sink);
    }
    if (!more) {
        control->served_ms = now_ms;
    }
    return more;
}

static struct control_client *
client_of(struct control *control, struct client client)
{
    struct control_client *place = &control->clients[client.number % CONTROL_CLIENTS_MAX];
    return client.number != 0 && place->client.number == client.number ? place : NULL;
}

enum status
control_send(struct control *control, struct client client, struct bytes frame)
{
    struct control_client *place = client_of(control, client);
    if (place == NULL || place->is_doomed) {
        return STATUS_DISCONNECTED;
    }
    const enum status status = send_to(control, place->routing, frame);
    uint8_t type = 0;
    if (status == STATUS_OK && message_type(frame, &type) == STATUS_OK && type == CONTROL_DONE &&
        place->questions > 0) {
        place->questions--;
    }
    if (status == STATUS_DISCONNECTED) {
        place->is_doomed = true;
        control->beat_due_ms = 0;
    }
    return status;
}

void
control_fail_all(struct control *control, enum status status, const char *why)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *client = &control->clients[i];
        while (client->client.number != 0 && client->questions > 0) {
            client->questions--;
            if (send_done(control, client->routing, status, why) != STATUS_OK) {
                client->is_doomed = true;
            }
        }
    }
}

int64_t
control_deadline_ms(const struct control *control)
{
    return control->beat_due_ms;
}
