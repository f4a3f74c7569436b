/* Random values that fit a schema, from a seed: for tests, fuzzers and the simulator. */
#ifndef GPULET_TESTS_SUPPORT_SAMPLE_H
#define GPULET_TESTS_SUPPORT_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/schema.h"

struct sample {
    uint64_t state;
    struct buffer arena; /* where bytes and texts of the values lie */
};

/* Same seed, same values. `memory` is the caller's and outlives the values; when it is used up,
 * bytes and texts get as short as their limits allow. */
void sample_init(struct sample *sample, uint64_t seed, void *memory, size_t capacity);

/* Forgets the bytes and texts of the values so far; the sequence goes on. */
void sample_reuse(struct sample *sample);

uint64_t sample_next(struct sample *sample);

/* From 0 to limit - 1; 0 when the limit is 0. */
uint64_t sample_below(struct sample *sample, uint64_t limit);

/* Fills a struct with a value that passes codec_check: often at the edges of its limits. Rules
 * between fields (listing_check and so on) are not looked at. */
void sample_value(struct sample *sample, const struct schema *schema, void *ret_value);

#endif
