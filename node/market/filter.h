/* A request compiled to clauses, and whether a row of the book fits them. */
#ifndef GPULET_NODE_MARKET_FILTER_H
#define GPULET_NODE_MARKET_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/market/clause.h"
#include "node/market/market_row.h"
#include "protocol/record.h"

/* A compiled request. Read it, do not change it. */
struct filter {
    struct request request; /* texts in it stay borrowed */
    clause_set active;      /* clauses that can fail at all */
    uint64_t bound[CLAUSE_COUNT];
    uint64_t now_s;
    uint64_t start_from_s;                  /* never before now */
    uint64_t start_until_s;                 /* never before start_from_s */
    uint32_t needed_s;                      /* how long a lease must be possible at least */
    uint8_t needed_hours[WEEK_HOURS_BYTES]; /* hours that a lease from start_from_s on touches */
    uint64_t classes[4];                    /* class numbers that fit by class and vendor */
    bool class_zero_fits;                   /* so does a card outside the table */
};

/* Compiles a checked request as of now. */
struct filter filter_compile(const struct request *request, uint64_t now_s);

/* True when the row fits every clause. */
bool filter_fits(const struct filter *filter, const struct market_row *row);

/* Every clause that the row fails. */
clause_set filter_failing(const struct filter *filter, const struct market_row *row);

/* How long a lease that starts then must be able to run, in seconds. */
uint64_t filter_wanted_s(const struct filter *filter, uint64_t start_s);

/* Whether the host of these terms is open for as long as wanted: CLAUSE_AVAILABLE, fast. */
bool filter_is_available(const struct filter *filter, const struct terms *terms);

/* The ask of a row in the request's lane, in uUSD an hour; 0: not offered there. */
uint32_t filter_ask(const struct filter *filter, const struct market_row *row);

/* Worth of one GPU of the row for the request's work, in 1/65536 H100. */
uint32_t filter_unit(const struct filter *filter, const struct market_row *row);

/* The price that offers are ordered by (price_effective). */
uint64_t filter_effective(const struct filter *filter, const struct market_row *row);

#endif
