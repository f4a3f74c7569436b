#include <signal.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/log.h"
#include "node/io/streams_served.h"
#include "protocol/codec.h"
#include "protocol/message.h"

enum { ENCODED_MAX = STREAM_FRAME_BYTES_MAX + 256 };

static enum status
send_to(struct streams_host *host, uint32_t routing, const struct schema *schema,
        const void *message)
{
    uint8_t memory[ENCODED_MAX];
    uint8_t id[ROUTING_LENGTH] = {0};
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    memcpy(id + 1, &routing, sizeof routing);
    const enum status status = message_encode(schema, message, &buffer);
    if (status != STATUS_OK) {
        return status;
    }
    if (zmq_send(host->router, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(host->router, buffer.data, buffer.length, ZMQ_DONTWAIT) < 0) {
        return zmq_errno() == EAGAIN ? STATUS_BUSY : STATUS_DISCONNECTED;
    }
    return STATUS_OK;
}

bool
served_send(struct streams_host *host, struct served *served, const struct schema *schema,
            const void *message)
{
    if (!served->has_reader) {
        return true;
    }
    const enum status status = send_to(host, served->routing, schema, message);
    if (status == STATUS_DISCONNECTED) {
        served->has_reader = false;
        served->heard_ms = clock_boot_ms();
    }
    return status != STATUS_BUSY;
}

static void
refuse(struct streams_host *host, uint32_t routing, const struct lease_id *lease, const char *why)
{
    const struct stream_refused_message message = {.lease = *lease, .text = bytes_of_text(why)};
    if (send_to(host, routing, &stream_refused_message_schema, &message) != STATUS_OK) {
        log_line(LOG_DEBUG, "a reader could not be told that it is refused");
    }
}

void
served_send_credit(struct streams_host *host, struct served *served)
{
    struct stream_credit_message message = {.lease = served->lease};
    if (jobs_credit(host->options->jobs, &served->lease, &message.offset, &message.limit)) {
        stream_input_acknowledge(&served->input, message.offset);
    }
    (void)served_send(host, served, &stream_credit_message_schema, &message);
}

bool
served_send_end(struct streams_host *host, struct served *served, uint8_t stream, uint64_t offset)
{
    struct served_output *output = &served->outputs[stream - 1];
    const struct stream_end_message message = {.lease = served->lease,
                                               .stream = stream,
                                               .offset = offset,
                                               .dropped = served->end.dropped_bytes[stream - 1]};
    if (output->has_ended || !served->has_reader) {
        return true;
    }
    output->has_ended = served_send(host, served, &stream_end_message_schema, &message);
    return output->has_ended;
}

void
served_send_exit_if_due(struct streams_host *host, struct served *served)
{
    if (!served->is_over || served->exit_is_sent || !served->has_reader ||
        !served->outputs[0].has_ended || !served->outputs[1].has_ended) {
        return;
    }
    const struct stream_exit_message message = {.lease = served->lease,
                                                .code = (uint8_t)served->end.exit_code,
                                                .signal = (uint8_t)served->end.signal_number,
                                                .reason = jobs_end_reason(served->end.end)};
    served->exit_is_sent = served_send(host, served, &stream_exit_message_schema, &message);
}

static void
take_open(struct streams_host *host, struct served *served, uint32_t routing, struct bytes frame)
{
    struct stream_open_message open;
    if (message_decode(&stream_open_message_schema, frame, &open) != STATUS_OK) {
        return;
    }
    if (served->has_reader && served->routing != routing) {
        refuse(host, served->routing, &served->lease, "another command reads this job now");
    }
    if (served->token != open.token) {
        stream_input_clear(&served->input);
    }
    served->has_reader = true;
    served->routing = routing;
    served->token = open.token;
    served->exit_is_sent = false;
    memset(served->outputs, 0, sizeof served->outputs);
    served_send_credit(host, served);
}

static void
take_read(struct served *served, struct bytes frame)
{
    struct stream_read_message read;
    if (message_decode(&stream_read_message_schema, frame, &read) != STATUS_OK ||
        read.stream < WORKLOAD_STDOUT || read.stream > WORKLOAD_STDERR ||
        read.limit > read.offset + 4 * STREAM_WINDOW_BYTES) {
        return;
    }
    struct served_output *output = &served->outputs[read.stream - 1];
    if (!output->is_read) {
        *output =
            (struct served_output){.is_read = true, .must_seek = true, .position = read.offset};
    }
    output->offset = read.offset > output->offset ? read.offset : output->offset;
    output->limit = read.limit > output->limit ? read.limit : output->limit;
    output->must_credit = true;
}

static void
take_input(struct streams_host *host, struct served *served, struct bytes frame)
{
    struct stream_data_message data;
    if (message_decode(&stream_data_message_schema, frame, &data) != STATUS_OK ||
        data.stream != WORKLOAD_STDIN) {
        return;
    }
    if (served->input.length == 0) {
        /* After a restart of ours the reader goes on from what it was told has arrived; if that were
         * a lie, the supervisor would refuse the gap. */
        stream_input_acknowledge(&served->input, data.offset);
    }
    const enum status status = stream_input_append(&served->input, data.offset, data.data);
    if (status != STATUS_OK) {
        refuse(host, served->routing, &served->lease, "input came beyond the window");
        served->has_reader = false;
    }
}

static void
take_input_end(struct served *served, struct bytes frame)
{
    struct stream_end_message end;
    if (message_decode(&stream_end_message_schema, frame, &end) == STATUS_OK &&
        end.stream == WORKLOAD_STDIN) {
        stream_input_end(&served->input, end.offset);
    }
}

/* Only signals that a person at a terminal can send. */
static void
take_signal(struct streams_host *host, struct served *served, struct bytes frame)
{
    static const int allowed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
    struct stream_signal_message message;
    struct workload *workload = jobs_workload(host->options->jobs, &served->lease);
    if (workload == NULL ||
        message_decode(&stream_signal_message_schema, frame, &message) != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (message.signal == allowed[i] && workload_signal(workload, allowed[i]) != STATUS_OK) {
            log_line(LOG_DEBUG, "a signal for a job was lost: its supervisor is busy");
        }
    }
}

/* Every stream message begins with the lease. */
static bool
lease_of(uint8_t type, struct bytes frame, struct lease_id *ret_lease)
{
    union {
        struct stream_open_message open;
        struct stream_read_message read;
        struct stream_data_message data;
        struct stream_credit_message credit;
        struct stream_end_message end;
        struct stream_signal_message signal;
    } message;
    const struct schema *schema = message_schema(type);
    if (schema == NULL || schema->struct_size > sizeof message ||
        message_decode(schema, frame, &message) != STATUS_OK) {
        return false;
    }
    memcpy(ret_lease, &message, sizeof *ret_lease); /* the first member of all of them */
    return true;
}

void
served_take_frame(struct streams_host *host, uint32_t routing, const struct channel_key *key,
                  struct bytes frame)
{
    uint8_t type = 0;
    struct lease_id lease;
    if (message_type(frame, &type) != STATUS_OK || type < MESSAGE_STREAM_OPEN ||
        type > MESSAGE_STREAM_SIGNAL || !lease_of(type, frame, &lease)) {
        return;
    }
    struct served *served = served_find(host, &lease);
    if (served == NULL || !channel_key_equal(&served->key, key)) {
        refuse(host, routing, &lease, "these streams are not open to this key");
        return;
    }
    const bool is_reader = served->has_reader && served->routing == routing;
    if (is_reader || type == MESSAGE_STREAM_OPEN) {
        served->heard_ms = clock_boot_ms();
    }
    if (type == MESSAGE_STREAM_OPEN) {
        take_open(host, served, routing, frame);
    } else if (!is_reader) {
        return; /* from before another reader came */
    } else if (type == MESSAGE_STREAM_READ) {
        take_read(served, frame);
    } else if (type == MESSAGE_STREAM_DATA) {
        take_input(host, served, frame);
    } else if (type == MESSAGE_STREAM_END) {
        take_input_end(served, frame);
    } else if (type == MESSAGE_STREAM_SIGNAL) {
        take_signal(host, served, frame);
    }
}
