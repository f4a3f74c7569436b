#include "storage/transaction.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/storage/scratch.h"

static char dir[SCRATCH_PATH_SIZE];

static void
set_up(void)
{
    scratch_make(dir);
}

static void
tear_down(void)
{
    scratch_remove(dir);
}

TestSuite(transaction, .init = set_up, .fini = tear_down);

static uint64_t
count_of(struct store *store, enum table table)
{
    uint64_t count = 0;
    cr_assert_eq(store_count(store, table, &count), STATUS_OK);
    return count;
}

static void
put(struct transaction *transaction, enum table table, uint64_t number, struct bytes value)
{
    const struct row row = {.table = table, .key = scratch_key(number), .value = value};
    transaction_put(transaction, &row);
}

static bool
row_is(struct store *store, enum table table, uint64_t number, const char *text)
{
    uint8_t memory[256];
    struct buffer value;
    buffer_init(&value, memory, sizeof memory);
    const struct row_key key = scratch_key(number);
    return store_get(store, table, &key, &value) == STATUS_OK &&
           bytes_are_text(buffer_bytes(&value), text);
}

Test(transaction, is_seen_only_after_its_commit)
{
    struct store *store = scratch_open(dir);
    struct transaction *transaction = transaction_begin(store);
    put(transaction, TABLE_LEDGER, 1, bytes_of_text("a"));
    put(transaction, TABLE_GUARDS, 1, bytes_of_text("b"));
    cr_assert_eq(count_of(store, TABLE_LEDGER), 0);
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    cr_assert(row_is(store, TABLE_LEDGER, 1, "a"));
    cr_assert(row_is(store, TABLE_GUARDS, 1, "b"));
    store_close(store);
}

Test(transaction, that_is_aborted_leaves_nothing)
{
    struct store *store = scratch_open(dir);
    struct transaction *transaction = transaction_begin(store);
    put(transaction, TABLE_LEDGER, 1, bytes_of_text("a"));
    put(transaction, TABLE_GUARDS, 1, bytes_of_text("b"));
    transaction_abort(transaction);
    transaction = transaction_begin(store);
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK); /* an empty one does nothing */
    cr_assert_eq(count_of(store, TABLE_LEDGER), 0);
    cr_assert_eq(count_of(store, TABLE_GUARDS), 0);
    store_close(store);
}

Test(transaction, applies_writes_to_one_key_in_their_order)
{
    struct store *store = scratch_open(dir);
    const struct row_key key = scratch_key(1);
    struct transaction *transaction = transaction_begin(store);
    put(transaction, TABLE_LEASES, 1, bytes_of_text("old"));
    put(transaction, TABLE_LEASES, 1, bytes_of_text("new"));
    put(transaction, TABLE_HOLDS, 1, bytes_of_text("gone"));
    transaction_delete(transaction, TABLE_HOLDS, &key);
    transaction_delete(transaction, TABLE_BALANCES, &key); /* never there */
    put(transaction, TABLE_BALANCES, 1, bytes_of_text("back"));
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    cr_assert(row_is(store, TABLE_LEASES, 1, "new"));
    cr_assert_eq(count_of(store, TABLE_HOLDS), 0);
    cr_assert(row_is(store, TABLE_BALANCES, 1, "back"));
    store_close(store);
}

Test(transaction, deletes_in_every_table)
{
    struct store *store = scratch_open(dir);
    static struct scratch_record record;
    scratch_record(&record, 1, 1000, 600);
    struct lease_id lease = {.bytes = {4}};
    struct transaction *transaction = transaction_begin(store);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        if (i != TABLE_RECORDS && i != TABLE_EVIDENCE) {
            put(transaction, (enum table)i, 3, bytes_of_text("x"));
        }
    }
    transaction_put_record(transaction, &record.record);
    transaction_put_evidence(transaction, &lease, 2, &record.record);
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    transaction = transaction_begin(store);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        cr_assert_eq(count_of(store, (enum table)i), 1, "%u", i);
        struct row_key key = scratch_key(3);
        if (i == TABLE_RECORDS) {
            memcpy(key.id, verified_id(&record.record)->bytes, ID_LENGTH);
        } else if (i == TABLE_EVIDENCE) {
            memcpy(key.id, lease.bytes, ID_LENGTH);
            key.number = 2;
        }
        transaction_delete(transaction, (enum table)i, &key);
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        cr_assert_eq(count_of(store, (enum table)i), 0, "%u", i);
    }
    store_close(store);
}

