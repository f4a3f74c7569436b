#include "protocol/row.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "protocol/table.h"
#include "tests/support/sample.h"

static const struct schema *const rows[] = {
    &lease_row_schema,    &ledger_row_schema,    &balance_row_schema, &offer_row_schema,
    &setting_row_schema,  &sequence_row_schema,  &guard_row_schema,   &peer_row_schema,
    &standing_row_schema, &gang_seat_row_schema, &gang_row_schema,
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0], STRUCT_MAX = 8192 };

static uint8_t arena[65536];
static uint8_t encoded[65536];
static _Alignas(max_align_t) uint8_t value[STRUCT_MAX];
static _Alignas(max_align_t) uint8_t decoded[STRUCT_MAX];

static enum status
round_trip(const struct schema *schema, const void *from, void *ret_value)
{
    struct buffer buffer;
    buffer_init(&buffer, encoded, sizeof encoded);
    const enum status status = codec_encode(schema, from, &buffer);
    return status == STATUS_OK ? codec_decode(schema, buffer_bytes(&buffer), ret_value) : status;
}

Test(row, every_row_comes_back_as_it_was)
{
    struct sample sample;
    sample_init(&sample, 7, arena, sizeof arena);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        cr_assert_leq(schema_encoded_max(rows[i]), ROW_VALUE_BYTES_MAX, "%s", rows[i]->name);
        for (int round = 0; round < 100; round++) {
            sample_reuse(&sample);
            sample_value(&sample, rows[i], value);
            cr_assert_eq(round_trip(rows[i], value, decoded), STATUS_OK, "%s", rows[i]->name);
            cr_assert_eq(codec_compare(rows[i], value, decoded), 0, "%s", rows[i]->name);
        }
    }
}

/* A member that no field names would be lost with every restart. */
Test(row, every_member_of_a_row_is_kept)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        size_t at = 0;
        for (size_t f = 0; f < rows[i]->field_count; f++) {
            const struct field *field = &rows[i]->fields[f];
            cr_assert_geq(field->offset, at, "%s.%s is out of order", rows[i]->name, field->name);
            cr_assert_lt(field->offset - at, 8, "a member before %s.%s is not kept", rows[i]->name,
                         field->name);
            at = field->offset + field->size;
        }
        cr_assert_lt(rows[i]->struct_size - at, 8, "a last member of %s is not kept",
                     rows[i]->name);
    }
}

static struct lease_row
plain_lease(void)
{
    return (struct lease_row){.state = LEASE_ACTIVE, .label = bytes_of_text("card")};
}

Test(row, a_lease_row_outside_its_tables_is_refused)
{
    struct lease_row row = plain_lease();
    cr_assert_eq(round_trip(&lease_row_schema, &row, decoded), STATUS_OK);
    row.state = LEASE_STATE_COUNT;
    cr_assert_eq(round_trip(&lease_row_schema, &row, decoded), STATUS_OUT_OF_RANGE);
    row = plain_lease();
    row.reason = END_REASON_COUNT;
    cr_assert_eq(round_trip(&lease_row_schema, &row, decoded), STATUS_OUT_OF_RANGE);
    row = plain_lease();
    row.label = bytes_of(arena, 65);
    memset(arena, 'x', 65);
    cr_assert_eq(round_trip(&lease_row_schema, &row, decoded), STATUS_OUT_OF_RANGE);
    row = plain_lease();
    cr_assert_eq(amount_of_micro(-1, &row.voucher_uusd), STATUS_OK);
    cr_assert_eq(round_trip(&lease_row_schema, &row, decoded), STATUS_OUT_OF_RANGE);
}

Test(row, an_entry_of_the_ledger_is_never_negative_but_a_balance_may_be)
{
    struct ledger_row entry = {.number = 1, .debit = ACCOUNT_RECEIVABLE, .credit = ACCOUNT_EARNED};
    struct balance_row balance = {.leases = 1};
    struct balance_row back;
    cr_assert_eq(amount_of_micro(-5, &entry.amount_uusd), STATUS_OK);
    cr_assert_eq(round_trip(&ledger_row_schema, &entry, decoded), STATUS_OUT_OF_RANGE);
    cr_assert_eq(amount_of_micro(-5, &balance.payable_uusd), STATUS_OK);
    cr_assert_eq(amount_of_micro(AMOUNT_MICRO_MAX, &balance.receivable_uusd), STATUS_OK);
    cr_assert_eq(amount_of_micro(-AMOUNT_MICRO_MAX, &balance.earned_uusd), STATUS_OK);
    cr_assert_eq(round_trip(&balance_row_schema, &balance, &back), STATUS_OK);
    cr_assert_eq(codec_compare(&balance_row_schema, &balance, &back), 0);
    entry.amount_uusd = amount_zero();
    entry.debit = ACCOUNT_COUNT;
    cr_assert_eq(round_trip(&ledger_row_schema, &entry, decoded), STATUS_OUT_OF_RANGE);
}

Test(row, each_kind_of_row_has_a_number_and_a_name_of_its_own)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(rows[i]->number, rows[j]->number);
            cr_assert_str_neq(rows[i]->name, rows[j]->name);
        }
    }
    cr_assert_eq(account_names.count, ACCOUNT_COUNT);
    for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
        cr_assert_str_neq(name_table_name(&account_names, i), "?");
    }
}
