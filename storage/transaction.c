#include "storage/transaction.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/check_sum.h"
#include "storage/records.h"
#include "storage/store_state.h"

/* What a row costs beside its value: keys, LMDB's headers, and its share of half-empty pages. */
enum {
    ROW_OVERHEAD_BYTES = 160,
    RECORD_OVERHEAD_BYTES = 240,
    FIRST_BYTES = 64 * 1024,
    FIRST_OPERATIONS = 64
};

/* Pages that a commit leaves are free for the one after the next: without some to spare, a file grows at
 * each commit though it does not fill. */
enum { TURNOVER_BYTES = 128 * 1024 };

/* One environment's part of a batch. */
struct part {
    struct transaction *transaction;
    struct environment *environment;
    uint64_t limit_bytes; /* the environment must not use more */
    uint64_t slack_bytes; /* drop so much more than is needed, so that the next batches find room */
};

struct transaction *
transaction_begin(struct store *store)
{
    struct transaction *transaction = &store->transaction;
    assert(!transaction->is_open);
    transaction->store = store;
    transaction->is_open = true;
    transaction->status = STATUS_OK;
    return transaction;
}

static void
transaction_end(struct transaction *transaction)
{
    transaction->is_open = false;
    transaction->count = 0;
    transaction->bytes_used = 0;
    memset(transaction->put_bytes, 0, sizeof transaction->put_bytes);
    memset(transaction->counts, 0, sizeof transaction->counts);
}

void
transaction_clear(struct transaction *transaction)
{
    free(transaction->operations);
    free(transaction->bytes);
    *transaction = (struct transaction){.operations = NULL};
}

static void
fail(struct transaction *transaction, enum status status)
{
    if (transaction->status == STATUS_OK) {
        transaction->status = status;
    }
}

/* Makes room for `length` more bytes; false after an error. */
static bool
bytes_reserve(struct transaction *transaction, size_t length)
{
    const size_t needed = transaction->bytes_used + length;
    if (needed > TRANSACTION_BYTES_MAX) {
        fail(transaction, STATUS_LIMIT);
        return false;
    }
    if (needed <= transaction->bytes_capacity) {
        return true;
    }
    size_t capacity = transaction->bytes_capacity == 0 ? FIRST_BYTES : transaction->bytes_capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    uint8_t *bytes = realloc(transaction->bytes, capacity);
    if (bytes == NULL) {
        fail(transaction, STATUS_NO_MEMORY);
        return false;
    }
    transaction->bytes = bytes;
    transaction->bytes_capacity = capacity;
    return true;
}

static size_t
bytes_append(struct transaction *transaction, const void *data, size_t length)
{
    const size_t offset = transaction->bytes_used;
    if (length > 0) {
        memcpy(transaction->bytes + offset, data, length);
    }
    transaction->bytes_used += length;
    return offset;
}

static void
operation_add(struct transaction *transaction, const struct operation *operation)
{
    if (transaction->count == transaction->capacity) {
        const size_t capacity =
            transaction->capacity == 0 ? FIRST_OPERATIONS : 2 * transaction->capacity;
        struct operation *list =
            reallocarray(transaction->operations, capacity, sizeof *transaction->operations);
        if (list == NULL) {
            fail(transaction, STATUS_NO_MEMORY);
            return;
        }
        transaction->operations = list;
        transaction->capacity = capacity;
    }
    const enum environment_name name = table_layout(operation->table)->environment;
    transaction->operations[transaction->count++] = *operation;
    transaction->counts[name]++;
    if (operation->type != OPERATION_DELETE) {
        transaction->put_bytes[name] +=
            operation->value_length + (operation->type == OPERATION_PUT_RECORD
                                           ? (size_t)RECORD_OVERHEAD_BYTES
                                           : (size_t)ROW_OVERHEAD_BYTES);
    }
}

static void
put_with_sum(struct transaction *transaction, const struct row *row)
{
    assert(row->value.length <= ROW_VALUE_BYTES_MAX);
    if (transaction->status != STATUS_OK ||
        !bytes_reserve(transaction, row->value.length + CHECK_SUM_LENGTH)) {
        return;
    }
    const struct encoded_key key = key_encode(row->table, &row->key);
    uint8_t sum[CHECK_SUM_LENGTH];
    check_sum_make(row->table, &key, row->value, sum);
    const size_t offset = bytes_append(transaction, row->value.data, row->value.length);
    (void)bytes_append(transaction, sum, sizeof sum);
    const struct operation operation = {.type = OPERATION_PUT,
                                        .table = row->table,
                                        .key = row->key,
                                        .value_offset = offset,
                                        .value_length = row->value.length + CHECK_SUM_LENGTH};
    operation_add(transaction, &operation);
}

