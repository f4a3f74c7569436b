/* The clearing as its header tells it, by plain sorting and plain walks: what the fast one is compared
 * with, fill by fill. */
#ifndef GPULET_TESTS_MARKET_NAIVE_CLEAR_H
#define GPULET_TESTS_MARKET_NAIVE_CLEAR_H

#include "node/market/clear.h"

/* Owned by the caller, released by free; the fills stand behind it. */
struct clear_result *naive_clear(const struct clear_orders *orders);

#endif
