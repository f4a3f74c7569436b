#include "node/market/filter.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/price.h"

/* Monday 1970-01-05 09:00 UTC. */
enum { NOW_S = 4 * 86400 + 9 * 3600 };

static struct amount
micro(int64_t number)
{
    struct amount amount = amount_zero();
    cr_assert_eq(amount_of_micro(number, &amount), STATUS_OK);
    return amount;
}

static struct listing
plain_listing(void)
{
    struct listing listing = {
        .slots_total = 4,
        .gpu_class = 16, /* rtx4090 */
        .vram_mib = 24576,
        .fp16_gflops = 165200,
        .bandwidth_mb_s = 1008000,
        .cuda = 1204,
        .capability = 809,
        .pcie_mb_s = 31500,
        .nvlink_mb_s = 100000,
        .up_mbit_s = 100,
        .down_mbit_s = 500,
        .region = REGION_EU,
        .cpu_threads = 8,
        .ram_mib = 32768,
        .disk_mib = 102400,
        .ask_uusd_per_hour = micro(350000),
        .interruptible_ask_uusd_per_hour = micro(200000),
        .lease_min_s = 600,
        .lease_max_s = 36000,
        .notice_s = 30,
        .minimum_run_s = 3600,
        .reclaims_per_day = 2,
        .works = 1u << WORK_INFER | 1u << WORK_TRAIN,
        .image_policy = IMAGES_ANY,
        .isolation = ISOLATION_CONTAINER,
        .flags = LISTING_FP8 | LISTING_BF16,
    };
    memset(listing.week_hours, 0xff, sizeof listing.week_hours);
    return listing;
}

static struct market_row
row_of(const struct listing *listing)
{
    static const struct peer_id host = {{1, 2, 3}};
    const struct listing_facts facts = {
        .host = &host, .expires_s = NOW_S + 1, .reliability_bp = 9500};
    struct market_row row;
    cr_assert_eq(market_row_make(listing, &facts, &row), STATUS_OK);
    return row;
}

static clause_set
failing(const struct request *request, const struct listing *listing)
{
    const struct market_row row = row_of(listing);
    const struct filter filter = filter_compile(request, NOW_S);
    const clause_set set = filter_failing(&filter, &row);
    cr_assert_eq(filter_fits(&filter, &row), set == 0);
    return set;
}

static clause_set
just(enum clause clause)
{
    return UINT64_C(1) << clause;
}

