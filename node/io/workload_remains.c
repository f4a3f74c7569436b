/* What is left of a job when its supervisor is gone, or has to go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/io/cgroup.h"
#include "node/io/supervisor_family.h"
#include "node/io/supervisor_file.h"
#include "node/io/supervisor_status.h"
#include "node/io/supervisor_wire.h"
#include "node/io/workload.h"

enum { REAP_MS = 2000, LOOK_AGAIN_MS = 2, DEPTH_MAX = 100 };

static int
open_job(const char *job_dir)
{
    return open(job_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The file's own words. */
static enum status
load_status(int directory, struct workload_status *ret)
{
    uint8_t memory[SUPERVISOR_STATUS_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    const enum status status = file_read(directory, "status", &buffer);
    if (status == STATUS_NO_SPACE) {
        return STATUS_CORRUPT;
    }
    return status != STATUS_OK ? status : supervisor_status_decode(buffer_bytes(&buffer), ret);
}

enum status
workload_read_status(const char *job_dir, struct workload_status *ret)
{
    const int directory = open_job(job_dir);
    if (directory < 0) {
        return status_from_errno();
    }
    struct workload_status job;
    enum status status = load_status(directory, &job);
    if (status == STATUS_OK && job.state != WORKLOAD_ENDED &&
        !process_is_alive(job.supervisor_pid, job.supervisor_start)) {
        /* Its last word may have come between the two looks. */
        status = load_status(directory, &job);
        if (job.state != WORKLOAD_ENDED) {
            job.state = WORKLOAD_ENDED;
            job.end = WORKLOAD_END_LOST;
        }
    }
    close(directory);
    if (status == STATUS_OK) {
        *ret = job;
    }
    return status;
}

/* Appends what the file holds from `at` on, as far as the buffer has room. */
static enum status
append_file(int file, uint64_t at, struct buffer *buffer, uint64_t *ret_count)
{
    uint8_t part[16 * 1024];
    uint64_t total = 0;
    while (buffer->length < buffer->capacity) {
        const size_t left = buffer->capacity - buffer->length;
        const size_t most = left < sizeof part ? left : sizeof part;
        const ssize_t count = pread(file, part, most, (off_t)(at + total));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return status_from_errno();
        }
        if (count == 0) {
            break;
        }
        buffer_append(buffer, part, (size_t)count);
        total += (uint64_t)count;
    }
    *ret_count = total;
    return STATUS_OK;
}

static enum status
read_log(int directory, const char *name, uint64_t offset, struct buffer *buffer,
         uint64_t *ret_count)
{
    *ret_count = 0;
    const int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return errno == ENOENT ? STATUS_OK : status_from_errno();
    }
    const enum status status = append_file(file, offset, buffer, ret_count);
    close(file);
    return status;
}

/* What the supervisor kept when it left; STATUS_NOT_FOUND with *ret_start when it begins later. */
static enum status
read_tail(int directory, const char *name, uint64_t offset, struct buffer *buffer,
          uint64_t *ret_next)
{
    uint8_t head[8];
    const int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return errno == ENOENT ? STATUS_OK : status_from_errno();
    }
    enum status status = STATUS_CORRUPT;
    if (pread(file, head, sizeof head, 0) == (ssize_t)sizeof head) {
        const uint64_t start = wire_load_u64(head);
        if (offset < start) {
            *ret_next = start;
            status = STATUS_NOT_FOUND;
        } else {
            uint64_t count = 0;
            status = append_file(file, sizeof head + (offset - start), buffer, &count);
            *ret_next = offset + count;
        }
    }
    close(file);
    return status;
}

