#include "node/io/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/io/cgroup_file.h"
#include "node/io/supervisor_file.h"

static const char *const saved_names[CGROUP_CONTROLLERS] = {
    [CGROUP_MEMORY] = "memory",
    [CGROUP_PIDS] = "pids",
    [CGROUP_CPU] = "cpu",
    [CGROUP_FREEZER] = "freezer",
};

static int
open_file(const char *directory, const char *file, int flags)
{
    char path[CGROUP_PATH_SIZE + 64];
    const int length = snprintf(path, sizeof path, "%s/%s", directory, file);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC);
}

enum status
cgroup_file_write(const char *directory, const char *file, const char *text)
{
    const int descriptor = open_file(directory, file, O_WRONLY);
    if (descriptor < 0) {
        return status_from_errno();
    }
    const size_t length = strlen(text);
    const ssize_t written = write(descriptor, text, length);
    enum status status = STATUS_OK;
    if (written < 0) {
        status = errno == EBUSY ? STATUS_BUSY : status_from_errno();
    }
    close(descriptor);
    return status;
}

size_t
cgroup_file_read(const char *directory, const char *file, char *ret_text, size_t size)
{
    const int descriptor = open_file(directory, file, O_RDONLY);
    if (descriptor < 0) {
        return 0;
    }
    size_t length = 0;
    while (length < size) {
        const ssize_t count = read(descriptor, ret_text + length, size - length);
        if (count <= 0) {
            break;
        }
        length += (size_t)count;
    }
    close(descriptor);
    return length;
}

enum status
cgroup_directory_make(const char *path)
{
    return mkdir(path, 0755) == 0 ? STATUS_OK : status_from_errno();
}

/* True for a controller whose directory an earlier controller of the group has too. */
static bool
is_repeated(const struct cgroup *group, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (group->places[i].version != 0 &&
            strcmp(group->places[i].path, group->places[index].path) == 0) {
            return true;
        }
    }
    return false;
}

static bool
place_is_empty(const struct cgroup_place *place)
{
    char text[16];
    return place->version == 0 ||
           cgroup_file_read(place->path, "cgroup.procs", text, sizeof text) == 0;
}

/* Says of every controller with this directory that it is not there. */
static void
forget_place(struct cgroup *group, size_t index)
{
    for (size_t i = CGROUP_CONTROLLERS; i > index; i--) {
        if (strcmp(group->places[i - 1].path, group->places[index].path) == 0) {
            group->places[i - 1] = (struct cgroup_place){.version = 0};
        }
    }
}

/* A directory without a past: one that was used is made anew, since the kernel ends at birth what is
 * cloned into a group that was killed before. */
static enum status
make_anew(const char *path)
{
    enum status status = cgroup_directory_make(path);
    if (status == STATUS_EXISTS && rmdir(path) == 0) {
        status = cgroup_directory_make(path);
    }
    return status;
}

enum status
cgroup_create(const struct cgroup *own, const char *name, struct cgroup *ret)
{
    struct cgroup group = {0};
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        struct cgroup_place *place = &group.places[i];
        const int length =
            snprintf(place->path, sizeof place->path, "%s/%s", own->places[i].path, name);
        if (length > 0 && (size_t)length < sizeof place->path) {
            place->version = own->places[i].version;
        }
    }
    if (!cgroup_is_empty(&group)) {
        return STATUS_BUSY;
    }
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        struct cgroup_place *place = &group.places[i];
        if (place->version != 0 && !is_repeated(&group, i) && make_anew(place->path) != STATUS_OK) {
            forget_place(&group, i);
        }
    }
    *ret = group;
    return STATUS_OK;
}

static enum status
write_number(const struct cgroup_place *place, const char *file, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return cgroup_file_write(place->path, file, text);
}

static enum status
limit_memory(const struct cgroup_place *place, uint64_t memory_mib)
{
    if (place->version == 0 || memory_mib == 0) {
        return STATUS_OK;
    }
    const uint64_t bytes = memory_mib * 1024 * 1024;
    const bool is_v1 = place->version == 1;
    const enum status status =
        write_number(place, is_v1 ? "memory.limit_in_bytes" : "memory.max", bytes);
    /* Swap would let a job pass its limit; a kernel without swap accounting lacks these files. */
    enum status swap = is_v1 ? write_number(place, "memory.memsw.limit_in_bytes", bytes)
                             : write_number(place, "memory.swap.max", 0);
    if (swap == STATUS_NOT_FOUND) {
        swap = STATUS_OK;
    }
    return status != STATUS_OK ? status : swap;
}

