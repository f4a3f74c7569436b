/* A borrowed view of bytes, and a caller-owned buffer with a sticky overflow flag. */
#ifndef GPULET_PROTOCOL_BYTES_H
#define GPULET_PROTOCOL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view; whoever made it says how long the memory lives. Text is a view too, without a final NUL. */
struct bytes {
    const uint8_t *data; /* may be NULL when length is 0 */
    size_t length;
};

/* Memory of the caller's, filled from the front. Once something did not fit, `overflowed` stays
 * set, nothing more is appended, and the content must not be used. */
struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool overflowed;
};

static inline struct bytes
bytes_of(const void *data, size_t length)
{
    return (struct bytes){.data = data, .length = length};
}

/* A view of a C string, without its NUL. */
struct bytes bytes_of_text(const char *text);

bool bytes_equal(struct bytes a, struct bytes b);

/* Order of the bytes as unsigned numbers, shorter first on a common prefix: <0, 0, >0. */
int bytes_compare(struct bytes a, struct bytes b);

/* True when `text` (a C string) has just these bytes. */
bool bytes_are_text(struct bytes view, const char *text);

void buffer_init(struct buffer *buffer, void *memory, size_t capacity);
void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);

/* Appends a formatted text without its NUL; for people's texts, never for signed bytes. */
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What was appended so far, borrowed from the buffer's memory. */
struct bytes buffer_bytes(const struct buffer *buffer);

#endif
