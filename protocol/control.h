/* What the command line may ask of gpuletd over its local socket, and the rows that come back. */
#ifndef GPULET_PROTOCOL_CONTROL_H
#define GPULET_PROTOCOL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/record.h"
#include "protocol/schema.h"

/* One msgpack array a frame, type first. A question is answered by any number of rows and notes, then
 * one CONTROL_DONE. Stream messages (64 to 95 of protocol/message.h) pass on the same socket. */
enum control_type {
    CONTROL_STATUS = 128,
    CONTROL_GPUS = 129,
    CONTROL_HOST = 130,
    CONTROL_UNHOST = 131,
    CONTROL_PAUSE = 132,
    CONTROL_RESUME = 133,
    CONTROL_RECLAIM = 134,
    CONTROL_LISTINGS = 135,
    CONTROL_SEARCH = 136,
    CONTROL_RENT = 137,
    CONTROL_REQUEST = 138,
    CONTROL_REQUESTS = 139,
    CONTROL_REQUEST_CANCEL = 140,
    CONTROL_LEASES = 141,
    CONTROL_LEASE_END = 142,
    CONTROL_LEASE_EXTEND = 143,
    CONTROL_LEDGER = 144,
    CONTROL_MONEY = 145,
    CONTROL_RECEIPT = 146,
    CONTROL_PEERS = 147,
    CONTROL_PEER_ADD = 148,
    CONTROL_MARKET = 149,
    CONTROL_SETTING = 150,
    CONTROL_STOP = 151,
    CONTROL_STANDING = 152,
    CONTROL_PING = 153,
    CONTROL_CLEARING = 160,
    CONTROL_OCCUPANCY = 170,
    CONTROL_ROW = 192,
    CONTROL_NOTE = 193,
    CONTROL_DONE = 194
};

/* No fields: status, gpus, requests, peers, stop, ping, occupancy. */
struct control_plain {
    uint8_t unused;
};

/* Offers slots of a group. Zero fields keep what was told before, or the default. */
struct control_host {
    uint64_t gpu_mask; /* 0: all cards */
    bool ask_is_auto;
    struct amount ask_uusd_per_hour;
    struct amount interruptible_ask_uusd_per_hour;
    uint32_t lease_min_s;
    uint32_t lease_max_s;
    uint32_t notice_s;
    bool notice_given; /* 0 s is a notice too */
    uint32_t minimum_run_s;
    uint16_t reclaims_per_day;
    uint16_t reclaim_owed_intervals;
    bool week_hours_given;
    uint8_t week_hours[WEEK_HOURS_BYTES];
    uint32_t works; /* 0: all */
    uint16_t reliability_min_bp;
    uint64_t valid_until_s;
    bool dry_run;
};

/* unhost, pause, resume, reclaim: cards by mask over the node's GPU numbers; 0: all. */
struct control_cards {
    uint64_t gpu_mask;
    bool dry_run;
};

struct control_listings {
    bool mine;
};

struct control_search {
    struct bytes request; /* encoded struct request */
    uint16_t limit;
    bool explain;
    bool quote; /* cost curve for request.count x request.hosts GPUs */
};

struct control_rent {
    struct bytes request; /* encoded struct request */
    uint32_t wait_s;
    uint32_t prepay_s;
    bool dry_run;
    bool attached;
    bool input;
    uint32_t memory_mib;
    struct bytes listing_prefix; /* hex; empty: the matcher picks */
    struct bytes_list arguments;
    struct bytes_list environment;
    bool batch;              /* a standing request bids in the batch lane */
    struct bytes auctioneer; /* 64 hex digits; empty without batch */
    uint64_t units_wanted;   /* 1/65536 H100 */
    uint64_t units_min;
};

struct control_leases {
    bool all;
    struct bytes prefix; /* hex; empty: no filter */
};

struct control_lease_end {
    struct bytes prefix; /* hex */
};

struct control_lease_extend {
    struct bytes prefix;
    uint32_t by_s;
    bool dry_run;
};

struct control_ledger {
    uint64_t after_number;
    uint16_t limit;
};

struct control_receipt {
    struct bytes prefix; /* hex of a lease; empty: list all */
};

/* Clearings that this node has made or bid in. */
struct control_clearing {
    struct bytes prefix; /* hex of a clearing; empty: list all */
    uint32_t offset;     /* of the file's piece that is wanted */
};

struct control_peer_add {
    struct bytes address;
};

struct control_market {
    struct bytes gpu_class; /* empty: all */
};

struct control_setting {
    struct bytes name; /* empty: list all */
    struct bytes value;
    bool set;
};

/* Allows or denies a renter. */
struct control_standing {
    struct bytes peer; /* 64 hex digits */
    uint8_t standing;  /* 0 neutral, 1 allowed, 2 denied */
};

/* The rows that come back. `row` is a number of enum control_row_type. */
struct control_row {
    uint8_t row;
    struct bytes value;
};

