/* One node's decisions: an event in, effects out. No I/O, no clock, no randomness of its own. */
#ifndef GPULET_NODE_CORE_CORE_H
#define GPULET_NODE_CORE_CORE_H

#include "crypto/keypair.h"
#include "node/core/effect.h"
#include "node/core/event.h"

struct core;

struct core_options {
    struct keypair keypair; /* copied; wiped by core_free */
    char network_name[64];
    struct network_id network;
    bool is_test_network;
    bool has_issuer;
    struct peer_id issuer;
    char label[64];
    char address[128]; /* where peers reach us; empty when they cannot */
    char stream_address[128];
    char control_path[256]; /* shown by status */
    char data_dir[256];
    uint8_t region;           /* enum region */
    uint32_t auction_epoch_s; /* 0: no bids are collected here */
    uint8_t auction_rule;     /* enum auction_rule */
    uint32_t up_mbit_s;
    uint32_t down_mbit_s;
    uint16_t cpu_threads; /* the machine's, shared by the slots */
    uint32_t ram_mib;
    uint32_t disk_mib;
    bool limits_lack; /* the sandbox cannot enforce every limit */
    bool has_decide_program;
    size_t shelf_records_max;           /* gossiped records in memory */
    struct amount spend_lease_max_uusd; /* of a renter, per lease and per day */
    struct amount spend_day_max_uusd;
    struct amount current_uusd_per_kwh; /* what the owner pays; zero: not known */
    uint32_t pid;
};

/* Takes all memory that it will ever need; NULL when it is missing. */
struct core *core_new(const struct core_options *options);
void core_free(struct core *core);

/* Handles one event and appends what follows from it. */
void core_step(struct core *core, const struct event *event, struct effects *effects);

/* When the core wants an EVENT_TICK, by boot time. */
struct boot core_next_deadline(const struct core *core);

#endif
