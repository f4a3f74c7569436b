#include "tests/bench/market_rows.h"

#include <assert.h>
#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/price.h"

enum { LISTING_TTL = 43200, HOUR_PATTERNS = 12 };

uint64_t
market_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t
below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((market_random(state) >> 32) * bound >> 32);
}

/* Four dice: most near the middle. */
static uint32_t
about(uint64_t *state, uint32_t least, uint32_t most)
{
    uint32_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += below(state, 1000);
    }
    return least + (uint32_t)((uint64_t)(most - least) * sum / 4000);
}

static uint32_t
one_of(uint64_t *state, const uint32_t *values, uint32_t count)
{
    return values[below(state, count)];
}
#define ONE_OF(state, ...)                                                                         \
    one_of((state), (const uint32_t[]){__VA_ARGS__},                                               \
           sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static const struct gpu_class *
class_generated(uint64_t *state)
{
    uint32_t shares = 0;
    const bool is_gamer = below(state, 50) != 0;
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        shares += is_gamer ? gpu_class->gamer_share : gpu_class->gamer_share == 0;
    }
    uint32_t left = below(state, shares);
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        const uint32_t share = is_gamer ? gpu_class->gamer_share : gpu_class->gamer_share == 0;
        if (left < share) {
            return gpu_class;
        }
        left -= share;
    }
    return gpu_class_at(0);
}

/* Two of five are always open; the rest at night, in the day, at weekends, by one of some patterns. */
static void
hours_generated(uint64_t *state, uint8_t hours[WEEK_HOURS_BYTES])
{
    const uint32_t pattern = below(state, HOUR_PATTERNS * 5 / 3);
    memset(hours, 0xff, WEEK_HOURS_BYTES);
    for (uint32_t hour = 0; pattern < HOUR_PATTERNS && hour < WEEK_HOURS; hour++) {
        const uint32_t of_day = (hour + pattern) % 24;
        if (of_day < 6 + pattern % 5) {
            hours[hour / 8] = (uint8_t)(hours[hour / 8] & ~(1u << hour % 8));
        }
    }
}

static struct terms
terms_generated(uint64_t *state, const struct gpu_class *gpu_class)
{
    struct terms terms = {
        .capability = gpu_class->capability,
        .cuda = (uint16_t)ONE_OF(state, 1108, 1202, 1204, 1206, 1208),
        .nvlink_mb_s = gpu_class->nvlink_mb_s,
        .pcie_mb_s = 985u << gpu_class->pcie_gen,
        .lease_min_s = 600,
        .lease_max_s = ONE_OF(state, 43200, 43200, 43200, 43200, 14400, 86400),
        .notice_s = ONE_OF(state, 30, 30, 30, 30, 0, 60, 300),
        .minimum_run_s = ONE_OF(state, 0, 0, 0, 0, 600, 3600),
        .reclaims_per_day = 4,
        .image_policy = IMAGES_ANY,
    };
    hours_generated(state, terms.week_hours);
    return terms;
}

static void
machine_generated(uint64_t *state, struct market_row *row)
{
    const uint32_t slots = below(state, 100);
    row->slots_total = slots < 90 ? 1 : slots < 96 ? 2 : slots < 99 ? 4 : 8;
    row->cpu_threads = (uint16_t)ONE_OF(state, 4, 6, 8, 12, 16, 24);
    row->ram_mib = ONE_OF(state, 8192, 16384, 32768, 65536);
    row->disk_mib = about(state, 20000, 900000);
    row->up_mbit_s = about(state, 5, 200) * ONE_OF(state, 1, 1, 1, 5);
    row->down_mbit_s = about(state, 20, 600) * ONE_OF(state, 1, 1, 2);
    row->reliability_bp = (uint16_t)(10000 - below(state, 71) * below(state, 71));
    row->features = UINT32_C(1) << ONE_OF(state, REGION_EU, REGION_EU, REGION_NA, REGION_NA,
                                          REGION_ASIA, REGION_ASIA, REGION_SA, REGION_OCEANIA)
                                << FEATURE_REGION_SHIFT |
                    15u << FEATURE_WORK_SHIFT | 7u << FEATURE_ISOLATION_SHIFT;
}

struct market_row
market_row_generated(uint64_t *state)
{
    const struct gpu_class *gpu_class = class_generated(state);
    const uint32_t ask =
        (uint32_t)((uint64_t)gpu_class->ask_uusd_per_hour * about(state, 400, 2400) / 1000);
    struct market_row row = {
        .gpu_class = gpu_class->number,
        .expires_s = MARKET_NOW_S + 1 + below(state, LISTING_TTL),
        .ask_uusd_per_hour = ask,
        .interruptible_ask_uusd_per_hour = below(state, 3) == 0 ? 0 : ask * 2 / 3,
        .vram_mib = gpu_class->vram_mib,
        .fp16_gflops = gpu_class->fp16_gflops / 1000 * about(state, 900, 1000),
        .bandwidth_mb_s = gpu_class->bandwidth_mb_s / 1000 * about(state, 900, 1000),
        .terms = terms_generated(state, gpu_class),
    };
    for (size_t i = 0; i < HOST_KEY_LENGTH; i += sizeof(uint64_t)) {
        const uint64_t word = market_random(state);
        memcpy(row.host.bytes + i, &word, sizeof word);
    }
    machine_generated(state, &row);
    return row;
}

struct request
market_request_generated(uint64_t *state)
{
    struct request request = request_default();
    const uint32_t vram_mib = ONE_OF(state, 8192, 12288, 16384, 24576);
    request.work = (uint8_t)below(state, WORK_COUNT);
    request.vram_min_mib = vram_mib;
    request.bandwidth_min_mb_s = ONE_OF(state, 250000, 400000);
    request.cuda_min = (uint16_t)ONE_OF(state, 1108, 1202);
    request.up_min_mbit_s = ONE_OF(state, 20, 50, 75);
    request.down_min_mbit_s = ONE_OF(state, 100, 200);
    request.ram_min_mib = ONE_OF(state, 8192, 16384);
    request.disk_min_mib = ONE_OF(state, 50000, 102400, 204800);
    request.reliability_min_bp = (uint16_t)ONE_OF(state, 8000, 9000);
    request.regions = ONE_OF(state, 1u << REGION_EU, 1u << REGION_EU | 1u << REGION_NA,
                             1u << REGION_NA | 1u << REGION_ASIA);
    request.duration_s = ONE_OF(state, 3600, 7200);
    const enum status status =
        amount_of_micro(ONE_OF(state, 100000, 200000, 400000), &request.ask_max_uusd_per_hour);
    assert(status == STATUS_OK);
    return request;
}
