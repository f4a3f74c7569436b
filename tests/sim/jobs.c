/* Supervisors and their jobs, as node/io/workload.h describes them: they outlive the daemon, keep to what
 * is paid without it, and die with the machine. */
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "tests/sim/world.h"

struct job *
job_of_lease(struct machine *machine, const struct lease_id *lease)
{
    for (size_t i = machine->job_count; i > 0; i--) {
        struct job *job = &machine->jobs[i - 1];
        if (!job->removed && lease_id_equal(&job->lease, lease)) {
            return job;
        }
    }
    return NULL;
}

static bool
is_frozen(const struct job *job)
{
    return job->frozen_by_daemon || job->run_us / MS >= (int64_t)job->paid_run_ms;
}

static bool
is_alive(const struct job *job)
{
    return !job->ended && !job->removed;
}

static void
count_run(struct world *world, const struct machine *machine, struct job *job)
{
    if (job->running && !is_frozen(job) && !machine->asleep) {
        job->run_us += world->now_us - job->counted_at_us;
    }
    job->counted_at_us = world->now_us;
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
end_us(const struct machine *machine, const struct job *job)
{
    return job->end_at_boot_ms != 0 ? machine_boot_to_us(machine, job->end_at_boot_ms)
                                    : job->exec_at_us + (int64_t)job->duration_s * SECOND;
}

static void
plan(struct world *world, struct machine *machine, struct job *job)
{
    if (!is_alive(job) || machine->asleep) {
        return;
    }
    int64_t at_us = job->exec_at_us;
    if (job->running) {
        at_us = sooner(job->told_at_us + SECOND, end_us(machine, job));
        if (!is_frozen(job)) {
            at_us = sooner(at_us, world->now_us + job->natural_run_us - job->run_us);
            at_us = sooner(at_us, world->now_us + (int64_t)job->paid_run_ms * MS - job->run_us);
        }
    }
    at_us = job->kill_at_us != 0 ? sooner(at_us, job->kill_at_us) : at_us;
    at_us = at_us < world->now_us ? world->now_us : at_us;
    job->planned_us = at_us;
    world_plan(world, at_us,
               (struct item){.kind = ITEM_JOB,
                             .machine = machine->index,
                             .number = (uint64_t)(job - machine->jobs)});
}

static void
tell(struct world *world, struct machine *machine, struct job *job)
{
    job->told_at_us = world->now_us;
    if (machine->core == NULL || (!job->running && !job->ended)) {
        return;
    }
    const struct event event = {
        .type = EVENT_WORKLOAD,
        .as.workload = {.lease = job->lease,
                        .state = job->failed      ? JOB_FAILED
                                 : job->ended     ? JOB_EXITED
                                 : is_frozen(job) ? JOB_FROZEN
                                                  : JOB_RUNNING,
                        .run_ms = (uint64_t)(job->run_us / MS),
                        .started_at_ms = job->started_at_ms,
                        .exit_code = job->exit_code,
                        .exit_signal = job->exit_signal,
                        .reason = job->reason,
                        .text = job->failed ? "the sandbox could not be made" : ""}};
    machine_post(world, machine, &event);
}

static void
end_job(struct world *world, struct machine *machine, struct job *job, enum end_reason reason)
{
    job->ended = true;
    job->running = false;
    job->ended_at_us = world->now_us;
    job->reason = (uint8_t)reason;
    struct watch *watch = watch_of_lease(machine, &job->lease, true);
    if (watch != NULL) {
        watch->most_run_ms = (uint64_t)(job->run_us / MS);
    }
    tell(world, machine, job);
}

static void
start_job(struct world *world, struct machine *machine, const struct effect_job *order)
{
    if ((machine->job_count & (machine->job_count - 1)) == 0) {
        const size_t room = machine->job_count == 0 ? 1 : machine->job_count * 2;
        machine->jobs = realloc(machine->jobs, room * sizeof *machine->jobs);
        if (machine->jobs == NULL) {
            abort();
        }
    }
    struct job *job = &machine->jobs[machine->job_count++];
    *job = (struct job){.lease = order->lease,
                        .gpu_mask = order->gpu_mask,
                        .attached = order->attached,
                        .paid_run_ms = order->paid_run_ms,
                        .duration_s = order->duration_s,
                        .exec_at_us = world->now_us + world_between(world, 2 * MS, 250 * MS),
                        .failed = world_chance(world, 20)};
    job->natural_run_us = world_chance(world, 400)
                              ? (int64_t)order->duration_s * 2 * SECOND
                              : world_between(world, 1, (int64_t)order->duration_s * SECOND);
    job->exit_code = (uint8_t)(world_chance(world, 300) ? world_below(world, 256) : 0);
    world->tally.jobs++;
    plan(world, machine, job);
}

/* What has become of it by now. */
static void
look_at(struct world *world, struct machine *machine, struct job *job)
{
    if (!job->running) {
        if (job->kill_at_us != 0 && world->now_us >= job->kill_at_us) {
            job->exit_signal = 9;
            end_job(world, machine, job, END_JOB_EXITED);
        } else if (world->now_us >= job->exec_at_us && job->failed) {
            end_job(world, machine, job, END_HOST_FAILURE);
        } else if (world->now_us >= job->exec_at_us) {
            job->running = true;
            job->exec_at_us = world->now_us;
            job->counted_at_us = world->now_us;
            job->started_at_ms = (uint64_t)machine_now(world, machine).wall.ms;
            tell(world, machine, job);
        }
        return;
    }
    const bool was_frozen = is_frozen(job);
    count_run(world, machine, job);
    if (job->kill_at_us != 0 && world->now_us >= job->kill_at_us) {
        job->exit_signal = 9;
        end_job(world, machine, job, END_JOB_EXITED);
    } else if (world->now_us >= end_us(machine, job)) {
        job->exit_signal = 9;
        end_job(world, machine, job, END_DURATION);
    } else if (job->run_us >= job->natural_run_us) {
        end_job(world, machine, job, world_chance(world, 50) ? END_LIMIT : END_JOB_EXITED);
    } else if (is_frozen(job) != was_frozen || world->now_us >= job->told_at_us + SECOND) {
        tell(world, machine, job);
    }
}

void
job_happens(struct world *world, struct machine *machine, uint64_t number)
{
    struct job *job = &machine->jobs[number];
    if (!is_alive(job) || job->planned_us != world->now_us || machine->asleep) {
        return;
    }
    look_at(world, machine, job);
    check_jobs(world, machine);
    plan(world, machine, job);
}

static void
kill_job(struct world *world, struct job *job, uint32_t grace_ms)
{
    int64_t at_us = world->now_us + (int64_t)grace_ms * MS + world_between(world, MS, 60 * MS);
    if (grace_ms > 0 && world_chance(world, 700)) {
        at_us = world_between(world, world->now_us + MS, at_us); /* it heeds SIGTERM */
    }
    job->kill_at_us = job->kill_at_us == 0 ? at_us : sooner(at_us, job->kill_at_us);
}

void
job_effect(struct world *world, struct machine *machine, const struct effect *effect)
{
    const struct effect_job *order = &effect->as.job;
    if (effect->type == EFFECT_STREAM_DIAL || effect->type == EFFECT_STREAM_ALLOW) {
        return;
    }
    if (effect->type == EFFECT_JOB_START) {
        start_job(world, machine, order);
        return;
    }
    struct job *job = job_of_lease(machine, &order->lease);
    if (job == NULL) {
        return;
    }
    if (effect->type == EFFECT_JOB_REMOVE) {
        job->removed = job->ended;
        return;
    }
    if (!is_alive(job)) {
        return;
    }
    const bool was_frozen = is_frozen(job);
    count_run(world, machine, job);
    if (effect->type == EFFECT_JOB_FREEZE) {
        job->frozen_by_daemon = true;
    } else if (effect->type == EFFECT_JOB_THAW) {
        job->frozen_by_daemon = false;
    } else if (effect->type == EFFECT_JOB_PAY) {
        job->paid_run_ms =
            order->paid_run_ms > job->paid_run_ms ? order->paid_run_ms : job->paid_run_ms;
        job->end_at_boot_ms =
            order->end_at_boot_ms != 0 ? order->end_at_boot_ms : job->end_at_boot_ms;
        job->duration_s = order->duration_s != 0 ? order->duration_s : job->duration_s;
    } else if (effect->type == EFFECT_JOB_KILL) {
        kill_job(world, job, order->grace_ms);
    } else if (effect->type == EFFECT_JOB_WARN && world_chance(world, 300)) {
        job->natural_run_us = job->run_us + world_between(world, MS, 5 * SECOND);
    }
    if (is_frozen(job) != was_frozen && job->running) {
        tell(world, machine, job);
    }
    plan(world, machine, job);
}

/* A daemon has come up: it finds the supervisors, and misses those of leases that should have one. */
void
jobs_adopt(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < machine->job_count; i++) {
        struct job *job = &machine->jobs[i];
        if (!job->removed) {
            if (is_alive(job)) {
                count_run(world, machine, job);
            }
            tell(world, machine, job);
            plan(world, machine, job);
        }
    }
    size_t count;
    struct row *rows = memory_store_list(machine->store, TABLE_LEASES, &count);
    for (size_t i = 0; i < count; i++) {
        struct lease_row row;
        if (codec_decode(&lease_row_schema, rows[i].value, &row) != STATUS_OK || !row.is_host ||
            row.state < LEASE_STARTING || row.state > LEASE_ENDING) {
            continue;
        }
        const struct lease_id lease = lease_id_of_record(&row.lease);
        if (job_of_lease(machine, &lease) == NULL) {
            const struct event event = {.type = EVENT_WORKLOAD_LOST, .as.lease = lease};
            machine_post(world, machine, &event);
        }
    }
    free(rows);
}

void
jobs_die(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < machine->job_count; i++) {
        struct job *job = &machine->jobs[i];
        if (is_alive(job)) {
            count_run(world, machine, job);
            struct watch *watch = watch_of_lease(machine, &job->lease, true);
            if (watch != NULL) {
                watch->most_run_ms = (uint64_t)(job->run_us / MS);
            }
        }
        job->removed = true;
    }
}

void
jobs_sleep(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < machine->job_count; i++) {
        if (is_alive(&machine->jobs[i])) {
            count_run(world, machine, &machine->jobs[i]);
        }
    }
}

void
jobs_resume(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < machine->job_count; i++) {
        if (is_alive(&machine->jobs[i])) {
            machine->jobs[i].counted_at_us = world->now_us;
            plan(world, machine, &machine->jobs[i]);
        }
    }
}
