/* Charts of one line each, for terminals: block characters where they can be shown, plain ASCII anywhere
 * else; no colours unless the terminal takes them. */
#ifndef GPULET_CLI_CHART_H
#define GPULET_CLI_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/bytes.h"

enum { CHART_WIDTH = 32, CHART_LINE_SIZE = 256 };

/* How the lines are drawn. */
struct chart {
    bool is_plain; /* ASCII */
    bool has_colour;
};

/* Block characters go to terminals whose locale is UTF-8. */
struct chart chart_of(FILE *file);

/* Five points of a distribution, from the lowest. */
struct chart_spread {
    uint64_t least;
    uint64_t quarter;
    uint64_t middle;
    uint64_t three_quarters;
    uint64_t most;
};

/* Appends a box with whiskers of CHART_WIDTH columns on a logarithmic scale from `low` to `high`, both
 * above 0: the middle half is the box. Never more than CHART_LINE_SIZE bytes. */
void chart_spread(struct buffer *out, const struct chart *chart, const struct chart_spread *spread,
                  uint64_t low, uint64_t high);

/* Appends a bar: `part` of `whole` full, the rest of `whole` empty, `whole` of `most` as long as
 * CHART_WIDTH. At least one column for anything above 0; nothing for a whole of 0. */
void chart_bar(struct buffer *out, const struct chart *chart, uint64_t part, uint64_t whole,
               uint64_t most);

#endif
