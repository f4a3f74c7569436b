#include "node/market/filter.h"

#include <assert.h>
#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "protocol/week_hours.h"

enum { HOUR_S = 3600 };

static void
activate(struct filter *filter, enum clause clause, uint64_t bound)
{
    filter->active |= UINT64_C(1) << clause;
    filter->bound[clause] = bound;
}

/* A minimum of 0 holds for everything. */
static void
activate_minimum(struct filter *filter, enum clause clause, uint64_t minimum)
{
    if (minimum > 0) {
        activate(filter, clause, minimum);
    }
}

static void
compile_minimums(struct filter *filter, const struct request *request)
{
    activate_minimum(filter, CLAUSE_VRAM, request->vram_min_mib);
    activate_minimum(filter, CLAUSE_FP16, request->fp16_min_gflops);
    activate_minimum(filter, CLAUSE_BANDWIDTH, request->bandwidth_min_mb_s);
    activate_minimum(filter, CLAUSE_CAPABILITY, request->capability_min);
    activate_minimum(filter, CLAUSE_CUDA, request->cuda_min);
    activate_minimum(filter, CLAUSE_NVLINK, request->nvlink_min_mb_s);
    activate_minimum(filter, CLAUSE_PCIE, request->pcie_min_mb_s);
    activate_minimum(filter, CLAUSE_UP, request->up_min_mbit_s);
    activate_minimum(filter, CLAUSE_DOWN, request->down_min_mbit_s);
    activate_minimum(filter, CLAUSE_CPU, request->cpu_threads_min);
    activate_minimum(filter, CLAUSE_RAM, request->ram_min_mib);
    activate_minimum(filter, CLAUSE_DISK, request->disk_min_mib);
    activate_minimum(filter, CLAUSE_RELIABILITY, request->reliability_min_bp);
    activate_minimum(filter, CLAUSE_NOTICE, request->notice_min_s);
    activate_minimum(filter, CLAUSE_MINIMUM_RUN, request->minimum_run_min_s);
}

static void
compile_sets(struct filter *filter, const struct request *request)
{
    static const uint8_t none[CLASS_SET_BYTES];
    activate(filter, CLAUSE_LIVE, 1);
    activate(filter, CLAUSE_OFFERED, 1);
    activate(filter, CLAUSE_WORK, 1);
    activate_minimum(filter, CLAUSE_CLASS, memcmp(request->classes, none, sizeof none) != 0);
    activate_minimum(filter, CLAUSE_VENDOR, request->vendors != 0);
    activate_minimum(filter, CLAUSE_REGION, request->regions != 0);
    activate_minimum(filter, CLAUSE_FLAGS, request->flags_required != 0);
    activate_minimum(filter, CLAUSE_ISOLATION, request->isolation_min > 0);
    activate_minimum(filter, CLAUSE_IMAGE, request->image.length > 0);
    activate_minimum(filter, CLAUSE_FABRIC, request->same_fabric && request->hosts > 1);
}

/* Two limits of money bound one ask: the ask itself, and the total for the GPUs of one host. */
static void
compile_money(struct filter *filter, const struct request *request)
{
    int64_t ask_max = amount_is_zero(request->ask_max_uusd_per_hour)
                          ? INT64_MAX
                          : amount_micro(request->ask_max_uusd_per_hour);
    if (!amount_is_zero(request->total_max_uusd)) {
        const int64_t by_total = price_ask_for(request->total_max_uusd, request->count,
                                               (uint64_t)request->duration_s * 1000);
        ask_max = by_total < ask_max ? by_total : ask_max;
    }
    if (ask_max < INT64_MAX) {
        activate(filter, CLAUSE_ASK, ask_max < 0 ? 0 : (uint64_t)ask_max);
    }
    if (!amount_is_zero(request->unit_max_uusd_per_hour)) {
        activate(filter, CLAUSE_UNIT, (uint64_t)amount_micro(request->unit_max_uusd_per_hour));
    }
}

/* The hours that begin before the end of the wanted run. */
static void
compile_hours(struct filter *filter)
{
    const uint64_t wanted_s = filter->bound[CLAUSE_AVAILABLE];
    const unsigned first = week_hours_of(filter->start_from_s);
    uint64_t hours = (filter->start_from_s % HOUR_S + wanted_s + HOUR_S - 1) / HOUR_S;
    hours = hours < WEEK_HOURS ? hours : WEEK_HOURS;
    for (unsigned ahead = 0; ahead < hours; ahead++) {
        const unsigned hour = (first + ahead) % WEEK_HOURS;
        filter->needed_hours[hour / 8] =
            (uint8_t)(filter->needed_hours[hour / 8] | 1u << (hour % 8));
    }
}

