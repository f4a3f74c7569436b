#include "node/io/jobs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "node/io/clock.h"
#include "node/io/jobs_state.h"
#include "node/io/log.h"

enum { EVENTS_A_ROUND = 64, RECONCILE_MS = 3000 };

enum status
jobs_open(const struct jobs_options *options, struct jobs **ret_jobs)
{
    char path[JOB_PATH_SIZE];
    if (snprintf(path, sizeof path, "%s/jobs", options->data_dir) >= (int)sizeof path) {
        return STATUS_LIMIT;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return STATUS_SYSTEM;
    }
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL) {
        return STATUS_NO_MEMORY;
    }
    jobs->options = *options;
    jobs->worker = job_worker_new();
    jobs->remover = job_worker_new();
    if (jobs->worker == NULL || jobs->remover == NULL) {
        jobs_close(jobs);
        return STATUS_NO_MEMORY;
    }
    *ret_jobs = jobs;
    return STATUS_OK;
}

void
job_forget(struct job *job)
{
    workload_disconnect(job->workload);
    free(job->offered_data);
    *job = (struct job){.stage = STAGE_NONE};
}

void
jobs_close(struct jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    job_worker_free(jobs->worker);
    job_worker_free(jobs->remover);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_forget(&jobs->list[i]);
    }
    free(jobs);
}

struct job *
job_find(struct jobs *jobs, const struct lease_id *lease)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        if (job->stage != STAGE_NONE && lease_id_equal(&job->lease, lease)) {
            return job;
        }
    }
    return NULL;
}

struct job *
job_new(struct jobs *jobs, const struct lease_id *lease)
{
    struct job *place = NULL;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        if (job->stage == STAGE_NONE) {
            place = job;
            break;
        }
        if (job->stage == STAGE_OVER && job->exit_is_told && place == NULL) {
            place = job;
        }
    }
    if (place != NULL) {
        job_forget(place);
        place->lease = *lease;
        place->place = POLL_PLACE_NONE;
    }
    return place;
}

void
jobs_path(const struct jobs *jobs, const struct lease_id *lease, char *ret_path)
{
    char hex[ID_HEX_SIZE];
    id_to_hex(lease->bytes, hex);
    snprintf(ret_path, JOB_PATH_SIZE, "%s/jobs/%s", jobs->options.data_dir, hex);
}

static void
start_job(struct jobs *jobs, const struct effect_job *order)
{
    char path[JOB_PATH_SIZE];
    jobs_path(jobs, &order->lease, path);
    struct job *job = job_find(jobs, &order->lease);
    if (job != NULL) {
        return; /* at most once, ever */
    }
    job = job_new(jobs, &order->lease);
    struct job_task *task = calloc(1, sizeof *task);
    enum status status = job == NULL || task == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK) {
        status = job_spec_make(order, path, jobs->options.first_uid, &task->spec);
    }
    if (job == NULL) {
        log_line(LOG_ERROR, "too many jobs: one cannot be started");
        free(task);
        return;
    }
    job->is_expected = true;
    job->stage = STAGE_STARTING;
    if (status != STATUS_OK) {
        job->last.state = WORKLOAD_ENDED; /* told at the next round: nothing is told from here */
        job->last.end = WORKLOAD_END_NOT_STARTED;
        snprintf(job->last.reason, sizeof job->last.reason, "%s", status_text(status));
        job->stage = STAGE_OVER;
        free(task);
        return;
    }
    task->kind = JOB_TASK_START;
    task->lease = order->lease;
    job_worker_give(jobs->worker, task);
}

void
job_remove_files(struct jobs *jobs, const struct lease_id *lease)
{
    struct job_task *task = calloc(1, sizeof *task);
    struct job *job = job_find(jobs, lease);
    if (task == NULL) {
        return; /* found again after a restart */
    }
    task->kind = JOB_TASK_DESTROY;
    task->lease = *lease;
    jobs_path(jobs, lease, task->path);
    if (job != NULL) {
        workload_disconnect(job->workload);
        job->workload = NULL;
        job->is_blocked = false;
        job->stage = STAGE_LEAVING;
    }
    job_worker_give(jobs->remover, task);
}

