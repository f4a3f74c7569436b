#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/clock.h"
#include "node/io/supervisor_file.h"
#include "node/io/supervisor_state.h"
#include "node/io/supervisor_status.h"

enum {
    TICK_MS = 1000,
    TICKS_A_SAVE = 10,
    KILL_AGAIN_MS = 5, /* how soon to look again whether all are dead */
    FILES_MAX = 1000000,
    DAEMON_WAIT_MS = 30000, /* for a daemon that has not taken everything */
};

void
supervisor_refresh(struct supervisor *supervisor)
{
    struct workload_status *status = &supervisor->status;
    const int64_t now_ms = clock_monotonic_ms();
    status->run_ms = meter_run_ms(&supervisor->meter, now_ms);
    status->frozen_ms = meter_frozen_ms(&supervisor->meter, now_ms);
    status->run_ms_limit = supervisor->meter.run_ms_limit;
    status->end_boot_ms = supervisor->meter.end_boot_ms;
    status->frozen_by_daemon = supervisor->meter.frozen_by_daemon;
    status->frozen_unpaid = supervisor->meter.is_unpaid;
    status->stdin_bytes = supervisor->input.taken;
    for (size_t i = 0; i < 2; i++) {
        status->out_bytes[i] = supervisor->outputs[i].total;
        status->log_bytes[i] = supervisor->outputs[i].logged;
        status->dropped_bytes[i] = output_dropped(&supervisor->outputs[i]);
    }
    if (supervisor->disk != NULL) {
        status->disk_bytes = disk_watch_last(supervisor->disk).bytes;
    }
    if (supervisor->job_exists) {
        status->oom_kills = cgroup_oom_kills(&supervisor->job.group);
    }
}

static void
save_status(struct supervisor *supervisor, enum file_mode mode)
{
    uint8_t memory[SUPERVISOR_STATUS_BYTES_MAX];
    struct buffer buffer;
    supervisor_refresh(supervisor);
    buffer_init(&buffer, memory, sizeof memory);
    supervisor_status_encode(&supervisor->status, &buffer);
    const enum status status =
        file_write(supervisor->directory, "status", buffer_bytes(&buffer), mode);
    if (status != STATUS_OK) {
        fprintf(stderr, "cannot write the status: %s\n", status_text(status));
    }
    supervisor->status_due = true;
}

static void
set_state(struct supervisor *supervisor, enum workload_state state)
{
    if (supervisor->status.state != state) {
        supervisor->status.state = state;
        save_status(supervisor, state == WORKLOAD_ENDED ? FILE_REPLACE_DURABLE : FILE_REPLACE_FAST);
    }
}

/* Nothing of the job is left: what it left to say is said, durably. */
static void
conclude(struct supervisor *supervisor)
{
    /* Its pipes hold the last it wrote, and no more comes: the sums should have it. */
    for (size_t i = 0; i < 2; i++) {
        while (output_wants_pipe(&supervisor->outputs[i]) && output_fill(&supervisor->outputs[i])) {
        }
    }
    supervisor_refresh(supervisor);
    supervisor->job_exists = false;
    disk_watch_stop(supervisor->disk);
    supervisor->disk = NULL;
    meter_stop(&supervisor->meter, clock_monotonic_ms());
    supervisor->leave_at_ms = clock_monotonic_ms() + DAEMON_WAIT_MS;
    supervisor->exit_due = true;
    set_state(supervisor, WORKLOAD_ENDED);
    const enum status status = cgroup_remove(&supervisor->job.group);
    (void)status; /* workload_destroy tries again */
}

static void
could_not_start(struct supervisor *supervisor)
{
    struct workload_status *status = &supervisor->status;
    status->end = WORKLOAD_END_NOT_STARTED;
    if (status->reason[0] == '\0') {
        job_complaint(&supervisor->job, status->reason);
    }
    if (status->reason[0] == '\0') {
        snprintf(status->reason, sizeof status->reason, "bwrap ended without a word");
    }
}

/* Streams of a job that was never made: at their end from the start. */
static void
end_streams(struct supervisor *supervisor)
{
    for (size_t i = 0; i < 2; i++) {
        if (supervisor->outputs[i].pipe >= 0) {
            close(supervisor->outputs[i].pipe);
            supervisor->outputs[i].pipe = -1;
        }
    }
}

static void
connect_streams(struct supervisor *supervisor, const struct job_streams *streams)
{
    for (size_t i = 0; i < 2; i++) {
        supervisor->outputs[i].pipe = streams->outputs[i];
    }
    supervisor->input.pipe = streams->input;
}

void
supervisor_make_sandbox(struct supervisor *supervisor)
{
    struct job_streams streams = {.input = -1, .outputs = {-1, -1}};
    const enum status status = job_start(&supervisor->job, supervisor->directory, &supervisor->spec,
                                         &streams, supervisor->status.reason);
    if (status == STATUS_OK) {
        connect_streams(supervisor, &streams);
        supervisor->job_exists = true;
    }
}

