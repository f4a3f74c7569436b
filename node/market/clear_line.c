#include <assert.h>
#include <string.h>

#include "node/market/clear_work.h"
#include "protocol/price.h"

enum {
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    BUCKET_ASKS = 4096, /* with their copy about as many as stay near the processor */
    FEW = 24            /* so many are sooner sorted by insertion */
};

_Static_assert((int)CLEAR_BUCKETS == (int)DIGITS, "starts_of_counts does for both");

/* ---- Words ---- */

static void
starts_of_counts(uint32_t counts[DIGITS])
{
    uint32_t next = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        const uint32_t these = counts[digit];
        counts[digit] = next;
        next += these;
    }
}

/* One stable pass over a digit of the words. */
static void
sort_words_by_digit(const uint64_t *words, uint64_t *ret_words, size_t count, int shift)
{
    uint32_t starts[DIGITS];
    memset(starts, 0, sizeof starts);
    for (size_t i = 0; i < count; i++) {
        starts[words[i] >> shift & (DIGITS - 1)]++;
    }
    starts_of_counts(starts);
    for (size_t i = 0; i < count; i++) {
        ret_words[starts[words[i] >> shift & (DIGITS - 1)]++] = words[i];
    }
}

void
line_sort_words(uint64_t *words, uint64_t *spare, size_t count)
{
    uint64_t *from = words;
    uint64_t *to = spare;
    for (int bit = 32; bit < 64; bit += DIGIT_BITS) {
        sort_words_by_digit(from, to, count, bit);
        uint64_t *const sorted = to;
        to = from;
        from = sorted;
    }
    if (from != words) {
        memcpy(words, from, count * sizeof *words);
    }
}

/* ---- Buckets ---- */

static int
bits_of(uint64_t number)
{
    return number == 0 ? 0 : 64 - __builtin_clzll(number);
}

/* The highest price that a kept ask can have. */
static uint32_t
price_limit(uint64_t bid_max)
{
    return bid_max < UINT32_MAX ? (uint32_t)bid_max : UINT32_MAX;
}

/* Notes the prices of all asks, and how many are kept. Returns the greatest of these. */
static uint32_t
price_asks(struct clear_line *line, const struct clear_ask *asks, size_t count, uint32_t limit)
{
    uint32_t *prices = line->prices;
    uint32_t greatest = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t price = price_per_unit_up(asks[i].ask_uusd_per_hour, asks[i].unit);
        const uint32_t clamped = price < UINT32_MAX ? (uint32_t)price : UINT32_MAX;
        const uint32_t payable = clamped <= limit ? clamped : 0;
        prices[i] = clamped;
        greatest = payable > greatest ? payable : greatest;
        kept += clamped <= limit;
    }
    line->count = kept;
    return greatest;
}

/* Buckets of a few thousand asks each if prices are spread evenly. */
static void
choose_buckets(struct clear_line *line, uint32_t greatest)
{
    int bits = bits_of(line->count / BUCKET_ASKS) + 1; /* a price of 32 bits is shifted by less */
    bits = bits < CLEAR_BUCKET_BITS_MAX ? bits : CLEAR_BUCKET_BITS_MAX;
    line->shift = bits_of(greatest) > bits ? bits_of(greatest) - bits : 0;
}

/* What is too dear has a bucket of its own after the others, so that neither of the two loops over
 * all asks has a branch: about half of them may be. */
static inline uint32_t
bucket_of(uint32_t price, int shift, uint32_t limit)
{
    const uint32_t bucket = price >> shift;
    return price <= limit ? bucket : CLEAR_BUCKETS;
}

/* Copies the asks to their buckets. All that are too dear go to the one place after the last. */
static void
place_asks(struct clear_line *line, const struct clear_ask *asks, size_t count, uint32_t limit)
{
    const uint32_t *prices = line->prices;
    const int shift = line->shift;
    struct clear_placed *placed = line->asks;
    uint32_t ends[CLEAR_BUCKETS + 1];
    memcpy(ends, line->ends, sizeof ends);
    for (size_t i = 0; i < count; i++) {
        const uint32_t bucket = bucket_of(prices[i], shift, limit);
        placed[ends[bucket]] =
            (struct clear_placed){.price_uusd = prices[i], .index = (uint32_t)i, .ask = asks[i]};
        ends[bucket] += bucket != CLEAR_BUCKETS;
    }
    memcpy(line->ends, ends, sizeof ends);
}

void
line_start(struct clear_line *line, const struct clear_ask *asks, size_t count, uint64_t bid_max)
{
    const uint32_t limit = price_limit(bid_max);
    choose_buckets(line, price_asks(line, asks, count, limit));
    memset(line->ends, 0, sizeof line->ends);
    for (size_t i = 0; i < count; i++) {
        line->ends[bucket_of(line->prices[i], line->shift, limit)]++;
    }
    starts_of_counts(line->ends);
    line->ends[CLEAR_BUCKETS] = (uint32_t)line->count;
    place_asks(line, asks, count, limit);
    memset(line->open, 0, (line->count / 64 + 1) * sizeof *line->open);
    line->sorted = 0;
    line->bucket = 0;
}

static void
insert_in_order(struct clear_placed *asks, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct clear_placed ask = asks[i];
        size_t at = i;
        for (; at > 0 && asks[at - 1].price_uusd > ask.price_uusd; at--) {
            asks[at] = asks[at - 1];
        }
        asks[at] = ask;
    }
}

static void
sort_by_digit(const struct clear_placed *asks, struct clear_placed *ret_asks, size_t count,
              int shift)
{
    uint32_t starts[DIGITS];
    memset(starts, 0, sizeof starts);
    for (size_t i = 0; i < count; i++) {
        starts[asks[i].price_uusd >> shift & (DIGITS - 1)]++;
    }
    starts_of_counts(starts);
    for (size_t i = 0; i < count; i++) {
        ret_asks[starts[asks[i].price_uusd >> shift & (DIGITS - 1)]++] = asks[i];
    }
}

/* Sorts by the digits below the bucket; asks of one price stand in their order already. */
static void
sort_bucket(struct clear_line *line, struct clear_placed *asks, size_t count)
{
    struct clear_placed *from = asks;
    struct clear_placed *to = line->spare;
    if (count <= FEW) {
        insert_in_order(asks, count);
        return;
    }
    for (int bit = 0; bit < line->shift; bit += DIGIT_BITS) {
        sort_by_digit(from, to, count, bit);
        struct clear_placed *const sorted = to;
        to = from;
        from = sorted;
    }
    if (from != asks) {
        memcpy(asks, from, count * sizeof *asks);
    }
}

void
line_open(struct clear_line *line, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const uint16_t slots = line->asks[i].ask.slots;
        line->left[i] = slots;
        line->open[i / 64] |= (uint64_t)(slots > 0) << (i % 64);
    }
}

void
line_sort_more(struct clear_line *line)
{
    const size_t first = line->sorted;
    assert(first < line->count);
    while (line->ends[line->bucket] == first) {
        line->bucket++;
    }
    const size_t end = line->ends[line->bucket];
    sort_bucket(line, line->asks + first, end - first);
    line_open(line, first, end);
    line->sorted = end;
}

size_t
line_end_of(const struct clear_line *line, size_t first, size_t end, uint64_t bid_uusd)
{
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        if (line->asks[middle].price_uusd <= bid_uusd) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}
