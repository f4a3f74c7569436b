/* A shortage as a program: more demand than cards. What twelve buyers wanted in August 2023 is cleared
 * over generated listings of gamers, kind of work by kind of work. Pure: equal options give equal
 * figures everywhere; the caller keeps the time. */
#ifndef GPULET_NODE_MARKET_SCENARIO_H
#define GPULET_NODE_MARKET_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "node/market/clear.h"
#include "node/market/scenario_table.h"
#include "protocol/gpu_class.h"
#include "protocol/status.h"

/* 12 bytes: ten million of them fit a small machine. */
struct scenario_listing {
    uint32_t ask_uusd_per_hour; /* of one card */
    uint16_t gpu_class;         /* number */
    uint16_t reliability_bp;
    uint8_t slots;
    uint8_t slots_sold;
    uint8_t idle_hours; /* of the week's 168 */
};

enum { SCENARIO_CLASSES_MAX = GPU_CLASS_NUMBER_MAX + 1 };

struct scenario_options {
    uint32_t listings; /* 1 to SCENARIO_LISTINGS_MAX */
    uint64_t seed;
    enum scenario_cards cards;
    uint32_t cloud_uusd_per_hour; /* an H100 in a cloud: what bids are shares of */
};

#define SCENARIO_LISTINGS_MAX UINT32_C(100000000)

enum scenario_why {
    SCENARIO_SERVED,     /* nothing is missing */
    SCENARIO_NO_CARD,    /* no card of the supply can do such work */
    SCENARIO_SOLD_OUT,   /* every card that can is taken */
    SCENARIO_UNRELIABLE, /* what is left fails too often */
    SCENARIO_TOO_DEAR,   /* what is left asks more than the bid */
    SCENARIO_SMALL_REST, /* less is missing than one of the cards left is worth */
    SCENARIO_WHY_COUNT
};

/* One bid, and what became of it. Units are 1/65536 H100; money is of one hour. */
struct scenario_bid {
    const struct scenario_buyer *buyer;
    const struct scenario_want *want;
    uint64_t bid_uusd; /* for one H100e-hour */
    uint64_t units_wanted;
    uint64_t units_served;
    uint64_t cards;
    uint64_t paid_uusd;
    enum scenario_why why;
};

/* One kind of work. */
struct scenario_market {
    size_t asks;         /* listings that can do some of it and are not sold */
    size_t fills;        /* slots of one listing for one bid */
    uint64_t cards;      /* of the asks */
    uint64_t units;      /* of the asks */
    uint64_t price_uusd; /* of an H100e-hour; 0: each fill pays its ask */
    uint64_t surplus_uusd;
    uint64_t bound_uusd; /* a surplus that no clearing can exceed */
};

/* What became of the cards of one class. */
struct scenario_class {
    uint64_t cards;
    uint64_t sold;
    uint64_t earned_uusd; /* an hour, all of them */
};

struct scenario_supply {
    uint64_t cards;
    uint64_t units[WORK_COUNT]; /* worth of all cards for a kind of work, able or not */
    uint64_t idle_hours;        /* of all listings */
};

struct scenario;

/* Takes the memory for the listings. NULL when there is none, or an option is out of range;
 * scenario_free accepts NULL. */
struct scenario *scenario_new(const struct scenario_options *options);
void scenario_free(struct scenario *scenario);

/* The steps, in this order; the last three once for every kind of work, each kind over what those before
 * it have left. scenario_clear is STATUS_NO_MEMORY when there is too little. scenario_account also
 * checks the result as a stranger would: STATUS_BAD_INPUT when it is not valid. */
void scenario_generate(struct scenario *scenario);
enum status scenario_offer(struct scenario *scenario, enum work work) MUST_USE;
enum status scenario_clear(struct scenario *scenario, enum work work) MUST_USE;
enum status scenario_account(struct scenario *scenario, enum work work) MUST_USE;

/* What came out, borrowed from the scenario. Bids of one buyer stand together, as its kinds do. */
const struct scenario_bid *scenario_bids(const struct scenario *scenario, size_t *ret_count);
const struct scenario_market *scenario_market(const struct scenario *scenario, enum work work);
const struct scenario_class *scenario_class(const struct scenario *scenario, uint16_t gpu_class);
const struct scenario_supply *scenario_supply(const struct scenario *scenario);

/* Cards of a class that serve a bid. */
uint32_t scenario_cards_of(const struct scenario *scenario, size_t bid, uint16_t gpu_class);

/* For tests: the listings as generated and sold. */
const struct scenario_listing *scenario_listings(const struct scenario *scenario);

/* In words of people. */
const char *scenario_why_text(enum scenario_why why);

#endif
