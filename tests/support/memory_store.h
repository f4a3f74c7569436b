/* A store in memory, as the core's effects see the disk: rows, evidence and records, by table and key. */
#ifndef GPULET_TESTS_SUPPORT_MEMORY_STORE_H
#define GPULET_TESTS_SUPPORT_MEMORY_STORE_H

#include <stdbool.h>

#include "protocol/table.h"

struct memory_store;

/* Aborts when memory is missing, like every function here. Owned. */
struct memory_store *memory_store_new(void);
void memory_store_free(struct memory_store *store);

/* Puts a copy of the row, in place of an older one with its key. */
void memory_store_put(struct memory_store *store, const struct row *row);

/* Forgets a row; one that is not there is no error. */
void memory_store_delete(struct memory_store *store, enum table table, const struct row_key *key);

/* The row's value, borrowed until the next put or delete; false when there is none. */
bool memory_store_get(const struct memory_store *store, enum table table, const struct row_key *key,
                      struct bytes *ret_value);

/* The rows of a table in order of their keys, as the disk lists them: number, or id and then number.
 * Values are borrowed until the next put or delete; the list is the caller's, free() it. */
struct row *memory_store_list(const struct memory_store *store, enum table table,
                              size_t *ret_count);

size_t memory_store_count(const struct memory_store *store, enum table table);

#endif
