#include "node/market/match_plan.h"

#include <assert.h>

#include "protocol/price.h"

enum { SMALL_ROWS = 128 };

#define BIT(clause) (UINT64_C(1) << CLAUSE_##clause)

/* Clauses on a row's terms that are seldom wanted, or need the class. */
#define RARE_CLAUSES (BIT(IMAGE) | BIT(FABRIC) | BIT(CAPABILITY))

/* A clause over one column: value << shift, alone or above lesser bits, else masked. */
struct column_rule {
    enum clause clause;
    enum column column;
    enum zone zone;
    int shift;
    int32_t mask;
};

/* The likeliest to fail first. A field in the highest bits needs no mask: what lies below it does not
 * change whether it reaches a bound. */
static const struct column_rule column_rules[] = {
    {CLAUSE_RELIABILITY, COLUMN_RELIABILITY_CPU, ZONE_RELIABILITY, RELIABILITY_SHIFT, INT32_MAX},
    {CLAUSE_UP, COLUMN_UP, ZONE_UP, 0, INT32_MAX},
    {CLAUSE_DOWN, COLUMN_DOWN, ZONE_DOWN, 0, INT32_MAX},
    {CLAUSE_SLOTS, COLUMN_SLOTS, ZONE_SLOTS, SLOTS_TOTAL_SHIFT, SLOTS_TOTAL_MASK},
    {CLAUSE_FREE, COLUMN_SLOTS, ZONE_FREE, SLOTS_FREE_SHIFT, INT32_MAX},
    {CLAUSE_RAM, COLUMN_RAM, ZONE_RAM, 0, INT32_MAX},
    {CLAUSE_DISK, COLUMN_DISK, ZONE_DISK, 0, INT32_MAX},
    {CLAUSE_CPU, COLUMN_RELIABILITY_CPU, ZONE_CPU, 0, CPU_MASK},
    {CLAUSE_VRAM, COLUMN_VRAM, ZONE_VRAM, 0, INT32_MAX},
    {CLAUSE_FP16, COLUMN_FP16, ZONE_FP16, 0, INT32_MAX},
    {CLAUSE_BANDWIDTH, COLUMN_BANDWIDTH, ZONE_BANDWIDTH, 0, INT32_MAX},
    {CLAUSE_CUDA, COLUMN_COUNT, ZONE_CUDA, 0, INT32_MAX},
    {CLAUSE_NVLINK, COLUMN_COUNT, ZONE_NVLINK, 0, INT32_MAX},
    {CLAUSE_PCIE, COLUMN_COUNT, ZONE_PCIE, 0, INT32_MAX},
    {CLAUSE_LEASE_MAX, COLUMN_COUNT, ZONE_LEASE_MAX, 0, INT32_MAX},
    {CLAUSE_LEASE_MIN, COLUMN_COUNT, ZONE_LEASE_MIN, 0, INT32_MAX},
    {CLAUSE_NOTICE, COLUMN_COUNT, ZONE_NOTICE, 0, INT32_MAX},
    {CLAUSE_MINIMUM_RUN, COLUMN_COUNT, ZONE_MINIMUM_RUN, 0, INT32_MAX},
    {CLAUSE_RECLAIMS, COLUMN_COUNT, ZONE_RECLAIMS, 0, INT32_MAX},
};

static bool
is_active(const struct filter *filter, enum clause clause)
{
    return (filter->active >> clause & 1) != 0;
}

static void
add_test(struct plan *plan, struct plan_test test)
{
    assert(plan->test_count < PLAN_TESTS_MAX);
    plan->tests[plan->test_count++] = test;
}

/* Within its limit; an ask that is not offered is above every limit. */
static void
add_ask_test(struct plan *plan)
{
    const uint64_t limit = plan->filter->bound[CLAUSE_ASK];
    const bool is_limited = is_active(plan->filter, CLAUSE_ASK) && limit < MARKET_ASK_MAX;
    plan->ask_max = is_limited ? (int32_t)limit : MARKET_ASK_MAX;
    add_test(plan, (struct plan_test){.column = COLUMN_COUNT, /* the search tests it by itself */
                                      .zone = plan->ask_zone,
                                      .kind = SCAN_AT_MOST,
                                      .mask = INT32_MAX,
                                      .zone_bound = plan->ask_max});
}

/* What is left under a mask has all its bits when it is not less than the mask, and any when it is not
 * less than 1: of a column both are the same kind of test, and rows of tests are foreseeable. */
