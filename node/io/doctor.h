/* Looks at the machine without touching it, and says what is missing and how to mend it. */
#ifndef GPULET_NODE_IO_DOCTOR_H
#define GPULET_NODE_IO_DOCTOR_H

#include "node/io/options.h"

/* gpuletd --check: a table for people, or one JSON object with --json, on stdout. Gives the exit code: 0
 * when a node can run here (whether or not it can host), else 1. */
int doctor_run(const struct options *options);

/* True when the sandbox cannot enforce every limit of a job here. */
bool doctor_limits_lack(void);

#endif
