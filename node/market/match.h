/* The best offers of the book for a request, which one to take, and why the rest did not fit. */
#ifndef GPULET_NODE_MARKET_MATCH_H
#define GPULET_NODE_MARKET_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "node/market/book.h"
#include "node/market/filter.h"
#include "node/market/offer.h"

/* More offers than this at once nobody wants; a gang takes as many. */
enum { MATCH_OFFERS_MAX = 8192 };

/* The `limit` first offers by offer_compare (all, when fewer fit), sorted, into ret_offers. The
 * result depends on nothing but the rows, the filter and the seed. Returns how many. */
size_t match_top(const struct book *book, const struct filter *filter, uint64_t seed, size_t limit,
                 struct offer *ret_offers);

/* How many of the sorted offers cost at most 1 % more than the first (effective price, floored). */
size_t match_near_equal(const struct offer *offers, size_t count);

/* Which of the sorted offers a request takes: one of the near-equal ones, by its seed, so that many
 * renters do not meet at one host, and a dry run, the price shown and the lease agree. 0 for none. */
size_t match_pick(const struct offer *offers, size_t count, uint64_t seed);

/* Why rows did not fit, clause by clause. */
struct reject {
    uint32_t rejected;   /* rows that fail this clause, maybe others too */
    uint32_t only_this;  /* rows that fail nothing else */
    uint64_t nearest;    /* the value nearest to the bound among those (quantities only) */
    uint32_t at_nearest; /* how many of those would fit, were the bound there */
};

struct reject_report {
    uint32_t rows;
    uint32_t fitting;
    struct reject clauses[CLAUSE_COUNT];
};

/* Looks at every row: for `--explain` and for a search that found nothing. */
void match_explain(const struct book *book, const struct filter *filter,
                   struct reject_report *ret_report);

/* Appends "12 offers if vram >= 22 GiB" for a clause with a nearest miss; nothing when there is
 * none. */
void match_print_nearest(struct buffer *out, enum clause clause, const struct reject *reject);

#endif
