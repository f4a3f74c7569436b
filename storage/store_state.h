/* What a store consists of; for the files of this room only. */
#ifndef GPULET_STORAGE_STORE_STATE_H
#define GPULET_STORAGE_STORE_STATE_H

#include "storage/directory.h"
#include "storage/environment.h"
#include "storage/store.h"
#include "storage/transaction.h"

enum operation_type { OPERATION_PUT, OPERATION_PUT_RECORD, OPERATION_DELETE };

/* One write of a batch; its value lies in the transaction's bytes. */
struct operation {
    enum operation_type type;
    enum table table;
    struct row_key key;
    size_t value_offset;
    size_t value_length;
    uint64_t issued_at_s;  /* OPERATION_PUT_RECORD */
    uint64_t expires_at_s; /* OPERATION_PUT_RECORD */
};

/* A batch is a list until its commit, so that it can be applied again when the map had to grow. */
struct transaction {
    struct store *store;
    bool is_open;
    enum status status; /* the first error */
    struct operation *operations;
    size_t count;
    size_t capacity;
    uint8_t *bytes;
    size_t bytes_used;
    size_t bytes_capacity;
    uint64_t put_bytes[ENVIRONMENT_COUNT]; /* about what the puts need */
    size_t counts[ENVIRONMENT_COUNT];
};

struct store {
    int lock_descriptor; /* -1: none */
    char data_dir[DIRECTORY_PATH_SIZE];
    char ballast_path[DIRECTORY_PATH_SIZE];
    struct store_options options; /* defaults filled in */
    bool has_ballast;
    bool
        truth_refused; /* a commit found the disk or the quota full, and none has succeeded since */
    struct environment environments[ENVIRONMENT_COUNT];
    struct transaction transaction;
};

enum { BALLAST_BYTES = 1 << 20 };

struct environment *store_environment(struct store *store, enum table table);

/* Free bytes of the disk for us; UINT64_MAX when the system does not say. */
uint64_t store_disk_free_bytes(const struct store *store);

/* What the truth may use just now: its quota, and the ballast's part once that is released. */
uint64_t store_truth_limit_bytes(const struct store *store);

void transaction_clear(struct transaction *transaction);

#endif
