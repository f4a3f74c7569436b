/* The envelope of every signed record: who says it, about what, when, and for how long. */
#ifndef GPULET_PROTOCOL_ENVELOPE_H
#define GPULET_PROTOCOL_ENVELOPE_H

#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/schema.h"

enum { RECORD_VERSION = 1 };

/* Kinds of records; the numbers stand on the wire and are never reused. */
enum record_kind {
    RECORD_NODE = 1,
    RECORD_LISTING = 2,
    RECORD_WITHDRAWAL = 3,
    RECORD_REQUEST = 4,
    RECORD_HELLO = 5,
    RECORD_HOLD = 6,
    RECORD_HELD = 7,
    RECORD_LEASE = 8, /* by the renter, cosigned by the host */
    RECORD_METER = 9,
    RECORD_VOUCHER = 10,
    RECORD_FINAL = 11, /* by the host; cosigned by the renter it is a receipt */
    RECORD_RECLAIM = 12,
    RECORD_EXTENSION = 13, /* by the renter, cosigned by the host */
    RECORD_GRANT = 14,
    RECORD_GANG = 15, /* by the renter: all members of a gang, or none */
    RECORD_COMMITMENT = 18,
    RECORD_BID = 19,
    RECORD_AUCTION_CLOSE = 20,
    RECORD_CLEARING = 21,
    RECORD_KIND_COUNT
};

struct envelope {
    uint8_t version;
    uint8_t kind; /* enum record_kind */
    struct network_id network;
    struct peer_id author;
    uint64_t seq;         /* max(last + 1, unix ms): the higher one replaces */
    uint64_t issued_at_s; /* unix seconds */
    uint32_t ttl_s;       /* 0 for private records, which do not expire */
    uint32_t
        detail; /* which of the author's records of this kind: (author, kind, detail) is a slot */
    struct bytes body; /* the kind's own fields, encoded */
};

extern const struct schema envelope_schema;

/* The schema of a kind's body, or NULL when the kind is not known. */
const struct schema *record_schema(uint8_t kind);

/* "listing" and so on; "?" for an unknown kind. */
const char *record_kind_name(uint8_t kind);

/* True for the kinds that travel by gossip: node, listing, withdrawal, request, clearing. */
bool record_kind_is_public(uint8_t kind);

#endif