/* After nothing was found at `offset`: is this the end, or did a supervisor's death lose bytes? */
static enum status
judge_end(int directory, size_t index, uint64_t offset, uint64_t *ret_next)
{
    struct workload_status job;
    const enum status status = load_status(directory, &job);
    const bool is_over =
        status == STATUS_OK && !process_is_alive(job.supervisor_pid, job.supervisor_start);
    if (is_over && job.out_bytes[index] > offset) {
        *ret_next = job.out_bytes[index];
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

enum status
workload_log_read(const char *job_dir, enum workload_stream stream, uint64_t offset,
                  struct buffer *buffer, uint64_t *ret_next)
{
    static const char *const logs[2] = {"out.log", "err.log"};
    static const char *const tails[2] = {"out.tail", "err.tail"};
    uint64_t count = 0;
    if (stream == WORKLOAD_STDIN || offset > INT64_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    const size_t index = (size_t)stream - 1;
    const int directory = open_job(job_dir);
    if (directory < 0) {
        return status_from_errno();
    }
    uint64_t next = offset;
    enum status status = read_log(directory, logs[index], offset, buffer, &count);
    next += count;
    if (status == STATUS_OK && count == 0 && buffer->length < buffer->capacity) {
        status = read_tail(directory, tails[index], offset, buffer, &next);
        if (status == STATUS_OK && next == offset) {
            status = judge_end(directory, index, offset, &next);
        }
    }
    close(directory);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        *ret_next = next;
    }
    return status;
}

static void
pause_ms(long ms)
{
    const struct timespec wait = {.tv_nsec = ms * 1000000};
    nanosleep(&wait, NULL);
}

static enum status
load_cgroup(int directory, struct cgroup *ret)
{
    uint8_t memory[CGROUP_CONTROLLERS * (CGROUP_PATH_SIZE + 16)];
    struct buffer buffer;
    *ret = (struct cgroup){0};
    buffer_init(&buffer, memory, sizeof memory);
    const enum status status = file_read(directory, "cgroup", &buffer);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return cgroup_load(buffer_bytes(&buffer), ret);
}

/* Kills what is known of the job until nothing of it is left. */
static enum status
reap(int directory, bool *ret_any)
{
    struct workload_status job = {0};
    struct cgroup group;
    const int64_t deadline = clock_monotonic_ms() + REAP_MS;
    const enum status status = load_cgroup(directory, &group);
    if (status != STATUS_OK) {
        return status;
    }
    if (load_status(directory, &job) != STATUS_OK) {
        job = (struct workload_status){0}; /* the cgroup still says who is left */
    }
    for (;;) {
        const bool is_held = process_is_alive(job.supervisor_pid, job.supervisor_start);
        const bool runs = process_is_alive(job.job_pid, job.job_start);
        if (!is_held && !runs && cgroup_is_empty(&group)) {
            return STATUS_OK;
        }
        *ret_any = true;
        if (clock_monotonic_ms() >= deadline) {
            return STATUS_TIMEOUT;
        }
        /* The supervisor first, so that it starts nothing more; its death takes bwrap along. */
        process_kill(job.supervisor_pid, job.supervisor_start);
        if (cgroup_kill(&group) != STATUS_OK && runs) {
            family_signal(job.job_pid, SIGKILL);
        }
        process_kill(job.job_pid, job.job_start);
        pause_ms(LOOK_AGAIN_MS);
    }
}

/* A killed process may be counted in its cgroup for a moment longer. */
static enum status
remove_cgroup(int directory)
{
    struct cgroup group;
    enum status status = load_cgroup(directory, &group);
    if (status != STATUS_OK) {
        return status;
    }
    const int64_t deadline = clock_monotonic_ms() + REAP_MS;
    do {
        status = cgroup_remove(&group);
        if (status != STATUS_BUSY) {
            return status;
        }
        pause_ms(LOOK_AGAIN_MS);
    } while (clock_monotonic_ms() < deadline);
    return status;
}

enum status
workload_reap_orphans(const char *job_dir, bool *ret_any)
{
    bool any = false;
    const int directory = open_job(job_dir);
    if (directory < 0) {
        return status_from_errno();
    }
    const enum status status = reap(directory, &any);
    if (ret_any != NULL) {
        *ret_any = any;
    }
    if (status == STATUS_OK) {
        (void)remove_cgroup(directory); /* an empty one that stays does no harm */
    }
    close(directory);
    return status;
}

/* The directory `name` of `parent`, opened with all permissions; NULL when it is none. */
static DIR *
open_for_removal(int parent, const char *name)
{
    int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0) {
        descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (descriptor < 0) {
        return NULL;
    }
    if (fchmod(descriptor, 0700) != 0) {
        close(descriptor);
        return NULL;
    }
    DIR *directory = fdopendir(descriptor);
    if (directory == NULL) {
        close(descriptor);
    }
    return directory;
}

/* Moves a directory that lies too deep up into the top one, where a later pass finds it. */
static enum status
lift(int parent, const char *name, int top, unsigned number)
{
    char lifted[32];
    snprintf(lifted, sizeof lifted, "lifted.%u", number);
    if (renameat(parent, name, top, lifted) == 0 || errno == ENOTEMPTY || errno == EEXIST) {
        return STATUS_OK; /* the name is taken by an earlier try: the next number does it */
    }
    return status_from_errno();
}

struct removal {
    DIR *path[DEPTH_MAX];
    char names[DEPTH_MAX][NAME_MAX + 1]; /* by which the parent knows path[i] */
    size_t depth;
    unsigned lifted;
};

/* Takes one entry away, or goes down into it. */
static enum status
remove_entry(struct removal *removal, const char *name)
{
    const int parent = dirfd(removal->path[removal->depth]);
    if (unlinkat(parent, name, 0) == 0) {
        return STATUS_OK;
    }
    if (errno != EISDIR && errno != EPERM) {
        return status_from_errno();
    }
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) {
        return STATUS_OK;
    }
    if (removal->depth + 1 == DEPTH_MAX) {
        return lift(parent, name, dirfd(removal->path[0]), removal->lifted++);
    }
    DIR *inner = open_for_removal(parent, name);
    if (inner == NULL) {
        return status_from_errno();
    }
    removal->depth++;
    removal->path[removal->depth] = inner;
    snprintf(removal->names[removal->depth], sizeof removal->names[0], "%s", name);
    return STATUS_OK;
}

/* Leaves an emptied directory and removes it. False at the top. */
static bool
go_up(struct removal *removal, enum status *status)
{
    closedir(removal->path[removal->depth]);
    if (removal->depth == 0) {
        return false;
    }
    const char *name = removal->names[removal->depth];
    removal->depth--;
    const int parent = dirfd(removal->path[removal->depth]);
    /* What was lifted or added meanwhile waits for the next pass over the top. */
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && *status == STATUS_OK) {
        *status = status_from_errno();
    }
    return true;
}

