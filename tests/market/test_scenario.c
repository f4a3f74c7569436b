/* The shortage keeps the market's promises at every seed: nothing is checked against figures of one run. */
#include "node/market/scenario.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/price.h"

enum { LISTINGS = 30000, CLOUD = 4400000 };

static struct scenario_options
options_of(uint32_t listings, uint64_t seed, enum scenario_cards cards)
{
    return (struct scenario_options){listings, seed, cards, CLOUD};
}

static struct scenario *
run(const struct scenario_options *options)
{
    static const enum work order[WORK_COUNT] = {WORK_TRAIN, WORK_FINETUNE, WORK_INFER, WORK_RENDER};
    struct scenario *scenario = scenario_new(options);
    cr_assert_not_null(scenario);
    scenario_generate(scenario);
    for (int i = 0; i < WORK_COUNT; i++) {
        cr_assert_eq(scenario_offer(scenario, order[i]), STATUS_OK);
        cr_assert_eq(scenario_clear(scenario, order[i]), STATUS_OK);
        cr_assert_eq(scenario_account(scenario, order[i]), STATUS_OK);
    }
    return scenario;
}

Test(scenario, the_table_has_the_demand_that_was_reported)
{
    uint64_t all = 0;
    uint64_t named = 0;
    unsigned inferred = 0;
    unsigned of_kind[WORK_COUNT] = {0};
    cr_assert_eq(scenario_buyer_count(), 12);
    for (size_t i = 0; i < scenario_buyer_count(); i++) {
        const struct scenario_buyer *buyer = scenario_buyer_at(i);
        unsigned percent = 0;
        for (int work = 0; work < WORK_COUNT; work++) {
            percent += buyer->percent[work];
        }
        cr_assert_eq(percent, 100, "%s", buyer->name);
        all += buyer->h100_wanted;
        named += buyer->is_inferred ? 0 : buyer->h100_wanted;
        inferred += buyer->is_inferred;
    }
    cr_assert_eq(all, 432000);
    cr_assert_eq(named, 332000);
    cr_assert_eq(inferred, 1);
    for (size_t k = 0; k < scenario_want_count(); k++) {
        of_kind[scenario_want_at(k)->work] += scenario_want_at(k)->percent;
    }
    for (int work = 0; work < WORK_COUNT; work++) {
        cr_assert_eq(of_kind[work], 100, "work %d", work);
    }
}

Test(scenario, every_unit_of_the_demand_is_in_a_bid)
{
    const struct scenario_options options = options_of(1, 1, SCENARIO_CARDS_2023);
    struct scenario *scenario = scenario_new(&options);
    uint64_t wanted = 0;
    size_t count;
    cr_assert_not_null(scenario);
    const struct scenario_bid *bids = scenario_bids(scenario, &count);
    for (size_t i = 0; i < count; i++) {
        wanted += bids[i].units_wanted;
        cr_assert(bids[i].bid_uusd * 100 >= (uint64_t)bids[i].want->bid_least_percent * CLOUD);
        cr_assert(bids[i].bid_uusd * 100 <= (uint64_t)bids[i].want->bid_most_percent * CLOUD);
    }
    /* Shares are floored, by less than a unit a bid. */
    cr_assert_leq(wanted, UINT64_C(432000) * H100E_UNIT);
    cr_assert_gt(wanted + count, UINT64_C(432000) * H100E_UNIT);
    scenario_free(scenario);
}

Test(scenario, only_gaming_cards_are_generated)
{
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        cr_assert(gpu_class->segment == GPU_SEGMENT_GAMING ||
                      (scenario_share(SCENARIO_CARDS_2023, gpu_class) == 0 &&
                       scenario_share(SCENARIO_CARDS_2026, gpu_class) == 0),
                  "%s", gpu_class->name);
    }
}