void
transaction_put(struct transaction *transaction, const struct row *row)
{
    assert(transaction->is_open);
    assert(row->table != TABLE_RECORDS && row->table != TABLE_EVIDENCE);
    put_with_sum(transaction, row);
}

void
transaction_put_record(struct transaction *transaction, const struct verified_record *record)
{
    assert(transaction->is_open);
    const struct envelope *envelope = verified_envelope(record);
    assert(record_kind_is_public(envelope->kind));
    const struct bytes sealed = verified_bytes(record);
    if (transaction->status != STATUS_OK || !bytes_reserve(transaction, sealed.length)) {
        return;
    }
    struct operation operation = {.type = OPERATION_PUT_RECORD,
                                  .table = TABLE_RECORDS,
                                  .value_length = sealed.length,
                                  .issued_at_s = envelope->issued_at_s};
    if (__builtin_add_overflow(envelope->issued_at_s, envelope->ttl_s, &operation.expires_at_s)) {
        operation.expires_at_s = UINT64_MAX;
    }
    memcpy(operation.key.id, verified_id(record)->bytes, ID_LENGTH);
    operation.value_offset = bytes_append(transaction, sealed.data, sealed.length);
    operation_add(transaction, &operation);
}

void
transaction_put_evidence(struct transaction *transaction, const struct lease_id *lease,
                         uint64_t what, const struct verified_record *record)
{
    assert(transaction->is_open);
    struct row row = {
        .table = TABLE_EVIDENCE, .key = {.number = what}, .value = verified_bytes(record)};
    memcpy(row.key.id, lease->bytes, ID_LENGTH);
    put_with_sum(transaction, &row);
}

void
transaction_delete(struct transaction *transaction, enum table table, const struct row_key *key)
{
    assert(transaction->is_open);
    if (transaction->status != STATUS_OK) {
        return;
    }
    const struct operation operation = {.type = OPERATION_DELETE, .table = table, .key = *key};
    operation_add(transaction, &operation);
}

static int
delete_apply(const struct environment *environment, MDB_txn *txn, const struct operation *operation)
{
    if (operation->table == TABLE_RECORDS) {
        return records_delete(environment, txn, operation->key.id);
    }
    const struct encoded_key key = key_encode(operation->table, &operation->key);
    return tree_delete(txn, environment->trees[operation->table], &key);
}

static int
put_apply(const struct environment *environment, MDB_txn *txn, const struct operation *operation,
          struct bytes value)
{
    if (operation->type == OPERATION_PUT_RECORD) {
        const struct record_times times = {.issued_at_s = operation->issued_at_s,
                                           .expires_at_s = operation->expires_at_s};
        return records_put(environment, txn, operation->key.id, &times, value);
    }
    const struct encoded_key key = key_encode(operation->table, &operation->key);
    MDB_val lmdb_key = value_of_key(&key);
    MDB_val lmdb_value = value_of(value.data, value.length);
    return mdb_put(txn, environment->trees[operation->table], &lmdb_key, &lmdb_value, 0);
}

/* Drops what expires first, until the batch fits. Pages come back only when they are empty or merge, so
 * the use is taken again after each round. */
static int
records_make_way(const struct part *part, MDB_txn *txn, uint64_t wanted, uint64_t used)
{
    while (used + wanted > part->limit_bytes) {
        const struct records_drop drop = {.until_s = UINT64_MAX,
                                          .limit = UINT64_MAX,
                                          .wanted_bytes = used + wanted - part->limit_bytes +
                                                          part->slack_bytes};
        uint64_t removed = 0;
        int answer = records_drop_first(part->environment, txn, &drop, &removed);
        if (answer == 0) {
            answer = environment_used_bytes(part->environment, txn, &used);
        }
        if (answer != 0 || removed == 0) {
            return answer != 0 ? answer : MDB_TXN_FULL;
        }
    }
    return 0;
}