Test(transaction, gives_back_records_and_evidence_byte_for_byte)
{
    struct store *store = scratch_open(dir);
    static struct scratch_record record;
    scratch_record(&record, 1, 1000, 600);
    const struct lease_id lease = {.bytes = {4}};
    for (unsigned i = 0; i < 2; i++) { /* the second time it is there already */
        struct transaction *transaction = transaction_begin(store);
        transaction_put_record(transaction, &record.record);
        transaction_put_evidence(transaction, &lease, 8, &record.record);
        cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    }
    uint8_t memory[SCRATCH_RECORD_BYTES];
    struct buffer value;
    buffer_init(&value, memory, sizeof memory);
    struct row_key key = {.number = 8};
    memcpy(key.id, lease.bytes, ID_LENGTH);
    cr_assert_eq(store_get(store, TABLE_EVIDENCE, &key, &value), STATUS_OK);
    cr_assert(bytes_equal(buffer_bytes(&value), verified_bytes(&record.record)));
    buffer_init(&value, memory, sizeof memory);
    memcpy(key.id, verified_id(&record.record)->bytes, ID_LENGTH);
    cr_assert_eq(store_get(store, TABLE_RECORDS, &key, &value), STATUS_OK);
    cr_assert(bytes_equal(buffer_bytes(&value), verified_bytes(&record.record)));
    struct verified_record read_back;
    const struct network_id *network = &verified_envelope(&record.record)->network;
    cr_assert_eq(record_from_store(buffer_bytes(&value), network, &read_back), STATUS_OK);
    cr_assert(record_id_equal(verified_id(&read_back), verified_id(&record.record)));
    cr_assert_eq(count_of(store, TABLE_RECORDS), 1);
    store_close(store);
}

Test(transaction, expired_records_go_and_the_others_stay)
{
    struct store *store = scratch_open(dir);
    static struct scratch_record records[10];
    struct transaction *transaction = transaction_begin(store);
    for (unsigned i = 0; i < 10; i++) {
        scratch_record(&records[i], i, 1000, 100 + i); /* ends at 1100 + i */
        transaction_put_record(transaction, &records[i].record);
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    uint32_t removed = 77;
    cr_assert_eq(store_expire_records(store, 1099, 100, &removed), STATUS_OK);
    cr_assert_eq(removed, 0);
    cr_assert_eq(store_expire_records(store, 1104, 3, &removed), STATUS_OK);
    cr_assert_eq(removed, 3); /* the limit */
    cr_assert_eq(store_expire_records(store, 1104, 100, &removed), STATUS_OK);
    cr_assert_eq(removed, 2);
    cr_assert_eq(count_of(store, TABLE_RECORDS), 5);
    for (unsigned i = 0; i < 10; i++) {
        uint8_t memory[SCRATCH_RECORD_BYTES];
        struct buffer value;
        buffer_init(&value, memory, sizeof memory);
        struct row_key key = {.number = 0};
        memcpy(key.id, verified_id(&records[i].record)->bytes, ID_LENGTH);
        cr_assert_eq(store_get(store, TABLE_RECORDS, &key, &value),
                     i < 5 ? STATUS_NOT_FOUND : STATUS_OK);
    }
    cr_assert_eq(store_expire_records(store, UINT64_MAX, 100, &removed), STATUS_OK);
    cr_assert_eq(removed, 5);
    store_close(store);
}

/* The map begins at 1 MiB: this batch makes it grow several times, before the caller notices. */
Test(transaction, grows_the_map_out_of_the_callers_sight)
{
    struct store *store = scratch_open(dir);
    static uint8_t value[16000];
    memset(value, 7, sizeof value);
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < 1000; i++) {
        put(transaction, TABLE_LEDGER, i, bytes_of(value, sizeof value));
        put(transaction, TABLE_GUARDS, i, bytes_of(value, 4000));
    }
    enum status cache_status = STATUS_SYSTEM;
    cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
    cr_assert_eq(cache_status, STATUS_OK);
    cr_assert_eq(count_of(store, TABLE_LEDGER), 1000);
    cr_assert_eq(count_of(store, TABLE_GUARDS), 1000);
    struct store_space space;
    store_space(store, &space);
    cr_assert_gt(space.truth_used_bytes, 16000000);
    store_close(store);
    store = scratch_open(dir);
    cr_assert_eq(count_of(store, TABLE_LEDGER), 1000);
    store_close(store);
}

