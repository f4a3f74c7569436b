#include "protocol/codec.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>

#include "protocol/reader.h"
#include "protocol/writer.h"
#include "tests/protocol/encoded.h"

enum { ROUNDS = 60 };

/* One test at a time runs in a process of its own. */
static uint8_t changed_memory[ENCODED_MAX];
static _Alignas(max_align_t) uint8_t decoded[SCHEMA_STRUCT_BYTES_MAX];

Test(codec, every_value_survives_and_has_one_encoding)
{
    struct sample sample = encoded_start(1);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (int round = 0; round < ROUNDS; round++) {
            const struct bytes bytes = encoded_sample(&sample, &entry);
            cr_assert_leq(bytes.length, schema_encoded_max(entry.schema));
            cr_assert_eq(encoded_decode(&entry, bytes, decoded), STATUS_OK, "%s",
                         entry.schema->name);
            cr_assert_eq(codec_compare(entry.schema, encoded_value, decoded), 0, "%s",
                         entry.schema->name);
            struct buffer again;
            buffer_init(&again, changed_memory, sizeof changed_memory);
            cr_assert_eq(encoded_encode(&entry, decoded, &again), STATUS_OK);
            cr_assert(bytes_equal(bytes, buffer_bytes(&again)), "%s", entry.schema->name);
        }
    }
}

Test(codec, bytes_that_end_too_early_or_too_late_are_refused)
{
    struct sample sample = encoded_start(2);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (int round = 0; round < 3; round++) {
            const struct bytes bytes = encoded_sample(&sample, &entry);
            const size_t step = bytes.length < 2000 ? 1 : 97;
            for (size_t cut = 0; cut < bytes.length; cut += step) {
                expect_refusal(&entry, bytes_of(bytes.data, cut), STATUS_TRUNCATED, "cut");
            }
            memcpy(changed_memory, bytes.data, bytes.length);
            changed_memory[bytes.length] = 0xc0;
            expect_refusal(&entry, bytes_of(changed_memory, bytes.length + 1), STATUS_TRAILING,
                           "more");
        }
    }
}

Test(codec, a_buffer_that_is_too_small_is_said_so)
{
    struct sample sample = encoded_start(3);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        const struct bytes bytes = encoded_sample(&sample, &entry);
        const size_t step = bytes.length < 500 ? 1 : 499;
        for (size_t capacity = 0; capacity < bytes.length; capacity += step) {
            struct buffer small;
            buffer_init(&small, changed_memory, capacity);
            cr_assert_eq(encoded_encode(&entry, encoded_value, &small), STATUS_NO_SPACE);
            cr_assert(small.overflowed);
        }
    }
}

#define LITERAL(text) bytes_of((text), sizeof(text) - 1)

Test(codec, every_field_refuses_every_other_type)
{
    const struct {
        const char *what;
        struct bytes element;
    } foreign[] = {
        {"nil", LITERAL("\xc0")},
        {"unused", LITERAL("\xc1")},
        {"float", LITERAL("\xca\x3f\x80\x00\x00")},
        {"double", LITERAL("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00")},
        {"ext", LITERAL("\xd4\x01\x00")},
        {"ext 8", LITERAL("\xc7\x01\x01\x00")},
        {"timestamp", LITERAL("\xd6\xff\x00\x00\x00\x00")},
        {"map", LITERAL("\x81\x01\x01")},
        {"empty map", LITERAL("\x80")},
    };
    struct sample sample = encoded_start(4);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        const struct bytes bytes = encoded_sample(&sample, &entry);
        for (size_t k = 0; k < entry.schema->field_count; k++) {
            const enum field_type type = entry.schema->fields[k].type;
            const struct span span = span_of(&entry, bytes, k);
            for (size_t n = 0; n < sizeof foreign / sizeof foreign[0]; n++) {
                expect_refusal(&entry, replaced(bytes, span, foreign[n].element), STATUS_WRONG_TYPE,
                               foreign[n].what);
            }
            const bool is_text = type == FIELD_TEXT;
            const bool is_bin = type == FIELD_BYTES || type == FIELD_FIXED;
            if (!is_integer(type)) {
                expect_refusal(&entry, replaced(bytes, span, LITERAL("\x01")), STATUS_WRONG_TYPE,
                               "integer");
            }
            if (type != FIELD_FLAG) {
                expect_refusal(&entry, replaced(bytes, span, LITERAL("\xc3")), STATUS_WRONG_TYPE,
                               "true");
            }
            if (!is_text) {
                expect_refusal(&entry, replaced(bytes, span, LITERAL("\xa1x")), STATUS_WRONG_TYPE,
                               "str");
            }
            if (!is_bin) {
                expect_refusal(&entry, replaced(bytes, span, LITERAL("\xc4\x01x")),
                               STATUS_WRONG_TYPE, "bin");
            }
            expect_refusal(&entry, replaced(bytes, span, LITERAL("\xdd\xff\xff\xff\xff")),
                           is_list(type) ? STATUS_TRUNCATED : STATUS_WRONG_TYPE, "huge array");
        }
    }
}

