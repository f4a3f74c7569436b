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

struct clear_work *
clear_new(uint32_t asks_max, uint32_t bids_max)
{
    struct clear_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        return NULL;
    }
    const uint64_t edges = (uint64_t)asks_max * bids_max;
    work->asks_max = asks_max;
    work->bids_max = bids_max;
    work->fills_max = 2 * ((size_t)asks_max + bids_max);
    work->edges_max = (size_t)smaller(edges, EDGES_MAX);
    work->order = calloc((size_t)asks_max + 1, sizeof *work->order);
    work->sorted = calloc((size_t)asks_max + 1, sizeof *work->sorted);
    work->spare = calloc((size_t)asks_max + bids_max + 1, sizeof *work->spare);
    work->bid_order = calloc((size_t)bids_max + 1, sizeof *work->bid_order);
    work->left = calloc((size_t)asks_max + 1, sizeof *work->left);
    work->got = calloc((size_t)bids_max + 1, sizeof *work->got);
    work->edges = calloc(work->edges_max + 1, sizeof *work->edges);
    for (int rule = 0; rule < CLEAR_RULE_COUNT; rule++) {
        work->fills[rule] = calloc(work->fills_max + 1, sizeof *work->fills[rule]);
        if (work->fills[rule] == NULL) {
            clear_free(work);
            return NULL;
        }
    }
    if (work->order == NULL || work->sorted == NULL || work->spare == NULL ||
        work->bid_order == NULL || work->left == NULL || work->got == NULL || work->edges == NULL) {
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
    free(work->left);
    free(work->bid_order);
    free(work->spare);
    free(work->sorted);
    free(work->order);
    free(work);
}

/* ---- Sorting ---- */

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* One stable pass over a digit of the words. */
static void
sort_by_digit(const uint64_t *words, uint64_t *ret_words, size_t count, int shift)
{
    uint32_t starts[DIGITS];
    uint32_t next = 0;
    memset(starts, 0, sizeof starts);
    for (size_t i = 0; i < count; i++) {
        starts[words[i] >> shift & (DIGITS - 1)]++;
    }
    for (int digit = 0; digit < DIGITS; digit++) {
        const uint32_t these = starts[digit];
        starts[digit] = next;
        next += these;
    }
    for (size_t i = 0; i < count; i++) {
        ret_words[starts[words[i] >> shift & (DIGITS - 1)]++] = words[i];
    }
}

/* Sorts words by their high 32 bits, none of them above `greatest`; equal ones keep their order. */
static void
sort_by_high_half(uint64_t *words, uint64_t *spare, size_t count, uint64_t greatest)
{
    uint64_t *from = words;
    uint64_t *to = spare;
    for (int bit = 0; bit < 32 && greatest >> bit != 0; bit += DIGIT_BITS) {
        sort_by_digit(from, to, count, 32 + bit);
        uint64_t *const sorted = to;
        to = from;
        from = sorted;
    }
    if (from != words) {
        memcpy(words, from, count * sizeof *words);
    }
}

static uint32_t
low_half(uint64_t word)
{
    return (uint32_t)word;
}

/* Asks by the lowest price of a unit that reaches them. Those above every bid never trade: they stand
 * last, in no order. */
static void
sort_asks(struct clear_work *work, const struct clear_ask *asks, size_t count, uint64_t bid_max)
{
    const uint64_t greatest = smaller(bid_max, UINT32_MAX - 1) + 1;
    for (size_t i = 0; i < count; i++) {
        const uint64_t price = price_per_unit_up(asks[i].ask_uusd_per_hour, asks[i].unit);
        work->order[i] = smaller(price, greatest) << 32 | i;
    }
    sort_by_high_half(work->order, work->spare, count, greatest);
    for (size_t i = 0; i < count; i++) {
        work->sorted[i] = asks[low_half(work->order[i])];
    }
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
    sort_by_high_half(work->bid_order, work->spare, count, UINT32_MAX);
    return bid_max;
}

/* ---- Filling ---- */

/* Every condition of a bid on an ask, and that the price leaves something to gain or nothing to
 * lose. */
static bool
may_trade(const struct clear_bid *bid, const struct clear_ask *ask)
{
    return ask->vram_mib >= bid->vram_min_mib && ask->reliability_bp >= bid->reliability_min_bp &&
           ask->slots >= bid->count &&
           price_of_unit(bid->bid_uusd, ask->unit) >= (int64_t)ask->ask_uusd_per_hour;
}

