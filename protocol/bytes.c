#include "protocol/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct bytes
bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

int
bytes_compare(struct bytes a, struct bytes b)
{
    const size_t common = a.length < b.length ? a.length : b.length;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return (a.length > b.length) - (a.length < b.length);
}

bool
bytes_are_text(struct bytes view, const char *text)
{
    return bytes_equal(view, bytes_of_text(text));
}

void
buffer_init(struct buffer *buffer, void *memory, size_t capacity)
{
    *buffer = (struct buffer){.data = memory, .capacity = capacity};
}

void
buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    if (buffer->overflowed || length > buffer->capacity - buffer->length) {
        buffer->overflowed = true;
        return;
    }
    if (length > 0) {
        memcpy(buffer->data + buffer->length, data, length);
    }
    buffer->length += length;
}

void
buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    buffer_append(buffer, &byte, 1);
}

void
buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text) {
        buffer->overflowed = true;
        return;
    }
    buffer_append(buffer, text, (size_t)length);
}

struct bytes
buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->data, buffer->length);
}
