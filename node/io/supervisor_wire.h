/* Little-endian numbers and length-prefixed texts of the supervisor's own frames and files. */
#ifndef GPULET_NODE_IO_SUPERVISOR_WIRE_H
#define GPULET_NODE_IO_SUPERVISOR_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"

/* Takes from the front of borrowed bytes; once something is missing, `failed` stays set and every
 * answer is zero or "". */
struct wire_reader {
    const uint8_t *data;
    size_t length;
    size_t position;
    bool failed;
};

void wire_append_u32(struct buffer *buffer, uint32_t number);
void wire_append_u64(struct buffer *buffer, uint64_t number);
/* The text with its NUL, after its length without it. */
void wire_append_text(struct buffer *buffer, const char *text);

uint32_t wire_load_u32(const uint8_t bytes[4]);
uint64_t wire_load_u64(const uint8_t bytes[8]);
void wire_store_u32(uint8_t ret_bytes[4], uint32_t number);
void wire_store_u64(uint8_t ret_bytes[8], uint64_t number);

struct wire_reader wire_reader_of(struct bytes bytes);
uint32_t wire_take_u32(struct wire_reader *reader);
uint64_t wire_take_u64(struct wire_reader *reader);
/* A C string inside the borrowed bytes; never NULL. */
const char *wire_take_text(struct wire_reader *reader);
/* `length` bytes inside the borrowed bytes; NULL when they are not there. */
const uint8_t *wire_take_bytes(struct wire_reader *reader, size_t length);
/* True when everything was there and nothing is left over. */
bool wire_is_complete(const struct wire_reader *reader);

#endif
