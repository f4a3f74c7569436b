#include "node/market/auction.h"

#include <criterion/criterion.h>
#include <string.h>

#include "node/market/filter.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "tests/market/naive_book.h"

enum { NOW_S = 1700000000, ROWS = 120, BIDS = 48 };

struct epoch {
    struct market_row rows[ROWS];
    struct auction_bid bids[BIDS];
    struct auction_book book;
};

static struct amount
amount_of(uint64_t uusd)
{
    struct amount amount;
    cr_assert_eq(amount_of_micro((int64_t)uusd, &amount), STATUS_OK);
    return amount;
}

static struct market_row
row_of(uint64_t *state, uint64_t number)
{
    struct market_row row = random_row(state, 1, NOW_S);
    const struct peer_id host = random_peer(number);
    row.host = host_key_of(&host);
    row.expires_s = NOW_S + 3600;
    const uint32_t unit = gpu_unit(WORK_INFER, row.fp16_gflops, row.bandwidth_mb_s);
    row.ask_uusd_per_hour =
        (uint32_t)price_of_unit(300000 + 1000 * random_below(state, 1500), unit) + 1;
    if (number % 3 != 0) {
        row.terms.lease_max_s = 86400;
        row.terms.valid_from_s = 0;
        row.terms.valid_until_s = 0;
        row.features |= 1u << FEATURE_WORK_SHIFT << WORK_INFER;
        memset(row.terms.week_hours, 0xff, WEEK_HOURS_BYTES);
    }
    return row;
}

/* Filters of all sorts, and a few that are void. */
static struct auction_bid
bid_of(uint64_t *state, uint64_t number)
{
    struct auction_bid bid = {.request = random_request(state, NOW_S)};
    bid.renter = random_peer(number % 7 == 0 ? number : 10000 + number);
    for (size_t i = 0; i < ID_LENGTH; i++) {
        bid.commitment.bytes[i] = (uint8_t)random_next(state);
    }
    bid.request.work = WORK_INFER;
    bid.request.ask_max_uusd_per_hour = amount_zero();
    bid.request.total_max_uusd = amount_of(random_below(state, 12) == 0 ? 1000000 : 0);
    bid.request.unit_max_uusd_per_hour = amount_of(800000 + random_below(state, 4000000));
    bid.request.interruptible = random_below(state, 15) == 0;
    bid.request.reliability_min_bp = 0;
    bid.request.regions = 0;
    bid.request.hosts = 1;
    bid.request.count = (uint16_t)(1 + random_below(state, 2));
    bid.units_wanted = 2000 + random_below(state, 120000);
    bid.units_min = random_below(state, 3) == 0 ? bid.units_wanted / 3 : 0;
    return bid;
}

/* Half of the bids want little besides the price, so that there is trade. */
static void
fill_epoch(struct epoch *epoch, uint64_t *state, enum auction_rule pricing)
{
    for (size_t i = 0; i < ROWS; i++) {
        epoch->rows[i] = row_of(state, i);
    }
    for (size_t i = 0; i < BIDS; i++) {
        epoch->bids[i] = bid_of(state, i);
        if (i % 2 == 0) {
            const struct amount unit = epoch->bids[i].request.unit_max_uusd_per_hour;
            epoch->bids[i].request = request_default();
            epoch->bids[i].request.unit_max_uusd_per_hour = unit;
            epoch->bids[i].request.duration_s = 600;
        }
        if (i % 5 == 0) {
            epoch->bids[i].avoid[0] = random_peer(random_below(state, ROWS));
            epoch->bids[i].avoid_count = 1;
        }
    }
    epoch->book = (struct auction_book){.rows = epoch->rows,
                                        .row_count = 1 + random_below(state, ROWS),
                                        .bids = epoch->bids,
                                        .bid_count = 1 + random_below(state, BIDS),
                                        .seed = random_next(state),
                                        .now_s = NOW_S,
                                        .work = WORK_INFER,
                                        .pricing = pricing};
}