/* Sets a member to its last good value, expects a fit, then to the first bad one. */
#define CHECK_BOUND(clause, member, good, bad)                                                     \
    do {                                                                                           \
        struct request request = request_default();                                                \
        request.member = (good);                                                                   \
        cr_assert_eq(failing(&request, &listing), 0u, #member " at its bound");                    \
        request.member = (bad);                                                                    \
        cr_assert_eq(failing(&request, &listing), just(clause), #member " beyond its bound");      \
    } while (0)

Test(filter, each_minimum_holds_at_its_bound_and_fails_beyond)
{
    const struct listing listing = plain_listing();
    CHECK_BOUND(CLAUSE_VRAM, vram_min_mib, 24576, 24577);
    CHECK_BOUND(CLAUSE_FP16, fp16_min_gflops, 165200, 165201);
    CHECK_BOUND(CLAUSE_BANDWIDTH, bandwidth_min_mb_s, 1008000, 1008001);
    CHECK_BOUND(CLAUSE_CUDA, cuda_min, 1204, 1205);
    CHECK_BOUND(CLAUSE_CAPABILITY, capability_min, 809, 810);
    CHECK_BOUND(CLAUSE_NVLINK, nvlink_min_mb_s, 100000, 100001);
    CHECK_BOUND(CLAUSE_PCIE, pcie_min_mb_s, 31500, 31501);
    CHECK_BOUND(CLAUSE_UP, up_min_mbit_s, 100, 101);
    CHECK_BOUND(CLAUSE_DOWN, down_min_mbit_s, 500, 501);
    CHECK_BOUND(CLAUSE_CPU, cpu_threads_min, 8, 9);
    CHECK_BOUND(CLAUSE_RAM, ram_min_mib, 32768, 32769);
    CHECK_BOUND(CLAUSE_DISK, disk_min_mib, 102400, 102401);
    CHECK_BOUND(CLAUSE_RELIABILITY, reliability_min_bp, 9500, 9501);
    CHECK_BOUND(CLAUSE_NOTICE, notice_min_s, 30, 31);
    CHECK_BOUND(CLAUSE_MINIMUM_RUN, minimum_run_min_s, 3600, 3601);
    CHECK_BOUND(CLAUSE_RECLAIMS, reclaims_max_per_day, 2, 1);
    CHECK_BOUND(CLAUSE_LEASE_MAX, duration_s, 36000, 36001);
    CHECK_BOUND(CLAUSE_LEASE_MIN, duration_s, 600, 599);
    CHECK_BOUND(CLAUSE_ASK, ask_max_uusd_per_hour, micro(350000), micro(349999));
    /* An hour of one GPU. */
    CHECK_BOUND(CLAUSE_ASK, total_max_uusd, micro(350000), micro(349999));
}

Test(filter, each_set_holds_for_its_members_only)
{
    static const uint8_t image[71] = "sha256:";
    struct listing listing = plain_listing();
    CHECK_BOUND(CLAUSE_VENDOR, vendors, VENDOR_SET_NVIDIA | VENDOR_SET_AMD, VENDOR_SET_AMD);
    CHECK_BOUND(CLAUSE_REGION, regions, 1u << REGION_EU | 1u << REGION_NA, 1u << REGION_NA);
    CHECK_BOUND(CLAUSE_FLAGS, flags_required, LISTING_FP8 | LISTING_BF16,
                LISTING_FP8 | LISTING_ECC);
    CHECK_BOUND(CLAUSE_ISOLATION, isolation_min, ISOLATION_CONTAINER, ISOLATION_GVISOR);
    CHECK_BOUND(CLAUSE_WORK, work, WORK_TRAIN, WORK_RENDER);
    listing.image_policy = IMAGES_NONE;
    CHECK_BOUND(CLAUSE_IMAGE, image, bytes_of(image, 0), bytes_of(image, sizeof image));
    struct request request = request_default();
    gpu_class_set_add(request.classes, 16);
    cr_assert_eq(failing(&request, &listing), 0u);
    request = request_default();
    gpu_class_set_add(request.classes, 17);
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_CLASS));
    listing.gpu_class = 0;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_CLASS));
}

Test(filter, a_gang_on_one_fabric_needs_a_fabric)
{
    struct listing listing = plain_listing();
    struct request request = request_default();
    request.same_fabric = true;
    cr_assert_eq(failing(&request, &listing), 0u);
    request.hosts = 2;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_FABRIC));
    listing.fabric = 7;
    cr_assert_eq(failing(&request, &listing), 0u);
}

Test(filter, slots_held_are_not_offered)
{
    const struct listing listing = plain_listing();
    struct market_row row = row_of(&listing);
    struct request request = request_default();
    request.count = 4;
    struct filter filter = filter_compile(&request, NOW_S);
    cr_assert_eq(filter_failing(&filter, &row), 0u);
    row.slots_held = 1;
    cr_assert_eq(filter_failing(&filter, &row), just(CLAUSE_FREE));
    request.count = 5;
    filter = filter_compile(&request, NOW_S);
    row.slots_held = 0;
    cr_assert_eq(filter_failing(&filter, &row), just(CLAUSE_SLOTS) | just(CLAUSE_FREE));
}

Test(filter, a_lane_without_an_ask_is_not_offered)
{
    struct listing listing = plain_listing();
    struct request request = request_default();
    listing.ask_uusd_per_hour = amount_zero();
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_OFFERED));
    request.interruptible = true;
    cr_assert_eq(failing(&request, &listing), 0u);
    request.ask_max_uusd_per_hour = micro(199999);
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_ASK));
    listing.interruptible_ask_uusd_per_hour = amount_zero();
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_OFFERED));
}

Test(filter, an_expired_listing_never_fits)
{
    const struct listing listing = plain_listing();
    struct market_row row = row_of(&listing);
    const struct request request = request_default();
    const struct filter filter = filter_compile(&request, NOW_S);
    row.expires_s = NOW_S;
    cr_assert_eq(filter_failing(&filter, &row), just(CLAUSE_LIVE));
}

