/* The data directory's files beside LMDB's: the lock, allocated space, and caches set aside. */
#ifndef GPULET_STORAGE_DIRECTORY_H
#define GPULET_STORAGE_DIRECTORY_H

#include <stdint.h>

#include "protocol/status.h"

enum { DIRECTORY_PATH_SIZE = 1024 };

/* "directory/name". STATUS_OUT_OF_RANGE when it is longer than DIRECTORY_PATH_SIZE. */
enum status path_join(const char *directory, const char *name, char ret_path[DIRECTORY_PATH_SIZE])
    MUST_USE;

/* Creates a directory with mode 0700 when it is missing; its parent must exist. */
enum status directory_make(const char *path) MUST_USE;

/* Makes a directory's entries durable: a new file is only found after a crash when this was done. */
enum status directory_sync(const char *path) MUST_USE;

/* Takes `path`'s lock until the descriptor is closed, and writes our pid into it. STATUS_IN_USE: ret_owner is the
 * pid found in the file, 0 when unreadable. The kernel frees the lock of a dead process. */
enum status lock_take(const char *path, int *ret_descriptor, long *ret_owner) MUST_USE;

/* A file of at least `length` bytes, every block allocated: writing into it cannot run out of space. */
enum status file_allocate(const char *path, int64_t length) MUST_USE;

/* Renames `data_dir`/cache to cache.damaged-<unix time>, after removing the one set aside before. The new
 * path goes to ret_path. */
enum status cache_set_aside(const char *data_dir, char ret_path[DIRECTORY_PATH_SIZE]) MUST_USE;

/* The words of errno as a status. */
enum status status_of_errno(int error) MUST_USE;

#endif
