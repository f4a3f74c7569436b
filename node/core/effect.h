/* What a node does: everything the core wants of the world, in order, with its bytes. */
#ifndef GPULET_NODE_CORE_EFFECT_H
#define GPULET_NODE_CORE_EFFECT_H

#include "node/core/event.h"
#include "protocol/row.h"

/* Stores come first: all stores of a batch of steps commit before any other effect of it is carried out. */
enum effect_type {
    EFFECT_STORE_ROW,
    EFFECT_DELETE_ROW,
    EFFECT_STORE_RECORD, /* a public record, into the cache */
    EFFECT_DELETE_RECORD,
    EFFECT_STORE_EVIDENCE,
    EFFECT_DELETE_EVIDENCE,
    EFFECT_SEND, /* a frame to a peer */
    EFFECT_DIAL,
    EFFECT_DROP, /* a peer that broke the rules, or is too much */
    EFFECT_CHECK, /* check a public record's signature; comes back as EVENT_RECORD_VERIFIED or REFUSED */
    EFFECT_ANSWER,         /* a frame to the command line */
    EFFECT_ANSWER_LEDGER,  /* ROW_LEDGER rows read from disk, then DONE, to the command line */
    EFFECT_ANSWER_RECEIPT, /* ROW_RECEIPT with the bundle read from disk, then DONE */
    EFFECT_JOB_START,
    EFFECT_JOB_FREEZE,
    EFFECT_JOB_THAW,
    EFFECT_JOB_WARN, /* SIGTERM */
    EFFECT_JOB_KILL,
    EFFECT_JOB_PAY,      /* the job may run up to here, also without us */
    EFFECT_JOB_REMOVE,   /* log and workspace are no longer kept */
    EFFECT_STREAM_ALLOW, /* host: this channel key may read and write this lease's streams */
    EFFECT_STREAM_FORBID,
    EFFECT_STREAM_DIAL, /* renter: the lease's streams are at this address */
    EFFECT_STREAM_CLOSE,
    EFFECT_DECIDE, /* ask the host's own program; comes back as EVENT_DECIDED */
    EFFECT_LOG,
    EFFECT_STOP /* the person wants the daemon to end */
};

struct effect_job {
    struct lease_id lease;
    uint64_t gpu_mask; /* GPU numbers */
    bool attached;
    bool input;
    uint32_t memory_mib;
    uint32_t disk_mib;
    uint32_t cpu_threads;
    struct bytes arguments;  /* encoded struct start_message: argv and environment are inside */
    uint64_t paid_run_ms;    /* START and PAY */
    uint64_t end_at_boot_ms; /* 0: not known yet; START gives the duration instead */
    uint32_t duration_s;
    uint32_t unpaid_s; /* frozen so long for want of payment, the job is ended */
    uint32_t grace_ms; /* WARN, KILL: between SIGTERM and SIGKILL */
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Views point into the effects' own memory, or into the event of this step. */
struct effect {
    enum effect_type type;
    union {
        struct row row; /* value empty in EFFECT_DELETE_ROW */
        struct verified_record record;
        struct record_id record_id;
        struct {
            struct record_id hold; /* names the lease in TABLE_EVIDENCE from its first day */
            uint8_t what;          /* enum evidence */
            struct verified_record record;
        } evidence;
        struct {
            struct link link;
            struct bytes bytes; /* EFFECT_SEND, EFFECT_CHECK */
        } frame;
        struct {
            struct bytes address;
            struct channel_key key;
        } dial;
        struct {
            struct client client;
            uint64_t after_number; /* EFFECT_ANSWER_LEDGER: first row is the next one */
            uint16_t limit;
            struct record_id hold; /* EFFECT_ANSWER_RECEIPT: the evidence's key */
        } stored;
        struct {
            struct link link;
            const char *why;
        } drop;
        struct {
            struct client client;
            struct bytes bytes;
        } answer;
        struct effect_job job;
        struct {
            struct lease_id lease;
            struct channel_key key;
            struct bytes address;
        } stream;
        struct {
            uint64_t token;
            struct bytes json;
        } decide;
        struct {
            enum log_level level;
            struct bytes text;
        } log;
    } as;
};

/* Effects of a batch, and the memory behind their views. Taken once, at start. */
struct effects {
    struct effect *list;
    size_t count;
    size_t capacity;
    uint8_t *arena;
    size_t arena_used;
    size_t arena_capacity;
};

/* The smallest room that any single step may need: the loop hands the batch over before less is left.
 * What may wait stops at half of it (say_has_room), so a step needs half and one more deed, or what cannot
 * wait and the tick behind it. The longest of these are
 *   `leases --all`         a row for each of LEASES_MAX leases, and the end: 1,281
 *   the owner comes back   five for each of LEASES_OPEN_MAX leases: 1,280
 *   a host of them all     half of the room, then an END for each of LEASES_OPEN_MAX leases: 1,282
 * and the tick behind them has one for each of LINKS_MAX links and a few for each offer and request:
 * below 600. tests/core/test_review_flood.c takes these steps. */
enum { EFFECTS_STEP_MAX = 2048, EFFECTS_STEP_BYTES = 4 << 20 };

/* NULL when memory is missing. */
struct effects *effects_new(void);
void effects_free(struct effects *effects);

/* Forgets a batch that was carried out. */
void effects_clear(struct effects *effects);

/* True while another step fits for certain. */
bool effects_have_room(const struct effects *effects);

/* Memory from the arena, for what an effect points at; never NULL (ours to bound: asserted). */
void *effects_take(struct effects *effects, size_t length);

/* A copy of bytes in the arena. */
struct bytes effects_copy(struct effects *effects, struct bytes bytes);

/* Appends an effect of that type and returns it to be filled. */
struct effect *effects_add(struct effects *effects, enum effect_type type);

/* Copies a verified record's bytes into the arena and returns a record that views the copy. */
struct verified_record effects_keep_record(struct effects *effects,
                                           const struct verified_record *record);

#endif
