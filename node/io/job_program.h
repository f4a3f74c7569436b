/* Where the program is that holds a job: gpulet-job, installed with gpuletd. */
#ifndef GPULET_NODE_IO_JOB_PROGRAM_H
#define GPULET_NODE_IO_JOB_PROGRAM_H

/* Opens gpulet-job beside a program of this directory, or in ../libexec/gpulet, for exec only (O_PATH):
 * what is started through the descriptor stays the same when a newer one is installed. -1: it is not
 * there. Owned. */
int job_program_open_near(const char *directory);

/* The same near the program that runs. */
int job_program_open(void);

#endif
