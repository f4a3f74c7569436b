/* One output and the input of a job, by absolute offsets, in bounded memory.
 *
 * Of an output, the log file holds the bytes [0, logged), the ring holds the last
 * WORKLOAD_RING_BYTES of [0, total). In attached mode the pipe is not read when that would overwrite
 * a byte that is neither logged nor acknowledged; in detached mode it is, and readers see a gap.
 */
#ifndef GPULET_NODE_IO_SUPERVISOR_STREAM_H
#define GPULET_NODE_IO_SUPERVISOR_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "node/io/supervisor_frame.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

struct output_stream {
    enum workload_stream stream;
    int pipe; /* owned; -1 after its end */
    int log;  /* owned */
    bool attached;
    uint8_t *ring; /* owned */
    uint64_t total;
    uint64_t logged;
    uint64_t log_cap; /* where the log ended when the disk was full */
    uint64_t acknowledged;
    bool is_read;      /* somebody asked for it */
    bool end_sent;     /* to this reader */
    bool end_told;     /* to any */
    uint64_t position; /* next byte to send */
    uint64_t limit;
};

/* Takes over both descriptors, also on failure. STATUS_NO_MEMORY. */
enum status output_init(struct output_stream *output, enum workload_stream stream, int pipe,
                        int log) MUST_USE;
void output_clear(struct output_stream *output);

/* True when the pipe is open and there is room for what it may hold. */
bool output_wants_pipe(const struct output_stream *output);

/* Reads the pipe once; afterwards `pipe` may be -1. False when there was nothing to read. */
bool output_fill(struct output_stream *output);

/* A reader came, asked, acknowledged, went. */
void output_forget_reader(struct output_stream *output);
void output_read(struct output_stream *output, uint64_t offset, uint64_t limit);
void output_credit(struct output_stream *output, uint64_t offset, uint64_t limit);

/* The next frame for the reader, its payload at most FRAME_PAYLOAD_MAX bytes, borrowed from the
 * ring or written into `scratch`. False when nothing is due. output_sent() when it went out. */
bool output_next(const struct output_stream *output, uint8_t scratch[FRAME_PAYLOAD_MAX],
                 struct frame *ret);
void output_sent(struct output_stream *output, const struct frame *frame);

/* True when the pipe has ended, and a reader was told so and acknowledged all. */
bool output_is_settled(const struct output_stream *output);

/* Bytes that are kept nowhere, in detached mode. */
uint64_t output_dropped(const struct output_stream *output);

/* Writes what the log lacks into the file `name`: first offset (u64), then the bytes, the rest of
 * the pipe too. Nothing is written when the log has all. */
enum status output_spill(struct output_stream *output, int directory, const char *name) MUST_USE;

struct input_stream {
    int pipe;      /* owned; -1 when closed */
    uint8_t *ring; /* owned, WORKLOAD_STDIN_WINDOW bytes */
    uint64_t received;
    uint64_t taken;    /* by the job, or thrown away when it closed its end */
    uint64_t credited; /* limit last told */
    bool has_end;
    uint64_t end;
};

/* Takes over the descriptor; -1 when the job has no stdin. STATUS_NO_MEMORY. */
enum status input_init(struct input_stream *input, int pipe) MUST_USE;
void input_clear(struct input_stream *input);

/* Takes bytes; what is there already is ignored. STATUS_OUT_OF_RANGE: they leave a gap or pass the
 * window or the end. */
enum status input_take(struct input_stream *input, uint64_t offset, struct bytes data) MUST_USE;
enum status input_end(struct input_stream *input, uint64_t offset) MUST_USE;

/* True when there are bytes for the pipe. */
bool input_wants_pipe(const struct input_stream *input);

/* Writes what the pipe takes, closes it at the end. False when nothing moved. */
bool input_flush(struct input_stream *input);

/* The limit the sender should know, when it changed enough to say so. */
bool input_credit_due(const struct input_stream *input, uint64_t *ret_limit);

#endif
