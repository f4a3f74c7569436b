#include "node/io/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/io/supervisor_file.h"
#include "node/io/supervisor_state.h"
#include "node/io/supervisor_status.h"

enum { READY_DESCRIPTOR = 3 };

/* Tells workload_start how it went, once. */
static void
answer(enum status status)
{
    const uint8_t byte = (uint8_t)status;
    const ssize_t written = write(READY_DESCRIPTOR, &byte, 1);
    (void)written; /* a daemon that is gone will look itself */
    close(READY_DESCRIPTOR);
}

/* Away from the daemon's terminal, session, signals and descriptors. False in the parent's place. */
static bool
detach(int directory)
{
    struct rlimit files = {.rlim_cur = 1024, .rlim_max = 1024};
    struct rlimit now;
    const pid_t child = fork();
    if (child != 0) {
        return false;
    }
    setsid();
    umask(077);
    /* The workspace's depth costs descriptors; the job's own limit follows the hard one. */
    if (getrlimit(RLIMIT_NOFILE, &now) == 0) {
        files.rlim_max = now.rlim_max;
        files.rlim_cur = now.rlim_max < 1024 ? now.rlim_max : 1024;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int log = openat(directory, "supervisor.log",
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return nothing >= 0 && log >= 0 && dup2(nothing, 0) == 0 && dup2(nothing, 1) == 1 &&
           dup2(log, 2) == 2 && close(nothing) == 0 && close(log) == 0 && chdir("/") == 0;
}

static enum status
read_spec(struct supervisor *supervisor)
{
    struct buffer buffer;
    supervisor->spec_memory = malloc(WORKLOAD_SPEC_BYTES_MAX);
    if (supervisor->spec_memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    buffer_init(&buffer, supervisor->spec_memory, WORKLOAD_SPEC_BYTES_MAX);
    const enum status status = file_read(supervisor->directory, "spec", &buffer);
    return status != STATUS_OK ? status
                               : supervisor_spec_decode(buffer_bytes(&buffer), &supervisor->spec);
}

/* The promise that this job is started here, now, and never again. */
static enum status
promise_start(struct supervisor *supervisor)
{
    uint8_t memory[SUPERVISOR_STATUS_BYTES_MAX];
    struct buffer buffer;
    struct workload_status *status = &supervisor->status;
    status->state = WORKLOAD_STARTING;
    status->supervisor_pid = getpid();
    status->run_ms_limit = supervisor->spec.spec.run_ms_limit;
    status->end_boot_ms = supervisor->spec.spec.end_boot_ms;
    const enum status found = process_start_time(getpid(), &status->supervisor_start);
    if (found != STATUS_OK) {
        return STATUS_SYSTEM;
    }
    buffer_init(&buffer, memory, sizeof memory);
    supervisor_status_encode(status, &buffer);
    return file_write(supervisor->directory, "status", buffer_bytes(&buffer), FILE_CREATE_DURABLE);
}

static enum status
open_output(struct supervisor *supervisor, size_t index, const char *name)
{
    const struct workload_spec *spec = &supervisor->spec.spec;
    struct output_stream *output = &supervisor->outputs[index];
    const int log = openat(supervisor->directory, name,
                           O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0) {
        return status_from_errno();
    }
    const enum status status = output_init(output, (enum workload_stream)(index + 1), -1, log);
    output->attached = spec->attached;
    output->log_cap = spec->log_cap_bytes == 0 ? WORKLOAD_LOG_CAP_DEFAULT : spec->log_cap_bytes;
    return status;
}

static enum status
open_signals(struct supervisor *supervisor)
{
    sigset_t watched;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigprocmask(SIG_SETMASK, &watched, NULL);
    supervisor->signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervisor->signals < 0 ? STATUS_SYSTEM : STATUS_OK;
}

/* Everything that can fail before the sandbox is made. The logs are made by one supervisor only: a
 * second one of this job gets no further. */
static enum status
prepare(struct supervisor *supervisor)
{
    enum status status = read_spec(supervisor);
    if (status == STATUS_OK) {
        status = open_output(supervisor, 0, "out.log");
    }
    if (status == STATUS_OK) {
        status = open_signals(supervisor);
    }
    if (status == STATUS_OK) {
        status = open_output(supervisor, 1, "err.log");
    }
    if (status == STATUS_OK) {
        status = input_init(&supervisor->input, -1);
    }
    if (status == STATUS_OK && supervisor->spec.spec.stdin_wanted) {
        supervisor->input.ring = malloc(WORKLOAD_STDIN_WINDOW);
        status = supervisor->input.ring == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    }
    return status;
}

/* The sandbox is made while the promise goes to the disk; without the promise nothing runs in it. */
static enum status
promise_and_make(struct supervisor *supervisor)
{
    supervisor_make_sandbox(supervisor);
    enum status status = promise_start(supervisor);
    if (status == STATUS_OK) {
        status = control_listen(supervisor->directory, &supervisor->listener);
    }
    if (supervisor->job_exists) {
        (status == STATUS_OK ? job_go : job_abandon)(&supervisor->job);
    }
    return status;
}

enum poller {
    POLLER_LISTENER,
    POLLER_CONNECTION,
    POLLER_SIGNALS,
    POLLER_JOB,
    POLLER_OUTPUT,
    POLLER_ERRORS,
    POLLER_INPUT,
    POLLERS
};

static void
set_pollers(const struct supervisor *supervisor, struct pollfd pollers[POLLERS])
{
    pollers[POLLER_LISTENER] = (struct pollfd){.fd = supervisor->listener, .events = POLLIN};
    pollers[POLLER_CONNECTION] =
        (struct pollfd){.fd = supervisor->connection,
                        .events = (short)(supervisor->is_blocked ? POLLIN | POLLOUT : POLLIN)};
    pollers[POLLER_SIGNALS] = (struct pollfd){.fd = supervisor->signals, .events = POLLIN};
    pollers[POLLER_JOB] = (struct pollfd){.fd = supervisor->job.channel, .events = POLLIN};
    for (size_t i = 0; i < 2; i++) {
        const struct output_stream *output = &supervisor->outputs[i];
        pollers[POLLER_OUTPUT + i] =
            (struct pollfd){.fd = output_wants_pipe(output) ? output->pipe : -1, .events = POLLIN};
    }
    pollers[POLLER_INPUT] =
        (struct pollfd){.fd = input_wants_pipe(&supervisor->input) ? supervisor->input.pipe : -1,
                        .events = POLLOUT};
}

static void
hear_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo details;
    while (read(supervisor->signals, &details, sizeof details) == (ssize_t)sizeof details) {
        if (details.ssi_signo == SIGTERM) {
            supervisor_end_job(supervisor, WORKLOAD_END_KILLED, 0);
            supervisor->is_told_to_leave = true;
        }
    }
}

static void
turn(struct supervisor *supervisor, const struct pollfd pollers[POLLERS])
{
    if (pollers[POLLER_SIGNALS].revents != 0) {
        hear_signals(supervisor);
    }
    if (pollers[POLLER_JOB].revents != 0) {
        supervisor_hear_job(supervisor);
    }
    if (pollers[POLLER_CONNECTION].revents != 0) {
        supervisor_receive(supervisor);
    }
    if (pollers[POLLER_LISTENER].revents != 0) {
        control_accept(supervisor);
    }
    for (size_t i = 0; i < 2; i++) {
        if (pollers[POLLER_OUTPUT + i].revents != 0) {
            output_fill(&supervisor->outputs[i]);
        }
    }
    input_flush(&supervisor->input);
    supervisor_keep_time(supervisor);
    supervisor_send(supervisor);
}

static void
run(struct supervisor *supervisor)
{
    while (!supervisor_is_done(supervisor)) {
        struct pollfd pollers[POLLERS];
        set_pollers(supervisor, pollers);
        if (poll(pollers, POLLERS, supervisor_wait_ms(supervisor)) < 0) {
            if (errno != EINTR) {
                return;
            }
            continue;
        }
        turn(supervisor, pollers);
    }
}

/* What no reader took stays in files; then the job's directory speaks for itself. */
static void
leave(struct supervisor *supervisor)
{
    static const char *const names[2] = {"out.tail", "err.tail"};
    for (size_t i = 0; i < 2; i++) {
        if (output_spill(&supervisor->outputs[i], supervisor->directory, names[i]) != STATUS_OK) {
            fprintf(stderr, "cannot write %s\n", names[i]);
        }
    }
    supervisor_save_last(supervisor);
    output_clear(&supervisor->outputs[0]);
    output_clear(&supervisor->outputs[1]);
    unlinkat(supervisor->directory, "control", 0);
    unlinkat(supervisor->directory, "spec", 0);
    control_hang_up(supervisor);
    input_clear(&supervisor->input);
    job_clear(&supervisor->job);
    free(supervisor->spec_memory);
    close(supervisor->listener);
    close(supervisor->signals);
}

static int
supervise(int directory)
{
    static const struct job no_job = {
        .workspace = -1, .init_handle = -1, .channel = -1, .errors = -1};
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (supervisor == NULL) {
        answer(STATUS_NO_MEMORY);
        return 1;
    }
    supervisor->directory = directory;
    supervisor->listener = supervisor->connection = supervisor->signals = -1;
    supervisor->job = no_job;
    supervisor->kill_at_ms = INT64_MAX;
    enum status status = prepare(supervisor);
    if (status == STATUS_OK) {
        status = promise_and_make(supervisor);
    }
    answer(status);
    if (status != STATUS_OK) {
        return 1;
    }
    supervisor->meter.run_ms_limit = supervisor->spec.spec.run_ms_limit;
    supervisor->meter.end_boot_ms = supervisor->spec.spec.end_boot_ms;
    supervisor->meter.unpaid_kill_ms = supervisor->spec.spec.unpaid_kill_ms;
    supervisor_begin(supervisor);
    run(supervisor);
    leave(supervisor);
    free(supervisor);
    return 0;
}

int
supervisor_main(int argc, char **argv)
{
    sigset_t none;
    sigemptyset(&none);
    /* It begins as a plain process, whatever the daemon had blocked or ignored. */
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || signal(SIGPIPE, SIG_DFL) == SIG_ERR) {
        return 1;
    }
    if (argc > 2 && strcmp(argv[2], "init") == 0) {
        supervisor_init_main(argc, argv);
    }
    if (argc != 4 || strcmp(argv[2], "job") != 0) {
        fprintf(stderr, "gpulet-job is for gpuletd itself\n");
        return 2;
    }
    prctl(PR_SET_NAME, "gpulet-job");
    syscall(SYS_close_range, READY_DESCRIPTOR + 1, ~0u, 0);
    const int directory = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        answer(STATUS_NOT_FOUND);
        return 1;
    }
    fcntl(READY_DESCRIPTOR, F_SETFD, FD_CLOEXEC);
    if (!detach(directory)) {
        _exit(0);
    }
    return supervise(directory);
}