void
supervisor_begin(struct supervisor *supervisor)
{
    struct disk_use use;
    unlinkat(supervisor->directory, "spec", 0); /* the renter's secrets; nothing reads it again */
    if (!supervisor->job_exists) {
        could_not_start(supervisor);
        end_streams(supervisor);
        conclude(supervisor);
        return;
    }
    if (disk_measure(supervisor->job.workspace, &use) == STATUS_OK) {
        supervisor->disk_was_low = use.is_low;
    }
    if (disk_watch_start(supervisor->job.workspace, &supervisor->disk) != STATUS_OK) {
        snprintf(supervisor->status.reason, sizeof supervisor->status.reason,
                 "cannot watch the workspace");
        supervisor_end_job(supervisor, WORKLOAD_END_NOT_STARTED, 0);
    }
}

void
supervisor_hear_job(struct supervisor *supervisor)
{
    struct init_message message;
    while (supervisor->job.channel >= 0) {
        const enum status status = job_receive(&supervisor->job, &message);
        if (status == STATUS_NOT_NOW) {
            return;
        }
        if (status != STATUS_OK) {
            close(supervisor->job.channel);
            supervisor->job.channel = -1;
            return;
        }
        if (message.type == INIT_HELLO) {
            supervisor->status.job_pid = supervisor->job.init;
            const enum status found =
                process_start_time(supervisor->job.init, &supervisor->status.job_start);
            (void)found; /* 0 when it is gone already */
        } else if (message.type == INIT_STARTED) {
            meter_start(&supervisor->meter, clock_monotonic_ms());
            set_state(supervisor, supervisor->meter.is_frozen ? WORKLOAD_FROZEN : WORKLOAD_RUNNING);
        } else if (message.type == INIT_FAILED) {
            snprintf(supervisor->status.reason, sizeof supervisor->status.reason,
                     "cannot run '%.80s': %s", supervisor->spec.spec.arguments[0],
                     strerror((int)message.value));
            /* The sandbox stood, the program is the renter's: an end as a shell would give it. */
            supervisor->status.exit_code = message.value == ENOENT ? 127 : 126;
            supervisor_end_job(supervisor, WORKLOAD_END_EXITED, 0);
        } else if (message.type == INIT_EXITED && !supervisor->has_exited) {
            supervisor->has_exited = true;
            supervisor->wait_status = message.value;
            meter_stop(&supervisor->meter, clock_monotonic_ms());
        }
    }
}

static void
apply_freeze(struct supervisor *supervisor, bool frozen)
{
    if (supervisor->meter.is_frozen == frozen || !supervisor->job_exists) {
        return;
    }
    /* The meter stops at the decision, and goes on only when the job can. */
    meter_set_frozen(&supervisor->meter, frozen, clock_monotonic_ms());
    job_freeze(&supervisor->job, frozen);
    const enum workload_state awake =
        supervisor->meter.is_started ? WORKLOAD_RUNNING : WORKLOAD_STARTING;
    set_state(supervisor, frozen ? WORKLOAD_FROZEN : awake);
}

static void
kill_now(struct supervisor *supervisor)
{
    if (!supervisor->is_killing) {
        supervisor->is_killing = true;
        meter_stop(&supervisor->meter, clock_monotonic_ms());
    }
    job_kill(&supervisor->job);
}

void
supervisor_end_job(struct supervisor *supervisor, enum workload_end cause, uint64_t grace_ms)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (!supervisor->job_exists) {
        return;
    }
    if (supervisor->cause == WORKLOAD_END_NONE && !supervisor->has_exited) {
        supervisor->cause = cause;
    }
    if (grace_ms == 0) {
        kill_now(supervisor);
        return;
    }
    const int64_t at_ms = grace_ms > INT32_MAX ? now_ms + INT32_MAX : now_ms + (int64_t)grace_ms;
    if (at_ms < supervisor->kill_at_ms) {
        supervisor->kill_at_ms = at_ms;
    }
    apply_freeze(supervisor, false); /* a frozen program cannot save its work */
    job_signal(&supervisor->job, SIGTERM);
}

/* Which end the job had, from what is known when nothing of it is left. */
static void
name_end(struct supervisor *supervisor)
{
    struct workload_status *status = &supervisor->status;
    const int wait_status = (int)supervisor->wait_status;
    status->oom_kills = cgroup_oom_kills(&supervisor->job.group);
    if (supervisor->has_exited && WIFEXITED(wait_status)) {
        status->exit_code = (uint32_t)WEXITSTATUS(wait_status);
    } else if (supervisor->has_exited && WIFSIGNALED(wait_status)) {
        status->signal_number = (uint32_t)WTERMSIG(wait_status);
    } else if (supervisor->meter.is_started) {
        status->signal_number = SIGKILL;
    }
    if (supervisor->cause != WORKLOAD_END_NONE) {
        status->end = supervisor->cause;
    } else if (!supervisor->meter.is_started) {
        could_not_start(supervisor);
    } else if (status->signal_number == 0) {
        status->end = WORKLOAD_END_EXITED;
    } else if (status->signal_number == SIGKILL && status->oom_kills > 0) {
        status->end = WORKLOAD_END_MEMORY;
    } else {
        status->end = WORKLOAD_END_SIGNALED;
    }
}

