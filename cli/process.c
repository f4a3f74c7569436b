#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/connection.h"
#include "cli/place.h"

enum { STAT_SIZE = 1024, START_FIELD = 22, STATE_FIELD = 3, POLL_MS = 20, FAILED_TO_START = 127 };

void
process_sleep_ms(int ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* The n-th field of /proc/PID/stat; the second one, a name in brackets, may hold anything. */
static const char *
stat_field(const char *line, int number)
{
    const char *at = strrchr(line, ')');
    for (int field = 2; at != NULL && field < number; field++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    return at;
}

static enum status
read_stat(pid_t pid, char *ret_state, uint64_t *ret_start_ticks)
{
    char path[PLACE_SIZE];
    char line[STAT_SIZE];
    enum status status = place_format(path, "/proc/%ld/stat", (long)pid);
    if (status == STATUS_OK) {
        status = place_read(path, line, sizeof line);
    }
    if (status != STATUS_OK) {
        return STATUS_NOT_FOUND;
    }
    const char *state = stat_field(line, STATE_FIELD);
    const char *start = stat_field(line, START_FIELD);
    if (state == NULL || start == NULL) {
        return STATUS_NOT_FOUND;
    }
    *ret_state = *state;
    *ret_start_ticks = strtoull(start, NULL, 10);
    return STATUS_OK;
}

enum status
process_find(pid_t pid, struct process *ret_process)
{
    char state;
    uint64_t start_ticks;
    enum status status = read_stat(pid, &state, &start_ticks);
    if (status != STATUS_OK || state == 'Z' || state == 'X') {
        return STATUS_NOT_FOUND;
    }
    *ret_process = (struct process){pid, start_ticks};
    return STATUS_OK;
}

bool
process_runs(const struct process *process)
{
    struct process now;
    waitpid(process->pid, NULL, WNOHANG); /* a child of our own would stay for ever */
    return process_find(process->pid, &now) == STATUS_OK &&
           (process->start_ticks == 0 || now.start_ticks == process->start_ticks);
}

void
process_signal(const struct process *process, int signal_number)
{
    if (process->pid > 1 && process_runs(process)) {
        kill(process->pid, signal_number);
    }
}

bool
process_wait_gone(const struct process *process, int timeout_ms)
{
    const int64_t end_ms = connection_clock_ms() + timeout_ms;
    while (process_runs(process)) {
        if (connection_clock_ms() >= end_ms) {
            return false;
        }
        process_sleep_ms(POLL_MS);
    }
    return true;
}

/* In the child: nothing of the caller's stays open, so that no pipe waits for the daemon. */
static void
become(char *const *arguments, int log_file)
{
    const int null_file = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (setsid() < 0 || null_file < 0 || dup2(null_file, 0) < 0 || dup2(log_file, 1) < 0 ||
        dup2(log_file, 2) < 0) {
        _exit(FAILED_TO_START);
    }
    close_range(3, ~0U, 0);
    execv(arguments[0], arguments);
    _exit(FAILED_TO_START);
}

enum status
process_spawn(char *const *arguments, const char *log_path, struct process *ret_process)
{
    const int log_file = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_file < 0) {
        return STATUS_SYSTEM;
    }
    fflush(stdout);
    fflush(stderr);
    const pid_t pid = fork();
    if (pid == 0) {
        become(arguments, log_file);
    }
    close(log_file);
    if (pid < 0) {
        return STATUS_SYSTEM;
    }
    if (process_find(pid, ret_process) != STATUS_OK) {
        *ret_process = (struct process){pid, 0};
    }
    return STATUS_OK;
}
