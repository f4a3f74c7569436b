/* A hash index from keys that live elsewhere to 32-bit places: 6.4 bytes an entry, no tombstones.
 *
 * Buckets of one cache line hold twelve entries with an eight-bit tag each and count the entries that
 * overflowed past them (the idea of Facebook's F14). The owner compares the keys themselves. */
#ifndef GPULET_NODE_MARKET_INDEX_H
#define GPULET_NODE_MARKET_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INDEX_BUCKET_ENTRIES = 12 };
#define INDEX_NONE UINT32_MAX

struct index_bucket {
    uint8_t tags[INDEX_BUCKET_ENTRIES]; /* 0: empty */
    uint8_t overflowed;                 /* entries that passed by; 255: at least so many */
    uint8_t unused[3];
    uint32_t places[INDEX_BUCKET_ENTRIES];
};

struct index {
    struct index_bucket *buckets;
    uint32_t bucket_count;
};

/* Takes memory for so many entries; false when there is none. Released by index_clear. */
bool index_init(struct index *index, uint32_t entries_max);
void index_clear(struct index *index);
size_t index_bytes(const struct index *index);

/* Goes through the places that may belong to a hash: start with index_look, go on until INDEX_NONE.
 * The caller tells by the key which of them does. */
struct index_look {
    uint64_t hash;
    uint32_t bucket;
    uint32_t entry;
    uint32_t passed;
};
struct index_look index_look(const struct index *index, uint64_t hash);
uint32_t index_next(const struct index *index, struct index_look *look);

/* Adds a place; there must be room for it. */
void index_add(struct index *index, uint64_t hash, uint32_t place);

/* Takes out, or changes, the entry with that hash and place, which must be there. */
void index_remove(struct index *index, uint64_t hash, uint32_t place);
void index_change(struct index *index, uint64_t hash, uint32_t place, uint32_t new_place);

/* Tells the processor that this hash will be looked up soon. */
void index_prefetch(const struct index *index, uint64_t hash);

#endif
