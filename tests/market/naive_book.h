/* A book that is too simple to be wrong: a list, looked through from end to end; and the random rows
 * and requests that it is compared over. */
#ifndef GPULET_TESTS_MARKET_NAIVE_BOOK_H
#define GPULET_TESTS_MARKET_NAIVE_BOOK_H

#include <stddef.h>
#include <stdint.h>

#include "node/market/match.h"

enum { NAIVE_ROWS_MAX = 20000 };

struct naive_book {
    size_t count;
    size_t capacity;
    struct market_row rows[NAIVE_ROWS_MAX];
};

struct market_row *naive_find(struct naive_book *book, const struct host_key *host,
                              uint8_t slot_group);
bool naive_put(struct naive_book *book, const struct market_row *row);
void naive_take_out(struct naive_book *book, struct market_row *row);
uint32_t naive_expire(struct naive_book *book, uint64_t now_s);
size_t naive_top(const struct naive_book *book, const struct filter *filter, uint64_t seed,
                 size_t limit, struct offer *ret_offers);

/* How many rounds of a comparison: so many, or MODEL_ROUNDS times as many where that is set. */
int model_rounds(int usual);

/* SplitMix64. */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t bound);

/* The peer with that number. */
struct peer_id random_peer(uint64_t number);

/* A checked listing with values from a few, so that bounds are met exactly and orders tie. */
struct listing random_listing(uint64_t *state);

/* The row of random_listing for one of `hosts` hosts, expiring within 1000 s of now. */
struct market_row random_row(uint64_t *state, uint64_t hosts, uint64_t now_s);

/* A checked request with zero to many limits of the same few values. */
struct request random_request(uint64_t *state, uint64_t now_s);

#endif
