/* What lies one beyond a limit is refused when reading, and not written. */
#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/envelope.h"
#include "protocol/lease_state.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "protocol/writer.h"
#include "tests/protocol/encoded.h"

static uint8_t changed_memory[ENCODED_MAX];
static uint8_t letters[ENCODED_MAX];

static void
write_repeated(struct buffer *buffer, bool is_text, uint64_t length)
{
    memset(letters, 'x', sizeof letters);
    if (is_text) {
        writer_text(buffer, bytes_of(letters, (size_t)length));
    } else {
        writer_bin(buffer, bytes_of(letters, (size_t)length));
    }
}

static void
expect_element_refusal(const struct schema_entry *entry, struct bytes bytes, size_t index,
                       const struct buffer *element)
{
    expect_refusal(entry, replaced(bytes, span_of(entry, bytes, index), buffer_bytes(element)),
                   STATUS_OUT_OF_RANGE, entry->schema->fields[index].name);
}

static void
check_list_limits(const struct schema_entry *entry, struct bytes bytes, size_t index)
{
    static uint8_t memory[ENCODED_MAX];
    const struct field *field = &entry->schema->fields[index];
    const bool is_text = field->type == FIELD_TEXT_LIST;
    struct buffer element;
    buffer_init(&element, memory, sizeof memory);
    writer_array(&element, LIST_ITEMS_MAX + 1);
    for (int i = 0; i <= LIST_ITEMS_MAX; i++) {
        write_repeated(&element, is_text, field->minimum);
    }
    expect_element_refusal(entry, bytes, index, &element);
    buffer_init(&element, memory, sizeof memory);
    writer_array(&element, 1);
    write_repeated(&element, is_text, field->maximum + 1);
    expect_element_refusal(entry, bytes, index, &element);
    if (field->total > 0 && field->total < LIST_ITEMS_MAX * field->maximum) {
        const uint64_t whole = field->total / field->maximum;
        buffer_init(&element, memory, sizeof memory);
        writer_array(&element, (size_t)whole + 1);
        for (uint64_t i = 0; i < whole; i++) {
            write_repeated(&element, is_text, field->maximum);
        }
        write_repeated(&element, is_text, field->total % field->maximum + 1);
        expect_element_refusal(entry, bytes, index, &element);
    }
}

static void
check_length_limits(const struct schema_entry *entry, struct bytes bytes, size_t index)
{
    static uint8_t memory[ENCODED_MAX];
    const struct field *field = &entry->schema->fields[index];
    const bool is_fixed = field->type == FIELD_FIXED;
    const uint64_t least = is_fixed ? field->size : field->minimum;
    const uint64_t most = is_fixed ? field->size : field->maximum;
    struct buffer element;
    buffer_init(&element, memory, sizeof memory);
    write_repeated(&element, field->type == FIELD_TEXT, most + 1);
    expect_element_refusal(entry, bytes, index, &element);
    if (least > 0) {
        buffer_init(&element, memory, sizeof memory);
        write_repeated(&element, field->type == FIELD_TEXT, least - 1);
        expect_element_refusal(entry, bytes, index, &element);
    }
}

static void
check_number_limits(const struct schema_entry *entry, struct bytes bytes, size_t index)
{
    uint8_t memory[16];
    const struct field *field = &entry->schema->fields[index];
    const bool is_money = field->type == FIELD_AMOUNT || field->type == FIELD_BALANCE;
    const uint64_t most = is_money ? (uint64_t)AMOUNT_MICRO_MAX : field_greatest(field);
    struct buffer element;
    if (most < UINT64_MAX) {
        buffer_init(&element, memory, sizeof memory);
        writer_unsigned(&element, most + 1);
        expect_element_refusal(entry, bytes, index, &element);
    }
    if (field->minimum > 0) {
        buffer_init(&element, memory, sizeof memory);
        writer_unsigned(&element, field->minimum - 1);
        expect_element_refusal(entry, bytes, index, &element);
    }
    buffer_init(&element, memory, sizeof memory);
    writer_signed(&element, field->type == FIELD_BALANCE ? -AMOUNT_MICRO_MAX - 1 : -1);
    expect_element_refusal(entry, bytes, index, &element);
}

