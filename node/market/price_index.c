#include "node/market/price_index.h"

#include <assert.h>
#include <string.h>

#include "protocol/gpu_class.h"

/* Words are class << 32 | ask: sorted, the asks of a class stand together, from the lowest. */
struct sample {
    uint64_t *words;
    size_t count;
    size_t room;
    uint64_t stride; /* every so-manieth row is kept */
    uint64_t seen;
};

static void
keep(struct sample *sample, uint64_t word)
{
    if (sample->seen++ % sample->stride != 0) {
        return;
    }
    if (sample->count == sample->room) {
        for (size_t i = 0; 2 * i < sample->count; i++) {
            sample->words[i] = sample->words[2 * i];
        }
        sample->count = (sample->count + 1) / 2;
        sample->stride *= 2;
        if ((sample->seen - 1) % sample->stride != 0) {
            return;
        }
    }
    sample->words[sample->count++] = word;
}

static void
sift_down(uint64_t *heap, size_t count, size_t at)
{
    const uint64_t word = heap[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && heap[child + 1] > heap[child];
        if (heap[child] <= word) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = word;
}

static void
sort_words(uint64_t *words, size_t count)
{
    for (size_t at = count / 2; at-- > 0;) {
        sift_down(words, count, at);
    }
    while (count > 1) {
        const uint64_t last = words[0];
        count--;
        words[0] = words[count];
        sift_down(words, count, 0);
        words[count] = last;
    }
}

static bool
counts(const struct price_wish *wish, const struct market_row *row)
{
    return row->gpu_class != 0 && row->gpu_class < PRICE_CLASSES_MAX &&
           row->ask_uusd_per_hour != 0 &&
           (wish->classes == NULL || gpu_class_set_has(wish->classes, row->gpu_class)) &&
           (wish->without == NULL || host_key_compare(&row->host, wish->without) != 0);
}

/* What is exact: counts and bounds; in the place of the class's number. */
static void
note_row(struct class_price *price, const struct market_row *row)
{
    const uint32_t ask = row->ask_uusd_per_hour;
    price->ask_least_uusd =
        price->listings == 0 || ask < price->ask_least_uusd ? ask : price->ask_least_uusd;
    price->ask_most_uusd = ask > price->ask_most_uusd ? ask : price->ask_most_uusd;
    price->gpu_class = row->gpu_class;
    price->listings++;
    price->slots += row->slots_total;
}

/* Of so many words of one class, sorted. A class none of whose rows was kept has its bounds alone. */
static void
note_middle(struct class_price *price, const uint64_t *words, size_t count)
{
    if (count == 0) {
        price->ask_quarter_uusd = price->ask_least_uusd;
        price->ask_median_uusd = price->ask_least_uusd;
        price->ask_three_quarters_uusd = price->ask_most_uusd;
        return;
    }
    price->ask_quarter_uusd = (uint32_t)words[(count - 1) / 4];
    price->ask_median_uusd = (uint32_t)words[(count - 1) / 2];
    price->ask_three_quarters_uusd = (uint32_t)words[(count - 1) * 3 / 4];
}

size_t
price_index(const struct book *book, const struct price_wish *wish,
            const struct price_memory *memory, struct class_price ret_prices[PRICE_CLASSES_MAX])
{
    struct sample sample = {.words = memory->words, .room = memory->count, .stride = 1};
    struct book_cursor cursor = {0};
    struct market_row row;
    size_t classes = 0;
    assert(memory->count >= 2);
    memset(ret_prices, 0, PRICE_CLASSES_MAX * sizeof ret_prices[0]);
    while (book_next(book, &cursor, &row)) {
        if (counts(wish, &row)) {
            note_row(&ret_prices[row.gpu_class], &row);
            keep(&sample, (uint64_t)row.gpu_class << 32 | row.ask_uusd_per_hour);
        }
    }
    sort_words(sample.words, sample.count);
    size_t at = 0;
    for (uint64_t number = 1; number < PRICE_CLASSES_MAX; number++) {
        const size_t first = at;
        while (at < sample.count && sample.words[at] >> 32 == number) {
            at++;
        }
        if (ret_prices[number].listings > 0) {
            const struct class_price price = ret_prices[number];
            ret_prices[classes] = price;
            note_middle(&ret_prices[classes], sample.words + first, at - first);
            classes++;
        }
    }
    return classes;
}
