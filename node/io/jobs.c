#include "node/io/jobs.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "node/io/clock.h"
#include "node/io/job_worker.h"
#include "node/io/log.h"
#include "protocol/limits.h"
#include "protocol/record.h"

enum {
    JOBS_MAX = LEASES_OPEN_MAX + 128, /* open ones, and ended ones whose log is kept */
    EVENTS_A_ROUND = 64,
    RECONCILE_MS = 3000,
    RETRY_MS = 50,
    COMES_UP_MS = 10000, /* a supervisor that was started and cannot be reached */
    KEEP_S = 24 * 3600
};

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

static void
forget(struct job *job)
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
        forget(&jobs->list[i]);
    }
    free(jobs);
}

static struct job *
find(struct jobs *jobs, const struct lease_id *lease)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        if (job->stage != STAGE_NONE && lease_id_equal(&job->lease, lease)) {
            return job;
        }
    }
    return NULL;
}

/* A free place; else that of a job whose end the core knows: its files stay, only we forget it. */
static struct job *
new_job(struct jobs *jobs, const struct lease_id *lease)
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
        forget(place);
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

/* What happened, in the core's words -------------------------------------------------------- */

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

static void
tell_lost(struct job *job, const struct sink *sink)
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

static void
take_status(struct job *job, const struct workload_status *status, const struct sink *sink)
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
            tell_lost(job, sink);
            break;
        }
        job->exit_is_told = true;
        tell(job, status, status->end == WORKLOAD_END_NOT_STARTED ? JOB_FAILED : JOB_EXITED, sink);
        break;
    }
}

/* A job that could not even be tried. */
static void
tell_failed(struct job *job, enum status why, const struct sink *sink)
{
    struct workload_status status = {.state = WORKLOAD_ENDED, .end = WORKLOAD_END_NOT_STARTED};
    snprintf(status.reason, sizeof status.reason, "%s", status_text(why));
    job->stage = STAGE_OVER;
    take_status(job, &status, sink);
}

/* Reaching the supervisor -------------------------------------------------------------------- */

/* No supervisor: what the job's own file says is what is left. */
static void
end_without_supervisor(struct jobs *jobs, struct job *job, const struct sink *sink)
{
    char path[JOB_PATH_SIZE];
    struct workload_status status;
    jobs_path(jobs, &job->lease, path);
    workload_disconnect(job->workload);
    job->workload = NULL;
    job->is_blocked = false;
    job->stage = STAGE_OVER;
    if (workload_read_status(path, &status) != STATUS_OK) {
        if (!job->exit_is_told) {
            tell_lost(job, sink);
        }
        return;
    }
    take_status(job, &status, sink);
    if (status.end == WORKLOAD_END_LOST && workload_reap_orphans(path) != STATUS_OK) {
        log_line(LOG_ERROR, "processes of a lost job could not be killed; see %s", path);
    }
}

static void
reach(struct jobs *jobs, struct job *job, const struct sink *sink)
{
    char path[JOB_PATH_SIZE];
    const int64_t now_ms = clock_boot_ms();
    jobs_path(jobs, &job->lease, path);
    const enum status status = workload_connect(path, &job->workload);
    if (status == STATUS_OK) {
        job->stage = STAGE_RUNNING;
        return;
    }
    if (status == STATUS_NOT_NOW && now_ms < job->give_up_ms) {
        job->due_ms = now_ms + RETRY_MS;
        return;
    }
    end_without_supervisor(jobs, job, sink);
}

static void
begin_to_reach(struct job *job)
{
    job->stage = STAGE_REACHING;
    job->due_ms = clock_boot_ms();
    job->give_up_ms = job->due_ms + COMES_UP_MS;
}

/* Orders ------------------------------------------------------------------------------------- */