/* The same integer in its 64-bit form, or the same header in its 32-bit form. */
static bool
lengthened(enum field_type type, struct bytes element, struct buffer *buffer)
{
    struct reader reader;
    reader_init(&reader, element);
    if (is_integer(type)) {
        const bool is_signed = element.data[0] >= 0xd0;
        const uint64_t number =
            is_signed ? (uint64_t)reader_signed(&reader) : reader_unsigned(&reader);
        buffer_append_byte(buffer, is_signed ? 0xd3 : 0xcf);
        for (unsigned shift = 64; shift > 0; shift -= 8) {
            buffer_append_byte(buffer, (uint8_t)(number >> (shift - 8)));
        }
        return element.length < 9;
    }
    if (type == FIELD_FLAG) {
        return false;
    }
    const uint64_t count = is_list(type)        ? reader_array(&reader)
                           : type == FIELD_TEXT ? reader_text(&reader).length
                                                : reader_bin(&reader).length;
    buffer_append_byte(buffer, is_list(type) ? 0xdd : type == FIELD_TEXT ? 0xdb : 0xc6);
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        buffer_append_byte(buffer, (uint8_t)(count >> (shift - 8)));
    }
    const size_t header = is_list(type) ? (count > 15 ? 3 : 1) : element.length - count;
    buffer_append(buffer, element.data + header, element.length - header);
    return count <= UINT16_MAX;
}

Test(codec, every_field_refuses_a_longer_form_of_its_value)
{
    static uint8_t memory[ENCODED_MAX];
    struct sample sample = encoded_start(5);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (int round = 0; round < 5; round++) {
            const struct bytes bytes = encoded_sample(&sample, &entry);
            for (size_t k = 0; k < entry.schema->field_count; k++) {
                const struct span span = span_of(&entry, bytes, k);
                const struct bytes element =
                    bytes_of(bytes.data + span.start, span.end - span.start);
                struct buffer longer;
                buffer_init(&longer, memory, sizeof memory);
                if (lengthened(entry.schema->fields[k].type, element, &longer)) {
                    expect_refusal(&entry, replaced(bytes, span, buffer_bytes(&longer)),
                                   STATUS_NOT_CANONICAL, entry.schema->fields[k].name);
                }
            }
        }
    }
}

Test(codec, every_text_refuses_what_is_not_utf8)
{
    const struct bytes bad[] = {
        LITERAL("\xa1\xff"),
        LITERAL("\xa1\x00"),
        LITERAL("\xa2\xc0\x80"),
        LITERAL("\xa3\xed\xa0\x80"),
        LITERAL("\xa4\xf4\x90\x80\x80"),
        LITERAL("\xa1\xc3"),
    };
    struct sample sample = encoded_start(7);
    struct schema_entry entry;
    size_t checked = 0;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        const struct bytes bytes = encoded_sample(&sample, &entry);
        for (size_t k = 0; k < entry.schema->field_count; k++) {
            const enum field_type type = entry.schema->fields[k].type;
            if (type != FIELD_TEXT && type != FIELD_TEXT_LIST) {
                continue;
            }
            for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
                uint8_t element[16] = {0x91};
                memcpy(element + 1, bad[n].data, bad[n].length);
                const size_t skip = type == FIELD_TEXT ? 1 : 0;
                const struct bytes changed =
                    replaced(bytes, span_of(&entry, bytes, k),
                             bytes_of(element + skip, bad[n].length + 1 - skip));
                expect_refusal(&entry, changed, STATUS_BAD_TEXT, entry.schema->fields[k].name);
                checked++;
            }
        }
    }
    cr_assert_gt(checked, 0);
}

