/* One LMDB environment: opened so that a full disk cannot kill the process, grown on demand. */
#ifndef GPULET_STORAGE_ENVIRONMENT_H
#define GPULET_STORAGE_ENVIRONMENT_H

#include <lmdb.h>

#include "protocol/status.h"
#include "storage/keys.h"

/* Trees beside the tables': one number, the schema's, and the two indexes of `records`. */
#define TREE_META "meta"
#define TREE_RECORD_IDS "record_ids"
#define TREE_RECORD_EXPIRY "record_expiry"

/* LMDB's own: the free pages, and the names of the trees. */
enum { TREE_FREE = 0, TREE_NAMES = 1 };

enum { TREES_MAX = TABLE_COUNT + 3, MAP_BYTES_MIN = 1 << 20 };

struct environment {
    MDB_env *env;
    enum environment_name name;
    size_t map_bytes;
    size_t map_bytes_max; /* the file never grows beyond */
    MDB_dbi meta;
    MDB_dbi record_ids;         /* cache only */
    MDB_dbi record_expiry;      /* cache only */
    MDB_dbi trees[TABLE_COUNT]; /* those that live here */
    MDB_dbi all[TREES_MAX];     /* every tree that was opened */
    size_t all_count;
};

/* What LMDB or the system answered, in our words; MDB_MAP_FULL is STATUS_LIMIT. */
enum status environment_status(int answer) MUST_USE;

/* Opens `directory`, which exists and holds an allocated lock.mdb (the caller holds the store's lock, since one process may open an
 * environment only once), creates the trees and clears readers of dead processes. On failure the
 * environment is closed. */
enum status environment_open(struct environment *environment, enum environment_name name,
                             const char *directory, size_t map_bytes_max) MUST_USE;

/* Accepts one that is not open. */
void environment_close(struct environment *environment);

/* A read transaction; end it with mdb_txn_abort within STORE_READ_MS_MAX. */
enum status environment_read(struct environment *environment, MDB_txn **ret_txn) MUST_USE;

/* Runs `apply` in a write transaction and commits. When the map is full it grows, up to map_bytes_max, and
 * `apply` runs again from the start. `apply` answers as LMDB does. STATUS_LIMIT: map_bytes_max is
 * reached; STATUS_DISK_FULL; in both nothing was written. STATUS_SYSTEM after a failed
 * fdatasync or meta page: the environment answers so until it is opened anew. */
enum status environment_write(struct environment *environment,
                              int (*apply)(void *context, MDB_txn *txn), void *context) MUST_USE;

/* Bytes of the pages in use: what counts against a quota. The file may be bigger by pages that are free. */
int environment_used_bytes(const struct environment *environment, MDB_txn *txn,
                           uint64_t *ret_bytes);

/* Bytes of the file up to its last page. */
uint64_t environment_file_bytes(const struct environment *environment);

MDB_val value_of(const void *data, size_t length);
MDB_val value_of_key(const struct encoded_key *key);

/* Removes a key; one that is not there is no error. */
int tree_delete(MDB_txn *txn, MDB_dbi tree, const struct encoded_key *key);

#endif
