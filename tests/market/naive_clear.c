#include "tests/market/naive_clear.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/price.h"

enum { TOO_LARGE_MAX = 256, EDGES_MAX = 1 << 20 };

struct naive {
    const struct clear_orders *orders;
    struct sorted_one *asks; /* by (price, number) */
    struct sorted_one *bids; /* by (highest bid, number) */
    uint16_t *left;
    uint64_t *got;
    struct clear_fill *fills;
    size_t fill_count;
};

struct sorted_one {
    uint64_t price; /* greater is later */
    uint32_t number;
};

struct edge {
    uint64_t surplus;
    uint32_t bid;
    uint32_t rank; /* of the ask */
};

static int
by_price(const void *a, const void *b)
{
    const struct sorted_one *x = a;
    const struct sorted_one *y = b;
    return x->price != y->price ? (x->price > y->price) - (x->price < y->price)
                                : (x->number > y->number) - (x->number < y->number);
}

static int
by_surplus(const void *a, const void *b)
{
    const struct edge *x = a;
    const struct edge *y = b;
    if (x->surplus != y->surplus) {
        return x->surplus < y->surplus ? 1 : -1;
    }
    return x->bid != y->bid ? (x->bid > y->bid) - (x->bid < y->bid)
                            : (x->rank > y->rank) - (x->rank < y->rank);
}

static bool
may_trade(const struct clear_orders *orders, uint32_t bid_number, uint32_t ask_number)
{
    const struct clear_bid *bid = &orders->bids[bid_number];
    const struct clear_ask *ask = &orders->asks[ask_number];
    const size_t words = clear_fit_words(orders->bid_count);
    const bool is_fitting =
        orders->fits == NULL ||
        (orders->fits[ask_number * words + bid_number / 64] >> bid_number % 64 & 1) != 0;
    return is_fitting && ask->vram_mib >= bid->vram_min_mib &&
           ask->reliability_bp >= bid->reliability_min_bp && ask->slots >= bid->count &&
           price_of_unit(bid->bid_uusd, ask->unit) >= (int64_t)ask->ask_uusd_per_hour;
}

static uint64_t
surplus_of(const struct clear_bid *bid, const struct clear_ask *ask, uint64_t slots)
{
    return (uint64_t)(price_of_unit(bid->bid_uusd, ask->unit) - (int64_t)ask->ask_uusd_per_hour) *
           slots;
}

static uint16_t
slots_to_take(const struct clear_bid *bid, uint32_t unit, uint64_t got, uint16_t slots)
{
    const uint64_t groups = (bid->units_wanted - got) / ((uint64_t)unit * bid->count);
    const uint64_t most = slots / bid->count;
    return (uint16_t)((groups < most ? groups : most) * bid->count);
}

static void
take(struct naive *naive, uint32_t bid, uint32_t ask)
{
    const uint32_t unit = naive->orders->asks[ask].unit;
    const uint16_t slots =
        slots_to_take(&naive->orders->bids[bid], unit, naive->got[bid], naive->left[ask]);
    if (slots > 0) {
        naive->fills[naive->fill_count++] =
            (struct clear_fill){.bid = bid, .ask = ask, .slots = slots};
        naive->left[ask] = (uint16_t)(naive->left[ask] - slots);
        naive->got[bid] += (uint64_t)slots * unit;
    }
}

/* Takes all that bids below their minimum have from them again. */
static void
give_back_unmet(struct naive *naive)
{
    size_t kept = 0;
    for (size_t i = 0; i < naive->fill_count; i++) {
        const struct clear_fill fill = naive->fills[i];
        if (naive->got[fill.bid] >= naive->orders->bids[fill.bid].units_min) {
            naive->fills[kept++] = fill;
        } else {
            naive->left[fill.ask] = (uint16_t)(naive->left[fill.ask] + fill.slots);
        }
    }
    naive->fill_count = kept;
    for (size_t i = 0; i < naive->orders->bid_count; i++) {
        naive->got[i] = naive->got[i] >= naive->orders->bids[i].units_min ? naive->got[i] : 0;
    }
}

static void
serve_bids(struct naive *naive)
{
    for (size_t i = 0; i < naive->orders->bid_count; i++) {
        const uint32_t number = naive->bids[i].number;
        const struct clear_bid *bid = &naive->orders->bids[number];
        unsigned too_large = 0;
        for (size_t k = 0; k < naive->orders->ask_count && too_large < TOO_LARGE_MAX &&
                           naive->got[number] < bid->units_wanted;
             k++) {
            const uint32_t ask = naive->asks[k].number;
            if (naive->left[ask] >= bid->count && may_trade(naive->orders, number, ask)) {
                take(naive, number, ask);
                too_large = naive->left[ask] >= bid->count ? too_large + 1 : 0;
            }
        }
        give_back_unmet(naive);
    }
}

