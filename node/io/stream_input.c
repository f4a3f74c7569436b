#include "node/io/stream_input.h"

#include <stdlib.h>
#include <string.h>

#include "node/io/workload.h"
#include "protocol/limits.h"

/* The host's window, and a frame that may come with it. */
enum { RING_BYTES = WORKLOAD_STDIN_WINDOW + (int)STREAM_FRAME_BYTES_MAX };

void
stream_input_clear(struct stream_input *input)
{
    if (input->memory != NULL) {
        explicit_bzero(input->memory, RING_BYTES);
    }
    free(input->memory);
    *input = (struct stream_input){.memory = NULL};
}

enum status
stream_input_append(struct stream_input *input, uint64_t offset, struct bytes bytes)
{
    const uint64_t next = input->base + input->length;
    if (offset > next) {
        return STATUS_OUT_OF_RANGE;
    }
    const uint64_t known = next - offset;
    if (known >= bytes.length) {
        return STATUS_OK;
    }
    const uint8_t *from = bytes.data + known;
    const size_t length = bytes.length - (size_t)known;
    if (length > RING_BYTES - input->length) {
        return STATUS_LIMIT;
    }
    if (input->memory == NULL) {
        input->memory = malloc(RING_BYTES);
        if (input->memory == NULL) {
            return STATUS_NO_MEMORY;
        }
    }
    for (size_t done = 0; done < length;) {
        const size_t at = (size_t)((next + done) % RING_BYTES);
        const size_t room = RING_BYTES - at;
        const size_t step = length - done < room ? length - done : room;
        memcpy(input->memory + at, from + done, step);
        done += step;
    }
    input->length += length;
    return STATUS_OK;
}

void
stream_input_end(struct stream_input *input, uint64_t offset)
{
    input->has_end = true;
    input->end = offset;
}

struct bytes
stream_input_next(const struct stream_input *input)
{
    const uint64_t left = input->base + input->length - input->sent;
    if (left == 0) {
        return bytes_of(NULL, 0);
    }
    const size_t at = (size_t)(input->sent % RING_BYTES);
    size_t length = RING_BYTES - at;
    length = left < length ? (size_t)left : length;
    length = length > STREAM_FRAME_BYTES_MAX ? STREAM_FRAME_BYTES_MAX : length;
    return bytes_of(input->memory + at, length);
}

void
stream_input_was_sent(struct stream_input *input, size_t length)
{
    input->sent += length;
}

bool
stream_input_end_is_due(const struct stream_input *input)
{
    return input->has_end && !input->end_is_sent && input->sent == input->end;
}

void
stream_input_acknowledge(struct stream_input *input, uint64_t offset)
{
    const uint64_t next = input->base + input->length;
    if (offset <= input->base) {
        return;
    }
    const uint64_t to = offset < next ? offset : next;
    input->length -= to - input->base;
    input->base = to;
    /* Another command has written more than we know of: go on behind it. */
    if (offset > next) {
        input->base = offset;
    }
    input->sent = input->sent < input->base ? input->base : input->sent;
}

void
stream_input_rewind(struct stream_input *input)
{
    input->sent = input->base;
    input->end_is_sent = false;
}
