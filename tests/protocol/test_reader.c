#include "protocol/reader.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>

#include "protocol/writer.h"

/* C string literals as views, so that inputs may hold NUL. */
#define INPUT(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

enum what { ARRAY, UNSIGNED, SIGNED, FLAG, BIN, TEXT, WHAT_COUNT };

static enum status
read_what(struct bytes bytes, enum what what, uint64_t *ret_number, struct bytes *ret_bytes)
{
    struct reader reader;
    reader_init(&reader, bytes);
    *ret_number = 0;
    *ret_bytes = (struct bytes){0};
    switch (what) {
    case ARRAY:
        *ret_number = reader_array(&reader);
        return reader.status; /* its elements follow */
    case UNSIGNED:
        *ret_number = reader_unsigned(&reader);
        break;
    case SIGNED:
        *ret_number = (uint64_t)reader_signed(&reader);
        break;
    case FLAG:
        *ret_number = reader_flag(&reader);
        break;
    case BIN:
        *ret_bytes = reader_bin(&reader);
        break;
    case TEXT:
        *ret_bytes = reader_text(&reader);
        break;
    case WHAT_COUNT:
        break;
    }
    return reader_finish(&reader);
}

struct refusal_case {
    enum what what;
    struct bytes input;
    enum status status;
};

static const struct refusal_case refusals[] = {
    /* Integers longer than they need to be. */
    {UNSIGNED, INPUT("\xcc\x00"), STATUS_NOT_CANONICAL},
    {UNSIGNED, INPUT("\xcc\x7f"), STATUS_NOT_CANONICAL},
    {UNSIGNED, INPUT("\xcd\x00\xff"), STATUS_NOT_CANONICAL},
    {UNSIGNED, INPUT("\xce\x00\x00\xff\xff"), STATUS_NOT_CANONICAL},
    {UNSIGNED, INPUT("\xcf\x00\x00\x00\x00\xff\xff\xff\xff"), STATUS_NOT_CANONICAL},
    {UNSIGNED, INPUT("\xd0\x05"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd0\x7f"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd0\xe0"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd1\xff\x80"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd1\x7f\xff"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd2\xff\xff\x80\x00"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd3\xff\xff\xff\xff\x80\x00\x00\x00"), STATUS_NOT_CANONICAL},
    {SIGNED, INPUT("\xd3\x00\x00\x00\x00\x00\x00\x00\x00"), STATUS_NOT_CANONICAL},
    /* Headers longer than they need to be. */
    {BIN, INPUT("\xc5\x00\x00"), STATUS_NOT_CANONICAL},
    {BIN, INPUT("\xc6\x00\x00\xff\xff"), STATUS_NOT_CANONICAL},
    {TEXT, INPUT("\xd9\x00"), STATUS_NOT_CANONICAL},
    {TEXT, INPUT("\xd9\x1f"), STATUS_NOT_CANONICAL},
    {TEXT, INPUT("\xda\x00\xff"), STATUS_NOT_CANONICAL},
    {TEXT, INPUT("\xdb\x00\x00\xff\xff"), STATUS_NOT_CANONICAL},
    {ARRAY, INPUT("\xdc\x00\x0f"), STATUS_NOT_CANONICAL},
    {ARRAY, INPUT("\xdd\x00\x00\xff\xff"), STATUS_NOT_CANONICAL},
    /* Negative where nothing negative may be; more than int64 where that is all there may be. */
    {UNSIGNED, INPUT("\xff"), STATUS_OUT_OF_RANGE},
    {UNSIGNED, INPUT("\xd0\x80"), STATUS_OUT_OF_RANGE},
    {SIGNED, INPUT("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), STATUS_OUT_OF_RANGE},
    /* Announced and not delivered. */
    {ARRAY, INPUT("\xdd\xff\xff\xff\xff"), STATUS_TRUNCATED},
    {ARRAY, INPUT("\xdc\xff\xff"), STATUS_TRUNCATED},
    {ARRAY, INPUT("\x91"), STATUS_TRUNCATED},
    {ARRAY, INPUT("\xdd\xff\xff"), STATUS_TRUNCATED},
    {BIN, INPUT("\xc6\xff\xff\xff\xff"), STATUS_TRUNCATED},
    {BIN, INPUT("\xc4\x02\x01"), STATUS_TRUNCATED},
    {TEXT, INPUT("\xdb\xff\xff\xff\xff"), STATUS_TRUNCATED},
    {TEXT, INPUT("\xa2x"), STATUS_TRUNCATED},
    {UNSIGNED, INPUT(""), STATUS_TRUNCATED},
    {UNSIGNED, INPUT("\xcf\x01"), STATUS_TRUNCATED},
    /* More than the value. */
    {UNSIGNED, INPUT("\x01\x01"), STATUS_TRAILING},
    {TEXT, INPUT("\xa1xy"), STATUS_TRAILING},
};

Test(reader, malformed_input_is_refused_by_its_name)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        uint64_t number;
        struct bytes bytes;
        const enum status status = read_what(refusals[i].input, refusals[i].what, &number, &bytes);
        cr_assert_eq(status, refusals[i].status, "case %zu: %s", i, status_name(status));
    }
}