static void
serve_edges(struct naive *naive)
{
    const struct clear_orders *orders = naive->orders;
    struct edge *edges = calloc(orders->bid_count * orders->ask_count + 1, sizeof *edges);
    size_t count = 0;
    assert(edges != NULL);
    for (uint32_t bid = 0; bid < orders->bid_count; bid++) {
        for (uint32_t rank = 0; rank < orders->ask_count; rank++) {
            const struct clear_ask *ask = &orders->asks[naive->asks[rank].number];
            if (may_trade(orders, bid, naive->asks[rank].number)) {
                const uint16_t slots = slots_to_take(&orders->bids[bid], ask->unit, 0, ask->slots);
                edges[count++] =
                    (struct edge){.surplus = surplus_of(&orders->bids[bid], ask, slots),
                                  .bid = bid,
                                  .rank = rank};
            }
        }
    }
    qsort(edges, count, sizeof *edges, by_surplus);
    for (size_t i = 0; i < count; i++) {
        take(naive, edges[i].bid, naive->asks[edges[i].rank].number);
    }
    give_back_unmet(naive);
    free(edges);
}

static void
sort_orders(struct naive *naive)
{
    const struct clear_orders *orders = naive->orders;
    for (uint32_t i = 0; i < orders->ask_count; i++) {
        const struct clear_ask *ask = &orders->asks[i];
        const uint64_t price = price_per_unit_up(ask->ask_uusd_per_hour, ask->unit);
        naive->asks[i].price = price < UINT32_MAX ? price : UINT32_MAX;
        naive->asks[i].number = i;
    }
    for (uint32_t i = 0; i < orders->bid_count; i++) {
        const uint64_t bid = orders->bids[i].bid_uusd;
        naive->bids[i].price = UINT32_MAX - (bid < UINT32_MAX ? bid : UINT32_MAX);
        naive->bids[i].number = i;
    }
    qsort(naive->asks, orders->ask_count, sizeof *naive->asks, by_price);
    qsort(naive->bids, orders->bid_count, sizeof *naive->bids, by_price);
}

/* Half of the lowest bid and the dearest ask that trade, if there are enough of both. */
static uint64_t
uniform_price(const struct naive *naive)
{
    const struct clear_orders *orders = naive->orders;
    uint64_t lowest = UINT64_MAX;
    uint64_t dearest = 0;
    size_t bidders = 0;
    size_t hosts = 0;
    for (uint32_t i = 0; i < orders->bid_count; i++) {
        if (naive->got[i] > 0) {
            bidders++;
            lowest = orders->bids[i].bid_uusd < lowest ? orders->bids[i].bid_uusd : lowest;
        }
    }
    for (uint32_t i = 0; i < orders->ask_count; i++) {
        if (naive->left[i] < orders->asks[i].slots) {
            const uint64_t price =
                price_per_unit_up(orders->asks[i].ask_uusd_per_hour, orders->asks[i].unit);
            hosts++;
            dearest = price > dearest ? price : dearest;
        }
    }
    const bool is_thin = bidders < CLEAR_TRADERS_MIN || hosts < CLEAR_TRADERS_MIN;
    return is_thin || lowest < dearest ? 0 : price_halfway(lowest, dearest);
}

static struct clear_result *
clear_by(struct naive *naive, enum clear_rule rule)
{
    const struct clear_orders *orders = naive->orders;
    const size_t fills_max = 300 * (orders->ask_count + orders->bid_count) + 1;
    struct clear_result *result = calloc(1, sizeof *result + fills_max * sizeof *naive->fills);
    assert(result != NULL);
    result->fills = (struct clear_fill *)(void *)(result + 1);
    naive->fills = result->fills;
    naive->fill_count = 0;
    memset(naive->got, 0, orders->bid_count * sizeof *naive->got);
    for (size_t i = 0; i < orders->ask_count; i++) {
        naive->left[i] = orders->asks[i].slots;
    }
    if (rule == CLEAR_BY_SURPLUS) {
        serve_edges(naive);
    }
    serve_bids(naive);
    result->rule = rule;
    result->fill_count = naive->fill_count;
    result->price_uusd = uniform_price(naive);
    for (size_t i = 0; i < naive->fill_count; i++) {
        const struct clear_fill *fill = &naive->fills[i];
        const struct clear_ask *ask = &orders->asks[fill->ask];
        result->surplus_uusd += surplus_of(&orders->bids[fill->bid], ask, fill->slots);
        result->units += (uint64_t)fill->slots * ask->unit;
    }
    return result;
}

struct clear_result *
naive_clear(const struct clear_orders *orders)
{
    struct naive naive = {.orders = orders};
    naive.asks = calloc(orders->ask_count + 1, sizeof *naive.asks);
    naive.bids = calloc(orders->bid_count + 1, sizeof *naive.bids);
    naive.left = calloc(orders->ask_count + 1, sizeof *naive.left);
    naive.got = calloc(orders->bid_count + 1, sizeof *naive.got);
    assert(naive.asks != NULL && naive.bids != NULL && naive.left != NULL && naive.got != NULL);
    sort_orders(&naive);
    struct clear_result *by_bid = clear_by(&naive, CLEAR_BY_BID);
    if ((uint64_t)orders->ask_count * orders->bid_count <= EDGES_MAX) {
        struct clear_result *by_surplus = clear_by(&naive, CLEAR_BY_SURPLUS);
        const bool is_better = by_surplus->surplus_uusd > by_bid->surplus_uusd;
        free(is_better ? by_bid : by_surplus);
        by_bid = is_better ? by_surplus : by_bid;
    }
    free(naive.got);
    free(naive.left);
    free(naive.bids);
    free(naive.asks);
    return by_bid;
}
