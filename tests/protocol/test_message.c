#include "protocol/message.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/record.h"

Test(message, the_largest_of_every_type_fits_a_frame)
{
    size_t count = 0;
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        const struct schema *schema = message_schema((uint8_t)type);
        if (schema == NULL) {
            continue;
        }
        count++;
        cr_assert_eq(schema->number, type);
        cr_assert_leq(schema_encoded_max(schema), (size_t)FRAME_BYTES_MAX, "%s", schema->name);
    }
    cr_assert_eq(count, 31);
}

Test(message, refusals_have_a_name_each)
{
    cr_assert_eq(refusal_names.count, REFUSAL_COUNT);
    cr_assert_str_eq(name_table_name(&refusal_names, REFUSAL_WORK), "work");
    cr_assert_str_eq(name_table_name(&refusal_names, REFUSAL_WAIT), "wait");
}

Test(message, its_type_is_known_from_its_first_bytes)
{
    static const struct {
        struct bytes input;
        enum status status;
        uint8_t type;
    } cases[] = {
        {{(const uint8_t *)"\x92\x0f\x01", 3}, STATUS_OK, MESSAGE_PING},
        {{(const uint8_t *)"\x92\x0f\xc0garbage", 10}, STATUS_OK, MESSAGE_PING},
        {{(const uint8_t *)"\x92\xcc\xff\x01", 4}, STATUS_OK, 255},
        {{(const uint8_t *)"\x92\xcd\x01\x00\x01", 5}, STATUS_UNKNOWN_KIND, 0},
        {{(const uint8_t *)"\x90", 1}, STATUS_OUT_OF_RANGE, 0},
        {{(const uint8_t *)"\x92\xcc\x0f\x01", 4}, STATUS_NOT_CANONICAL, 0},
        {{(const uint8_t *)"\x0f", 1}, STATUS_WRONG_TYPE, 0},
        {{(const uint8_t *)"\xdd\xff\xff\xff\xff", 5}, STATUS_TRUNCATED, 0},
        {{NULL, 0}, STATUS_TRUNCATED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t type = 0;
        cr_assert_eq(message_type(cases[i].input, &type), cases[i].status, "case %zu", i);
        cr_assert_eq(type, cases[i].type, "case %zu", i);
    }
}

Test(message, one_type_does_not_decode_as_another_of_the_same_shape)
{
    uint8_t memory[32];
    struct buffer buffer;
    struct ping_message ping = {.token = 7};
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(message_encode(&ping_message_schema, &ping, &buffer), STATUS_OK);
    cr_assert_eq(message_decode(&pong_message_schema, buffer_bytes(&buffer), &ping),
                 STATUS_UNKNOWN_KIND);
    cr_assert_eq(message_decode(&ping_message_schema, buffer_bytes(&buffer), &ping), STATUS_OK);
    cr_assert_eq(ping.token, 7);
}

/* A command of the largest allowed size still leaves room for the rest of START. */
Test(message, a_full_command_fits_a_frame)
{
    static uint8_t memory[FRAME_BYTES_MAX];
    static char letters[COMMAND_BYTES_MAX];
    static struct start_message start;
    memset(letters, 'x', sizeof letters);
    start.voucher = bytes_of(letters, RECORD_BYTES_MAX);
    start.arguments.count = LIST_ITEMS_MAX;
    start.environment.count = LIST_ITEMS_MAX;
    for (size_t i = 0; i < LIST_ITEMS_MAX; i++) {
        const struct bytes share = bytes_of(letters, COMMAND_BYTES_MAX / 2 / LIST_ITEMS_MAX);
        start.arguments.items[i] = share;
        start.environment.items[i] = share;
    }
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(message_encode(&start_message_schema, &start, &buffer), STATUS_OK);
    start.arguments.items[0].length++;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(message_encode(&start_message_schema, &start, &buffer), STATUS_OUT_OF_RANGE);
}
