/* The tables in which a node remembers things: their names, and how a row is named in them.
 * Pure: the core says what is to be kept in these words; storage/ keeps it. */
#ifndef GPULET_PROTOCOL_TABLE_H
#define GPULET_PROTOCOL_TABLE_H

#include "protocol/bytes.h"
#include "protocol/id.h"

/* Which parts of a row_key name the row; the other part is ignored when writing and 0 when read. */
enum key_parts { KEY_ID, KEY_NUMBER, KEY_ID_NUMBER };

/* X(name, text, lives in, key parts). What each table's id and number are stands in storage/keys.h.
 * CACHE may be lost (it is gossiped again); TRUTH never. */
#define TABLE_TABLE(X)                                                                             \
    X(RECORDS, "records", CACHE, KEY_ID)          /* public records: id of the record */           \
    X(GUARDS, "guards", CACHE, KEY_ID_NUMBER)     /* seq guards: author, kind << 32 | detail */    \
    X(PEERS, "peers", TRUTH, KEY_ID)              /* peers met, allowed, denied: peer id */        \
    X(SETTINGS, "settings", TRUTH, KEY_NUMBER)    /* the core's own single values */               \
    X(SEQUENCES, "sequences", TRUTH, KEY_NUMBER)  /* own last seq: kind << 32 | detail */          \
    X(LISTINGS, "listings", TRUTH, KEY_NUMBER)    /* own offers as the person told: slot group */  \
    X(REQUESTS, "requests", TRUTH, KEY_ID)        /* own standing requests: id of the request */   \
    X(HOLDS, "holds", TRUTH, KEY_ID)              /* holds given and taken: id of the hold */      \
    X(LEASES, "leases", TRUTH, KEY_ID)            /* lease id */                                   \
    X(EVIDENCE, "evidence", TRUTH, KEY_ID_NUMBER) /* signed bytes: lease id, what */               \
    X(LEDGER, "ledger", TRUTH, KEY_NUMBER)        /* number of the entry, growing */               \
    X(BALANCES, "balances", TRUTH, KEY_ID)        /* peer id */                                    \
    X(GRANTS, "grants", TRUTH, KEY_ID)            /* peer id */                                    \
    X(GANGS, "gangs", TRUTH, KEY_ID)              /* own gangs: id of the gang */

enum table {
#define TABLE_ENUM(name, text, environment, parts) TABLE_##name,
    TABLE_TABLE(TABLE_ENUM)
#undef TABLE_ENUM
        TABLE_COUNT
};

/* Longest value of a row: a lease with its command and environment. */
#define ROW_VALUE_BYTES_MAX 65536u

struct row_key {
    uint8_t id[ID_LENGTH];
    uint64_t number;
};

/* A row of our own making. `value` is borrowed. */
struct row {
    enum table table;
    struct row_key key;
    struct bytes value; /* at most ROW_VALUE_BYTES_MAX */
};

#endif
