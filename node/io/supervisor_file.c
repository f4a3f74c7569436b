#include "node/io/supervisor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum status
status_from_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return STATUS_DISK_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_PERMISSION;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_SYSTEM;
    }
}

static enum status
write_whole(int file, struct bytes content)
{
    size_t done = 0;
    while (done < content.length) {
        const ssize_t written = write(file, content.data + done, content.length - done);
        if (written < 0 && errno != EINTR) {
            return status_from_errno();
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return STATUS_OK;
}

static enum status
publish(int directory, const char *temporary, const char *name, enum file_mode mode)
{
    if (mode == FILE_CREATE_DURABLE) {
        /* A link never replaces: of two supervisors only one gets past this. */
        const bool linked = linkat(directory, temporary, directory, name, 0) == 0;
        const enum status status = linked ? STATUS_OK : status_from_errno();
        unlinkat(directory, temporary, 0);
        if (status != STATUS_OK) {
            return status;
        }
    } else if (renameat(directory, temporary, directory, name) != 0) {
        return status_from_errno();
    }
    if (mode != FILE_REPLACE_FAST && fsync(directory) != 0) {
        return status_from_errno();
    }
    return STATUS_OK;
}

enum status
file_write(int directory, const char *name, struct bytes content, enum file_mode mode)
{
    char temporary[64];
    const int length = snprintf(temporary, sizeof temporary, "%s.tmp", name);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return STATUS_NO_SPACE;
    }
    const int file =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return status_from_errno();
    }
    enum status status = write_whole(file, content);
    if (status == STATUS_OK && mode != FILE_REPLACE_FAST && fsync(file) != 0) {
        status = status_from_errno();
    }
    if (close(file) != 0 && status == STATUS_OK) {
        status = status_from_errno();
    }
    if (status == STATUS_OK) {
        status = publish(directory, temporary, name, mode);
    }
    if (status != STATUS_OK) {
        unlinkat(directory, temporary, 0);
    }
    return status;
}

enum status
file_read(int directory, const char *name, struct buffer *buffer)
{
    const int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return status_from_errno();
    }
    enum status status = STATUS_OK;
    for (;;) {
        uint8_t part[4096];
        const ssize_t count = read(file, part, sizeof part);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            status = status_from_errno();
        }
        if (count <= 0) {
            break;
        }
        buffer_append(buffer, part, (size_t)count);
        if (buffer->overflowed) {
            status = STATUS_NO_SPACE;
            break;
        }
    }
    close(file);
    return status;
}

/* The number in a field (from 4 on) of /proc/PID/stat. STATUS_NOT_FOUND also for a zombie. */
static enum status
process_field(pid_t pid, int wanted, uint64_t *ret)
{
    enum { FIELD_STATE = 3 };
    char path[64];
    uint8_t memory[4096];
    struct buffer text;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    buffer_init(&text, memory, sizeof memory - 1);
    const enum status status = file_read(AT_FDCWD, path, &text);
    if (status != STATUS_OK) {
        return STATUS_NOT_FOUND; /* ESRCH too: it went away while we looked */
    }
    memory[text.length] = '\0';
    /* The program's name may hold spaces and brackets: the fields begin after its last bracket. */
    const char *at = strrchr((const char *)memory, ')');
    if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') {
        return STATUS_NOT_FOUND;
    }
    at += 2;
    for (int field = FIELD_STATE; field < wanted; field++) {
        at = strchr(at, ' ');
        if (at == NULL) {
            return STATUS_NOT_FOUND;
        }
        at++;
    }
    *ret = strtoull(at, NULL, 10);
    return STATUS_OK;
}

enum status
process_start_time(pid_t pid, uint64_t *ret)
{
    enum { FIELD_START_TIME = 22 };
    return process_field(pid, FIELD_START_TIME, ret);
}

pid_t
process_parent(pid_t pid)
{
    enum { FIELD_PARENT = 4 };
    uint64_t parent = 0;
    return process_field(pid, FIELD_PARENT, &parent) == STATUS_OK ? (pid_t)parent : 0;
}

bool
process_is_alive(pid_t pid, uint64_t start_time)
{
    uint64_t found = 0;
    return pid > 0 && process_start_time(pid, &found) == STATUS_OK && found == start_time;
}

void
process_kill(pid_t pid, uint64_t start_time)
{
    const int handle = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (handle < 0) {
        return;
    }
    /* Looked at after opening: the handle cannot come to mean another process. */
    if (process_is_alive(pid, start_time)) {
        syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0);
    }
    close(handle);
}

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}
