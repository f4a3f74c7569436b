/* `gpuletd --supervise`: the process that holds one job, whatever becomes of the daemon. */
#ifndef GPULET_NODE_IO_SUPERVISOR_H
#define GPULET_NODE_IO_SUPERVISOR_H

/* For node/main.c when argv[1] is "--supervise", before anything else is done. Returns the exit code.
 *     gpuletd --supervise job DIRECTORY    started by workload_start, which holds descriptor 3
 *     gpuletd --supervise init ...         the first process in the sandbox, started by bwrap */
int supervisor_main(int argc, char **argv);

#endif
