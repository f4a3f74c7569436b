/* The three trees of TABLE_RECORDS, kept in step inside one write transaction. All answer as LMDB does. */
#ifndef GPULET_STORAGE_RECORDS_H
#define GPULET_STORAGE_RECORDS_H

#include "storage/environment.h"

/* When a record was issued and when its time ends, in unix seconds. */
struct record_times {
    uint64_t issued_at_s;
    uint64_t expires_at_s;
};

/* A record that is there already stays as it is: the same id means the same bytes. */
int records_put(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH],
                const struct record_times *times, struct bytes sealed);

/* One that is not there is no error. */
int records_delete(const struct environment *environment, MDB_txn *txn,
                   const uint8_t id[ID_LENGTH]);

/* Borrowed from the transaction. MDB_NOTFOUND. */
int records_get(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH],
                struct bytes *ret_sealed);

/* Removes the records whose time ends first, while it ends at `until_s` or before, at most `limit` of them and
 * until `wanted_bytes` are free; `ret_removed` counts them. */
struct records_drop {
    uint64_t until_s;
    uint64_t limit;
    uint64_t wanted_bytes;
};
int records_drop_first(const struct environment *environment, MDB_txn *txn,
                       const struct records_drop *drop, uint64_t *ret_removed);

/* Whether every record is in all three trees, given that they are equally long. MDB_CORRUPTED. */
int records_look(const struct environment *environment, MDB_txn *txn);

#endif