/* What only the orders know of two that may trade. */
static bool
is_fitting(const struct clear_work *work, const struct clearing *clearing, uint32_t bid, size_t ask)
{
    return clear_fits(clearing->fits, clearing->bid_count, bid, low_half(work->order[ask]));
}

/* How many slots a bid takes of so many: whole groups of its count, never more units than it lacks. */
static uint16_t
slots_to_take(const struct clear_bid *bid, uint32_t unit, uint64_t units_got, uint16_t slots)
{
    const uint64_t lacking = bid->units_wanted - units_got;
    const uint64_t groups = lacking / ((uint64_t)unit * bid->count);
    return (uint16_t)(smaller(groups, slots / bid->count) * bid->count);
}

static bool
is_full(const struct clear_work *work, const struct clearing *clearing, uint32_t bid)
{
    return work->got[bid] >= clearing->bids[bid].units_wanted;
}

static void
take(struct clear_work *work, struct clearing *clearing, uint32_t bid, uint32_t ask)
{
    const uint16_t slots = slots_to_take(&clearing->bids[bid], clearing->asks[ask].unit,
                                         work->got[bid], work->left[ask]);
    if (slots == 0 || clearing->fill_count == work->fills_max) {
        return;
    }
    clearing->fills[clearing->fill_count++] =
        (struct clear_fill){.bid = bid, .ask = ask, .slots = slots};
    work->left[ask] = (uint16_t)(work->left[ask] - slots);
    work->got[bid] += (uint64_t)slots * clearing->asks[ask].unit;
}

/* Gives back what bids have that did not reach their minimum; fills from `first` on are looked at. */
static void
give_back_unmet(struct clear_work *work, struct clearing *clearing, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < clearing->fill_count; i++) {
        const struct clear_fill fill = clearing->fills[i];
        if (work->got[fill.bid] >= clearing->bids[fill.bid].units_min) {
            clearing->fills[kept++] = fill;
        } else {
            work->left[fill.ask] = (uint16_t)(work->left[fill.ask] + fill.slots);
        }
    }
    clearing->fill_count = kept;
    for (size_t bid = 0; bid < clearing->bid_count; bid++) {
        work->got[bid] = work->got[bid] >= clearing->bids[bid].units_min ? work->got[bid] : 0;
    }
}

/* The want of a bid, a new one if need be; NULL when there are too many, or bids differ in more than
 * their wants. */
static struct clear_want *
want_of(struct clear_work *work, const struct clearing *clearing, const struct clear_bid *bid)
{
    if (clearing->fits != NULL) {
        return NULL;
    }
    for (size_t i = 0; i < work->want_count; i++) {
        struct clear_want *want = &work->wants[i];
        if (want->vram_min_mib == bid->vram_min_mib &&
            want->reliability_min_bp == bid->reliability_min_bp && want->count == bid->count) {
            return want;
        }
    }
    if (work->want_count == CLEAR_WANTS_MAX) {
        return NULL;
    }
    struct clear_want *want = &work->wants[work->want_count++];
    want->vram_min_mib = bid->vram_min_mib;
    want->reliability_min_bp = bid->reliability_min_bp;
    want->count = bid->count;
    want->passed = 0;
    want->mark_count = 0;
    return want;
}

/* Gives back the last fills, all of one bid. */
static void
undo_fills(struct clear_work *work, struct clearing *clearing, size_t first_fill)
{
    for (size_t i = first_fill; i < clearing->fill_count; i++) {
        const struct clear_fill *fill = &clearing->fills[i];
        work->left[fill->ask] = (uint16_t)(work->left[fill->ask] + fill->slots);
    }
    clearing->fill_count = first_fill;
}

enum { TOO_LARGE_MAX = 256 };

/* A walk of one bid over the sorted asks. */
struct walk {
    size_t passed;               /* asks before it have nothing left for such bids */
    bool is_passing;             /* so far */
    unsigned too_large;          /* asks in a row that were worth more than was lacking */
    struct clear_want *marks_of; /* NULL: some ask was left because its GPUs are worth too much */
};

static void
mark(struct walk *walk, uint64_t price_uusd, uint64_t units)
{
    struct clear_want *want = walk->marks_of;
    if (want != NULL && want->mark_count < CLEAR_MARKS_MAX) {
        want->marks[want->mark_count++] =
            (struct clear_mark){.price_uusd = price_uusd, .units = units};
    }
}