static enum status
limit_cpu(const struct cgroup_place *place, uint32_t threads)
{
    enum { PERIOD_US = 100000 };
    if (place->version == 0 || threads == 0) {
        return STATUS_OK;
    }
    const uint64_t quota = (uint64_t)threads * PERIOD_US;
    if (place->version == 2) {
        char text[64];
        snprintf(text, sizeof text, "%" PRIu64 " %d", quota, PERIOD_US);
        return cgroup_file_write(place->path, "cpu.max", text);
    }
    const enum status status = write_number(place, "cpu.cfs_period_us", PERIOD_US);
    return status != STATUS_OK ? status : write_number(place, "cpu.cfs_quota_us", quota);
}

enum status
cgroup_limit(const struct cgroup *group, const struct cgroup_limits *limits)
{
    enum status status = limit_memory(&group->places[CGROUP_MEMORY], limits->memory_mib);
    const struct cgroup_place *pids = &group->places[CGROUP_PIDS];
    if (status == STATUS_OK && pids->version != 0 && limits->pids_max != 0) {
        status = write_number(pids, "pids.max", limits->pids_max);
    }
    if (status == STATUS_OK) {
        status = limit_cpu(&group->places[CGROUP_CPU], limits->cpu_threads);
    }
    return status == STATUS_OK ? STATUS_OK : STATUS_SYSTEM;
}

/* Moves the calling process, which has one thread. A thread that moves itself alone, over "tasks",
 * need not wait until no process of the machine forks or ends: that wait is a grace period of the
 * kernel's, 5 to 15 ms. Version 2 has no such file; a process is born there instead. */
static enum status
enter(const struct cgroup *group, bool is_born_inside)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        const struct cgroup_place *place = &group->places[i];
        if (place->version == 0 || (place->version == 2 && is_born_inside) ||
            is_repeated(group, i) ||
            (place->version == 1 && cgroup_file_write(place->path, "tasks", "0") == STATUS_OK)) {
            continue;
        }
        const enum status status = cgroup_file_write(place->path, "cgroup.procs", "0");
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* A child that is born in the version 2 group; -1 when there is none or the kernel cannot. */
static pid_t
fork_inside(const struct cgroup *group)
{
    pid_t child = -1;
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (group->places[i].version != 2) {
            continue;
        }
        const int directory = open(group->places[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory >= 0) {
            struct clone_args arguments = {.flags = CLONE_INTO_CGROUP,
                                           .exit_signal = SIGCHLD,
                                           .cgroup = (unsigned long long)directory};
            child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
            close(directory);
        }
        break;
    }
    return child;
}

pid_t
cgroup_fork(const struct cgroup *group, enum status *ret_entered)
{
    bool is_born_inside = true;
    pid_t child = fork_inside(group);
    if (child < 0) {
        is_born_inside = false;
        child = fork();
    }
    if (child == 0) {
        *ret_entered = enter(group, is_born_inside);
    }
    return child;
}

enum status
cgroup_freeze(const struct cgroup *group, bool frozen)
{
    const struct cgroup_place *place = &group->places[CGROUP_FREEZER];
    switch (place->version) {
    case 2:
        return cgroup_file_write(place->path, "cgroup.freeze", frozen ? "1" : "0");
    case 1:
        return cgroup_file_write(place->path, "freezer.state", frozen ? "FROZEN" : "THAWED");
    default:
        return STATUS_UNAVAILABLE;
    }
}

/* The place that tells the group's processes; NULL when there is none. */
static const struct cgroup_place *
place_with_processes(const struct cgroup *group)
{
    for (size_t i = CGROUP_CONTROLLERS; i > 0; i--) {
        if (group->places[i - 1].version != 0) {
            return &group->places[i - 1];
        }
    }
    return NULL;
}

