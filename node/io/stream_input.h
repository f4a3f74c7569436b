/* Input of a job on its way: what was taken over and has not arrived for good, within one window. */
#ifndef GPULET_NODE_IO_STREAM_INPUT_H
#define GPULET_NODE_IO_STREAM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/status.h"

/* A zeroed one is ready to use. */
struct stream_input {
    uint8_t *memory; /* a ring; taken with the first byte */
    uint64_t base;   /* offset of the first byte kept */
    uint64_t sent;   /* handed on up to here */
    uint64_t length; /* bytes kept from base on */
    uint64_t end;
    bool has_end; /* the stream ends at `end` */
    bool end_is_sent;
};

void stream_input_clear(struct stream_input *input);

/* Takes bytes over; what is kept or was acknowledged already is skipped. STATUS_OUT_OF_RANGE: a gap
 * before them; STATUS_LIMIT: more than the window; STATUS_NO_MEMORY. */
enum status stream_input_append(struct stream_input *input, uint64_t offset, struct bytes bytes)
    MUST_USE;

/* The stream ends at this offset. */
void stream_input_end(struct stream_input *input, uint64_t offset);

/* The next bytes to hand on, a frame's worth at most; empty when there are none. */
struct bytes stream_input_next(const struct stream_input *input);
void stream_input_was_sent(struct stream_input *input, size_t length);

/* True when all bytes are handed on and the end is not. */
bool stream_input_end_is_due(const struct stream_input *input);

/* Everything before `offset` has arrived for good. */
void stream_input_acknowledge(struct stream_input *input, uint64_t offset);

/* The way broke: everything that is kept is to be handed on again. */
void stream_input_rewind(struct stream_input *input);

#endif
