/* Writes msgpack in its shortest forms into a caller's buffer, whose overflow stays set (bytes.h). */
#ifndef GPULET_PROTOCOL_WRITER_H
#define GPULET_PROTOCOL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"

/* `count` elements must follow. */
void writer_array(struct buffer *buffer, size_t count);
void writer_unsigned(struct buffer *buffer, uint64_t number);
void writer_signed(struct buffer *buffer, int64_t number);
void writer_flag(struct buffer *buffer, bool flag);
void writer_bin(struct buffer *buffer, struct bytes bytes);

/* The text must be valid (text_is_valid), or no reader takes it. */
void writer_text(struct buffer *buffer, struct bytes text);

#endif
