#include "protocol/nearest.h"

#include <stdint.h>

#include "protocol/ascii.h"

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t
nearest_distance(struct bytes a, struct bytes b)
{
    if (a.length > NEAREST_LENGTH_MAX || b.length > NEAREST_LENGTH_MAX) {
        return SIZE_MAX;
    }
    /* Three rows of the edit matrix: a swap looks two rows back. */
    size_t rows[3][NEAREST_LENGTH_MAX + 1];
    for (size_t column = 0; column <= b.length; column++) {
        rows[0][column] = column;
    }
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            const uint8_t left = ascii_lower(a.data[i - 1]);
            const uint8_t right = ascii_lower(b.data[j - 1]);
            size_t best = above[j - 1] + (left != right);
            best = smaller(best, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && left == ascii_lower(b.data[j - 2]) &&
                right == ascii_lower(a.data[i - 2])) {
                best = smaller(best, two_above[j - 2] + 1);
            }
            row[j] = best;
        }
    }
    return rows[a.length % 3][b.length];
}

static bool
begins(struct bytes text, struct bytes name)
{
    if (text.length < 3 || text.length > name.length) {
        return false;
    }
    return nearest_distance(text, bytes_of(name.data, text.length)) == 0;
}

struct nearest
nearest_start(struct bytes text)
{
    return (struct nearest){.text = text, .name_private = NULL, .distance_private = SIZE_MAX};
}

void
nearest_offer(struct nearest *nearest, const char *name)
{
    const struct bytes candidate = bytes_of_text(name);
    size_t distance = nearest_distance(nearest->text, candidate);
    if (distance == SIZE_MAX) {
        return;
    }
    const size_t allowed = nearest->text.length < 3 ? 1 : nearest->text.length / 3;
    if (distance > allowed) {
        if (!begins(nearest->text, candidate)) {
            return;
        }
        /* Behind every mistyped candidate, shorter completions first. */
        distance += NEAREST_LENGTH_MAX;
    }
    if (distance < nearest->distance_private) {
        nearest->distance_private = distance;
        nearest->name_private = name;
    }
}

const char *
nearest_result(const struct nearest *nearest)
{
    return nearest->name_private;
}

const char *
nearest_name(struct bytes text, const char *const *names, size_t count)
{
    struct nearest nearest = nearest_start(text);
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&nearest, names[i]);
    }
    return nearest_result(&nearest);
}
