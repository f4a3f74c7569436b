/* A filter made ready for the columns of the book: for node/market/match*.c alone. */
#ifndef GPULET_NODE_MARKET_MATCH_PLAN_H
#define GPULET_NODE_MARKET_MATCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/market/book_inside.h"
#include "node/market/filter.h"

enum { PLAN_TESTS_MAX = 24, PLAN_MEMO = 64 };

/* One test of a column, and of the zone that tells about it. */
struct plan_test {
    enum column column; /* COLUMN_COUNT: no column, the zone only prunes */
    enum zone zone;     /* ZONE_COUNT: the features */
    enum scan_kind kind;
    int32_t mask;
    int32_t bound;      /* of the column */
    int32_t zone_bound; /* the same, as the zone counts */
    bool is_kept;       /* never left out, whatever the zone says */
};

struct plan {
    const struct book *book;
    const struct filter *filter;
    size_t test_count;
    struct plan_test tests[PLAN_TESTS_MAX];
    bool is_hopeless;         /* a bound is beyond all that rows can have */
    clause_set terms_clauses; /* active ones that read the terms of a row */
    enum column ask_column;   /* of the request's lane */
    enum zone ask_zone;
    uint64_t memo_keys[PLAN_MEMO]; /* (terms, class) + 1 whose clauses were evaluated; 0: none */
    bool memo_fits[PLAN_MEMO];
};

void plan_make(struct plan *plan, const struct book *book, const struct filter *filter);

/* Puts the tests that some rows of these zones may fail into ret_tests (block NULL: counts them
 * only); false when no row can pass. */
bool plan_prune(const struct plan *plan, const struct zones *zones, const struct block *block,
                struct scan_test ret_tests[PLAN_TESTS_MAX], size_t *ret_count);

/* What the columns' tests leave open about a row: expiry, terms, the price of a unit. */
bool plan_row_fits(struct plan *plan, const struct block *block, uint16_t gpu_class, uint32_t row);

/* Worth of one GPU for the plan's work. */
uint32_t plan_unit(const struct plan *plan, const struct block *block, uint32_t row);

#endif
