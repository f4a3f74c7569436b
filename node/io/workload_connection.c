#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/io/supervisor_file.h"
#include "node/io/supervisor_frame.h"
#include "node/io/supervisor_status.h"
#include "node/io/supervisor_wire.h"
#include "node/io/workload.h"

enum { WAITING_MAX = 64, WAITING_PAYLOAD = 8 };

/* A command that found the socket full. */
struct waiting {
    struct frame frame; /* its payload is `payload` */
    uint8_t payload[WAITING_PAYLOAD];
};

struct workload {
    int socket;
    struct waiting waiting[WAITING_MAX]; /* a ring, oldest first */
    size_t waiting_first;
    size_t waiting_count;
    uint8_t message[FRAME_LENGTH_MAX + 1];
};

/* A connected socket to the very process the status names. */
static enum status
reach(int directory, pid_t supervisor, int *ret_socket)
{
    enum { SEND_BYTES = 1024 * 1024 };
    const int wish = SEND_BYTES;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t length = sizeof peer;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", directory);
    const int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0) {
        return STATUS_SYSTEM;
    }
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(connection);
        return STATUS_NOT_NOW;
    }
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        peer.pid != supervisor) {
        close(connection);
        return STATUS_REFUSED;
    }
    setsockopt(connection, SOL_SOCKET, SO_SNDBUF, &wish, sizeof wish);
    *ret_socket = connection;
    return STATUS_OK;
}

enum status
workload_connect(const char *job_dir, struct workload **ret)
{
    struct workload_status job;
    int connection = -1;
    enum status status = workload_read_status(job_dir, &job);
    if (status != STATUS_OK) {
        return status;
    }
    if (!process_is_alive(job.supervisor_pid, job.supervisor_start)) {
        return STATUS_DISCONNECTED;
    }
    const int directory = open(job_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return status_from_errno();
    }
    status = reach(directory, job.supervisor_pid, &connection);
    close(directory);
    if (status != STATUS_OK) {
        return status;
    }
    struct workload *workload = calloc(1, sizeof *workload);
    if (workload == NULL) {
        close(connection);
        return STATUS_NO_MEMORY;
    }
    workload->socket = connection;
    *ret = workload;
    return STATUS_OK;
}

void
workload_disconnect(struct workload *workload)
{
    if (workload != NULL) {
        close(workload->socket);
        free(workload);
    }
}

int
workload_fd(const struct workload *workload)
{
    return workload->socket;
}

short
workload_poll_events(const struct workload *workload)
{
    return (short)(workload->waiting_count > 0 ? POLLIN | POLLOUT : POLLIN);
}

