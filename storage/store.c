#include "storage/store.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/damage.h"
#include "storage/migration.h"
#include "storage/store_state.h"

#define MIB (UINT64_C(1) << 20)

/* LMDB makes a table of readers of what it finds; this is its own default size. */
enum { LOCK_FILE_BYTES = 8192 };

/* More than the first commit of an environment takes. */
enum { CREATION_BYTES_MAX = 65536 };

/* Written once the truth's first commit is on the disk: from then on an empty truth is a lost one. */
static const char created_name[] = "created";

/* Where a store's files are. */
struct paths {
    char truth[DIRECTORY_PATH_SIZE];
    char truth_data[DIRECTORY_PATH_SIZE];
    char truth_lock[DIRECTORY_PATH_SIZE];
    char created[DIRECTORY_PATH_SIZE];
    char cache[DIRECTORY_PATH_SIZE];
    char cache_lock[DIRECTORY_PATH_SIZE];
    char lock[DIRECTORY_PATH_SIZE];
};

/* Writes the sentence and returns the status. */
static enum status why(char *ret_why, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum status
why(char *ret_why, enum status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ret_why, STORE_WHY_SIZE, format, arguments);
    va_end(arguments);
    return status;
}

static enum status
paths_make(struct store *store, struct paths *ret_paths)
{
    struct paths *paths = ret_paths;
    const struct {
        const char *directory;
        const char *name;
        char *path;
    } list[] = {
        {store->data_dir, "lock", paths->lock},
        {store->data_dir, environment_text(ENVIRONMENT_TRUTH), paths->truth},
        {store->data_dir, environment_text(ENVIRONMENT_CACHE), paths->cache},
        {paths->truth, "data.mdb", paths->truth_data},
        {paths->truth, "lock.mdb", paths->truth_lock},
        {paths->truth, created_name, paths->created},
        {paths->truth, "ballast", store->ballast_path},
        {paths->cache, "lock.mdb", paths->cache_lock},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const enum status status = path_join(list[i].directory, list[i].name, list[i].path);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static bool
file_exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

static enum status
directories_make(const char *data_dir, const struct paths *paths, char *ret_why)
{
    const char *const list[] = {data_dir, paths->truth, paths->cache};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const enum status status = directory_make(list[i]);
        if (status != STATUS_OK) {
            return why(ret_why, status, "cannot create the directory %s: %s", list[i],
                       status_text(status));
        }
    }
    return STATUS_OK;
}

static enum status
store_lock(struct store *store, const struct paths *paths, char *ret_why)
{
    long owner = 0;
    const enum status status = lock_take(paths->lock, &store->lock_descriptor, &owner);
    if (status == STATUS_IN_USE) {
        return why(ret_why, status, "%s is in use by process %ld (lock file %s)", store->data_dir,
                   owner, paths->lock);
    }
    if (status != STATUS_OK) {
        return why(ret_why, status, "cannot lock %s: %s", paths->lock, status_text(status));
    }
    return STATUS_OK;
}

/* LMDB maps lock.mdb: when the disk has no block for it, touching the map kills the process. */
static enum status
lock_files_allocate(const struct paths *paths)
{
    const enum status status = file_allocate(paths->truth_lock, LOCK_FILE_BYTES);
    return status == STATUS_OK ? file_allocate(paths->cache_lock, LOCK_FILE_BYTES) : status;
}

static enum status
space_allocate(struct store *store, const struct paths *paths, char *ret_why)
{
    enum status status = lock_files_allocate(paths);
    if (status == STATUS_DISK_FULL && file_exists(store->ballast_path)) {
        store_release_ballast(store);
        status = lock_files_allocate(paths);
    }
    if (status == STATUS_OK) {
        const enum status ballast = file_allocate(store->ballast_path, BALLAST_BYTES);
        store->has_ballast = ballast == STATUS_OK;
        if (ballast != STATUS_OK) {
            (void)unlink(
                store->ballast_path); /* what it got of the space is needed more elsewhere */
        }
        /* A truth that exists must be opened even so: leases in it may have to end. */
        status = ballast == STATUS_DISK_FULL && file_exists(paths->created) ? STATUS_OK : ballast;
    }
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    return why(ret_why, status, "no room for the store's files in %s: %s", store->data_dir,
               status_text(status));
}

static enum status
truth_refuse(enum status status, const struct paths *paths, char *ret_why)
{
    if (status == STATUS_CORRUPT) {
        return why(ret_why, status,
                   "%s is damaged; it holds leases and money and is not repaired by guessing: "
                   "restore it from a backup, or move %s away to begin anew",
                   paths->truth_data, paths->truth);
    }
    return why(ret_why, status, "cannot open %s: %s", paths->truth_data, status_text(status));
}

/* A creation that was cut off by a full disk or a crash, before anything was promised. A bigger file without its mark
 * may have been put there by hand, and is not ours to remove. */
static bool
creation_was_cut_off(const struct paths *paths)
{
    struct stat found;
    return !file_exists(paths->created) && stat(paths->truth_data, &found) == 0 &&
           found.st_size <= CREATION_BYTES_MAX;
}

static enum status
truth_look(const struct paths *paths, char *ret_why)
{
    uint32_t schema = 0;
    enum status status = damage_look(paths->truth, ENVIRONMENT_TRUTH, &schema);
    if (status == STATUS_OK && schema == 0 && file_exists(paths->created)) {
        status = STATUS_CORRUPT; /* there was one: data.mdb is missing, or was emptied */
    } else if (status == STATUS_CORRUPT && creation_was_cut_off(paths)) {
        status = unlink(paths->truth_data) == 0 ? STATUS_OK : STATUS_SYSTEM;
    }
    return status == STATUS_OK ? STATUS_OK : truth_refuse(status, paths, ret_why);
}

/* The file may use more than the quota: pages between two commits, and the ballast's part. */
static size_t
map_bytes_max(uint64_t quota_bytes)
{
    return (size_t)(quota_bytes + quota_bytes / 8 + BALLAST_BYTES + 2 * MIB);
}

static enum status
truth_open(struct store *store, const struct paths *paths, char *ret_why)
{
    enum status status = truth_look(paths, ret_why);
    if (status != STATUS_OK) {
        return status;
    }
    struct environment *truth = &store->environments[ENVIRONMENT_TRUTH];
    status = environment_open(truth, ENVIRONMENT_TRUTH, paths->truth,
                              map_bytes_max(store->options.truth_quota_bytes));
    if (status == STATUS_OK) {
        status = migration_run(truth, &migration_plan);
    }
    if (status == STATUS_OK && !file_exists(paths->created)) {
        status = file_allocate(paths->created, 1);
        if (status == STATUS_OK) {
            status = directory_sync(paths->truth);
        }
        if (status == STATUS_OK) {
            status = directory_sync(store->data_dir);
        }
    }
    return status == STATUS_OK ? STATUS_OK : truth_refuse(status, paths, ret_why);
}

static enum status
cache_renew(struct store *store, const struct paths *paths, char *ret_why)
{
    char aside[DIRECTORY_PATH_SIZE];
    enum status status = cache_set_aside(store->data_dir, aside);
    if (status == STATUS_OK) {
        status = directory_make(paths->cache);
    }
    if (status == STATUS_OK) {
        status = file_allocate(paths->cache_lock, LOCK_FILE_BYTES);
    }
    if (status != STATUS_OK) {
        return why(ret_why, status, "%s is damaged and cannot be set aside: %s", paths->cache,
                   status_text(status));
    }
    (void)why(ret_why, status,
              "the cache was damaged or of another version; it is now %s, and a "
              "new one is filled from the network",
              aside);
    return STATUS_OK;
}

static enum status
cache_open(struct store *store, const struct paths *paths, char *ret_why)
{
    struct environment *cache = &store->environments[ENVIRONMENT_CACHE];
    const size_t bytes_max = map_bytes_max(store->options.cache_quota_bytes);
    uint32_t schema = 0;
    enum status status = damage_look(paths->cache, ENVIRONMENT_CACHE, &schema);
    if (status == STATUS_CORRUPT || status == STATUS_NEWER_SCHEMA ||
        (status == STATUS_OK && schema != 0 && schema != SCHEMA_VERSION)) {
        status = cache_renew(store, paths, ret_why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (status == STATUS_OK) {
        status = environment_open(cache, ENVIRONMENT_CACHE, paths->cache, bytes_max);
    }
    if (status == STATUS_OK) {
        status = migration_run(cache, &migration_plan);
    }
    if (status != STATUS_OK) {
        return why(ret_why, status, "cannot open %s: %s", paths->cache, status_text(status));
    }
    return STATUS_OK;
}

static struct store_options
options_fill(const struct store_options *options)
{
    struct store_options filled = *options;
    if (filled.cache_quota_bytes == 0) {
        filled.cache_quota_bytes = 512 * MIB;
    }
    if (filled.truth_quota_bytes == 0) {
        filled.truth_quota_bytes = 4096 * MIB;
    }
    if (filled.disk_low_bytes == 0) {
        filled.disk_low_bytes = 64 * MIB;
    }
    assert(filled.cache_quota_bytes >= MIB && filled.truth_quota_bytes >= MIB);
    return filled;
}

static enum status
open_all(struct store *store, const struct paths *paths, char *ret_why)
{
    enum status status = directories_make(store->data_dir, paths, ret_why);
    if (status == STATUS_OK) {
        status = store_lock(store, paths, ret_why);
    }
    if (status == STATUS_OK) {
        status = space_allocate(store, paths, ret_why);
    }
    if (status == STATUS_OK) {
        status = truth_open(store, paths, ret_why);
    }
    if (status == STATUS_OK) {
        status = cache_open(store, paths, ret_why);
    }
    return status;
}

enum status
store_open(const char *data_dir, const struct store_options *options, struct store **ret_store,
           char *ret_why)
{
    ret_why[0] = '\0';
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return why(ret_why, STATUS_NO_MEMORY, "%s", status_text(STATUS_NO_MEMORY));
    }
    store->lock_descriptor = -1;
    store->options = options_fill(options);
    struct paths paths;
    const int length = snprintf(store->data_dir, sizeof store->data_dir, "%s", data_dir);
    enum status status =
        length < 0 || length >= DIRECTORY_PATH_SIZE ? STATUS_OUT_OF_RANGE : STATUS_OK;
    if (status == STATUS_OK) {
        status = paths_make(store, &paths);
    }
    if (status == STATUS_OK) {
        status = open_all(store, &paths, ret_why);
    } else {
        (void)why(ret_why, status, "the path of the data directory is too long");
    }
    if (status != STATUS_OK) {
        store_close(store);
        return status;
    }
    *ret_store = store;
    return STATUS_OK;
}

void
store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    transaction_clear(&store->transaction);
    for (unsigned i = 0; i < ENVIRONMENT_COUNT; i++) {
        environment_close(&store->environments[i]);
    }
    if (store->lock_descriptor >= 0) {
        (void)close(store->lock_descriptor);
    }
    free(store);
}
