#include "node/market/clear_work.h"
#include "protocol/price.h"

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void
clear_settle(const struct clear_work *work, struct clearing *clearing, size_t first)
{
    for (size_t i = first; i < clearing->fill_count; i++) {
        struct clear_fill *fill = &clearing->fills[i];
        const struct clear_placed *placed = &work->line.asks[fill->ask];
        const struct clear_bid *bid = &clearing->bids[fill->bid];
        const uint64_t price =
            placed->price_uusd < UINT32_MAX
                ? placed->price_uusd
                : price_per_unit_up(placed->ask.ask_uusd_per_hour, placed->ask.unit);
        clearing->surplus_uusd += clear_surplus_of(bid, &placed->ask, fill->slots);
        clearing->units += (uint64_t)fill->slots * placed->ask.unit;
        clearing->bid_min_uusd = smaller(clearing->bid_min_uusd, bid->bid_uusd);
        clearing->price_max_uusd =
            price > clearing->price_max_uusd ? price : clearing->price_max_uusd;
        fill->ask = placed->index;
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
        line_give_back(&work->line, fill->ask, fill->slots);
    }
    clearing->fill_count = first_fill;
}

enum { TOO_LARGE_MAX = 256 };

/* A walk of one bid over the asks in order. */
struct walk {
    uint32_t bid;
    unsigned too_large;          /* asks in a row that were worth more than was lacking */
    bool is_passing;             /* so far */
    size_t passed;               /* asks before it have nothing left for such bids */
    uint64_t lacking;            /* units */
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
note_left_over(struct walk *walk, size_t ask)
{
    walk->passed = walk->is_passing ? ask : walk->passed;
    walk->is_passing = false;
    walk->marks_of = NULL;
    walk->too_large++;
}

/* A small rest is not worth a search through the whole market. */
static bool
is_walk_over(const struct walk *walk)
{
    return walk->lacking == 0 || walk->too_large == TOO_LARGE_MAX;
}

/* Of the open asks of a word, those that fit. Without a branch for each: nobody can guess which do. */
static uint64_t
fitting_of(const struct clear_line *line, const struct clear_bid *bid, size_t word, uint64_t open)
{
    uint64_t fitting = 0;
    for (uint64_t rest = open; rest != 0; rest &= rest - 1) {
        const size_t bit = (size_t)__builtin_ctzll(rest);
        const struct clear_ask *ask = &line->asks[word * 64 + bit].ask;
        const unsigned fits = (unsigned)(ask->vram_mib >= bid->vram_min_mib) &
                              (unsigned)(ask->reliability_bp >= bid->reliability_min_bp) &
                              (unsigned)(line->left[word * 64 + bit] >= bid->count);
        fitting |= (uint64_t)fits << bit;
    }
    return fitting;
}

/* Takes what is still wanted of an ask that fits. */
static void
walk_ask(struct clear_work *work, struct clearing *clearing, struct walk *walk, size_t ask)
{
    struct clear_line *line = &work->line;
    const struct clear_bid *wants = &clearing->bids[walk->bid];
    const uint32_t unit = line->asks[ask].ask.unit;
    const uint16_t slots = clear_slots_to_take(wants->count, unit, walk->lacking, line->left[ask]);
    if (slots > 0 && clearing->fill_count < work->fills_max) {
        clearing->fills[clearing->fill_count++] =
            (struct clear_fill){.bid = walk->bid, .ask = (uint32_t)ask, .slots = slots};
        line_take(line, ask, slots);
        walk->lacking -= (uint64_t)slots * unit;
    }
    if (line->left[ask] >= wants->count) {
        note_left_over(walk, ask);
    } else {
        walk->too_large = 0;
    }
}

/* Takes what fits of the asks from `first` on and before `end`, which are of one word, and cheap
 * enough. Returns where it ended. */
static size_t
walk_word(struct clear_work *work, struct clearing *clearing, struct walk *walk, size_t first,
          size_t end)
{
    const struct clear_line *line = &work->line;
    const struct clear_bid *wants = &clearing->bids[walk->bid];
    const uint64_t from_first = UINT64_MAX << first % 64;
    const uint64_t before_end = UINT64_MAX >> (63 - (end - 1) % 64);
    const uint64_t open = line->open[first / 64] & from_first & before_end;
    uint64_t rest = fitting_of(line, wants, first / 64, open);
    for (; rest != 0; rest &= rest - 1) {
        const size_t ask = first / 64 * 64 + (size_t)__builtin_ctzll(rest);
        if (clear_may_trade(clearing, walk->bid, &line->asks[ask])) {
            walk_ask(work, clearing, walk, ask);
            if (is_walk_over(walk)) {
                return ask + 1;
            }
        }
    }
    return end;
}

/* The same over many words. */
static void
walk_stretch(struct clear_work *work, struct clearing *clearing, struct walk *walk, size_t first,
             size_t end)
{
    for (size_t ask = first; ask < end && !is_walk_over(walk);) {
        const size_t word_end = (ask / 64 + 1) * 64;
        ask = walk_word(work, clearing, walk, ask, word_end < end ? word_end : end);
        walk->passed = walk->is_passing ? ask : walk->passed;
    }
}

static void
walk_asks(struct clear_work *work, struct clearing *clearing, struct walk *walk)
{
    struct clear_line *line = &work->line;
    const struct clear_bid *wants = &clearing->bids[walk->bid];
    const size_t stride = line->count / (CLEAR_MARKS_MAX - 1) + 1;
    size_t ask = walk->passed;
    while (ask < line->count && !is_walk_over(walk)) {
        if (ask == line->sorted) {
            line_sort_more(line);
        }
        const size_t stride_end = (ask / stride + 1) * stride;
        const size_t known_end = stride_end < line->sorted ? stride_end : line->sorted;
        const size_t end = line_end_of(line, ask, known_end, wants->bid_uusd);
        if (end == ask) {
            break;
        }
        if (ask % stride == 0 && line->asks[ask].price_uusd > 0) {
            mark(walk, line->asks[ask].price_uusd - 1, wants->units_wanted - walk->lacking);
        }
        walk_stretch(work, clearing, walk, ask, end);
        ask = end;
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
    struct walk walk = {.bid = bid,
                        .is_passing = true,
                        .passed = want == NULL ? 0 : want->passed,
                        .lacking = wants->units_wanted - work->got[bid]};
    if (work->got[bid] == 0 && want != NULL && wants->units_min > 0) {
        if (is_known_to_fail(want, wants)) {
            return;
        }
        want->mark_count = 0;
        walk.marks_of = want;
    }
    walk_asks(work, clearing, &walk);
    const uint64_t got = wants->units_wanted - walk.lacking;
    if (got < wants->units_min) {
        mark(&walk, wants->bid_uusd, got);
        undo_fills(work, clearing, first_fill);
        return;
    }
    work->got[bid] = got;
    clear_settle(work, clearing, first_fill);
    if (want != NULL) {
        want->passed = walk.passed;
    }
}

void
clear_serve_bids(struct clear_work *work, struct clearing *clearing)
{
    work->want_count = 0;
    for (size_t i = 0; i < clearing->bid_count; i++) {
        serve_bid(work, clearing, (uint32_t)work->bid_order[i]);
    }
}