static void
add_features(struct plan *plan, enum scan_kind kind, uint32_t mask)
{
    add_test(plan, (struct plan_test){.column = COLUMN_FEATURES,
                                      .zone = ZONE_COUNT,
                                      .kind = kind,
                                      .column_kind = SCAN_AT_LEAST,
                                      .mask = (int32_t)mask,
                                      .bound = kind == SCAN_ALL_OF ? (int32_t)mask : 1});
}

static void
add_feature_tests(struct plan *plan)
{
    const struct request *request = &plan->filter->request;
    uint32_t all = UINT32_C(1) << (FEATURE_WORK_SHIFT + request->work);
    if ((request->flags_required & ~0xffu) != 0) {
        plan->is_hopeless = true; /* no row keeps such a flag */
    }
    all |= (request->flags_required & 0xffu) << FEATURE_FLAG_SHIFT;
    all |= UINT32_C(1) << (FEATURE_ISOLATION_SHIFT + request->isolation_min);
    add_features(plan, SCAN_ALL_OF, all);
    if (request->regions != 0) {
        add_features(plan, SCAN_ANY_OF, (request->regions & 0xffu) << FEATURE_REGION_SHIFT);
    }
}

static void
add_column_tests(struct plan *plan)
{
    for (size_t i = 0; i < sizeof column_rules / sizeof column_rules[0]; i++) {
        const struct column_rule *rule = &column_rules[i];
        const uint64_t bound = plan->filter->bound[rule->clause];
        const bool is_at_most = clause_is_at_most(rule->clause);
        if (!is_active(plan->filter, rule->clause)) {
            continue;
        }
        if (bound > (uint64_t)(INT32_MAX >> rule->shift)) {
            /* Beyond every row: a limit that all keep, or a minimum that none has. A zone that only
             * prunes is clamped, so that it does not know. */
            plan->is_hopeless |= !is_at_most && rule->column != COLUMN_COUNT;
            continue;
        }
        add_test(plan, (struct plan_test){.column = rule->column,
                                          .zone = rule->zone,
                                          .kind = is_at_most ? SCAN_AT_MOST : SCAN_AT_LEAST,
                                          .column_kind = is_at_most ? SCAN_AT_MOST : SCAN_AT_LEAST,
                                          .mask = rule->mask,
                                          .bound = (int32_t)(bound << rule->shift),
                                          .zone_bound = (int32_t)bound});
    }
}

static uint64_t
at_least(const struct filter *filter, enum clause clause)
{
    return is_active(filter, clause) ? filter->bound[clause] : 0;
}

static uint64_t
at_most(const struct filter *filter, enum clause clause)
{
    return is_active(filter, clause) ? filter->bound[clause] : UINT64_MAX;
}

static void
add_bounds(struct plan *plan)
{
    const struct filter *filter = plan->filter;
    plan->bounds = (struct terms_bounds){
        .cuda = at_least(filter, CLAUSE_CUDA),
        .nvlink_mb_s = at_least(filter, CLAUSE_NVLINK),
        .pcie_mb_s = at_least(filter, CLAUSE_PCIE),
        .lease_max_s = at_least(filter, CLAUSE_LEASE_MAX),
        .lease_min_s = at_most(filter, CLAUSE_LEASE_MIN),
        .notice_s = at_least(filter, CLAUSE_NOTICE),
        .minimum_run_s = at_least(filter, CLAUSE_MINIMUM_RUN),
        .reclaims = at_most(filter, CLAUSE_RECLAIMS),
    };
}

void
plan_make(struct plan *plan, const struct book *book, const struct filter *filter)
{
    plan->book = book;
    plan->filter = filter;
    plan->test_count = 0;
    plan->is_hopeless = false;
    plan->rare_clauses = filter->active & RARE_CLAUSES;
    plan->ask_column = filter->request.interruptible ? COLUMN_INTERRUPTIBLE : COLUMN_ASK;
    plan->ask_zone = filter->request.interruptible ? ZONE_INTERRUPTIBLE : ZONE_ASK;
    add_ask_test(plan);
    add_feature_tests(plan);
    add_column_tests(plan);
    add_bounds(plan);
}

enum verdict { NO_ROW, SOME_ROWS, EVERY_ROW };

static enum verdict
verdict_of_features(const struct plan_test *test, const struct zones *zones)
{
    const uint32_t mask = (uint32_t)test->mask;
    const uint32_t any = (uint32_t)zones->features_any & mask;
    const uint32_t all = (uint32_t)zones->features_all & mask;
    if (test->kind == SCAN_ALL_OF) {
        return any != mask ? NO_ROW : all == mask ? EVERY_ROW : SOME_ROWS;
    }
    return any == 0 ? NO_ROW : all != 0 ? EVERY_ROW : SOME_ROWS;
}