static void
start_job(struct jobs *jobs, const struct effect_job *order)
{
    char path[JOB_PATH_SIZE];
    jobs_path(jobs, &order->lease, path);
    struct job *job = find(jobs, &order->lease);
    if (job != NULL) {
        return; /* at most once, ever */
    }
    job = new_job(jobs, &order->lease);
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

static void
remove_files(struct jobs *jobs, const struct lease_id *lease)
{
    struct job_task *task = calloc(1, sizeof *task);
    struct job *job = find(jobs, lease);
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

/* Sends one command; true when it was taken, or when nobody is there to take it. */
static bool
was_taken(enum status status)
{
    return status != STATUS_BUSY;
}

static void
fulfil(struct job *job)
{
    struct job_wish *wish = &job->wish;
    struct workload *workload = job->workload;
    if (workload == NULL) {
        return;
    }
    const int64_t end_ms = wish->end_boot_ms != 0 ? wish->end_boot_ms : job->last.end_boot_ms;
    if (wish->pay && end_ms != 0) {
        wish->pay = !was_taken(workload_pay(workload, wish->run_ms_limit, end_ms));
    }
    if (wish->freeze) {
        wish->freeze = !was_taken(workload_freeze(workload));
    }
    if (wish->thaw) {
        wish->thaw = !was_taken(workload_thaw(workload));
    }
    if (wish->warn) {
        wish->warn = !was_taken(wish->grace_ms == 0 ? workload_signal(workload, SIGTERM)
                                                    : workload_kill(workload, wish->grace_ms));
    }
    if (wish->kill) {
        wish->kill = !was_taken(workload_kill(workload, wish->grace_ms));
    }
}

static bool
has_wish(const struct job *job)
{
    const struct job_wish *wish = &job->wish;
    return wish->pay || wish->freeze || wish->thaw || wish->warn || wish->kill;
}

void
jobs_carry_out(struct jobs *jobs, enum effect_type type, const struct effect_job *order)
{
    if (type == EFFECT_JOB_START) {
        start_job(jobs, order);
        return;
    }
    if (type == EFFECT_JOB_REMOVE) {
        remove_files(jobs, &order->lease);
        return;
    }
    struct job *job = find(jobs, &order->lease);
    if (job != NULL && job->stage != STAGE_OVER && job->stage != STAGE_LEAVING) {
        wish(job, type, order);
        fulfil(job);
    }
}

/* Recovery ----------------------------------------------------------------------------------- */

void
jobs_expect(struct jobs *jobs, const struct lease_id *lease)
{
    struct job *job = find(jobs, lease);
    if (job == NULL) {
        job = new_job(jobs, lease);
        if (job == NULL) {
            return;
        }
        begin_to_reach(job);
    }
    job->is_expected = true;
    job->exit_is_told = false; /* a core that forgot it wants to hear it again */
}

/* Everything that an earlier daemon left in <data>/jobs. */
static void
find_directories(struct jobs *jobs)
{
    char path[JOB_PATH_SIZE];
    snprintf(path, sizeof path, "%s/jobs", jobs->options.data_dir);
    DIR *directory = opendir(path);
    const struct dirent *entry = directory == NULL ? NULL : readdir(directory);
    while (entry != NULL) {
        struct lease_id lease;
        if (id_from_hex(entry->d_name, lease.bytes) == STATUS_OK && find(jobs, &lease) == NULL) {
            struct job *job = new_job(jobs, &lease);
            if (job != NULL) {
                begin_to_reach(job);
            }
        }
        entry = readdir(directory);
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* A job whose lease is closed, or unknown: whatever still runs is killed, and old files go. */
static void
settle_unexpected(struct jobs *jobs, struct job *job)
{
    char path[JOB_PATH_SIZE];
    struct workload_status status;
    jobs_path(jobs, &job->lease, path);
    job->exit_is_told = true;
    if (workload_read_status(path, &status) == STATUS_OK && status.state == WORKLOAD_ENDED &&
        status.end != WORKLOAD_END_LOST) {
        return; /* reached for its log's sake */
    }
    log_line(LOG_WARNING, "a job without a lease is killed");
    if (workload_reap_orphans(path) != STATUS_OK) {
        log_line(LOG_ERROR, "processes of a job without a lease could not be killed; see %s", path);
    }
    job->stage = STAGE_OVER;
}

void
jobs_adopt(struct jobs *jobs, const struct sink *sink)
{
    find_directories(jobs);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &jobs->list[i];
        if (job->stage == STAGE_REACHING && !job->is_expected) {
            settle_unexpected(jobs, job);
        }
        if (job->stage == STAGE_REACHING) {
            reach(jobs, job, sink);
        } else if (job->stage == STAGE_OVER && !job->exit_is_told) {
            take_status(job, &job->last, sink);
        } else if (job->stage == STAGE_RUNNING && workload_ask_status(job->workload) != STATUS_OK) {
            log_line(LOG_DEBUG, "a supervisor is busy; its next word comes within a second");
        }
    }
}

/* The rounds --------------------------------------------------------------------------------- */

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
            end_without_supervisor(jobs, job, sink);
            return;
        }
        if (event.kind == WORKLOAD_EVENT_STATUS || event.kind == WORKLOAD_EVENT_EXIT) {
            take_status(job, &event.status, sink);
            fulfil(job);
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
        struct job *job = find(jobs, &task->lease);
        if (job != NULL && job->stage == STAGE_STARTING) {
            if (task->status == STATUS_OK || task->status == STATUS_TIMEOUT) {
                begin_to_reach(job);
                reach(jobs, job, sink);
            } else {
                tell_failed(job, task->status, sink);
            }
        }
        job_task_free(task);
        task = job_worker_take(jobs->worker);
    }
    task = job_worker_take(jobs->remover);
    while (task != NULL) {
        struct job *job = find(jobs, &task->lease);
        if (task->status != STATUS_OK && task->status != STATUS_NOT_FOUND) {
            log_line(LOG_WARNING, "the files of an old job could not be removed: %s",
                     status_text(task->status));
        }
        if (job != NULL && job->stage == STAGE_LEAVING) {
            forget(job);
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
            time(NULL) - entry.st_mtime > KEEP_S) {
            remove_files(jobs, &job->lease);
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
            reach(jobs, job, sink);
        }
        if (job->stage == STAGE_OVER && !job->exit_is_told) {
            take_status(job, &job->last, sink);
            job->exit_is_told = true;
        }
        if (job->is_blocked && offer(jobs, job, &job->offered)) {
            job->is_blocked = false;
            receive_events(jobs, job, sink);
        } else if (job->workload != NULL && !job->is_blocked &&
                   poll_set_is_ready(set, job->place)) {
            receive_events(jobs, job, sink);
        }
        if (has_wish(job)) {
            fulfil(job);
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
            (job->workload != NULL && has_wish(job))) {
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
    struct job *job = find(jobs, lease);
    return job == NULL ? NULL : job->workload;
}

bool
jobs_credit(struct jobs *jobs, const struct lease_id *lease, uint64_t *ret_offset,
            uint64_t *ret_limit)
{
    const struct job *job = find(jobs, lease);
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
    const struct job *job = find(jobs, lease);
    return job == NULL || job->stage == STAGE_OVER;
}
