/* The frames between two peers: one msgpack array a frame, type first. */
#ifndef GPULET_PROTOCOL_MESSAGE_H
#define GPULET_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/schema.h"

/* Types 1 to 63: control sockets. 64 to 95: stream sockets. Never reused. */
enum message_type {
    MESSAGE_HELLO = 1,
    MESSAGE_RECORDS = 2,
    MESSAGE_PULL = 3,
    MESSAGE_PAGE = 4,
    MESSAGE_SIGNED = 5,
    MESSAGE_COSIGNED = 6,
    MESSAGE_BUSY = 7,
    MESSAGE_REFUSED = 8,
    MESSAGE_CANCEL = 9,
    MESSAGE_START = 10,
    MESSAGE_STARTED = 11,
    MESSAGE_END = 12,
    MESSAGE_LEASE_QUERY = 13,
    MESSAGE_LEASE_STATE = 14,
    MESSAGE_PING = 15,
    MESSAGE_PONG = 16,
    MESSAGE_OFFER = 17,
    MESSAGE_GANG_CONFIRM = 18,
    MESSAGE_AUCTION_CLOSED = 24,
    MESSAGE_CLEARING_PULL = 25,
    MESSAGE_CLEARING_PART = 26,
    MESSAGE_SLOTS_QUERY = 32,
    MESSAGE_SLOTS = 33,
    MESSAGE_STREAM_OPEN = 64,
    MESSAGE_STREAM_READ = 65,
    MESSAGE_STREAM_DATA = 66,
    MESSAGE_STREAM_CREDIT = 67,
    MESSAGE_STREAM_END = 68,
    MESSAGE_STREAM_EXIT = 69,
    MESSAGE_STREAM_SIGNAL = 70,
    MESSAGE_STREAM_REFUSED = 71
};

/* Introduces a node on a connection: hello and node record, both sealed. */
struct hello_message {
    struct bytes hello;
    struct bytes node;
};

/* Public records, pushed unasked. */
struct records_message {
    struct bytes_list records;
};

/* Asks for all public records issued at or after a time, a page at a time. */
struct pull_message {
    uint32_t token;
    uint64_t from_s;
    struct record_id after; /* the last id of the page before, at from_s; zeros at first */
};

struct page_message {
    uint32_t token;
    bool more;
    uint64_t next_from_s;
    struct record_id next_after;
    struct bytes_list records;
};

/* A private sealed record: hold, held, meter, voucher, final, reclaim, and lease (which is CONFIRM). */
struct signed_message {
    struct bytes record;
};

/* A record with both signatures: lease (host to renter), final (renter to host: a receipt), extension. */
struct cosigned_message {
    struct bytes record;
};

enum refusal {
    REFUSAL_NONE,
    REFUSAL_NO_SUCH_LISTING,
    REFUSAL_LISTING_CHANGED,
    REFUSAL_PRICE,
    REFUSAL_DURATION,
    REFUSAL_HOURS,
    REFUSAL_DENIED,
    REFUSAL_NO_HISTORY,
    REFUSAL_DECIDED,
    REFUSAL_ONE_HOLD_A_KEY,
    REFUSAL_WAIT,
    REFUSAL_PAUSED,
    REFUSAL_DISK_FULL,
    REFUSAL_TOO_LATE,
    REFUSAL_NOT_YOURS,
    REFUSAL_WORK,
    REFUSAL_COUNT
};
extern const struct name_table refusal_names;

/* All slots are taken; when the next one frees up. */
struct busy_message {
    struct record_id hold;
    uint64_t free_at_s; /* unix seconds; 0: not known */
    uint16_t slots_free;
};

/* The answer to hold, lease or extension that the host does not accept. */
struct refused_message {
    struct record_id about;
    uint8_t reason;   /* enum refusal */
    uint32_t wait_ms; /* before trying again; 0: do not */
    struct bytes text;
};

struct cancel_message {
    struct record_id hold;
};

/* Starts the job of a lease: first voucher and the command. Private: never logged or stored by a peer. */
struct start_message {
    struct lease_id lease;
    struct bytes voucher; /* sealed */
    bool attached;        /* ends with its reader; else runs detached */
    bool input;           /* the job reads standard input */
    uint32_t memory_mib;  /* 0: the listing's share */
    struct bytes_list arguments;
    struct bytes_list environment; /* "NAME=value" */
};

