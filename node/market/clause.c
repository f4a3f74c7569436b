#include "node/market/clause.h"

#include <assert.h>
#include <string.h>

#include "node/market/filter.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "protocol/quantity.h"
#include "protocol/week_hours.h"

/* From here on a capability is an AMD card's gfx number; 0x800 is far above NVIDIA's versions. */
enum { GFX_NUMBER_MIN = 0x800, HOUR_S = 3600, START_HOURS_MAX = WEEK_HOURS + 1 };

typedef uint64_t (*value_function)(const struct filter *filter, const struct market_row *row);

static uint64_t
value_live(const struct filter *filter, const struct market_row *row)
{
    return row->expires_s > filter->now_s;
}

static uint64_t
value_offered(const struct filter *filter, const struct market_row *row)
{
    return filter_ask(filter, row) != 0;
}

static uint64_t
value_class(const struct filter *filter, const struct market_row *row)
{
    static const uint8_t none[CLASS_SET_BYTES];
    if (memcmp(filter->request.classes, none, sizeof none) == 0) {
        return 1;
    }
    return row->gpu_class != 0 && gpu_class_set_has(filter->request.classes, row->gpu_class);
}

static uint64_t
value_vendor(const struct filter *filter, const struct market_row *row)
{
    const struct gpu_class *gpu_class = gpu_class_by_number(row->gpu_class);
    return gpu_class != NULL && (filter->request.vendors >> gpu_class->vendor & 1) != 0;
}

static uint64_t
value_work(const struct filter *filter, const struct market_row *row)
{
    return row->features >> (FEATURE_WORK_SHIFT + filter->request.work) & 1;
}

static uint64_t
value_region(const struct filter *filter, const struct market_row *row)
{
    return (row->features >> FEATURE_REGION_SHIFT & filter->request.regions & 0xffu) != 0;
}

static uint64_t
value_flags(const struct filter *filter, const struct market_row *row)
{
    const uint32_t wanted = filter->request.flags_required;
    return (row->features >> FEATURE_FLAG_SHIFT & 0xffu & wanted) == wanted;
}

static uint64_t
value_isolation(const struct filter *filter, const struct market_row *row)
{
    return row->features >> (FEATURE_ISOLATION_SHIFT + filter->request.isolation_min) & 1;
}

static uint64_t
value_image(const struct filter *filter, const struct market_row *row)
{
    return filter->request.image.length == 0 || row->terms.image_policy != IMAGES_NONE;
}

static uint64_t
value_fabric(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.fabric != 0;
}

static uint64_t
value_count(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->slots_total;
}

static uint64_t
value_vram(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->vram_mib;
}

static uint64_t
value_fp16(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->fp16_gflops;
}

static uint64_t
value_bandwidth(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->bandwidth_mb_s;
}

/* Numbers of different makers do not compare: a wanted "8.9" is NVIDIA's, "gfx1100" AMD's, and a
 * version is Intel's only when nothing but Intel is wanted. */
static uint64_t
value_capability(const struct filter *filter, const struct market_row *row)
{
    const struct gpu_class *gpu_class = gpu_class_by_number(row->gpu_class);
    const bool wants_gfx = filter->request.capability_min >= GFX_NUMBER_MIN;
    const bool wants_intel = filter->request.vendors == VENDOR_SET_INTEL;
    if (gpu_class == NULL) {
        return (row->terms.capability >= GFX_NUMBER_MIN) == wants_gfx ? row->terms.capability : 0;
    }
    switch (gpu_class->vendor) {
    case GPU_VENDOR_AMD:
        return wants_gfx && !wants_intel ? row->terms.capability : 0;
    case GPU_VENDOR_INTEL:
        return wants_intel ? row->terms.capability : 0;
    case GPU_VENDOR_NVIDIA:
    case GPU_VENDOR_COUNT:
        break;
    }
    return wants_gfx || wants_intel ? 0 : row->terms.capability;
}

static uint64_t
value_cuda(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.cuda;
}

static uint64_t
value_nvlink(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.nvlink_mb_s;
}

static uint64_t
value_pcie(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.pcie_mb_s;
}

