/* Every limit of the protocol and of a node, each with its reason. */
#ifndef GPULET_PROTOCOL_LIMITS_H
#define GPULET_PROTOCOL_LIMITS_H

/* Sizes in bytes. A record with a page's worth of others must fit one frame. */
#define RECORD_BYTES_MAX 4096u   /* sealed, without cosignature */
#define RECORD_BODY_MAX 3840u    /* record less envelope and signature */
#define COSIGNED_BYTES_MAX 4160u /* sealed record and a second signature */
#define FRAME_BYTES_MAX 65536u   /* ZMQ_MAXMSGSIZE: libzmq drops the sender beyond */
#define PAGE_BYTES_MAX 49152u    /* of records in one answer to a pull, leaves room for the frame */
#define TERMS_BYTES_MAX 2560u    /* lease terms with the listing inside */
#define LISTING_BYTES_MAX 1024u  /* a sealed listing */
#define STREAM_FRAME_BYTES_MAX 32768u /* payload of a stream frame: best of measured sizes */
#define STREAM_WINDOW_BYTES 1048576u  /* credit per stream: covers 80 Mbit/s at 100 ms */
#define COMMAND_BYTES_MAX 32768u /* argv and environment of a job: must fit START in one frame */

/* Records. Times in seconds. */
#define RECORD_FUTURE_S_MAX 120u /* clocks differ; more is a lie or a broken clock */
#define RECORD_TTL_S_MAX 86400u
#define RECORD_SEQ_AHEAD_MS_MAX 600000u /* seq over issued_at: stops a burnt slot (seq = 2^64) */
#define SEQ_GUARD_S 86640u              /* a guard outlives every copy: 24 h + 4 min */
#define NODE_TTL_S 86400u
#define LISTING_TTL_S 43200u
#define REQUEST_TTL_S 3600u
#define RECORDS_PER_AUTHOR_MAX 64u /* slot groups and requests of one key in a cache */
#define SHARE_KNOWN_MAX                                                                            \
    8u /* of these, a key that is connected or has paid keeps its place on a full shelf */
#define LISTING_UPDATE_S 300u    /* a listing may change so often: others pay for each change */
#define LISTING_UPDATE_BURST 4u  /* and so many times at once */
#define TEST_LISTING_UPDATE_S 2u /* test networks, where people try things */
#define TEST_LISTING_UPDATE_BURST 16u

/* Times and counts in any field: no sum or product of theirs with 1000 leaves 64 bits. */
#define TIME_S_MAX 253402300799u /* 9999-12-31 23:59:59 UTC: what date printers know */
#define TIME_MS_MAX 253402300799999u
#define COUNT_MAX 9007199254740991u /* 2^53 - 1: what every JSON reader keeps exactly */

/* The lease. */
#define HOLD_TTL_MS 10000u /* long enough for two round trips and a commit, short to waste */
#define OFFER_TTL_MS 4000u /* of a hold that nobody asked for: one round trip and a commit */
#define OFFER_RANK_MS 50   /* a host waits so long for each better one before it offers */
#define LATEST_START_S 20u /* after LEASE; owes nothing until then */
#define INTERVAL_S 60u     /* one voucher: all that either side risks */
#define METER_S 10u
#define TEST_INTERVAL_S 10u /* test networks, so that a tour sees several */
#define TEST_METER_S 2u
#define MISSED_CONTACT_S 30u         /* an attached lease whose CLI is gone is ended */
#define LOG_KEEP_S 86400u            /* of a job that is over: its output can be read for so long */
#define FINAL_WAIT_S 86400u          /* then a renter closes the lease by what is signed already */
#define HOLD_LAPSE_WAIT_MS_MIN 1000u /* doubles with each unconfirmed hold */
#define HOLD_LAPSE_WAIT_MS_MAX 600000u
#define SLOTS_PER_GROUP_MAX 64u /* slots of a lease are one 64-bit mask */
#define SLOT_GROUPS_MAX 16u     /* listings of one host */

/* The batch lane: what one epoch of one market holds, so that a node can check a whole clearing within a
 * tenth of a second, and keep a few. */
#define AUCTION_BIDS_MAX 64u
#define AUCTION_ASKS_MAX 512u       /* the cheapest ones, when there are more */
#define AUCTION_BID_MAX 4294967295u /* uUSD for an H100e-hour: sums of money stay within 64 bits */
#define AUCTION_UNITS_MAX 281474976710656u /* 2^32 H100 */
#define AUCTION_FILLS_BYTES_MAX 6912u      /* six for each of twice the bids and asks */
#define BID_AVOID_MAX 16u                  /* hosts that a bid may pass over */
#define BID_BYTES_MAX 2048u                /* a sealed commitment or bid */
#define CLEARING_BYTES_MAX 786432u         /* a clearing with its bids and listings */
#define CLEARING_PART_BYTES 32768u         /* of it in one frame */

/* The gang: one job on many hosts. */
#define GANG_HOSTS_MAX 64u   /* hosts and spares: a quarter of the leases that a node keeps open */
#define GANG_LEAVES_MAX 128u /* members under one certificate: with those that took a place over */
#define GANG_PATH_BYTES_MAX 224u /* seven digests: log2 of the leaves */
#define GANG_HOLD_TTL_MS 30000u  /* time for waves of holds */
#define GANG_COMMIT_LEFT_MS 5000 /* a hold with less left is not counted on */

/* A node's memory, taken at start. */
#define LINKS_MAX 256u
#define LEASES_OPEN_MAX 256u
#define LEASES_CLOSED_MAX 1024u /* kept in memory for `leases`; older ones are on disk */
#define REQUESTS_STANDING_MAX 64u
#define PROPOSALS_MAX 256u           /* requests of others that a host may serve */
#define SHELF_RECORDS_DEFAULT 16384u /* gossiped records in memory */
#define CONTROL_CLIENTS_MAX 64u

#endif