/* For each first byte, the one thing it may begin; nil, floats, maps and ext begin nothing. */
static bool
begins(unsigned form, enum what what)
{
    const bool is_integer = form <= 0x7f || form >= 0xe0 || (form >= 0xcc && form <= 0xd3);
    switch (what) {
    case ARRAY:
        return (form & 0xf0) == 0x90 || form == 0xdc || form == 0xdd;
    case UNSIGNED:
    case SIGNED:
        return is_integer;
    case FLAG:
        return form == 0xc2 || form == 0xc3;
    case BIN:
        return form >= 0xc4 && form <= 0xc6;
    case TEXT:
        return (form & 0xe0) == 0xa0 || (form >= 0xd9 && form <= 0xdb);
    case WHAT_COUNT:
        break;
    }
    return false;
}

Test(reader, every_first_byte_of_another_type_is_refused)
{
    for (unsigned form = 0; form <= 0xff; form++) {
        const uint8_t input[20] = {(uint8_t)form};
        for (unsigned what = ARRAY; what < WHAT_COUNT; what++) {
            uint64_t number;
            struct bytes bytes;
            const enum status status =
                read_what(bytes_of(input, sizeof input), (enum what)what, &number, &bytes);
            cr_assert_eq(status == STATUS_WRONG_TYPE, !begins(form, (enum what)what),
                         "%02x as %u: %s", form, what, status_name(status));
        }
    }
}

/* The second opinion reads the same number from what our writer made. */
static void
check_number(int64_t number, bool is_signed)
{
    uint8_t memory[16];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    if (is_signed) {
        writer_signed(&buffer, number);
    } else {
        writer_unsigned(&buffer, (uint64_t)number);
    }
    uint64_t ours;
    struct bytes none;
    const enum what what = is_signed ? SIGNED : UNSIGNED;
    cr_assert_eq(read_what(buffer_bytes(&buffer), what, &ours, &none), STATUS_OK);
    cr_assert_eq(ours, (uint64_t)number);
    msgpack_unpacked theirs;
    msgpack_unpacked_init(&theirs);
    size_t offset = 0;
    cr_assert_eq(msgpack_unpack_next(&theirs, (const char *)memory, buffer.length, &offset),
                 MSGPACK_UNPACK_SUCCESS);
    cr_assert_eq(offset, buffer.length);
    cr_assert_eq((uint64_t)theirs.data.via.i64, (uint64_t)number);
    cr_assert_eq(theirs.data.type == MSGPACK_OBJECT_NEGATIVE_INTEGER, is_signed && number < 0);
    msgpack_unpacked_destroy(&theirs);
}

Test(reader, integers_around_every_power_of_two_survive_and_msgpack_agrees)
{
    for (unsigned power = 0; power < 64; power++) {
        for (int64_t beside = -2; beside <= 2; beside++) {
            const int64_t number = (int64_t)((UINT64_C(1) << power) + (uint64_t)beside);
            check_number(number, false);
            check_number(number, true);
            check_number((int64_t)(0 - (uint64_t)number), true);
        }
    }
    check_number(INT64_MIN, true);
    check_number(-1, false); /* the bits of UINT64_MAX */
}

/* An integer has one form only: of all forms that hold a number, just the writer's is taken. */
Test(reader, each_integer_has_exactly_one_form)
{
    for (int64_t number = -70000; number <= 70000; number += 1 + (number > 300) * 97) {
        unsigned accepted = 0;
        for (unsigned form = 0xcc; form <= 0xd3; form++) {
            const size_t length = (size_t)1 << (form & 3);
            const bool form_signed = form >= 0xd0;
            const unsigned bits = (unsigned)length * 8 - form_signed;
            const int64_t most = bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
            const int64_t least = form_signed ? -most - 1 : 0;
            if (number < least || number > most) {
                continue;
            }
            uint8_t input[9] = {(uint8_t)form};
            for (size_t i = 0; i < length; i++) {
                input[1 + i] = (uint8_t)((uint64_t)number >> ((length - 1 - i) * 8));
            }
            uint64_t read;
            struct bytes none;
            if (read_what(bytes_of(input, 1 + length), SIGNED, &read, &none) == STATUS_OK) {
                cr_assert_eq((int64_t)read, number);
                accepted++;
            }
        }
        const bool has_byte_form = number >= -32 && number <= 127;
        cr_assert_eq(accepted, has_byte_form ? 0 : 1, "%ld", (long)number);
    }
}

static bool
is_valid(const char *text, size_t length)
{
    return text_is_valid(bytes_of(text, length));
}

