#include "protocol/week_hours.h"

#include <criterion/criterion.h>
#include <string.h>

static unsigned
count_hours(const uint8_t hours[WEEK_HOURS_BYTES])
{
    unsigned count = 0;
    for (unsigned hour = 0; hour < WEEK_HOURS; hour++) {
        count += week_hours_has(hours, hour);
    }
    return count;
}

static void
parsed(const char *text, int offset_minutes, uint8_t ret_hours[WEEK_HOURS_BYTES])
{
    char memory[200];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    const enum status status =
        week_hours_parse(bytes_of_text(text), offset_minutes, ret_hours, &why);
    cr_assert_eq(status, STATUS_OK, "%s: %.*s", text, (int)why.length, memory);
}

static void
printed(const uint8_t hours[WEEK_HOURS_BYTES], int offset_minutes, char *ret_text, size_t size)
{
    struct buffer out;
    buffer_init(&out, ret_text, size - 1);
    week_hours_print(&out, hours, offset_minutes);
    cr_assert_not(out.overflowed);
    ret_text[out.length] = '\0';
}

Test(week_hours, hours_are_those_wholly_inside)
{
    static const struct {
        const char *text;
        int offset_minutes;
        unsigned count;
        unsigned has;
        unsigned has_not;
    } cases[] = {
        {"mon-fri 09:00-17:00", 0, 40, 9, 8},
        {"mon-fri 09:00-17:00,sat 10:00-14:00", 0, 44, 5 * 24 + 10, 5 * 24 + 14},
        {"mon 09:30-12:30", 0, 2, 10, 9},
        {"mon 09:00-09:30,mon 09:30-10:00", 0, 1, 9, 10},
        {"mon 09:00-17:00", 60, 8, 8, 16},
        {"mon 09:00-17:00", -300, 8, 14, 13},
        {"mon 09:00-17:00", 330, 7, 4, 3},
        {"mon 00:00-02:00", 120, 2, 166, 0},
        {"sun 22:00-06:00", 0, 8, 5, 6},
        {"fri-mon 00:00-24:00", 0, 96, 4 * 24, 24},
        {"daily 22:00-06:00", 0, 56, 23, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t hours[WEEK_HOURS_BYTES];
        parsed(cases[i].text, cases[i].offset_minutes, hours);
        cr_assert_eq(count_hours(hours), cases[i].count, "%s: %u", cases[i].text,
                     count_hours(hours));
        cr_assert(week_hours_has(hours, cases[i].has), "%s", cases[i].text);
        cr_assert_not(week_hours_has(hours, cases[i].has_not), "%s", cases[i].text);
    }
    uint8_t all[WEEK_HOURS_BYTES];
    parsed("always", -330, all);
    cr_assert_eq(count_hours(all), WEEK_HOURS);
}

Test(week_hours, what_is_no_list_of_hours_is_refused_with_a_sentence)
{
    static const char *const cases[] = {"",
                                        "mon",
                                        "09:00-17:00",
                                        "mon 9:00-17:00",
                                        "mon 09-17",
                                        "mon 09:00-17:00,",
                                        ",mon 09:00-17:00",
                                        "mon 09:00-24:01",
                                        "mon 25:00-26:00",
                                        "mon 09:60-10:00",
                                        "mon 09:00-09:00",
                                        "mon 24:00-06:00",
                                        "monday 09:00-17:00",
                                        "mon-xyz 09:00-17:00",
                                        "mon 09:00-17:00 sat",
                                        "Mon 09:00-17:00",
                                        "mon  09:00-17:00",
                                        "mon 09:30-10:20",
                                        "never",
                                        "mon 09:00-17:00;tue 09:00-17:00"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t hours[WEEK_HOURS_BYTES];
        char memory[200];
        struct buffer why;
        memset(hours, 0x55, sizeof hours);
        buffer_init(&why, memory, sizeof memory);
        cr_assert_eq(week_hours_parse(bytes_of_text(cases[i]), 0, hours, &why), STATUS_BAD_INPUT,
                     "'%s'", cases[i]);
        cr_assert(!why.overflowed && why.length > 10, "'%s'", cases[i]);
        cr_assert_eq(hours[0], 0x55, "'%s' wrote a result", cases[i]);
        cr_assert_eq(week_hours_parse(bytes_of_text(cases[i]), 0, hours, NULL), STATUS_BAD_INPUT);
    }
    uint8_t hours[WEEK_HOURS_BYTES];
    cr_assert_eq(week_hours_parse(bytes_of_text("always"), 841, hours, NULL), STATUS_BAD_INPUT);
}

Test(week_hours, what_is_printed_reads_well)
{
    static const struct {
        const char *text;
        int offset_minutes;
    } cases[] = {{"always", 0},
                 {"mon-fri 09:00-17:00", 0},
                 {"mon-fri 09:00-17:00,sat 10:00-14:00", 60},
                 {"daily 22:00-06:00", 120},
                 {"mon-fri 00:00-08:00", 0},
                 {"sat-sun 00:00-24:00", 0},
                 {"mon 05:30-22:30", 330}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t hours[WEEK_HOURS_BYTES];
        char text[400];
        parsed(cases[i].text, cases[i].offset_minutes, hours);
        printed(hours, cases[i].offset_minutes, text, sizeof text);
        cr_assert_str_eq(text, cases[i].text);
    }
    uint8_t none[WEEK_HOURS_BYTES] = {0};
    char text[400];
    printed(none, 0, text, sizeof text);
    cr_assert_str_eq(text, "never");
}

Test(week_hours, any_set_is_read_back_from_its_text)
{
    static const int offsets[] = {0, 60, -300, 330, 840, -840, 345};
    uint64_t number = 1;
    for (int round = 0; round < 400; round++) {
        uint8_t hours[WEEK_HOURS_BYTES];
        uint8_t back[WEEK_HOURS_BYTES];
        char text[8000];
        for (size_t i = 0; i < sizeof hours; i++) {
            number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const unsigned kind = (unsigned)(number >> 40) % 4;
            const uint8_t noise = (uint8_t)(number >> 50);
            hours[i] = kind == 0 ? noise : ((unsigned)round + kind) % 3 == 0 ? 0x00 : 0xff;
        }
        const int offset = offsets[(size_t)round % (sizeof offsets / sizeof offsets[0])];
        if (count_hours(hours) == 0) {
            continue;
        }
        printed(hours, offset, text, sizeof text);
        parsed(text, offset, back);
        cr_assert_arr_eq(hours, back, sizeof hours, "%s", text);
    }
}

Test(week_hours, a_moment_knows_its_hour_and_what_is_left)
{
    const uint64_t monday = UINT64_C(4) * 86400; /* 1970-01-05 */
    uint8_t hours[WEEK_HOURS_BYTES];
    cr_assert_eq(week_hours_of(0), 3u * 24);
    cr_assert_eq(week_hours_of(monday), 0u);
    cr_assert_eq(week_hours_of(monday - 1), 167u);
    cr_assert_eq(week_hours_of(UINT64_MAX) < WEEK_HOURS, true);
    parsed("mon 09:00-17:00,sun 22:00-24:00,mon 00:00-01:00", 0, hours);
    cr_assert_eq(week_hours_left_s(hours, monday + 9 * 3600), 8u * 3600);
    cr_assert_eq(week_hours_left_s(hours, monday + 16 * 3600 + 3599), 1u);
    cr_assert_eq(week_hours_left_s(hours, monday + 17 * 3600), 0u);
    cr_assert_eq(week_hours_left_s(hours, monday - 2 * 3600), 3u * 3600);
    parsed("always", 0, hours);
    cr_assert_eq(week_hours_left_s(hours, monday), UINT32_MAX);
}
