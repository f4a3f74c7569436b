/* What the book knows of one listing: exact integers, everything that a request can ask for. */
#ifndef GPULET_NODE_MARKET_MARKET_ROW_H
#define GPULET_NODE_MARKET_MARKET_ROW_H

#include <stdint.h>

#include "protocol/id.h"
#include "protocol/record.h"
#include "protocol/status.h"

/* Highest ask the book takes, in uUSD: 2,147 USD for a GPU-hour. Compares as a signed 32-bit number. */
#define MARKET_ASK_MAX (INT32_MAX - 1)

enum { HOST_KEY_LENGTH = 16 };

/* The first half of a host's public key. Two keys that share it take 2^64 work to make, and whoever
 * makes them can only replace own listings; half the memory of the book's largest column. */
struct host_key {
    uint8_t bytes[HOST_KEY_LENGTH];
};

/* What many listings have in common word for word; kept once in the book. */
struct terms {
    uint16_t capability;
    uint16_t cuda;
    uint32_t nvlink_mb_s;
    uint32_t pcie_mb_s;
    uint32_t fabric_mbit_s;
    uint64_t fabric;
    uint32_t lease_min_s;
    uint32_t lease_max_s;
    uint32_t notice_s;
    uint32_t minimum_run_s;
    uint16_t reclaims_per_day;
    uint8_t image_policy;
    uint8_t week_hours[WEEK_HOURS_BYTES];
    uint64_t valid_from_s;
    uint64_t valid_until_s;
};

/* The parts of market_row.features. */
enum {
    FEATURE_REGION_SHIFT = 0,     /* one bit of eight: 1 << enum region */
    FEATURE_FLAG_SHIFT = 8,       /* enum listing_flag */
    FEATURE_WORK_SHIFT = 16,      /* set of 1 << enum work */
    FEATURE_ISOLATION_SHIFT = 20, /* bits 0 .. isolation: "at least" is "has the bit" */
};

struct market_row {
    struct host_key host;
    uint8_t slot_group;
    uint8_t slots_total;
    uint8_t slots_held; /* a hint: how many were last known to be taken */
    uint16_t gpu_class; /* number; 0: not in the table */
    uint16_t reliability_bp;
    uint16_t cpu_threads;
    uint32_t expires_s;
    uint32_t ask_uusd_per_hour;               /* 0: not offered */
    uint32_t interruptible_ask_uusd_per_hour; /* 0: not offered */
    uint32_t vram_mib;
    uint32_t fp16_gflops;    /* measured, capped by the class */
    uint32_t bandwidth_mb_s; /* measured, capped by the class */
    uint32_t up_mbit_s;
    uint32_t down_mbit_s;
    uint32_t ram_mib;
    uint32_t disk_mib;
    uint32_t features;
    struct terms terms;
};

/* What the caller knows of a listing beside its words. */
struct listing_facts {
    const struct peer_id *host;
    uint64_t expires_s; /* of the record */
    uint16_t reliability_bp;
};

/* Makes a row of a checked listing. STATUS_OUT_OF_RANGE when it cannot stand in the book: an ask over
 * MARKET_ASK_MAX, a slot group from SLOT_GROUPS_MAX on, slots over SLOTS_PER_GROUP_MAX. */
enum status market_row_make(const struct listing *listing, const struct listing_facts *facts,
                            struct market_row *ret_row) MUST_USE;

struct host_key host_key_of(const struct peer_id *host);

/* The order of keys as bytes: <0, 0, >0. */
int host_key_compare(const struct host_key *a, const struct host_key *b);

#endif
