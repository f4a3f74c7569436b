#include "node/market/clear.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/price.h"
#include "tests/market/naive_book.h"
#include "tests/market/naive_clear.h"

enum { ASKS = 400, BIDS = 60, UNIT = 65536 };

struct market {
    size_t ask_count;
    size_t bid_count;
    struct clear_ask asks[ASKS];
    struct clear_bid bids[BIDS];
};

static struct market
random_market(uint64_t *state, size_t asks, size_t bids)
{
    struct market market = {.ask_count = asks, .bid_count = bids};
    for (size_t i = 0; i < asks; i++) {
        const uint32_t unit = (uint32_t)(UNIT / 20 + random_below(state, UNIT / 4));
        market.asks[i] = (struct clear_ask){
            .ask_uusd_per_hour =
                (uint32_t)price_of_unit(800000 + random_below(state, 2400000), unit),
            .unit = unit,
            .vram_mib = (uint32_t)(8192 << random_below(state, 3)),
            .reliability_bp = (uint16_t)(9000 + random_below(state, 1000)),
            .slots = (uint16_t)(1u << random_below(state, 3)),
        };
    }
    for (size_t i = 0; i < bids; i++) {
        const uint64_t wanted = UNIT / 2 + random_below(state, 3 * UNIT);
        market.bids[i] = (struct clear_bid){
            .bid_uusd = 1000000 + random_below(state, 3000000),
            .units_wanted = wanted,
            .units_min = random_below(state, 3) == 0 ? 0 : random_below(state, wanted),
            .vram_min_mib = random_below(state, 2) == 0 ? 0 : 16384,
            .reliability_min_bp = (uint16_t)(random_below(state, 2) == 0 ? 0 : 9300),
            .count = (uint16_t)(random_below(state, 4) == 0 ? 2 : 1),
        };
    }
    return market;
}

static struct clear_orders
orders_of(const struct market *market)
{
    return (struct clear_orders){.asks = market->asks,
                                 .ask_count = market->ask_count,
                                 .bids = market->bids,
                                 .bid_count = market->bid_count};
}

static struct clear_result
cleared(struct clear_work *work, const struct market *market)
{
    const struct clear_orders orders = orders_of(market);
    struct clear_result result;
    cr_assert_eq(clear_market(work, &orders, &result), STATUS_OK);
    return result;
}

static bool
is_valid(struct clear_work *work, const struct market *market, const struct clear_result *result)
{
    const struct clear_orders orders = orders_of(market);
    return clear_is_valid(work, &orders, result);
}

Test(clear, every_result_is_valid_and_within_the_bound)
{
    static struct market market;
    struct clear_work *work = clear_new(ASKS, BIDS);
    uint64_t state = 1;
    unsigned rules[CLEAR_RULE_COUNT] = {0};
    unsigned priced = 0;
    cr_assert_not_null(work);
    for (int round = 0; round < 120; round++) {
        market =
            random_market(&state, 1 + random_below(&state, ASKS), 1 + random_below(&state, BIDS));
        const struct clear_result result = cleared(work, &market);
        cr_assert(is_valid(work, &market, &result), "round %d", round);
        const struct clear_orders orders = orders_of(&market);
        cr_assert_leq(result.surplus_uusd, clear_bound_uusd(&orders));
        rules[result.rule]++;
        priced += result.price_uusd != 0;
        static struct clear_fill first[4 * ASKS];
        memcpy(first, result.fills, result.fill_count * sizeof first[0]);
        const struct clear_result again = cleared(work, &market);
        cr_assert_eq(again.fill_count, result.fill_count);
        cr_assert_arr_eq(first, again.fills, result.fill_count * sizeof first[0]);
    }
    cr_assert(rules[CLEAR_BY_BID] > 0 && rules[CLEAR_BY_SURPLUS] > 0 && priced > 0);
    clear_free(work);
}

static void
compare_with_naive(struct clear_work *work, const struct clear_orders *orders, const char *what,
                   int round)
{
    struct clear_result result;
    struct clear_result *expected = naive_clear(orders);
    cr_assert_eq(clear_market(work, orders, &result), STATUS_OK);
    cr_assert_eq(result.fill_count, expected->fill_count, "%s, round %d", what, round);
    for (size_t i = 0; i < result.fill_count; i++) {
        cr_assert(result.fills[i].bid == expected->fills[i].bid &&
                      result.fills[i].ask == expected->fills[i].ask &&
                      result.fills[i].slots == expected->fills[i].slots,
                  "%s, round %d, fill %zu", what, round, i);
    }
    cr_assert_eq(result.surplus_uusd, expected->surplus_uusd, "%s, round %d", what, round);
    cr_assert_eq(result.units, expected->units, "%s, round %d", what, round);
    cr_assert_eq(result.price_uusd, expected->price_uusd, "%s, round %d", what, round);
    cr_assert_eq(result.rule, expected->rule, "%s, round %d", what, round);
    cr_assert(clear_is_valid(work, orders, &result), "%s, round %d", what, round);
    free(expected);
}

