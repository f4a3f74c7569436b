#include "node/market/clear.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/market/clear_work.h"
#include "protocol/price.h"

/* Units are whole numbers below this for every market that fits a 64-bit sum of money. */
enum { EDGES_MAX = 1 << 20 };

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool
line_take_memory(struct clear_line *line, size_t asks_max)
{
    line->asks = calloc(asks_max + 1, sizeof *line->asks);
    line->spare = calloc(asks_max + 1, sizeof *line->spare);
    line->prices = calloc(asks_max + 1, sizeof *line->prices);
    line->left = calloc(asks_max + 1, sizeof *line->left);
    line->open = calloc(asks_max / 64 + 1, sizeof *line->open);
    return line->asks != NULL && line->spare != NULL && line->prices != NULL &&
           line->left != NULL && line->open != NULL;
}

static bool
take_memory(struct clear_work *work)
{
    work->bid_order = calloc(work->bids_max + 1, sizeof *work->bid_order);
    work->bid_spare = calloc(work->bids_max + 1, sizeof *work->bid_spare);
    work->got = calloc(work->bids_max + 1, sizeof *work->got);
    work->edges = calloc(work->edges_max + 1, sizeof *work->edges);
    for (int rule = 0; rule < CLEAR_RULE_COUNT; rule++) {
        work->fills[rule] = calloc(work->fills_max + 1, sizeof *work->fills[rule]);
        if (work->fills[rule] == NULL) {
            return false;
        }
    }
    return line_take_memory(&work->line, work->asks_max) && work->bid_order != NULL &&
           work->bid_spare != NULL && work->got != NULL && work->edges != NULL;
}

struct clear_work *
clear_new(uint32_t asks_max, uint32_t bids_max)
{
    struct clear_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        return NULL;
    }
    work->asks_max = asks_max;
    work->bids_max = bids_max;
    work->fills_max = 2 * ((size_t)asks_max + bids_max);
    work->edges_max = (size_t)smaller((uint64_t)asks_max * bids_max, EDGES_MAX);
    if (!take_memory(work)) {
        clear_free(work);
        return NULL;
    }
    return work;
}

void
clear_free(struct clear_work *work)
{
    if (work == NULL) {
        return;
    }
    for (int rule = 0; rule < CLEAR_RULE_COUNT; rule++) {
        free(work->fills[rule]);
    }
    free(work->edges);
    free(work->got);
    free(work->bid_spare);
    free(work->bid_order);
    free(work->line.open);
    free(work->line.left);
    free(work->line.prices);
    free(work->line.spare);
    free(work->line.asks);
    free(work);
}

/* Bids from the highest; those beyond 32 bits first. Returns the highest. */
static uint64_t
sort_bids(struct clear_work *work, const struct clear_bid *bids, size_t count)
{
    uint64_t bid_max = 0;
    for (size_t i = 0; i < count; i++) {
        bid_max = bids[i].bid_uusd > bid_max ? bids[i].bid_uusd : bid_max;
        work->bid_order[i] = (UINT32_MAX - smaller(bids[i].bid_uusd, UINT32_MAX)) << 32 | i;
    }
    line_sort_words(work->bid_order, work->bid_spare, count);
    return bid_max;
}

static struct clearing
clearing_start(struct clear_work *work, const struct clear_orders *orders, enum clear_rule rule)
{
    memset(work->got, 0, orders->bid_count * sizeof *work->got);
    return (struct clearing){.bids = orders->bids,
                             .bid_count = orders->bid_count,
                             .fits = orders->fits,
                             .fills = work->fills[rule],
                             .bid_min_uusd = UINT64_MAX};
}

/* ---- Edge by edge ---- */

/* Greatest surplus first; of equal ones, the order of bids and asks. */
static bool
goes_after(const struct clear_edge *a, const struct clear_edge *b)
{
    if (a->surplus != b->surplus) {
        return a->surplus < b->surplus;
    }
    return a->bid != b->bid ? a->bid > b->bid : a->ask > b->ask;
}

