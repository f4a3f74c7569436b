#include <assert.h>
#include <string.h>
#include <time.h>

#include "storage/check_sum.h"
#include "storage/store_state.h"

void
store_scan_init(struct store_scan *scan, enum table table)
{
    *scan = (struct store_scan){.table = table};
}

static int64_t
now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct encoded_key
scan_key(const struct store_scan *scan, const struct row_key *position)
{
    return scan->table == TABLE_RECORDS ? key_encode_timed(position->number, position->id)
                                        : key_encode(scan->table, position);
}

/* Where a scan begins: backwards, zeros mean the far end. */
static struct encoded_key
first_key(const struct store_scan *scan)
{
    struct row_key position = scan->position;
    static const uint8_t zeros[ID_LENGTH];
    const bool id_is_zero = memcmp(position.id, zeros, ID_LENGTH) == 0;
    if (scan->is_backwards && position.number == 0 && (scan->is_one_id || id_is_zero)) {
        position.number = UINT64_MAX;
        if (!scan->is_one_id) {
            memset(position.id, 0xff, ID_LENGTH);
        }
    }
    return scan_key(scan, &position);
}

static bool
value_is(const MDB_val *value, const struct encoded_key *key)
{
    return bytes_equal(bytes_of(value->mv_data, value->mv_size), bytes_of(key->bytes, key->length));
}

/* Puts the cursor on the next row to give: the one at or after the start, or after the last row taken. */
static int
cursor_place(const struct store_scan *scan, MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
    const struct encoded_key start =
        scan->is_started ? scan_key(scan, &scan->position) : first_key(scan);
    *key = value_of_key(&start);
    int answer = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    const bool is_there = answer == 0 && value_is(key, &start);
    if (!scan->is_backwards) {
        return is_there && scan->is_started ? mdb_cursor_get(cursor, key, value, MDB_NEXT) : answer;
    }
    if (answer == MDB_NOTFOUND) {
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    }
    if (answer == 0 && (!is_there || scan->is_started)) {
        answer = mdb_cursor_get(cursor, key, value, MDB_PREV);
    }
    return answer;
}

static enum status
row_read(enum table table, const MDB_val *key, const MDB_val *value, struct row *ret_row)
{
    *ret_row = (struct row){.table = table, .value = bytes_of(value->mv_data, value->mv_size)};
    const enum status status =
        key_decode(table, bytes_of(key->mv_data, key->mv_size), &ret_row->key);
    if (status != STATUS_OK || table == TABLE_RECORDS) {
        return status;
    }
    const struct encoded_key encoded = key_encode(table, &ret_row->key);
    return check_sum_strip(table, &encoded, ret_row->value, &ret_row->value);
}

static enum status
rows_visit(struct store_scan *scan, MDB_cursor *cursor,
           bool (*visit)(void *context, const struct row *row), void *context)
{
    const int64_t end_ms = now_ms() + STORE_READ_MS_MAX;
    const struct row_key wanted = scan->position;
    uint32_t count = 0;
    MDB_val key;
    MDB_val value;
    int answer = cursor_place(scan, cursor, &key, &value);
    while (answer == 0) {
        struct row row;
        const enum status status = row_read(scan->table, &key, &value, &row);
        if (status != STATUS_OK) {
            return status;
        }
        if (scan->is_one_id && memcmp(row.key.id, wanted.id, ID_LENGTH) != 0) {
            scan->is_done = true;
            return STATUS_OK;
        }
        if (!visit(context, &row)) {
            return STATUS_OK;
        }
        scan->position = row.key;
        scan->is_started = true;
        count++;
        if (count == scan->rows_max || now_ms() >= end_ms) {
            return STATUS_OK;
        }
        answer = mdb_cursor_get(cursor, &key, &value, scan->is_backwards ? MDB_PREV : MDB_NEXT);
    }
    scan->is_done = answer == MDB_NOTFOUND;
    return scan->is_done ? STATUS_OK : environment_status(answer);
}

enum status
store_scan_next(struct store *store, struct store_scan *scan,
                bool (*visit)(void *context, const struct row *row), void *context)
{
    assert(!scan->is_one_id || table_layout(scan->table)->parts == KEY_ID_NUMBER);
    if (scan->is_done) {
        return STATUS_OK;
    }
    struct environment *environment = store_environment(store, scan->table);
    MDB_txn *txn = NULL;
    enum status status = environment_read(environment, &txn);
    if (status != STATUS_OK) {
        return status;
    }
    MDB_cursor *cursor = NULL;
    status = environment_status(mdb_cursor_open(txn, environment->trees[scan->table], &cursor));
    if (status == STATUS_OK) {
        status = rows_visit(scan, cursor, visit, context);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return status;
}
