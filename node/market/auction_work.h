/* Inside of the batch lane's epochs: for node/market/auction*.c alone. */
#ifndef GPULET_NODE_MARKET_AUCTION_WORK_H
#define GPULET_NODE_MARKET_AUCTION_WORK_H

#include "node/market/auction.h"

enum {
    AUCTION_FIT_WORDS = (AUCTION_BIDS_MAX + 63) / 64,
    AUCTION_FILLS_MAX = 2 * (AUCTION_ASKS_MAX + AUCTION_BIDS_MAX)
};

/* A row or bid in the order that the seed gives to equals. */
struct auction_place {
    uint64_t spread;
    struct host_key name; /* of a bid: the beginning of its commitment */
    uint8_t group;
    uint16_t place; /* in the book */
};

/* Asks and orders stand in the order of `rows` and `bids`. */
struct auction_work {
    struct clear_work *clear;
    struct auction_place rows[AUCTION_ASKS_MAX];
    struct auction_place bids[AUCTION_BIDS_MAX];
    struct clear_ask asks[AUCTION_ASKS_MAX];
    struct clear_bid orders[AUCTION_BIDS_MAX];
    uint64_t fits[AUCTION_ASKS_MAX * AUCTION_FIT_WORDS];
    bool traded[AUCTION_ASKS_MAX];
    struct auction_fill fills[AUCTION_FILLS_MAX + 1];
};

/* Makes AUCTION_REDUCED of a clearing. Asks and orders are changed; the result's surplus is not. */
enum status auction_reduce(struct auction_work *work, const struct clear_orders *orders,
                           struct clear_result *result) MUST_USE;

#endif