static void
kill_listed(const struct cgroup_place *place)
{
    char text[16 * 1024];
    const size_t length = cgroup_file_read(place->path, "cgroup.procs", text, sizeof text - 1);
    text[length] = '\0';
    char *at = text;
    for (;;) {
        char *end = NULL;
        const long pid = strtol(at, &end, 10);
        if (end == at) {
            return;
        }
        /* A last line that the buffer cut would name another process. */
        if (*end == '\n' && pid > 1) {
            kill((pid_t)pid, SIGKILL);
        }
        at = end;
    }
}

enum status
cgroup_kill(const struct cgroup *group)
{
    const struct cgroup_place *freezer = &group->places[CGROUP_FREEZER];
    if (freezer->version == 2 &&
        cgroup_file_write(freezer->path, "cgroup.kill", "1") == STATUS_OK) {
        return STATUS_OK;
    }
    const struct cgroup_place *place = place_with_processes(group);
    if (place == NULL) {
        return STATUS_UNAVAILABLE;
    }
    kill_listed(place);
    /* Under version 1 a frozen process dies only when it thaws. */
    if (freezer->version != 0) {
        const enum status status = cgroup_freeze(group, false);
        (void)status; /* the caller looks whether the group became empty */
    }
    return STATUS_OK;
}

bool
cgroup_is_empty(const struct cgroup *group)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (!place_is_empty(&group->places[i])) {
            return false;
        }
    }
    return true;
}

uint64_t
cgroup_oom_kills(const struct cgroup *group)
{
    static const char key[] = "oom_kill ";
    const struct cgroup_place *place = &group->places[CGROUP_MEMORY];
    if (place->version == 0) {
        return 0;
    }
    char text[1024];
    const size_t length =
        cgroup_file_read(place->path, place->version == 1 ? "memory.oom_control" : "memory.events",
                         text, sizeof text - 1);
    text[length] = '\0';
    for (const char *at = text; at != NULL && *at != '\0';) {
        if (strncmp(at, key, sizeof key - 1) == 0) {
            return strtoull(at + sizeof key - 1, NULL, 10);
        }
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    return 0;
}

enum status
cgroup_remove(const struct cgroup *group)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        const struct cgroup_place *place = &group->places[i];
        if (place->version == 0 || is_repeated(group, i)) {
            continue;
        }
        if (rmdir(place->path) != 0 && errno != ENOENT) {
            status = errno == EBUSY ? STATUS_BUSY : status_from_errno();
        }
    }
    return status;
}

void
cgroup_save(const struct cgroup *group, struct buffer *buffer)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        const struct cgroup_place *place = &group->places[i];
        if (place->version != 0) {
            buffer_append(buffer, saved_names[i], strlen(saved_names[i]));
            buffer_append(buffer, place->version == 1 ? " 1 " : " 2 ", 3);
            buffer_append(buffer, place->path, strlen(place->path));
            buffer_append_byte(buffer, '\n');
        }
    }
}

/* One saved line without its end. */
static enum status
load_line(const char *line, size_t length, struct cgroup *group)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        const size_t name = strlen(saved_names[i]);
        if (length <= name + 3 || memcmp(line, saved_names[i], name) != 0 || line[name] != ' ') {
            continue;
        }
        const size_t path_length = length - name - 3;
        struct cgroup_place *place = &group->places[i];
        const char version = line[name + 1];
        if ((version != '1' && version != '2') || line[name + 2] != ' ' ||
            path_length >= sizeof place->path || line[name + 3] != '/') {
            return STATUS_CORRUPT;
        }
        memcpy(place->path, line + name + 3, path_length);
        place->path[path_length] = '\0';
        place->version = version == '1' ? 1 : 2;
        return STATUS_OK;
    }
    return STATUS_CORRUPT;
}

enum status
cgroup_load(struct bytes text, struct cgroup *ret)
{
    struct cgroup group = {0};
    const char *at = (const char *)text.data;
    size_t left = text.length;
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        if (end == NULL) {
            return STATUS_CORRUPT;
        }
        const enum status status = load_line(at, (size_t)(end - at), &group);
        if (status != STATUS_OK) {
            return status;
        }
        left -= (size_t)(end - at) + 1;
        at = end + 1;
    }
    *ret = group;
    return STATUS_OK;
}
