#include "tests/support/memory_store.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct cell {
    bool used;
    struct row_key key;
    uint8_t *value;
    size_t length;
};

/* Open addressing; at most half full. */
struct tree {
    struct cell *cells;
    size_t capacity;
    size_t count;
};

struct memory_store {
    struct tree trees[TABLE_COUNT];
};

static enum key_parts
parts_of(enum table table)
{
    static const enum key_parts parts[TABLE_COUNT] = {
#define TABLE_PARTS(name, text, environment, key_parts) key_parts,
        TABLE_TABLE(TABLE_PARTS)
#undef TABLE_PARTS
    };
    return parts[table];
}

static struct row_key
plain_key(enum table table, const struct row_key *key)
{
    struct row_key plain = *key;
    if (parts_of(table) == KEY_ID) {
        plain.number = 0;
    } else if (parts_of(table) == KEY_NUMBER) {
        memset(plain.id, 0, sizeof plain.id);
    }
    return plain;
}

static bool
keys_equal(const struct row_key *a, const struct row_key *b)
{
    return a->number == b->number && memcmp(a->id, b->id, ID_LENGTH) == 0;
}

static void *
memory_or_abort(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

struct memory_store *
memory_store_new(void)
{
    struct memory_store *store = memory_or_abort(calloc(1, sizeof *store));
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        store->trees[i].capacity = 64;
        store->trees[i].cells = memory_or_abort(calloc(64, sizeof *store->trees[i].cells));
    }
    return store;
}

void
memory_store_free(struct memory_store *store)
{
    for (size_t i = 0; store != NULL && i < TABLE_COUNT; i++) {
        for (size_t c = 0; c < store->trees[i].capacity; c++) {
            free(store->trees[i].cells[c].value);
        }
        free(store->trees[i].cells);
    }
    free(store);
}

static size_t
home_of(const struct tree *tree, const struct row_key *key)
{
    uint64_t hash;
    memcpy(&hash, key->id, sizeof hash);
    hash = (hash ^ key->number * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)(hash >> 24) & (tree->capacity - 1);
}

/* The key's cell, or the free one where it would be. */
static struct cell *
find(const struct tree *tree, const struct row_key *key)
{
    size_t at = home_of(tree, key);
    while (tree->cells[at].used && !keys_equal(&tree->cells[at].key, key)) {
        at = (at + 1) & (tree->capacity - 1);
    }
    return &tree->cells[at];
}

static void
grow(struct tree *tree)
{
    struct tree bigger = {.capacity = tree->capacity * 2, .count = tree->count};
    bigger.cells = memory_or_abort(calloc(bigger.capacity, sizeof *bigger.cells));
    for (size_t i = 0; i < tree->capacity; i++) {
        if (tree->cells[i].used) {
            *find(&bigger, &tree->cells[i].key) = tree->cells[i];
        }
    }
    free(tree->cells);
    *tree = bigger;
}

void
memory_store_put(struct memory_store *store, const struct row *row)
{
    struct tree *tree = &store->trees[row->table];
    if ((tree->count + 1) * 2 > tree->capacity) {
        grow(tree);
    }
    const struct row_key key = plain_key(row->table, &row->key);
    struct cell *cell = find(tree, &key);
    tree->count += !cell->used;
    uint8_t *value = memory_or_abort(malloc(row->value.length + 1));
    if (row->value.length > 0) {
        memcpy(value, row->value.data, row->value.length);
    }
    free(cell->value);
    *cell = (struct cell){true, key, value, row->value.length};
}

void
memory_store_delete(struct memory_store *store, enum table table, const struct row_key *key)
{
    struct tree *tree = &store->trees[table];
    const struct row_key plain = plain_key(table, key);
    struct cell *gone = find(tree, &plain);
    if (!gone->used) {
        return;
    }
    free(gone->value);
    *gone = (struct cell){.used = false};
    tree->count--;
    /* The rest of the run is put in again, so that no search stops early. */
    size_t at = ((size_t)(gone - tree->cells) + 1) & (tree->capacity - 1);
    while (tree->cells[at].used) {
        const struct cell moved = tree->cells[at];
        tree->cells[at] = (struct cell){.used = false};
        *find(tree, &moved.key) = moved;
        at = (at + 1) & (tree->capacity - 1);
    }
}

bool
memory_store_get(const struct memory_store *store, enum table table, const struct row_key *key,
                 struct bytes *ret_value)
{
    const struct row_key plain = plain_key(table, key);
    const struct cell *cell = find(&store->trees[table], &plain);
    if (cell->used) {
        *ret_value = bytes_of(cell->value, cell->length);
    }
    return cell->used;
}

static int
compare_rows(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;
    const int order = memcmp(left->key.id, right->key.id, ID_LENGTH);
    return order != 0
               ? order
               : (left->key.number > right->key.number) - (left->key.number < right->key.number);
}

struct row *
memory_store_list(const struct memory_store *store, enum table table, size_t *ret_count)
{
    const struct tree *tree = &store->trees[table];
    struct row *rows = memory_or_abort(calloc(tree->count + 1, sizeof *rows));
    size_t count = 0;
    for (size_t i = 0; i < tree->capacity; i++) {
        const struct cell *cell = &tree->cells[i];
        if (cell->used) {
            rows[count] = (struct row){table, cell->key, bytes_of(cell->value, cell->length)};
            count++;
        }
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    *ret_count = count;
    return rows;
}

size_t
memory_store_count(const struct memory_store *store, enum table table)
{
    return store->trees[table].count;
}
