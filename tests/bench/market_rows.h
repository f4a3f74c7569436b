/* A generated market for benchmarks: listings as gamers and a few data centres would have them, and
 * requests with ten conditions each. Same seed, same market. */
#ifndef GPULET_TESTS_BENCH_MARKET_ROWS_H
#define GPULET_TESTS_BENCH_MARKET_ROWS_H

#include <stdint.h>

#include "node/market/filter.h"
#include "node/market/market_row.h"

enum { MARKET_NOW_S = 1750000000 };

/* SplitMix64. */
uint64_t market_random(uint64_t *state);

/* The row of a new host: one slot group each, classes by their share among gamers, a fiftieth of
 * data centres' cards; expires within the 12 hours from MARKET_NOW_S. */
struct market_row market_row_generated(uint64_t *state);

/* Ten conditions that a few per mille to a few per cent of the rows meet. */
struct request market_request_generated(uint64_t *state);

#endif