static struct auction_outcome
cleared(struct auction_work *work, const struct auction_book *book)
{
    struct auction_outcome outcome;
    cr_assert_eq(auction_clear(work, book, &outcome), STATUS_OK);
    return outcome;
}

/* One fill against everything that its two sides said. Returns its units. */
static uint64_t
check_fill(const struct auction_book *book, const struct auction_outcome *outcome, size_t at)
{
    const struct auction_fill *fill = &outcome->fills[at];
    const struct auction_bid *bid = &book->bids[fill->bid];
    const struct market_row *row = &book->rows[fill->row];
    const struct filter filter = filter_compile(&bid->request, book->now_s);
    const struct host_key renter = host_key_of(&bid->renter);
    const uint32_t unit = gpu_unit(WORK_INFER, row->fp16_gflops, row->bandwidth_mb_s);
    const uint64_t bid_uusd = (uint64_t)amount_micro(bid->request.unit_max_uusd_per_hour);
    cr_assert(filter_fits(&filter, row), "a card that the filters exclude");
    cr_assert_eq(auction_bid_check(&bid->request, bid->units_wanted, bid->units_min, NULL),
                 STATUS_OK);
    cr_assert_neq(host_key_compare(&renter, &row->host), 0, "from itself");
    for (size_t i = 0; i < bid->avoid_count; i++) {
        const struct host_key avoided = host_key_of(&bid->avoid[i]);
        cr_assert_neq(host_key_compare(&avoided, &row->host), 0, "from whom it avoids");
    }
    cr_assert_geq(fill->paid_uusd_per_hour, row->ask_uusd_per_hour, "less than the ask");
    cr_assert_leq((int64_t)fill->paid_uusd_per_hour, price_of_unit(bid_uusd, unit),
                  "more than the bid");
    cr_assert_eq((int64_t)fill->paid_uusd_per_hour, outcome->price_uusd == 0
                                                        ? (int64_t)row->ask_uusd_per_hour
                                                        : price_of_unit(outcome->price_uusd, unit));
    cr_assert(fill->slots > 0 && fill->slots % bid->request.count == 0);
    if (at > 0) {
        const struct auction_fill *before = &outcome->fills[at - 1];
        cr_assert(before->bid < fill->bid || (before->bid == fill->bid && before->row < fill->row));
    }
    return (uint64_t)fill->slots * unit;
}

/* What is paid is what is received, and GPU-hours that are sold are those that are had. */
static void
check_outcome(const struct auction_book *book, const struct auction_outcome *outcome)
{
    uint64_t units_of_bid[BIDS] = {0};
    uint32_t slots_of_row[ROWS] = {0};
    int64_t money = 0;
    uint64_t units = 0;
    int64_t surplus = 0;
    for (size_t i = 0; i < outcome->fill_count; i++) {
        const struct auction_fill *fill = &outcome->fills[i];
        const struct market_row *row = &book->rows[fill->row];
        const uint64_t got = check_fill(book, outcome, i);
        const uint64_t bid_uusd =
            (uint64_t)amount_micro(book->bids[fill->bid].request.unit_max_uusd_per_hour);
        const int64_t value = price_of_unit(bid_uusd, (uint32_t)(got / fill->slots));
        units_of_bid[fill->bid] += got;
        slots_of_row[fill->row] += fill->slots;
        units += got;
        /* The renter's gain and the host's add up to the surplus: nobody else has any. */
        money += (value - fill->paid_uusd_per_hour) * fill->slots;
        money += ((int64_t)fill->paid_uusd_per_hour - row->ask_uusd_per_hour) * fill->slots;
        surplus += (value - row->ask_uusd_per_hour) * fill->slots;
    }
    cr_assert_eq(units, outcome->units);
    cr_assert_eq((uint64_t)surplus, outcome->surplus_uusd);
    cr_assert_eq(money, surplus);
    for (size_t i = 0; i < book->row_count; i++) {
        cr_assert_leq(slots_of_row[i], book->rows[i].slots_total, "a slot twice");
    }
    for (size_t i = 0; i < book->bid_count; i++) {
        cr_assert_leq(units_of_bid[i], book->bids[i].units_wanted);
        cr_assert(units_of_bid[i] == 0 || units_of_bid[i] >= book->bids[i].units_min);
    }
}

