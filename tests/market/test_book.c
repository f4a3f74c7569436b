#include "node/market/book.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/market/naive_book.h"

enum { CHECK_EVERY = 64, TOP = 24 };

static bool
rows_equal(const struct market_row *a, const struct market_row *b)
{
    return memcmp(&a->host, &b->host, sizeof a->host) == 0 && a->slot_group == b->slot_group &&
           a->slots_total == b->slots_total && a->slots_held == b->slots_held &&
           a->gpu_class == b->gpu_class && a->reliability_bp == b->reliability_bp &&
           a->cpu_threads == b->cpu_threads && a->expires_s == b->expires_s &&
           a->ask_uusd_per_hour == b->ask_uusd_per_hour &&
           a->interruptible_ask_uusd_per_hour == b->interruptible_ask_uusd_per_hour &&
           a->vram_mib == b->vram_mib && a->fp16_gflops == b->fp16_gflops &&
           a->bandwidth_mb_s == b->bandwidth_mb_s && a->up_mbit_s == b->up_mbit_s &&
           a->down_mbit_s == b->down_mbit_s && a->ram_mib == b->ram_mib &&
           a->disk_mib == b->disk_mib && a->features == b->features &&
           memcmp(&a->terms, &b->terms, sizeof a->terms) == 0;
}

static void
check_rows(const struct book *book, struct naive_book *naive)
{
    struct book_cursor cursor = {0};
    struct market_row row;
    size_t count = 0;
    while (book_next(book, &cursor, &row)) {
        const struct market_row *expected = naive_find(naive, &row.host, row.slot_group);
        cr_assert_not_null(expected);
        cr_assert(rows_equal(&row, expected));
        count++;
    }
    cr_assert_eq(count, naive->count);
    cr_assert_eq(book_count(book), naive->count);
}

static void
check_match(const struct book *book, const struct naive_book *naive, uint64_t *state,
            uint64_t now_s)
{
    struct offer offers[TOP];
    struct offer expected[TOP];
    const struct request request = random_request(state, now_s);
    const struct filter filter = filter_compile(&request, now_s);
    const size_t limit = random_below(state, TOP + 1);
    const uint64_t seed = random_below(state, 3);
    const size_t count = match_top(book, &filter, seed, limit, offers);
    const size_t expected_count = naive_top(naive, &filter, seed, limit, expected);
    cr_assert_eq(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(offer_compare(&offers[i], &expected[i]), 0, "offer %zu of %zu", i, count);
        cr_assert_eq(offers[i].ask_uusd_per_hour, expected[i].ask_uusd_per_hour);
        cr_assert_eq(offers[i].unit, expected[i].unit);
    }
}

struct pair {
    struct book *book;
    struct naive_book *naive;
    uint64_t hosts;
    uint64_t now_s;
    uint16_t only_class; /* not 0: all rows are of it, so that blocks split and join */
};

static void
random_change(struct pair *pair, uint64_t *state)
{
    const struct peer_id host = random_peer(random_below(state, pair->hosts));
    const struct host_key key = host_key_of(&host);
    const uint8_t group = (uint8_t)random_below(state, 4);
    const uint8_t slots = (uint8_t)random_below(state, 5);
    struct market_row *row = naive_find(pair->naive, &key, group);
    struct market_row found;
    switch (random_below(state, 12)) {
    case 0:
        cr_assert_eq(book_withdraw(pair->book, &host, group),
                     row == NULL ? STATUS_NOT_FOUND : STATUS_OK);
        if (row != NULL) {
            naive_take_out(pair->naive, row);
        }
        break;
    case 1:
        book_hold(pair->book, &host, group, slots);
        if (row != NULL) {
            const int held = row->slots_held + slots;
            row->slots_held = held > row->slots_total ? row->slots_total : (uint8_t)held;
        }
        break;
    case 2:
        book_release(pair->book, &host, group, slots);
        if (row != NULL) {
            row->slots_held = slots > row->slots_held ? 0 : (uint8_t)(row->slots_held - slots);
        }
        break;
    case 3: {
        const uint16_t reliability_bp = (uint16_t)random_below(state, 11000);
        book_set_reliability(pair->book, &host, reliability_bp);
        for (uint8_t i = 0; i < 4; i++) {
            row = naive_find(pair->naive, &key, i);
            if (row != NULL) {
                row->reliability_bp = reliability_bp > 10000 ? 10000 : reliability_bp;
            }
        }
        break;
    }
    case 4:
        pair->now_s += random_below(state, 3);
        cr_assert_eq(book_expire(pair->book, pair->now_s), naive_expire(pair->naive, pair->now_s));
        break;
    case 5:
        cr_assert_eq(book_find(pair->book, &host, group, &found),
                     row == NULL ? STATUS_NOT_FOUND : STATUS_OK);
        cr_assert(row == NULL || rows_equal(&found, row));
        break;
    default: {
        struct market_row fresh = random_row(state, pair->hosts, pair->now_s);
        fresh.gpu_class = pair->only_class != 0 ? pair->only_class : fresh.gpu_class;
        const bool fits = naive_put(pair->naive, &fresh);
        cr_assert_eq(book_put(pair->book, &fresh), fits ? STATUS_OK : STATUS_LIMIT);
    }
    }
}