/* Prices from few (many ties) to all there can be; asks beyond what is kept in 32 bits. Bids beyond
 * that are served in the order of their numbers, and left out here. */
static void
spread_prices(struct market *market, uint64_t *state)
{
    const uint64_t kind = random_below(state, 4);
    for (size_t i = 0; i < market->ask_count; i++) {
        struct clear_ask *ask = &market->asks[i];
        if (kind == 1) {
            ask->ask_uusd_per_hour = (uint32_t)(random_below(state, 4) * 50000);
            ask->unit = UNIT;
        } else if (kind == 2 && random_below(state, 3) == 0) {
            ask->ask_uusd_per_hour = (uint32_t)(random_next(state) >> 33);
            ask->unit = (uint32_t)(1 + random_below(state, 300));
        } else if (kind == 3 && random_below(state, 20) == 0) {
            ask->ask_uusd_per_hour = INT32_MAX - 1;
        }
        ask->slots = random_below(state, 30) == 0 ? 0 : ask->slots;
    }
    for (size_t i = 0; i < market->bid_count; i++) {
        struct clear_bid *bid = &market->bids[i];
        if (kind == 1) {
            bid->bid_uusd = random_below(state, 5) * 50000;
        } else if (kind == 2) {
            bid->bid_uusd = random_next(state) >> (32 + random_below(state, 20));
        }
    }
}

Test(clear, equals_plain_sorting_and_plain_walks_fill_by_fill)
{
    static struct market market;
    static uint64_t fits[ASKS]; /* up to 64 bids: a word each */
    struct clear_work *work = clear_new(ASKS, BIDS);
    uint64_t state = 5;
    unsigned rules[CLEAR_RULE_COUNT] = {0};
    cr_assert_not_null(work);
    for (int round = 0; round < model_rounds(400); round++) {
        market =
            random_market(&state, random_below(&state, ASKS + 1), random_below(&state, BIDS + 1));
        spread_prices(&market, &state);
        struct clear_orders orders = orders_of(&market);
        compare_with_naive(work, &orders, "small", round);
        for (size_t i = 0; i < ASKS; i++) {
            fits[i] = random_next(&state) | random_next(&state);
        }
        orders.fits = fits;
        compare_with_naive(work, &orders, "with a bit for each pair", round);
        rules[cleared(work, &market).rule]++;
    }
    cr_assert(rules[CLEAR_BY_BID] > 0 && rules[CLEAR_BY_SURPLUS] > 0);
    clear_free(work);
}

/* So many that only the one greedy runs, prices fall into many buckets, and some bids want much. */
Test(clear, equals_plain_walks_in_a_large_market_too)
{
    enum { MANY = 40000 };
    static struct market market;
    static struct clear_ask asks[MANY];
    struct clear_work *work = clear_new(MANY, BIDS);
    uint64_t state = 6;
    cr_assert_not_null(work);
    for (int round = 0; round < model_rounds(6); round++) {
        for (size_t i = 0; i < MANY; i += ASKS) {
            market = random_market(&state, ASKS, BIDS);
            if (round % 3 == 2) {
                spread_prices(&market, &state);
            }
            memcpy(asks + i, market.asks, sizeof market.asks);
        }
        for (size_t i = 0; i < BIDS; i++) {
            market.bids[i].units_wanted *= 1 + random_below(&state, 300);
            market.bids[i].units_min *= i % 3 == 0 ? 200 : 1;
            market.bids[i].units_min = market.bids[i].units_min > market.bids[i].units_wanted
                                           ? market.bids[i].units_wanted
                                           : market.bids[i].units_min;
        }
        const struct clear_orders orders = {
            .asks = asks, .ask_count = MANY, .bids = market.bids, .bid_count = BIDS};
        compare_with_naive(work, &orders, "large", round);
    }
    clear_free(work);
}

