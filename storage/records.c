#include "storage/records.h"

#include <string.h>

/* A record's share of the index trees and of half-empty pages. */
enum { INDEX_BYTES = 240, TIMES_LENGTH = 2 * KEY_NUMBER_LENGTH };

static int
times_get(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH],
          struct record_times *ret_times)
{
    MDB_val key = value_of(id, ID_LENGTH);
    MDB_val value;
    const int answer = mdb_get(txn, environment->record_ids, &key, &value);
    if (answer != 0) {
        return answer;
    }
    if (value.mv_size != TIMES_LENGTH) {
        return MDB_CORRUPTED;
    }
    const uint8_t *bytes = value.mv_data;
    ret_times->issued_at_s = number_read(bytes);
    ret_times->expires_at_s = number_read(bytes + KEY_NUMBER_LENGTH);
    return 0;
}

int
records_put(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH],
            const struct record_times *times, struct bytes sealed)
{
    uint8_t bytes[TIMES_LENGTH];
    number_write(times->issued_at_s, bytes);
    number_write(times->expires_at_s, bytes + KEY_NUMBER_LENGTH);
    MDB_val key = value_of(id, ID_LENGTH);
    MDB_val value = value_of(bytes, sizeof bytes);
    int answer = mdb_put(txn, environment->record_ids, &key, &value, MDB_NOOVERWRITE);
    if (answer != 0) {
        return answer == MDB_KEYEXIST ? 0 : answer;
    }
    const struct encoded_key issued = key_encode_timed(times->issued_at_s, id);
    key = value_of_key(&issued);
    value = value_of(sealed.data, sealed.length);
    answer = mdb_put(txn, environment->trees[TABLE_RECORDS], &key, &value, 0);
    if (answer != 0) {
        return answer;
    }
    const struct encoded_key expiry = key_encode_timed(times->expires_at_s, id);
    key = value_of_key(&expiry);
    value = value_of("", 0);
    return mdb_put(txn, environment->record_expiry, &key, &value, 0);
}

int
records_delete(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH])
{
    struct record_times times;
    int answer = times_get(environment, txn, id, &times);
    if (answer != 0) {
        return answer == MDB_NOTFOUND ? 0 : answer;
    }
    const struct encoded_key issued = key_encode_timed(times.issued_at_s, id);
    const struct encoded_key expiry = key_encode_timed(times.expires_at_s, id);
    answer = tree_delete(txn, environment->trees[TABLE_RECORDS], &issued);
    if (answer == 0) {
        answer = tree_delete(txn, environment->record_expiry, &expiry);
    }
    if (answer == 0) {
        MDB_val key = value_of(id, ID_LENGTH);
        answer = mdb_del(txn, environment->record_ids, &key, NULL);
    }
    return answer;
}

int
records_get(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH],
            struct bytes *ret_sealed)
{
    struct record_times times;
    int answer = times_get(environment, txn, id, &times);
    if (answer != 0) {
        return answer;
    }
    const struct encoded_key issued = key_encode_timed(times.issued_at_s, id);
    MDB_val key = value_of_key(&issued);
    MDB_val value;
    answer = mdb_get(txn, environment->trees[TABLE_RECORDS], &key, &value);
    if (answer != 0) {
        return answer == MDB_NOTFOUND ? MDB_CORRUPTED : answer; /* the index says it is there */
    }
    *ret_sealed = bytes_of(value.mv_data, value.mv_size);
    return 0;
}

/* The record whose time ends first. */
static int
first_to_expire(MDB_cursor *cursor, uint64_t *ret_expires_s, uint8_t ret_id[ID_LENGTH])
{
    MDB_val key;
    const int answer = mdb_cursor_get(cursor, &key, NULL, MDB_FIRST);
    if (answer != 0) {
        return answer;
    }
    struct row_key decoded;
    if (key_decode(TABLE_RECORDS, bytes_of(key.mv_data, key.mv_size), &decoded) != STATUS_OK) {
        return MDB_CORRUPTED;
    }
    *ret_expires_s = decoded.number;
    memcpy(ret_id, decoded.id, ID_LENGTH);
    return 0;
}

int
records_drop_first(const struct environment *environment, MDB_txn *txn,
                   const struct records_drop *drop, uint64_t *ret_removed)
{
    MDB_cursor *cursor = NULL;
    int answer = mdb_cursor_open(txn, environment->record_expiry, &cursor);
    if (answer != 0) {
        return answer;
    }
    uint64_t removed = 0;
    uint64_t freed = 0;
    while (removed < drop->limit && freed < drop->wanted_bytes) {
        uint64_t expires_s = 0;
        uint8_t id[ID_LENGTH];
        answer = first_to_expire(cursor, &expires_s, id);
        if (answer != 0 || expires_s > drop->until_s) {
            break;
        }
        struct bytes sealed;
        answer = records_get(environment, txn, id, &sealed);
        if (answer == 0) {
            freed += sealed.length + INDEX_BYTES;
            answer = records_delete(environment, txn, id);
        }
        if (answer != 0) {
            /* An index entry without its record would come first forever. */
            answer = answer == MDB_NOTFOUND ? MDB_CORRUPTED : answer;
            break;
        }
        removed++;
    }
    mdb_cursor_close(cursor);
    if (answer != 0 && answer != MDB_NOTFOUND) {
        return answer;
    }
    *ret_removed = removed;
    return 0;
}

static int
record_look(const struct environment *environment, MDB_txn *txn, const uint8_t id[ID_LENGTH])
{
    struct record_times times;
    int answer = times_get(environment, txn, id, &times);
    if (answer == 0) {
        const struct encoded_key issued = key_encode_timed(times.issued_at_s, id);
        MDB_val key = value_of_key(&issued);
        MDB_val sealed;
        answer = mdb_get(txn, environment->trees[TABLE_RECORDS], &key, &sealed);
    }
    if (answer == 0) {
        const struct encoded_key expiry = key_encode_timed(times.expires_at_s, id);
        MDB_val key = value_of_key(&expiry);
        MDB_val value;
        answer = mdb_get(txn, environment->record_expiry, &key, &value);
    }
    return answer == 0 ? 0 : MDB_CORRUPTED;
}

int
records_look(const struct environment *environment, MDB_txn *txn)
{
    MDB_cursor *cursor = NULL;
    int answer = mdb_cursor_open(txn, environment->record_ids, &cursor);
    if (answer != 0) {
        return answer;
    }
    MDB_val key;
    answer = mdb_cursor_get(cursor, &key, NULL, MDB_FIRST);
    while (answer == 0) {
        answer =
            key.mv_size == ID_LENGTH ? record_look(environment, txn, key.mv_data) : MDB_CORRUPTED;
        if (answer == 0) {
            answer = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return answer == MDB_NOTFOUND ? 0 : answer;
}