Test(transaction, over_the_batch_limit_is_refused_whole)
{
    struct store *store = scratch_open(dir);
    static uint8_t value[ROW_VALUE_BYTES_MAX];
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i <= TRANSACTION_BYTES_MAX / sizeof value; i++) {
        put(transaction, TABLE_LEDGER, i, bytes_of(value, sizeof value));
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_LIMIT);
    cr_assert_eq(count_of(store, TABLE_LEDGER), 0);
    put(transaction_begin(store), TABLE_LEDGER, 1, bytes_of_text("dropped"));
    store_close(store); /* with a transaction open */
    store = scratch_open(dir);
    cr_assert_eq(count_of(store, TABLE_LEDGER), 0);
    store_close(store);
}

/* Fills a table by batches until one is refused; answers that status. */
static enum status
fill(struct store *store, enum table table, size_t value_length, uint64_t *ret_rows)
{
    static uint8_t value[8192];
    for (uint64_t batch = 0; batch < 2000; batch++) {
        struct transaction *transaction = transaction_begin(store);
        for (uint64_t i = 0; i < 16; i++) {
            put(transaction, table, batch * 16 + i, bytes_of(value, value_length));
        }
        enum status cache_status = STATUS_OK;
        const enum status status = transaction_commit(transaction, &cache_status);
        if (status != STATUS_OK || cache_status != STATUS_OK) {
            return status != STATUS_OK ? status : cache_status;
        }
        *ret_rows = (batch + 1) * 16;
    }
    return STATUS_OK;
}

Test(transaction, beyond_the_truths_quota_is_refused_until_rows_go)
{
    const struct store_options options = {.truth_quota_bytes = 2 << 20, .disk_low_bytes = 1};
    struct store *store = scratch_open_with(dir, &options);
    uint64_t rows = 0;
    cr_assert_eq(fill(store, TABLE_LEDGER, 3000, &rows), STATUS_DISK_FULL);
    cr_assert_eq(count_of(store, TABLE_LEDGER), rows); /* nothing of the refused batch */
    cr_assert_gt(rows, 200);
    struct store_space space;
    store_space(store, &space);
    cr_assert_eq(space.state, STORE_FULL);
    cr_assert_leq(space.truth_used_bytes, options.truth_quota_bytes);
    /* The ballast's part of the quota lets leases end. */
    store_release_ballast(store);
    scratch_put(store, TABLE_LEASES, &(struct row_key){.number = 1}, bytes_of_text("ended"));
    store_space(store, &space);
    cr_assert_eq(space.state, STORE_FULL);
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < rows; i++) {
        const struct row_key key = scratch_key(i);
        transaction_delete(transaction, TABLE_LEDGER, &key);
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    cr_assert_eq(store_restore_ballast(store), STATUS_OK);
    store_space(store, &space);
    cr_assert_eq(space.state, STORE_NORMAL);
    scratch_put(store, TABLE_LEDGER, &(struct row_key){.number = 1}, bytes_of_text("again"));
    store_close(store);
}

Test(transaction, a_full_cache_drops_what_expires_first)
{
    const struct store_options options = {.cache_quota_bytes = 1 << 20, .disk_low_bytes = 1};
    struct store *store = scratch_open_with(dir, &options);
    static struct scratch_record record;
    struct record_id first = {{0}};
    struct record_id last = {{0}};
    for (uint64_t batch = 0; batch < 100; batch++) {
        struct transaction *transaction = transaction_begin(store);
        for (uint64_t i = 0; i < 64; i++) {
            const uint64_t number = batch * 64 + i;
            scratch_record(&record, number, 1000 + number, 600);
            transaction_put_record(transaction, &record.record);
            last = *verified_id(&record.record);
            first = number == 0 ? last : first;
        }
        enum status cache_status = STATUS_SYSTEM;
        cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
        cr_assert_eq(cache_status, STATUS_OK, "%s", status_name(cache_status));
        struct store_space space;
        store_space(store, &space);
        cr_assert_leq(space.cache_used_bytes, options.cache_quota_bytes);
    }
    cr_assert_gt(count_of(store, TABLE_RECORDS), 1000);
    cr_assert_lt(count_of(store, TABLE_RECORDS), 6400);
    uint8_t memory[SCRATCH_RECORD_BYTES];
    struct buffer value;
    buffer_init(&value, memory, sizeof memory);
    struct row_key key = {.number = 0};
    memcpy(key.id, first.bytes, ID_LENGTH);
    cr_assert_eq(store_get(store, TABLE_RECORDS, &key, &value), STATUS_NOT_FOUND);
    memcpy(key.id, last.bytes, ID_LENGTH);
    cr_assert_eq(store_get(store, TABLE_RECORDS, &key, &value), STATUS_OK);
    store_close(store);
}

