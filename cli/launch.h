/* gpuletd in the background: `up` and `down`, and the nodes of a test network. */
#ifndef GPULET_CLI_LAUNCH_H
#define GPULET_CLI_LAUNCH_H

#include "cli/command.h"
#include "cli/output.h"
#include "cli/process.h"
#include "protocol/control.h"

/* Waits until the daemon of a data directory answers; its status is the answer's first row. Says on
 * stderr what its log says when it ended instead, or when the time is over. Returns an exit code. */
int launch_wait(const char *data, const char *log_path, const struct process *process,
                int timeout_ms, struct answer *answer);

/* Asks the daemon's status without a word on stderr; false when nobody answers. */
bool launch_status(const char *data, struct answer *answer);

/* Asks a daemon to end; by a signal when it does not answer. */
void launch_ask_stop(const char *data, const struct process *process);

/* Waits for the end; after `timeout_ms` SIGKILL when `may_kill`. False: it still runs. */
bool launch_wait_stopped(const struct process *process, int timeout_ms, bool may_kill);

#endif