enum note_level { NOTE_PROGRESS, NOTE_TALK, NOTE_WARNING };

/* Talk for stderr: progress (on a terminal only), a line, or a warning. */
struct control_note {
    uint8_t level;
    struct bytes text;
};

struct control_done {
    uint8_t status;    /* enum status */
    struct bytes text; /* the sentence why and what to do; empty when all is well */
};

enum control_row_type {
    ROW_STATUS = 1,
    ROW_GPU = 2,
    ROW_LISTING = 3,
    ROW_OFFER = 4,
    ROW_REJECT = 5,
    ROW_RENTED = 6,
    ROW_LEASE = 7,
    ROW_LEDGER = 8,
    ROW_MONEY = 9,
    ROW_RECEIPT = 10,
    ROW_PEER = 11,
    ROW_MARKET = 12,
    ROW_SETTING = 13,
    ROW_REQUEST = 14,
    ROW_QUOTE = 15,
    ROW_CHARGE = 16,
    ROW_FREEING = 20,
    ROW_MEMBER = 24,
    ROW_CLEARING = 32
};

struct status_view {
    struct peer_id identity;
    struct channel_key channel_key;
    struct bytes label;
    struct bytes version;
    struct bytes network;
    bool test_network;
    struct bytes listen; /* the peer socket's endpoint */
    struct bytes stream_listen;
    struct bytes control; /* the local socket's path */
    struct bytes data_dir;
    uint32_t pid;
    uint64_t started_at_ms;
    uint32_t peers;    /* connected and introduced */
    uint32_t listings; /* in the book */
    uint32_t listings_own;
    uint32_t leases_hosted; /* open ones */
    uint32_t leases_rented;
    struct amount balance_uusd;   /* grants, plus what is owed to us, less what we owe */
    struct amount spendable_uusd; /* grants less debts less what open leases may cost */
    bool paused;
    struct bytes space; /* "normal", "low" or "full" */
    uint64_t records_refused;
    bool clock_is_off;
};

struct gpu_view {
    uint16_t gpu;
    uint16_t slot_group;
    struct bytes model;
    uint16_t gpu_class;
    uint32_t vram_mib;
    struct bytes driver;
    bool simulated;
    struct bytes state; /* "idle", "busy: owner", "leased", "offered", "paused" */
    struct amount suggested_ask_uusd_per_hour;
};

struct listing_view {
    struct record_id listing;
    struct peer_id host;
    struct bytes host_label;
    struct bytes model;
    uint16_t gpu_class;
    uint16_t slot_group;
    uint16_t slots_total;
    uint32_t vram_mib;
    struct amount ask_uusd_per_hour;
    struct amount interruptible_ask_uusd_per_hour;
    uint8_t region;
    uint32_t up_mbit_s;
    uint32_t down_mbit_s;
    uint32_t lease_min_s;
    uint32_t lease_max_s;
    uint32_t notice_s;
    uint32_t minimum_run_s;
    uint16_t reclaims_per_day;
    uint8_t week_hours[WEEK_HOURS_BYTES];
    uint8_t isolation;
    uint32_t works;
    uint32_t flags;
    uint16_t reliability_bp;
    uint64_t issued_at_s;
    uint64_t expires_at_s;
    bool own;
};

struct offer_view {
    uint16_t rank;
    bool pick; /* what rent would take */
    struct record_id listing;
    struct peer_id host;
    struct bytes host_label;
    struct bytes model;
    uint16_t slots;
    uint32_t vram_mib;
    struct amount ask_uusd_per_hour;  /* of one slot */
    struct amount unit_uusd_per_hour; /* of one H100e for this kind of work */
    struct amount total_uusd;         /* all in, for the whole duration */
    uint32_t duration_s;
    uint8_t region;
    uint16_t reliability_bp;
    uint32_t notice_s;
};

/* Why listings did not fit: how many fail at this clause, and how near the nearest came. */
struct reject_view {
    struct bytes clause;
    uint32_t rejected;
    uint32_t only_this;   /* would fit but for this clause */
    struct bytes nearest; /* "12 offers if VRAM >= 22 GiB" */
};

struct rented_view {
    struct lease_id lease;
    struct peer_id host;
    struct bytes host_label;
    struct bytes model;
    uint16_t slots;
    struct amount ask_uusd_per_hour;
    struct amount total_uusd; /* at most, for the whole duration */
    uint32_t duration_s;
};

/* A member of a gang that is started. */
struct member_view {
    struct record_id gang;
    uint16_t rank;
    uint16_t ranks;      /* so many in all */
    uint16_t generation; /* 1 at admission; grows with replacements */
    struct lease_id lease;
    struct peer_id host;
    struct bytes host_label;
    struct bytes model;
    uint16_t slots;
    struct amount ask_uusd_per_hour;
    struct amount total_uusd; /* at most, for the whole duration */
    uint32_t duration_s;
};