static void
walk_asks(struct clear_work *work, struct clearing *clearing, uint32_t bid, struct walk *walk)
{
    const struct clear_bid *wants = &clearing->bids[bid];
    const size_t stride = clearing->ask_count / (CLEAR_MARKS_MAX - 1) + 1;
    for (size_t ask = walk->passed; ask < clearing->ask_count && !is_full(work, clearing, bid);
         ask++) {
        const uint64_t price = work->order[ask] >> 32;
        /* A small rest is not worth a search through the whole market. */
        if (price > wants->bid_uusd || walk->too_large == TOO_LARGE_MAX) {
            break;
        }
        if (ask % stride == 0 && price > 0) {
            mark(walk, price - 1, work->got[bid]);
        }
        if (work->left[ask] >= wants->count && may_trade(wants, &clearing->asks[ask]) &&
            is_fitting(work, clearing, bid, ask)) {
            take(work, clearing, bid, (uint32_t)ask);
            const bool has_more = work->left[ask] >= wants->count;
            walk->is_passing = walk->is_passing && !has_more;
            walk->marks_of = has_more ? NULL : walk->marks_of;
            walk->too_large = has_more ? walk->too_large + 1 : 0;
        }
        walk->passed = walk->is_passing ? ask + 1 : walk->passed;
    }
}

/* True when a walk that failed has shown that there is less than the bid's minimum. */
static bool
is_known_to_fail(const struct clear_want *want, const struct clear_bid *bid)
{
    for (size_t i = 0; i < want->mark_count; i++) {
        if (want->marks[i].price_uusd >= bid->bid_uusd) {
            return bid->units_min > want->marks[i].units;
        }
    }
    return false;
}

/* Fills one bid from the cheapest ask on. */
static void
serve_bid(struct clear_work *work, struct clearing *clearing, uint32_t bid)
{
    const struct clear_bid *wants = &clearing->bids[bid];
    struct clear_want *want = want_of(work, clearing, wants);
    const size_t first_fill = clearing->fill_count;
    const uint64_t got_before = work->got[bid];
    const bool is_new = got_before == 0 && want != NULL;
    struct walk walk = {.passed = want == NULL ? 0 : want->passed, .is_passing = true};
    if (is_new && wants->units_min > 0) {
        if (is_known_to_fail(want, wants)) {
            return;
        }
        want->mark_count = 0;
        walk.marks_of = want;
    }
    walk_asks(work, clearing, bid, &walk);
    if (work->got[bid] < wants->units_min) {
        mark(&walk, wants->bid_uusd, work->got[bid]);
        undo_fills(work, clearing, first_fill);
        work->got[bid] = got_before;
    } else if (want != NULL) {
        want->passed = walk.passed;
    }
}

static void
serve_bids(struct clear_work *work, struct clearing *clearing)
{
    work->want_count = 0;
    for (size_t i = 0; i < clearing->bid_count; i++) {
        serve_bid(work, clearing, low_half(work->bid_order[i]));
    }
}

static void
start_clearing(struct clear_work *work, struct clearing *clearing, enum clear_rule rule)
{
    clearing->fills = work->fills[rule];
    clearing->fill_count = 0;
    for (size_t i = 0; i < clearing->ask_count; i++) {
        work->left[i] = clearing->asks[i].slots;
    }
    memset(work->got, 0, clearing->bid_count * sizeof *work->got);
}

/* ---- Edge by edge ---- */

static uint64_t
surplus_of(const struct clearing *clearing, uint32_t bid, uint32_t ask, uint32_t slots)
{
    const struct clear_ask *offered = &clearing->asks[ask];
    const int64_t value = price_of_unit(clearing->bids[bid].bid_uusd, offered->unit);
    return (uint64_t)(value - (int64_t)offered->ask_uusd_per_hour) * slots;
}

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
    size_t count = 0;
    for (uint32_t bid = 0; bid < clearing->bid_count; bid++) {
        for (uint32_t ask = 0; ask < clearing->ask_count; ask++) {
            const struct clear_ask *offered = &clearing->asks[ask];
            if (may_trade(&clearing->bids[bid], offered) && is_fitting(work, clearing, bid, ask)) {
                const uint16_t slots =
                    slots_to_take(&clearing->bids[bid], offered->unit, 0, offered->slots);
                work->edges[count++] = (struct clear_edge){
                    .surplus = surplus_of(clearing, bid, ask, slots), .bid = bid, .ask = ask};
            }
        }
    }
    return count;
}

