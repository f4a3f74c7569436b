/* A batch of writes over both environments, committed as one; the first error sticks. */
#ifndef GPULET_STORAGE_TRANSACTION_H
#define GPULET_STORAGE_TRANSACTION_H

#include "crypto/record.h"
#include "protocol/table.h"
#include "storage/store.h"

/* Bytes of one batch; beyond it the transaction is refused with STATUS_LIMIT. */
#define TRANSACTION_BYTES_MAX (32u * 1024u * 1024u)

struct transaction;

/* The store's transaction; never NULL. A store has one, so the one before must have ended (asserted).
 * Nothing touches the disk before the commit, and reads do not see it. */
struct transaction *transaction_begin(struct store *store);

/* A row of our own, put in the place of an older one; the value is copied. Not for TABLE_RECORDS and
 * TABLE_EVIDENCE: signed bytes enter by the two functions below (asserted). */
void transaction_put(struct transaction *transaction, const struct row *row);

/* A public record, into TABLE_RECORDS under its id; it is forgotten when its time ends. */
void transaction_put_record(struct transaction *transaction, const struct verified_record *record);

/* Signed bytes that prove something about a lease, into TABLE_EVIDENCE under (lease, what). `what` is
 * the caller's number; a later one of the same number takes its place. */
void transaction_put_evidence(struct transaction *transaction, const struct lease_id *lease,
                              uint64_t what, const struct verified_record *record);

/* Removes a row; one that is not there is no error. */
void transaction_delete(struct transaction *transaction, enum table table,
                        const struct row_key *key);

/* Ends the transaction. The truth is written first and is on the disk when this returns STATUS_OK. On
 * any other status nothing was written, in neither environment, and the store stays usable:
 * STATUS_DISK_FULL (disk or quota), STATUS_LIMIT (batch too big), STATUS_NO_MEMORY, STATUS_CORRUPT,
 * STATUS_SYSTEM.
 * The cache follows. When it cannot be written, its part of the batch is forgotten, which a cache may be:
 * the answer is still STATUS_OK, and ret_cache (may be NULL) says why: STATUS_LIMIT (quota, and no
 * records left to drop), STATUS_DISK_FULL, STATUS_CORRUPT... A crash of the machine may undo
 * the cache's last commit, never half of one. */
enum status transaction_commit(struct transaction *transaction, enum status *ret_cache) MUST_USE;

/* Ends the transaction; nothing was written. */
void transaction_abort(struct transaction *transaction);

#endif
