#include "storage/check_sum.h"
#include "storage/records.h"
#include "storage/store_state.h"

struct environment *
store_environment(struct store *store, enum table table)
{
    return &store->environments[table_layout(table)->environment];
}

static enum status
row_get(const struct environment *environment, MDB_txn *txn, const struct row *wanted,
        struct bytes *ret_value)
{
    if (wanted->table == TABLE_RECORDS) {
        return environment_status(records_get(environment, txn, wanted->key.id, ret_value));
    }
    const struct encoded_key key = key_encode(wanted->table, &wanted->key);
    MDB_val lmdb_key = value_of_key(&key);
    MDB_val value;
    const enum status status =
        environment_status(mdb_get(txn, environment->trees[wanted->table], &lmdb_key, &value));
    if (status != STATUS_OK) {
        return status;
    }
    return check_sum_strip(wanted->table, &key, bytes_of(value.mv_data, value.mv_size), ret_value);
}

enum status
store_get(struct store *store, enum table table, const struct row_key *key, struct buffer *value)
{
    struct environment *environment = store_environment(store, table);
    MDB_txn *txn = NULL;
    enum status status = environment_read(environment, &txn);
    if (status != STATUS_OK) {
        return status;
    }
    const struct row wanted = {.table = table, .key = *key};
    struct bytes found = bytes_of(NULL, 0);
    status = row_get(environment, txn, &wanted, &found);
    if (status == STATUS_OK) {
        buffer_append(value, found.data, found.length);
        status = value->overflowed ? STATUS_NO_SPACE : STATUS_OK;
    }
    mdb_txn_abort(txn);
    return status;
}

enum status
store_count(struct store *store, enum table table, uint64_t *ret_count)
{
    struct environment *environment = store_environment(store, table);
    MDB_txn *txn = NULL;
    enum status status = environment_read(environment, &txn);
    if (status != STATUS_OK) {
        return status;
    }
    MDB_stat stat;
    status = environment_status(mdb_stat(txn, environment->trees[table], &stat));
    if (status == STATUS_OK) {
        *ret_count = stat.ms_entries;
    }
    mdb_txn_abort(txn);
    return status;
}

struct expiry {
    const struct environment *environment;
    struct records_drop drop;
    uint64_t removed;
};

static int
expiry_apply(void *context, MDB_txn *txn)
{
    struct expiry *expiry = context;
    expiry->removed = 0; /* the map may have grown, and this runs again */
    return records_drop_first(expiry->environment, txn, &expiry->drop, &expiry->removed);
}

enum status
store_expire_records(struct store *store, uint64_t now_s, uint32_t limit, uint32_t *ret_removed)
{
    struct environment *cache = &store->environments[ENVIRONMENT_CACHE];
    struct expiry expiry = {.environment = cache,
                            .drop = {.until_s = now_s, .limit = limit, .wanted_bytes = UINT64_MAX}};
    const enum status status = environment_write(cache, expiry_apply, &expiry);
    if (status == STATUS_OK) {
        *ret_removed = (uint32_t)expiry.removed;
    }
    return status;
}
