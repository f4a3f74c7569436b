/* Reads untrusted bytes: a strict and bounded subset of msgpack in which a value has one encoding only. */
#ifndef GPULET_PROTOCOL_READER_H
#define GPULET_PROTOCOL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/status.h"

/* Errors, of which the first one stays (all later reads answer 0, false or nothing):
 *   TRUNCATED      the bytes end within a value, or before as many values as an array announces
 *   WRONG_TYPE     another type than asked for; nil, float, map and ext are always wrong
 *   NOT_CANONICAL  an integer or a length that has a shorter form
 *   OUT_OF_RANGE   a negative number where none may be, or one above INT64_MAX where one may
 *   BAD_TEXT       a text that is not UTF-8 (RFC 3629), or holds a NUL
 *   TRAILING       bytes after the end
 * Nothing is allocated, nothing recurses; views borrow the bytes read. */
struct reader {
    struct bytes bytes;
    size_t position;
    enum status status;
};

static inline void
reader_init(struct reader *reader, struct bytes bytes)
{
    *reader = (struct reader){.bytes = bytes, .status = STATUS_OK};
}

/* Keeps the first error; a caller's own limits use it too. */
static inline void
reader_fail(struct reader *reader, enum status status)
{
    if (reader->status == STATUS_OK) {
        reader->status = status;
    }
}

/* The count of elements that follow; never more than bytes are left, as each takes one at least. */
size_t reader_array(struct reader *reader);

/* What reader_unsigned does when the number is not a good one of one byte. */
uint64_t reader_unsigned_long(struct reader *reader);

/* Inline for its commonest case: most numbers of most records have one byte. */
static inline uint64_t
reader_unsigned(struct reader *reader)
{
    if (reader->status == STATUS_OK && reader->position < reader->bytes.length &&
        reader->bytes.data[reader->position] <= 0x7f) {
        return reader->bytes.data[reader->position++];
    }
    return reader_unsigned_long(reader);
}

/* OUT_OF_RANGE above INT64_MAX. */
int64_t reader_signed(struct reader *reader);

bool reader_flag(struct reader *reader);
struct bytes reader_bin(struct reader *reader);
struct bytes reader_text(struct reader *reader);

/* The reader's error, or TRAILING when bytes are left. */
enum status reader_finish(struct reader *reader) MUST_USE;

/* True when the bytes are UTF-8 by RFC 3629 (shortest forms, no surrogates) without NUL. */
bool text_is_valid(struct bytes text);

#endif