Test(filter, the_price_of_a_unit_is_bounded_as_it_is_shown)
{
    const struct listing listing = plain_listing();
    const struct market_row row = row_of(&listing);
    struct request request = request_default();
    const uint64_t shown = price_per_unit(350000, gpu_unit(WORK_INFER, 0, 1008000));
    request.unit_max_uusd_per_hour = micro((int64_t)shown);
    struct filter filter = filter_compile(&request, NOW_S);
    cr_assert_eq(filter_failing(&filter, &row), 0u);
    request.unit_max_uusd_per_hour = micro((int64_t)shown - 1);
    filter = filter_compile(&request, NOW_S);
    cr_assert_eq(filter_failing(&filter, &row), just(CLAUSE_UNIT));
    request.work = WORK_TRAIN;
    filter = filter_compile(&request, NOW_S);
    cr_assert_neq(filter_failing(&filter, &row) & just(CLAUSE_UNIT), 0u);
}

Test(filter, measured_figures_count_up_to_the_class)
{
    struct listing listing = plain_listing();
    listing.fp16_gflops = 999999;
    listing.bandwidth_mb_s = 500000;
    const struct market_row row = row_of(&listing);
    cr_assert_eq(row.fp16_gflops, 165200u);
    cr_assert_eq(row.bandwidth_mb_s, 500000u);
}

Test(filter, a_capability_is_compared_within_its_maker)
{
    struct listing listing = plain_listing();
    struct request request = request_default();
    request.capability_min = 0x90a;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_CAPABILITY));
    const struct gpu_class *radeon = NULL;
    cr_assert_eq(gpu_class_find(bytes_of_text("rx7900xtx"), &radeon), STATUS_OK);
    listing.gpu_class = radeon->number;
    listing.capability = radeon->capability;
    cr_assert_eq(failing(&request, &listing), 0u);
    request.capability_min = 809;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_CAPABILITY));
}

Test(filter, hours_and_dates_must_hold_for_the_whole_run)
{
    struct listing listing = plain_listing();
    struct request request = request_default();
    memset(listing.week_hours, 0, sizeof listing.week_hours);
    listing.week_hours[1] = 0x0e; /* Monday 09:00-12:00 */
    request.duration_s = 3 * 3600;
    cr_assert_eq(failing(&request, &listing), 0u);
    request.duration_s++;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
    request.duration_min_s = 3600;
    cr_assert_eq(failing(&request, &listing), 0u);
    request.guaranteed_until_s = NOW_S + 3 * 3600 + 1;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
    request.guaranteed_until_s = 0;
    listing.valid_until_s = NOW_S + 3599;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
    listing.valid_until_s++;
    cr_assert_eq(failing(&request, &listing), 0u);
    listing.valid_from_s = NOW_S + 1;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
}

Test(filter, a_window_of_starts_waits_for_the_host_to_open)
{
    struct listing listing = plain_listing();
    struct request request = request_default();
    memset(listing.week_hours, 0, sizeof listing.week_hours);
    listing.week_hours[3] = 0x01; /* Tuesday 00:00-01:00 */
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
    request.start_until_s = NOW_S + 15 * 3600 - 1;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
    request.start_until_s++;
    cr_assert_eq(failing(&request, &listing), 0u);
    request.duration_s = 3601;
    cr_assert_eq(failing(&request, &listing), just(CLAUSE_AVAILABLE));
}

Test(filter, a_listing_that_cannot_stand_in_the_book_is_refused)
{
    static const struct peer_id host;
    const struct listing_facts facts = {.host = &host};
    struct market_row row;
    struct listing listing = plain_listing();
    listing.ask_uusd_per_hour = micro(MARKET_ASK_MAX);
    cr_assert_eq(market_row_make(&listing, &facts, &row), STATUS_OK);
    listing.ask_uusd_per_hour = micro((int64_t)MARKET_ASK_MAX + 1);
    cr_assert_eq(market_row_make(&listing, &facts, &row), STATUS_OUT_OF_RANGE);
    listing = plain_listing();
    listing.slot_group = 16;
    cr_assert_eq(market_row_make(&listing, &facts, &row), STATUS_OUT_OF_RANGE);
    listing = plain_listing();
    listing.region = REGION_COUNT;
    cr_assert_eq(market_row_make(&listing, &facts, &row), STATUS_OUT_OF_RANGE);
}

Test(filter, every_clause_has_words)
{
    for (unsigned clause = 0; clause < CLAUSE_COUNT; clause++) {
        char memory[80];
        struct buffer out;
        buffer_init(&out, memory, sizeof memory);
        cr_assert_gt(strlen(clause_name((enum clause)clause)), 1u);
        cr_assert_gt(strlen(clause_sentence((enum clause)clause)), 4u);
        clause_print_value(&out, (enum clause)clause, UINT64_MAX);
        cr_assert(!out.overflowed && out.length > 0);
    }
}
