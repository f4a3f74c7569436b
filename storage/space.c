#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/store_state.h"

/* Below this a commit of the truth may fail at any time; also the gap that keeps the ballast from being
 * taken and released in turns. */
enum { FULL_BYTES = 2 * BALLAST_BYTES };

uint64_t
store_disk_free_bytes(const struct store *store)
{
    struct statvfs disk;
    if (statvfs(store->data_dir, &disk) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

uint64_t
store_truth_limit_bytes(const struct store *store)
{
    return store->options.truth_quota_bytes + (store->has_ballast ? 0 : BALLAST_BYTES);
}

static uint64_t
used_bytes(struct environment *environment)
{
    MDB_txn *txn = NULL;
    uint64_t used = 0;
    if (environment_read(environment, &txn) != STATUS_OK) {
        return 0;
    }
    if (environment_used_bytes(environment, txn, &used) != 0) {
        used = 0;
    }
    mdb_txn_abort(txn);
    return used;
}

static enum store_state
state_of(const struct store *store, const struct store_space *space)
{
    const uint64_t quota = space->truth_quota_bytes;
    if (store->truth_refused || space->disk_free_bytes < FULL_BYTES ||
        space->truth_used_bytes >= quota) {
        return STORE_FULL;
    }
    if (!space->has_ballast || space->disk_free_bytes < store->options.disk_low_bytes ||
        space->truth_used_bytes >= quota - quota / 8) {
        return STORE_LOW;
    }
    return STORE_NORMAL;
}

void
store_space(struct store *store, struct store_space *ret_space)
{
    struct store_space space = {
        .has_ballast = store->has_ballast,
        .disk_free_bytes = store_disk_free_bytes(store),
        .cache_used_bytes = used_bytes(&store->environments[ENVIRONMENT_CACHE]),
        .cache_quota_bytes = store->options.cache_quota_bytes,
        .truth_used_bytes = used_bytes(&store->environments[ENVIRONMENT_TRUTH]),
        .truth_quota_bytes = store->options.truth_quota_bytes,
    };
    space.state = state_of(store, &space);
    *ret_space = space;
}

void
store_release_ballast(struct store *store)
{
    (void)unlink(store->ballast_path);
    store->has_ballast = false;
}

enum status
store_restore_ballast(struct store *store)
{
    if (store->has_ballast) {
        return STATUS_OK;
    }
    if (store_disk_free_bytes(store) < FULL_BYTES + BALLAST_BYTES ||
        used_bytes(&store->environments[ENVIRONMENT_TRUTH]) >= store->options.truth_quota_bytes) {
        return STATUS_DISK_FULL;
    }
    const enum status status = file_allocate(store->ballast_path, BALLAST_BYTES);
    if (status != STATUS_OK) {
        (void)unlink(store->ballast_path);
        return status;
    }
    store->has_ballast = true;
    store->truth_refused = false;
    return STATUS_OK;
}