Test(limits, one_beyond_every_limit_is_refused)
{
    struct sample sample = encoded_start(6);
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        const struct bytes bytes = encoded_sample(&sample, &entry);
        for (size_t k = 0; k < entry.schema->field_count; k++) {
            const enum field_type type = entry.schema->fields[k].type;
            if (is_integer(type)) {
                check_number_limits(&entry, bytes, k);
            } else if (is_list(type)) {
                check_list_limits(&entry, bytes, k);
            } else if (type != FIELD_FLAG) {
                check_length_limits(&entry, bytes, k);
            }
        }
    }
}

Test(limits, members_beyond_their_limits_are_not_encoded)
{
    struct sample sample = encoded_start(9);
    struct schema_entry entry;
    size_t checked = 0;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (size_t k = 0; k < entry.schema->field_count; k++) {
            const struct field *field = &entry.schema->fields[k];
            (void)encoded_sample(&sample, &entry);
            if (field->type == FIELD_TEXT || field->type == FIELD_BYTES) {
                const struct bytes longer = bytes_of(letters, (size_t)field->maximum + 1);
                memcpy(encoded_value + field->offset, &longer, sizeof longer);
            } else if (is_integer(field->type) && field->type != FIELD_AMOUNT &&
                       field->type != FIELD_BALANCE && field->size < 8 &&
                       field_greatest(field) < (UINT64_C(1) << (field->size * 8)) - 1) {
                memset(encoded_value + field->offset, 0xff, field->size);
            } else {
                continue;
            }
            struct buffer buffer;
            buffer_init(&buffer, changed_memory, sizeof changed_memory);
            cr_assert_eq(encoded_encode(&entry, encoded_value, &buffer), STATUS_OUT_OF_RANGE,
                         "%s.%s", entry.schema->name, field->name);
            cr_assert_eq(buffer.length, 0);
            checked++;
        }
    }
    cr_assert_gt(checked, 100);
}

Test(limits, texts_that_no_reader_would_take_are_not_encoded)
{
    static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80"};
    struct sample sample = encoded_start(12);
    struct schema_entry entry;
    size_t checked = 0;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (size_t k = 0; k < entry.schema->field_count; k++) {
            const struct field *field = &entry.schema->fields[k];
            const bool is_text_list = field->type == FIELD_TEXT_LIST;
            if (field->type != FIELD_TEXT && !is_text_list) {
                continue;
            }
            (void)encoded_sample(&sample, &entry);
            const struct bytes text = bytes_of_text(bad[checked++ % 3]);
            const struct bytes_list list = {.count = 1, .items = {text}};
            const void *from = is_text_list ? (const void *)&list : (const void *)&text;
            memcpy(encoded_value + field->offset, from, field->size);
            struct buffer buffer;
            buffer_init(&buffer, changed_memory, sizeof changed_memory);
            cr_assert_eq(encoded_encode(&entry, encoded_value, &buffer), STATUS_BAD_TEXT, "%s.%s",
                         entry.schema->name, field->name);
        }
    }
    cr_assert_gt(checked, 10);
}

/* Said here in numbers, and not taken from the tables that the other tests follow. */
Test(limits, tables_end_where_their_enums_end)
{
    static const struct {
        const struct schema *schema;
        const char *field;
        uint64_t greatest;
    } cases[] = {
        {&listing_schema, "region", REGION_COUNT - 1},
        {&listing_schema, "isolation", ISOLATION_COUNT - 1},
        {&listing_schema, "works", (1u << WORK_COUNT) - 1},
        {&listing_schema, "flags", 2 * LISTING_LIMITS_LACK - 1},
        {&listing_schema, "slots_total", 64},
        {&listing_schema, "gpu_class", 255},
        {&request_schema, "vendors", 7},
        {&request_schema, "regions", (1u << REGION_COUNT) - 1},
        {&withdrawal_schema, "victim_kind", RECORD_KIND_COUNT - 1},
        {&final_schema, "reason", END_HOST_SILENT},
        {&refused_message_schema, "reason", REFUSAL_WORK},
        {&lease_state_message_schema, "state", LEASE_VOID},
        {&envelope_schema, "ttl_s", 86400},
        {&ping_message_schema, "token", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct field *field = schema_field(cases[i].schema, cases[i].field);
        cr_assert_not_null(field, "%s", cases[i].field);
        cr_assert_eq(field_greatest(field), cases[i].greatest, "%s", cases[i].field);
    }
}
