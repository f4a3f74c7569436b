/* Daemons as processes: started in the background, recognised later, stopped for certain. */
#ifndef GPULET_CLI_PROCESS_H
#define GPULET_CLI_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/status.h"

/* A process that a number alone does not name: numbers come back. */
struct process {
    pid_t pid;
    uint64_t start_ticks; /* since boot, field 22 of /proc/PID/stat; 0: not known */
};

/* Starts a program in a session of its own, with nothing of ours but a log for both outputs (made
 * 0600, appended to). arguments[0] is the program's path, the last one NULL. STATUS_SYSTEM. */
enum status process_spawn(char *const *arguments, const char *log_path, struct process *ret_process)
    MUST_USE;

/* The process of that number, now. STATUS_NOT_FOUND. */
enum status process_find(pid_t pid, struct process *ret_process) MUST_USE;

/* True while just this process runs; one that only waits to be reaped does not. */
bool process_runs(const struct process *process);

/* Sends a signal, if it still is that process. */
void process_signal(const struct process *process, int signal_number);

/* Waits until it is gone, at most so long; false when it still runs. */
bool process_wait_gone(const struct process *process, int timeout_ms);

/* Sleeps. */
void process_sleep_ms(int ms);

#endif
