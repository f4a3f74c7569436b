#include "node/io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/cgroup.h"
#include "node/io/supervisor_file.h"

/* In the child: what a job's bwrap does first, without a job. Never returns. */
static void
try_namespaces(const char *bwrap, int errors)
{
    static char *const no_environment[] = {NULL};
    /* With every option a job's command line has: an old bwrap lacks some. */
    const char *const arguments[] = {"bwrap",
                                     "--unshare-all",
                                     "--die-with-parent",
                                     "--new-session",
                                     "--as-pid-1",
                                     "--cap-drop",
                                     "ALL",
                                     "--uid",
                                     "1000",
                                     "--ro-bind",
                                     "/usr",
                                     "/usr",
                                     "--symlink",
                                     "usr/lib",
                                     "/lib",
                                     "--symlink",
                                     "usr/lib64",
                                     "/lib64",
                                     "--proc",
                                     "/proc",
                                     "--dev",
                                     "/dev",
                                     "--perms",
                                     "1777",
                                     "--size",
                                     "65536",
                                     "--tmpfs",
                                     "/tmp",
                                     "--remount-ro",
                                     "/",
                                     "--",
                                     "/usr/bin/true",
                                     NULL};
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(errors, 2) < 0) {
        _exit(1);
    }
    if (geteuid() == 0 && sandbox_become(WORKLOAD_UID_FIRST_DEFAULT, NULL, 0) != STATUS_OK) {
        static const char text[] = "cannot take another uid";
        const ssize_t written = write(2, text, sizeof text - 1);
        _exit(written < 0 ? 2 : 1);
    }
    char *plain[sizeof arguments / sizeof arguments[0]];
    memcpy(plain, arguments, sizeof arguments);
    execve(bwrap, plain, no_environment);
    _exit(1);
}

/* Reads the child's complaints until it ends or 3 s are over. */
static void
read_complaint(int descriptor, char *ret_text, size_t size)
{
    const int64_t deadline = clock_monotonic_ms() + 3000;
    size_t length = 0;
    for (;;) {
        const int64_t left = deadline - clock_monotonic_ms();
        struct pollfd poller = {.fd = descriptor, .events = POLLIN};
        if (left <= 0 || poll(&poller, 1, (int)left) <= 0) {
            break;
        }
        char rest[256];
        const ssize_t count = read(descriptor, rest, sizeof rest);
        if (count <= 0) {
            break;
        }
        const size_t room = size - 1 - length;
        const size_t taken = (size_t)count < room ? (size_t)count : room;
        memcpy(ret_text + length, rest, taken);
        length += taken;
    }
    ret_text[length] = '\0';
    ret_text[strcspn(ret_text, "\n")] = '\0';
}

static bool
namespaces_work(const char *bwrap, char ret_reason[SANDBOX_REASON_SIZE])
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(ret_reason, SANDBOX_REASON_SIZE, "no pipe: %s", strerror(errno));
        return false;
    }
    const pid_t child = fork();
    if (child == 0) {
        try_namespaces(bwrap, ends[1]);
    }
    close(ends[1]);
    char complaint[SANDBOX_REASON_SIZE - 20] = "";
    int ended = -1;
    if (child > 0) {
        read_complaint(ends[0], complaint, sizeof complaint);
        kill(child, SIGKILL);
        while (waitpid(child, &ended, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    if (child > 0 && WIFEXITED(ended) && WEXITSTATUS(ended) == 0) {
        return true;
    }
    snprintf(ret_reason, SANDBOX_REASON_SIZE, "bwrap fails: %s",
             complaint[0] == '\0' ? "it says nothing" : complaint);
    return false;
}

void
sandbox_capabilities(struct sandbox_capabilities *ret)
{
    struct cgroup own;
    uint8_t memory[WORKLOAD_FILTER_BYTES_MAX];
    struct buffer filter;
    *ret = (struct sandbox_capabilities){.separates_users = geteuid() == 0};
    cgroup_find_own(&own);
    ret->limits_memory = own.places[CGROUP_MEMORY].version != 0;
    ret->limits_pids = own.places[CGROUP_PIDS].version != 0;
    ret->limits_cpu = own.places[CGROUP_CPU].version != 0;
    ret->freezes = own.places[CGROUP_FREEZER].version != 0;
    buffer_init(&filter, memory, sizeof memory);
    ret->has_seccomp = sandbox_filter(&filter) == STATUS_OK;
    sandbox_find_bwrap(ret->bwrap_path);
    if (ret->bwrap_path[0] == '\0') {
        snprintf(ret->reason, sizeof ret->reason, "bwrap is not installed (package bubblewrap)");
    } else if (!ret->has_seccomp) {
        snprintf(ret->reason, sizeof ret->reason, "libseccomp cannot make the filter");
    } else {
        ret->can_run = namespaces_work(ret->bwrap_path, ret->reason);
    }
}
