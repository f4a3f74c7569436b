#include "node/io/log.h"
#include "node/io/streams_served.h"
#include "protocol/message.h"

enum { LOG_FRAMES_A_ROUND = 8, GAP_STEP = 4096 };

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
    if (!served_send(host, served, &stream_data_message_schema, &message)) {
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

bool
served_take_event(void *context, const struct lease_id *lease, const struct workload_event *event)
{
    struct streams_host *host = context;
    struct served *served = served_find(host, lease);
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
        served_send_credit(host, served);
        return true;
    case WORKLOAD_EVENT_EXIT:
        served->end = event->status;
        served->is_over = true;
        return true;
    }
    return true;
}

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
        (void)served_send_end(host, served, (uint8_t)stream, served->eof[stream - 1]);
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
            return !served_send_end(host, served, (uint8_t)stream, output->position);
        }
        const struct stream_data_message message = {.lease = served->lease,
                                                    .stream = (uint8_t)stream,
                                                    .offset = output->position,
                                                    .data = bytes_of(memory, length)};
        if (!served_send(host, served, &stream_data_message_schema, &message)) {
            return true;
        }
        output->position += length;
    }
    return true;
}

bool
served_pump(struct streams_host *host, struct served *served)
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
        if (served->is_over) { /* else there was no job yet */
            more = pump_log(host, served, WORKLOAD_STDOUT);
            more = pump_log(host, served, WORKLOAD_STDERR) || more;
        }
    }
    served_send_exit_if_due(host, served);
    return more;
}

void
served_dismiss_supervisor(struct streams_host *host, struct served *served)
{
    struct workload *workload = jobs_workload(host->options->jobs, &served->lease);
    for (size_t i = 0; i < 2 && workload != NULL && served->exit_is_sent; i++) {
        served->outputs[i].offset = served->outputs[i].position;
        served->outputs[i].limit = served->outputs[i].position;
        served->outputs[i].must_credit = true;
    }
}
