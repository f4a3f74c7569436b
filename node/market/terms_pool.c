#include "node/market/terms_pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool
terms_pool_init(struct terms_pool *pool, uint32_t capacity, uint64_t seed)
{
    *pool = (struct terms_pool){.capacity = capacity, .seed = seed};
    pool->entries = calloc(capacity, sizeof *pool->entries);
    if (pool->entries == NULL || !index_init(&pool->index, capacity)) {
        terms_pool_clear(pool);
        return false;
    }
    return true;
}

void
terms_pool_clear(struct terms_pool *pool)
{
    index_clear(&pool->index);
    free(pool->entries);
    pool->entries = NULL;
}

size_t
terms_pool_bytes(const struct terms_pool *pool)
{
    return pool->touched * (sizeof *pool->entries + sizeof(struct index_bucket) / 10);
}

/* The words of the terms, mixed one after another with SplitMix64's finaliser. */
static uint64_t
hash_of(const struct terms_pool *pool, const struct terms *terms)
{
    _Static_assert(sizeof(struct terms) % sizeof(uint64_t) == 0, "terms are whole words");
    uint64_t hash = pool->seed;
    for (size_t at = 0; at < sizeof *terms; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)terms + at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 29;
    }
    hash *= UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

void
terms_pool_prefetch(const struct terms_pool *pool, const struct terms *terms)
{
    index_prefetch(&pool->index, hash_of(pool, terms));
}

static uint32_t
find(const struct terms_pool *pool, const struct terms *terms, uint64_t hash)
{
    struct index_look look = index_look(&pool->index, hash);
    uint32_t place;
    while ((place = index_next(&pool->index, &look)) != INDEX_NONE) {
        if (memcmp(&pool->entries[place].terms, terms, sizeof *terms) == 0) {
            return place;
        }
    }
    return INDEX_NONE;
}

static uint32_t
new_place(struct terms_pool *pool)
{
    if (pool->first_free != 0) {
        const uint32_t place = pool->first_free - 1;
        pool->first_free = pool->entries[place].next_free;
        return place;
    }
    return pool->touched == pool->capacity ? INDEX_NONE : pool->touched++;
}

uint32_t
terms_pool_take(struct terms_pool *pool, const struct terms *terms)
{
    const uint64_t hash = hash_of(pool, terms);
    uint32_t place = find(pool, terms, hash);
    if (place == INDEX_NONE) {
        place = new_place(pool);
        if (place == INDEX_NONE) {
            return INDEX_NONE;
        }
        pool->entries[place] = (struct terms_entry){.rows = 0};
        memcpy(&pool->entries[place].terms, terms, sizeof *terms);
        index_add(&pool->index, hash, place);
    }
    pool->entries[place].rows++;
    return place;
}

void
terms_pool_give_back(struct terms_pool *pool, uint32_t place)
{
    struct terms_entry *entry = &pool->entries[place];
    assert(place < pool->touched && entry->rows > 0);
    if (--entry->rows > 0) {
        return;
    }
    index_remove(&pool->index, hash_of(pool, &entry->terms), place);
    entry->next_free = pool->first_free;
    pool->first_free = place + 1;
}
