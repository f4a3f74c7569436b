/* Inside of the scenario: for node/market/scenario*.c alone. */
#ifndef GPULET_NODE_MARKET_SCENARIO_INSIDE_H
#define GPULET_NODE_MARKET_SCENARIO_INSIDE_H

#include <stdbool.h>

#include "node/market/scenario.h"

enum { SCENARIO_BIDS_MAX = 128 };

struct scenario {
    struct scenario_options options;
    struct scenario_listing *listings;
    struct scenario_supply supply;
    size_t bid_count;
    struct scenario_bid bids[SCENARIO_BIDS_MAX];
    struct scenario_market markets[WORK_COUNT];
    struct scenario_class classes[SCENARIO_CLASSES_MAX];
    uint32_t cards_of[SCENARIO_BIDS_MAX][SCENARIO_CLASSES_MAX];
    /* One kind of work under way. */
    struct clear_ask *asks;
    uint32_t *listing_of;             /* each ask */
    size_t bid_of[SCENARIO_BIDS_MAX]; /* each bid that is cleared */
    struct clear_bid clear_bids[SCENARIO_BIDS_MAX];
    struct clear_work *work;
    struct clear_orders orders;
    struct clear_result result;
};

void scenario_make_bids(struct scenario *scenario);

/* True when a class that somebody lists can do what a bid wants. */
bool scenario_has_card(const struct scenario *scenario, size_t bid);

/* Says of every bid of a kind why something is missing, while its market stands. */
void scenario_say_why(struct scenario *scenario, enum work work);

#endif