/* All ways to give each single slot to a bid or to none. */
static uint64_t
optimum(const struct market *market)
{
    uint32_t slot_asks[8];
    uint32_t slots = 0;
    uint64_t ways = 1;
    uint64_t best = 0;
    for (uint32_t ask = 0; ask < market->ask_count; ask++) {
        for (uint32_t i = 0; i < market->asks[ask].slots; i++) {
            slot_asks[slots++] = ask;
            ways *= market->bid_count + 1;
        }
    }
    for (uint64_t way = 0; way < ways; way++) {
        uint64_t got[4] = {0};
        int64_t surplus = 0;
        bool is_good = true;
        uint64_t rest = way;
        for (uint32_t i = 0; i < slots; i++, rest /= market->bid_count + 1) {
            const size_t bid = rest % (market->bid_count + 1);
            const struct clear_ask *ask = &market->asks[slot_asks[i]];
            if (bid < market->bid_count) {
                const struct clear_bid *wants = &market->bids[bid];
                is_good = is_good && ask->vram_mib >= wants->vram_min_mib &&
                          ask->reliability_bp >= wants->reliability_min_bp;
                got[bid] += ask->unit;
                surplus += price_of_unit(wants->bid_uusd, ask->unit) - ask->ask_uusd_per_hour;
            }
        }
        for (size_t bid = 0; bid < market->bid_count; bid++) {
            is_good = is_good && got[bid] <= market->bids[bid].units_wanted &&
                      (got[bid] == 0 || got[bid] >= market->bids[bid].units_min);
        }
        if (is_good && surplus > (int64_t)best) {
            best = (uint64_t)surplus;
        }
    }
    return best;
}

Test(clear, comes_near_the_optimum_of_small_markets_and_never_above)
{
    struct clear_work *work = clear_new(8, 3);
    uint64_t state = 2;
    uint64_t reached = 0;
    uint64_t possible = 0;
    cr_assert_not_null(work);
    for (int round = 0; round < 150; round++) {
        struct market market = random_market(&state, 3 + random_below(&state, 3), 2);
        for (size_t i = 0; i < market.ask_count; i++) {
            market.asks[i].slots = 1 + (i == 0);
        }
        for (size_t i = 0; i < market.bid_count; i++) {
            market.bids[i].count = 1;
            market.bids[i].units_wanted /= 4;
            market.bids[i].units_min /= 6;
        }
        const struct clear_result result = cleared(work, &market);
        const uint64_t best = optimum(&market);
        cr_assert_leq(result.surplus_uusd, best);
        reached += result.surplus_uusd;
        possible += best;
    }
    cr_assert_gt(reached * 100, possible * 93, "%llu of %llu", (unsigned long long)reached,
                 (unsigned long long)possible);
    clear_free(work);
}

Test(clear, the_price_lies_between_the_lowest_bid_and_the_dearest_ask)
{
    struct clear_work *work = clear_new(8, 8);
    struct market market = {.ask_count = 8, .bid_count = 8};
    cr_assert_not_null(work);
    for (size_t i = 0; i < 8; i++) {
        market.asks[i] = (struct clear_ask){
            .ask_uusd_per_hour = (uint32_t)(1000000 + i * 10000), .unit = UNIT, .slots = 1};
        market.bids[i] = (struct clear_bid){
            .bid_uusd = 1200000 + i * 10000, .units_wanted = UNIT, .units_min = UNIT, .count = 1};
    }
    struct clear_result result = cleared(work, &market);
    cr_assert_eq(result.fill_count, 8u);
    cr_assert_eq(result.units, 8u * UNIT);
    cr_assert_eq(result.price_uusd, (1200000u + 1070000u) / 2);
    cr_assert(is_valid(work, &market, &result));
    /* One trader less on a side: each fill pays its ask. */
    market.bid_count = 7;
    result = cleared(work, &market);
    cr_assert_eq(result.fill_count, 7u);
    cr_assert_eq(result.price_uusd, 0u);
    cr_assert(is_valid(work, &market, &result));
    clear_free(work);
}

Test(clear, a_minimum_is_reached_or_nothing_is_taken)
{
    struct clear_work *work = clear_new(4, 2);
    struct market market = {.ask_count = 3, .bid_count = 2};
    cr_assert_not_null(work);
    for (size_t i = 0; i < 3; i++) {
        market.asks[i] = (struct clear_ask){.ask_uusd_per_hour = 1000000, .unit = UNIT, .slots = 1};
    }
    market.bids[0] = (struct clear_bid){
        .bid_uusd = 3000000, .units_wanted = 4 * UNIT, .units_min = 4 * UNIT, .count = 1};
    market.bids[1] = (struct clear_bid){
        .bid_uusd = 2000000, .units_wanted = 2 * UNIT, .units_min = 2 * UNIT, .count = 1};
    struct clear_result result = cleared(work, &market);
    cr_assert_eq(result.fill_count, 2u);
    cr_assert_eq(result.fills[0].bid, 1u);
    cr_assert_eq(result.surplus_uusd, 2000000u);
    market.bids[0].units_min = 3 * UNIT;
    result = cleared(work, &market);
    cr_assert_eq(result.fill_count, 3u);
    cr_assert_eq(result.surplus_uusd, 6000000u);
    clear_free(work);
}

