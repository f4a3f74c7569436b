/* One epoch of the batch lane: how long it takes, and how much of the possible surplus it finds. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/market/clear.h"
#include "node/market/offer.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "tests/bench/bench.h"
#include "tests/bench/market_rows.h"

enum { BIDS = 400, SEEDS = 8 };

/* What buyers wanted in August 2023, in H100: the shortage that the market is for. */
#define DEMAND_H100E 432000u

struct epoch {
    struct clear_ask *asks;
    size_t ask_count;
    struct clear_bid bids[BIDS];
};

static void
epoch_asks(struct epoch *epoch, size_t count, uint64_t *state)
{
    epoch->asks = calloc(count, sizeof *epoch->asks);
    epoch->ask_count = count;
    assert(epoch->asks != NULL);
    for (size_t i = 0; i < count; i++) {
        const struct market_row row = market_row_generated(state);
        epoch->asks[i] = (struct clear_ask){
            .ask_uusd_per_hour = row.ask_uusd_per_hour,
            .unit = gpu_unit(WORK_TRAIN, row.fp16_gflops, row.bandwidth_mb_s),
            .vram_mib = row.vram_mib,
            .reliability_bp = row.reliability_bp,
            .slots = row.slots_total,
        };
    }
}

/* A few very large bids and many small ones, `units` in all; half can do with a part. */
static void
epoch_bids(struct epoch *epoch, uint64_t units, uint64_t *state)
{
    uint64_t weights[BIDS];
    uint64_t sum = 0;
    for (size_t i = 0; i < BIDS; i++) {
        weights[i] = 100000 / (i + 3);
        sum += weights[i];
    }
    for (size_t i = 0; i < BIDS; i++) {
        const uint64_t wanted = units / sum * weights[i] + 1;
        const uint64_t kind = market_random(state);
        epoch->bids[i] = (struct clear_bid){
            .bid_uusd = 1000000 + market_random(state) % 3000000,
            .units_wanted = wanted,
            .units_min = kind % 2 == 0 ? wanted / 2 : 0,
            .vram_min_mib = (uint32_t)(kind / 2 % 3 * 8192),
            .reliability_min_bp = (uint16_t)(kind / 8 % 2 * 9000),
            .count = 1,
        };
    }
}

static struct clear_orders
orders_of(const struct epoch *epoch)
{
    return (struct clear_orders){
        .asks = epoch->asks, .ask_count = epoch->ask_count, .bids = epoch->bids, .bid_count = BIDS};
}

static double
clear_once(const struct epoch *epoch, struct clear_result *ret_result, struct clear_work *work)
{
    const uint64_t start_ns = bench_now_ns();
    const struct clear_orders orders = orders_of(epoch);
    const enum status status = clear_market(work, &orders, ret_result);
    assert(status == STATUS_OK);
    return (double)(bench_now_ns() - start_ns) / 1e6;
}

static void
measure_speed(struct bench *bench, size_t listings, uint64_t units, double target_ms)
{
    struct epoch epoch;
    struct clear_result result;
    uint64_t state = 1;
    char name[96];
    struct clear_work *work = clear_new((uint32_t)listings, BIDS);
    assert(work != NULL);
    epoch_asks(&epoch, listings, &state);
    epoch_bids(&epoch, units, &state);
    (void)clear_once(&epoch, &result, work);
    const double spent_ms = clear_once(&epoch, &result, work);
    const struct clear_orders orders = orders_of(&epoch);
    assert(clear_is_valid(work, &orders, &result));
    (void)snprintf(name, sizeof name, "clear: %lluk H100e of demand over %zuk listings",
                   (unsigned long long)(units / H100E_UNIT / 1000), listings / 1000);
    bench_add(bench, &(struct bench_row){.name = name,
                                         .value = spent_ms,
                                         .unit = "ms",
                                         .lower_is_better = true,
                                         .target = target_ms,
                                         .reference = "H100e sold",
                                         .reference_value = (double)result.units / H100E_UNIT});
    clear_free(work);
    free(epoch.asks);
}

/* The least share of the bound over some seeds. */
static void
measure_quality(struct bench *bench, size_t listings, uint64_t units, double target)
{
    struct clear_work *work = clear_new((uint32_t)listings, BIDS);
    double least = 1;
    double sum = 0;
    char name[96];
    assert(work != NULL);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct epoch epoch;
        struct clear_result result;
        uint64_t state = seed;
        epoch_asks(&epoch, listings, &state);
        epoch_bids(&epoch, units, &state);
        (void)clear_once(&epoch, &result, work);
        const struct clear_orders orders = orders_of(&epoch);
        const uint64_t bound = clear_bound_uusd(&orders);
        const double share = (double)result.surplus_uusd / (double)bound;
        least = share < least ? share : least;
        sum += share;
        free(epoch.asks);
    }
    (void)snprintf(name, sizeof name, "quality: least share of the surplus bound, %zuk listings",
                   listings / 1000);
    bench_add(bench, &(struct bench_row){.name = name,
                                         .value = least,
                                         .unit = "of 1",
                                         .target = target,
                                         .reference = "mean of the seeds",
                                         .reference_value = sum / SEEDS});
    clear_free(work);
}

void
bench_quality(struct bench *bench)
{
    measure_quality(bench, 2000, UINT64_C(60) * H100E_UNIT, 0);
    measure_quality(bench, 100000, UINT64_C(3000) * H100E_UNIT, 0.93);
    measure_quality(bench, 1000000, UINT64_C(30000) * H100E_UNIT, 0.93);
}

void
bench_clear(struct bench *bench)
{
    measure_speed(bench, 1000000, UINT64_C(43200) * H100E_UNIT, 0);
    measure_speed(bench, 10000000, (uint64_t)DEMAND_H100E * H100E_UNIT, 250);
}
