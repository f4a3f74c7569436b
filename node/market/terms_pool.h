/* The terms of listings, each kept once and counted: what most hosts leave at its default. */
#ifndef GPULET_NODE_MARKET_TERMS_POOL_H
#define GPULET_NODE_MARKET_TERMS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/market/index.h"
#include "node/market/market_row.h"

struct terms_entry {
    struct terms terms;
    uint32_t rows;      /* that have these; 0: free */
    uint32_t next_free; /* place + 1; 0: none */
};

struct terms_pool {
    struct index index;
    struct terms_entry *entries;
    uint32_t capacity;
    uint32_t touched; /* entries from here on were never used */
    uint32_t first_free;
    uint64_t seed;
};

bool terms_pool_init(struct terms_pool *pool, uint32_t capacity, uint64_t seed);
void terms_pool_clear(struct terms_pool *pool);
size_t terms_pool_bytes(const struct terms_pool *pool);

/* The place of these terms with one more row; INDEX_NONE when the pool is full. */
uint32_t terms_pool_take(struct terms_pool *pool, const struct terms *terms);

/* Tells the processor that these terms will be taken soon. */
void terms_pool_prefetch(const struct terms_pool *pool, const struct terms *terms);

/* One row less. */
void terms_pool_give_back(struct terms_pool *pool, uint32_t place);

static inline const struct terms *
terms_pool_at(const struct terms_pool *pool, uint32_t place)
{
    return &pool->entries[place].terms;
}

#endif
