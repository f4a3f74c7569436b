/* An epoch of the batch lane: listings and opened bids of one market (a kind of work, a region) become
 * the orders of one clearing, and its result the fills. Pure, and the same for everybody who has the
 * same book and seed, in whatever order. */
#ifndef GPULET_NODE_MARKET_AUCTION_H
#define GPULET_NODE_MARKET_AUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/market/clear.h"
#include "node/market/market_row.h"
#include "protocol/auction.h"
#include "protocol/limits.h"
#include "protocol/record.h"

/* All that the result follows from; borrowed. Rows of one slot group, or bids of one commitment, must
 * not stand twice. */
struct auction_book {
    const struct market_row *rows;
    size_t row_count;
    const struct auction_bid *bids;
    size_t bid_count;
    uint64_t seed;             /* decides between equals */
    uint64_t now_s;            /* unix seconds of the epoch's end */
    uint8_t work;              /* enum work */
    enum auction_rule pricing; /* how the price is made */
};

/* Slots of a listing for a bid, by their places in the book. */
struct auction_fill {
    uint16_t bid;
    uint16_t row;
    uint16_t slots;
    uint32_t paid_uusd_per_hour; /* of one GPU: what the lease costs */
};

struct auction_outcome {
    const struct auction_fill *fills; /* of the workspace; by bid, then by row */
    size_t fill_count;
    uint64_t price_uusd;   /* of an H100e-hour for all; 0: each fill pays its ask */
    uint64_t surplus_uusd; /* an hour: what the bids value, less what the asks want */
    uint64_t units;        /* 1/65536 H100 that found a bid */
    enum clear_rule rule;
};

/* Memory for AUCTION_ASKS_MAX and AUCTION_BIDS_MAX, taken once; NULL when there is none. auction_free
 * accepts NULL. */
struct auction_work;
struct auction_work *auction_new(void);
void auction_free(struct auction_work *work);

/* Rows of a file's listings, in their places; one that cannot stand in a book offers nothing. */
void auction_rows(const struct auction_listing *listings, size_t count,
                  struct market_row *ret_rows);

/* What one GPU of a row costs an hour, at a clearing's price. */
uint32_t auction_paid(uint64_t price_uusd, uint8_t work, const struct market_row *row);

/* The fills as a clearing's file holds them, appended: six bytes each, bid, row, slots, the greater byte
 * first. */
void auction_write_fills(const struct auction_outcome *outcome, struct buffer *buffer);

/* Clears an epoch. A bid that auction_bid_check refuses, or that is of another kind of work, gets
 * nothing, and so does a renter from its own cards. The outcome stands in the workspace until the next
 * call. STATUS_LIMIT for more than AUCTION_ASKS_MAX rows or AUCTION_BIDS_MAX bids.
 *
 * AUCTION_HALFWAY: one price halfway between the marginal bid and ask.
 * AUCTION_REDUCED: one price that nobody who trades has set: the cheapest ask that does not trade, or,
 * where that is over the lowest bid that does, that bid, which then goes without, and the hosts who
 * would take the price are drawn by the seed. After McAfee, "A dominant strategy double auction",
 * Journal of Economic Theory 56 (1992); that all money goes from renters to hosts is from
 * Segal-Halevi, Hassidim and Aumann, "SBBA", SAGT 2016. Truthful where every trader has one unit;
 * nearly so where single traders are small.
 * Either way fewer than CLEAR_TRADERS_MIN traders on a side trade at the asks. */
enum status auction_clear(struct auction_work *work, const struct auction_book *book,
                          struct auction_outcome *ret_outcome) MUST_USE;

#endif
