/* A job seen from the command line: its streams, its exit, what was charged. */
#ifndef GPULET_CLI_JOB_H
#define GPULET_CLI_JOB_H

#include <stdbool.h>

#include "cli/job_stream.h"
#include "cli/output.h"
#include "protocol/control.h"

struct job {
    struct connection *connection; /* borrowed */
    const char *data; /* directory of the daemon, to find one that comes back; borrowed */
    struct lease_id lease;
    struct job_output outputs[2];
    struct job_input input;
    int signals;      /* a signalfd; -1: none */
    bool follows;     /* until the job ends; else only what is there */
    bool has_ended;   /* nothing will be added: all of it is awaited, whether it follows or not */
    bool is_attached; /* the lease is ours to end */
    int interrupts;   /* signals so far */
    int64_t interrupted_at_ms;
    int interrupt_signal; /* the first of them; SIGPIPE when our reader went away */
    bool has_exited;
    struct stream_exit_message exit;
    bool has_charge;
    struct charge_view charge;
    bool is_done; /* CONTROL_DONE came */
    struct control_done done;
    char why[CELL_SIZE]; /* of a refusal */
    bool host_spoke;     /* the host has answered at all */
    int64_t heard_at_ms; /* last frame of the job */
    int64_t exited_at_ms;
};

/* Where the streams come from and go to. */
struct job_files {
    int input; /* -1: the job reads nothing */
    int output;
    int errors;
};

/* Opens the streams. The files stay the caller's. STATUS_NO_MEMORY, or what sending says. */
enum status job_open(struct job *job, struct connection *connection, const struct lease_id *lease,
                     bool is_attached, const struct job_files *files) MUST_USE;
void job_close(struct job *job);

/* Pumps until the job is over and its bytes are written, or, when it does not follow, until nothing
 * more is there. A daemon that goes away is waited for, as long as the lease would wait for us.
 * STATUS_REFUSED: `why` is filled. STATUS_DISCONNECTED. STATUS_NOT_NOW: a second
 * interrupt, leave at once. */
enum status job_run(struct job *job) MUST_USE;

/* True when both outputs came to their end, and were written. */
bool job_is_written(const struct job *job);

/* Handles one frame; also for frames that came before job_run. */
enum status job_take_frame(struct job *job, struct bytes frame) MUST_USE;

/* The number of a signal that came, 0: none. One that comes at once after the last is its echo and does not
 * count: timeout(1) and some shells tell a process, and then its whole group. *last_ms: 0 at first. */
int job_read_signal(int signals, int64_t *last_ms);

/* A descriptor that reads SIGINT, SIGTERM and SIGHUP, which are blocked from now on; -1. Call before
 * the connection is opened, since its threads inherit what is blocked. */
int job_catch_signals(void);

#endif
