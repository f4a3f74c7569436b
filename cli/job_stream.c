#include "cli/job_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/limits.h"

enum {
    WINDOW = STREAM_WINDOW_BYTES,
    ASK_STEP = STREAM_WINDOW_BYTES / 4,
    PIPE_STEP = 4096 /* a pipe that poll() calls writable takes so much without waiting */
};

/* A pipe is opened anew, so that only our own end of it never waits. */
static int
open_anew(int file)
{
    char path[64];
    struct stat found;
    if (fstat(file, &found) != 0 || !S_ISFIFO(found.st_mode)) {
        return -1;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

enum status
job_output_open(struct job_output *output, uint8_t number, int file)
{
    struct stat found;
    *output = (struct job_output){.number = number, .file = file};
    output->memory = malloc(WINDOW);
    if (output->memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    output->is_regular = fstat(file, &found) == 0 && S_ISREG(found.st_mode);
    const int own = open_anew(file);
    if (own >= 0) {
        output->file = own;
        output->owns_file = true;
    }
    return STATUS_OK;
}

void
job_output_close(struct job_output *output)
{
    if (output->owns_file) {
        close(output->file);
    }
    free(output->memory);
    *output = (struct job_output){.file = -1};
}

enum status
job_output_ask(struct job_output *output, struct connection *connection,
               const struct lease_id *lease, bool now)
{
    const uint64_t written = output->received - output->length;
    const uint64_t limit = written + WINDOW;
    if (output->has_ended || (!now && limit - output->limit < ASK_STEP)) {
        return STATUS_OK;
    }
    const struct stream_read_message read = {*lease, output->number, output->received, limit};
    enum status status = connection_send(connection, &stream_read_message_schema, &read);
    if (status == STATUS_OK) {
        output->limit = limit;
    }
    return status == STATUS_BUSY ? STATUS_OK : status; /* asked again with the next write */
}

enum status
job_output_take(struct job_output *output, const struct stream_data_message *data)
{
    struct bytes bytes = data->data;
    if (data->offset > output->received) {
        output->lost += data->offset - output->received;
        output->received = data->offset;
    }
    const uint64_t known = output->received - data->offset;
    if (known >= bytes.length) {
        return STATUS_OK;
    }
    bytes = bytes_of(bytes.data + known, bytes.length - (size_t)known);
    if (bytes.length > WINDOW - output->length) {
        return STATUS_CORRUPT;
    }
    if (bytes.length > WINDOW - output->start - output->length) {
        memmove(output->memory, output->memory + output->start, output->length);
        output->start = 0;
    }
    if (!output->is_broken) {
        memcpy(output->memory + output->start + output->length, bytes.data, bytes.length);
        output->length += bytes.length;
    }
    output->received += bytes.length;
    return STATUS_OK;
}

static bool
is_writable(int file)
{
    struct pollfd poll_one = {.fd = file, .events = POLLOUT};
    return poll(&poll_one, 1, 0) == 1;
}

void
job_output_write(struct job_output *output)
{
    const bool takes_all = output->is_regular || output->owns_file;
    while (output->length > 0 && (takes_all || is_writable(output->file))) {
        const size_t step =
            takes_all || output->length < PIPE_STEP ? output->length : (size_t)PIPE_STEP;
        const ssize_t wrote = write(output->file, output->memory + output->start, step);
        if (wrote > 0) {
            output->start += (size_t)wrote;
            output->length -= (size_t)wrote;
        } else if (wrote < 0 && errno == EAGAIN) {
            return;
        } else if (wrote == 0 || errno != EINTR) {
            output->is_broken = true;
            output->length = 0;
        }
    }
    if (output->length == 0) {
        output->start = 0;
    }
}

bool
job_output_is_over(const struct job_output *output)
{
    return output->has_ended && output->length == 0 && output->received >= output->end;
}

bool
job_input_wants(const struct job_input *input)
{
    return !input->is_over && input->offset < input->limit;
}

static enum status
end_input(struct job_input *input, struct connection *connection, const struct lease_id *lease)
{
    const struct stream_end_message end = {*lease, 0, input->offset, 0};
    enum status status = connection_send(connection, &stream_end_message_schema, &end);
    input->is_over = status == STATUS_OK;
    return status == STATUS_BUSY ? STATUS_OK : status;
}

enum status
job_input_pump(struct job_input *input, struct connection *connection, const struct lease_id *lease)
{
    uint8_t bytes[STREAM_FRAME_BYTES_MAX];
    const uint64_t room = input->limit - input->offset;
    const size_t most = room < sizeof bytes ? (size_t)room : sizeof bytes;
    const ssize_t got = read(input->file, bytes, most);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return STATUS_OK;
    }
    if (got <= 0) {
        return end_input(input, connection, lease);
    }
    const struct stream_data_message data = {*lease, 0, input->offset,
                                             bytes_of(bytes, (size_t)got)};
    enum status status;
    /* What was read cannot be put back; the window keeps the queue short, so this hardly waits. */
    while ((status = connection_send(connection, &stream_data_message_schema, &data)) ==
           STATUS_BUSY) {
        status = connection_wait(connection, NULL, 0, 10);
        if (status != STATUS_OK) {
            return status;
        }
    }
    input->offset += (uint64_t)got;
    return status;
}
