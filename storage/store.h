/* What a node remembers: two LMDB environments in the data directory, opened, read and closed.
 *
 * `truth/` holds what must never be lost (settings, own sequence numbers, holds, leases, evidence,
 * ledger); damage there stops the start. `cache/` holds what the network will tell again; damage
 * there renames it to cache.damaged-<unix time> and begins anew. Writing is in storage/transaction.h.
 * A store belongs to one thread. */
#ifndef GPULET_STORAGE_STORE_H
#define GPULET_STORAGE_STORE_H

#include "protocol/bytes.h"
#include "protocol/status.h"
#include "protocol/table.h"

/* Room for the sentence that says why a store did not open, with its paths. */
enum { STORE_WHY_SIZE = 256 };

/* A read transaction pins every page it might still see; a long one makes the file grow without end. */
enum { STORE_READ_MS_MAX = 10 };

struct store;

/* 0 chooses the default. */
struct store_options {
    uint64_t cache_quota_bytes; /* default 512 MiB, at least 1 MiB: then the soonest to expire go */
    uint64_t truth_quota_bytes; /* default 4 GiB, at least 1 MiB: then STATUS_DISK_FULL */
    uint64_t disk_low_bytes;    /* default 64 MiB free on the disk: below it STORE_LOW */
};

/* Opens the store below `data_dir`, creating what is missing (directories 0700). On failure ret_why
 * holds one sentence for the person, naming the path; on success it is empty, or says what was set
 * aside. ret_why has STORE_WHY_SIZE bytes. STATUS_IN_USE (another process, or this one, has it open;
 * names the pid), STATUS_DISK_FULL, STATUS_CORRUPT (the truth is damaged), STATUS_NEWER_SCHEMA,
 * STATUS_PERMISSION, STATUS_NO_MEMORY, STATUS_SYSTEM. Starts a short-lived child process that reads
 * both environments through, so call it before threads exist. */
enum status store_open(const char *data_dir, const struct store_options *options,
                       struct store **ret_store, char *ret_why) MUST_USE;

/* Closes; an open transaction is dropped. Accepts NULL. Nothing depends on it being called. */
void store_close(struct store *store);

/* Appends the value of a row to `value`. STATUS_NOT_FOUND; STATUS_NO_SPACE (`value` is marked
 * overflowed); STATUS_CORRUPT (the row's check sum does not fit). */
enum status store_get(struct store *store, enum table table, const struct row_key *key,
                      struct buffer *value) MUST_USE;

enum status store_count(struct store *store, enum table table, uint64_t *ret_count) MUST_USE;

/* A walk over a table in key order (TABLE_RECORDS: in order of issue, and key.number of the rows given is
 * the second of issue). The caller keeps it between calls; rows written meanwhile are seen when
 * they lie ahead. */
struct store_scan {
    enum table table;
    bool is_backwards; /* from the last key to the first: the newest ledger entries first */
    bool is_one_id;    /* only rows with position.id, for tables named by id and number */
    bool is_started;   /* `position` is the last row taken */
    bool is_done;
    uint32_t rows_max; /* of one call; 0: as many as STORE_READ_MS_MAX allows */
    struct row_key
        position; /* before the start: where to begin, the key included; zeros: at the end
                              * of the table (of the id) that the direction asks for */
};

/* From the first row on; set is_backwards, is_one_id, rows_max or position afterwards. */
void store_scan_init(struct store_scan *scan, enum table table);

/* Gives the next rows to `visit`, until rows_max rows, STORE_READ_MS_MAX or the end, which sets is_done.
 * The row is borrowed for the call; `visit` must not use the store. It answers false when it did not
 * take the row: the scan then stops before it, and the next call gives it again. STATUS_CORRUPT
 * stops at a damaged row. */
enum status store_scan_next(struct store *store, struct store_scan *scan,
                            bool (*visit)(void *context, const struct row *row), void *context)
    MUST_USE;

/* Removes at most `limit` records whose time has ended at now_s (unix seconds), in a commit of
 * its own. */
enum status store_expire_records(struct store *store, uint64_t now_s, uint32_t limit,
                                 uint32_t *ret_removed) MUST_USE;

/* STORE_LOW: take no new holds, the cache does not grow. STORE_FULL: a commit of the truth was or
 * would be refused; release the ballast and write only what ends leases. */
enum store_state { STORE_NORMAL, STORE_LOW, STORE_FULL };

struct store_space {
    enum store_state state;
    bool has_ballast;
    uint64_t disk_free_bytes;
    uint64_t cache_used_bytes;
    uint64_t cache_quota_bytes;
    uint64_t truth_used_bytes;
    uint64_t truth_quota_bytes;
};

void store_space(struct store *store, struct store_space *ret_space);

/* Frees 1 MiB kept for this hour, on the disk and in the truth's quota, so that ends, receipts and ledger entries
 * can still be written. Does nothing when it is gone already. */
void store_release_ballast(struct store *store);

/* Takes it again. STATUS_DISK_FULL while the space is not back. */
enum status store_restore_ballast(struct store *store) MUST_USE;

#endif
