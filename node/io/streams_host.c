#include "node/io/streams_host.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/curve.h"
#include "node/io/log.h"
#include "node/io/stream_input.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/message.h"

enum {
    SERVED_MAX = LEASES_OPEN_MAX,
    SEND_FRAMES_MAX = 2000,
    RECEIVE_FRAMES_MAX = 1000,
    FRAMES_A_ROUND = 128,
    LOG_FRAMES_A_ROUND = 8,
    ROUTING_LENGTH = 5,
    GONE_MS = 3000,
    RETRY_MS = 20,
    GAP_STEP = 4096,
    ENCODED_MAX = STREAM_FRAME_BYTES_MAX + 256
};

static const char domain[] = "streams";

/* One output as its reader sees it. */
struct served_output {
    uint64_t offset; /* of the last READ */
    uint64_t limit;
    uint64_t position; /* of the next byte to send, once sent from */
    bool is_read;      /* a READ has come since the OPEN */
    bool must_seek;    /* the supervisor is to begin at `offset` */
    bool must_credit;  /* the supervisor is to be told of offset and limit */
    bool has_ended;    /* END was sent to this reader */
};

/* A lease whose streams somebody may have. */
struct served {
    bool is_used;
    bool has_reader;
    bool is_missed; /* EVENT_READER_GONE was given */
    struct lease_id lease;
    struct channel_key key;
    uint32_t routing;
    uint64_t token;
    int64_t heard_ms;
    struct served_output outputs[2]; /* stream 1, stream 2 */
    bool eof_is_known[2];
    uint64_t eof[2]; /* length of stream 1, stream 2 */
    struct stream_input input;
    bool is_over; /* the job has ended: `end` says how */
    bool exit_is_sent;
    struct workload_status end;
};

struct streams_host {
    const struct streams_options *options;
    void *router;
    char endpoint[ENDPOINT_SIZE];
    size_t place;
    struct served list[SERVED_MAX];
};

static bool
admits(void *context, const struct zap_question *question)
{
    const struct streams_host *host = context;
    for (size_t i = 0; i < SERVED_MAX; i++) {
        if (host->list[i].is_used && channel_key_equal(&host->list[i].key, &question->key)) {
            return true;
        }
    }
    return false;
}

static struct served *
find(struct streams_host *host, const struct lease_id *lease)
{
    for (size_t i = 0; i < SERVED_MAX; i++) {
        if (host->list[i].is_used && lease_id_equal(&host->list[i].lease, lease)) {
            return &host->list[i];
        }
    }
    return NULL;
}

/* Sending ------------------------------------------------------------------------------------ */

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

/* False when the reader's queue is full. A reader that is gone takes everything: it comes back and
 * says from where it wants it. */
