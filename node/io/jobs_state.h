/* Inside of the jobs: one job of a lease, from its order to the removal of its files. Only jobs.c and the
 * job_*.c beside it include this. */
#ifndef GPULET_NODE_IO_JOBS_STATE_H
#define GPULET_NODE_IO_JOBS_STATE_H

#include "node/io/job_worker.h"
#include "node/io/jobs.h"
#include "protocol/limits.h"

/* Open ones, and ended ones whose log is kept. */
enum { JOBS_MAX = LEASES_OPEN_MAX + 128 };

enum job_stage {
    STAGE_NONE,
    STAGE_STARTING, /* the worker has it */
    STAGE_REACHING, /* a supervisor should be there */
    STAGE_RUNNING,  /* connected; the job may be over already */
    STAGE_OVER,     /* no supervisor any more */
    STAGE_LEAVING   /* the worker removes its files */
};

/* What the core wants of a job, however long it takes to reach it. */
struct job_wish {
    uint64_t run_ms_limit; /* 0: nothing said */
    int64_t end_boot_ms;
    bool pay;
    bool freeze;
    bool thaw;
    bool warn;
    bool kill;
    uint64_t grace_ms;
};

struct job {
    enum job_stage stage;
    struct lease_id lease;
    struct workload *workload;
    size_t place;
    bool is_expected; /* by the core, at the last recovery or start */
    bool exit_is_told;
    bool is_blocked; /* `offered` waits for the listener */
    struct job_wish wish;
    int64_t due_ms; /* the next attempt */
    int64_t give_up_ms;
    uint64_t started_at_ms;
    struct workload_event offered;
    uint8_t *offered_data; /* WORKLOAD_DATA_MAX bytes, once one was needed */
    struct workload_status last;
    bool has_credit;
    uint64_t credit_offset;
    uint64_t credit_limit;
};

struct jobs {
    struct jobs_options options;
    struct job_worker *worker;
    struct job_worker *remover;
    struct jobs_listener listener;
    int64_t reconcile_ms;
    struct job list[JOBS_MAX];
};

/* NULL when the lease has no job here. */
struct job *job_find(struct jobs *jobs, const struct lease_id *lease);

/* A free place; else that of a job whose end the core knows: its files stay, only we forget it. NULL
 * when there is none. */
struct job *job_new(struct jobs *jobs, const struct lease_id *lease);
void job_forget(struct job *job);

/* News for the core (job_news.c) ----------------------------------------------------------------- */

void job_take_status(struct job *job, const struct workload_status *status,
                     const struct sink *sink);
void job_tell_lost(struct job *job, const struct sink *sink);

/* A job that could not even be tried. */
void job_tell_failed(struct job *job, enum status why, const struct sink *sink);

/* The supervisor (job_reach.c) -------------------------------------------------------------------- */

void job_begin_to_reach(struct job *job);

/* Connects; finds out how the job ended when nobody answers. */
void job_reach(struct jobs *jobs, struct job *job, const struct sink *sink);

/* No supervisor: what the job's own file says is what is left. */
void job_end_without_supervisor(struct jobs *jobs, struct job *job, const struct sink *sink);

/* Sends the supervisor what the core wants, as far as it takes it now. */
void job_fulfil(struct job *job);
bool job_has_wish(const struct job *job);

/* Lets the worker remove the job's files. */
void job_remove_files(struct jobs *jobs, const struct lease_id *lease);

#endif
