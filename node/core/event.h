/* What can happen to a node: everything the core ever learns comes in one of these. */
#ifndef GPULET_NODE_CORE_EVENT_H
#define GPULET_NODE_CORE_EVENT_H

#include "crypto/record.h"
#include "protocol/bytes.h"
#include "protocol/moment.h"
#include "protocol/table.h"

enum event_type {
    EVENT_STARTED,       /* first event */
    EVENT_ROW,           /* recovery: a row of our own; leases before evidence before ledger */
    EVENT_STORED_RECORD, /* recovery: a gossiped record from our own disk */
    EVENT_EVIDENCE,      /* recovery: signed bytes of an open lease */
    EVENT_RECOVERED,     /* the truth is read; the cache may still be coming */
    EVENT_TICK,          /* a deadline passed (see core_next_deadline), or just time */
    EVENT_LINK_UP,       /* a connection exists; nobody has said who it is */
    EVENT_LINK_DOWN,
    EVENT_FRAME,           /* bytes from a peer */
    EVENT_RECORD_VERIFIED, /* a record sent out by EFFECT_CHECK has a good signature */
    EVENT_RECORD_REFUSED,
    EVENT_CONTROL, /* bytes from the command line */
    EVENT_CONTROL_GONE,
    EVENT_GPUS,       /* the machine's cards, whole list */
    EVENT_OWNER_BACK, /* the owner uses these cards */
    EVENT_OWNER_AWAY,
    EVENT_WORKLOAD,      /* a job's state */
    EVENT_WORKLOAD_LOST, /* reconcile: a lease should have a job, and none is found */
    EVENT_READER_GONE, /* host side: the attached reader of a lease is away; READER_BACK when it is back */
    EVENT_READER_BACK,
    EVENT_SPACE,  /* disk space changed */
    EVENT_DECIDED /* the host's own program has answered */
};

/* A connection, as the io room numbers it; never reused within a run. */
struct link {
    uint64_t number;
};

/* A client of the control socket, likewise. */
struct client {
    uint64_t number;
};

struct gpu {
    uint16_t number;
    uint16_t slot_group; /* equal cards share one */
    uint16_t gpu_class;
    char model[64];
    char driver[32];
    uint32_t vram_mib;
    uint32_t fp16_gflops;
    uint32_t bandwidth_mb_s;
    uint16_t cuda;
    uint16_t capability;
    uint32_t pcie_mb_s;
    uint32_t nvlink_mb_s;
    bool simulated;
};

enum { GPUS_MAX = 64 };

/* What the core needs to know of a job; node/io/workload.h has finer states under its own names. */
enum job_state {
    JOB_RUNNING,
    JOB_FROZEN,
    JOB_EXITED,
    JOB_FAILED /* could not be started; `text` says why */
};

struct event_workload {
    struct lease_id lease;
    uint8_t state; /* enum job_state */
    uint64_t run_ms;
    uint64_t started_at_ms; /* unix ms of exec */
    uint8_t exit_code;
    uint8_t exit_signal;
    uint8_t reason; /* enum end_reason: JOB_EXITED, LIMIT, UNPAID, HOST_FAILURE, DURATION */
    uint64_t bytes_in;
    uint64_t bytes_out;
    const char *text;
};

/* As storage/store.h's space_state, which this room cannot see. */
enum disk { DISK_NORMAL, DISK_LOW, DISK_FULL };

struct event {
    enum event_type type;
    struct moment now;
    union {
        struct {
            uint64_t seed;       /* of the core's own generator: nonces, jitter */
            uint64_t boot_id;    /* digest of the machine's boot */
            uint64_t boot_nonce; /* random for each start of the daemon */
        } started;
        struct row row; /* EVENT_ROW */
        struct {
            struct record_id hold;
            uint8_t what; /* enum evidence */
            struct verified_record record;
        } evidence;
        struct verified_record record; /* EVENT_STORED_RECORD */
        struct {
            struct link link;
            struct channel_key key; /* the other end's, proven by CURVE */
            bool outbound;
            struct bytes address; /* that we dialled; else where it comes from */
        } link_up;
        struct {
            struct link link;
            struct bytes bytes;
        } frame;
        struct link link_down;
        struct {
            struct link link;
            struct verified_record record; /* EVENT_RECORD_VERIFIED */
            enum status status;            /* EVENT_RECORD_REFUSED */
        } checked;
        struct {
            struct client client;
            struct bytes bytes;
        } control;
        struct client control_gone;
        struct {
            size_t count;
            const struct gpu *list;
        } gpus;
        uint64_t owner_mask; /* EVENT_OWNER_BACK, EVENT_OWNER_AWAY: bits are GPU numbers */
        struct event_workload workload;
        struct lease_id lease; /* EVENT_WORKLOAD_LOST, READER_GONE, READER_BACK */
        enum disk space;
        struct {
            uint64_t token;
            bool accepted;
            struct bytes text; /* the program's reason */
        } decided;
    } as;
};

#endif
