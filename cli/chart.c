#include "cli/chart.h"

#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

/* What a column shows. */
enum mark { MARK_NONE, MARK_LINE, MARK_END, MARK_BOX, MARK_MIDDLE, MARK_FULL, MARK_EMPTY };

static const char *const plain_marks[] = {" ", "-", "|", "=", "O", "#", "."};
static const char *const block_marks[] = {" ", "─", "│", "▒", "█", "█", "░"};

static bool
is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL ||
                   strstr(value, "UTF8") != NULL || strstr(value, "utf-8") != NULL;
        }
    }
    return false;
}

struct chart
chart_of(FILE *file)
{
    return (struct chart){.is_plain = !output_is_terminal(file) || !is_utf8(),
                          .has_colour = output_has_colour(file)};
}

static void
draw(struct buffer *out, const struct chart *chart, const enum mark marks[CHART_WIDTH],
     size_t count)
{
    if (chart->has_colour) {
        buffer_append_format(out, "\033[36m");
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "%s",
                             chart->is_plain ? plain_marks[marks[i]] : block_marks[marks[i]]);
    }
    if (chart->has_colour) {
        buffer_append_format(out, "\033[0m");
    }
}

/* 64 times the logarithm to the base of two, straight lines between its powers. */
static uint64_t
logarithm(uint64_t value)
{
    unsigned octave = 0;
    while (value >> octave > 1) {
        octave++;
    }
    const uint64_t within = octave > 57 ? value >> (octave - 6) : (value << 6) >> octave;
    return (uint64_t)octave * 64 + within - 64;
}

static size_t
column_of(uint64_t value, uint64_t low, uint64_t high)
{
    const uint64_t from = logarithm(low);
    const uint64_t to = logarithm(high);
    const uint64_t at = logarithm(value < low ? low : value > high ? high : value);
    return to <= from ? 0 : (size_t)((at - from) * (CHART_WIDTH - 1) / (to - from));
}

void
chart_spread(struct buffer *out, const struct chart *chart, const struct chart_spread *spread,
             uint64_t low, uint64_t high)
{
    enum mark marks[CHART_WIDTH] = {MARK_NONE};
    const size_t first = column_of(spread->least, low, high);
    const size_t last = column_of(spread->most, low, high);
    const size_t box = column_of(spread->quarter, low, high);
    const size_t box_last = column_of(spread->three_quarters, low, high);
    for (size_t i = first; i <= last; i++) {
        marks[i] = i == first || i == last     ? MARK_END
                   : i >= box && i <= box_last ? MARK_BOX
                                               : MARK_LINE;
    }
    marks[column_of(spread->middle, low, high)] = MARK_MIDDLE;
    draw(out, chart, marks, CHART_WIDTH);
}

/* So many columns for a part of the most, at least one when there is anything. */
static size_t
columns_for(uint64_t part, uint64_t most)
{
    if (part == 0 || most == 0) {
        return 0;
    }
    const uint64_t shown = part < most ? part : most;
    const uint64_t scale = most > UINT64_MAX / CHART_WIDTH ? CHART_WIDTH : 1;
    const size_t columns = (size_t)(shown / scale * CHART_WIDTH / (most / scale));
    return columns == 0 ? 1 : columns < CHART_WIDTH ? columns : CHART_WIDTH;
}

void
chart_bar(struct buffer *out, const struct chart *chart, uint64_t part, uint64_t whole,
          uint64_t most)
{
    enum mark marks[CHART_WIDTH];
    const size_t all = columns_for(whole, most);
    const size_t full = part >= whole ? all : columns_for(part, most);
    for (size_t i = 0; i < all; i++) {
        marks[i] = i < full ? MARK_FULL : MARK_EMPTY;
    }
    draw(out, chart, marks, all);
}
