#include "node/market/price_index.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "protocol/gpu_class.h"
#include "tests/market/naive_book.h"

enum { ROWS = 3000, WORDS = ROWS };

static uint64_t words[WORDS];

static int
compare_asks(const void *a, const void *b)
{
    const uint32_t first = *(const uint32_t *)a;
    const uint32_t second = *(const uint32_t *)b;
    return first < second ? -1 : first > second;
}

/* The asks of a class, sorted; counts cards, too. */
static size_t
naive_asks(const struct naive_book *naive, uint16_t gpu_class, const struct host_key *without,
           uint32_t *ret_asks, uint32_t *ret_slots)
{
    size_t count = 0;
    *ret_slots = 0;
    for (size_t i = 0; i < naive->count; i++) {
        const struct market_row *row = &naive->rows[i];
        if (row->gpu_class == gpu_class && row->ask_uusd_per_hour != 0 &&
            (without == NULL || host_key_compare(&row->host, without) != 0)) {
            ret_asks[count++] = row->ask_uusd_per_hour;
            *ret_slots += row->slots_total;
        }
    }
    qsort(ret_asks, count, sizeof *ret_asks, compare_asks);
    return count;
}

static struct book *
filled(struct naive_book *naive, uint64_t seed)
{
    uint64_t state = seed;
    struct book *book = book_new(ROWS);
    cr_assert_not_null(book);
    naive->count = 0;
    naive->capacity = ROWS;
    for (int i = 0; i < ROWS; i++) {
        const struct market_row row = random_row(&state, 400, 1000);
        cr_assert_eq(book_put(book, &row), STATUS_OK);
        (void)naive_put(naive, &row);
    }
    return book;
}

Test(price_index, every_class_has_the_figures_of_a_sorted_list)
{
    static struct naive_book naive;
    static uint32_t asks[ROWS];
    struct class_price prices[PRICE_CLASSES_MAX];
    const struct price_memory memory = {words, WORDS};
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct book *book = filled(&naive, seed);
        const struct host_key *without = seed % 2 == 0 ? &naive.rows[0].host : NULL;
        const struct price_wish wish = {.without = without};
        const size_t count = price_index(book, &wish, &memory, prices);
        size_t at = 0;
        cr_assert_gt(count, 1);
        for (uint32_t number = 1; number < PRICE_CLASSES_MAX; number++) {
            uint32_t slots;
            const size_t listings = naive_asks(&naive, (uint16_t)number, without, asks, &slots);
            if (listings == 0) {
                continue;
            }
            cr_assert_lt(at, count);
            cr_assert_eq(prices[at].gpu_class, number);
            cr_assert_eq(prices[at].listings, listings);
            cr_assert_eq(prices[at].slots, slots);
            cr_assert_eq(prices[at].ask_least_uusd, asks[0]);
            cr_assert_eq(prices[at].ask_quarter_uusd, asks[(listings - 1) / 4]);
            cr_assert_eq(prices[at].ask_median_uusd, asks[(listings - 1) / 2]);
            cr_assert_eq(prices[at].ask_three_quarters_uusd, asks[(listings - 1) * 3 / 4]);
            cr_assert_eq(prices[at].ask_most_uusd, asks[listings - 1]);
            at++;
        }
        cr_assert_eq(at, count);
        book_free(book);
    }
}

Test(price_index, only_wanted_classes_count)
{
    static struct naive_book naive;
    struct class_price prices[PRICE_CLASSES_MAX];
    const struct price_memory memory = {words, WORDS};
    struct book *book = filled(&naive, 9);
    for (size_t i = 0; i < 20; i++) {
        uint8_t classes[CLASS_SET_BYTES] = {0};
        const uint16_t number = naive.rows[i].gpu_class;
        gpu_class_set_add(classes, number);
        const struct price_wish wish = {.classes = classes};
        const size_t count = price_index(book, &wish, &memory, prices);
        cr_assert_eq(count, number != 0);
        cr_assert(count == 0 || prices[0].gpu_class == number);
    }
    const uint8_t none[CLASS_SET_BYTES] = {0};
    const struct price_wish nobody = {.classes = none};
    cr_assert_eq(price_index(book, &nobody, &memory, prices), 0);
    book_free(book);
}

/* With little memory bounds and counts stay exact, and the middle stays between them. */
Test(price_index, little_memory_makes_the_middle_a_sample)
{
    static struct naive_book naive;
    static struct class_price exact[PRICE_CLASSES_MAX];
    static struct class_price rough[PRICE_CLASSES_MAX];
    const struct price_memory memory = {words, WORDS};
    const struct price_wish wish = {NULL, NULL};
    struct book *book = filled(&naive, 4);
    const size_t count = price_index(book, &wish, &memory, exact);
    for (size_t room = 2; room < WORDS; room *= 3) {
        const struct price_memory little = {words, room};
        cr_assert_eq(price_index(book, &wish, &little, rough), count);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(rough[i].listings, exact[i].listings);
            cr_assert_eq(rough[i].slots, exact[i].slots);
            cr_assert_eq(rough[i].ask_least_uusd, exact[i].ask_least_uusd);
            cr_assert_eq(rough[i].ask_most_uusd, exact[i].ask_most_uusd);
            cr_assert_leq(rough[i].ask_least_uusd, rough[i].ask_quarter_uusd);
            cr_assert_leq(rough[i].ask_quarter_uusd, rough[i].ask_median_uusd);
            cr_assert_leq(rough[i].ask_median_uusd, rough[i].ask_three_quarters_uusd);
            cr_assert_leq(rough[i].ask_three_quarters_uusd, rough[i].ask_most_uusd);
        }
    }
    book_free(book);
}
