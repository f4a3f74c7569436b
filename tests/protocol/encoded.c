#include "tests/protocol/encoded.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/reader.h"

_Alignas(max_align_t) uint8_t encoded_value[SCHEMA_STRUCT_BYTES_MAX];
static uint8_t arena[ARENA_MAX];
static uint8_t encoded_memory[ENCODED_MAX];

struct sample
encoded_start(uint64_t seed)
{
    struct sample sample;
    sample_init(&sample, seed, arena, sizeof arena);
    return sample;
}

enum status
encoded_encode(const struct schema_entry *entry, const void *from, struct buffer *buffer)
{
    return schema_group_has_number(entry->group) ? message_encode(entry->schema, from, buffer)
                                                 : codec_encode(entry->schema, from, buffer);
}

enum status
encoded_decode(const struct schema_entry *entry, struct bytes bytes, void *ret_value)
{
    return schema_group_has_number(entry->group) ? message_decode(entry->schema, bytes, ret_value)
                                                 : codec_decode(entry->schema, bytes, ret_value);
}

struct bytes
encoded_sample(struct sample *sample, const struct schema_entry *entry)
{
    struct buffer buffer;
    buffer_init(&buffer, encoded_memory, sizeof encoded_memory);
    sample_reuse(sample);
    sample_value(sample, entry->schema, encoded_value);
    cr_assert_eq(codec_check(entry->schema, encoded_value), STATUS_OK, "%s", entry->schema->name);
    cr_assert_eq(encoded_encode(entry, encoded_value, &buffer), STATUS_OK, "%s",
                 entry->schema->name);
    return buffer_bytes(&buffer);
}

void
expect_refusal(const struct schema_entry *entry, struct bytes bytes, enum status expected,
               const char *what)
{
    static _Alignas(max_align_t) uint8_t decoded[SCHEMA_STRUCT_BYTES_MAX];
    static uint8_t untouched[SCHEMA_STRUCT_BYTES_MAX];
    memset(decoded, 0xa5, sizeof decoded);
    memset(untouched, 0xa5, sizeof untouched);
    const enum status status = encoded_decode(entry, bytes, decoded);
    cr_assert_eq(status, expected, "%s, %s: %s instead of %s", entry->schema->name, what,
                 status_name(status), status_name(expected));
    cr_assert_eq(memcmp(decoded, untouched, sizeof decoded), 0, "written in spite of the error");
}

static void
skip_list(struct reader *reader, bool is_text)
{
    const size_t count = reader_array(reader);
    for (size_t i = 0; i < count; i++) {
        if (is_text) {
            (void)reader_text(reader);
        } else {
            (void)reader_bin(reader);
        }
    }
}

static void
skip_element(struct reader *reader, enum field_type type)
{
    switch (type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
        (void)reader_unsigned(reader);
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        (void)reader_signed(reader);
        break;
    case FIELD_FLAG:
        (void)reader_flag(reader);
        break;
    case FIELD_FIXED:
    case FIELD_BYTES:
        (void)reader_bin(reader);
        break;
    case FIELD_TEXT:
        (void)reader_text(reader);
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        skip_list(reader, type == FIELD_TEXT_LIST);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

struct span
span_of(const struct schema_entry *entry, struct bytes bytes, size_t index)
{
    struct reader reader;
    reader_init(&reader, bytes);
    (void)reader_array(&reader);
    if (schema_group_has_number(entry->group)) {
        (void)reader_unsigned(&reader);
    }
    for (size_t i = 0; i < index; i++) {
        skip_element(&reader, entry->schema->fields[i].type);
    }
    struct span span = {.start = reader.position};
    skip_element(&reader, entry->schema->fields[index].type);
    span.end = reader.position;
    cr_assert_eq(reader.status, STATUS_OK);
    return span;
}

/* The encoded bytes with one element replaced. */
struct bytes
replaced(struct bytes bytes, struct span span, struct bytes element)
{
    static uint8_t changed_memory[ENCODED_MAX];
    struct buffer buffer;
    buffer_init(&buffer, changed_memory, sizeof changed_memory);
    buffer_append(&buffer, bytes.data, span.start);
    buffer_append(&buffer, element.data, element.length);
    buffer_append(&buffer, bytes.data + span.end, bytes.length - span.end);
    cr_assert_not(buffer.overflowed);
    return buffer_bytes(&buffer);
}

bool
is_integer(enum field_type type)
{
    return type == FIELD_NUMBER || type == FIELD_ENUM || type == FIELD_SET ||
           type == FIELD_AMOUNT || type == FIELD_BALANCE;
}

bool
is_list(enum field_type type)
{
    return type == FIELD_BYTES_LIST || type == FIELD_TEXT_LIST;
}
