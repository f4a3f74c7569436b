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

void
job_output_restart(struct job_output *output)
{
    output->limit = output->received;
}

enum status
job_input_open(struct job_input *input, int file)
{
    *input = (struct job_input){.file = file, .is_over = file < 0};
    input->memory = file < 0 ? NULL : malloc(WINDOW);
    return file >= 0 && input->memory == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void
job_input_close(struct job_input *input)
{
    free(input->memory);
    *input = (struct job_input){.file = -1, .is_over = true};
}

bool
job_input_wants(const struct job_input *input)
{
    return !input->is_over && !input->has_ended && input->read < input->limit &&
           input->read - input->kept < WINDOW;
}

void
job_input_read(struct job_input *input)
{
    const size_t held = (size_t)(input->read - input->kept);
    const uint64_t asked = input->limit - input->read;
    const size_t room = WINDOW - held;
    const size_t most = asked < room ? (size_t)asked : room;
    const ssize_t got = read(input->file, input->memory + held, most);
    if (got > 0) {
        input->read += (uint64_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        input->has_ended = true;
    }
}

static enum status
send_end(struct job_input *input, struct connection *connection, const struct lease_id *lease)
{
    const struct stream_end_message end = {*lease, 0, input->read, 0};
    enum status status = connection_send(connection, &stream_end_message_schema, &end);
    input->end_is_sent = status == STATUS_OK;
    return status;
}

enum status
job_input_send(struct job_input *input, struct connection *connection, const struct lease_id *lease)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !input->is_over && input->sent < input->read &&
           input->sent < input->limit) {
        const uint64_t end = input->read < input->limit ? input->read : input->limit;
        const uint64_t left = end - input->sent;
        const size_t length =
            left < STREAM_FRAME_BYTES_MAX ? (size_t)left : (size_t)STREAM_FRAME_BYTES_MAX;
        const uint8_t *from = input->memory + (input->sent - input->kept);
        const struct stream_data_message data = {*lease, 0, input->sent, bytes_of(from, length)};
        status = connection_send(connection, &stream_data_message_schema, &data);
        input->sent += status == STATUS_OK ? length : 0;
    }
    if (status == STATUS_OK && !input->is_over && input->has_ended && !input->end_is_sent &&
        input->sent == input->read) {
        status = send_end(input, connection, lease);
    }
    return status == STATUS_BUSY ? STATUS_OK : status; /* sent with the next turn */
}

void
job_input_credit(struct job_input *input, uint64_t offset, uint64_t limit)
{
    if (input->memory == NULL || offset > input->read) {
        return; /* nobody can have more than was read */
    }
    if (offset > input->kept) {
        const size_t gone = (size_t)(offset - input->kept);
        memmove(input->memory, input->memory + gone, (size_t)(input->read - offset));
        input->kept = offset;
        input->sent = input->sent < offset ? offset : input->sent;
    }
    input->limit = limit > input->limit ? limit : input->limit;
}

void
job_input_restart(struct job_input *input)
{
    input->sent = input->kept;
    input->limit = input->kept;
    input->end_is_sent = false;
}
