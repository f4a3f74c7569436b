/* Inside of the loop; only loop*.c and recovery.c include it. */
#ifndef GPULET_NODE_IO_LOOP_STATE_H
#define GPULET_NODE_IO_LOOP_STATE_H

#include "node/io/carry_out.h"
#include "node/io/loop.h"

enum { INBOX_BYTES = 4 << 20, POLL_ITEMS_MAX = 2048 };

/* A walk through the cache that goes on between two polls. */
struct cache_walk {
    struct store_scan scan;
    bool is_guards; /* first the guards, then the records */
    bool is_done;
};

struct loop {
    struct loop_options options;
    struct core_options core_options;
    struct core *core;
    struct effects *effects;
    struct world world;
    void *zmq;
    struct zap *zap;
    struct poll_set poll;
    uint8_t *inbox; /* what this batch's events point at */
    size_t inbox_used;
    uint64_t boot_id;
    uint64_t boot_nonce;
    struct cache_walk cache;
    enum status broken; /* why the core must be rebuilt; STATUS_OK: it need not */
    unsigned rebuilds;  /* in a row, without a commit in between */
    enum store_state space;
    uint64_t owner_mask;     /* cards that the owner uses, as told */
    int64_t housekeeping_ms; /* when due */
    int64_t expiry_ms;
    int signal_fd;
    size_t signal_place;
};

/* Steps the core with an event, now. A batch that is full is carried out first. */
void loop_step(struct loop *loop, struct event *event);

/* True while another event of so many bytes fits into the batch. */
bool loop_has_room(const struct loop *loop, size_t length);

/* A copy that lives until the batch was carried out. loop_has_room must have said so. */
struct bytes loop_keep(struct loop *loop, struct bytes bytes);

/* Carries the batch out. */
void loop_flush(struct loop *loop);

/* A core that was just built learns what is true outside of the disk: cards, space, jobs, links. */
void loop_introduce_world(struct loop *loop);

/* A question of the command line that nobody asked; its answer goes nowhere. */
void loop_step_bytes(struct loop *loop, struct bytes question);

/* Builds a core and replays the truth into it: settings to peers, then EVENT_RECOVERED. The cache
 * follows by recovery_go_on. STATUS_CORRUPT and what the store says. */
enum status recovery_run(struct loop *loop) MUST_USE;

/* Gives the next few gossiped records. */
enum status recovery_go_on(struct loop *loop) MUST_USE;

#endif
