/* A thread for what takes long: starting supervisors, and removing the files of old jobs. */
#ifndef GPULET_NODE_IO_JOB_WORKER_H
#define GPULET_NODE_IO_JOB_WORKER_H

#include "node/io/job_spec.h"
#include "node/io/sink.h"

enum job_task_kind { JOB_TASK_START, JOB_TASK_DESTROY };

struct job_task {
    enum job_task_kind kind;
    struct lease_id lease;
    struct job_spec *spec; /* JOB_TASK_START; owned */
    char path[4096];       /* JOB_TASK_DESTROY */
    enum status status;    /* once done */
    struct job_task *next;
};

struct job_worker;

/* NULL when memory or the thread is missing. Owned; the end waits for the task in hand. */
struct job_worker *job_worker_new(void);
void job_worker_free(struct job_worker *worker);

/* The worker owns the task from now on. */
void job_worker_give(struct job_worker *worker, struct job_task *task);

void job_worker_add_to_poll(struct job_worker *worker, struct poll_set *set);

/* A finished task, in the order given; NULL when there is none. The caller owns it. */
struct job_task *job_worker_take(struct job_worker *worker);

/* NULL is allowed. */
void job_task_free(struct job_task *task);

#endif
