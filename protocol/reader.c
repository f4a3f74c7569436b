#include "protocol/reader.h"

/* First bytes of the forms that are understood (msgpack specification, "Formats"). */
enum {
    FORM_POSITIVE_FIXINT_LAST = 0x7f,
    FORM_FIXARRAY = 0x90,
    FORM_FIXSTR = 0xa0,
    FORM_FALSE = 0xc2,
    FORM_TRUE = 0xc3,
    FORM_BIN8 = 0xc4,
    FORM_UINT8 = 0xcc,
    FORM_UINT64 = 0xcf,
    FORM_INT8 = 0xd0,
    FORM_INT64 = 0xd3,
    FORM_STR8 = 0xd9,
    FORM_ARRAY16 = 0xdc,
    FORM_ARRAY32 = 0xdd,
    FORM_NEGATIVE_FIXINT = 0xe0,
    FIXARRAY_MAX = 15,
    FIXSTR_MAX = 31
};

static size_t
left(const struct reader *reader)
{
    return reader->bytes.length - reader->position;
}

/* The loads are written out: a compiler makes one instruction of each. */
static uint64_t
load_big_endian(const uint8_t *bytes, size_t length)
{
    const uint64_t first = bytes[0];
    if (length == 1) {
        return first;
    }
    const uint64_t half = first << 8 | bytes[1];
    if (length == 2) {
        return half;
    }
    const uint64_t word = half << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
    if (length == 4) {
        return word;
    }
    return word << 32 | (uint64_t)bytes[4] << 24 | (uint64_t)bytes[5] << 16 |
           (uint64_t)bytes[6] << 8 | bytes[7];
}

/* A big-endian number of 1, 2, 4 or 8 bytes; 0 after an error. */
static uint64_t
take_number(struct reader *reader, size_t length)
{
    if (reader->status != STATUS_OK || left(reader) < length) {
        reader_fail(reader, STATUS_TRUNCATED);
        return 0;
    }
    const uint64_t number = load_big_endian(reader->bytes.data + reader->position, length);
    reader->position += length;
    return number;
}

/* A number below `least` has a shorter form than this one. */
static uint64_t
take_shortest(struct reader *reader, size_t length, uint64_t least)
{
    const uint64_t number = take_number(reader, length);
    if (number < least) {
        reader_fail(reader, STATUS_NOT_CANONICAL);
        return 0;
    }
    return number;
}

/* The least number that needs 2^k bytes, `least` being that of one byte. */
static uint64_t
least_of(size_t length, uint64_t least)
{
    return length == 1 ? least : UINT64_C(1) << (length * 4);
}

static struct bytes
take_bytes(struct reader *reader, uint64_t length)
{
    if (reader->status != STATUS_OK || left(reader) < length) {
        reader_fail(reader, STATUS_TRUNCATED);
        return (struct bytes){0};
    }
    const struct bytes view = bytes_of(reader->bytes.data + reader->position, (size_t)length);
    reader->position += (size_t)length;
    return view;
}

size_t
reader_array(struct reader *reader)
{
    const unsigned form = (unsigned)take_number(reader, 1);
    uint64_t count = 0;
    if ((form & 0xf0) == FORM_FIXARRAY) {
        count = form & FIXARRAY_MAX;
    } else if (form == FORM_ARRAY16) {
        count = take_shortest(reader, 2, FIXARRAY_MAX + 1);
    } else if (form == FORM_ARRAY32) {
        count = take_shortest(reader, 4, UINT64_C(1) << 16);
    } else {
        reader_fail(reader, STATUS_WRONG_TYPE);
    }
    if (reader->status == STATUS_OK && count > left(reader)) {
        reader_fail(reader, STATUS_TRUNCATED);
    }
    return reader->status == STATUS_OK ? (size_t)count : 0;
}

/* The number of a signed form, whose sign bit is at the top of `length` bytes; it must be negative
 * and not fit into half as many bytes (nor into the one-byte form, from -32). */
static uint64_t
take_negative(struct reader *reader, size_t length)
{
    const uint64_t number = take_number(reader, length);
    const unsigned unused = (unsigned)(64 - length * 8);
    const int64_t value = (int64_t)(number << unused) >> unused;
    const int64_t shorter_least = length == 1 ? -32 : -(INT64_C(1) << (length * 4 - 1));
    if (value >= shorter_least) {
        reader_fail(reader, STATUS_NOT_CANONICAL);
    }
    return (uint64_t)value;
}