/* What bids want beside figures: a bit for each pair. */

Test(clear, an_ask_that_does_not_fit_a_bid_is_never_given_to_it)
{
    static struct market market;
    static uint64_t fits[ASKS]; /* up to 64 bids: a word each */
    struct clear_work *work = clear_new(ASKS, BIDS);
    uint64_t state = 5;
    unsigned changed = 0;
    cr_assert_not_null(work);
    for (int round = 0; round < 60; round++) {
        market =
            random_market(&state, 1 + random_below(&state, ASKS), 1 + random_below(&state, BIDS));
        struct clear_orders orders = orders_of(&market);
        struct clear_result result;
        memset(fits, 0xff, sizeof fits);
        const uint64_t before = cleared(work, &market).surplus_uusd;
        orders.fits = fits;
        cr_assert_eq(clear_market(work, &orders, &result), STATUS_OK);
        cr_assert(clear_is_valid(work, &orders, &result));
        for (size_t i = 0; i < ASKS; i++) {
            fits[i] = random_next(&state) & random_next(&state);
        }
        cr_assert_eq(clear_market(work, &orders, &result), STATUS_OK);
        cr_assert(clear_is_valid(work, &orders, &result), "round %d", round);
        for (size_t i = 0; i < result.fill_count; i++) {
            cr_assert(fits[result.fills[i].ask] >> result.fills[i].bid & 1);
        }
        changed += result.surplus_uusd != before;
        if (result.fill_count > 0) {
            fits[result.fills[0].ask] &= ~(UINT64_C(1) << result.fills[0].bid);
            cr_assert_not(clear_is_valid(work, &orders, &result));
        }
    }
    cr_assert_gt(changed, 30u);
    clear_free(work);
}

Test(clear, a_false_result_is_found_out)
{
    static struct market market;
    struct clear_work *work = clear_new(ASKS, BIDS);
    uint64_t state = 3;
    cr_assert_not_null(work);
    market = random_market(&state, ASKS, BIDS);
    const struct clear_result result = cleared(work, &market);
    cr_assert_gt(result.fill_count, 20u);
    static struct clear_fill kept[4 * ASKS];
    memcpy(kept, result.fills, result.fill_count * sizeof kept[0]);
    struct clear_result forged = result;
    forged.fills = kept;
    cr_assert(is_valid(work, &market, &forged));
    forged.surplus_uusd++;
    cr_assert_not(is_valid(work, &market, &forged));
    forged = (struct clear_result){.fills = kept, .fill_count = result.fill_count};
    forged.surplus_uusd = result.surplus_uusd;
    forged.units = result.units;
    forged.price_uusd = 1; /* no host sells for that */
    cr_assert_not(is_valid(work, &market, &forged));
    forged.price_uusd = result.price_uusd;
    kept[3].slots = (uint16_t)(kept[3].slots + 64);
    cr_assert_not(is_valid(work, &market, &forged));
    kept[3] = result.fills[3];
    kept[3].ask = ASKS;
    cr_assert_not(is_valid(work, &market, &forged));
    kept[3] = result.fills[3];
    kept[3].bid = BIDS;
    cr_assert_not(is_valid(work, &market, &forged));
    kept[3] = kept[4]; /* a slot twice */
    cr_assert_not(is_valid(work, &market, &forged));
    kept[3] = result.fills[3];
    market.bids[kept[3].bid].units_min = UINT64_MAX;
    cr_assert_not(is_valid(work, &market, &forged));
    clear_free(work);
}

Test(clear, more_than_it_was_made_for_is_refused)
{
    static struct market market;
    uint64_t state = 4;
    struct clear_work *work = clear_new(2, 2);
    struct clear_result result;
    market = random_market(&state, 3, 3);
    cr_assert_not_null(work);
    struct clear_orders orders = orders_of(&market);
    orders.bid_count = 2;
    cr_assert_eq(clear_market(work, &orders, &result), STATUS_LIMIT);
    orders.ask_count = 2;
    orders.bid_count = 3;
    cr_assert_eq(clear_market(work, &orders, &result), STATUS_LIMIT);
    orders.ask_count = 0;
    orders.bid_count = 0;
    cr_assert_eq(clear_market(work, &orders, &result), STATUS_OK);
    cr_assert_eq(result.fill_count, 0u);
    clear_free(work);
    clear_free(NULL);
}
