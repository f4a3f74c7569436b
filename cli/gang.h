/* A job on many hosts, followed from the command line: its members' output, and how it ended. */
#ifndef GPULET_CLI_GANG_H
#define GPULET_CLI_GANG_H

#include "cli/command.h"
#include "cli/connection.h"

/* Follows the answer to a CONTROL_RENT for more than one host, until its end, or, when it is not
 * attached, until all members run. `signals` as of job_catch_signals. Returns the exit code: the first one of
 * a member that is not 0; what cannot be had is said on stderr. */
int gang_follow(const struct invocation *invocation, struct connection *connection,
                bool is_attached, int signals);

#endif
