#include "node/io/supervisor_wire.h"

#include <string.h>

uint32_t
wire_load_u32(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

uint64_t
wire_load_u64(const uint8_t bytes[8])
{
    return (uint64_t)wire_load_u32(bytes) | (uint64_t)wire_load_u32(bytes + 4) << 32;
}

void
wire_store_u32(uint8_t ret_bytes[4], uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        ret_bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

void
wire_store_u64(uint8_t ret_bytes[8], uint64_t number)
{
    for (unsigned i = 0; i < 8; i++) {
        ret_bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

void
wire_append_u32(struct buffer *buffer, uint32_t number)
{
    uint8_t bytes[4];
    wire_store_u32(bytes, number);
    buffer_append(buffer, bytes, sizeof bytes);
}

void
wire_append_u64(struct buffer *buffer, uint64_t number)
{
    uint8_t bytes[8];
    wire_store_u64(bytes, number);
    buffer_append(buffer, bytes, sizeof bytes);
}

void
wire_append_text(struct buffer *buffer, const char *text)
{
    const size_t length = strlen(text);
    if (length > UINT32_MAX) {
        buffer->overflowed = true;
        return;
    }
    wire_append_u32(buffer, (uint32_t)length);
    buffer_append(buffer, text, length + 1);
}

struct wire_reader
wire_reader_of(struct bytes bytes)
{
    return (struct wire_reader){.data = bytes.data, .length = bytes.length};
}

const uint8_t *
wire_take_bytes(struct wire_reader *reader, size_t length)
{
    if (reader->failed || length > reader->length - reader->position) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *taken = reader->data + reader->position;
    reader->position += length;
    return taken;
}

uint32_t
wire_take_u32(struct wire_reader *reader)
{
    const uint8_t *bytes = wire_take_bytes(reader, 4);
    return bytes == NULL ? 0 : wire_load_u32(bytes);
}

uint64_t
wire_take_u64(struct wire_reader *reader)
{
    const uint8_t *bytes = wire_take_bytes(reader, 8);
    return bytes == NULL ? 0 : wire_load_u64(bytes);
}

const char *
wire_take_text(struct wire_reader *reader)
{
    const size_t length = wire_take_u32(reader);
    const uint8_t *bytes = wire_take_bytes(reader, length + 1);
    if (bytes == NULL || bytes[length] != '\0' || memchr(bytes, '\0', length) != NULL) {
        reader->failed = true;
        return "";
    }
    return (const char *)bytes;
}

bool
wire_is_complete(const struct wire_reader *reader)
{
    return !reader->failed && reader->position == reader->length;
}
