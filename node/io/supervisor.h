/* `gpulet-job`: the process that holds one job, whatever becomes of the daemon. A program of its own,
 * because gpuletd with its libraries takes 4 ms to load, twice a job. */
#ifndef GPULET_NODE_IO_SUPERVISOR_H
#define GPULET_NODE_IO_SUPERVISOR_H

/* For a main whose argv[1] is "--supervise", before anything else is done. Returns the exit code.
 *     --supervise job DIRECTORY    started by workload_start, which holds descriptor 3
 *     --supervise init ...         the first process in the sandbox, started by bwrap */
int supervisor_main(int argc, char **argv);

#endif