static enum status
put_frame(struct workload *workload, const struct frame *frame)
{
    uint8_t header[FRAME_HEADER_LENGTH];
    struct iovec parts[2] = {{.iov_base = header, .iov_len = sizeof header},
                             {.iov_len = frame->payload.length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    frame_header(frame, header);
    memcpy(&parts[1].iov_base, &frame->payload.data, sizeof parts[1].iov_base);
    do {
        sent = sendmsg(workload->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return STATUS_OK;
    }
    return errno == EAGAIN || errno == ENOBUFS ? STATUS_BUSY : STATUS_DISCONNECTED;
}

/* Sends what waited, oldest first. STATUS_BUSY: some of it still waits. */
static enum status
send_waiting(struct workload *workload)
{
    while (workload->waiting_count > 0) {
        struct waiting *oldest = &workload->waiting[workload->waiting_first];
        oldest->frame.payload.data = oldest->payload;
        const enum status status = put_frame(workload, &oldest->frame);
        if (status != STATUS_OK) {
            return status;
        }
        workload->waiting_first = (workload->waiting_first + 1) % WAITING_MAX;
        workload->waiting_count--;
    }
    return STATUS_OK;
}

/* A later acknowledgement says all an earlier one does. */
static bool
replaces_last(const struct workload *workload, const struct frame *frame)
{
    if (workload->waiting_count == 0 || frame->type != FRAME_CREDIT) {
        return false;
    }
    const size_t last = (workload->waiting_first + workload->waiting_count - 1) % WAITING_MAX;
    return workload->waiting[last].frame.type == FRAME_CREDIT &&
           workload->waiting[last].frame.stream == frame->stream;
}

static enum status
wait_in_line(struct workload *workload, const struct frame *frame)
{
    if (replaces_last(workload, frame)) {
        workload->waiting_count--;
    }
    if (workload->waiting_count == WAITING_MAX) {
        return STATUS_BUSY;
    }
    struct waiting *place =
        &workload->waiting[(workload->waiting_first + workload->waiting_count) % WAITING_MAX];
    workload->waiting_count++;
    place->frame = *frame;
    if (frame->payload.length > 0) {
        memcpy(place->payload, frame->payload.data, frame->payload.length);
    }
    return STATUS_OK;
}

/* A command: at once, or when there is room. */
static enum status
send_frame(struct workload *workload, const struct frame *frame)
{
    enum status status = send_waiting(workload);
    if (status == STATUS_OK) {
        status = put_frame(workload, frame);
    }
    return status == STATUS_BUSY ? wait_in_line(workload, frame) : status;
}

/* A frame of the supervisor as the caller knows it. */
static enum status
event_of_frame(const struct frame *frame, struct workload_event *event)
{
    event->stream = frame->stream;
    event->offset = frame->number;
    switch (frame->type) {
    case FRAME_DATA:
        event->kind = WORKLOAD_EVENT_DATA;
        event->data = frame->payload;
        return STATUS_OK;
    case FRAME_END:
        event->kind = WORKLOAD_EVENT_EOF;
        return STATUS_OK;
    case FRAME_GAP:
        event->kind = WORKLOAD_EVENT_GAP;
        return STATUS_OK;
    case FRAME_CREDIT:
        event->kind = WORKLOAD_EVENT_CREDIT;
        event->limit = frame_second_number(frame);
        return STATUS_OK;
    case FRAME_STATUS:
    case FRAME_EXIT:
        event->kind = frame->type == FRAME_EXIT ? WORKLOAD_EVENT_EXIT : WORKLOAD_EVENT_STATUS;
        return supervisor_status_decode(frame->payload, &event->status);
    case FRAME_FREEZE:
    case FRAME_THAW:
    case FRAME_KILL:
    case FRAME_SIGNAL:
    case FRAME_PAID:
    case FRAME_ASK_STATUS:
    case FRAME_READ:
        return STATUS_CORRUPT;
    }
    return STATUS_CORRUPT;
}

enum status
workload_receive(struct workload *workload, struct workload_event *ret)
{
    struct workload_event event = {0};
    struct frame frame;
    ssize_t count;
    const enum status sent = send_waiting(workload);
    (void)sent; /* when the other side is gone, what it said before is still to be read */
    do {
        count = recv(workload->socket, workload->message, sizeof workload->message,
                     MSG_DONTWAIT | MSG_TRUNC);
        /* A reset is told once, ahead of the messages that arrived before it. */
    } while (count < 0 && (errno == EINTR || errno == ECONNRESET));
    if (count < 0 && errno == EAGAIN) {
        return STATUS_NOT_NOW;
    }
    if (count <= 0) {
        return STATUS_DISCONNECTED;
    }
    if ((size_t)count > FRAME_LENGTH_MAX ||
        frame_parse(bytes_of(workload->message, (size_t)count), &frame) != STATUS_OK ||
        event_of_frame(&frame, &event) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    *ret = event;
    return STATUS_OK;
}

static enum status
send_numbers(struct workload *workload, struct frame frame, uint64_t second)
{
    uint8_t bytes[8];
    wire_store_u64(bytes, second);
    frame.payload = bytes_of(bytes, sizeof bytes);
    return send_frame(workload, &frame);
}

enum status
workload_freeze(struct workload *workload)
{
    const struct frame frame = {.type = FRAME_FREEZE};
    return send_frame(workload, &frame);
}

enum status
workload_thaw(struct workload *workload)
{
    const struct frame frame = {.type = FRAME_THAW};
    return send_frame(workload, &frame);
}

enum status
workload_kill(struct workload *workload, uint64_t grace_ms)
{
    const struct frame frame = {.type = FRAME_KILL, .number = grace_ms};
    return send_frame(workload, &frame);
}

enum status
workload_signal(struct workload *workload, int signal_number)
{
    if (signal_number < 1 || signal_number > 64) {
        return STATUS_OUT_OF_RANGE;
    }
    const struct frame frame = {.type = FRAME_SIGNAL, .number = (uint64_t)signal_number};
    return send_frame(workload, &frame);
}

enum status
workload_pay(struct workload *workload, uint64_t run_ms_limit, int64_t end_boot_ms)
{
    const struct frame frame = {.type = FRAME_PAID, .number = run_ms_limit};
    return send_numbers(workload, frame, (uint64_t)end_boot_ms);
}

enum status
workload_ask_status(struct workload *workload)
{
    const struct frame frame = {.type = FRAME_ASK_STATUS};
    return send_frame(workload, &frame);
}

enum status
workload_read(struct workload *workload, enum workload_stream stream, uint64_t offset,
              uint64_t limit)
{
    if (stream == WORKLOAD_STDIN) {
        return STATUS_OUT_OF_RANGE;
    }
    const struct frame frame = {.type = FRAME_READ, .stream = stream, .number = offset};
    return send_numbers(workload, frame, limit);
}

enum status
workload_credit(struct workload *workload, enum workload_stream stream, uint64_t offset,
                uint64_t limit)
{
    if (stream == WORKLOAD_STDIN) {
        return STATUS_OUT_OF_RANGE;
    }
    const struct frame frame = {.type = FRAME_CREDIT, .stream = stream, .number = offset};
    return send_numbers(workload, frame, limit);
}

enum status
workload_write_stdin(struct workload *workload, uint64_t offset, struct bytes data)
{
    if (data.length == 0) {
        return STATUS_OK;
    }
    if (data.length > WORKLOAD_DATA_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    const struct frame frame = {.type = FRAME_DATA, .number = offset, .payload = data};
    const enum status status = send_waiting(workload);
    return status != STATUS_OK ? status : put_frame(workload, &frame);
}

enum status
workload_close_stdin(struct workload *workload, uint64_t offset)
{
    const struct frame frame = {.type = FRAME_END, .number = offset};
    return send_frame(workload, &frame);
}
