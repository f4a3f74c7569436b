#include "node/io/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/sandbox.h"
#include "node/io/supervisor_file.h"
#include "node/io/supervisor_spec.h"

enum { ANSWER_MS = 5000, READY_DESCRIPTOR = 3 };

extern char **environ;

static enum status
check_spec(const struct workload_spec *spec)
{
    char reason[SANDBOX_REASON_SIZE];
    if (spec->argument_count == 0 || spec->arguments[0][0] == '\0') {
        return STATUS_BAD_INPUT;
    }
    if (spec->argument_count > WORKLOAD_ARGUMENTS_MAX ||
        spec->environment_count > WORKLOAD_ENVIRONMENT_MAX || spec->gpu_count > WORKLOAD_GPUS_MAX ||
        spec->device_count > WORKLOAD_DEVICES_MAX) {
        return STATUS_LIMIT;
    }
    if (geteuid() == 0 && (spec->uid == 0 || spec->uid == (uid_t)-1)) {
        return STATUS_OUT_OF_RANGE;
    }
    if (spec->memory_mib > UINT32_MAX || spec->disk_mib > UINT32_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < spec->environment_count; i++) {
        const enum status status = sandbox_check_environment(spec->environment[i], reason);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* The spec as it goes to the supervisor, which cannot make a filter. */
static enum status
encode_spec(const struct workload_spec *spec, struct buffer *buffer)
{
    uint8_t memory[WORKLOAD_FILTER_BYTES_MAX];
    struct buffer filter;
    struct workload_spec whole = *spec;
    buffer_init(&filter, memory, sizeof memory);
    if (spec->filter.length == 0) {
        const enum status status = sandbox_filter(&filter);
        if (status != STATUS_OK) {
            return status;
        }
        whole.filter = buffer_bytes(&filter);
    }
    supervisor_spec_encode(&whole, buffer);
    return buffer->overflowed ? STATUS_LIMIT : STATUS_OK;
}

static enum status
write_spec(int directory, const struct workload_spec *spec)
{
    struct buffer buffer;
    void *memory = malloc(WORKLOAD_SPEC_BYTES_MAX);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    buffer_init(&buffer, memory, WORKLOAD_SPEC_BYTES_MAX);
    enum status status = encode_spec(spec, &buffer);
    if (status == STATUS_OK) {
        status = file_write(directory, "spec", buffer_bytes(&buffer), FILE_REPLACE_FAST);
    }
    explicit_bzero(memory, WORKLOAD_SPEC_BYTES_MAX);
    free(memory);
    return status;
}

/* The directory with workspace and spec; nothing is left behind when it cannot be made. */
static enum status
make_directory(const struct workload_spec *spec)
{
    if (mkdir(spec->job_dir, 0700) != 0) {
        return status_from_errno();
    }
    enum status status = STATUS_SYSTEM;
    const int directory = open(spec->job_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (directory >= 0) {
        status = mkdirat(directory, "workspace", 0700) == 0 ? STATUS_OK : status_from_errno();
        if (status == STATUS_OK) {
            status = write_spec(directory, spec);
        }
        if (status != STATUS_OK) {
            unlinkat(directory, "workspace", AT_REMOVEDIR);
        }
        close(directory);
    }
    if (status != STATUS_OK) {
        rmdir(spec->job_dir);
    }
    return status;
}

static enum status
spawn(const struct workload_spec *spec, int ready, pid_t *ret_child)
{
    const char *program =
        spec->supervisor_program == NULL ? "/proc/self/exe" : spec->supervisor_program;
    const char *const arguments[] = {"gpulet-job", "--supervise", "job", spec->job_dir, NULL};
    char *plain[sizeof arguments / sizeof arguments[0]];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    memcpy(plain, arguments, sizeof arguments);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return STATUS_NO_MEMORY;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return STATUS_NO_MEMORY;
    }
    /* The ready end first: it may be one of the three below. */
    int result = posix_spawn_file_actions_adddup2(&actions, ready, READY_DESCRIPTOR);
    for (int i = 0; i < 3 && result == 0; i++) {
        result = posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    }
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (result == 0) {
        result = posix_spawn(ret_child, program, &actions, &attributes, plain, environ);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result == 0 ? STATUS_OK : STATUS_SYSTEM;
}

/* The supervisor's own word on its start, or that it did not come in time. */
static enum status
await_answer(int ready)
{
    const int64_t deadline = clock_monotonic_ms() + ANSWER_MS;
    for (;;) {
        uint8_t byte = 0;
        struct pollfd poller = {.fd = ready, .events = POLLIN};
        const int64_t left = deadline - clock_monotonic_ms();
        const int count = left <= 0 ? 0 : poll(&poller, 1, (int)left);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return STATUS_TIMEOUT;
        }
        const ssize_t got = read(ready, &byte, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        return got == 1 && byte < STATUS_COUNT ? (enum status)byte : STATUS_SYSTEM;
    }
}

enum status
workload_start(const struct workload_spec *spec)
{
    int ready[2];
    pid_t child = 0;
    enum status status = check_spec(spec);
    if (status == STATUS_OK) {
        status = make_directory(spec);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (pipe2(ready, O_CLOEXEC) != 0) {
        return STATUS_SYSTEM;
    }
    status = spawn(spec, ready[1], &child);
    close(ready[1]);
    if (status == STATUS_OK) {
        status = await_answer(ready[0]);
        if (status == STATUS_TIMEOUT) {
            kill(child, SIGKILL); /* the first stage; the supervisor itself goes on if it can */
        }
        /* The first stage ends when it has forked the supervisor. */
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(ready[0]);
    return status;
}

const char *
workload_state_name(enum workload_state state)
{
    switch (state) {
    case WORKLOAD_STARTING:
        return "starting";
    case WORKLOAD_RUNNING:
        return "running";
    case WORKLOAD_FROZEN:
        return "frozen";
    case WORKLOAD_ENDED:
        return "ended";
    }
    return "unknown";
}

const char *
workload_end_name(enum workload_end end)
{
    switch (end) {
    case WORKLOAD_END_NONE:
        return "none";
    case WORKLOAD_END_EXITED:
        return "exited";
    case WORKLOAD_END_SIGNALED:
        return "signaled";
    case WORKLOAD_END_KILLED:
        return "killed";
    case WORKLOAD_END_LEASE_OVER:
        return "lease_over";
    case WORKLOAD_END_UNPAID:
        return "unpaid";
    case WORKLOAD_END_DISK:
        return "disk";
    case WORKLOAD_END_MEMORY:
        return "memory";
    case WORKLOAD_END_NOT_STARTED:
        return "not_started";
    case WORKLOAD_END_LOST:
        return "lost";
    }
    return "unknown";
}
