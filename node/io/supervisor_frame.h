/* The frames between a daemon and a supervisor: one message of a SOCK_SEQPACKET socket each.
 *
 * A frame is a header of 16 bytes and a payload:
 *     u8 version, u8 type, u8 stream, u8 0, u32 payload length, u64 number     (little-endian)
 */
#ifndef GPULET_NODE_IO_SUPERVISOR_FRAME_H
#define GPULET_NODE_IO_SUPERVISOR_FRAME_H

#include <stdint.h>

#include "node/io/workload.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

enum {
    FRAME_VERSION = 1,
    FRAME_HEADER_LENGTH = 16,
    FRAME_PAYLOAD_MAX = WORKLOAD_DATA_MAX,
    FRAME_LENGTH_MAX = FRAME_HEADER_LENGTH + FRAME_PAYLOAD_MAX,
};

/* X(name, code, meaning): who sends it, what `number` is, and the payload after it. */
#define FRAME_TABLE(X)                                                                             \
    X(FREEZE, 1, "to supervisor: nothing")                                                         \
    X(THAW, 2, "to supervisor: nothing")                                                           \
    X(KILL, 3, "to supervisor: grace in ms")                                                       \
    X(SIGNAL, 4, "to supervisor: signal number")                                                   \
    X(PAID, 5, "to supervisor: run_ms limit; u64 end on the boot clock in ms")                     \
    X(ASK_STATUS, 6, "to supervisor: nothing")                                                     \
    X(READ, 7, "to supervisor: offset to read from, all before it is safe; u64 limit")             \
    X(CREDIT, 8, "both ways: all before this offset has arrived; u64 limit")                       \
    X(DATA, 9, "both ways: offset; the bytes")                                                     \
    X(END, 10, "both ways: offset where the stream ends")                                          \
    X(GAP, 11, "to daemon: next offset that is kept")                                              \
    X(STATUS, 12, "to daemon: 0; a status")                                                        \
    X(EXIT, 13, "to daemon: 0; a status")

enum frame_type {
#define FRAME_ENUM(name, code, meaning) FRAME_##name = code,
    FRAME_TABLE(FRAME_ENUM)
#undef FRAME_ENUM
};

struct frame {
    enum frame_type type;
    enum workload_stream stream; /* of READ, CREDIT, DATA, END and GAP; else 0 */
    uint64_t number;
    struct bytes payload; /* borrowed */
};

/* Writes the header of a frame whose payload is sent from where it lies. */
void frame_header(const struct frame *frame, uint8_t ret_header[FRAME_HEADER_LENGTH]);

/* Reads one whole message; the payload points into it.
 * STATUS_TRUNCATED, STATUS_TRAILING: the length does not fit; STATUS_BAD_VERSION;
 * STATUS_UNKNOWN_KIND; STATUS_OUT_OF_RANGE: a stream or a payload this type cannot have. */
enum status frame_parse(struct bytes message, struct frame *ret) MUST_USE;

/* The u64 that READ, CREDIT and PAID carry; the frame was parsed. */
uint64_t frame_second_number(const struct frame *frame);

#endif
