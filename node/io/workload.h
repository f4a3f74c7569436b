/* The daemon's side of a renter's program: start it under a supervisor, reach it, settle its end.
 *
 * A job lives in <data>/jobs/<lease hex>/ and is held by a supervisor process of its own, which
 * outlives the daemon. All bytes of its streams have absolute offsets from 0, so that a restarted
 * daemon goes on where its predecessor's durable state says, without losing or repeating a byte.
 *
 * No call here waits for the job; workload_start and workload_destroy have a time bound.
 */
#ifndef GPULET_NODE_IO_WORKLOAD_H
#define GPULET_NODE_IO_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/status.h"

enum {
    WORKLOAD_ARGUMENTS_MAX = 256,
    WORKLOAD_ENVIRONMENT_MAX = 256,
    WORKLOAD_GPUS_MAX = 64,
    WORKLOAD_DEVICES_MAX = 64,
    WORKLOAD_SPEC_BYTES_MAX = 256 * 1024,  /* argv, environment, paths and filter together */
    WORKLOAD_DATA_MAX = 32 * 1024,         /* bytes of one workload_write_stdin or DATA event */
    WORKLOAD_RING_BYTES = 1024 * 1024,     /* unread output held in memory, a stream */
    WORKLOAD_FILTER_BYTES_MAX = 32 * 1024, /* 4,096 instructions, the kernel's own limit */
    WORKLOAD_STDIN_WINDOW = 256 * 1024,
    WORKLOAD_LOG_CAP_DEFAULT = 16 * 1024 * 1024,
    WORKLOAD_REASON_SIZE = 160,
    WORKLOAD_UID_FIRST_DEFAULT = 65600 /* plus the slot's number */
};

enum workload_runtime {
    WORKLOAD_RUNTIME_BWRAP, /* a command in the host's own /usr, read-only */
};

enum workload_stream {
    WORKLOAD_STDIN = 0,
    WORKLOAD_STDOUT = 1,
    WORKLOAD_STDERR = 2,
};

enum workload_state {
    WORKLOAD_STARTING, /* durable before anything runs */
    WORKLOAD_RUNNING,
    WORKLOAD_FROZEN,
    WORKLOAD_ENDED,
};

/* Why a job ended. Whether it is charged is the core's matter. */
enum workload_end {
    WORKLOAD_END_NONE,       /* has not ended */
    WORKLOAD_END_EXITED,     /* by itself, with exit_code */
    WORKLOAD_END_SIGNALED,   /* by a signal nobody here sent, signal_number */
    WORKLOAD_END_KILLED,     /* workload_kill */
    WORKLOAD_END_LEASE_OVER, /* end_boot_ms came */
    WORKLOAD_END_UNPAID,     /* was frozen for want of payment longer than unpaid_kill_ms */
    WORKLOAD_END_DISK,       /* the workspace outgrew disk_mib by a tenth, or held too many files */
    WORKLOAD_END_MEMORY,     /* the memory limit killed it */
    WORKLOAD_END_NOT_STARTED, /* the sandbox or the program could not be started; see reason */
    WORKLOAD_END_LOST,        /* the supervisor is gone without having said an end */
};

/* All pointers are borrowed for workload_start. */
struct workload_spec {
    struct lease_id lease;
    const char *job_dir; /* <data>/jobs/<lease hex>; made 0700; STATUS_EXISTS when it is there */
    enum workload_runtime runtime;

    const char *const *arguments; /* arguments[0] is searched in the sandbox's PATH */
    size_t argument_count;
    const char *const *environment; /* NAME=VALUE, the renter's */
    size_t environment_count;

    bool stdin_wanted; /* false: the job reads /dev/null */
    bool attached;     /* true: a reader must take every byte, the job waits when it does not */

    uint64_t memory_mib;  /* 0: no limit, for this and the next four */
    uint64_t disk_mib;    /* workspace */
    uint32_t cpu_threads; /* whole threads' worth of time */
    uint32_t pids_max;
    uint64_t files_max;     /* files in the workspace */
    uint64_t log_cap_bytes; /* a stream; 0: WORKLOAD_LOG_CAP_DEFAULT */