static uint64_t
value_up(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->up_mbit_s;
}

static uint64_t
value_down(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->down_mbit_s;
}

static uint64_t
value_cpu(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->cpu_threads;
}

static uint64_t
value_ram(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->ram_mib;
}

static uint64_t
value_disk(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->disk_mib;
}

static uint64_t
value_reliability(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->reliability_bp;
}

static uint64_t
value_ask(const struct filter *filter, const struct market_row *row)
{
    return filter_ask(filter, row);
}

static uint64_t
value_unit(const struct filter *filter, const struct market_row *row)
{
    return price_per_unit(filter_ask(filter, row), filter_unit(filter, row));
}

static uint64_t
value_lease_max(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.lease_max_s;
}

static uint64_t
value_lease_min(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.lease_min_s;
}

static uint64_t
value_notice(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.notice_s;
}

static uint64_t
value_minimum_run(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.minimum_run_s;
}

static uint64_t
value_reclaims(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->terms.reclaims_per_day;
}

/* Seconds from `start_s` on in which the host's hours and dates allow a lease. */
static uint64_t
available_s(const struct terms *terms, uint64_t start_s)
{
    const uint32_t hours_left_s = week_hours_left_s(terms->week_hours, start_s);
    uint64_t left_s = hours_left_s == UINT32_MAX ? UINT64_MAX : hours_left_s;
    if (terms->valid_until_s != 0) {
        const uint64_t dates_left_s =
            terms->valid_until_s > start_s ? terms->valid_until_s - start_s : 0;
        left_s = dates_left_s < left_s ? dates_left_s : left_s;
    }
    return left_s;
}

/* The longest that a lease can run from a start within the request's window, up to what is wanted:
 * the earliest start, then each full hour, since hours open only then. */
static uint64_t
value_available(const struct filter *filter, const struct market_row *row)
{
    const struct terms *terms = &row->terms;
    const uint64_t bound = filter->bound[CLAUSE_AVAILABLE];
    uint64_t start_s = filter->start_from_s;
    uint64_t best_s = 0;
    if (terms->valid_from_s > start_s) {
        start_s = terms->valid_from_s;
    }
    for (int tries = 0; tries < START_HOURS_MAX && start_s <= filter->start_until_s; tries++) {
        const uint64_t left_s = available_s(terms, start_s);
        if (left_s >= filter_wanted_s(filter, start_s)) {
            return bound;
        }
        if (left_s > best_s && left_s < bound) {
            best_s = left_s;
        }
        start_s += HOUR_S - start_s % HOUR_S;
    }
    return best_s;
}

static uint64_t
value_free(const struct filter *filter, const struct market_row *row)
{
    (void)filter;
    return row->slots_held < row->slots_total ? (uint64_t)(row->slots_total - row->slots_held) : 0;
}

struct clause_rule {
    value_function value;
    bool is_at_most;
    bool is_quantity;
};

