/* Inside of the clearing: for node/market/clear*.c alone. */
#ifndef GPULET_NODE_MARKET_CLEAR_WORK_H
#define GPULET_NODE_MARKET_CLEAR_WORK_H

#include "node/market/clear.h"
#include "protocol/price.h"

struct clear_edge {
    uint64_t surplus;
    uint32_t bid;
    uint32_t ask;
};

enum { CLEAR_WANTS_MAX = 64, CLEAR_MARKS_MAX = 256, CLEAR_BUCKET_BITS_MAX = 11 };
enum { CLEAR_BUCKETS = 1 << CLEAR_BUCKET_BITS_MAX };

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

/* An ask with what it is sorted by. All of it is moved when the asks are sorted: to fetch them by
 * their number afterwards would wait for memory once for each. */
struct clear_placed {
    uint32_t price_uusd; /* the lowest of a unit that reaches the ask; UINT32_MAX: that or more */
    uint32_t index;      /* of the ask, as it was given */
    struct clear_ask ask;
};

/* The asks that some bid can pay, by (price, index). They stand in buckets by the high digits of the
 * price, and a bucket is sorted when the first bid comes to it: what is too dear for all that is
 * wanted stays as it is. */
struct clear_line {
    struct clear_placed *asks;
    struct clear_placed *spare;
    uint32_t *prices; /* of the asks as they were given */
    uint16_t *left;   /* slots of each ask that are free; set when its bucket is sorted */
    uint64_t *open;   /* bit n: ask n has some */
    size_t count;
    size_t sorted;   /* asks before it are in order */
    uint32_t bucket; /* the next one to sort */
    int shift;       /* of a price, to its bucket */
    uint32_t ends[CLEAR_BUCKETS + 1];
};

struct clear_work {
    size_t asks_max;
    size_t bids_max;
    size_t fills_max;
    size_t edges_max;
    struct clear_line line;
    uint64_t *bid_order; /* the highest first: ~bid << 32 | position */
    uint64_t *bid_spare;
    uint64_t *got; /* units of each bid */
    struct clear_edge *edges;
    size_t want_count;
    struct clear_want wants[CLEAR_WANTS_MAX];
    struct clear_fill *fills[CLEAR_RULE_COUNT];
};

/* One clearing under way. Fills name asks by their place in the line until they are settled. */
struct clearing {
    const struct clear_bid *bids;
    size_t bid_count;
    const uint64_t *fits; /* of the orders: by their own number of the ask */
    struct clear_fill *fills;
    size_t fill_count;
    uint64_t surplus_uusd; /* of settled fills, as are the rest */
    uint64_t units;
    uint64_t bid_min_uusd;   /* the lowest that trades */
    uint64_t price_max_uusd; /* of a unit of the dearest ask that trades */
};

static inline bool
clear_fits(const uint64_t *fits, size_t bid_count, uint32_t bid, uint32_t ask)
{
    return fits == NULL || (fits[ask * clear_fit_words(bid_count) + bid / 64] >> bid % 64 & 1) != 0;
}

/* What the order of the line leaves open: every condition of a bid on an ask. Prices that the line
 * does not know exactly are looked at again. */
static inline bool
clear_may_trade(const struct clearing *clearing, uint32_t bid_number,
                const struct clear_placed *placed)
{
    const struct clear_bid *bid = &clearing->bids[bid_number];
    const struct clear_ask *ask = &placed->ask;
    return ask->vram_mib >= bid->vram_min_mib && ask->reliability_bp >= bid->reliability_min_bp &&
           ask->slots >= bid->count &&
           (placed->price_uusd < UINT32_MAX ||
            price_of_unit(bid->bid_uusd, ask->unit) >= (int64_t)ask->ask_uusd_per_hour) &&
           clear_fits(clearing->fits, clearing->bid_count, bid_number, placed->index);
}

/* How many slots of so many make up no more than the lacking units: whole groups of the count. */
static inline uint16_t
clear_slots_to_take(uint16_t count, uint32_t unit, uint64_t lacking, uint16_t slots)
{
    const uint16_t whole = (uint16_t)(count == 1 ? slots : slots / count * count);
    if ((uint64_t)unit * whole <= lacking) {
        return whole;
    }
    return (uint16_t)(lacking / ((uint64_t)unit * count) * count);
}

/* What slots of an ask are worth to a bid beyond their price. */
static inline uint64_t
clear_surplus_of(const struct clear_bid *bid, const struct clear_ask *ask, uint32_t slots)
{
    const int64_t value = price_of_unit(bid->bid_uusd, ask->unit);
    return (uint64_t)(value - (int64_t)ask->ask_uusd_per_hour) * slots;
}

/* ---- Bid after bid (clear_walk.c) ---- */

/* Fills bids from the highest on, each from the cheapest ask on, beside what they have. */
void clear_serve_bids(struct clear_work *work, struct clearing *clearing);

/* Counts fills that stand, from `first` on, and gives their asks the numbers they came with. */
void clear_settle(const struct clear_work *work, struct clearing *clearing, size_t first);

/* ---- The line of asks (clear_line.c) ---- */

/* Lines up the asks whose price is not over the highest bid, in buckets. */
void line_start(struct clear_line *line, const struct clear_ask *asks, size_t count,
                uint64_t bid_max);

/* Sorts the next bucket that has asks; there is one while line->sorted < line->count. */
void line_sort_more(struct clear_line *line);

/* Makes all slots of sorted asks from `first` on and before `end` free. */
void line_open(struct clear_line *line, size_t first, size_t end);

/* Takes free slots of an ask, or gives them back. */
static inline void
line_take(struct clear_line *line, size_t ask, uint16_t slots)
{
    line->left[ask] = (uint16_t)(line->left[ask] - slots);
    line->open[ask / 64] &= ~((uint64_t)(line->left[ask] == 0) << (ask % 64));
}

static inline void
line_give_back(struct clear_line *line, size_t ask, uint16_t slots)
{
    line->left[ask] = (uint16_t)(line->left[ask] + slots);
    line->open[ask / 64] |= (uint64_t)(line->left[ask] > 0) << (ask % 64);
}

/* The end of the asks in order, from `first` on and before `end`, whose price is not over a bid. */
size_t line_end_of(const struct clear_line *line, size_t first, size_t end, uint64_t bid_uusd);

/* Sorts words by their high 32 bits; equal ones keep their order. */
void line_sort_words(uint64_t *words, uint64_t *spare, size_t count);

#endif