Test(scenario, training_from_scratch_needs_cards_of_a_data_centre)
{
    const struct gpu_class *h100;
    const struct gpu_class *rtx;
    cr_assert_eq(gpu_class_find(bytes_of_text("h100-sxm"), &h100), STATUS_OK);
    cr_assert_eq(gpu_class_find(bytes_of_text("rtx5090"), &rtx), STATUS_OK);
    for (size_t k = 0; k < scenario_want_count(); k++) {
        const struct scenario_want *want = scenario_want_at(k);
        cr_assert(scenario_can_do(want, h100), "%s", want->title);
        cr_assert(want->work != WORK_TRAIN || !scenario_can_do(want, rtx));
    }
}

static void
check_bid(const struct scenario *scenario, const struct scenario_bid *bid, size_t number)
{
    uint64_t cards = 0;
    bool has_card = false;
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        const uint32_t of_class = scenario_cards_of(scenario, number, gpu_class->number);
        cards += of_class;
        has_card = has_card || (scenario_class(scenario, gpu_class->number)->cards > 0 &&
                                scenario_can_do(bid->want, gpu_class));
        cr_assert(of_class == 0 || scenario_can_do(bid->want, gpu_class), "%s for %s",
                  gpu_class->name, bid->want->title);
    }
    cr_assert_eq(cards, bid->cards);
    cr_assert_leq(bid->units_served, bid->units_wanted);
    cr_assert_leq(bid->paid_uusd * H100E_UNIT, bid->bid_uusd * bid->units_served, "paid over bid");
    cr_assert_eq(bid->why == SCENARIO_SERVED, bid->units_served == bid->units_wanted);
    cr_assert(bid->units_wanted == 0 || (bid->why == SCENARIO_NO_CARD) == !has_card);
    cr_assert(bid->want->work != WORK_TRAIN || bid->units_served == 0);
}

/* Slots and money by class, told by the listings and by the bids, are the same. */
static void
check_classes(const struct scenario *scenario, uint32_t listings)
{
    static uint64_t sold[SCENARIO_CLASSES_MAX];
    static uint64_t asked[SCENARIO_CLASSES_MAX];
    size_t bid_count;
    uint64_t paid = 0;
    uint64_t earned = 0;
    const struct scenario_bid *bids = scenario_bids(scenario, &bid_count);
    memset(sold, 0, sizeof sold);
    memset(asked, 0, sizeof asked);
    for (size_t i = 0; i < listings; i++) {
        const struct scenario_listing *listing = &scenario_listings(scenario)[i];
        cr_assert_leq(listing->slots_sold, listing->slots, "a slot was sold twice");
        sold[listing->gpu_class] += listing->slots_sold;
        asked[listing->gpu_class] += (uint64_t)listing->slots_sold * listing->ask_uusd_per_hour;
    }
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const uint16_t number = gpu_class_at(i)->number;
        const struct scenario_class *seen = scenario_class(scenario, number);
        uint64_t to_bids = 0;
        for (size_t k = 0; k < bid_count; k++) {
            to_bids += scenario_cards_of(scenario, k, number);
        }
        cr_assert_eq(seen->sold, sold[number]);
        cr_assert_eq(seen->sold, to_bids);
        cr_assert_leq(seen->sold, seen->cards);
        cr_assert_geq(seen->earned_uusd, asked[number], "a host got less than it asked");
        earned += seen->earned_uusd;
    }
    for (size_t k = 0; k < bid_count; k++) {
        check_bid(scenario, &bids[k], k);
        paid += bids[k].paid_uusd;
    }
    cr_assert_eq(paid, earned, "money was made or lost");
    cr_assert_gt(paid, 0, "nothing was sold");
}

Test(scenario, money_cards_and_limits_are_kept_at_every_seed_and_size)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        const uint32_t listings = seed % 3 == 0 ? 300000 : LISTINGS / (uint32_t)seed;
        const struct scenario_options options =
            options_of(listings, seed, seed % 2 == 0 ? SCENARIO_CARDS_2026 : SCENARIO_CARDS_2023);
        struct scenario *scenario = run(&options);
        check_classes(scenario, listings);
        for (int work = 0; work < WORK_COUNT; work++) {
            const struct scenario_market *market = scenario_market(scenario, (enum work)work);
            cr_assert_leq(market->surplus_uusd, market->bound_uusd);
            cr_assert_leq(market->asks, listings);
        }
        scenario_free(scenario);
    }
}