/* Any integer form: the value's 64 bits, and whether it is negative. */
static uint64_t
take_integer(struct reader *reader, bool *ret_negative)
{
    const unsigned form = (unsigned)take_number(reader, 1);
    *ret_negative = false;
    if (reader->status != STATUS_OK) {
        return 0;
    }
    if (form <= FORM_POSITIVE_FIXINT_LAST) {
        return form;
    }
    if (form >= FORM_NEGATIVE_FIXINT) {
        *ret_negative = true;
        return (uint64_t)((int64_t)form - 256);
    }
    if (form >= FORM_UINT8 && form <= FORM_UINT64) {
        const size_t length = (size_t)1 << (form - FORM_UINT8);
        return take_shortest(reader, length, least_of(length, FORM_POSITIVE_FIXINT_LAST + 1));
    }
    if (form >= FORM_INT8 && form <= FORM_INT64) {
        *ret_negative = true;
        return take_negative(reader, (size_t)1 << (form - FORM_INT8));
    }
    reader_fail(reader, STATUS_WRONG_TYPE);
    return 0;
}

uint64_t
reader_unsigned_long(struct reader *reader)
{
    bool negative;
    const uint64_t number = take_integer(reader, &negative);
    if (negative) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    return reader->status == STATUS_OK ? number : 0;
}

int64_t
reader_signed(struct reader *reader)
{
    bool negative;
    const uint64_t number = take_integer(reader, &negative);
    if (!negative && number > INT64_MAX) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    return reader->status == STATUS_OK ? (int64_t)number : 0;
}

bool
reader_flag(struct reader *reader)
{
    const unsigned form = (unsigned)take_number(reader, 1);
    if (form != FORM_TRUE && form != FORM_FALSE) {
        reader_fail(reader, STATUS_WRONG_TYPE);
    }
    return reader->status == STATUS_OK && form == FORM_TRUE;
}

struct bytes
reader_bin(struct reader *reader)
{
    const unsigned form = (unsigned)take_number(reader, 1);
    if (form < FORM_BIN8 || form > FORM_BIN8 + 2) {
        reader_fail(reader, STATUS_WRONG_TYPE);
        return (struct bytes){0};
    }
    const size_t length = (size_t)1 << (form - FORM_BIN8);
    return take_bytes(reader, take_shortest(reader, length, least_of(length, 0)));
}

struct bytes
reader_text(struct reader *reader)
{
    const unsigned form = (unsigned)take_number(reader, 1);
    uint64_t length = 0;
    if ((form & 0xe0) == FORM_FIXSTR) {
        length = form & FIXSTR_MAX;
    } else if (form >= FORM_STR8 && form <= FORM_STR8 + 2) {
        const size_t size = (size_t)1 << (form - FORM_STR8);
        length = take_shortest(reader, size, least_of(size, FIXSTR_MAX + 1));
    } else {
        reader_fail(reader, STATUS_WRONG_TYPE);
        return (struct bytes){0};
    }
    const struct bytes text = take_bytes(reader, length);
    if (!text_is_valid(text)) {
        reader_fail(reader, STATUS_BAD_TEXT);
        return (struct bytes){0};
    }
    return text;
}

enum status
reader_finish(struct reader *reader)
{
    if (left(reader) > 0) {
        reader_fail(reader, STATUS_TRAILING);
    }
    return reader->status;
}

/* Length of the UTF-8 sequence at the front of `text`, 0 when there is no valid one. The second
 * byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629). */
static size_t
sequence_length(struct bytes text)
{
    const uint8_t first = text.data[0];
    if (first < 0x80) {
        return first == 0 ? 0 : 1;
    }
    const size_t length = first < 0xc2 || first > 0xf4 ? 0
                          : first < 0xe0               ? 2
                          : first < 0xf0               ? 3
                                                       : 4;
    if (length == 0 || text.length < length) {
        return 0;
    }
    const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text.data[1] < least || text.data[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool
text_is_valid(struct bytes text)
{
    while (text.length > 0) {
        const size_t length = text.data[0] - 1u < 0x7f ? 1 : sequence_length(text);
        if (length == 0) {
            return false;
        }
        text = bytes_of(text.data + length, text.length - length);
    }
    return true;
}