Test(auction, every_outcome_keeps_what_was_said_and_loses_nothing)
{
    static struct epoch epoch;
    struct auction_work *work = auction_new();
    uint64_t state = 11;
    unsigned priced = 0;
    unsigned thin = 0;
    cr_assert_not_null(work);
    for (int round = 0; round < 300; round++) {
        fill_epoch(&epoch, &state, round % 2 == 0 ? AUCTION_HALFWAY : AUCTION_REDUCED);
        const struct auction_outcome outcome = cleared(work, &epoch.book);
        check_outcome(&epoch.book, &outcome);
        priced += outcome.price_uusd != 0;
        thin += outcome.fill_count > 0 && outcome.price_uusd == 0;
    }
    cr_assert(priced > 30 && thin > 30, "%u %u", priced, thin);
    auction_free(work);
}

/* FNV-1a over the words of an outcome, in names rather than places. */
static uint64_t
fingerprint(const struct auction_book *book, const struct auction_outcome *outcome)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < outcome->fill_count; i++) {
        const struct auction_fill *fill = &outcome->fills[i];
        uint64_t hash = UINT64_C(14695981039346656037);
        const struct market_row *row = &book->rows[fill->row];
        for (size_t byte = 0; byte < HOST_KEY_LENGTH; byte++) {
            hash = (hash ^ row->host.bytes[byte]) * UINT64_C(1099511628211);
            hash = (hash ^ book->bids[fill->bid].commitment.bytes[byte]) * UINT64_C(1099511628211);
        }
        hash = (hash ^ row->slot_group) * UINT64_C(1099511628211);
        hash = (hash ^ fill->slots) * UINT64_C(1099511628211);
        sum += (hash ^ fill->paid_uusd_per_hour) * UINT64_C(1099511628211);
    }
    return sum ^ outcome->price_uusd ^ outcome->surplus_uusd << 20 ^ outcome->units << 40;
}

static void
shuffle(struct epoch *epoch, uint64_t *state)
{
    for (size_t i = epoch->book.row_count; i > 1; i--) {
        const size_t other = random_below(state, i);
        const struct market_row row = epoch->rows[i - 1];
        epoch->rows[i - 1] = epoch->rows[other];
        epoch->rows[other] = row;
    }
    for (size_t i = epoch->book.bid_count; i > 1; i--) {
        const size_t other = random_below(state, i);
        const struct auction_bid bid = epoch->bids[i - 1];
        epoch->bids[i - 1] = epoch->bids[other];
        epoch->bids[other] = bid;
    }
}

Test(auction, the_order_of_the_book_does_not_matter_and_the_seed_decides_between_equals)
{
    static struct epoch epoch;
    struct auction_work *work = auction_new();
    uint64_t state = 12;
    unsigned other = 0;
    cr_assert_not_null(work);
    for (int round = 0; round < 40; round++) {
        fill_epoch(&epoch, &state, round % 2 == 0 ? AUCTION_HALFWAY : AUCTION_REDUCED);
        for (size_t i = 0; i < ROWS; i++) {
            epoch.rows[i] = epoch.rows[1]; /* many equals */
            epoch.rows[i].host.bytes[3] = (uint8_t)i;
        }
        struct auction_outcome outcome = cleared(work, &epoch.book);
        const uint64_t first = fingerprint(&epoch.book, &outcome);
        for (int again = 0; again < 4; again++) {
            shuffle(&epoch, &state);
            outcome = cleared(work, &epoch.book);
            cr_assert_eq(fingerprint(&epoch.book, &outcome), first, "round %d", round);
        }
        epoch.book.seed++;
        outcome = cleared(work, &epoch.book);
        other += outcome.fill_count > 0 && fingerprint(&epoch.book, &outcome) != first;
    }
    cr_assert_gt(other, 10u);
    auction_free(work);
}

