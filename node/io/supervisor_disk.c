#include "node/io/supervisor_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "node/io/supervisor_file.h"

enum { DEPTH_MAX = 200, BLOCK = 512 };

struct disk_watch {
    int directory;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_stopping; /* this and `last` under the mutex */
    struct disk_use last;
};

/* A job must not hide files from the measure by taking away its own permissions. The way over /proc
 * changes what was opened, not what the name stands for by now. */
static void
permit(int parent, const char *name)
{
    char path[64];
    const int descriptor = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor >= 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        const int result = chmod(path, 0700);
        (void)result; /* seen when it is opened again */
        close(descriptor);
    }
}

/* Opens a directory inside `parent`; never through a link, which may lead out of the workspace. */
static DIR *
open_directory(int parent, const char *name)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK };
    int descriptor = openat(parent, name, FLAGS);
    if (descriptor < 0 && errno == EACCES) {
        permit(parent, name);
        descriptor = openat(parent, name, FLAGS);
    }
    if (descriptor < 0) {
        return NULL;
    }
    DIR *directory = fdopendir(descriptor);
    if (directory == NULL) {
        close(descriptor);
    }
    return directory;
}

/* Counts one entry; the opened directory when it is one to go into, else NULL. */
static DIR *
count_entry(int parent, const char *name, struct disk_use *use)
{
    struct stat entry;
    if (fstatat(parent, name, &entry, AT_SYMLINK_NOFOLLOW) != 0) {
        return NULL; /* went away meanwhile */
    }
    const uint64_t links = S_ISDIR(entry.st_mode) || entry.st_nlink == 0 ? 1 : entry.st_nlink;
    use->bytes += (uint64_t)entry.st_blocks * BLOCK / links;
    use->files++;
    return S_ISDIR(entry.st_mode) ? open_directory(parent, name) : NULL;
}

static bool
is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum status
disk_measure(int directory, struct disk_use *ret)
{
    DIR *path[DEPTH_MAX];
    struct disk_use use = {0};
    struct statvfs space;
    size_t depth = 0;
    path[0] = open_directory(directory, ".");
    if (path[0] == NULL) {
        return STATUS_SYSTEM;
    }
    for (;;) {
        const struct dirent *entry = readdir(path[depth]);
        if (entry == NULL) {
            closedir(path[depth]);
            if (depth == 0) {
                break;
            }
            depth--;
            continue;
        }
        DIR *inner =
            is_dots(entry->d_name) ? NULL : count_entry(dirfd(path[depth]), entry->d_name, &use);
        if (inner != NULL && depth + 1 == DEPTH_MAX) {
            use.is_too_deep = true;
            closedir(inner);
        } else if (inner != NULL) {
            path[++depth] = inner;
        }
    }
    if (fstatvfs(directory, &space) == 0) {
        const uint64_t left = (uint64_t)space.f_bavail * space.f_frsize;
        use.is_low = left < 256u * 1024 * 1024 || space.f_bavail < space.f_blocks / 50;
    }
    *ret = use;
    return STATUS_OK;
}

static void *
watch_run(void *context)
{
    struct disk_watch *watch = context;
    pthread_mutex_lock(&watch->mutex);
    while (!watch->is_stopping) {
        struct disk_use use;
        struct timespec until;
        pthread_mutex_unlock(&watch->mutex);
        const bool measured = disk_measure(watch->directory, &use) == STATUS_OK;
        pthread_mutex_lock(&watch->mutex);
        if (measured) {
            watch->last = use;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        while (!watch->is_stopping &&
               pthread_cond_timedwait(&watch->wake, &watch->mutex, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

enum status
disk_watch_start(int directory, struct disk_watch **ret)
{
    pthread_condattr_t attributes;
    struct disk_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return STATUS_NO_MEMORY;
    }
    watch->directory = directory;
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&watch->thread, NULL, watch_run, watch) != 0) {
        pthread_cond_destroy(&watch->wake);
        pthread_mutex_destroy(&watch->mutex);
        free(watch);
        return STATUS_SYSTEM;
    }
    *ret = watch;
    return STATUS_OK;
}

struct disk_use
disk_watch_last(struct disk_watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    const struct disk_use use = watch->last;
    pthread_mutex_unlock(&watch->mutex);
    return use;
}

void
disk_watch_stop(struct disk_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->mutex);
    watch->is_stopping = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->mutex);
    free(watch);
}