static enum verdict
verdict_of(const struct plan_test *test, const struct zones *zones)
{
    if (test->zone == ZONE_COUNT) {
        return verdict_of_features(test, zones);
    }
    const int32_t least = zones->least[test->zone];
    const int32_t greatest = zones->greatest[test->zone];
    if (test->kind == SCAN_AT_LEAST) {
        return greatest < test->zone_bound ? NO_ROW
               : least >= test->zone_bound ? EVERY_ROW
                                           : SOME_ROWS;
    }
    return least > test->zone_bound ? NO_ROW : greatest <= test->zone_bound ? EVERY_ROW : SOME_ROWS;
}

void
plan_prune_classes(const struct plan *plan, uint64_t classes[CLASSES / 64])
{
    const struct class_zones *zones = &plan->book->class_zones;
    struct scan_test tests[PLAN_TESTS_MAX];
    for (size_t i = 0; i < plan->test_count; i++) {
        const struct plan_test *test = &plan->tests[i];
        tests[i] =
            (struct scan_test){.kind = test->kind, .mask = INT32_MAX, .bound = test->zone_bound};
        if (test->zone == ZONE_COUNT) {
            tests[i].column = zones->features_any;
            tests[i].mask = test->mask;
        } else {
            tests[i].column = test->kind == SCAN_AT_LEAST ? zones->greatest[test->zone]
                                                          : zones->least[test->zone];
        }
    }
    plan->book->scan(tests, plan->test_count, CLASSES / 64, classes);
}

bool
plan_tests(const struct plan *plan, uint32_t block_number,
           struct scan_test ret_tests[PLAN_TESTS_MAX], size_t *ret_count)
{
    const struct block block = block_at(plan->book, block_number);
    const struct block_info *info = &plan->book->infos[block_number];
    size_t count = 0;
    for (size_t i = 0; i < plan->test_count; i++) {
        const struct plan_test *test = &plan->tests[i];
        /* A small block is tested sooner than its zones. */
        const enum verdict verdict =
            info->count <= SMALL_ROWS ? SOME_ROWS : verdict_of(test, &info->zones);
        if (verdict == NO_ROW) {
            return false;
        }
        if (test->column != COLUMN_COUNT && verdict == SOME_ROWS) {
            ret_tests[count++] = (struct scan_test){.column = block_column(&block, test->column),
                                                    .kind = test->column_kind,
                                                    .mask = test->mask,
                                                    .bound = test->bound};
        }
    }
    *ret_count = count;
    return true;
}

static bool
terms_fit(const struct plan *plan, const struct terms *terms)
{
    const struct terms_bounds *bounds = &plan->bounds;
    return terms->cuda >= bounds->cuda && terms->nvlink_mb_s >= bounds->nvlink_mb_s &&
           terms->pcie_mb_s >= bounds->pcie_mb_s && terms->lease_max_s >= bounds->lease_max_s &&
           terms->lease_min_s <= bounds->lease_min_s && terms->notice_s >= bounds->notice_s &&
           terms->minimum_run_s >= bounds->minimum_run_s &&
           terms->reclaims_per_day <= bounds->reclaims && filter_is_available(plan->filter, terms);
}

static bool
rare_clauses_fit(const struct plan *plan, const struct terms *terms, uint16_t gpu_class)
{
    struct market_row row = {.gpu_class = gpu_class};
    row.terms = *terms;
    for (clause_set left = plan->rare_clauses; left != 0; left &= left - 1) {
        if (!clause_holds((enum clause)__builtin_ctzll(left), plan->filter, &row)) {
            return false;
        }
    }
    return true;
}

uint32_t
plan_unit(const struct plan *plan, const struct block *block, uint32_t row)
{
    return gpu_unit((enum work)plan->filter->request.work, block_value(block, COLUMN_FP16, row),
                    block_value(block, COLUMN_BANDWIDTH, row));
}

bool
plan_row_fits(const struct plan *plan, const struct block *block, uint16_t gpu_class, uint32_t row)
{
    if (block_column(block, COLUMN_EXPIRES)[row] <= expires_word(plan->filter->now_s)) {
        return false;
    }
    if (is_active(plan->filter, CLAUSE_UNIT) &&
        price_per_unit(block_column(block, plan->ask_column)[row], plan_unit(plan, block, row)) >
            plan->filter->bound[CLAUSE_UNIT]) {
        return false;
    }
    const struct terms *terms =
        terms_pool_at(&plan->book->terms, block_value(block, COLUMN_TERMS, row));
    return terms_fit(plan, terms) &&
           (plan->rare_clauses == 0 || rare_clauses_fit(plan, terms, gpu_class));
}
