/* A job's processes and what holds them: cgroup, bwrap, the sandbox's first process. */
#ifndef GPULET_NODE_IO_SUPERVISOR_JOB_H
#define GPULET_NODE_IO_SUPERVISOR_JOB_H

#include <stdbool.h>
#include <sys/types.h>

#include "node/io/cgroup.h"
#include "node/io/supervisor_init.h"
#include "node/io/supervisor_spec.h"
#include "protocol/status.h"

struct job {
    int directory; /* the job's; borrowed */
    int workspace; /* owned, as are the other descriptors; -1 when there is none */
    struct cgroup group;
    pid_t bwrap; /* 0: none, or reaped */
    pid_t init;  /* 0: not known yet */
    int init_handle;
    int channel;
    int errors; /* what bwrap complains */
};

/* Ends of the job's streams, owned by the caller after job_start; input is -1 without stdin. */
struct job_streams {
    int input;
    int outputs[2];
};

/* Makes the cgroup and starts bwrap in it, which makes the sandbox; the job's program waits there for
 * job_go. On failure nothing runs and one sentence stands in ret_reason; job_clear as ever. */
enum status job_start(struct job *job, int directory, const struct supervisor_spec *spec,
                      struct job_streams *ret, char ret_reason[WORKLOAD_REASON_SIZE]) MUST_USE;
/* Lets the job's program start. */
void job_go(struct job *job);
/* Ends a job that will not go, and its cgroup; waits for it, a second at most. */
void job_abandon(struct job *job);
void job_clear(struct job *job);

/* The next message of the sandbox's first process. STATUS_NOT_NOW; STATUS_DISCONNECTED. */
enum status job_receive(struct job *job, struct init_message *ret) MUST_USE;

/* Stops or continues every process, by cgroup or else by signals. */
void job_freeze(struct job *job, bool frozen);
/* To the job's own first process. */
void job_signal(struct job *job, int number);
/* SIGKILL to all; repeat until job_is_gone. */
void job_kill(struct job *job);
/* Reaps; true when no process of the job is left. */
bool job_is_gone(struct job *job);
/* What bwrap complained, one line; "" when nothing. */
void job_complaint(struct job *job, char ret_reason[WORKLOAD_REASON_SIZE]);

#endif