    const uint32_t *gpu_indices; /* the host's numbers, for GPULET_GPUS */
    size_t gpu_count;
    const char *const *device_paths; /* device nodes to show, "/dev/nvidia0"; none when simulated */
    size_t device_count;

    uid_t uid; /* as root: the job's own uid and gid, never 0; else ignored */

    uint64_t run_ms_limit;   /* paid so far: frozen by the supervisor when run_ms reaches it */
    int64_t end_boot_ms;     /* CLOCK_BOOTTIME: killed then */
    uint64_t unpaid_kill_ms; /* killed after being frozen unpaid for so long; 0: at end_boot_ms */

    struct bytes
        filter; /* of sandbox_filter, for a caller that keeps one; empty: made at the start */

    const char *supervisor_program; /* NULL: this program (/proc/self/exe) */
    const char *bwrap_program;      /* NULL: "bwrap" from PATH */
};

struct workload_status {
    enum workload_state state;
    enum workload_end end;
    bool frozen_by_daemon;  /* workload_freeze */
    bool frozen_unpaid;     /* run_ms_limit reached */
    uint32_t exit_code;     /* when WORKLOAD_END_EXITED */
    uint32_t signal_number; /* when the job died of a signal, whoever sent it; else 0 */
    uint64_t run_ms;        /* from exec to exit, less frozen and slept time */
    uint64_t frozen_ms;
    uint64_t run_ms_limit;
    int64_t end_boot_ms;
    uint64_t stdin_bytes;      /* taken by the job */
    uint64_t out_bytes[2];     /* stdout, stderr: written by the job so far */
    uint64_t log_bytes[2];     /* of these, the first so many are in the log file */
    uint64_t dropped_bytes[2]; /* neither in the log nor kept; only in detached mode */
    uint64_t disk_bytes;       /* workspace, as last measured */
    uint64_t oom_kills;        /* processes the memory limit killed */
    pid_t supervisor_pid;
    uint64_t supervisor_start; /* clock ticks after boot, field 22 of /proc/PID/stat */
    pid_t job_pid;             /* first process of the sandbox as the host sees it; 0: none yet */
    uint64_t job_start;
    char reason[WORKLOAD_REASON_SIZE]; /* one sentence when it could not start; else "" */
};

enum workload_event_kind {
    WORKLOAD_EVENT_STATUS, /* on connecting, on every change, and each second while it runs */
    WORKLOAD_EVENT_DATA,   /* stream, offset, data */
    WORKLOAD_EVENT_GAP,    /* stream, offset: what came before `offset` is not kept any more; the
                            * limit counts from 0 as ever, so it may need to be raised */
    WORKLOAD_EVENT_EOF,    /* stream 1 or 2, offset: there is nothing after it */
    WORKLOAD_EVENT_CREDIT, /* stream 0: send from `offset` on, up to below `limit` */
    WORKLOAD_EVENT_EXIT,   /* status: over, no process left; DATA and EOF may still follow it */
};

struct workload_event {
    enum workload_event_kind kind;
    enum workload_stream stream;
    uint64_t offset;
    uint64_t limit;
    struct bytes data;             /* valid until the next call with this workload */
    struct workload_status status; /* with STATUS and EXIT */
};

struct workload;

/* Checks the spec, makes the job's directory and starts its supervisor, which starts the job. The
 * promise "starting" is on the disk when this returns STATUS_OK. Waits 5 s at most, 20 ms as a rule.
 * STATUS_EXISTS: this job was started before, and never will be again.
 * STATUS_REFUSED: an environment name is not allowed (sandbox_check_environment says which).
 * STATUS_BAD_INPUT, STATUS_LIMIT, STATUS_OUT_OF_RANGE: the spec; STATUS_TIMEOUT: the supervisor did
 * not answer in time, it may still come up. STATUS_SYSTEM, STATUS_DISK_FULL, STATUS_PERMISSION. */
enum status workload_start(const struct workload_spec *spec) MUST_USE;

/* Reaches the supervisor of a started job, the first time or again; an older connection of this job
 * is cut by the supervisor. The first event is STATUS, then CREDIT when stdin is wanted. Nothing is
 * read until workload_read asks. Owned by the caller, ended by workload_disconnect.
 * STATUS_NOT_FOUND: there is no such job. STATUS_DISCONNECTED: its supervisor is gone, see
 * workload_read_status. STATUS_NOT_NOW: it is coming up, try again. */