/* Every edge once, then the bids that could not be met give way, and the rest is filled by bid. */
static void
clear_by_surplus(struct clear_work *work, struct clearing *clearing)
{
    start_clearing(work, clearing, CLEAR_BY_SURPLUS);
    const size_t count = collect_edges(work, clearing);
    sort_edges(work->edges, count);
    for (size_t i = 0; i < count; i++) {
        take(work, clearing, work->edges[i].bid, work->edges[i].ask);
    }
    give_back_unmet(work, clearing, 0);
    serve_bids(work, clearing);
}

/* ---- Results ---- */

static uint64_t
surplus_of_all(const struct clearing *clearing)
{
    uint64_t surplus = 0;
    for (size_t i = 0; i < clearing->fill_count; i++) {
        const struct clear_fill *fill = &clearing->fills[i];
        surplus += surplus_of(clearing, fill->bid, fill->ask, fill->slots);
    }
    return surplus;
}

/* The price between the lowest bid and the dearest ask that trade. Traders are counted with marks:
 * left is no longer needed for asks, nor got for bids. */
static uint64_t
uniform_price(struct clear_work *work, const struct clearing *clearing)
{
    uint64_t lowest_bid = UINT64_MAX;
    uint64_t dearest_ask = 0;
    size_t bidders = 0;
    size_t hosts = 0;
    memset(work->got, 0, clearing->bid_count * sizeof *work->got);
    memset(work->left, 0, clearing->ask_count * sizeof *work->left);
    for (size_t i = 0; i < clearing->fill_count; i++) {
        const struct clear_fill *fill = &clearing->fills[i];
        const struct clear_ask *ask = &clearing->asks[fill->ask];
        const uint64_t price = price_per_unit_up(ask->ask_uusd_per_hour, ask->unit);
        lowest_bid = smaller(lowest_bid, clearing->bids[fill->bid].bid_uusd);
        dearest_ask = price > dearest_ask ? price : dearest_ask;
        bidders += work->got[fill->bid]++ == 0;
        hosts += work->left[fill->ask]++ == 0;
    }
    if (bidders < CLEAR_TRADERS_MIN || hosts < CLEAR_TRADERS_MIN || lowest_bid < dearest_ask) {
        return 0;
    }
    return price_halfway(lowest_bid, dearest_ask);
}

static void
finish(struct clear_work *work, const struct clearing *clearing, struct clear_result *ret_result)
{
    uint64_t units = 0;
    for (size_t i = 0; i < clearing->fill_count; i++) {
        const struct clear_fill *fill = &clearing->fills[i];
        units += (uint64_t)fill->slots * clearing->asks[fill->ask].unit;
    }
    *ret_result = (struct clear_result){
        .fills = clearing->fills,
        .fill_count = clearing->fill_count,
        .surplus_uusd = surplus_of_all(clearing),
        .units = units,
        .price_uusd = uniform_price(work, clearing),
        .rule = clearing->fills == work->fills[CLEAR_BY_BID] ? CLEAR_BY_BID : CLEAR_BY_SURPLUS,
    };
    for (size_t i = 0; i < clearing->fill_count; i++) {
        clearing->fills[i].ask = low_half(work->order[clearing->fills[i].ask]);
    }
}

enum status
clear_market(struct clear_work *work, const struct clear_orders *orders,
             struct clear_result *ret_result)
{
    if (orders->ask_count > work->asks_max || orders->bid_count > work->bids_max) {
        return STATUS_LIMIT;
    }
    struct clearing by_bid = {.asks = work->sorted,
                              .ask_count = orders->ask_count,
                              .bids = orders->bids,
                              .bid_count = orders->bid_count,
                              .fits = orders->fits};
    struct clearing by_surplus = by_bid;
    const uint64_t bid_max = sort_bids(work, orders->bids, orders->bid_count);
    sort_asks(work, orders->asks, orders->ask_count, bid_max);
    start_clearing(work, &by_bid, CLEAR_BY_BID);
    serve_bids(work, &by_bid);
    if ((uint64_t)orders->ask_count * orders->bid_count <= work->edges_max) {
        clear_by_surplus(work, &by_surplus);
    }
    const bool is_surplus_better =
        by_surplus.fill_count > 0 && surplus_of_all(&by_surplus) > surplus_of_all(&by_bid);
    finish(work, is_surplus_better ? &by_surplus : &by_bid, ret_result);
    return STATUS_OK;
}
