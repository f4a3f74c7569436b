#include "tests/io/workload_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/io/cgroup.h"
#include "node/io/clock.h"
#include "node/io/sandbox.h"
#include "node/io/supervisor.h"
#include "node/io/supervisor_file.h"
#include "tests/io/hostile.h"

enum { CREDIT_AHEAD = 1024 * 1024 };

/* workload_start runs this very program again; it has to be a supervisor before it is a test. */
__attribute__((constructor)) static void
be_what_was_asked(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--supervise") == 0) {
        _exit(supervisor_main(argc, argv));
    }
    if (argc > 1 && strcmp(argv[1], "--hostile") == 0) {
        _exit(hostile_main(argc, argv));
    }
}

int64_t
fixture_now_ms(void)
{
    return clock_monotonic_ms();
}

bool
fixture_cannot_run(void)
{
    struct sandbox_capabilities capabilities;
    sandbox_capabilities(&capabilities);
    if (!capabilities.can_run) {
        /* Not Criterion's warning: that makes its exit code 1. */
        fprintf(stderr, "skipped: %s\n", capabilities.reason);
    }
    return !capabilities.can_run;
}

static void
name_lease(struct lease_id *lease)
{
    const int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(file, lease->bytes, sizeof lease->bytes), (ssize_t)sizeof lease->bytes);
    close(file);
}

void
fixture_init(struct fixture *fixture, const char *const *command)
{
    *fixture = (struct fixture){0};
    char hex[ID_HEX_SIZE];
    snprintf(fixture->base, sizeof fixture->base, "/tmp/gpulet-job-XXXXXX");
    cr_assert_not_null(mkdtemp(fixture->base));
    struct workload_spec *spec = &fixture->spec;
    name_lease(&spec->lease);
    id_to_hex(spec->lease.bytes, hex);
    snprintf(fixture->job_dir, sizeof fixture->job_dir, "%s/%s", fixture->base, hex);
    for (size_t i = 0; command[i] != NULL; i++) {
        cr_assert_lt(i, 15);
        fixture->arguments[i] = command[i];
        spec->argument_count++;
    }
    spec->job_dir = fixture->job_dir;
    spec->arguments = fixture->arguments;
    spec->attached = true;
    spec->memory_mib = 256;
    spec->pids_max = 64;
    spec->disk_mib = 64;
    spec->cpu_threads = 2;
    spec->uid = WORKLOAD_UID_FIRST_DEFAULT + (uid_t)(spec->lease.bytes[0]);
    spec->run_ms_limit = 600000;
    spec->end_boot_ms = clock_boot_ms() + 600000;
}

void
fixture_init_shell(struct fixture *fixture, const char *script)
{
    const char *const command[] = {"/bin/sh", "-c", script, NULL};
    fixture_init(fixture, command);
}

void
fixture_connect(struct fixture *fixture)
{
    cr_assert_eq(workload_connect(fixture->job_dir, &fixture->workload), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        const enum workload_stream stream = (enum workload_stream)(i + 1);
        cr_assert_eq(workload_read(fixture->workload, stream, fixture->received[i],
                                   fixture->received[i] + CREDIT_AHEAD),
                     STATUS_OK);
    }
}

void
fixture_start(struct fixture *fixture)
{
    const enum status status = workload_start(&fixture->spec);
    cr_assert_eq(status, STATUS_OK, "workload_start: %s", status_text(status));
    fixture_connect(fixture);
}

static void
take_data(struct fixture *fixture, const struct workload_event *event)
{
    const size_t index = (size_t)event->stream - 1;
    const uint64_t have = fixture->received[index];
    cr_assert_eq(event->offset, have, "stream %d jumps from %lu to %lu", event->stream,
                 (unsigned long)have, (unsigned long)event->offset);
    for (size_t i = 0; i < event->data.length && have + i < FIXTURE_OUTPUT_MAX; i++) {
        fixture->output[index][have + i] = (char)event->data.data[i];
        fixture->output[index][have + i + 1] = '\0';
    }
    fixture->received[index] = have + event->data.length;
    const enum status status =
        workload_credit(fixture->workload, event->stream, fixture->received[index],
                        fixture->received[index] + CREDIT_AHEAD);
    cr_assert(status == STATUS_OK || status == STATUS_DISCONNECTED);
}

