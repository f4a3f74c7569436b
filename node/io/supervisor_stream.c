#include "node/io/supervisor_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/io/supervisor_file.h"
#include "node/io/supervisor_wire.h"

enum { RING = WORKLOAD_RING_BYTES, WINDOW = WORKLOAD_STDIN_WINDOW };

static uint64_t
larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum status
output_init(struct output_stream *output, enum workload_stream stream, int pipe, int log)
{
    *output = (struct output_stream){.stream = stream, .pipe = pipe, .log = log};
    output->ring = malloc(RING);
    return output->ring == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

static void
close_pipe(int *pipe)
{
    if (*pipe >= 0) {
        close(*pipe);
        *pipe = -1;
    }
}

void
output_clear(struct output_stream *output)
{
    close_pipe(&output->pipe);
    close_pipe(&output->log);
    free(output->ring);
    output->ring = NULL;
}

/* How many bytes more the ring takes without losing one that is still owed. */
static uint64_t
room(const struct output_stream *output)
{
    const bool logs = output->logged == output->total && output->logged < output->log_cap;
    if (!output->attached || logs) {
        return RING;
    }
    const uint64_t safe = larger(output->acknowledged, output->logged);
    return RING - (output->total - safe);
}

bool
output_wants_pipe(const struct output_stream *output)
{
    return output->pipe >= 0 && room(output) > 0;
}

/* Adds the part below the cap; a disk without space ends the log for good. */
static void
append_to_log(struct output_stream *output, const uint8_t *data, size_t length)
{
    if (output->logged != output->total || output->logged >= output->log_cap) {
        return;
    }
    size_t left = (size_t)smaller(length, output->log_cap - output->logged);
    while (left > 0) {
        const ssize_t written = pwrite(output->log, data, left, (off_t)output->logged);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            output->log_cap = output->logged;
            return;
        }
        output->logged += (uint64_t)written;
        data += written;
        left -= (size_t)written;
    }
}

bool
output_fill(struct output_stream *output)
{
    const size_t at = (size_t)(output->total % RING);
    const size_t most = (size_t)smaller(room(output), RING - at);
    const ssize_t count = read(output->pipe, output->ring + at, most);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (count <= 0) {
        close_pipe(&output->pipe);
        return true;
    }
    append_to_log(output, output->ring + at, (size_t)count);
    output->total += (uint64_t)count;
    return true;
}

void
output_forget_reader(struct output_stream *output)
{
    output->is_read = false;
    output->end_sent = false;
}

void
output_read(struct output_stream *output, uint64_t offset, uint64_t limit)
{
    offset = smaller(offset, output->total);
    if (!output->is_read || output->position != offset) {
        output->end_sent = false;
    }
    output->is_read = true;
    output->position = offset;
    output->limit = limit;
    output->acknowledged = larger(output->acknowledged, offset);
}

void
output_credit(struct output_stream *output, uint64_t offset, uint64_t limit)
{
    output->acknowledged = larger(output->acknowledged, smaller(offset, output->total));
    output->limit = limit;
}

static uint64_t
ring_start(const struct output_stream *output)
{
    return output->total > RING ? output->total - RING : 0;
}

bool
output_next(const struct output_stream *output, uint8_t scratch[FRAME_PAYLOAD_MAX],
            struct frame *ret)
{
    struct frame frame = {.type = FRAME_DATA, .stream = output->stream, .number = output->position};
    if (!output->is_read || output->end_sent) {
        return false;
    }
    if (output->position == output->total) {
        frame.type = FRAME_END;
        *ret = frame;
        return output->pipe < 0;
    }
    const uint64_t end = smaller(output->total, output->limit);
    if (output->position >= end) {
        return false;
    }
    size_t length = (size_t)smaller(end - output->position, FRAME_PAYLOAD_MAX);
    if (output->position >= ring_start(output)) {
        const size_t at = (size_t)(output->position % RING);
        length = (size_t)smaller(length, RING - at);
        frame.payload = bytes_of(output->ring + at, length);
    } else {
        length = output->position < output->logged
                     ? (size_t)smaller(length, output->logged - output->position)
                     : 0;
        const ssize_t count =
            length == 0 ? 0 : pread(output->log, scratch, length, (off_t)output->position);
        if (count <= 0) {
            frame.type = FRAME_GAP;
            frame.number = ring_start(output);
        } else {
            frame.payload = bytes_of(scratch, (size_t)count);
        }
    }
    *ret = frame;
    return true;
}

void
output_sent(struct output_stream *output, const struct frame *frame)
{
    if (frame->type == FRAME_END) {
        output->end_sent = output->end_told = true;
    } else {
        output->position = frame->number + frame->payload.length;
    }
}

bool
output_is_settled(const struct output_stream *output)
{
    return output->pipe < 0 && output->end_told && output->acknowledged >= output->total;
}