static void
compare_under_changes(uint64_t seed, uint64_t hosts, uint32_t capacity, int changes,
                      uint16_t only_class)
{
    uint64_t state = seed;
    struct pair pair = {.hosts = hosts, .now_s = 4000, .only_class = only_class};
    pair.book = book_new(capacity);
    pair.naive = calloc(1, sizeof *pair.naive);
    cr_assert(pair.book != NULL && pair.naive != NULL);
    pair.naive->capacity = capacity;
    cr_assert_eq(book_capacity(pair.book), capacity);
    const int all_changes = model_rounds(changes);
    for (int i = 0; i < all_changes; i++) {
        random_change(&pair, &state);
        if (i % CHECK_EVERY == 0) {
            check_match(pair.book, pair.naive, &state, pair.now_s);
        }
        if (i % (CHECK_EVERY * 32) == 0) {
            check_rows(pair.book, pair.naive);
        }
    }
    check_rows(pair.book, pair.naive);
    book_free(pair.book);
    free(pair.naive);
}

Test(book, equals_a_plain_list_under_any_changes)
{
    compare_under_changes(1, 3, 8, 4000, 0);
    compare_under_changes(2, 40, 100, 6000, 0);
    compare_under_changes(3, 600, 2000, 10000, 0);
}

Test(book, equals_a_plain_list_while_blocks_split_and_join)
{
    compare_under_changes(4, 2000, 8000, 16000, 16);
}

static void
fill(struct pair *pair, uint64_t *state, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        struct market_row fresh = random_row(state, UINT64_MAX, pair->now_s);
        fresh.gpu_class = pair->only_class;
        pair->naive->rows[pair->naive->count++] = fresh; /* every host is a new one */
        cr_assert_eq(book_put(pair->book, &fresh), STATUS_OK);
    }
}

Test(book, empties_by_expiry_and_fills_again)
{
    uint64_t state = 6;
    struct pair pair = {.now_s = 4000, .only_class = 3};
    pair.book = book_new(9000);
    pair.naive = calloc(1, sizeof *pair.naive);
    cr_assert(pair.book != NULL && pair.naive != NULL);
    for (int round = 0; round < 4; round++) {
        fill(&pair, &state, 8000);
        check_rows(pair.book, pair.naive);
        for (int step = 0; step < 11; step++) {
            pair.now_s += 100;
            cr_assert_eq(book_expire(pair.book, pair.now_s), naive_expire(pair.naive, pair.now_s));
            check_rows(pair.book, pair.naive);
            for (int i = 0; i < 4; i++) {
                check_match(pair.book, pair.naive, &state, pair.now_s);
            }
        }
        cr_assert_eq(book_count(pair.book), 0u);
    }
    book_free(pair.book);
    free(pair.naive);
}

Test(book, takes_rows_in_any_order_of_price)
{
    for (int order = 0; order < 3; order++) {
        uint64_t state = 7;
        struct pair pair = {.now_s = 4000};
        pair.book = book_new(6000);
        pair.naive = calloc(1, sizeof *pair.naive);
        cr_assert(pair.book != NULL && pair.naive != NULL);
        for (uint32_t i = 0; i < 6000; i++) {
            struct market_row row = random_row(&state, UINT64_MAX, pair.now_s);
            row.gpu_class = 1;
            row.ask_uusd_per_hour = order == 0 ? 1000 + i : order == 1 ? 9000 - i : 5000;
            pair.naive->rows[pair.naive->count++] = row;
            cr_assert_eq(book_put(pair.book, &row), STATUS_OK);
        }
        for (int i = 0; i < 40; i++) {
            check_match(pair.book, pair.naive, &state, pair.now_s);
        }
        check_rows(pair.book, pair.naive);
        book_free(pair.book);
        free(pair.naive);
    }
}

Test(book, a_full_book_refuses_the_new_and_replaces_the_old)
{
    uint64_t state = 5;
    struct book *book = book_new(1);
    struct market_row first = random_row(&state, 1000, 0);
    struct market_row other = random_row(&state, 1000, 0);
    cr_assert_not_null(book);
    cr_assert_eq(book_put(book, &first), STATUS_OK);
    cr_assert_eq(book_put(book, &other), STATUS_LIMIT);
    first.cpu_threads = 77;
    cr_assert_eq(book_put(book, &first), STATUS_OK);
    struct book_cursor cursor = {0};
    struct market_row found;
    cr_assert(book_next(book, &cursor, &found));
    cr_assert_eq(found.cpu_threads, 77);
    cr_assert_not(book_next(book, &cursor, &found));
    book_free(book);
    book_free(NULL);
}