/* Holds the batch against the limit. MDB_TXN_FULL: it does not fit. */
static int
space_make(const struct part *part, MDB_txn *txn)
{
    const enum environment_name name = part->environment->name;
    const uint64_t wanted = part->transaction->put_bytes[name];
    uint64_t used = 0;
    const int answer = environment_used_bytes(part->environment, txn, &used);
    if (answer != 0 || wanted == 0 || used + wanted <= part->limit_bytes) {
        return answer;
    }
    return name == ENVIRONMENT_TRUTH ? MDB_TXN_FULL : records_make_way(part, txn, wanted, used);
}

static int
part_apply(void *context, MDB_txn *txn)
{
    const struct part *part = context;
    const struct transaction *transaction = part->transaction;
    int answer = space_make(part, txn);
    for (size_t i = 0; answer == 0 && i < transaction->count; i++) {
        const struct operation *operation = &transaction->operations[i];
        if (table_layout(operation->table)->environment != part->environment->name) {
            continue;
        }
        if (operation->type == OPERATION_DELETE) {
            answer = delete_apply(part->environment, txn, operation);
            continue;
        }
        const struct bytes value =
            bytes_of(transaction->bytes + operation->value_offset, operation->value_length);
        answer = put_apply(part->environment, txn, operation, value);
    }
    return answer;
}

static enum status
truth_commit(struct transaction *transaction)
{
    struct store *store = transaction->store;
    struct part part = {.transaction = transaction,
                        .environment = &store->environments[ENVIRONMENT_TRUTH],
                        .limit_bytes = store_truth_limit_bytes(store)};
    enum status status = environment_write(part.environment, part_apply, &part);
    if (status == STATUS_LIMIT) {
        status = STATUS_DISK_FULL; /* the quota is all the disk there is for us */
    }
    if (status == STATUS_DISK_FULL) {
        store->truth_refused = true;
    } else if (status == STATUS_OK && store->has_ballast) {
        store->truth_refused = false;
    }
    return status;
}

static int
operation_compare(const void *left, const void *right)
{
    const struct operation *a = left;
    const struct operation *b = right;
    if (a->issued_at_s != b->issued_at_s) {
        return a->issued_at_s < b->issued_at_s ? -1 : 1;
    }
    return memcmp(a->key.id, b->key.id, ID_LENGTH);
}

/* Puts records that follow one another into the order of their tree: pages that are filled from one
 * end stay full, and others are left half empty. */
static void
records_sort(struct transaction *transaction)
{
    struct operation *list = transaction->operations;
    size_t first = 0;
    for (size_t i = 0; i <= transaction->count; i++) {
        if (i == transaction->count || list[i].type != OPERATION_PUT_RECORD) {
            qsort(list + first, i - first, sizeof *list, operation_compare);
            first = i + 1;
        }
    }
}

static enum status
cache_commit(struct transaction *transaction)
{
    records_sort(transaction);
    struct store *store = transaction->store;
    struct part part = {.transaction = transaction,
                        .environment = &store->environments[ENVIRONMENT_CACHE],
                        .limit_bytes = store->options.cache_quota_bytes,
                        .slack_bytes = store->options.cache_quota_bytes / 64};
    if (store_disk_free_bytes(store) < store->options.disk_low_bytes) {
        /* The rest of the disk is for the truth: the cache lives within the pages that it has. */
        const uint64_t file_bytes = environment_file_bytes(part.environment);
        const uint64_t limit_bytes = file_bytes > TURNOVER_BYTES ? file_bytes - TURNOVER_BYTES : 0;
        if (limit_bytes < part.limit_bytes) {
            part.limit_bytes = limit_bytes;
            part.slack_bytes = 0;
        }
    }
    return environment_write(part.environment, part_apply, &part);
}

enum status
transaction_commit(struct transaction *transaction, enum status *ret_cache)
{
    assert(transaction->is_open);
    enum status status = transaction->status;
    enum status cache_status = STATUS_OK;
    if (status == STATUS_OK && transaction->counts[ENVIRONMENT_TRUTH] > 0) {
        status = truth_commit(transaction);
    }
    if (status == STATUS_OK && transaction->counts[ENVIRONMENT_CACHE] > 0) {
        cache_status = cache_commit(transaction);
    }
    transaction_end(transaction);
    if (ret_cache != NULL) {
        *ret_cache = cache_status;
    }
    return status;
}

void
transaction_abort(struct transaction *transaction)
{
    assert(transaction->is_open);
    transaction_end(transaction);
}
