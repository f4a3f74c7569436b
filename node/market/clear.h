/* The batch lane: one clearing of an epoch, all bids against all asks of one market (a region, and
 * cards that do the same work). Pure: equal inputs give equal results everywhere. */
#ifndef GPULET_NODE_MARKET_CLEAR_H
#define GPULET_NODE_MARKET_CLEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/status.h"

/* Under so many traders on a side nobody can hide among others, and each fill pays the ask. */
enum { CLEAR_TRADERS_MIN = 8 };

/* Equal GPUs of one host. Asks stand in an order that all agree on, by host and slot group. */
struct clear_ask {
    uint32_t ask_uusd_per_hour; /* of one GPU; up to MARKET_ASK_MAX */
    uint32_t unit;              /* worth of one GPU in 1/65536 H100, at least 1 */
    uint32_t vram_mib;
    uint16_t reliability_bp;
    uint16_t slots;
};

/* Wants so many units, in GPUs of `count` at a host; less than the minimum is worth nothing. */
struct clear_bid {
    uint64_t bid_uusd;     /* for one H100e-hour; up to AMOUNT_MICRO_MAX */
    uint64_t units_wanted; /* 1/65536 H100; never gets more */
    uint64_t units_min;    /* all or nothing up to here; 0: any part helps */
    uint32_t vram_min_mib;
    uint16_t reliability_min_bp;
    uint16_t count; /* GPUs of each host, at least 1 */
};

/* What is cleared; borrowed. */
struct clear_orders {
    const struct clear_ask *asks;
    size_t ask_count;
    const struct clear_bid *bids;
    size_t bid_count;
    /* NULL, or clear_fit_words(bid_count) words for each ask: bit n of them is set when the ask is all
     * that bid n wants beside the conditions above. */
    const uint64_t *fits;
};

static inline size_t
clear_fit_words(size_t bid_count)
{
    return (bid_count + 63) / 64;
}

/* Slots of one ask for one bid. */
struct clear_fill {
    uint32_t bid;
    uint32_t ask;
    uint16_t slots;
};

enum clear_rule { CLEAR_BY_BID, CLEAR_BY_SURPLUS, CLEAR_RULE_COUNT };

struct clear_result {
    struct clear_fill *fills; /* of the workspace, in the order they were taken */
    size_t fill_count;
    uint64_t surplus_uusd; /* an hour: what the bids value, less what the asks want */
    uint64_t units;        /* that found a bid */
    uint64_t price_uusd;   /* of an H100e-hour for all fills; 0: each fill pays its ask */
    enum clear_rule rule;  /* the better of the two */
};

/* Memory for so many asks and bids, taken once. NULL when there is none; clear_free accepts NULL. */
struct clear_work;
struct clear_work *clear_new(uint32_t asks_max, uint32_t bids_max);
void clear_free(struct clear_work *work);

/* Clears. Bids are served from the highest, each by the cheapest asks that fit it; for a small market
 * also edge by edge from the greatest surplus, and the better result is kept. The price is halfway
 * between the lowest bid and the dearest ask that trade, when that serves all of them. The result
 * stands in the workspace until the next call. STATUS_LIMIT for more asks or bids than it was made
 * for. */
enum status clear_market(struct clear_work *work, const struct clear_orders *orders,
                         struct clear_result *ret_result) MUST_USE;

/* Checks a result that somebody published: no slot twice, every condition kept, no bid or ask worse
 * off than it said, minimum or nothing, and the sums. The workspace is used. */
bool clear_is_valid(struct clear_work *work, const struct clear_orders *orders,
                    const struct clear_result *result);

/* A surplus that no clearing can exceed (the dual of the linear relaxation, at the best single
 * price): what a result is measured by where the optimum cannot be computed. */
uint64_t clear_bound_uusd(const struct clear_orders *orders);

#endif