Test(codec, a_wrong_count_of_fields_is_refused)
{
    struct sample sample = encoded_start(8);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        const struct bytes bytes = encoded_sample(&sample, &entry);
        const bool has_number = schema_group_has_number(entry.group);
        const size_t count = entry.schema->field_count + has_number;
        const size_t header = count > 15 ? 3 : 1;
        for (size_t other = count - 1; other <= count + 1; other += 2) {
            if ((other > 15) != (count > 15)) {
                continue;
            }
            struct buffer buffer;
            buffer_init(&buffer, changed_memory, sizeof changed_memory);
            writer_array(&buffer, other);
            buffer_append(&buffer, bytes.data + header, bytes.length - header);
            buffer_append_byte(&buffer, 0);
            expect_refusal(&entry, buffer_bytes(&buffer), STATUS_OUT_OF_RANGE, "count");
        }
    }
}

static void
expect_same_scalar(const struct field *field, const msgpack_object *theirs)
{
    struct bytes ours;
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
        cr_assert_eq(theirs->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
        cr_assert_eq(theirs->via.u64, field_number(field, encoded_value));
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        cr_assert_eq(theirs->via.i64, amount_micro(field_amount(field, encoded_value)));
        break;
    case FIELD_FLAG:
        cr_assert_eq(theirs->type, MSGPACK_OBJECT_BOOLEAN);
        cr_assert_eq(theirs->via.boolean, field_number(field, encoded_value) != 0);
        break;
    case FIELD_FIXED:
    case FIELD_BYTES:
        cr_assert_eq(theirs->type, MSGPACK_OBJECT_BIN);
        ours = field_bytes(field, encoded_value);
        cr_assert(bytes_equal(ours, bytes_of(theirs->via.bin.ptr, theirs->via.bin.size)));
        break;
    case FIELD_TEXT:
        cr_assert_eq(theirs->type, MSGPACK_OBJECT_STR);
        ours = field_bytes(field, encoded_value);
        cr_assert(bytes_equal(ours, bytes_of(theirs->via.str.ptr, theirs->via.str.size)));
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        cr_assert_eq(theirs->type, MSGPACK_OBJECT_ARRAY);
        cr_assert_eq(theirs->via.array.size, field_list(field, encoded_value)->count);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

Test(codec, msgpack_reads_the_same_values)
{
    struct sample sample = encoded_start(10);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (int round = 0; round < 10; round++) {
            const struct bytes bytes = encoded_sample(&sample, &entry);
            msgpack_unpacked theirs;
            msgpack_unpacked_init(&theirs);
            size_t offset = 0;
            cr_assert_eq(
                msgpack_unpack_next(&theirs, (const char *)bytes.data, bytes.length, &offset),
                MSGPACK_UNPACK_SUCCESS);
            cr_assert_eq(offset, bytes.length);
            cr_assert_eq(theirs.data.type, MSGPACK_OBJECT_ARRAY);
            const msgpack_object *elements = theirs.data.via.array.ptr;
            const bool has_number = schema_group_has_number(entry.group);
            cr_assert_eq(theirs.data.via.array.size, entry.schema->field_count + has_number);
            if (has_number) {
                cr_assert_eq(elements[0].via.u64, entry.schema->number);
            }
            for (size_t k = 0; k < entry.schema->field_count; k++) {
                expect_same_scalar(&entry.schema->fields[k], &elements[k + has_number]);
            }
            msgpack_unpacked_destroy(&theirs);
        }
    }
}

/* Bytes that were changed at random are refused, or are the one encoding of another value. */
Test(codec, what_is_accepted_encodes_to_the_same_bytes)
{
    struct sample sample = encoded_start(11);
    struct schema_entry entry;
    size_t accepted = 0;
    size_t refused = 0;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        const struct bytes bytes = encoded_sample(&sample, &entry);
        if (bytes.length > 4096) {
            continue;
        }
        for (int round = 0; round < 400; round++) {
            memcpy(changed_memory, bytes.data, bytes.length);
            changed_memory[sample_below(&sample, bytes.length)] = (uint8_t)sample_next(&sample);
            changed_memory[sample_below(&sample, bytes.length)] ^=
                (uint8_t)(1u << sample_below(&sample, 8));
            if (encoded_decode(&entry, bytes_of(changed_memory, bytes.length), decoded) !=
                STATUS_OK) {
                refused++;
                continue;
            }
            static uint8_t memory[ENCODED_MAX];
            struct buffer again;
            buffer_init(&again, memory, sizeof memory);
            cr_assert_eq(encoded_encode(&entry, decoded, &again), STATUS_OK);
            cr_assert(bytes_equal(buffer_bytes(&again), bytes_of(changed_memory, bytes.length)));
            accepted++;
        }
    }
    cr_assert_gt(accepted, 1000);
    cr_assert_gt(refused, 1000);
}