#define RULE(NAME, function, at_most, quantity)                                                    \
    [CLAUSE_##NAME] = {.value = (function), .is_at_most = (at_most), .is_quantity = (quantity)}

static const struct clause_rule rules[CLAUSE_COUNT] = {
    RULE(LIVE, value_live, false, false),
    RULE(OFFERED, value_offered, false, false),
    RULE(CLASS, value_class, false, false),
    RULE(VENDOR, value_vendor, false, false),
    RULE(WORK, value_work, false, false),
    RULE(REGION, value_region, false, false),
    RULE(FLAGS, value_flags, false, false),
    RULE(ISOLATION, value_isolation, false, false),
    RULE(IMAGE, value_image, false, false),
    RULE(FABRIC, value_fabric, false, false),
    RULE(SLOTS, value_count, false, true),
    RULE(VRAM, value_vram, false, true),
    RULE(FP16, value_fp16, false, true),
    RULE(BANDWIDTH, value_bandwidth, false, true),
    RULE(CAPABILITY, value_capability, false, true),
    RULE(CUDA, value_cuda, false, true),
    RULE(NVLINK, value_nvlink, false, true),
    RULE(PCIE, value_pcie, false, true),
    RULE(UP, value_up, false, true),
    RULE(DOWN, value_down, false, true),
    RULE(CPU, value_cpu, false, true),
    RULE(RAM, value_ram, false, true),
    RULE(DISK, value_disk, false, true),
    RULE(RELIABILITY, value_reliability, false, true),
    RULE(ASK, value_ask, true, true),
    RULE(UNIT, value_unit, true, true),
    RULE(LEASE_MAX, value_lease_max, false, true),
    RULE(LEASE_MIN, value_lease_min, true, true),
    RULE(NOTICE, value_notice, false, true),
    RULE(MINIMUM_RUN, value_minimum_run, false, true),
    RULE(RECLAIMS, value_reclaims, true, true),
    RULE(AVAILABLE, value_available, false, true),
    RULE(FREE, value_free, false, true),
};

struct clause_words {
    const char *name;
    const char *sentence;
    enum field_unit unit;
};

static const struct clause_words words[CLAUSE_COUNT] = {
#define CLAUSE_WORDS(name, field, sentence, unit) [CLAUSE_##name] = {(field), (sentence), (unit)},
    CLAUSE_TABLE(CLAUSE_WORDS)
#undef CLAUSE_WORDS
};

uint64_t
clause_value(enum clause clause, const struct filter *filter, const struct market_row *row)
{
    assert((unsigned)clause < CLAUSE_COUNT);
    return rules[clause].value(filter, row);
}

bool
clause_holds(enum clause clause, const struct filter *filter, const struct market_row *row)
{
    const uint64_t value = clause_value(clause, filter, row);
    return rules[clause].is_at_most ? value <= filter->bound[clause]
                                    : value >= filter->bound[clause];
}

bool
clause_is_at_most(enum clause clause)
{
    assert((unsigned)clause < CLAUSE_COUNT);
    return rules[clause].is_at_most;
}

bool
clause_is_quantity(enum clause clause)
{
    assert((unsigned)clause < CLAUSE_COUNT);
    return rules[clause].is_quantity;
}

const char *
clause_name(enum clause clause)
{
    assert((unsigned)clause < CLAUSE_COUNT);
    return words[clause].name;
}

const char *
clause_sentence(enum clause clause)
{
    assert((unsigned)clause < CLAUSE_COUNT);
    return words[clause].sentence;
}

static void
print_quantity(struct buffer *out, enum field_unit unit, uint64_t value)
{
    const uint32_t number = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    if (unit == UNIT_MIB) {
        quantity_print_size(out, number);
    } else if (unit == UNIT_GFLOPS) {
        quantity_print_speed(out, number);
    } else if (unit == UNIT_MB_PER_S) {
        quantity_print_bandwidth(out, number);
    } else if (unit == UNIT_MBIT_PER_S) {
        quantity_print_network_rate(out, number);
    } else if (unit == UNIT_BASIS_POINTS) {
        quantity_print_share(out, (uint16_t)number);
    } else if (unit == UNIT_VERSION) {
        quantity_print_version(out, (uint16_t)number);
    } else if (unit == UNIT_SECONDS) {
        quantity_print_duration(out, duration_of_s(number));
    } else {
        buffer_append_format(out, "%lu", (unsigned long)number);
    }
}

static void
print_price(struct buffer *out, uint64_t micro)
{
    struct amount price = amount_zero();
    /* A saturated price per unit is dearer than any amount; the largest one says enough. */
    if (amount_of_micro(micro > (uint64_t)AMOUNT_MICRO_MAX ? AMOUNT_MICRO_MAX : (int64_t)micro,
                        &price) == STATUS_OK) {
        quantity_print_price(out, price);
    }
}

void
clause_print_value(struct buffer *out, enum clause clause, uint64_t value)
{
    assert((unsigned)clause < CLAUSE_COUNT);
    if (clause == CLAUSE_UNIT || clause == CLAUSE_ASK) {
        print_price(out, value);
    } else if (clause == CLAUSE_CAPABILITY && value >= GFX_NUMBER_MIN) {
        buffer_append_format(out, "gfx%llx", (unsigned long long)value);
    } else {
        print_quantity(out, words[clause].unit, value);
    }
}