enum status workload_connect(const char *job_dir, struct workload **ret) MUST_USE;

/* Lets go of the connection; the job goes on. NULL is allowed. */
void workload_disconnect(struct workload *workload);

/* For poll(): the descriptor, and the events to wait for (POLLIN, and POLLOUT while a command waits
 * for room in the socket). When any of them comes, call workload_receive. */
int workload_fd(const struct workload *workload);
short workload_poll_events(const struct workload *workload);

/* The next event. STATUS_NOT_NOW: none just now. STATUS_DISCONNECTED: the supervisor is gone or
 * another connection took over. STATUS_CORRUPT: it sent nonsense. */
enum status workload_receive(struct workload *workload, struct workload_event *ret) MUST_USE;

/* Commands. When the socket is full they are kept and go out, in order, with a later call.
 * STATUS_DISCONNECTED; STATUS_BUSY: too many are waiting already, this one was not taken. */
enum status workload_freeze(struct workload *workload) MUST_USE;
enum status workload_thaw(struct workload *workload) MUST_USE;
/* SIGTERM to the job's first process, and SIGKILL to all after grace_ms; 0: at once. */
enum status workload_kill(struct workload *workload, uint64_t grace_ms) MUST_USE;
/* To the job's first process. */
enum status workload_signal(struct workload *workload, int signal_number) MUST_USE;
/* The job may run until run_ms reaches the limit, and exist until end_boot_ms. */
enum status workload_pay(struct workload *workload, uint64_t run_ms_limit, int64_t end_boot_ms)
    MUST_USE;
/* Asks for a STATUS event now. */
enum status workload_ask_status(struct workload *workload) MUST_USE;

/* Streams. Reads from `offset` on, pushed as DATA events up to below `limit`; bytes before `offset`
 * are acknowledged and may be forgotten. Repeat with a later offset and limit to go on; with the
 * offset that comes next anyway, nothing is sent twice. */
enum status workload_read(struct workload *workload, enum workload_stream stream, uint64_t offset,
                          uint64_t limit) MUST_USE;
/* All before `offset` is safe, and more may come up to below `limit`; the position stays. */
enum status workload_credit(struct workload *workload, enum workload_stream stream, uint64_t offset,
                            uint64_t limit) MUST_USE;
/* At most WORKLOAD_DATA_MAX bytes, within the window of the last CREDIT event; bytes the job has
 * already are ignored. STATUS_BUSY: the socket is full, nothing was taken; try again after any event,
 * or when poll says POLLOUT. */
enum status workload_write_stdin(struct workload *workload, uint64_t offset, struct bytes data)
    MUST_USE;
/* The job's stdin ends at `offset`. */
enum status workload_close_stdin(struct workload *workload, uint64_t offset) MUST_USE;

/* Without a supervisor ------------------------------------------------------------------------ */

/* What the job's status file says; `end` is WORKLOAD_END_LOST when it does not say an end and the
 * supervisor is gone. STATUS_NOT_FOUND, STATUS_CORRUPT. */
enum status workload_read_status(const char *job_dir, struct workload_status *ret) MUST_USE;

/* Reads kept output from `offset` on: the log, and after the end what was left unread.
 * Nothing appended: no more. STATUS_NOT_FOUND: these bytes were dropped; *ret_next is then the next
 * offset that is kept, and equals the total when there is none. */
enum status workload_log_read(const char *job_dir, enum workload_stream stream, uint64_t offset,
                              struct buffer *buffer, uint64_t *ret_next) MUST_USE;

/* Kills what a lost supervisor left behind, and the supervisor too. `ret_any`, when not NULL, says whether
 * there was anything to kill. STATUS_TIMEOUT after 2 s. */
enum status workload_reap_orphans(const char *job_dir, bool *ret_any) MUST_USE;

/* Reaps, then removes the job's cgroups and directory with its workspace. STATUS_NOT_FOUND.
 * Can take long with many files: for a worker thread, or a quiet moment. */
enum status workload_destroy(const char *job_dir) MUST_USE;

/* Words for people and JSON: "running", "lease_over"; static text. */
const char *workload_state_name(enum workload_state state);
const char *workload_end_name(enum workload_end end);

#endif