static void
sift_down(struct clear_edge *heap, size_t count, size_t at)
{
    const struct clear_edge edge = heap[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && goes_after(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!goes_after(&heap[child], &edge)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = edge;
}

static void
sort_edges(struct clear_edge *edges, size_t count)
{
    for (size_t at = count / 2; at-- > 0;) {
        sift_down(edges, count, at);
    }
    while (count > 1) {
        const struct clear_edge last = edges[0];
        count--;
        edges[0] = edges[count];
        sift_down(edges, count, 0);
        edges[count] = last;
    }
}

static size_t
collect_edges(struct clear_work *work, const struct clearing *clearing)
{
    const struct clear_line *line = &work->line;
    size_t count = 0;
    for (uint32_t bid = 0; bid < clearing->bid_count; bid++) {
        const struct clear_bid *wants = &clearing->bids[bid];
        const size_t end = line_end_of(line, 0, line->count, wants->bid_uusd);
        for (uint32_t ask = 0; ask < end; ask++) {
            const struct clear_ask *offered = &line->asks[ask].ask;
            if (clear_may_trade(clearing, bid, &line->asks[ask])) {
                const uint16_t slots = clear_slots_to_take(wants->count, offered->unit,
                                                           wants->units_wanted, offered->slots);
                work->edges[count++] = (struct clear_edge){
                    .surplus = clear_surplus_of(wants, offered, slots), .bid = bid, .ask = ask};
            }
        }
    }
    return count;
}

static void
take_edge(struct clear_work *work, struct clearing *clearing, const struct clear_edge *edge)
{
    const struct clear_bid *bid = &clearing->bids[edge->bid];
    const uint32_t unit = work->line.asks[edge->ask].ask.unit;
    const uint16_t slots = clear_slots_to_take(
        bid->count, unit, bid->units_wanted - work->got[edge->bid], work->line.left[edge->ask]);
    if (slots == 0 || clearing->fill_count == work->fills_max) {
        return;
    }
    clearing->fills[clearing->fill_count++] =
        (struct clear_fill){.bid = edge->bid, .ask = edge->ask, .slots = slots};
    line_take(&work->line, edge->ask, slots);
    work->got[edge->bid] += (uint64_t)slots * unit;
}

/* Gives back what bids have that did not reach their minimum. */
static void
give_back_unmet(struct clear_work *work, struct clearing *clearing)
{
    size_t kept = 0;
    for (size_t i = 0; i < clearing->fill_count; i++) {
        const struct clear_fill fill = clearing->fills[i];
        if (work->got[fill.bid] >= clearing->bids[fill.bid].units_min) {
            clearing->fills[kept++] = fill;
        } else {
            line_give_back(&work->line, fill.ask, fill.slots);
        }
    }
    clearing->fill_count = kept;
    for (size_t bid = 0; bid < clearing->bid_count; bid++) {
        work->got[bid] = work->got[bid] >= clearing->bids[bid].units_min ? work->got[bid] : 0;
    }
}

/* Every edge once, then the bids that could not be met give way, and the rest is filled by bid. */
static void
clear_by_surplus(struct clear_work *work, struct clearing *clearing)
{
    struct clear_line *line = &work->line;
    while (line->sorted < line->count) {
        line_sort_more(line);
    }
    line_open(line, 0, line->count);
    const size_t count = collect_edges(work, clearing);
    sort_edges(work->edges, count);
    for (size_t i = 0; i < count; i++) {
        take_edge(work, clearing, &work->edges[i]);
    }
    give_back_unmet(work, clearing);
    clear_settle(work, clearing, 0);
    clear_serve_bids(work, clearing);
}

/* ---- Results ---- */

/* Different names, as long as there are few. */
struct names {
    size_t count;
    uint32_t seen[CLEAR_TRADERS_MIN];
};

static void
names_add(struct names *names, uint32_t name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->seen[i] == name) {
            return;
        }
    }
    if (names->count < CLEAR_TRADERS_MIN) {
        names->seen[names->count++] = name;
    }
}

static bool
has_enough_traders(const struct clearing *clearing)
{
    struct names bids = {.count = 0};
    struct names asks = {.count = 0};
    for (size_t i = 0; i < clearing->fill_count; i++) {
        names_add(&bids, clearing->fills[i].bid);
        names_add(&asks, clearing->fills[i].ask);
        if (bids.count == CLEAR_TRADERS_MIN && asks.count == CLEAR_TRADERS_MIN) {
            return true;
        }
    }
    return false;
}

/* Between the lowest bid and the dearest ask that trade. */
static uint64_t
uniform_price(const struct clearing *clearing)
{
    if (clearing->bid_min_uusd < clearing->price_max_uusd || !has_enough_traders(clearing)) {
        return 0;
    }
    return price_halfway(clearing->bid_min_uusd, clearing->price_max_uusd);
}

enum status
clear_market(struct clear_work *work, const struct clear_orders *orders,
             struct clear_result *ret_result)
{
    if (orders->ask_count > work->asks_max || orders->bid_count > work->bids_max) {
        return STATUS_LIMIT;
    }
    const uint64_t bid_max = sort_bids(work, orders->bids, orders->bid_count);
    line_start(&work->line, orders->asks, orders->ask_count, bid_max);
    struct clearing better = clearing_start(work, orders, CLEAR_BY_BID);
    enum clear_rule rule = CLEAR_BY_BID;
    clear_serve_bids(work, &better);
    if ((uint64_t)orders->ask_count * orders->bid_count <= work->edges_max) {
        struct clearing by_surplus = clearing_start(work, orders, CLEAR_BY_SURPLUS);
        clear_by_surplus(work, &by_surplus);
        if (by_surplus.surplus_uusd > better.surplus_uusd) {
            better = by_surplus;
            rule = CLEAR_BY_SURPLUS;
        }
    }
    *ret_result = (struct clear_result){.fills = better.fills,
                                        .fill_count = better.fill_count,
                                        .surplus_uusd = better.surplus_uusd,
                                        .units = better.units,
                                        .price_uusd = uniform_price(&better),
                                        .rule = rule};
    return STATUS_OK;
}
