#include "storage/environment.h"

#include <assert.h>
#include <errno.h>
#include <sys/statvfs.h>

enum status
environment_status(int answer)
{
    switch (answer) {
    case 0:
        return STATUS_OK;
    case MDB_NOTFOUND:
        return STATUS_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return STATUS_LIMIT;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_CURSOR_FULL:
        return STATUS_CORRUPT;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STATUS_DISK_FULL;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_PERMISSION;
    default:
        return STATUS_SYSTEM;
    }
}

static int
tree_open(struct environment *environment, MDB_txn *txn, const char *name, MDB_dbi *ret_tree)
{
    const int answer = mdb_dbi_open(txn, name, MDB_CREATE, ret_tree);
    if (answer == 0) {
        assert(environment->all_count < TREES_MAX);
        environment->all[environment->all_count++] = *ret_tree;
    }
    return answer;
}

static int
trees_open(void *context, MDB_txn *txn)
{
    struct environment *environment = context;
    environment->all_count = 0; /* the map may have grown, and this runs again */
    int answer = tree_open(environment, txn, TREE_META, &environment->meta);
    for (unsigned i = 0; answer == 0 && i < TABLE_COUNT; i++) {
        const struct table_layout *layout = table_layout((enum table)i);
        if (layout->environment == environment->name) {
            answer = tree_open(environment, txn, layout->name, &environment->trees[i]);
        }
    }
    if (answer == 0 && environment->name == ENVIRONMENT_CACHE) {
        answer = tree_open(environment, txn, TREE_RECORD_IDS, &environment->record_ids);
    }
    if (answer == 0 && environment->name == ENVIRONMENT_CACHE) {
        answer = tree_open(environment, txn, TREE_RECORD_EXPIRY, &environment->record_expiry);
    }
    return answer;
}

static int
environment_open_files(struct environment *environment, const char *directory)
{
    int answer = mdb_env_create(&environment->env);
    if (answer != 0) {
        environment->env = NULL;
        return answer;
    }
    /* Without the last fsync of a commit the cache may lose that commit, whole; the data pages
     * are synced either way, so its trees stay sound. */
    const unsigned flags =
        MDB_NOTLS | (environment->name == ENVIRONMENT_CACHE ? MDB_NOMETASYNC : 0);
    answer = mdb_env_set_maxdbs(environment->env, TREES_MAX);
    if (answer == 0) {
        answer = mdb_env_set_mapsize(environment->env, MAP_BYTES_MIN);
    }
    if (answer == 0) {
        answer = mdb_env_open(environment->env, directory, flags, 0600);
    }
    MDB_envinfo info;
    if (answer == 0) {
        answer = mdb_env_info(environment->env, &info);
    }
    if (answer == 0) {
        environment->map_bytes = info.me_mapsize; /* grown to what the file holds */
        int dead = 0;
        answer = mdb_reader_check(environment->env, &dead);
    }
    return answer;
}

enum status
environment_open(struct environment *environment, enum environment_name name, const char *directory,
                 size_t map_bytes_max)
{
    *environment = (struct environment){.name = name, .map_bytes_max = map_bytes_max};
    enum status status = environment_status(environment_open_files(environment, directory));
    if (status == STATUS_OK) {
        status = environment_write(environment, trees_open, environment);
    }
    if (status != STATUS_OK) {
        environment_close(environment);
    }
    return status;
}

void
environment_close(struct environment *environment)
{
    if (environment->env != NULL) {
        mdb_env_close(environment->env);
        environment->env = NULL;
    }
}

enum status
environment_read(struct environment *environment, MDB_txn **ret_txn)
{
    return environment_status(mdb_txn_begin(environment->env, NULL, MDB_RDONLY, ret_txn));
}

/* False when the map is as big as it may be. No transaction of ours is open now. */
static bool
map_grow(struct environment *environment)
{
    if (environment->map_bytes >= environment->map_bytes_max) {
        return false;
    }
    size_t wanted = environment->map_bytes * 2;
    if (wanted > environment->map_bytes_max) {
        wanted = environment->map_bytes_max;
    }
    if (mdb_env_set_mapsize(environment->env, wanted) != 0) {
        return false;
    }
    environment->map_bytes = wanted;
    return true;
}

static int
write_once(struct environment *environment, int (*apply)(void *context, MDB_txn *txn),
           void *context)
{
    MDB_txn *txn = NULL;
    int answer = mdb_txn_begin(environment->env, NULL, 0, &txn);
    if (answer != 0) {
        return answer;
    }
    answer = apply(context, txn);
    if (answer != 0) {
        mdb_txn_abort(txn);
        return answer;
    }
    return mdb_txn_commit(txn);
}

/* When the disk fills up in the middle of a write, LMDB says EIO for what was written by halves. A disk
 * that is broken, but not full, stays an error of the system. */
static int
short_write_is_no_space(const struct environment *environment, int answer)
{
    struct statvfs disk;
    int descriptor = -1;
    if (answer != EIO || mdb_env_get_fd(environment->env, &descriptor) != 0 ||
        fstatvfs(descriptor, &disk) != 0) {
        return answer;
    }
    return (uint64_t)disk.f_bavail * disk.f_frsize < MAP_BYTES_MIN ? ENOSPC : answer;
}

enum status
environment_write(struct environment *environment, int (*apply)(void *context, MDB_txn *txn),
                  void *context)
{
    int answer = write_once(environment, apply, context);
    while (answer == MDB_MAP_FULL && map_grow(environment)) {
        answer = write_once(environment, apply, context);
    }
    return environment_status(short_write_is_no_space(environment, answer));
}

static int
pages_add(MDB_txn *txn, MDB_dbi tree, uint64_t *pages, uint64_t *ret_page_bytes)
{
    MDB_stat stat;
    const int answer = mdb_stat(txn, tree, &stat);
    if (answer == 0) {
        *pages += (uint64_t)stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
        *ret_page_bytes = stat.ms_psize;
    }
    return answer;
}

int
environment_used_bytes(const struct environment *environment, MDB_txn *txn, uint64_t *ret_bytes)
{
    uint64_t pages = 2; /* the meta pages */
    uint64_t page_bytes = 0;
    int answer = pages_add(txn, TREE_FREE, &pages, &page_bytes);
    if (answer == 0) {
        answer = pages_add(txn, TREE_NAMES, &pages, &page_bytes);
    }
    for (size_t i = 0; answer == 0 && i < environment->all_count; i++) {
        answer = pages_add(txn, environment->all[i], &pages, &page_bytes);
    }
    if (answer == 0) {
        *ret_bytes = pages * page_bytes;
    }
    return answer;
}

uint64_t
environment_file_bytes(const struct environment *environment)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(environment->env, &info) != 0 || mdb_env_stat(environment->env, &stat) != 0) {
        return 0;
    }
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

MDB_val
value_of(const void *data, size_t length)
{
    /* LMDB's type is not const, but it does not write through it when putting or searching. */
    return (MDB_val){.mv_size = length, .mv_data = (void *)(uintptr_t)data};
}

MDB_val
value_of_key(const struct encoded_key *key)
{
    return value_of(key->bytes, key->length);
}

int
tree_delete(MDB_txn *txn, MDB_dbi tree, const struct encoded_key *key)
{
    MDB_val lmdb_key = value_of_key(key);
    const int answer = mdb_del(txn, tree, &lmdb_key, NULL);
    return answer == MDB_NOTFOUND ? 0 : answer;
}
