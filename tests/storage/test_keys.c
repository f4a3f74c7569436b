#include "storage/keys.h"

#include <criterion/criterion.h>
#include <string.h>

#include "storage/check_sum.h"
#include "tests/storage/scratch.h"

Test(keys, every_table_gives_back_the_parts_that_name_its_rows)
{
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        const enum table table = (enum table)i;
        if (table == TABLE_RECORDS) {
            continue; /* decodes its timed key, below */
        }
        const struct row_key key = scratch_key(0x0102030405060708);
        const struct encoded_key encoded = key_encode(table, &key);
        struct row_key decoded;
        cr_assert_eq(key_decode(table, bytes_of(encoded.bytes, encoded.length), &decoded),
                     STATUS_OK);
        const enum key_parts parts = table_layout(table)->parts;
        const struct row_key nothing = {.number = 0};
        cr_assert_eq(decoded.number, parts == KEY_ID ? 0 : key.number);
        cr_assert_arr_eq(decoded.id, parts == KEY_NUMBER ? nothing.id : key.id, ID_LENGTH);
    }
}

Test(keys, of_another_length_are_damage)
{
    const uint8_t bytes[KEY_LENGTH_MAX + 1] = {0};
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        const struct row_key key = scratch_key(1);
        const size_t right =
            i == TABLE_RECORDS ? (size_t)KEY_LENGTH_MAX : key_encode((enum table)i, &key).length;
        for (size_t length = 0; length <= sizeof bytes; length++) {
            struct row_key decoded;
            cr_assert_eq(key_decode((enum table)i, bytes_of(bytes, length), &decoded),
                         length == right ? STATUS_OK : STATUS_CORRUPT, "%u %zu", i, length);
        }
    }
}

Test(keys, byte_order_is_the_order_of_numbers)
{
    static const uint64_t rising[] = {0,         1, 255, 256, 65535, 1ULL << 32, UINT64_MAX - 1,
                                      UINT64_MAX};
    for (size_t i = 1; i < sizeof rising / sizeof rising[0]; i++) {
        const struct row_key low = {.number = rising[i - 1]};
        const struct row_key high = {.number = rising[i]};
        const struct encoded_key a = key_encode(TABLE_LEDGER, &low);
        const struct encoded_key b = key_encode(TABLE_LEDGER, &high);
        cr_assert_lt(bytes_compare(bytes_of(a.bytes, a.length), bytes_of(b.bytes, b.length)), 0);
        cr_assert_eq(number_read(b.bytes), rising[i]);
    }
}

Test(check_sum, finds_every_changed_byte_and_a_row_under_another_name)
{
    const struct row_key key = scratch_key(5);
    const struct row_key other = scratch_key(6);
    const struct encoded_key encoded = key_encode(TABLE_EVIDENCE, &key);
    const struct encoded_key foreign = key_encode(TABLE_EVIDENCE, &other);
    uint8_t stored[20 + CHECK_SUM_LENGTH] = "twenty bytes of text";
    check_sum_make(TABLE_EVIDENCE, &encoded, bytes_of(stored, 20), stored + 20);
    struct bytes value;
    cr_assert_eq(check_sum_strip(TABLE_EVIDENCE, &encoded, bytes_of(stored, sizeof stored), &value),
                 STATUS_OK);
    cr_assert_eq(value.length, 20);
    cr_assert_eq(check_sum_strip(TABLE_EVIDENCE, &foreign, bytes_of(stored, sizeof stored), &value),
                 STATUS_CORRUPT);
    cr_assert_eq(check_sum_strip(TABLE_GUARDS, &encoded, bytes_of(stored, sizeof stored), &value),
                 STATUS_CORRUPT);
    for (size_t length = 0; length < sizeof stored; length++) {
        cr_assert_eq(check_sum_strip(TABLE_EVIDENCE, &encoded, bytes_of(stored, length), &value),
                     STATUS_CORRUPT);
    }
    for (size_t i = 0; i < sizeof stored; i++) {
        stored[i] ^= 0x10;
        cr_assert_eq(
            check_sum_strip(TABLE_EVIDENCE, &encoded, bytes_of(stored, sizeof stored), &value),
            STATUS_CORRUPT, "byte %zu", i);
        stored[i] ^= 0x10;
    }
}
