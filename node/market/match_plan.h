/* A filter made ready for the columns of the book: for node/market/match*.c alone. */
#ifndef GPULET_NODE_MARKET_MATCH_PLAN_H
#define GPULET_NODE_MARKET_MATCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/market/book_inside.h"
#include "node/market/filter.h"

enum { PLAN_TESTS_MAX = 24 };

/* One test of a column, and of the zone that tells about it. */
struct plan_test {
    enum column column;         /* COLUMN_COUNT: no column, the zone only prunes */
    enum zone zone;             /* ZONE_COUNT: the features */
    enum scan_kind kind;        /* of the zone */
    enum scan_kind column_kind; /* the same for the column */
    int32_t mask;
    int32_t bound;      /* of the column */
    int32_t zone_bound; /* the same, as the zone counts */
};

/* What the terms of a row must have; 0 and the greatest numbers where nothing is wanted. */
struct terms_bounds {
    uint64_t cuda;
    uint64_t nvlink_mb_s;
    uint64_t pcie_mb_s;
    uint64_t lease_max_s;
    uint64_t lease_min_s; /* at most */
    uint64_t notice_s;
    uint64_t minimum_run_s;
    uint64_t reclaims; /* at most */
};

struct plan {
    const struct book *book;
    const struct filter *filter;
    size_t test_count;
    struct plan_test tests[PLAN_TESTS_MAX];
    bool is_hopeless; /* a bound is beyond all that rows can have */
    struct terms_bounds bounds;
    clause_set rare_clauses; /* active ones on terms that the bounds leave out */
    enum column ask_column;  /* of the request's lane */
    enum zone ask_zone;
    int32_t ask_max; /* within the limit, and offered at all */
};

void plan_make(struct plan *plan, const struct book *book, const struct filter *filter);

/* Clears the bits of classes (bit n of the set: class n) where no row can pass. */
void plan_prune_classes(const struct plan *plan, uint64_t classes[CLASSES / 64]);

/* Puts the tests that some rows of a block may fail into ret_tests; false when no row can pass. */
bool plan_tests(const struct plan *plan, uint32_t block_number,
                struct scan_test ret_tests[PLAN_TESTS_MAX], size_t *ret_count);

/* What the columns' tests leave open about a row: expiry, terms, the price of a unit. */
bool plan_row_fits(const struct plan *plan, const struct block *block, uint16_t gpu_class,
                   uint32_t row);

/* Worth of one GPU for the plan's work. */
uint32_t plan_unit(const struct plan *plan, const struct block *block, uint32_t row);

#endif