/* Written down once: compilers, levels of optimisation and machines must agree on it. */
Test(auction, the_outcome_is_the_same_on_every_machine)
{
    static struct epoch epoch;
    struct auction_work *work = auction_new();
    uint64_t state = 13;
    uint64_t all = 0;
    cr_assert_not_null(work);
    for (int round = 0; round < 50; round++) {
        fill_epoch(&epoch, &state, round % 2 == 0 ? AUCTION_HALFWAY : AUCTION_REDUCED);
        const struct auction_outcome outcome = cleared(work, &epoch.book);
        all = all * 31 + fingerprint(&epoch.book, &outcome);
    }
    cr_assert_eq(all, UINT64_C(0xfb86552245a031a5), "%llx", (unsigned long long)all);
    auction_free(work);
}

/* Ten single cards against ten bids for one card each. */
static void
fill_ladder(struct epoch *epoch, enum auction_rule pricing)
{
    uint64_t state = 14;
    const struct market_row row = row_of(&state, 0);
    const uint32_t unit = gpu_unit(WORK_INFER, row.fp16_gflops, row.bandwidth_mb_s);
    for (size_t i = 0; i < 10; i++) {
        const struct peer_id host = random_peer(i);
        epoch->rows[i] = row;
        epoch->rows[i].host = host_key_of(&host);
        epoch->rows[i].slots_total = 1;
        epoch->rows[i].slot_group = 0;
        epoch->rows[i].features = UINT32_MAX;
        epoch->rows[i].terms = (struct terms){.lease_max_s = 86400};
        memset(epoch->rows[i].terms.week_hours, 0xff, WEEK_HOURS_BYTES);
        epoch->rows[i].ask_uusd_per_hour = (uint32_t)price_of_unit(1000000 + i * 100000, unit);
        epoch->bids[i] = bid_of(&state, 100 + i);
        epoch->bids[i].request = request_default();
        epoch->bids[i].request.unit_max_uusd_per_hour = amount_of(2850000 - i * 100000);
        epoch->bids[i].units_wanted = unit;
        epoch->bids[i].units_min = 0;
    }
    epoch->book = (struct auction_book){.rows = epoch->rows,
                                        .row_count = 10,
                                        .bids = epoch->bids,
                                        .bid_count = 10,
                                        .now_s = NOW_S,
                                        .work = WORK_INFER,
                                        .pricing = pricing};
}

Test(auction, a_reduced_price_is_set_by_somebody_who_does_not_trade)
{
    static struct epoch epoch;
    struct auction_work *work = auction_new();
    cr_assert_not_null(work);
    fill_ladder(&epoch, AUCTION_HALFWAY);
    struct auction_outcome outcome = cleared(work, &epoch.book);
    cr_assert_eq(outcome.fill_count, 10u, "%zu", outcome.fill_count);
    cr_assert(outcome.price_uusd > 1900000 && outcome.price_uusd < 1950000);
    /* All ask trade: the lowest bid makes the price and goes without. */
    fill_ladder(&epoch, AUCTION_REDUCED);
    outcome = cleared(work, &epoch.book);
    check_outcome(&epoch.book, &outcome);
    cr_assert_eq(outcome.fill_count, 9u, "%zu", outcome.fill_count);
    cr_assert_eq(outcome.price_uusd, 1950000u);
    for (size_t i = 0; i < outcome.fill_count; i++) {
        cr_assert_neq(outcome.fills[i].bid, 9);
    }
    /* A renter that trades cannot lower the price by bidding less. */
    epoch.bids[3].request.unit_max_uusd_per_hour = amount_of(1960000);
    outcome = cleared(work, &epoch.book);
    cr_assert_eq(outcome.price_uusd, 1950000u);
    /* With one bid less, the ask that does not trade makes it, and nobody gives way. */
    fill_ladder(&epoch, AUCTION_REDUCED);
    epoch.book.bid_count = 9;
    outcome = cleared(work, &epoch.book);
    check_outcome(&epoch.book, &outcome);
    cr_assert_eq(outcome.fill_count, 9u);
    const struct market_row *last = &epoch.rows[9];
    const uint32_t unit = gpu_unit(WORK_INFER, last->fp16_gflops, last->bandwidth_mb_s);
    cr_assert_eq(outcome.price_uusd, price_per_unit_up(last->ask_uusd_per_hour, unit));
    /* A host that trades cannot raise the price by asking more. */
    epoch.rows[0].ask_uusd_per_hour = epoch.rows[8].ask_uusd_per_hour;
    const uint64_t before = outcome.price_uusd;
    outcome = cleared(work, &epoch.book);
    cr_assert_eq(outcome.price_uusd, before);
    auction_free(work);
}

