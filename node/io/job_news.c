#include <stdio.h>

#include "node/io/clock.h"
#include "node/io/jobs_state.h"
#include "protocol/record.h"

uint8_t
jobs_end_reason(enum workload_end end)
{
    switch (end) {
    case WORKLOAD_END_NONE:
    case WORKLOAD_END_KILLED:
        return END_NONE; /* we were told to: the core knows why */
    case WORKLOAD_END_EXITED:
    case WORKLOAD_END_SIGNALED:
        return END_JOB_EXITED;
    case WORKLOAD_END_LEASE_OVER:
        return END_DURATION;
    case WORKLOAD_END_UNPAID:
        return END_UNPAID;
    case WORKLOAD_END_DISK:
    case WORKLOAD_END_MEMORY:
        return END_LIMIT;
    case WORKLOAD_END_NOT_STARTED:
    case WORKLOAD_END_LOST:
        return END_HOST_FAILURE;
    }
    return END_HOST_FAILURE;
}

static void
tell(struct job *job, const struct workload_status *status, uint8_t state, const struct sink *sink)
{
    const struct event event = {
        .type = EVENT_WORKLOAD,
        .as.workload = {.lease = job->lease,
                        .state = state,
                        .run_ms = status->run_ms,
                        .started_at_ms = job->started_at_ms,
                        .exit_code = (uint8_t)status->exit_code,
                        .exit_signal = (uint8_t)status->signal_number,
                        .reason = jobs_end_reason(status->end),
                        .bytes_in = status->stdin_bytes,
                        .bytes_out = status->out_bytes[0] + status->out_bytes[1],
                        .text = status->reason[0] == '\0' ? NULL : status->reason}};
    sink->take(sink->context, &event);
}

void
job_tell_lost(struct job *job, const struct sink *sink)
{
    const struct event event = {.type = EVENT_WORKLOAD_LOST, .as.lease = job->lease};
    job->exit_is_told = true;
    sink->take(sink->context, &event);
}

/* The wall clock at exec, from what ran since; a job that never ran has none. */
static void
note_start(struct job *job, const struct workload_status *status)
{
    const bool has_run =
        status->run_ms > 0 || status->state == WORKLOAD_RUNNING ||
        (status->state == WORKLOAD_ENDED && status->end != WORKLOAD_END_NOT_STARTED);
    if (job->started_at_ms == 0 && has_run) {
        const uint64_t now_ms = (uint64_t)clock_now().wall.ms;
        job->started_at_ms = now_ms - status->run_ms - status->frozen_ms;
    }
}

void
job_take_status(struct job *job, const struct workload_status *status, const struct sink *sink)
{
    job->last = *status;
    note_start(job, status);
    switch (status->state) {
    case WORKLOAD_STARTING:
        break;
    case WORKLOAD_RUNNING:
        tell(job, status, JOB_RUNNING, sink);
        break;
    case WORKLOAD_FROZEN:
        tell(job, status, JOB_FROZEN, sink);
        break;
    case WORKLOAD_ENDED:
        if (job->exit_is_told) {
            break;
        }
        if (status->end == WORKLOAD_END_LOST) {
            job_tell_lost(job, sink);
            break;
        }
        job->exit_is_told = true;
        tell(job, status, status->end == WORKLOAD_END_NOT_STARTED ? JOB_FAILED : JOB_EXITED, sink);
        break;
    }
}

void
job_tell_failed(struct job *job, enum status why, const struct sink *sink)
{
    struct workload_status status = {.state = WORKLOAD_ENDED, .end = WORKLOAD_END_NOT_STARTED};
    snprintf(status.reason, sizeof status.reason, "%s", status_text(why));
    job->stage = STAGE_OVER;
    job_take_status(job, &status, sink);
}