/* Confirms a hold of a gang: the certificate, the place of this hold under its root, and the lease. */
struct gang_confirm_message {
    struct bytes certificate; /* sealed */
    uint16_t index;
    struct bytes path;  /* digests of ID_LENGTH bytes, from the leaf upwards */
    struct bytes lease; /* sealed by the renter */
};

struct started_message {
    struct lease_id lease;
    uint64_t started_at_ms;
};

/* Either side ends a lease. */
struct end_message {
    struct lease_id lease;
    uint8_t reason; /* enum end_reason */
};

struct lease_query_message {
    struct lease_id lease;
};

/* The host's view, after reconnection. */
struct lease_state_message {
    struct lease_id lease;
    uint8_t state; /* enum lease_state */
    uint64_t run_ms;
    uint32_t meter_number;
    uint32_t voucher_number;
};

struct slots_query_message {
    uint16_t slot_group;
};

/* How many of a group's offered slots are taken just now: a hint, not a promise. */
struct slots_message {
    uint16_t slot_group;
    uint16_t slots_total;
    uint16_t slots_taken;
    uint64_t free_at_s; /* unix seconds, when the next one frees up at the latest; 0: not known */
};

/* An epoch is over: whoever stands among the commitments opens its bid. */
struct auction_closed_message {
    struct bytes close; /* sealed */
    struct bytes_list commitments;
};

/* Asks for a piece of a clearing's file. */
struct clearing_pull_message {
    struct record_id close;
    uint32_t offset;
};

/* The piece; none at all says that the clearing is there. */
struct clearing_part_message {
    struct record_id close;
    uint32_t offset;
    uint32_t total; /* of the file, in bytes */
    struct bytes data;
};

/* A host has held slots for a standing request, unasked. */
struct offer_message {
    struct record_id request; /* the public record that is served */
    struct bytes held;        /* sealed HELD, under an id of the host's own */
};

struct ping_message {
    uint64_t token;
};

/* Streams of a job, by absolute offsets: 0 input, 1 output, 2 errors. */
struct stream_open_message {
    struct lease_id lease;
    uint64_t token; /* a reader's; a newer one replaces an older */
    bool attached;
};
struct stream_read_message {
    struct lease_id lease;
    uint8_t stream;
    uint64_t offset; /* everything before it is acknowledged */
    uint64_t limit;  /* send up to here */
};
struct stream_data_message {
    struct lease_id lease;
    uint8_t stream;
    uint64_t offset;
    struct bytes data;
};
struct stream_credit_message {
    struct lease_id lease;
    uint64_t offset; /* all input before it has reached the job's side for good */
    uint64_t limit;  /* of input */
};
struct stream_end_message {
    struct lease_id lease;
    uint8_t stream;
    uint64_t offset;  /* the stream's length */
    uint64_t dropped; /* bytes beyond the log's cap, lost with a word */
};
struct stream_exit_message {
    struct lease_id lease;
    uint8_t code;
    uint8_t signal;
    uint8_t reason; /* enum end_reason */
};
struct stream_signal_message {
    struct lease_id lease;
    uint8_t signal;
};
struct stream_refused_message {
    struct lease_id lease;
    struct bytes text;
};

extern const struct schema hello_message_schema, records_message_schema, pull_message_schema,
    page_message_schema, signed_message_schema, cosigned_message_schema, busy_message_schema,
    refused_message_schema, cancel_message_schema, start_message_schema, started_message_schema,
    gang_confirm_message_schema, offer_message_schema, end_message_schema,
    lease_query_message_schema, lease_state_message_schema, ping_message_schema,
    pong_message_schema, auction_closed_message_schema, clearing_pull_message_schema,
    clearing_part_message_schema, stream_open_message_schema, stream_read_message_schema,
    stream_data_message_schema, stream_credit_message_schema, stream_end_message_schema,
    stream_exit_message_schema, stream_signal_message_schema, stream_refused_message_schema,
    slots_query_message_schema, slots_message_schema;

/* The schema of a type, or NULL. */
const struct schema *message_schema(uint8_t type);

#endif