/* Guards cannot be dropped by age; a promise of the truth must not hang on the cache's room. */
Test(transaction, a_cache_without_records_to_drop_refuses_and_the_truth_still_commits)
{
    const struct store_options options = {.cache_quota_bytes = 1 << 20};
    struct store *store = scratch_open_with(dir, &options);
    uint64_t rows = 0;
    cr_assert_eq(fill(store, TABLE_GUARDS, 3000, &rows), STATUS_LIMIT);
    struct transaction *transaction = transaction_begin(store);
    put(transaction, TABLE_LEASES, 1, bytes_of_text("promised"));
    put(transaction, TABLE_GUARDS, 1000000, bytes_of_text("lost"));
    static uint8_t value[8192];
    for (uint64_t i = 0; i < 16; i++) {
        put(transaction, TABLE_GUARDS, 1000001 + i, bytes_of(value, sizeof value));
    }
    enum status cache_status = STATUS_OK;
    cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
    cr_assert_eq(cache_status, STATUS_LIMIT);
    cr_assert(row_is(store, TABLE_LEASES, 1, "promised"));
    cr_assert(!row_is(store, TABLE_GUARDS, 1000000, "lost"));
    store_close(store);
}

static long
cache_file_bytes(void)
{
    char path[SCRATCH_PATH_SIZE];
    scratch_path(dir, "cache/data.mdb", path);
    struct stat found;
    cr_assert_eq(stat(path, &found), 0);
    return (long)found.st_size;
}

Test(transaction, a_cache_does_not_grow_on_a_disk_that_is_low)
{
    struct store_options options = {.disk_low_bytes = 1};
    struct store *store = scratch_open_with(dir, &options);
    static struct scratch_record record;
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < 600; i++) {
        scratch_record(&record, i, 1000 + i, 600);
        transaction_put_record(transaction, &record.record);
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    store_close(store);
    options.disk_low_bytes = UINT64_MAX / 2;
    store = scratch_open_with(dir, &options);
    struct store_space space;
    store_space(store, &space);
    cr_assert_eq(space.state, STORE_LOW);
    const long before = cache_file_bytes();
    long midway = 0;
    for (uint64_t i = 600; i < 1600; i++) {
        midway = i == 800 ? cache_file_bytes() : midway;
        transaction = transaction_begin(store);
        scratch_record(&record, i, 1000 + i, 600);
        transaction_put_record(transaction, &record.record);
        enum status cache_status = STATUS_SYSTEM;
        cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
        cr_assert_eq(cache_status, STATUS_OK);
    }
    cr_assert_leq(cache_file_bytes(), before + 131072, "%ld %ld", before, cache_file_bytes());
    cr_assert_eq(cache_file_bytes(), midway, "%ld %ld", midway, cache_file_bytes());
    cr_assert_gt(count_of(store, TABLE_RECORDS), 200); /* and it does not shrink away either */
    store_close(store);
}

Test(transaction, unsigned_bytes_cannot_enter_as_evidence, .signal = SIGABRT)
{
    struct store *store = scratch_open(dir);
    put(transaction_begin(store), TABLE_EVIDENCE, 1, bytes_of_text("I say so"));
}

Test(transaction, two_at_a_time_are_a_mistake_of_ours, .signal = SIGABRT)
{
    struct store *store = scratch_open(dir);
    (void)transaction_begin(store);
    (void)transaction_begin(store);
}