uint64_t
output_dropped(const struct output_stream *output)
{
    const uint64_t start = ring_start(output);
    return !output->attached && start > output->logged ? start - output->logged : 0;
}

static enum status
write_all(int file, const uint8_t *data, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(file, data, length);
        if (written < 0 && errno != EINTR) {
            return status_from_errno();
        }
        if (written > 0) {
            data += written;
            length -= (size_t)written;
        }
    }
    return STATUS_OK;
}

/* The ring's part from `start` on, and then what the pipe still holds: at most its own size, since
 * its writers are gone. */
static enum status
write_tail(struct output_stream *output, int file, uint64_t start)
{
    uint8_t head[8];
    wire_store_u64(head, start);
    enum status status = write_all(file, head, sizeof head);
    while (status == STATUS_OK && start < output->total) {
        const size_t at = (size_t)(start % RING);
        const size_t length = (size_t)smaller(output->total - start, RING - at);
        status = write_all(file, output->ring + at, length);
        start += length;
    }
    while (status == STATUS_OK && output->pipe >= 0) {
        uint8_t part[16 * 1024];
        const ssize_t count = read(output->pipe, part, sizeof part);
        if (count <= 0) {
            close_pipe(&output->pipe);
            break;
        }
        output->total += (uint64_t)count;
        status = write_all(file, part, (size_t)count);
    }
    return status;
}

enum status
output_spill(struct output_stream *output, int directory, const char *name)
{
    const uint64_t start = larger(output->logged, ring_start(output));
    if (start == output->total && output->pipe < 0) {
        return STATUS_OK;
    }
    const int file =
        openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return status_from_errno();
    }
    enum status status = write_tail(output, file, start);
    if (close(file) != 0 && status == STATUS_OK) {
        status = status_from_errno();
    }
    return status;
}

enum status
input_init(struct input_stream *input, int pipe)
{
    *input = (struct input_stream){.pipe = pipe};
    if (pipe < 0) {
        return STATUS_OK;
    }
    input->ring = malloc(WINDOW);
    return input->ring == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void
input_clear(struct input_stream *input)
{
    close_pipe(&input->pipe);
    free(input->ring);
    input->ring = NULL;
}

enum status
input_take(struct input_stream *input, uint64_t offset, struct bytes data)
{
    if (offset > input->received || data.length > UINT64_MAX - offset) {
        return STATUS_OUT_OF_RANGE;
    }
    const uint64_t end = offset + data.length;
    if (end <= input->received) {
        return STATUS_OK;
    }
    if (input->ring == NULL || end > input->taken + WINDOW ||
        (input->has_end && end > input->end)) {
        return STATUS_OUT_OF_RANGE;
    }
    const uint8_t *from = data.data + (input->received - offset);
    if (input->pipe < 0) {
        /* The job closed its stdin: the sender need not wait for it. */
        input->received = end;
        input->taken = end;
        return STATUS_OK;
    }
    while (input->received < end) {
        const size_t at = (size_t)(input->received % WINDOW);
        const size_t length = (size_t)smaller(end - input->received, WINDOW - at);
        memcpy(input->ring + at, from, length);
        from += length;
        input->received += length;
    }
    return STATUS_OK;
}

enum status
input_end(struct input_stream *input, uint64_t offset)
{
    if (offset < input->received || (input->has_end && input->end != offset)) {
        return STATUS_OUT_OF_RANGE;
    }
    input->has_end = true;
    input->end = offset;
    return STATUS_OK;
}

bool
input_wants_pipe(const struct input_stream *input)
{
    return input->pipe >= 0 && input->taken < input->received;
}

bool
input_flush(struct input_stream *input)
{
    bool moved = false;
    while (input_wants_pipe(input)) {
        const size_t at = (size_t)(input->taken % WINDOW);
        const size_t length = (size_t)smaller(input->received - input->taken, WINDOW - at);
        const ssize_t written = write(input->pipe, input->ring + at, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && errno == EAGAIN) {
            return moved;
        }
        if (written < 0) {
            close_pipe(&input->pipe);
            input->taken = input->received;
            return true;
        }
        input->taken += (uint64_t)written;
        moved = true;
    }
    if (input->has_end && input->taken == input->end && input->pipe >= 0) {
        close_pipe(&input->pipe);
        moved = true;
    }
    return moved;
}

bool
input_credit_due(const struct input_stream *input, uint64_t *ret_limit)
{
    if (input->ring == NULL) {
        return false;
    }
    const uint64_t limit = input->taken + WINDOW;
    const bool is_idle = input->taken == input->received;
    if (limit == input->credited || (!is_idle && limit - input->credited < WINDOW / 4)) {
        return false;
    }
    *ret_limit = limit;
    return true;
}