static bool
send_reader(struct streams_host *host, struct served *served, const struct schema *schema,
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

static void
send_credit(struct streams_host *host, struct served *served)
{
    struct stream_credit_message message = {.lease = served->lease};
    if (jobs_credit(host->options->jobs, &served->lease, &message.offset, &message.limit)) {
        stream_input_acknowledge(&served->input, message.offset);
        (void)send_reader(host, served, &stream_credit_message_schema, &message);
    }
}

static bool
send_end(struct streams_host *host, struct served *served, uint8_t stream, uint64_t offset)
{
    struct served_output *output = &served->outputs[stream - 1];
    const struct stream_end_message message = {.lease = served->lease,
                                               .stream = stream,
                                               .offset = offset,
                                               .dropped = served->end.dropped_bytes[stream - 1]};
    if (output->has_ended || !served->has_reader) {
        return true;
    }
    output->has_ended = send_reader(host, served, &stream_end_message_schema, &message);
    return output->has_ended;
}

/* After all output, so that who reads in order has everything. */
static void
send_exit_if_due(struct streams_host *host, struct served *served)
{
    if (!served->is_over || served->exit_is_sent || !served->has_reader ||
        !served->outputs[0].has_ended || !served->outputs[1].has_ended) {
        return;
    }
    const struct stream_exit_message message = {.lease = served->lease,
                                                .code = (uint8_t)served->end.exit_code,
                                                .signal = (uint8_t)served->end.signal_number,
                                                .reason = jobs_end_reason(served->end.end)};
    served->exit_is_sent = send_reader(host, served, &stream_exit_message_schema, &message);
}

/* What the supervisor says -------------------------------------------------------------------- */

static bool
take_output(struct streams_host *host, struct served *served, const struct workload_event *event)
{
    struct served_output *output = &served->outputs[event->stream - 1];
    const struct stream_data_message message = {.lease = served->lease,
                                                .stream = (uint8_t)event->stream,
                                                .offset = event->offset,
                                                .data = event->data};
    if (!output->is_read || output->must_seek || event->data.length == 0) {
        return true; /* from before the reader's OPEN: it is sent again from where it wants it */
    }
    if (!send_reader(host, served, &stream_data_message_schema, &message)) {
        return false;
    }
    output->position = event->offset + event->data.length;
    return true;
}

/* The reader's limit may lie before what is left; a few bytes tell it where we are. */
static void
take_gap(struct served *served, const struct workload_event *event)
{
    struct served_output *output = &served->outputs[event->stream - 1];
    output->position = event->offset;
    if (event->offset >= output->limit) {
        output->offset = event->offset;
        output->limit = event->offset + GAP_STEP;
        output->must_credit = true;
    }
}

static bool
take_workload_event(void *context, const struct lease_id *lease, const struct workload_event *event)
{
    struct streams_host *host = context;
    struct served *served = find(host, lease);
    if (served == NULL) {
        return true;
    }
    const bool is_output = event->stream == WORKLOAD_STDOUT || event->stream == WORKLOAD_STDERR;
    switch (event->kind) {
    case WORKLOAD_EVENT_STATUS:
        served->end = event->status;
        return true;
    case WORKLOAD_EVENT_DATA:
        return !is_output || take_output(host, served, event);
    case WORKLOAD_EVENT_GAP:
        if (is_output) {
            take_gap(served, event);
        }
        return true;
    case WORKLOAD_EVENT_EOF:
        if (is_output) {
            served->eof_is_known[event->stream - 1] = true;
            served->eof[event->stream - 1] = event->offset;
        }
        return true;
    case WORKLOAD_EVENT_CREDIT:
        send_credit(host, served);
        return true;
    case WORKLOAD_EVENT_EXIT:
        served->end = event->status;
        served->is_over = true;
        return true;
    }
    return true;
}

/* What the reader says ------------------------------------------------------------------------ */

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
    send_credit(host, served);
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

static void
take_frame(struct streams_host *host, uint32_t routing, const struct channel_key *key,
           struct bytes frame)
{
    uint8_t type = 0;
    struct lease_id lease;
    if (message_type(frame, &type) != STATUS_OK || type < MESSAGE_STREAM_OPEN ||
        type > MESSAGE_STREAM_SIGNAL || !lease_of(type, frame, &lease)) {
        return;
    }
    struct served *served = find(host, &lease);
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

/* One message of the ROUTER; false when there is none. */
static bool
receive_message(struct streams_host *host)
{
    zmq_msg_t routing;
    zmq_msg_t message;
    zmq_msg_init(&routing);
    zmq_msg_init(&message);
    const bool got = zmq_msg_recv(&routing, host->router, ZMQ_DONTWAIT) >= 0;
    if (got && zmq_msg_more(&routing) != 0 &&
        zmq_msg_recv(&message, host->router, ZMQ_DONTWAIT) >= 0) {
        bool more = zmq_msg_more(&message) != 0;
        const uint8_t *id = zmq_msg_data(&routing);
        struct channel_key key;
        if (!more && zmq_msg_size(&routing) == ROUTING_LENGTH && id[0] == 0 &&
            zap_key_of(&message, &key)) {
            uint32_t number = 0;
            memcpy(&number, id + 1, sizeof number);
            take_frame(host, number, &key,
                       bytes_of(zmq_msg_data(&message), zmq_msg_size(&message)));
        }
        while (more) {
            more = zmq_msg_recv(&message, host->router, ZMQ_DONTWAIT) >= 0 &&
                   zmq_msg_more(&message) != 0;
        }
    }
    zmq_msg_close(&routing);
    zmq_msg_close(&message);
    return got;
}

/* The rounds ---------------------------------------------------------------------------------- */

static void
pump_input(struct served *served, struct workload *workload)
{
    struct stream_input *input = &served->input;
    struct bytes next = stream_input_next(input);
    while (next.length > 0 && workload_write_stdin(workload, input->sent, next) == STATUS_OK) {
        stream_input_was_sent(input, next.length);
        stream_input_acknowledge(input, input->sent);
        next = stream_input_next(input);
    }
    if (stream_input_end_is_due(input) && workload_close_stdin(workload, input->end) == STATUS_OK) {
        input->end_is_sent = true;
    }
}

/* The supervisor says the end of a stream once; each reader that comes to it is told here. */
static void
pump_output(struct streams_host *host, struct served *served, struct workload *workload,
            enum workload_stream stream)
{
    struct served_output *output = &served->outputs[stream - 1];
    if (output->is_read && !output->has_ended && served->eof_is_known[stream - 1] &&
        output->position >= served->eof[stream - 1]) {
        (void)send_end(host, served, (uint8_t)stream, served->eof[stream - 1]);
    }
    if (output->must_seek) {
        if (workload_read(workload, stream, output->position, output->limit) == STATUS_OK) {
            output->must_seek = false;
            output->must_credit = false;
        }
    } else if (output->must_credit &&
               workload_credit(workload, stream, output->offset, output->limit) == STATUS_OK) {
        output->must_credit = false;
    }
}

/* Without a supervisor the job's files have it. True when there is more for another round. */
static bool
pump_log(struct streams_host *host, struct served *served, enum workload_stream stream)
{
    struct served_output *output = &served->outputs[stream - 1];
    char path[JOB_PATH_SIZE];
    uint8_t memory[STREAM_FRAME_BYTES_MAX];
    output->must_seek = false;
    output->must_credit = false;
    jobs_path(host->options->jobs, &served->lease, path);
    for (int i = 0; i < LOG_FRAMES_A_ROUND; i++) {
        if (!output->is_read || output->has_ended || output->position >= output->limit) {
            return false;
        }
        struct buffer buffer;
        uint64_t next = output->position;
        buffer_init(&buffer, memory, sizeof memory);
        const enum status status =
            workload_log_read(path, stream, output->position, &buffer, &next);
        if (status == STATUS_NOT_FOUND && next > output->position) {
            output->position = next;
            output->limit = output->limit > next ? output->limit : next + GAP_STEP;
            continue;
        }
        const uint64_t room = output->limit - output->position;
        const size_t length = buffer.length < room ? buffer.length : (size_t)room;
        if (status != STATUS_OK || length == 0) {
            return !send_end(host, served, (uint8_t)stream, output->position);
        }
        const struct stream_data_message message = {.lease = served->lease,
                                                    .stream = (uint8_t)stream,
                                                    .offset = output->position,
                                                    .data = bytes_of(memory, length)};
        if (!send_reader(host, served, &stream_data_message_schema, &message)) {
            return true;
        }
        output->position += length;
    }
    return true;
}

static bool
pump(struct streams_host *host, struct served *served)
{
    struct workload *workload = jobs_workload(host->options->jobs, &served->lease);
    bool more = false;
    if (workload != NULL) {
        pump_input(served, workload);
        pump_output(host, served, workload, WORKLOAD_STDOUT);
        pump_output(host, served, workload, WORKLOAD_STDERR);
    } else if (served->has_reader && jobs_is_over(host->options->jobs, &served->lease)) {
        char path[JOB_PATH_SIZE];
        jobs_path(host->options->jobs, &served->lease, path);
        if (!served->is_over) {
            served->is_over = workload_read_status(path, &served->end) == STATUS_OK;
        }
        more = pump_log(host, served, WORKLOAD_STDOUT);
        more = pump_log(host, served, WORKLOAD_STDERR) || more;
    }
    send_exit_if_due(host, served);
    return more;
}

/* The reader had everything, with the exit, and has gone: the supervisor may forget it and leave. */
static void
dismiss_supervisor(struct streams_host *host, struct served *served)
{
    struct workload *workload = jobs_workload(host->options->jobs, &served->lease);
    for (size_t i = 0; i < 2 && workload != NULL && served->exit_is_sent; i++) {
        served->outputs[i].offset = served->outputs[i].position;
        served->outputs[i].limit = served->outputs[i].position;
        served->outputs[i].must_credit = true;
    }
}

static void
watch_reader(struct streams_host *host, struct served *served, int64_t now_ms,
             const struct sink *sink)
{
    const bool is_away = now_ms - served->heard_ms > GONE_MS;
    if (served->token == 0 || is_away == served->is_missed) {
        return; /* nobody has ever opened it, or nothing is new */
    }
    served->is_missed = is_away;
    if (is_away) {
        dismiss_supervisor(host, served);
    }
    const struct event event = {.type = is_away ? EVENT_READER_GONE : EVENT_READER_BACK,
                                .as.lease = served->lease};
    sink->take(sink->context, &event);
}

bool
streams_host_receive(struct streams_host *host, const struct poll_set *set, const struct sink *sink)
{
    bool more = poll_set_is_ready(set, host->place);
    for (int i = 0; more && i < FRAMES_A_ROUND; i++) {
        more = receive_message(host);
    }
    const int64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < SERVED_MAX; i++) {
        struct served *served = &host->list[i];
        if (served->is_used) {
            more = pump(host, served) || more;
            watch_reader(host, served, now_ms, sink);
        }
    }
    return more;
}

int64_t
streams_host_deadline_ms(const struct streams_host *host)
{
    int64_t due = INT64_MAX;
    const int64_t soon = clock_boot_ms() + RETRY_MS;
    for (size_t i = 0; i < SERVED_MAX; i++) {
        const struct served *served = &host->list[i];
        if (!served->is_used || served->token == 0) {
            continue;
        }
        const bool waits = (served->has_reader && served->is_over && !served->exit_is_sent) ||
                           served->outputs[0].must_seek || served->outputs[0].must_credit ||
                           served->outputs[1].must_seek || served->outputs[1].must_credit ||
                           stream_input_next(&served->input).length > 0 ||
                           stream_input_end_is_due(&served->input);
        const int64_t gone = served->heard_ms + GONE_MS + 1;
        const int64_t next = waits ? soon : served->is_missed ? INT64_MAX : gone;
        due = next < due ? next : due;
    }
    return due;
}

void
streams_host_add_to_poll(struct streams_host *host, struct poll_set *set)
{
    host->place = poll_set_add_socket(set, host->router);
}

void
streams_host_allow(struct streams_host *host, const struct lease_id *lease,
                   const struct channel_key *key)
{
    struct served *served = find(host, lease);
    for (size_t i = 0; i < SERVED_MAX && served == NULL; i++) {
        served = host->list[i].is_used ? NULL : &host->list[i];
    }
    for (size_t i = 0; i < SERVED_MAX && served == NULL; i++) {
        struct served *old = &host->list[i];
        const bool is_read = old->has_reader && !old->is_missed;
        if (!is_read && jobs_is_over(host->options->jobs, &old->lease)) {
            streams_host_forbid(host, &old->lease); /* its reader had it, or asks again */
            served = old;
        }
    }
    if (served == NULL) {
        log_line(LOG_ERROR, "too many leases have streams");
        return;
    }
    if (!served->is_used) {
        *served = (struct served){.is_used = true, .lease = *lease};
    }
    served->key = *key;
}

void
streams_host_forbid(struct streams_host *host, const struct lease_id *lease)
{
    struct served *served = find(host, lease);
    if (served != NULL) {
        stream_input_clear(&served->input);
        *served = (struct served){.is_used = false};
    }
}

enum status
streams_host_open(const struct streams_options *options, struct streams_host **ret_host)
{
    struct streams_host *host = calloc(1, sizeof *host);
    if (host == NULL) {
        return STATUS_NO_MEMORY;
    }
    host->options = options;
    const struct curve_options curve = {.zmq = options->zmq,
                                        .keypair = options->keypair,
                                        .send_frames_max = SEND_FRAMES_MAX,
                                        .receive_frames_max = RECEIVE_FRAMES_MAX,
                                        .domain = domain};
    const struct zap_judge judge = {.domain = domain, .admits = admits, .context = host};
    const struct jobs_listener listener = {.take = take_workload_event, .context = host};
    size_t size = sizeof host->endpoint;
    zap_add_judge(options->zap, &judge);
    host->router = curve_open_router(&curve);
    if (host->router == NULL || zmq_bind(host->router, options->listen) != 0 ||
        zmq_getsockopt(host->router, ZMQ_LAST_ENDPOINT, host->endpoint, &size) != 0) {
        streams_host_close(host);
        return STATUS_SYSTEM;
    }
    if (options->jobs != NULL) {
        jobs_set_listener(options->jobs, &listener);
    }
    *ret_host = host;
    return STATUS_OK;
}

void
streams_host_close(struct streams_host *host)
{
    if (host == NULL) {
        return;
    }
    for (size_t i = 0; i < SERVED_MAX; i++) {
        stream_input_clear(&host->list[i].input);
    }
    curve_close(host->router);
    free(host);
}

const char *
streams_host_endpoint(const struct streams_host *host)
{
    return host->endpoint;
}