static void
check_disk(struct supervisor *supervisor)
{
    const struct workload_spec *spec = &supervisor->spec.spec;
    const struct disk_use use = disk_watch_last(supervisor->disk);
    const uint64_t files_max = spec->files_max == 0 ? FILES_MAX : spec->files_max;
    const uint64_t mib = 1024 * 1024;
    const bool is_over =
        spec->disk_mib > 0 && use.bytes > spec->disk_mib * mib + spec->disk_mib * mib / 10;
    const bool fills_host = use.is_low && !supervisor->disk_was_low;
    if (is_over || fills_host || use.is_too_deep || use.files > files_max) {
        snprintf(supervisor->status.reason, sizeof supervisor->status.reason, "%s",
                 is_over           ? "the workspace is larger than agreed"
                 : fills_host      ? "the host's disk is almost full"
                 : use.is_too_deep ? "the workspace is nested too deeply"
                                   : "the workspace has too many files");
        supervisor_end_job(supervisor, WORKLOAD_END_DISK, 0);
    }
}

static void
obey_meter(struct supervisor *supervisor, int64_t now_ms)
{
    const enum meter_verdict verdict = meter_judge(&supervisor->meter, now_ms, clock_boot_ms());
    switch (verdict) {
    case METER_RUN:
        apply_freeze(supervisor, false);
        break;
    case METER_FREEZE:
        /* In its last grace the job must be able to run. */
        apply_freeze(supervisor, supervisor->kill_at_ms == INT64_MAX);
        break;
    case METER_KILL_LEASE_OVER:
        supervisor_end_job(supervisor, WORKLOAD_END_LEASE_OVER, 0);
        break;
    case METER_KILL_UNPAID:
        supervisor_end_job(supervisor, WORKLOAD_END_UNPAID, 0);
        break;
    }
}

/* Once a second while the job exists. */
static void
tick(struct supervisor *supervisor, int64_t now_ms)
{
    supervisor->tick_at_ms = now_ms + TICK_MS;
    check_disk(supervisor);
    supervisor->status_due = true;
    supervisor->ticks++;
    if (supervisor->ticks % TICKS_A_SAVE == 0) {
        save_status(supervisor, FILE_REPLACE_FAST);
    }
}

void
supervisor_keep_time(struct supervisor *supervisor)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (!supervisor->job_exists) {
        return;
    }
    if (supervisor->is_killing || supervisor->kill_at_ms <= now_ms) {
        kill_now(supervisor);
    } else if (!supervisor->has_exited) {
        obey_meter(supervisor, now_ms);
    }
    if (job_is_gone(&supervisor->job)) {
        supervisor_hear_job(supervisor);
        name_end(supervisor);
        conclude(supervisor);
    } else if (supervisor->job.bwrap == 0) {
        /* bwrap is dead, and something of its sandbox lives on. */
        kill_now(supervisor);
    } else if (now_ms >= supervisor->tick_at_ms && supervisor->disk != NULL) {
        tick(supervisor, now_ms);
    }
}

static int64_t
wait_until(int64_t at_ms, int64_t now_ms, int64_t most_ms)
{
    if (at_ms <= now_ms) {
        return 0;
    }
    return at_ms - now_ms < most_ms ? at_ms - now_ms : most_ms;
}

int
supervisor_wait_ms(const struct supervisor *supervisor)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (!supervisor->job_exists) {
        return (int)wait_until(supervisor->leave_at_ms, now_ms, TICK_MS);
    }
    if (supervisor->is_killing || supervisor->has_exited || supervisor->job.bwrap == 0) {
        return KILL_AGAIN_MS;
    }
    int64_t wait_ms = wait_until(supervisor->tick_at_ms, now_ms, TICK_MS);
    wait_ms = wait_until(supervisor->kill_at_ms, now_ms, wait_ms);
    return (int)meter_wait_ms(&supervisor->meter, now_ms, clock_boot_ms(), wait_ms);
}

bool
supervisor_is_done(const struct supervisor *supervisor)
{
    if (supervisor->job_exists) {
        return false;
    }
    const bool has_all = supervisor->exit_told && output_is_settled(&supervisor->outputs[0]) &&
                         output_is_settled(&supervisor->outputs[1]);
    return has_all || supervisor->is_told_to_leave ||
           clock_monotonic_ms() >= supervisor->leave_at_ms;
}

void
supervisor_save_last(struct supervisor *supervisor)
{
    save_status(supervisor, FILE_REPLACE_DURABLE);
}