struct lease_view {
    struct record_id lease;
    struct bytes role; /* "host" or "renter" */
    struct peer_id peer;
    struct bytes peer_label;
    struct bytes model;
    uint8_t state; /* enum lease_state */
    uint16_t slots;
    uint64_t slot_mask;
    struct amount ask_uusd_per_hour;
    struct amount charged_uusd;    /* posted, or final */
    struct amount paid_until_uusd; /* voucher */
    uint64_t run_ms;
    uint64_t created_at_ms;
    uint64_t started_at_ms;
    uint64_t ended_at_ms;
    uint64_t end_at_ms;
    uint8_t reason;
    uint8_t exit_code;
    uint8_t exit_signal;
    struct record_id gang; /* zeros: it is no member of one */
    uint16_t rank;         /* in the gang; 65535: not known */
};

struct ledger_view {
    uint64_t number;
    uint64_t at_ms;
    uint8_t debit;
    uint8_t credit;
    struct amount amount_uusd;
    struct peer_id peer;
    struct record_id lease;
    struct record_id evidence;
};

struct money_view {
    struct peer_id peer;
    struct bytes peer_label;
    struct amount receivable_uusd;
    struct amount payable_uusd;
    struct amount earned_uusd;
    struct amount spent_uusd;
    struct amount granted_uusd;
    uint32_t leases;
};

struct receipt_view {
    struct lease_id lease;
    struct peer_id host;
    struct peer_id renter;
    struct amount amount_uusd;
    uint64_t run_ms;
    uint8_t reason;
    uint64_t ended_at_s;
    struct bytes bundle; /* encoded struct receipt_bundle; empty in lists */
};

struct peer_view {
    struct peer_id peer;
    struct bytes label;
    struct bytes address;
    bool connected;
    bool outbound;
    uint64_t last_seen_s;
    uint32_t records;
    uint8_t standing;
};

struct market_view {
    uint16_t gpu_class;
    struct bytes model;
    uint32_t listings;
    uint32_t slots;
    struct amount ask_min_uusd_per_hour;
    struct amount ask_quarter_uusd_per_hour;
    struct amount ask_median_uusd_per_hour;
    struct amount ask_three_quarters_uusd_per_hour;
    struct amount ask_max_uusd_per_hour;
    uint32_t slots_told; /* cards whose hosts told lately whether they are taken */
    uint32_t slots_taken;
    uint64_t told_at_s; /* the oldest of what was told; 0: nothing */
};

struct setting_view {
    struct bytes name;
    struct bytes value;
    struct bytes from; /* "default", "file" or "told" */
    struct bytes help;
};

struct request_view {
    struct record_id request;
    uint64_t until_s;
    struct bytes state;
    uint16_t count;
    struct amount ask_max_uusd_per_hour;
};

struct quote_view {
    uint32_t gpus; /* so many in all */
    uint32_t hosts;
    struct amount last_ask_uusd_per_hour;
    struct amount total_uusd_per_hour;
};

/* Cards that fit and are taken or closed just now, and when they may be had: a hint with an age. */
struct freeing_view {
    uint64_t at_s;
    uint32_t gpus;
    struct peer_id host;
    struct bytes host_label;
    struct bytes model;
    struct amount ask_uusd_per_hour;
    struct bytes why;   /* "a lease ends", "its hours begin" */
    uint64_t told_at_s; /* by the host */
};

struct clearing_view {
    struct record_id clearing;
    struct peer_id auctioneer;
    struct bytes auctioneer_label;
    uint64_t epoch;
    uint64_t closed_at_s;
    uint8_t work;
    uint8_t region;
    uint16_t bids;
    uint16_t listings;
    uint16_t fills;
    struct amount price_uusd_per_hour; /* of an H100e; 0: each fill pays its ask */
    uint32_t offset;
    uint32_t total;    /* bytes of the file */
    struct bytes data; /* a piece of it; empty in lists */
};

/* How a lease ended, told to the CLI that rented it. */
struct charge_view {
    struct lease_id lease;
    struct amount charged_uusd;
    uint64_t run_ms;
    uint8_t reason;
    uint8_t exit_code;
    uint8_t exit_signal;
    bool receipt; /* both signatures are durable here */
};

/* A receipt with all that backs it: anybody can check it with no more than these bytes. */
struct receipt_bundle {
    struct network_id network;
    struct bytes lease;       /* cosigned: by the renter, then by the host */
    struct bytes receipt;     /* the final record, cosigned: by the host, then by the renter */
    struct bytes voucher;     /* the highest one; empty: none */
    struct bytes_list meters; /* first, last and the voucher's, as far as they are kept */
};
extern const struct schema receipt_bundle_schema;

/* What a peer may do as a renter: neutral, allowed, denied. */
extern const struct name_table standing_names;

/* The schema of a question, of CONTROL_ROW, CONTROL_NOTE or CONTROL_DONE; NULL when unknown. */
const struct schema *control_schema(uint8_t type);

/* The schema of a row; its number is the row type, its name the singular noun; NULL when unknown. */
const struct schema *control_row_schema(uint8_t row);

#endif