static void
wish(struct job *job, enum effect_type type, const struct effect_job *order)
{
    struct job_wish *wish = &job->wish;
    switch ((int)type) {
    case EFFECT_JOB_FREEZE:
        wish->freeze = true;
        wish->thaw = false;
        break;
    case EFFECT_JOB_THAW:
        wish->thaw = true;
        wish->freeze = false;
        break;
    case EFFECT_JOB_WARN:
        wish->warn = true;
        wish->grace_ms = order->grace_ms;
        break;
    case EFFECT_JOB_KILL:
        wish->kill = true;
        wish->grace_ms = order->grace_ms;
        break;
    case EFFECT_JOB_PAY:
        wish->pay = true;
        wish->run_ms_limit = order->paid_run_ms;
        wish->end_boot_ms = (int64_t)order->end_at_boot_ms;
        break;
    default:
        break;
    }
}

void
jobs_carry_out(struct jobs *jobs, enum effect_type type, const struct effect_job *order)
{
    if (type == EFFECT_JOB_START) {
        start_job(jobs, order);
        return;
    }
    if (type == EFFECT_JOB_REMOVE) {
        job_remove_files(jobs, &order->lease);
        return;
    }
    struct job *job = job_find(jobs, &order->lease);
    if (job != NULL && job->stage != STAGE_OVER && job->stage != STAGE_LEAVING) {
        wish(job, type, order);
        job_fulfil(job);
    }
}

void
jobs_add_to_poll(struct jobs *jobs, struct poll_set *set)
{
    job_worker_add_to_poll(jobs->worker, set);
    job_worker_add_to_poll(jobs->remover, set);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        job->place = POLL_PLACE_NONE;
        if (job->workload != NULL && !job->is_blocked) {
            const short wanted = workload_poll_events(job->workload);
            const short events = (short)(((wanted & POLLIN) != 0 ? ZMQ_POLLIN : 0) |
                                         ((wanted & POLLOUT) != 0 ? ZMQ_POLLOUT : 0));
            job->place = poll_set_add_fd(set, workload_fd(job->workload), events);
        }
    }
}

/* Keeps an event that the listener cannot take now; its data would not outlive the next command. */
static void
keep_offered(struct job *job, const struct workload_event *event)
{
    if (job->offered_data == NULL) {
        job->offered_data = malloc(WORKLOAD_DATA_MAX);
    }
    job->offered = *event;
    if (event->data.length > 0 && job->offered_data != NULL &&
        event->data.length <= WORKLOAD_DATA_MAX) {
        memcpy(job->offered_data, event->data.data, event->data.length);
        job->offered.data.data = job->offered_data;
    } else {
        job->offered.data.length = 0; /* read again by its offset, later */
    }
    job->is_blocked = true;
}

static bool
offer(struct jobs *jobs, struct job *job, const struct workload_event *event)
{
    return jobs->listener.take == NULL ||
           jobs->listener.take(jobs->listener.context, &job->lease, event);
}

static void
receive_events(struct jobs *jobs, struct job *job, const struct sink *sink)
{
    for (int i = 0; i < EVENTS_A_ROUND && job->workload != NULL && !job->is_blocked; i++) {
        struct workload_event event;
        const enum status status = workload_receive(job->workload, &event);
        if (status == STATUS_NOT_NOW) {
            return;
        }
        if (status != STATUS_OK) {
            job_end_without_supervisor(jobs, job, sink);
            return;
        }
        if (event.kind == WORKLOAD_EVENT_STATUS || event.kind == WORKLOAD_EVENT_EXIT) {
            job_take_status(job, &event.status, sink);
            job_fulfil(job);
        }
        if (event.kind == WORKLOAD_EVENT_CREDIT) {
            job->has_credit = true;
            job->credit_offset = event.offset;
            job->credit_limit = event.limit;
        }
        if (!offer(jobs, job, &event)) {
            keep_offered(job, &event);
        }
    }
}