Test(reader, text_is_utf8_without_nul)
{
    static const struct {
        struct bytes text;
        bool is_valid;
    } cases[] = {
        {INPUT(""), true},
        {INPUT("plain"), true},
        {INPUT("\x7f"), true},
        {INPUT("\xc2\x80"), true},
        {INPUT("\xdf\xbf"), true},
        {INPUT("\xe0\xa0\x80"), true},
        {INPUT("\xed\x9f\xbf"), true},
        {INPUT("\xee\x80\x80"), true},
        {INPUT("\xef\xbf\xbf"), true},
        {INPUT("\xf0\x90\x80\x80"), true},
        {INPUT("\xf4\x8f\xbf\xbf"), true},
        {INPUT("\x00"), false},
        {INPUT("a\x00z"), false},
        {INPUT("\x80"), false},
        {INPUT("\xbf"), false},
        {INPUT("\xc0\x80"), false},         /* NUL in two bytes */
        {INPUT("\xc1\xbf"), false},         /* overlong */
        {INPUT("\xe0\x9f\xbf"), false},     /* overlong */
        {INPUT("\xf0\x8f\xbf\xbf"), false}, /* overlong */
        {INPUT("\xed\xa0\x80"), false},     /* surrogate */
        {INPUT("\xed\xbf\xbf"), false},     /* surrogate */
        {INPUT("\xf4\x90\x80\x80"), false}, /* beyond U+10FFFF */
        {INPUT("\xf5\x80\x80\x80"), false},
        {INPUT("\xff"), false},
        {INPUT("\xc2"), false},
        {INPUT("\xe2\x82"), false},
        {INPUT("\xf0\x9f\x8e"), false},
        {INPUT("\xe2\x28\xa1"), false},
        {INPUT("\xe2\x82\x28"), false},
        {INPUT("\xf0\x9f\x28\xae"), false},
        {INPUT("\xf0\x9f\x8e\x28"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bytes text = cases[i].text;
        cr_assert_eq(text_is_valid(text), cases[i].is_valid, "case %zu", i);
        uint8_t input[16] = {(uint8_t)(0xa0 + text.length)};
        if (text.length > 0) {
            memcpy(input + 1, text.data, text.length);
        }
        uint64_t number;
        struct bytes read;
        cr_assert_eq(read_what(bytes_of(input, 1 + text.length), TEXT, &number, &read),
                     cases[i].is_valid ? STATUS_OK : STATUS_BAD_TEXT);
    }
}

Test(reader, a_character_does_not_borrow_its_last_bytes_from_behind_the_text)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\xae"};
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        const size_t length = strlen(characters[i]);
        cr_assert(is_valid(characters[i], length));
        for (size_t cut = 1; cut < length; cut++) {
            cr_assert_not(is_valid(characters[i], cut));
        }
    }
}

/* Decodes by the definition, from the number's side: exactly the encodings of U+0001 to U+10FFFF
 * without surrogates are valid. */
Test(reader, exactly_the_encodings_of_characters_are_valid)
{
    size_t count = 0;
    for (unsigned first = 1; first <= 0xff; first++) {
        for (unsigned second = 0; second <= 0xff; second++) {
            const char two[] = {(char)first, (char)second};
            const char four[] = {(char)first, (char)second, (char)0x80, (char)0xbf};
            count += is_valid(two, 2) && first >= 0x80;
            count += (size_t)64 * (is_valid(four, 3) && first >= 0xe0);
            count += (size_t)64 * 64 * (is_valid(four, 4) && first >= 0xf0);
        }
    }
    cr_assert_eq(count, 0x110000 - 0x80 - 0x800);
}

Test(reader, the_first_error_stays_and_nothing_more_is_read)
{
    struct reader reader;
    reader_init(&reader, bytes_of("\xc0\x01\xa1x", 4));
    cr_assert_eq(reader_unsigned(&reader), 0);
    cr_assert_eq(reader.status, STATUS_WRONG_TYPE);
    cr_assert_eq(reader_unsigned(&reader), 0);
    cr_assert_eq(reader_signed(&reader), 0);
    cr_assert_eq(reader_array(&reader), 0);
    cr_assert_not(reader_flag(&reader));
    cr_assert_eq(reader_bin(&reader).length, 0);
    cr_assert_eq(reader_text(&reader).length, 0);
    reader_fail(&reader, STATUS_OUT_OF_RANGE);
    cr_assert_eq(reader_finish(&reader), STATUS_WRONG_TYPE);
}

Test(reader, headers_change_at_their_lengths)
{
    static const size_t lengths[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    static uint8_t content[65536];
    static uint8_t memory[65536 + 8];
    memset(content, 'x', sizeof content);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (unsigned what = BIN; what <= TEXT; what++) {
            struct buffer buffer;
            buffer_init(&buffer, memory, sizeof memory);
            const struct bytes view = bytes_of(content, lengths[i]);
            if (what == BIN) {
                writer_bin(&buffer, view);
            } else {
                writer_text(&buffer, view);
            }
            uint64_t number;
            struct bytes read;
            cr_assert_eq(read_what(buffer_bytes(&buffer), (enum what)what, &number, &read),
                         STATUS_OK);
            cr_assert(bytes_equal(read, view));
            for (size_t cut = 0; cut < buffer.length; cut += cut < 8 ? 1 : 4001) {
                const struct bytes less = bytes_of(memory, cut);
                cr_assert_eq(read_what(less, (enum what)what, &number, &read), STATUS_TRUNCATED);
            }
        }
    }
}
