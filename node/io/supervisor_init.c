#include "node/io/supervisor_init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ARGUMENT_CHANNEL = 3, /* of argv */
    ARGUMENT_STREAMS = 4,
    ARGUMENT_PROCESSES = 7,
    ARGUMENT_DATA = 8,
    ARGUMENT_DASHES = 9,
    ARGUMENT_PROGRAM = 10,
};

struct init {
    int channel;
    int streams[3];
    int signals;
    pid_t child;
    uint64_t processes_max;
    uint64_t data_bytes;
};

static void
tell(const struct init *init, enum init_message_type type, uint32_t value)
{
    const struct init_message message = {.type = type, .value = value};
    while (send(init->channel, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

static void
limit(int resource, uint64_t value)
{
    const struct rlimit both = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    if (value > 0) {
        setrlimit((__rlimit_resource_t)resource, &both);
    }
}

/* The host's memory killer takes the job before bwrap or the host's own programs. */
static void
offer_to_memory_killer(void)
{
    const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        const ssize_t written = write(file, "500", 3);
        (void)written; /* it is a hint */
        close(file);
    }
}

static void
explain(const char *program, int error)
{
    char text[256];
    const int length =
        snprintf(text, sizeof text, "gpulet: cannot run '%.120s': %s\n", program, strerror(error));
    const size_t size = length < 0 ? 0 : (size_t)length;
    const ssize_t written = write(2, text, size < sizeof text ? size : sizeof text - 1);
    (void)written; /* the supervisor reports it too */
}

/* In the child: becomes the job's program, or writes errno into the pipe. */
static _Noreturn void
become_program(const struct init *init, char **arguments, int errors)
{
    sigset_t none;
    sigemptyset(&none);
    for (int i = 0; i < 3; i++) {
        if (dup2(init->streams[i], i) < 0) {
            _exit(127);
        }
    }
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    offer_to_memory_killer();
    sigprocmask(SIG_SETMASK, &none, NULL);
    limit(RLIMIT_DATA, init->data_bytes);
    limit(RLIMIT_NPROC, init->processes_max);
    execvp(arguments[0], arguments);
    const int error = errno;
    explain(arguments[0], error);
    const ssize_t written = write(errors, &error, sizeof error);
    _exit(written < 0 ? 126 : 127);
}

/* Waits until the child has exec'd; 0, or its errno. */
static int
exec_error(int errors)
{
    int error = 0;
    ssize_t count;
    do {
        count = read(errors, &error, sizeof error);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof error ? error : 0;
}

static void
start_program(struct init *init, char **arguments)
{
    int errors[2];
    if (pipe2(errors, O_CLOEXEC) != 0) {
        tell(init, INIT_FAILED, (uint32_t)errno);
        _exit(127);
    }
    init->child = fork();
    if (init->child == 0) {
        become_program(init, arguments, errors[1]);
    }
    if (init->child < 0) {
        tell(init, INIT_FAILED, (uint32_t)errno);
        _exit(127);
    }
    close(errors[1]);
    /* Only the job may hold its streams open, so that their ends are its ends. */
    for (size_t i = 0; i < 3; i++) {
        close(init->streams[i]);
    }
    const int error = exec_error(errors[0]);
    close(errors[0]);
    tell(init, error == 0 ? INIT_STARTED : INIT_FAILED, (uint32_t)error);
}

/* The sandbox is made while the promise of the start is written: the program waits for it. */
static void
await_go(const struct init *init)
{
    struct init_message message = {0};
    ssize_t count;
    do {
        count = recv(init->channel, &message, sizeof message, 0);
    } while (count < 0 && errno == EINTR);
    if (count != (ssize_t)sizeof message || message.type != INIT_GO) {
        _exit(126); /* no supervisor, no job */
    }
}

/* Reaps orphans too; the job is over with its first process, and this one's end kills the rest. */
static void
reap(const struct init *init)
{
    struct signalfd_siginfo details;
    const ssize_t count = read(init->signals, &details, sizeof details);
    (void)count; /* waitpid tells more */
    for (;;) {
        int ended = 0;
        const pid_t pid = waitpid(-1, &ended, WNOHANG);
        if (pid <= 0) {
            return;
        }
        if (pid == init->child) {
            tell(init, INIT_EXITED, (uint32_t)ended);
            _exit(0);
        }
    }
}

static void
obey(const struct init *init)
{
    struct init_message message;
    const ssize_t count = recv(init->channel, &message, sizeof message, 0);
    if (count == 0) {
        _exit(0); /* no supervisor, no job */
    }
    if (count != (ssize_t)sizeof message) {
        return;
    }
    if (message.type == INIT_STOP) {
        kill(-1, SIGSTOP);
    } else if (message.type == INIT_CONTINUE) {
        kill(-1, SIGCONT);
    } else if (message.type == INIT_SIGNAL) {
        kill(init->child, (int)message.value);
    }
}

_Noreturn void
supervisor_init_main(int argc, char **argv)
{
    struct init init;
    sigset_t all;
    if (argc <= ARGUMENT_PROGRAM || strcmp(argv[ARGUMENT_DASHES], "--") != 0) {
        _exit(126);
    }
    init.channel = (int)strtol(argv[ARGUMENT_CHANNEL], NULL, 10);
    fcntl(init.channel, F_SETFD, FD_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        init.streams[i] = (int)strtol(argv[ARGUMENT_STREAMS + i], NULL, 10);
        fcntl(init.streams[i], F_SETFD, FD_CLOEXEC);
    }
    init.processes_max = strtoull(argv[ARGUMENT_PROCESSES], NULL, 10);
    init.data_bytes = strtoull(argv[ARGUMENT_DATA], NULL, 10);
    /* The job has the same uid: without this it could write into our memory through /proc/1. */
    prctl(PR_SET_DUMPABLE, 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&all);
    sigaddset(&all, SIGCHLD);
    init.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    tell(&init, INIT_HELLO, 0);
    await_go(&init);
    start_program(&init, argv + ARGUMENT_PROGRAM);
    for (;;) {
        struct pollfd pollers[2] = {{.fd = init.channel, .events = POLLIN},
                                    {.fd = init.signals, .events = POLLIN}};
        if (poll(pollers, 2, -1) < 0 && errno != EINTR) {
            _exit(126);
        }
        if (pollers[1].revents != 0) {
            reap(&init);
        }
        if (pollers[0].revents != 0) {
            obey(&init);
        }
    }
}
