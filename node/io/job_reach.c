#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/io/clock.h"
#include "node/io/jobs_state.h"
#include "node/io/log.h"

enum {
    RETRY_MS = 50,
    COMES_UP_MS = 10000 /* a supervisor that was started and cannot be reached */
};

void
job_end_without_supervisor(struct jobs *jobs, struct job *job, const struct sink *sink)
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
            job_tell_lost(job, sink);
        }
        return;
    }
    job_take_status(job, &status, sink);
    if (status.end == WORKLOAD_END_LOST && workload_reap_orphans(path, NULL) != STATUS_OK) {
        log_line(LOG_ERROR, "processes of a lost job could not be killed; see %s", path);
    }
}

void
job_reach(struct jobs *jobs, struct job *job, const struct sink *sink)
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
    job_end_without_supervisor(jobs, job, sink);
}

void
job_begin_to_reach(struct job *job)
{
    job->stage = STAGE_REACHING;
    job->due_ms = clock_boot_ms();
    job->give_up_ms = job->due_ms + COMES_UP_MS;
}

/* Sends one command; true when it was taken, or when nobody is there to take it. */
static bool
was_taken(enum status status)
{
    return status != STATUS_BUSY;
}

void
job_fulfil(struct job *job)
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

bool
job_has_wish(const struct job *job)
{
    const struct job_wish *wish = &job->wish;
    return wish->pay || wish->freeze || wish->thaw || wish->warn || wish->kill;
}

void
jobs_expect(struct jobs *jobs, const struct lease_id *lease)
{
    struct job *job = job_find(jobs, lease);
    if (job == NULL) {
        job = job_new(jobs, lease);
        if (job == NULL) {
            return;
        }
        job_begin_to_reach(job);
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
        if (id_from_hex(entry->d_name, lease.bytes) == STATUS_OK &&
            job_find(jobs, &lease) == NULL) {
            struct job *job = job_new(jobs, &lease);
            if (job != NULL) {
                job_begin_to_reach(job);
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
    bool any =
        false; /* a job that died with its machine is found at every start, until its files go */
    const enum status reaped = workload_reap_orphans(path, &any);
    if (any) {
        log_line(LOG_WARNING, "a job without a lease is killed");
    }
    if (reaped != STATUS_OK) {
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
            job_reach(jobs, job, sink);
        } else if (job->stage == STAGE_OVER && !job->exit_is_told) {
            job_take_status(job, &job->last, sink);
        } else if (job->stage == STAGE_RUNNING && workload_ask_status(job->workload) != STATUS_OK) {
            log_line(LOG_DEBUG, "a supervisor is busy; its next word comes within a second");
        }
    }
}
