/* Inside of the clearing: for node/market/clear*.c alone. */
#ifndef GPULET_NODE_MARKET_CLEAR_WORK_H
#define GPULET_NODE_MARKET_CLEAR_WORK_H

#include "node/market/clear.h"

struct clear_edge {
    uint64_t surplus;
    uint32_t bid;
    uint32_t ask;
};

enum { CLEAR_WANTS_MAX = 64, CLEAR_MARKS_MAX = 256 };

/* There are no more units than these at or below the price. */
struct clear_mark {
    uint64_t price_uusd;
    uint64_t units;
};

/* What a bid asks of a host. Of bids that ask the same, a lower one finds nothing where a higher one
 * has passed, and no more than a higher one that failed had found. */
struct clear_want {
    uint32_t vram_min_mib;
    uint16_t reliability_min_bp;
    uint16_t count;
    size_t passed; /* asks before it have nothing left for such a bid */
    size_t mark_count;
    struct clear_mark marks[CLEAR_MARKS_MAX]; /* by price, of the last walk that failed */
};

struct clear_work {
    size_t asks_max;
    size_t bids_max;
    size_t fills_max;
    size_t edges_max;
    uint64_t *order;          /* asks: price << 32 | position, sorted */
    struct clear_ask *sorted; /* the asks in that order */
    uint64_t *bid_order;      /* bids: the highest first */
    uint64_t *spare;
    uint16_t *left; /* slots of each sorted ask that are free */
    uint64_t *got;  /* units of each bid */
    struct clear_edge *edges;
    size_t want_count;
    struct clear_want wants[CLEAR_WANTS_MAX];
    struct clear_fill *fills[CLEAR_RULE_COUNT];
};

/* One clearing under way. Fills name asks by their place in the order until it ends. */
struct clearing {
    const struct clear_ask *asks; /* sorted */
    size_t ask_count;
    const struct clear_bid *bids;
    size_t bid_count;
    const uint64_t *fits; /* of the orders: by their own number of the ask */
    struct clear_fill *fills;
    size_t fill_count;
};

static inline bool
clear_fits(const uint64_t *fits, size_t bid_count, uint32_t bid, uint32_t ask)
{
    return fits == NULL || (fits[ask * clear_fit_words(bid_count) + bid / 64] >> bid % 64 & 1) != 0;
}

#endif