static void
compile_times(struct filter *filter, const struct request *request)
{
    filter->needed_s = request->duration_min_s != 0 ? request->duration_min_s : request->duration_s;
    filter->start_from_s =
        request->start_from_s > filter->now_s ? request->start_from_s : filter->now_s;
    filter->start_until_s = request->start_until_s > filter->start_from_s ? request->start_until_s
                                                                          : filter->start_from_s;
    activate(filter, CLAUSE_LEASE_MAX, filter->needed_s);
    activate(filter, CLAUSE_LEASE_MIN, request->duration_s);
    activate(filter, CLAUSE_AVAILABLE, filter_wanted_s(filter, filter->start_from_s));
    compile_hours(filter);
    if (request->reclaims_max_per_day != UINT16_MAX) {
        activate(filter, CLAUSE_RECLAIMS, request->reclaims_max_per_day);
    }
}

static void
compile_classes(struct filter *filter)
{
    const bool any_class = (filter->active >> CLAUSE_CLASS & 1) == 0;
    const bool any_vendor = (filter->active >> CLAUSE_VENDOR & 1) == 0;
    filter->class_zero_fits = any_class && any_vendor;
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        if ((any_class || gpu_class_set_has(filter->request.classes, gpu_class->number)) &&
            (any_vendor || (filter->request.vendors >> gpu_class->vendor & 1) != 0)) {
            filter->classes[gpu_class->number / 64] |= UINT64_C(1) << (gpu_class->number % 64);
        }
    }
    filter->classes[0] |= filter->class_zero_fits ? 1 : 0;
}

struct filter
filter_compile(const struct request *request, uint64_t now_s)
{
    struct filter filter = {.request = *request, .now_s = now_s};
    assert(request->work < WORK_COUNT && request->isolation_min < ISOLATION_COUNT);
    compile_sets(&filter, request);
    compile_minimums(&filter, request);
    activate(&filter, CLAUSE_SLOTS, request->count);
    activate(&filter, CLAUSE_FREE, request->count);
    compile_money(&filter, request);
    compile_times(&filter, request);
    compile_classes(&filter);
    return filter;
}

bool
filter_fits(const struct filter *filter, const struct market_row *row)
{
    for (clause_set left = filter->active; left != 0; left &= left - 1) {
        if (!clause_holds((enum clause)__builtin_ctzll(left), filter, row)) {
            return false;
        }
    }
    return true;
}

clause_set
filter_failing(const struct filter *filter, const struct market_row *row)
{
    clause_set failing = 0;
    for (clause_set left = filter->active; left != 0; left &= left - 1) {
        const enum clause clause = (enum clause)__builtin_ctzll(left);
        if (!clause_holds(clause, filter, row)) {
            failing |= UINT64_C(1) << clause;
        }
    }
    return failing;
}

uint64_t
filter_wanted_s(const struct filter *filter, uint64_t start_s)
{
    const uint64_t until_s = filter->request.guaranteed_until_s;
    const uint64_t guaranteed_s = until_s > start_s ? until_s - start_s : 0;
    return guaranteed_s > filter->needed_s ? guaranteed_s : filter->needed_s;
}

/* Bits of eight bytes that are in the one and not in the other. */
static uint64_t
missing_in_word(const uint8_t needed[8], const uint8_t open[8])
{
    uint64_t needed_word;
    uint64_t open_word;
    memcpy(&needed_word, needed, sizeof needed_word);
    memcpy(&open_word, open, sizeof open_word);
    return needed_word & ~open_word;
}

/* Three words cover the 21 bytes; the last two overlap. */
static bool
covers_hours(const uint8_t open[WEEK_HOURS_BYTES], const uint8_t needed[WEEK_HOURS_BYTES])
{
    enum { LAST = WEEK_HOURS_BYTES - 8 };
    return (missing_in_word(needed, open) | missing_in_word(needed + 8, open + 8) |
            missing_in_word(needed + LAST, open + LAST)) == 0;
}

bool
filter_is_available(const struct filter *filter, const struct terms *terms)
{
    const uint64_t start_s = filter->start_from_s;
    if (terms->valid_from_s <= start_s &&
        (terms->valid_until_s == 0 ||
         terms->valid_until_s >= start_s + filter->bound[CLAUSE_AVAILABLE]) &&
        covers_hours(terms->week_hours, filter->needed_hours)) {
        return true;
    }
    /* Only a later start can help now. */
    if (filter->start_until_s == start_s) {
        return false;
    }
    struct market_row row = {.slot_group = 0};
    row.terms = *terms;
    return clause_holds(CLAUSE_AVAILABLE, filter, &row);
}

uint32_t
filter_ask(const struct filter *filter, const struct market_row *row)
{
    return filter->request.interruptible ? row->interruptible_ask_uusd_per_hour
                                         : row->ask_uusd_per_hour;
}

uint32_t
filter_unit(const struct filter *filter, const struct market_row *row)
{
    return gpu_unit((enum work)filter->request.work, row->fp16_gflops, row->bandwidth_mb_s);
}

uint64_t
filter_effective(const struct filter *filter, const struct market_row *row)
{
    return price_effective(filter_ask(filter, row), filter_unit(filter, row), row->reliability_bp);
}
