/* Every table's place and key layout: which environment holds it, and which bytes name a row.
 *
 * A key is the 32 bytes of the id, or the number as 8 bytes big-endian (so that LMDB's byte order is the
 * order of the numbers), or the id and then the number:
 *
 *   records    record id. Inside: tree `records` is keyed by issued_at_s and id, so that a batch touches few pages and a
 *              scan comes in order of issue; `record_ids` leads from the id to issued_at_s and the end
 *              of its time; `record_expiry` is keyed by that end and the id.
 *   guards     author's peer id, kind << 32 | detail
 *   peers      peer id of one met, allowed or denied
 *   settings   the core's own number of the value
 *   sequences  kind << 32 | detail
 *   listings   slot group
 *   requests   record id of the request
 *   holds      record id of the hold
 *   leases     lease id
 *   evidence   lease id, the caller's number of what it proves
 *   ledger     number of the entry
 *   balances   peer id
 *   grants     peer id
 *
 * A value is the row's bytes and 8 bytes of check sum over table, key and value (storage/check_sum.h). Values of
 * `records` carry none: their id is the digest. */
#ifndef GPULET_STORAGE_KEYS_H
#define GPULET_STORAGE_KEYS_H

#include "protocol/table.h"

enum environment_name { ENVIRONMENT_TRUTH, ENVIRONMENT_CACHE, ENVIRONMENT_COUNT };

enum { KEY_NUMBER_LENGTH = 8, KEY_LENGTH_MAX = ID_LENGTH + KEY_NUMBER_LENGTH };

struct table_layout {
    const char *name;
    enum environment_name environment;
    enum key_parts parts;
};

/* The key of a row, as LMDB sees it. */
struct encoded_key {
    uint8_t bytes[KEY_LENGTH_MAX];
    size_t length;
};

const struct table_layout *table_layout(enum table table);

/* "truth" and "cache": the directories. */
const char *environment_text(enum environment_name name);

void number_write(uint64_t number, uint8_t ret_bytes[KEY_NUMBER_LENGTH]);
uint64_t number_read(const uint8_t bytes[KEY_NUMBER_LENGTH]);

struct encoded_key key_encode(enum table table, const struct row_key *key);

/* The number first, then the id: the order of `records` and `record_expiry`. */
struct encoded_key key_encode_timed(uint64_t at_s, const uint8_t id[ID_LENGTH]);

/* The other way round. For TABLE_RECORDS `bytes` is a timed key, and the number is the time. STATUS_CORRUPT
 * when the length is not the table's. */
enum status key_decode(enum table table, struct bytes bytes, struct row_key *ret_key) MUST_USE;

#endif
