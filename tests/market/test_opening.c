#include "node/market/opening.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/week_hours.h"
#include "tests/market/naive_book.h"

enum { HOUR_S = 3600, NOW_S = 1700000000 };

/* Every second hour of a week, tried one by one: open for as long as wanted. */
static bool
naive_is_open(const struct market_row *row, uint64_t start_s, uint64_t wanted_s)
{
    for (uint64_t at_s = start_s; at_s < start_s + wanted_s; at_s += 60) {
        if (!week_hours_has(row->terms.week_hours, week_hours_of(at_s))) {
            return false;
        }
    }
    return start_s >= row->terms.valid_from_s &&
           (row->terms.valid_until_s == 0 || start_s + wanted_s <= row->terms.valid_until_s);
}

static uint64_t
naive_opening(const struct market_row *row, uint64_t now_s, uint64_t wanted_s)
{
    const uint64_t from_s = row->terms.valid_from_s > now_s ? row->terms.valid_from_s : now_s;
    for (uint64_t at_s = from_s; at_s <= now_s + (uint64_t)WEEK_HOURS * HOUR_S;
         at_s += HOUR_S - at_s % HOUR_S) {
        if (naive_is_open(row, at_s, wanted_s)) {
            return at_s;
        }
    }
    return 0;
}

Test(opening, is_the_first_start_that_lasts_long_enough)
{
    uint64_t state = 3;
    unsigned never = 0;
    unsigned later = 0;
    for (int round = 0; round < 600; round++) {
        struct request request = request_default();
        struct market_row row = {.expires_s = NOW_S + 100};
        const uint64_t now_s = NOW_S + random_below(&state, 8 * 24 * HOUR_S);
        request.duration_s = (uint32_t)(600 + random_below(&state, 6 * HOUR_S) / 60 * 60);
        for (size_t i = 0; i < WEEK_HOURS_BYTES; i++) {
            row.terms.week_hours[i] = random_below(&state, 3) == 0
                                          ? (uint8_t)random_next(&state)
                                          : (uint8_t)(random_below(&state, 4) == 0 ? 0xFF : 0);
        }
        if (random_below(&state, 4) == 0) {
            row.terms.valid_from_s = now_s + random_below(&state, 3 * 24 * HOUR_S);
        }
        if (random_below(&state, 4) == 0) {
            row.terms.valid_until_s = now_s + random_below(&state, 7 * 24 * HOUR_S);
        }
        const struct filter filter = filter_compile(&request, now_s);
        const uint64_t opens_s = opening_s(&filter, &row);
        cr_assert_eq(opens_s, naive_opening(&row, now_s, request.duration_s), "round %d", round);
        never += opens_s == 0;
        later += opens_s > now_s;
    }
    cr_assert(never > 10 && later > 10, "%u %u", never, later);
}

Test(opening, what_is_always_open_opens_now_and_what_never_is_does_not)
{
    const struct request request = request_default();
    const struct filter filter = filter_compile(&request, NOW_S);
    struct market_row row = {.slot_group = 0};
    cr_assert_eq(opening_s(&filter, &row), 0);
    memset(row.terms.week_hours, 0xFF, WEEK_HOURS_BYTES);
    cr_assert_eq(opening_s(&filter, &row), NOW_S);
    row.terms.valid_until_s = NOW_S + 1;
    cr_assert_eq(opening_s(&filter, &row), 0);
}
