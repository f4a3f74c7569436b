/* The node's own durable rows: what it must remember beside signed records. Never sent to a peer. */
#ifndef GPULET_PROTOCOL_ROW_H
#define GPULET_PROTOCOL_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/record.h"
#include "protocol/schema.h"

/* TABLE_LEASES, key id = the hold's record id, which a lease keeps. One row a lease or hold, both roles. */
struct lease_row {
    struct record_id hold;
    struct record_id lease; /* zeros until there is a lease record */
    struct peer_id peer;    /* the other side */
    bool is_host;
    uint8_t state; /* enum lease_state */
    uint16_t slot_group;
    uint64_t slot_mask;
    uint64_t slot_seq;
    uint16_t slots;
    struct amount ask_uusd_per_hour;
    uint32_t interval_s;
    uint32_t meter_s;
    uint32_t duration_s;
    uint32_t notice_s;
    uint16_t owed_intervals; /* forgiven at a reclaim, beside the one in progress */
    bool attached;
    uint64_t boot_id;          /* deadlines by boot time are of this boot */
    uint64_t deadline_boot_ms; /* of HELD, LEASED (latest start), DRAINING (notice) */
    uint64_t created_at_ms;    /* unix ms */
    uint64_t started_at_ms;    /* unix ms; 0: not started */
    uint64_t end_at_ms;        /* unix ms: start + duration */
    uint64_t end_at_boot_ms;
    uint64_t ended_at_ms;
    uint64_t run_ms;         /* counted so far */
    uint64_t stopped_run_ms; /* run_ms at the reclaim trigger or host failure; 0: none */
    uint32_t meter_number;
    struct record_id meter;
    struct record_id previous_meter;
    uint32_t voucher_number;
    struct amount voucher_uusd;
    uint64_t voucher_run_ms;
    struct amount posted_uusd; /* what the ledger holds for this lease */
    struct amount final_uusd;
    struct record_id final;
    uint8_t reason; /* enum end_reason */
    uint8_t exit_code;
    uint8_t exit_signal;
    struct bytes label; /* what people see: the GPU's name */
};

/* TABLE_EVIDENCE: key id = the hold's record id, number = what. The value is the signed bytes. */
enum evidence {
    EVIDENCE_HOLD = 1,
    EVIDENCE_HELD = 2,
    EVIDENCE_LEASE = 3, /* sealed by the renter; cosigned once the host has signed */
    EVIDENCE_FIRST_METER = 4,
    EVIDENCE_METER = 5,
    EVIDENCE_VOUCHER = 6,
    EVIDENCE_FINAL = 7, /* cosigned: the receipt */
    EVIDENCE_RECLAIM = 8,
    EVIDENCE_EXTENSION = 9,
    EVIDENCE_GRANT = 10,
    EVIDENCE_GANG = 11 /* the certificate that confirmed a member */
};

/* Accounts of the ledger. A transaction moves an amount from one to another: it sums to zero by its form. */
enum account {
    ACCOUNT_RECEIVABLE, /* a peer owes us */
    ACCOUNT_PAYABLE,    /* we owe a peer; negative balance */
    ACCOUNT_EARNED,     /* negative balance: income */
    ACCOUNT_SPENT,
    ACCOUNT_ISSUER,  /* the issuer owes us */
    ACCOUNT_GRANTED, /* negative balance: what grants brought */
    ACCOUNT_COUNT
};
extern const struct name_table account_names;

/* TABLE_LEDGER, key number. */
struct ledger_row {
    uint64_t number;           /* 1, 2, 3 ... without gaps */
    uint64_t at_ms;            /* unix ms */
    uint8_t debit;             /* enum account: grows by amount */
    uint8_t credit;            /* enum account: shrinks by amount */
    struct amount amount_uusd; /* never negative: a correction swaps the accounts */
    struct peer_id peer;
    struct record_id lease;    /* zeros: a grant */
    struct record_id evidence; /* the signed record behind it */
};

/* TABLE_BALANCES, key id = peer: what stands between us and it, all signed. */
struct balance_row {
    struct peer_id peer;
    struct amount receivable_uusd;
    struct amount payable_uusd;
    struct amount earned_uusd;
    struct amount spent_uusd;
    struct amount issuer_uusd;
    struct amount granted_uusd;
    uint32_t leases; /* closed with both signatures */
};

/* TABLE_LISTINGS, key number = slot group: what the owner told us to offer. */
struct offer_row {
    uint16_t slot_group;
    uint64_t gpu_mask;               /* the group's cards that are offered */
    struct amount ask_uusd_per_hour; /* 0 with ask_is_auto */
    bool ask_is_auto;
    struct amount interruptible_ask_uusd_per_hour;
    uint32_t lease_min_s;
    uint32_t lease_max_s;
    uint32_t notice_s;
    uint32_t minimum_run_s;
    uint16_t reclaims_per_day;
    uint16_t reclaim_owed_intervals;
    uint8_t week_hours[WEEK_HOURS_BYTES];
    uint32_t works;
    uint16_t reliability_min_bp;
    uint8_t image_policy;
    uint64_t valid_until_s;
    bool paused;
};

/* TABLE_SETTINGS, key number = enum setting_number: what the person told the running node. */
enum setting_number {
    SETTING_PAUSED = 1,
    SETTING_SPEND_LEASE = 2,
    SETTING_SPEND_DAY = 3,
    SETTING_PAUSE_MASK = 4,        /* cards, one bit each */
    SETTING_REQUEST_PLACES = 65536 /* plus place: first 8 bytes of the standing request's id */
};
struct setting_row {
    uint64_t value;
};

/* TABLE_SEQUENCES, key number = kind << 32 | detail: last seq that we used. */
struct sequence_row {
    uint64_t kind_and_detail;
    uint64_t seq;
};

/* TABLE_GUARDS, key id = author, number = kind << 32 | detail: stops an old version from coming back. */
struct guard_row {
    struct peer_id author;
    uint8_t kind;
    uint32_t detail;
    uint64_t seq;
    uint64_t until_s;
};

/* TABLE_PEERS, key id = peer: where a peer was reached. */
struct peer_row {
    struct peer_id peer;
    struct channel_key channel_key;
    struct bytes address;
    uint64_t last_seen_s;
    bool kept;        /* told by the person: never forgotten */
    uint8_t standing; /* 0 neutral, 1 allowed, 2 denied as a renter */
};

/* TABLE_REQUESTS, key id = request: our standing requests. With an empty request, key id = hold: the lease
 * that is being started for the request `id`. */
struct standing_row {
    struct record_id id;
    struct bytes request; /* encoded struct control_rent: the command is inside */
    uint64_t until_s;
};

/* A host's place in a gang. */
struct gang_seat_row {
    struct record_id hold;
    struct record_id held; /* id of the HELD record */
    struct peer_id host;
    struct record_id listing;
    uint16_t rank; /* 65535: a spare, or not known yet */
    uint16_t generation;
    bool is_lost;
};

/* TABLE_GANGS, key id = gang: one job on many hosts, from its certificate to its end. */
struct gang_row {
    struct record_id id;
    uint8_t phase; /* enum gang_phase of node/core/gang_state.h */
    uint16_t world;
    uint16_t generation;
    struct bytes question;   /* encoded struct control_rent: the command is inside */
    struct bytes_list seats; /* encoded struct gang_seat_row */
};

extern const struct schema gang_seat_row_schema, gang_row_schema;
extern const struct schema lease_row_schema, ledger_row_schema, balance_row_schema,
    offer_row_schema, setting_row_schema, sequence_row_schema, guard_row_schema, peer_row_schema,
    standing_row_schema;

#endif