Test(scenario, the_same_seed_gives_the_same_listings_and_results)
{
    const struct scenario_options first = options_of(LISTINGS, 7, SCENARIO_CARDS_2023);
    const struct scenario_options other = options_of(LISTINGS, 8, SCENARIO_CARDS_2023);
    const size_t bytes = LISTINGS * sizeof(struct scenario_listing);
    struct scenario *a = run(&first);
    struct scenario *b = run(&first);
    struct scenario *c = run(&other);
    size_t count;
    const struct scenario_bid *bids = scenario_bids(a, &count);
    const struct scenario_bid *again = scenario_bids(b, &count);
    cr_assert_eq(memcmp(scenario_listings(a), scenario_listings(b), bytes), 0);
    cr_assert_neq(memcmp(scenario_listings(a), scenario_listings(c), bytes), 0);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(bids[i].bid_uusd, again[i].bid_uusd);
        cr_assert_eq(bids[i].units_served, again[i].units_served);
        cr_assert_eq(bids[i].paid_uusd, again[i].paid_uusd);
    }
    scenario_free(a);
    scenario_free(b);
    scenario_free(c);
}

Test(scenario, cards_are_drawn_by_their_shares_and_asks_cover_the_current)
{
    for (int cards = 0; cards < SCENARIO_CARDS_COUNT; cards++) {
        const struct scenario_options options = options_of(200000, 3, (enum scenario_cards)cards);
        struct scenario *scenario = scenario_new(&options);
        uint64_t shares = 0;
        cr_assert_not_null(scenario);
        scenario_generate(scenario);
        for (size_t i = 0; i < gpu_class_count(); i++) {
            shares += scenario_share(options.cards, gpu_class_at(i));
        }
        for (size_t i = 0; i < gpu_class_count(); i++) {
            const struct gpu_class *gpu_class = gpu_class_at(i);
            const uint64_t share = scenario_share(options.cards, gpu_class);
            const uint64_t drawn = scenario_class(scenario, gpu_class->number)->cards;
            const uint64_t expected = scenario_supply(scenario)->cards * share / shares;
            cr_assert(drawn * 10 <= expected * 12 + 400 && drawn * 10 + 400 >= expected * 8,
                      "%s: %llu of %llu", gpu_class->name, (unsigned long long)drawn,
                      (unsigned long long)expected);
        }
        for (size_t i = 0; i < options.listings; i++) {
            const struct scenario_listing *listing = &scenario_listings(scenario)[i];
            const struct gpu_class *gpu_class = gpu_class_by_number(listing->gpu_class);
            cr_assert_geq(listing->ask_uusd_per_hour, gpu_class->watts * 80u);
            cr_assert(listing->slots >= 1 && listing->reliability_bp <= RELIABILITY_BP_MAX);
            cr_assert(listing->idle_hours >= 1 && listing->idle_hours <= WEEK_HOURS);
        }
        scenario_free(scenario);
    }
}

Test(scenario, asks_grow_with_the_place_among_owners)
{
    uint32_t before = 0;
    for (uint32_t place = 0; place < 65536; place++) {
        const uint32_t permille = scenario_ask_permille(place);
        cr_assert_geq(permille, before, "place %u", place);
        cr_assert(permille >= 200 && permille <= 2500);
        before = permille;
    }
}

Test(scenario, impossible_options_are_refused)
{
    struct scenario_options options = options_of(0, 1, SCENARIO_CARDS_2023);
    cr_assert_null(scenario_new(&options));
    options = options_of(SCENARIO_LISTINGS_MAX + 1, 1, SCENARIO_CARDS_2023);
    cr_assert_null(scenario_new(&options));
    options = options_of(1, 1, SCENARIO_CARDS_COUNT);
    cr_assert_null(scenario_new(&options));
    options = options_of(1, 1, SCENARIO_CARDS_2023);
    options.cloud_uusd_per_hour = 0;
    cr_assert_null(scenario_new(&options));
    scenario_free(NULL);
}