bool
fixture_step(struct fixture *fixture, int wait_ms)
{
    struct workload_event event;
    struct pollfd poller = {.fd = workload_fd(fixture->workload),
                            .events = workload_poll_events(fixture->workload)};
    if (poll(&poller, 1, wait_ms) <= 0) {
        return false;
    }
    const enum status status = workload_receive(fixture->workload, &event);
    if (status != STATUS_OK) {
        cr_assert_eq(status, STATUS_NOT_NOW, "workload_receive: %s", status_text(status));
        return false;
    }
    switch (event.kind) {
    case WORKLOAD_EVENT_EXIT:
        fixture->has_exit = true;
        fixture->status = event.status;
        break;
    case WORKLOAD_EVENT_STATUS:
        fixture->status = event.status;
        break;
    case WORKLOAD_EVENT_DATA:
        take_data(fixture, &event);
        break;
    case WORKLOAD_EVENT_GAP:
        fixture->gaps[event.stream - 1] += event.offset - fixture->received[event.stream - 1];
        fixture->received[event.stream - 1] = event.offset;
        cr_assert_eq(workload_credit(fixture->workload, event.stream, event.offset,
                                     event.offset + CREDIT_AHEAD),
                     STATUS_OK);
        break;
    case WORKLOAD_EVENT_EOF:
        cr_assert_eq(event.offset, fixture->received[event.stream - 1]);
        fixture->has_end[event.stream - 1] = true;
        break;
    case WORKLOAD_EVENT_CREDIT:
        fixture->stdin_offset = event.offset;
        fixture->stdin_limit = event.limit;
        break;
    }
    return true;
}

void
fixture_finish(struct fixture *fixture, int within_ms)
{
    const int64_t deadline = fixture_now_ms() + within_ms;
    while (!fixture->has_exit || !fixture->has_end[0] || !fixture->has_end[1]) {
        cr_assert_lt(fixture_now_ms(), deadline, "not over: state %s, exit %d, ends %d %d, out %lu",
                     workload_state_name(fixture->status.state), fixture->has_exit,
                     fixture->has_end[0], fixture->has_end[1], (unsigned long)fixture->received[0]);
        fixture_step(fixture, 20);
    }
}

void
fixture_await_state(struct fixture *fixture, enum workload_state state, int within_ms)
{
    const int64_t deadline = fixture_now_ms() + within_ms;
    while (fixture->status.state != state) {
        cr_assert_lt(fixture_now_ms(), deadline, "state is %s: %s",
                     workload_state_name(fixture->status.state), fixture->status.reason);
        fixture_step(fixture, 20);
    }
}

void
fixture_await_output(struct fixture *fixture, const char *text, int within_ms)
{
    const int64_t deadline = fixture_now_ms() + within_ms;
    while (strstr(fixture->output[0], text) == NULL) {
        cr_assert_lt(fixture_now_ms(), deadline, "no '%s' in: %s%s", text, fixture->output[0],
                     fixture->output[1]);
        fixture_step(fixture, 20);
    }
}

void
fixture_run(struct fixture *fixture, int within_ms)
{
    fixture_start(fixture);
    fixture_finish(fixture, within_ms);
    workload_disconnect(fixture->workload);
    fixture->workload = NULL;
}

/* Processes whose chain of parents leads to `root`, itself included. */
static unsigned
count_family(pid_t root)
{
    unsigned count = 0;
    DIR *proc = opendir("/proc");
    cr_assert_not_null(proc);
    for (const struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        pid_t at = (pid_t)strtol(entry->d_name, NULL, 10);
        for (unsigned depth = 0; at > 1 && depth < 200; depth++) {
            if (at == root) {
                count++;
                break;
            }
            at = process_parent(at);
        }
    }
    closedir(proc);
    return count;
}

unsigned
fixture_process_count(const struct fixture *fixture)
{
    const pid_t first = fixture->status.job_pid;
    const bool lives = process_is_alive(first, fixture->status.job_start);
    return lives ? count_family(first) : 0;
}

bool
fixture_supervisor_is_alive(const struct fixture *fixture)
{
    return process_is_alive(fixture->status.supervisor_pid, fixture->status.supervisor_start);
}

void
fixture_clear(struct fixture *fixture)
{
    workload_disconnect(fixture->workload);
    fixture->workload = NULL;
    char cgroups[4096];
    struct buffer saved;
    struct cgroup group = {0};
    buffer_init(&saved, cgroups, sizeof cgroups);
    const int directory = open(fixture->job_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        if (file_read(directory, "cgroup", &saved) == STATUS_OK) {
            cr_assert_eq(cgroup_load(buffer_bytes(&saved), &group), STATUS_OK);
        }
        close(directory);
        const enum status status = workload_destroy(fixture->job_dir);
        cr_assert_eq(status, STATUS_OK, "workload_destroy: %s", status_text(status));
    }
    cr_assert_eq(access(fixture->job_dir, F_OK), -1);
    cr_assert_eq(rmdir(fixture->base), 0, "%s: %s", fixture->base, strerror(errno));
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        cr_assert(group.places[i].version == 0 || access(group.places[i].path, F_OK) != 0,
                  "%s is left", group.places[i].path);
    }
    cr_assert_not(fixture_supervisor_is_alive(fixture));
    cr_assert_eq(fixture_process_count(fixture), 0);
}
