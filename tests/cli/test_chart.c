#include "cli/chart.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct chart plain = {.is_plain = true};
static const struct chart blocks = {.is_plain = false};
static const struct chart coloured = {.is_plain = false, .has_colour = true};
static char memory[CHART_LINE_SIZE];

static const char *
spread_of(const struct chart *chart, const struct chart_spread *spread, uint64_t low, uint64_t high)
{
    struct buffer out;
    buffer_init(&out, memory, sizeof memory - 1);
    chart_spread(&out, chart, spread, low, high);
    cr_assert(!out.overflowed);
    memory[out.length] = '\0';
    return memory;
}

static const char *
bar_of(const struct chart *chart, uint64_t part, uint64_t whole, uint64_t most)
{
    struct buffer out;
    buffer_init(&out, memory, sizeof memory - 1);
    chart_bar(&out, chart, part, whole, most);
    cr_assert(!out.overflowed);
    memory[out.length] = '\0';
    return memory;
}

Test(chart, a_spread_stands_between_its_bounds_in_ascii)
{
    const struct chart_spread spread = {100, 200, 400, 800, 1600};
    const char *line = spread_of(&plain, &spread, 100, 1600);
    cr_assert_eq(strlen(line), CHART_WIDTH);
    cr_assert_eq(line[0], '|');
    cr_assert_eq(line[CHART_WIDTH - 1], '|');
    cr_assert_eq(line[15], 'O', "the middle of a logarithmic scale: %s", line);
    cr_assert_eq(strspn(line, "|-=O"), CHART_WIDTH, "%s", line);
    const struct chart_spread single = {100, 100, 100, 100, 100};
    line = spread_of(&plain, &single, 100, 100);
    cr_assert_eq(line[0], 'O');
    cr_assert_eq(strspn(line + 1, " "), CHART_WIDTH - 1);
}

Test(chart, any_figures_stay_within_a_line)
{
    static const uint64_t figures[] = {1, 2, 9, 1000, 350000, 2147483646, UINT64_MAX};
    const size_t count = sizeof figures / sizeof figures[0];
    for (size_t a = 0; a < count; a++) {
        for (size_t b = a; b < count; b++) {
            const struct chart_spread spread = {figures[a], figures[a], figures[b], figures[b],
                                                figures[b]};
            cr_assert_eq(strlen(spread_of(&plain, &spread, figures[0], figures[count - 1])),
                         CHART_WIDTH);
            (void)spread_of(&coloured, &spread, figures[a], figures[b]);
            const size_t part = strlen(bar_of(&plain, figures[a], figures[b], figures[b]));
            cr_assert_eq(part, CHART_WIDTH);
            cr_assert_leq(strlen(bar_of(&plain, 0, figures[a], figures[b])), CHART_WIDTH);
            (void)bar_of(&coloured, figures[a], figures[b], figures[b]);
        }
    }
}

Test(chart, a_bar_shows_the_part_and_the_whole)
{
    cr_assert_str_eq(bar_of(&plain, 0, 0, 10), "");
    cr_assert_str_eq(bar_of(&plain, 1, 2, 32), "#.");
    cr_assert_str_eq(bar_of(&plain, 2, 2, 32), "##");
    cr_assert_str_eq(bar_of(&plain, 0, 1, 1000000), ".", "anything is seen");
    cr_assert_str_eq(bar_of(&blocks, 1, 2, 32), "█░");
    cr_assert_not_null(strstr(bar_of(&coloured, 1, 2, 32), "\033[36m"));
    cr_assert_null(strstr(bar_of(&blocks, 1, 2, 32), "\033"));
}