static void
receive_results(struct jobs *jobs, const struct sink *sink)
{
    struct job_task *task = job_worker_take(jobs->worker);
    while (task != NULL) {
        struct job *job = job_find(jobs, &task->lease);
        if (job != NULL && job->stage == STAGE_STARTING) {
            if (task->status == STATUS_OK || task->status == STATUS_TIMEOUT) {
                job_begin_to_reach(job);
                job_reach(jobs, job, sink);
            } else {
                job_tell_failed(job, task->status, sink);
            }
        }
        job_task_free(task);
        task = job_worker_take(jobs->worker);
    }
    task = job_worker_take(jobs->remover);
    while (task != NULL) {
        struct job *job = job_find(jobs, &task->lease);
        if (task->status != STATUS_OK && task->status != STATUS_NOT_FOUND) {
            log_line(LOG_WARNING, "the files of an old job could not be removed: %s",
                     status_text(task->status));
        }
        if (job != NULL && job->stage == STAGE_LEAVING) {
            job_forget(job);
        }
        job_task_free(task);
        task = job_worker_take(jobs->remover);
    }
}

/* Logs and workspaces of jobs that nobody removed go after a day. */
static void
remove_old(struct jobs *jobs)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        char path[JOB_PATH_SIZE];
        struct stat entry;
        jobs_path(jobs, &job->lease, path);
        if (job->stage == STAGE_OVER && job->exit_is_told && stat(path, &entry) == 0 &&
            time(NULL) - entry.st_mtime > (time_t)LOG_KEEP_S) {
            job_remove_files(jobs, &job->lease);
        }
    }
}

void
jobs_receive(struct jobs *jobs, const struct poll_set *set, const struct sink *sink)
{
    const int64_t now_ms = clock_boot_ms();
    receive_results(jobs, sink);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        if (job->stage == STAGE_REACHING && job->due_ms <= now_ms) {
            job_reach(jobs, job, sink);
        }
        if (job->stage == STAGE_OVER && !job->exit_is_told) {
            job_take_status(job, &job->last, sink);
            job->exit_is_told = true;
        }
        if (job->is_blocked && offer(jobs, job, &job->offered)) {
            job->is_blocked = false;
            receive_events(jobs, job, sink);
        } else if (job->workload != NULL && !job->is_blocked &&
                   poll_set_is_ready(set, job->place)) {
            receive_events(jobs, job, sink);
        }
        if (job_has_wish(job)) {
            job_fulfil(job);
        }
    }
    if (jobs->reconcile_ms <= now_ms) {
        jobs->reconcile_ms = now_ms + RECONCILE_MS;
        remove_old(jobs);
    }
}

int64_t
jobs_deadline_ms(const struct jobs *jobs)
{
    int64_t due = jobs->reconcile_ms;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        const struct job *job = &jobs->list[i];
        if (job->stage == STAGE_REACHING && job->due_ms < due) {
            due = job->due_ms;
        }
        if (job->is_blocked || (job->stage == STAGE_OVER && !job->exit_is_told) ||
            (job->workload != NULL && job_has_wish(job))) {
            const int64_t soon = clock_boot_ms() + 10;
            due = soon < due ? soon : due;
        }
    }
    return due;
}

void
jobs_set_listener(struct jobs *jobs, const struct jobs_listener *listener)
{
    jobs->listener = *listener;
}

struct workload *
jobs_workload(struct jobs *jobs, const struct lease_id *lease)
{
    struct job *job = job_find(jobs, lease);
    return job == NULL ? NULL : job->workload;
}

bool
jobs_credit(struct jobs *jobs, const struct lease_id *lease, uint64_t *ret_offset,
            uint64_t *ret_limit)
{
    const struct job *job = job_find(jobs, lease);
    if (job == NULL || !job->has_credit) {
        return false;
    }
    *ret_offset = job->credit_offset;
    *ret_limit = job->credit_limit;
    return true;
}

bool
jobs_is_over(struct jobs *jobs, const struct lease_id *lease)
{
    const struct job *job = job_find(jobs, lease);
    return job == NULL || job->stage == STAGE_OVER;
}
