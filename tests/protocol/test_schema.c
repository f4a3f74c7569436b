#include "protocol/schema.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/record.h"
#include "tests/support/schemas.h"

static bool
is_integer(enum field_type type)
{
    return type == FIELD_NUMBER || type == FIELD_FLAG || type == FIELD_ENUM || type == FIELD_SET;
}

/* What the member can hold must include what the wire may bring, or decoding would cut it. */
static void
check_member(const struct schema *schema, const struct field *field)
{
    const char *where = field->name;
    cr_assert_leq(field->offset + field->size, schema->struct_size, "%s", where);
    cr_assert_leq(field->minimum,
                  is_integer(field->type) ? UINT64_MAX : field->maximum + field->size);
    switch (field->type) {
    case FIELD_NUMBER:
        cr_assert(field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8);
        cr_assert(field->size == 8 || field->maximum >> (field->size * 8) == 0, "%s", where);
        cr_assert_lt(field->minimum, field->maximum, "%s.%s", schema->name, where);
        break;
    case FIELD_FLAG:
        cr_assert_eq(field->size, sizeof(bool));
        break;
    case FIELD_ENUM:
        cr_assert_eq(field->size, 1, "%s", where);
        cr_assert(field->names != NULL && field->names->count > 0 && field->names->count <= 256);
        break;
    case FIELD_SET:
        cr_assert_eq(field->size, 4, "%s", where);
        cr_assert(field->names != NULL && field->names->count > 0 && field->names->count <= 32);
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        cr_assert_eq(field->size, sizeof(struct amount));
        break;
    case FIELD_FIXED:
        cr_assert(field->size > 0 && field->size <= 64, "%s", where);
        break;
    case FIELD_BYTES:
    case FIELD_TEXT:
        cr_assert_eq(field->size, sizeof(struct bytes), "%s", where);
        cr_assert_gt(field->maximum, 0, "%s", where);
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        cr_assert_eq(field->size, sizeof(struct bytes_list), "%s", where);
        cr_assert_gt(field->maximum, 0, "%s", where);
        break;
    case FIELD_TYPE_COUNT:
        cr_assert_fail("%s has no type", where);
    }
}

Test(schema, every_table_fits_its_struct_and_explains_itself)
{
    struct schema_entry entry;
    size_t count = 0;
    for (size_t i = 0; schema_at(i, &entry); i++, count++) {
        const struct schema *schema = entry.schema;
        cr_assert_leq(schema->struct_size, (size_t)SCHEMA_STRUCT_BYTES_MAX, "%s", schema->name);
        cr_assert_gt(strlen(schema->help), 3, "%s", schema->name);
        for (size_t k = 0; k < schema->field_count; k++) {
            const struct field *field = &schema->fields[k];
            check_member(schema, field);
            cr_assert_eq(schema_field(schema, field->name), field, "%s.%s: a name twice",
                         schema->name, field->name);
            cr_assert_gt(strlen(field->help), 3, "%s.%s", schema->name, field->name);
        }
    }
    cr_assert_gt(count, 60);
}

Test(schema, no_two_fields_share_bytes)
{
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        uint8_t taken[SCHEMA_STRUCT_BYTES_MAX] = {0};
        for (size_t k = 0; k < entry.schema->field_count; k++) {
            const struct field *field = &entry.schema->fields[k];
            for (size_t at = field->offset; at < field->offset + field->size; at++) {
                cr_assert_eq(taken[at], 0, "%s.%s", entry.schema->name, field->name);
                taken[at] = 1;
            }
        }
    }
}

/* What a host offers and what a renter wants must not differ in any unit's name. */
Test(schema, names_of_fields_end_in_their_units)
{
    static const struct {
        enum field_unit unit;
        const char *ending;
    } endings[] = {
        {UNIT_SECONDS, "_s"},
        {UNIT_MILLISECONDS, "_ms"},
        {UNIT_UNIX_SECONDS, "_s"},
        {UNIT_UNIX_MILLISECONDS, "_ms"},
        {UNIT_MIB, "_mib"},
        {UNIT_UUSD, "_uusd"},
        {UNIT_UUSD_PER_HOUR, "_uusd_per_hour"},
        {UNIT_BASIS_POINTS, "_bp"},
        {UNIT_MB_PER_S, "_mb_s"},
        {UNIT_MBIT_PER_S, "_mbit_s"},
        {UNIT_GFLOPS, "_gflops"},
    };
    struct schema_entry entry;
    for (size_t i = 0; schema_at(i, &entry); i++) {
        for (size_t k = 0; entry.group <= GROUP_MESSAGE && k < entry.schema->field_count; k++) {
            const struct field *field = &entry.schema->fields[k];
            for (size_t n = 0; n < sizeof endings / sizeof endings[0]; n++) {
                const size_t length = strlen(field->name);
                const size_t wanted = strlen(endings[n].ending);
                cr_assert(field->unit != endings[n].unit ||
                              (length > wanted &&
                               strcmp(field->name + length - wanted, endings[n].ending) == 0),
                          "%s.%s", entry.schema->name, field->name);
            }
        }
    }
}

Test(schema, names_are_found_in_any_case_and_only_whole)
{
    uint8_t number = 77;
    cr_assert_eq(name_table_find(&work_names, bytes_of_text("TRAIN"), &number), STATUS_OK);
    cr_assert_eq(number, WORK_TRAIN);
    static const char *const alphabet[] = {"a", "azmAZM"};
    const struct name_table letters = {alphabet, 2};
    cr_assert_eq(name_table_find(&letters, bytes_of_text("AZMazm"), &number), STATUS_OK);
    cr_assert_eq(number, 1);
    number = 77;
    cr_assert_eq(name_table_find(&work_names, bytes_of_text("trai"), &number), STATUS_NOT_FOUND);
    cr_assert_eq(name_table_find(&work_names, bytes_of_text("trains"), &number), STATUS_NOT_FOUND);
    cr_assert_eq(name_table_find(&work_names, bytes_of_text(""), &number), STATUS_NOT_FOUND);
    cr_assert_eq(name_table_find(&work_names, bytes_of("train\0", 6), &number), STATUS_NOT_FOUND);
    cr_assert_eq(number, 77);
    cr_assert_str_eq(name_table_name(&work_names, WORK_RENDER), "render");
    cr_assert_str_eq(name_table_name(&work_names, WORK_COUNT), "?");
    cr_assert_null(schema_field(&listing_schema, "vram"));
}

Test(schema, name_tables_name_every_value_of_their_enums)
{
    cr_assert_eq(work_names.count, WORK_COUNT);
    cr_assert_eq(isolation_names.count, ISOLATION_COUNT);
    cr_assert_eq(region_names.count, REGION_COUNT);
    cr_assert_eq(image_policy_names.count, IMAGE_POLICY_COUNT);
    cr_assert_eq(end_reason_names.count, END_REASON_COUNT);
    cr_assert_str_eq(name_table_name(&end_reason_names, END_NOT_STARTED), "not_started");
    cr_assert_eq(1u << listing_flag_names.count, LISTING_LIMITS_LACK << 1);
    cr_assert_eq(1u << vendor_names.count, VENDOR_SET_INTEL << 1);
}
