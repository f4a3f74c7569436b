/* When a listing that is closed now opens for as long as a request wants. */
#ifndef GPULET_NODE_MARKET_OPENING_H
#define GPULET_NODE_MARKET_OPENING_H

#include "node/market/filter.h"

/* The earliest start from which a lease can run as long as wanted by the row's hours and dates, within a
 * week from the filter's start on, in unix seconds; 0: none. Its record may have to be renewed until
 * then. */
uint64_t opening_s(const struct filter *filter, const struct market_row *row);

#endif
