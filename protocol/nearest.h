/* The nearest known name, for "did you mean": one accumulator for every table of names. */
#ifndef GPULET_PROTOCOL_NEAREST_H
#define GPULET_PROTOCOL_NEAREST_H

#include <stddef.h>

#include "protocol/bytes.h"

/* Longer texts have no nearest name: nobody mistypes a name by that much. */
enum { NEAREST_LENGTH_MAX = 48 };

/* A search under way; `text` is borrowed until the result is taken. */
struct nearest {
    struct bytes text;
    const char *name_private;
    size_t distance_private;
};

struct nearest nearest_start(struct bytes text);

/* Offers one candidate; of equally near ones the first offered wins. Kept by pointer. */
void nearest_offer(struct nearest *nearest, const char *name);

/* The nearest of the offered names, or NULL when none is near enough to be what was meant: a third
 * of the text may differ (at least one letter), and a text's beginning is near to the whole. */
const char *nearest_result(const struct nearest *nearest);

/* The same over an array. */
const char *nearest_name(struct bytes text, const char *const *names, size_t count);

/* Optimal string alignment distance (a swap of neighbours counts once), letters' case ignored.
 * Texts over NEAREST_LENGTH_MAX are SIZE_MAX apart. */
size_t nearest_distance(struct bytes a, struct bytes b);

#endif
