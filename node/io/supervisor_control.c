#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/io/supervisor_frame.h"
#include "node/io/supervisor_state.h"
#include "node/io/supervisor_status.h"
#include "node/io/supervisor_wire.h"

enum { MESSAGES_A_TURN = 64 };

enum status
control_listen(int directory, int *ret_listener)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* The job's directory may have a path longer than an address can hold. */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", directory);
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return STATUS_SYSTEM;
    }
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 8) != 0) {
        close(listener);
        return STATUS_SYSTEM;
    }
    *ret_listener = listener;
    return STATUS_OK;
}

void
control_hang_up(struct supervisor *supervisor)
{
    if (supervisor->connection >= 0) {
        close(supervisor->connection);
        supervisor->connection = -1;
    }
    for (size_t i = 0; i < 2; i++) {
        output_forget_reader(&supervisor->outputs[i]);
    }
    supervisor->is_blocked = false;
}

void
control_accept(struct supervisor *supervisor)
{
    enum { SEND_BYTES = 1024 * 1024 };
    const int wish = SEND_BYTES;
    struct ucred peer;
    socklen_t length = sizeof peer;
    const int connection = accept4(supervisor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) {
        return;
    }
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        (peer.uid != 0 && peer.uid != geteuid())) {
        close(connection);
        return;
    }
    control_hang_up(supervisor);
    setsockopt(connection, SOL_SOCKET, SO_SNDBUF, &wish, sizeof wish);
    supervisor->connection = connection;
    supervisor->input.credited = UINT64_MAX; /* so that the window is told anew */
    supervisor->status_due = true;
    supervisor->exit_due = !supervisor->job_exists;
}

/* False when the other side breaks the rules. */
static bool
carry_out(struct supervisor *supervisor, const struct frame *frame)
{
    struct output_stream *output =
        frame->stream == WORKLOAD_STDIN ? NULL : &supervisor->outputs[frame->stream - 1];
    switch (frame->type) {
    case FRAME_FREEZE:
    case FRAME_THAW:
        supervisor->meter.frozen_by_daemon = frame->type == FRAME_FREEZE;
        supervisor->status_due = true;
        return true;
    case FRAME_KILL:
        supervisor_end_job(supervisor, WORKLOAD_END_KILLED, frame->number);
        return true;
    case FRAME_SIGNAL:
        if (frame->number == 0 || frame->number > 64) {
            return false;
        }
        job_signal(&supervisor->job, (int)frame->number);
        return true;
    case FRAME_PAID:
        supervisor->meter.run_ms_limit = frame->number;
        supervisor->meter.end_boot_ms = (int64_t)frame_second_number(frame);
        supervisor->status_due = true;
        return true;
    case FRAME_ASK_STATUS:
        supervisor->status_due = true;
        return true;
    case FRAME_READ:
    case FRAME_CREDIT:
        if (output == NULL) {
            return false;
        }
        if (frame->type == FRAME_READ) {
            output_read(output, frame->number, frame_second_number(frame));
        } else {
            output_credit(output, frame->number, frame_second_number(frame));
        }
        return true;
    case FRAME_DATA:
        return output == NULL &&
               input_take(&supervisor->input, frame->number, frame->payload) == STATUS_OK;
    case FRAME_END:
        return output == NULL && input_end(&supervisor->input, frame->number) == STATUS_OK;
    case FRAME_GAP:
    case FRAME_STATUS:
    case FRAME_EXIT:
        return false;
    }
    return false;
}

void
supervisor_receive(struct supervisor *supervisor)
{
    uint8_t message[FRAME_LENGTH_MAX + 1];
    for (unsigned i = 0; i < MESSAGES_A_TURN && supervisor->connection >= 0; i++) {
        struct frame frame;
        const ssize_t count =
            recv(supervisor->connection, message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (count <= 0 || (size_t)count > FRAME_LENGTH_MAX ||
            frame_parse(bytes_of(message, (size_t)count), &frame) != STATUS_OK ||
            !carry_out(supervisor, &frame)) {
            control_hang_up(supervisor);
        }
    }
}

/* True when it went out. */
static bool
send_frame(struct supervisor *supervisor, const struct frame *frame)
{
    uint8_t header[FRAME_HEADER_LENGTH];
    struct iovec parts[2] = {{.iov_base = header, .iov_len = sizeof header},
                             {.iov_len = frame->payload.length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    frame_header(frame, header);
    memcpy(&parts[1].iov_base, &frame->payload.data, sizeof parts[1].iov_base);
    if (sendmsg(supervisor->connection, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        return true;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
        supervisor->is_blocked = true;
    } else {
        control_hang_up(supervisor);
    }
    return false;
}

static bool
send_status(struct supervisor *supervisor, enum frame_type type)
{
    uint8_t memory[SUPERVISOR_STATUS_BYTES_MAX];
    struct buffer buffer;
    supervisor_refresh(supervisor);
    buffer_init(&buffer, memory, sizeof memory);
    supervisor_status_encode(&supervisor->status, &buffer);
    const struct frame frame = {.type = type, .payload = buffer_bytes(&buffer)};
    return send_frame(supervisor, &frame);
}

static bool
send_credit(struct supervisor *supervisor)
{
    uint8_t limit_bytes[8];
    uint64_t limit = 0;
    if (!input_credit_due(&supervisor->input, &limit)) {
        return true;
    }
    wire_store_u64(limit_bytes, limit);
    const struct frame frame = {.type = FRAME_CREDIT,
                                .number = supervisor->input.received,
                                .payload = bytes_of(limit_bytes, sizeof limit_bytes)};
    if (!send_frame(supervisor, &frame)) {
        return false;
    }
    supervisor->input.credited = limit;
    return true;
}

/* A frame of each output in turn, so that a flood on one does not starve the other. */
static void
send_outputs(struct supervisor *supervisor)
{
    uint8_t scratch[FRAME_PAYLOAD_MAX];
    for (unsigned i = 0; i < MESSAGES_A_TURN; i++) {
        bool sent = false;
        for (size_t j = 0; j < 2; j++) {
            struct frame frame;
            if (!output_next(&supervisor->outputs[j], scratch, &frame)) {
                continue;
            }
            if (!send_frame(supervisor, &frame)) {
                return;
            }
            output_sent(&supervisor->outputs[j], &frame);
            sent = true;
        }
        if (!sent) {
            return;
        }
    }
}

void
supervisor_send(struct supervisor *supervisor)
{
    supervisor->is_blocked = false;
    if (supervisor->connection < 0) {
        return;
    }
    if (supervisor->status_due) {
        if (!send_status(supervisor, FRAME_STATUS)) {
            return;
        }
        supervisor->status_due = false;
    }
    if (supervisor->exit_due) {
        if (!send_status(supervisor, FRAME_EXIT)) {
            return;
        }
        supervisor->exit_due = false;
        supervisor->exit_told = true;
    }
    if (send_credit(supervisor)) {
        send_outputs(supervisor);
    }
}