Test(auction, under_eight_traders_on_a_side_the_asks_are_paid)
{
    static struct epoch epoch;
    struct auction_work *work = auction_new();
    cr_assert_not_null(work);
    for (int pricing = 0; pricing < AUCTION_RULE_COUNT; pricing++) {
        fill_ladder(&epoch, (enum auction_rule)pricing);
        epoch.book.bid_count = 7;
        const struct auction_outcome outcome = cleared(work, &epoch.book);
        cr_assert_eq(outcome.fill_count, 7u);
        cr_assert_eq(outcome.price_uusd, 0u);
        check_outcome(&epoch.book, &outcome);
    }
    auction_free(work);
}

Test(auction, what_no_uniform_price_can_keep_is_refused)
{
    struct request request = request_default();
    const char *why = NULL;
    cr_assert_eq(auction_bid_check(&request, 1, 0, &why), STATUS_REFUSED);
    cr_assert_not_null(why);
    request.unit_max_uusd_per_hour = amount_of(1000000);
    cr_assert_eq(auction_bid_check(&request, 1, 0, NULL), STATUS_OK);
    cr_assert_eq(auction_bid_check(&request, 0, 0, NULL), STATUS_REFUSED);
    cr_assert_eq(auction_bid_check(&request, 1, 2, NULL), STATUS_REFUSED);
    const struct request good = request;
    request.ask_max_uusd_per_hour = amount_of(1);
    cr_assert_eq(auction_bid_check(&request, 1, 0, NULL), STATUS_REFUSED);
    request = good;
    request.hosts = 2;
    cr_assert_eq(auction_bid_check(&request, 1, 0, NULL), STATUS_REFUSED);
    request = good;
    request.reliability_min_bp = 1;
    cr_assert_eq(auction_bid_check(&request, 1, 0, NULL), STATUS_REFUSED);
    request = good;
    request.unit_max_uusd_per_hour = amount_of((uint64_t)AUCTION_BID_MAX + 1);
    cr_assert_eq(auction_bid_check(&request, 1, 0, NULL), STATUS_REFUSED);
    request = good;
    request.regions = 6;
    cr_assert_eq(auction_bid_check(&request, 1, 0, NULL), STATUS_REFUSED);
    request.regions = 1u << REGION_NA;
    uint8_t region;
    cr_assert_eq(auction_region(&request, &region), STATUS_OK);
    cr_assert_eq(region, REGION_NA);
}

Test(auction, more_than_an_epoch_holds_is_refused)
{
    struct auction_work *work = auction_new();
    struct auction_outcome outcome;
    cr_assert_not_null(work);
    const struct auction_book rows = {.row_count = AUCTION_ASKS_MAX + 1};
    cr_assert_eq(auction_clear(work, &rows, &outcome), STATUS_LIMIT);
    const struct auction_book bids = {.bid_count = AUCTION_BIDS_MAX + 1};
    cr_assert_eq(auction_clear(work, &bids, &outcome), STATUS_LIMIT);
    const struct auction_book empty = {.row_count = 0};
    cr_assert_eq(auction_clear(work, &empty, &outcome), STATUS_OK);
    cr_assert_eq(outcome.fill_count, 0u);
    auction_free(work);
    auction_free(NULL);
}
