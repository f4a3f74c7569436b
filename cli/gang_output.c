#include "cli/gang_output.h"

#include <stdio.h>
#include <string.h>

#include "protocol/limits.h"

/* A frame of empty lines grows by the rank before each. */
enum { WINDOW = 65536, PREFIX_SIZE = 16, ROOM = STREAM_FRAME_BYTES_MAX * 10 };

enum status
gang_output_ask(struct gang_output *output, struct connection *connection,
                const struct lease_id *lease)
{
    if (output->has_ended || output->limit - output->received > WINDOW / 2) {
        return STATUS_OK;
    }
    const uint64_t limit = output->received + WINDOW;
    const struct stream_read_message read = {*lease, output->number, output->received, limit};
    enum status status = connection_send(connection, &stream_read_message_schema, &read);
    if (status == STATUS_OK) {
        output->limit = limit;
    }
    return status == STATUS_BUSY ? STATUS_OK : status; /* asked again with the next frame */
}

static enum status
put(struct job_output *sink, const void *data, size_t length)
{
    const struct stream_data_message message = {.offset = sink->received,
                                                .data = bytes_of(data, length)};
    return length == 0 ? STATUS_OK : job_output_take(sink, &message);
}

static enum status
put_line(struct gang_output *output, const struct gang_line *line)
{
    char prefix[PREFIX_SIZE];
    enum status status = STATUS_OK;
    if (line->sink != NULL && !line->is_plain) {
        const int length = snprintf(prefix, sizeof prefix, "[%u] ", line->rank);
        status = put(line->sink, prefix, (size_t)length);
    }
    if (line->sink != NULL && status == STATUS_OK) {
        status = put(line->sink, output->line, output->length);
    }
    output->length = 0;
    return status;
}

static enum status
take_bytes(struct gang_output *output, struct bytes bytes, const struct gang_line *line)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < bytes.length; i++) {
        output->line[output->length++] = bytes.data[i];
        if (bytes.data[i] == '\n') {
            status = put_line(output, line);
        } else if (output->length == GANG_LINE_MAX - 1) {
            if (!line->is_plain) {
                output->line[output->length++] = '\n'; /* too long: it is cut into several */
            }
            status = put_line(output, line);
        }
    }
    return status;
}

enum status
gang_output_take(struct gang_output *output, const struct stream_data_message *data,
                 const struct gang_line *line)
{
    struct bytes bytes = data->data;
    if (data->offset > output->received) {
        output->received = data->offset; /* its host did not keep what was before */
    }
    const uint64_t known = output->received - data->offset;
    if (known >= bytes.length) {
        return STATUS_OK;
    }
    bytes = bytes_of(bytes.data + known, bytes.length - (size_t)known);
    output->received += bytes.length;
    if (line->is_plain) {
        return line->sink == NULL ? STATUS_OK : put(line->sink, bytes.data, bytes.length);
    }
    return take_bytes(output, bytes, line);
}

void
gang_output_flush(struct gang_output outputs[2], struct job_output sinks[2], uint16_t rank)
{
    for (size_t i = 0; i < 2; i++) {
        const struct gang_line line = {.sink = &sinks[i], .rank = rank};
        if (outputs[i].length > 0 && outputs[i].length < GANG_LINE_MAX) {
            outputs[i].line[outputs[i].length++] = '\n';
            if (put_line(&outputs[i], &line) == STATUS_OK) {
                job_output_write(&sinks[i]);
            }
        }
    }
}

bool
gang_output_is_over(const struct gang_output *output)
{
    return output->has_ended && output->received >= output->end;
}

bool
gang_sink_has_room(const struct job_output *sink)
{
    return sink->length + ROOM <= STREAM_WINDOW_BYTES;
}
