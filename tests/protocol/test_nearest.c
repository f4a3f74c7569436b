#include "protocol/nearest.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static size_t
distance(const char *a, const char *b)
{
    return nearest_distance(bytes_of_text(a), bytes_of_text(b));
}

Test(nearest, the_distance_counts_edits_and_swaps)
{
    static const struct {
        const char *a;
        const char *b;
        size_t edits;
    } cases[] = {{"", "", 0},         {"", "abc", 3},          {"abc", "ABC", 0},
                 {"vram", "varm", 1}, {"abc", "abd", 1},       {"abc", "ab", 1},
                 {"abcd", "badc", 2}, {"kitten", "sitting", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(distance(cases[i].a, cases[i].b), cases[i].edits);
        cr_assert_eq(distance(cases[i].b, cases[i].a), cases[i].edits);
    }
}

Test(nearest, a_mistyped_name_is_recognised_and_a_foreign_one_is_not)
{
    static const char *const names[] = {"vram", "reliability", "region", "ask", "bandwidth"};
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {{"vran", "vram"},      {"relaibility", "reliability"},
                 {"regions", "region"}, {"band", "bandwidth"},
                 {"ask", "ask"},        {"as", "ask"},
                 {"colour", NULL},      {"", NULL},
                 {"xyzvram", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = nearest_name(bytes_of_text(cases[i].text), names, 5);
        if (cases[i].expected == NULL) {
            cr_assert_null(name, "%s", cases[i].text);
        } else {
            cr_assert_not_null(name, "%s", cases[i].text);
            cr_assert_str_eq(name, cases[i].expected);
        }
    }
}

Test(nearest, of_equally_near_names_the_first_wins)
{
    static const char *const names[] = {"up", "us"};
    cr_assert_str_eq(nearest_name(bytes_of_text("ut"), names, 2), "up");
}

Test(nearest, an_over_long_text_has_no_nearest_name)
{
    char text[NEAREST_LENGTH_MAX + 1];
    memset(text, 'a', sizeof text);
    struct nearest nearest = nearest_start(bytes_of(text, sizeof text));
    nearest_offer(&nearest, "a");
    cr_assert_null(nearest_result(&nearest));
    cr_assert_eq(nearest_distance(bytes_of(text, sizeof text), bytes_of_text("a")), SIZE_MAX);
}
