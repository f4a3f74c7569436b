/* Tests columns of 32-bit numbers 64 rows at a time: by vectors where the processor has them, and by
 * a plain twin that gives the same bits. */
#ifndef GPULET_NODE_MARKET_SCAN_H
#define GPULET_NODE_MARKET_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum scan_kind {
    SCAN_AT_LEAST, /* (value & mask) >= bound */
    SCAN_AT_MOST,  /* (value & mask) <= bound */
    SCAN_ALL_OF,   /* (value & mask) == mask */
    SCAN_ANY_OF    /* (value & mask) != 0 */
};

struct scan_test {
    const int32_t *column; /* whole words of 64 rows */
    enum scan_kind kind;
    int32_t mask;  /* all bits, or none of the sign for the first two */
    int32_t bound; /* of "at least": never INT32_MIN */
};

/* Clears the bits of `masks` (bit n of word w: row 64 * w + n) whose row fails a test. */
typedef void (*scan_function)(const struct scan_test *tests, size_t test_count, size_t words,
                              uint64_t *masks);

enum { SCAN_FUNCTIONS_MAX = 3 };

/* What this processor can run, from the plain twin, which needs nothing, to the fastest. Returns how
 * many. */
size_t scan_functions(scan_function ret_functions[SCAN_FUNCTIONS_MAX]);

/* The fastest of them. */
scan_function scan_best(void);

#endif
