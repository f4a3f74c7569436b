/* What `rent` answers with. */
#ifndef GPULET_CLI_RENT_H
#define GPULET_CLI_RENT_H

#include "cli/job.h"

/* The exit code of `rent` for a job that is over: its own, 128 + n for a signal, 125 when it was
 * ended, 128 + n when signal n interrupted us. */
int rent_exit_code(const struct job *job);

#endif
