#include "cli/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"

enum { BEAT_MS = 1000, SILENCE_MS = 3000, OTHERS_MAX = 8, QUEUE_FRAMES = 256 };

struct connection {
    void *context;
    void *socket;
    zmq_msg_t frame;     /* the one lent out by connection_receive */
    int64_t beat_at_ms;  /* when our next beat is due */
    int64_t heard_at_ms; /* when the daemon was last heard */
    uint8_t out[FRAME_BYTES_MAX];
};

int64_t
connection_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Asks the kernel whether anybody listens, since the library would dial for ever without a word. */
static enum status
probe(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return STATUS_OUT_OF_RANGE;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int probe_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe_fd < 0) {
        return STATUS_SYSTEM;
    }
    const int result = connect(probe_fd, (const struct sockaddr *)&address, sizeof address);
    const int error = errno;
    close(probe_fd);
    if (result == 0) {
        return STATUS_OK;
    }
    return error == EACCES || error == EPERM ? STATUS_PERMISSION : STATUS_DISCONNECTED;
}

static bool
set_option(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static enum status
dial(struct connection *connection, const char *path)
{
    char endpoint[256];
    struct buffer text;
    buffer_init(&text, endpoint, sizeof endpoint - 1);
    buffer_append_format(&text, "ipc://%s", path);
    if (text.overflowed) {
        return STATUS_OUT_OF_RANGE;
    }
    endpoint[text.length] = '\0';
    connection->context = zmq_ctx_new();
    connection->socket =
        connection->context == NULL ? NULL : zmq_socket(connection->context, ZMQ_DEALER);
    const int64_t frame_max = FRAME_BYTES_MAX;
    const bool is_ready =
        connection->socket != NULL && set_option(connection->socket, ZMQ_LINGER, 200) &&
        /* A daemon that came back knows nothing of this conversation: it is begun again on purpose. */
        set_option(connection->socket, ZMQ_RECONNECT_IVL, -1) &&
        set_option(connection->socket, ZMQ_SNDHWM, QUEUE_FRAMES) &&
        set_option(connection->socket, ZMQ_RCVHWM, QUEUE_FRAMES) &&
        zmq_setsockopt(connection->socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0 &&
        zmq_connect(connection->socket, endpoint) == 0;
    return is_ready ? STATUS_OK : STATUS_SYSTEM;
}

static void
hang_up(struct connection *connection)
{
    zmq_msg_close(&connection->frame);
    if (connection->socket != NULL) {
        zmq_close(connection->socket);
    }
    if (connection->context != NULL) {
        zmq_ctx_term(connection->context);
    }
}

static enum status
start(struct connection *connection, const char *path)
{
    zmq_msg_init(&connection->frame);
    connection->heard_at_ms = connection_clock_ms();
    connection->beat_at_ms = connection->heard_at_ms;
    return dial(connection, path);
}

enum status
connection_open(const char *path, struct connection **ret_connection)
{
    enum status status = probe(path);
    if (status != STATUS_OK) {
        return status;
    }
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        return STATUS_NO_MEMORY;
    }
    status = start(connection, path);
    if (status != STATUS_OK) {
        connection_close(connection);
        return status;
    }
    *ret_connection = connection;
    return STATUS_OK;
}

enum status
connection_reopen(struct connection *connection, const char *path)
{
    enum status status = probe(path);
    if (status == STATUS_OK) {
        hang_up(connection);
        status = start(connection, path);
    }
    return status;
}

void
connection_close(struct connection *connection)
{
    if (connection != NULL) {
        hang_up(connection);
        free(connection);
    }
}

enum status
connection_send(struct connection *connection, const struct schema *schema, const void *value)
{
    struct buffer buffer;
    buffer_init(&buffer, connection->out, sizeof connection->out);
    enum status status = message_encode(schema, value, &buffer);
    if (status != STATUS_OK) {
        return status;
    }
    while (zmq_send(connection->socket, buffer.data, buffer.length, ZMQ_DONTWAIT) < 0) {
        if (errno != EINTR) {
            return errno == EAGAIN ? STATUS_BUSY : STATUS_SYSTEM;
        }
    }
    return STATUS_OK;
}

static bool
is_beat(struct bytes frame)
{
    uint8_t type;
    return message_type(frame, &type) == STATUS_OK && type == CONTROL_PING;
}

enum status
connection_receive(struct connection *connection, struct bytes *ret_frame)
{
    for (;;) {
        zmq_msg_close(&connection->frame);
        zmq_msg_init(&connection->frame);
        if (zmq_msg_recv(&connection->frame, connection->socket, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                return STATUS_SYSTEM;
            }
            const int64_t silence_ms = connection_clock_ms() - connection->heard_at_ms;
            return silence_ms > SILENCE_MS ? STATUS_DISCONNECTED : STATUS_NOT_NOW;
        }
        connection->heard_at_ms = connection_clock_ms();
        const struct bytes frame =
            bytes_of(zmq_msg_data(&connection->frame), zmq_msg_size(&connection->frame));
        if (!is_beat(frame)) {
            *ret_frame = frame;
            return STATUS_OK;
        }
    }
}

/* A missed beat is made up for by the next one. */
static int
beat(struct connection *connection, int timeout_ms)
{
    const int64_t now_ms = connection_clock_ms();
    if (now_ms >= connection->beat_at_ms) {
        const struct control_plain ping = {0};
        enum status status = connection_send(connection, control_schema(CONTROL_PING), &ping);
        connection->beat_at_ms = now_ms + (status == STATUS_OK ? BEAT_MS : BEAT_MS / 10);
    }
    const int64_t left_ms = connection->beat_at_ms - now_ms;
    return left_ms < timeout_ms ? (int)left_ms : timeout_ms;
}

enum status
connection_wait(struct connection *connection, struct pollfd *others, size_t count, int timeout_ms)
{
    zmq_pollitem_t items[OTHERS_MAX + 1] = {{.socket = connection->socket, .events = ZMQ_POLLIN}};
    assert(count <= OTHERS_MAX);
    for (size_t i = 0; i < count; i++) {
        const short in = (others[i].events & POLLIN) != 0 ? ZMQ_POLLIN : 0;
        const short out = (others[i].events & POLLOUT) != 0 ? ZMQ_POLLOUT : 0;
        items[i + 1] = (zmq_pollitem_t){.fd = others[i].fd, .events = (short)(in | out)};
    }
    const int64_t before_ms = connection_clock_ms();
    const int result = zmq_poll(items, (int)count + 1, beat(connection, timeout_ms));
    if (result < 0 && errno != EINTR) {
        return STATUS_SYSTEM;
    }
    /* A process that was stopped (Ctrl-Z) heard nothing, which is not the daemon's silence. */
    const int64_t slept_ms = connection_clock_ms() - before_ms;
    if (slept_ms > 2 * BEAT_MS) {
        connection->heard_at_ms += slept_ms;
    }
    for (size_t i = 0; i < count; i++) {
        const short events = result < 0 ? 0 : items[i + 1].revents;
        others[i].revents = (short)(((events & ZMQ_POLLIN) != 0 ? POLLIN : 0) |
                                    ((events & ZMQ_POLLOUT) != 0 ? POLLOUT : 0) |
                                    ((events & ZMQ_POLLERR) != 0 ? POLLERR : 0));
    }
    return STATUS_OK;
}
