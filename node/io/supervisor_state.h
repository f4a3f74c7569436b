/* What a supervisor knows while it runs; shared by its loop, its life cycle and its control socket. */
#ifndef GPULET_NODE_IO_SUPERVISOR_STATE_H
#define GPULET_NODE_IO_SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/io/supervisor_disk.h"
#include "node/io/supervisor_job.h"
#include "node/io/supervisor_meter.h"
#include "node/io/supervisor_spec.h"
#include "node/io/supervisor_stream.h"
#include "node/io/workload.h"

struct supervisor {
    int directory;
    int listener;
    int connection; /* -1: no daemon */
    int signals;
    uint8_t *spec_memory;
    struct supervisor_spec spec;
    struct workload_status status;
    struct meter meter;
    struct job job;
    struct output_stream outputs[2];
    struct input_stream input;
    struct disk_watch *disk;
    bool disk_was_low; /* already when the job started: not its doing */

    bool job_exists;         /* between job_start and its being gone */
    bool is_killing;         /* SIGKILL was sent */
    bool has_exited;         /* its first process told its end */
    uint32_t wait_status;    /* then */
    enum workload_end cause; /* why we kill it; WORKLOAD_END_NONE: we do not */
    int64_t kill_at_ms;      /* end of the grace after SIGTERM; INT64_MAX: none */
    int64_t tick_at_ms;      /* next report */
    int64_t leave_at_ms;     /* when an ended job's supervisor leaves for good */
    bool is_told_to_leave;   /* by SIGTERM: does not wait for a daemon */
    unsigned ticks;

    bool status_due; /* what the daemon is owed */
    bool exit_due;
    bool exit_told;  /* once is enough */
    bool is_blocked; /* its socket is full */
};

/* Life cycle (supervisor_life.c) */

/* Begins to make the sandbox, in which the job's program waits; a failure is told by what follows. */
void supervisor_make_sandbox(struct supervisor *supervisor);
/* Watches over the job, which was let go; when there is none, the status says so and the job counts as
 * ended. */
void supervisor_begin(struct supervisor *supervisor);
/* What the sandbox's first process says. */
void supervisor_hear_job(struct supervisor *supervisor);
/* SIGTERM now, SIGKILL after the grace. The first cause stands. */
void supervisor_end_job(struct supervisor *supervisor, enum workload_end cause, uint64_t grace_ms);
/* Freezes, thaws, kills and reports as the time and the meter demand. */
void supervisor_keep_time(struct supervisor *supervisor);
/* How long nothing is due by time, in ms. */
int supervisor_wait_ms(const struct supervisor *supervisor);
/* Brings the figures of `status` up to date. */
void supervisor_refresh(struct supervisor *supervisor);
/* Writes the status file for good. */
void supervisor_save_last(struct supervisor *supervisor);
/* True when the supervisor has nothing left to do. */
bool supervisor_is_done(const struct supervisor *supervisor);

/* Control socket (supervisor_control.c) */

/* Makes the socket "control" in the job's directory. */
enum status control_listen(int directory, int *ret_listener) MUST_USE;
/* Takes a new daemon; the one before is cut off. */
void control_accept(struct supervisor *supervisor);
/* Carries out what the daemon sent. */
void supervisor_receive(struct supervisor *supervisor);
/* Sends what is due until it is done or the socket is full. */
void supervisor_send(struct supervisor *supervisor);
void control_hang_up(struct supervisor *supervisor);

#endif
