#include "node/market/index.h"

#include <assert.h>
#include <stdlib.h>

enum { ENTRIES_FILLED = 10, OVERFLOWED_MAX = 255 };

bool
index_init(struct index *index, uint32_t entries_max)
{
    /* Ten of twelve entries on the average, and one bucket more than a tiny index needs. */
    const size_t count = (size_t)entries_max / ENTRIES_FILLED + 2;
    index->buckets = calloc(count, sizeof *index->buckets);
    index->bucket_count = index->buckets == NULL ? 0 : (uint32_t)count;
    return index->buckets != NULL;
}

void
index_clear(struct index *index)
{
    free(index->buckets);
    *index = (struct index){.buckets = NULL};
}

size_t
index_bytes(const struct index *index)
{
    return index->bucket_count * sizeof *index->buckets;
}

/* The high bits choose the bucket, the low ones the tag. */
static uint32_t
home_of(const struct index *index, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * index->bucket_count >> 32);
}

static uint8_t
tag_of(uint64_t hash)
{
    const uint8_t tag = (uint8_t)hash;
    return tag == 0 ? 1 : tag;
}

static uint32_t
bucket_after(const struct index *index, uint32_t bucket)
{
    return bucket + 1 == index->bucket_count ? 0 : bucket + 1;
}

struct index_look
index_look(const struct index *index, uint64_t hash)
{
    return (struct index_look){.hash = hash, .bucket = home_of(index, hash)};
}

uint32_t
index_next(const struct index *index, struct index_look *look)
{
    const uint8_t tag = tag_of(look->hash);
    while (look->passed < index->bucket_count) {
        const struct index_bucket *bucket = &index->buckets[look->bucket];
        while (look->entry < INDEX_BUCKET_ENTRIES) {
            const uint32_t entry = look->entry++;
            if (bucket->tags[entry] == tag) {
                return bucket->places[entry];
            }
        }
        if (bucket->overflowed == 0) {
            return INDEX_NONE;
        }
        look->bucket = bucket_after(index, look->bucket);
        look->entry = 0;
        look->passed++;
    }
    return INDEX_NONE;
}

void
index_add(struct index *index, uint64_t hash, uint32_t place)
{
    uint32_t at = home_of(index, hash);
    for (uint32_t passed = 0; passed < index->bucket_count; passed++) {
        struct index_bucket *bucket = &index->buckets[at];
        for (uint32_t entry = 0; entry < INDEX_BUCKET_ENTRIES; entry++) {
            if (bucket->tags[entry] == 0) {
                bucket->tags[entry] = tag_of(hash);
                bucket->places[entry] = place;
                return;
            }
        }
        if (bucket->overflowed < OVERFLOWED_MAX) {
            bucket->overflowed++;
        }
        at = bucket_after(index, at);
    }
    assert(false); /* more entries than index_init was told */
}

/* The entry with that hash and place: its bucket, and its number in it. */
static struct index_bucket *
find_entry(struct index *index, uint64_t hash, uint32_t place, uint32_t *ret_entry)
{
    const uint8_t tag = tag_of(hash);
    uint32_t at = home_of(index, hash);
    for (uint32_t passed = 0; passed < index->bucket_count; passed++) {
        struct index_bucket *bucket = &index->buckets[at];
        for (uint32_t entry = 0; entry < INDEX_BUCKET_ENTRIES; entry++) {
            if (bucket->places[entry] == place && bucket->tags[entry] == tag) {
                *ret_entry = entry;
                return bucket;
            }
        }
        at = bucket_after(index, at);
    }
    return NULL;
}

void
index_remove(struct index *index, uint64_t hash, uint32_t place)
{
    uint32_t entry = 0;
    struct index_bucket *bucket = find_entry(index, hash, place, &entry);
    assert(bucket != NULL);
    bucket->tags[entry] = 0;
    /* It no longer passes by the buckets before; a full count is no longer known. */
    for (uint32_t at = home_of(index, hash); &index->buckets[at] != bucket;
         at = bucket_after(index, at)) {
        if (index->buckets[at].overflowed < OVERFLOWED_MAX) {
            index->buckets[at].overflowed--;
        }
    }
}

void
index_change(struct index *index, uint64_t hash, uint32_t place, uint32_t new_place)
{
    uint32_t entry = 0;
    struct index_bucket *bucket = find_entry(index, hash, place, &entry);
    assert(bucket != NULL);
    bucket->places[entry] = new_place;
}

void
index_prefetch(const struct index *index, uint64_t hash)
{
    __builtin_prefetch(&index->buckets[home_of(index, hash)], 1);
}
