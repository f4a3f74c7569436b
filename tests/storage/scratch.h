/* Data directories, rows and signed records for the tests of the storage room. */
#ifndef GPULET_TESTS_STORAGE_SCRATCH_H
#define GPULET_TESTS_STORAGE_SCRATCH_H

#include "crypto/record.h"
#include "storage/store.h"
#include "storage/transaction.h"

enum { SCRATCH_PATH_SIZE = 512, SCRATCH_RECORD_BYTES = 4096 };

/* A new directory under TMPDIR or /tmp. */
void scratch_make(char ret_path[SCRATCH_PATH_SIZE]);

/* Removes a directory and what is below it. */
void scratch_remove(const char *path);

/* "base/name". */
void scratch_path(const char *base, const char *name, char ret_path[SCRATCH_PATH_SIZE]);

/* Opens with default options, or ends the test. */
struct store *scratch_open(const char *data_dir);
struct store *scratch_open_with(const char *data_dir, const struct store_options *options);

/* A key that differs for each number, in both parts. */
struct row_key scratch_key(uint64_t number);

/* Writes one row and commits it, or ends the test. */
void scratch_put(struct store *store, enum table table, const struct row_key *key,
                 struct bytes value);

/* A public node record, signed; the bytes are the scratch's. `number` makes it different. */
struct scratch_record {
    uint8_t memory[SCRATCH_RECORD_BYTES];
    struct verified_record record;
};
void scratch_record(struct scratch_record *ret_record, uint64_t number, uint64_t issued_at_s,
                    uint32_t ttl_s);

/* Overwrites `length` bytes of a file at `offset` with `byte`. */
void scratch_damage(const char *path, long offset, size_t length, uint8_t byte);

#endif
