#include "node/market/match.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/market/naive_book.h"

static struct offer
plain_offer(uint64_t effective_uusd)
{
    return (struct offer){.effective_uusd = effective_uusd, .reliability_bp = 9000};
}

Test(match, offers_stand_in_the_order_of_price_reliability_spread_and_name)
{
    struct offer a = plain_offer(100);
    struct offer b = plain_offer(100);
    cr_assert_eq(offer_compare(&a, &b), 0);
    b.slot_group = 1;
    cr_assert_lt(offer_compare(&a, &b), 0);
    b.host.bytes[15] = 1;
    b.slot_group = 0;
    cr_assert_lt(offer_compare(&a, &b), 0);
    a.spread = 1;
    cr_assert_gt(offer_compare(&a, &b), 0);
    a.reliability_bp = 9500;
    cr_assert_lt(offer_compare(&a, &b), 0);
    b.reliability_bp = 9999; /* the same class: the spread decides again */
    cr_assert_gt(offer_compare(&a, &b), 0);
    b.effective_uusd = 101;
    cr_assert_lt(offer_compare(&a, &b), 0);
}

Test(match, the_pick_is_among_those_within_one_per_cent)
{
    struct offer offers[4] = {plain_offer(1000), plain_offer(1000), plain_offer(1010),
                              plain_offer(1011)};
    bool picked[4] = {false};
    cr_assert_eq(match_near_equal(offers, 4), 3u);
    cr_assert_eq(match_near_equal(offers, 0), 0u);
    cr_assert_eq(match_pick(offers, 0, 5), 0u);
    for (uint64_t seed = 0; seed < 100; seed++) {
        const size_t pick = match_pick(offers, 4, seed);
        cr_assert_eq(pick, match_pick(offers, 4, seed));
        picked[pick] = true;
    }
    cr_assert(picked[0] && picked[1] && picked[2] && !picked[3]);
    offers[0] = plain_offer(UINT64_MAX);
    cr_assert_eq(match_near_equal(offers, 1), 1u);
}

Test(match, the_spread_is_the_same_on_every_machine)
{
    const struct host_key host = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    const uint64_t spread = offer_spread(7, &host, 3);
    cr_assert_eq(spread, UINT64_C(0xa8879d4c52567209), "%llx", (unsigned long long)spread);
    cr_assert_neq(spread, offer_spread(8, &host, 3));
    cr_assert_neq(spread, offer_spread(7, &host, 2));
    const struct record_id id = {{0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xff}};
    cr_assert_eq(offer_seed(&id), UINT64_C(0x1122334455667788));
}

Test(match, the_total_is_what_the_receipts_sum_up_to)
{
    struct offer offer = {.ask_uusd_per_hour = 350000};
    struct amount total = amount_zero();
    cr_assert_eq(offer_total(&offer, 2, 5400, &total), STATUS_OK);
    cr_assert_eq(amount_micro(total), 1050000);
    offer.ask_uusd_per_hour = MARKET_ASK_MAX;
    cr_assert_eq(offer_total(&offer, UINT32_MAX, UINT32_MAX, &total), STATUS_OVERFLOW);
}

/* Counts again what match_explain says, row by row and clause by clause. */
static void
check_report(const struct naive_book *naive, const struct filter *filter,
             const struct reject_report *report)
{
    uint32_t fitting = 0;
    for (unsigned clause = 0; clause < CLAUSE_COUNT; clause++) {
        const struct reject *reject = &report->clauses[clause];
        uint32_t rejected = 0;
        uint32_t only_this = 0;
        uint32_t would_fit = 0;
        struct filter relaxed = *filter;
        relaxed.bound[clause] = reject->nearest;
        for (size_t i = 0; i < naive->count; i++) {
            const clause_set failing = filter_failing(filter, &naive->rows[i]);
            fitting += clause == 0 && failing == 0;
            rejected += (failing >> clause & 1) != 0;
            only_this += failing == UINT64_C(1) << clause;
            would_fit += failing != 0 && filter_failing(&relaxed, &naive->rows[i]) == 0;
        }
        cr_assert_eq(reject->rejected, rejected);
        cr_assert_eq(reject->only_this, only_this);
        if (clause_is_quantity((enum clause)clause) && clause != CLAUSE_AVAILABLE) {
            cr_assert_eq(reject->at_nearest > 0, only_this > 0);
            cr_assert(only_this == 0 || reject->at_nearest == would_fit, "%s: %u %u",
                      clause_name((enum clause)clause), reject->at_nearest, would_fit);
        }
    }
    cr_assert_eq(report->fitting, fitting);
    cr_assert_eq(report->rows, naive->count);
}

Test(match, the_report_counts_every_row_and_its_nearest_miss_is_true)
{
    static struct naive_book naive = {.capacity = 400};
    uint64_t state = 11;
    struct book *book = book_new(400);
    cr_assert_not_null(book);
    for (int i = 0; i < 400; i++) {
        const struct market_row row = random_row(&state, 1000, 4000);
        cr_assert(naive_put(&naive, &row));
        cr_assert_eq(book_put(book, &row), STATUS_OK);
    }
    for (int round = 0; round < 60; round++) {
        struct reject_report report;
        const struct request request = random_request(&state, 4000);
        const struct filter filter = filter_compile(&request, 4000);
        match_explain(book, &filter, &report);
        check_report(&naive, &filter, &report);
    }
    book_free(book);
}

Test(match, the_nearest_miss_reads_as_a_sentence)
{
    char memory[120];
    struct buffer out;
    const struct reject reject = {.only_this = 30, .nearest = 22528, .at_nearest = 12};
    const struct reject single = {.only_this = 3, .nearest = 410000, .at_nearest = 1};
    buffer_init(&out, memory, sizeof memory);
    match_print_nearest(&out, CLAUSE_VRAM, &reject);
    cr_assert(bytes_are_text(buffer_bytes(&out), "12 offers if vram >= 22 GiB"));
    buffer_init(&out, memory, sizeof memory);
    match_print_nearest(&out, CLAUSE_ASK, &single);
    cr_assert(bytes_are_text(buffer_bytes(&out), "1 offer if ask <= 0.41 USD/h"));
}
