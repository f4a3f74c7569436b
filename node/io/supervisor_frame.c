#include "node/io/supervisor_frame.h"

#include <string.h>

#include "node/io/supervisor_wire.h"

void
frame_header(const struct frame *frame, uint8_t ret_header[FRAME_HEADER_LENGTH])
{
    ret_header[0] = FRAME_VERSION;
    ret_header[1] = (uint8_t)frame->type;
    ret_header[2] = (uint8_t)frame->stream;
    ret_header[3] = 0;
    wire_store_u32(ret_header + 4, (uint32_t)frame->payload.length);
    wire_store_u64(ret_header + 8, frame->number);
}

/* Whether a frame of this type may have this stream and so many bytes of payload. */
static enum status
check_shape(unsigned type, unsigned stream, size_t length)
{
    size_t least = 0;
    size_t most = 0;
    unsigned last_stream = WORKLOAD_STDIN;
    switch (type) {
    case FRAME_FREEZE:
    case FRAME_THAW:
    case FRAME_KILL:
    case FRAME_SIGNAL:
    case FRAME_ASK_STATUS:
        break;
    case FRAME_PAID:
        least = most = 8;
        break;
    case FRAME_READ:
    case FRAME_CREDIT:
        least = most = 8;
        last_stream = WORKLOAD_STDERR;
        break;
    case FRAME_DATA:
        least = 1;
        most = FRAME_PAYLOAD_MAX;
        last_stream = WORKLOAD_STDERR;
        break;
    case FRAME_END:
    case FRAME_GAP:
        last_stream = WORKLOAD_STDERR;
        break;
    case FRAME_STATUS:
    case FRAME_EXIT:
        least = 1;
        most = FRAME_PAYLOAD_MAX;
        break;
    default:
        return STATUS_UNKNOWN_KIND;
    }
    if (stream > last_stream || length < least || length > most) {
        return STATUS_OUT_OF_RANGE;
    }
    return STATUS_OK;
}

enum status
frame_parse(struct bytes message, struct frame *ret)
{
    if (message.length < FRAME_HEADER_LENGTH) {
        return STATUS_TRUNCATED;
    }
    const uint8_t *header = message.data;
    if (header[0] != FRAME_VERSION || header[3] != 0) {
        return STATUS_BAD_VERSION;
    }
    const size_t length = wire_load_u32(header + 4);
    const size_t present = message.length - FRAME_HEADER_LENGTH;
    if (length != present) {
        return length > present ? STATUS_TRUNCATED : STATUS_TRAILING;
    }
    const enum status status = check_shape(header[1], header[2], length);
    if (status != STATUS_OK) {
        return status;
    }
    *ret = (struct frame){
        .type = (enum frame_type)header[1],
        .stream = (enum workload_stream)header[2],
        .number = wire_load_u64(header + 8),
        .payload = bytes_of(header + FRAME_HEADER_LENGTH, length),
    };
    return STATUS_OK;
}

uint64_t
frame_second_number(const struct frame *frame)
{
    return wire_load_u64(frame->payload.data);
}
