#include "node/market/index.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "node/market/terms_pool.h"
#include "tests/market/naive_book.h"

enum { ENTRIES = 3000, HASHES = 700 };

static bool
is_there(const struct index *index, uint64_t hash, uint32_t place)
{
    struct index_look look = index_look(index, hash);
    uint32_t found;
    while ((found = index_next(index, &look)) != INDEX_NONE) {
        if (found == place) {
            return true;
        }
    }
    return false;
}

/* Few hashes in few buckets, so that they overflow and share tags; `spread` 0 puts all in one. */
static void
check_under_changes(uint64_t seed, uint64_t spread)
{
    static uint64_t hashes[HASHES];
    static bool there[HASHES];
    struct index index;
    uint64_t state = seed;
    uint32_t count = 0;
    cr_assert(index_init(&index, HASHES));
    for (uint32_t i = 0; i < HASHES; i++) {
        hashes[i] = random_below(&state, spread + 1) << 50 | random_below(&state, 3);
        there[i] = false;
    }
    for (int change = 0; change < 20000; change++) {
        const uint32_t i = (uint32_t)random_below(&state, HASHES);
        if (there[i]) {
            index_remove(&index, hashes[i], i);
            count--;
        } else {
            index_add(&index, hashes[i], i);
            count++;
        }
        there[i] = !there[i];
        const uint32_t other = (uint32_t)random_below(&state, HASHES);
        cr_assert_eq(is_there(&index, hashes[other], other), there[other]);
    }
    for (uint32_t i = 0; i < HASHES; i++) {
        cr_assert_eq(is_there(&index, hashes[i], i), there[i]);
        if (there[i]) {
            index_change(&index, hashes[i], i, i + ENTRIES);
            cr_assert(is_there(&index, hashes[i], i + ENTRIES));
            cr_assert_not(is_there(&index, hashes[i], i));
        }
    }
    cr_assert_gt(count, 0u);
    index_clear(&index);
}

Test(index, finds_what_was_added_and_nothing_else)
{
    check_under_changes(1, 16000);
    check_under_changes(2, 3);
    check_under_changes(3, 0);
}

Test(index, equal_terms_are_kept_once_and_freed_with_their_last_row)
{
    struct terms_pool pool;
    struct terms first = {.cuda = 1204};
    struct terms other = {.cuda = 1300};
    struct terms third = {.cuda = 1108};
    cr_assert(terms_pool_init(&pool, 2, 9));
    const uint32_t place = terms_pool_take(&pool, &first);
    cr_assert_eq(terms_pool_take(&pool, &first), place);
    const uint32_t other_place = terms_pool_take(&pool, &other);
    cr_assert_neq(other_place, place);
    cr_assert_eq(terms_pool_take(&pool, &third), INDEX_NONE);
    cr_assert_eq(terms_pool_take(&pool, &first), place);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(terms_pool_at(&pool, place)->cuda, 1204);
        terms_pool_give_back(&pool, place);
    }
    cr_assert_eq(terms_pool_take(&pool, &third), place);
    cr_assert_eq(terms_pool_at(&pool, place)->cuda, 1108);
    cr_assert_eq(terms_pool_at(&pool, other_place)->cuda, 1300);
    terms_pool_clear(&pool);
}
