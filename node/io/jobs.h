/* The jobs of leases that we host: starts them, tells the core what becomes of them, finds them again. */
#ifndef GPULET_NODE_IO_JOBS_H
#define GPULET_NODE_IO_JOBS_H

#include "node/core/effect.h"
#include "node/io/sink.h"
#include "node/io/workload.h"

struct jobs;

struct jobs_options {
    const char *data_dir;      /* kept; jobs live in <data_dir>/jobs */
    uid_t first_uid;           /* of the jobs, as root: one a slot */
    const char *bwrap_program; /* NULL: from PATH */
};

/* STATUS_SYSTEM: the directory cannot be made; STATUS_NO_MEMORY. Owned. */
enum status jobs_open(const struct jobs_options *options, struct jobs **ret_jobs) MUST_USE;

/* Lets go of the jobs, which go on under their supervisors. */
void jobs_close(struct jobs *jobs);

/* During recovery: the core believes that this lease's job was started. */
void jobs_expect(struct jobs *jobs, const struct lease_id *lease);

/* After recovery: takes over the supervisors that run, and gives EVENT_WORKLOAD_LOST for what was
 * expected and has left nothing. */
void jobs_adopt(struct jobs *jobs, const struct sink *sink);

/* One of EFFECT_JOB_*. */
void jobs_carry_out(struct jobs *jobs, enum effect_type type, const struct effect_job *order);

void jobs_add_to_poll(struct jobs *jobs, struct poll_set *set);

/* Gives EVENT_WORKLOAD and EVENT_WORKLOAD_LOST; what belongs to a job's streams goes to its listener. */
void jobs_receive(struct jobs *jobs, const struct poll_set *set, const struct sink *sink);

int64_t jobs_deadline_ms(const struct jobs *jobs);

/* Who wants the stream events of all jobs; one, set once. `take` answers false when it cannot take
 * the event now: it is offered again, and nothing more is read from that job until then. */
struct jobs_listener {
    bool (*take)(void *context, const struct lease_id *lease, const struct workload_event *event);
    void *context;
};
void jobs_set_listener(struct jobs *jobs, const struct jobs_listener *listener);

/* The connection to a job's supervisor, borrowed until the next call of this file; NULL when it has
 * none: then the job is over, or unknown. */
struct workload *jobs_workload(struct jobs *jobs, const struct lease_id *lease);

/* The supervisor's last word on input: all before `offset` has arrived, more may come up to `limit`.
 * False when it has not said any yet. */
bool jobs_credit(struct jobs *jobs, const struct lease_id *lease, uint64_t *ret_offset,
                 uint64_t *ret_limit);

/* True when no supervisor will come any more: the job's files have what is left. */
bool jobs_is_over(struct jobs *jobs, const struct lease_id *lease);

/* Why a job ended, as records say it; END_NONE when we ended it: then the core knows why. */
uint8_t jobs_end_reason(enum workload_end end);

/* The job's directory, `ret_path` of JOB_PATH_SIZE bytes. */
enum { JOB_PATH_SIZE = 4096 };
void jobs_path(const struct jobs *jobs, const struct lease_id *lease, char *ret_path);

#endif
