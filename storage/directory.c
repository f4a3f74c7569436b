#include "storage/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char damaged_prefix[] = "cache.damaged-";

enum status
status_of_errno(int error)
{
    switch (error) {
    case 0:
        return STATUS_OK;
    case ENOSPC:
    case EDQUOT:
        return STATUS_DISK_FULL;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_PERMISSION;
    case ENOENT:
        return STATUS_NOT_FOUND;
    default:
        return STATUS_SYSTEM;
    }
}

enum status
path_join(const char *directory, const char *name, char ret_path[DIRECTORY_PATH_SIZE])
{
    const int length = snprintf(ret_path, DIRECTORY_PATH_SIZE, "%s/%s", directory, name);
    return length < 0 || length >= DIRECTORY_PATH_SIZE ? STATUS_OUT_OF_RANGE : STATUS_OK;
}

enum status
directory_make(const char *path)
{
    if (mkdir(path, 0700) == 0) {
        return STATUS_OK;
    }
    if (errno != EEXIST) {
        return status_of_errno(errno);
    }
    struct stat found;
    if (stat(path, &found) != 0) {
        return status_of_errno(errno);
    }
    return S_ISDIR(found.st_mode) ? STATUS_OK : STATUS_SYSTEM;
}

enum status
directory_sync(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return status_of_errno(errno);
    }
    const int error = fsync(descriptor) == 0 ? 0 : errno;
    (void)close(descriptor);
    return status_of_errno(error);
}

static long
owner_read(int descriptor)
{
    char text[32];
    const ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    return strtol(text, NULL, 10);
}

/* Only for people's eyes, so a full disk does not matter. */
static void
owner_write(int descriptor)
{
    char text[32];
    const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (length > 0 && ftruncate(descriptor, 0) == 0) {
        const ssize_t written = pwrite(descriptor, text, (size_t)length, 0);
        (void)written;
    }
}

enum status
lock_take(const char *path, int *ret_descriptor, long *ret_owner)
{
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        return status_of_errno(errno);
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const enum status status = errno == EWOULDBLOCK ? STATUS_IN_USE : status_of_errno(errno);
        *ret_owner = owner_read(descriptor);
        (void)close(descriptor);
        return status;
    }
    owner_write(descriptor);
    *ret_descriptor = descriptor;
    return STATUS_OK;
}

enum status
file_allocate(const char *path, int64_t length)
{
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        return status_of_errno(errno);
    }
    const int error = posix_fallocate(descriptor, 0, (off_t)length);
    (void)close(descriptor);
    return status_of_errno(error);
}

/* An environment's directory has no others inside. */
static void
directory_remove(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        char inner[DIRECTORY_PATH_SIZE];
        if (path_join(path, entry->d_name, inner) == STATUS_OK) {
            (void)unlink(inner); /* refuses "." and ".." */
        }
    }
    (void)closedir(directory);
    (void)rmdir(path);
}

/* One damaged cache is enough to look into; a disk that keeps failing must not fill up with them. */
static void
damaged_remove(const char *data_dir)
{
    DIR *directory = opendir(data_dir);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        char path[DIRECTORY_PATH_SIZE];
        if (strncmp(entry->d_name, damaged_prefix, sizeof damaged_prefix - 1) == 0 &&
            path_join(data_dir, entry->d_name, path) == STATUS_OK) {
            directory_remove(path);
        }
    }
    (void)closedir(directory);
}

enum status
cache_set_aside(const char *data_dir, char ret_path[DIRECTORY_PATH_SIZE])
{
    char cache[DIRECTORY_PATH_SIZE];
    char name[64];
    (void)snprintf(name, sizeof name, "%s%lld", damaged_prefix, (long long)time(NULL));
    enum status status = path_join(data_dir, "cache", cache);
    if (status == STATUS_OK) {
        status = path_join(data_dir, name, ret_path);
    }
    if (status != STATUS_OK) {
        return status;
    }
    damaged_remove(data_dir);
    return rename(cache, ret_path) == 0 ? STATUS_OK : status_of_errno(errno);
}