/* One pass over everything below the directory. */
static enum status
empty_directory(int parent, const char *name, struct removal *removal)
{
    enum status status = STATUS_OK;
    removal->depth = 0;
    removal->path[0] = open_for_removal(parent, name);
    if (removal->path[0] == NULL) {
        return status_from_errno();
    }
    for (;;) {
        const struct dirent *entry = readdir(removal->path[removal->depth]);
        if (entry == NULL) {
            if (!go_up(removal, &status)) {
                return status;
            }
        } else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            const enum status removed = remove_entry(removal, entry->d_name);
            status = status == STATUS_OK ? removed : status;
        }
    }
}

static enum status
remove_tree(const char *job_dir)
{
    enum { PASSES_MAX = 100000 };
    struct removal removal = {.lifted = 0};
    for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
        const enum status status = empty_directory(AT_FDCWD, job_dir, &removal);
        if (status != STATUS_OK) {
            return status;
        }
        if (rmdir(job_dir) == 0) {
            return STATUS_OK;
        }
        if (errno != ENOTEMPTY && errno != EEXIST) {
            return status_from_errno();
        }
    }
    return STATUS_LIMIT;
}

enum status
workload_destroy(const char *job_dir)
{
    const int directory = open_job(job_dir);
    if (directory < 0) {
        return status_from_errno();
    }
    bool any = false;
    enum status status = reap(directory, &any);
    if (status == STATUS_OK) {
        status = remove_cgroup(directory);
    }
    close(directory);
    return status != STATUS_OK ? status : remove_tree(job_dir);
}
