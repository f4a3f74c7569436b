/* The signed records of the batch lane: who bids, what an epoch closed with, and what came of it. */
#ifndef GPULET_PROTOCOL_AUCTION_H
#define GPULET_PROTOCOL_AUCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/limits.h"
#include "protocol/record.h"
#include "protocol/schema.h"

enum auction_rule { AUCTION_HALFWAY, AUCTION_REDUCED, AUCTION_RULE_COUNT };
extern const struct name_table auction_rule_names;

/* "I shall bid": the bid itself stays unknown until the epoch is over. By the renter. */
struct commitment {
    struct peer_id auctioneer;
    uint8_t work;         /* enum work: with the region, the market */
    uint8_t region;       /* enum region; unknown: hosts anywhere */
    struct record_id bid; /* digest of the terms and the renter's key (crypto/auction_file.h) */
};

/* What was promised to be bid; encoded, its digest is the commitment's. */
struct bid_terms {
    struct record_id nonce;  /* random: without it a bid could be guessed */
    struct bytes request;    /* encoded struct request; its unit_max is the bid */
    uint64_t units_wanted;   /* 1/65536 H100 */
    uint64_t units_min;      /* all or nothing up to here */
    struct bytes_list avoid; /* hosts that it does not want, an id each */
};

/* Opens a commitment. By the renter. */
struct bid {
    struct record_id commitment;
    struct record_id close; /* the epoch's: this opening is good for no other */
    struct bytes terms;     /* encoded struct bid_terms */
};

/* The end of an epoch: no bid or listing comes to it, or leaves it, afterwards. By the auctioneer. */
struct auction_close {
    uint8_t work;
    uint8_t region;
    uint8_t rule;   /* enum auction_rule */
    uint64_t epoch; /* number: grows */
    uint64_t closed_at_s;
    uint16_t commitments;
    struct record_id commitments_digest; /* of their ids, ascending */
    uint16_t listings;
    struct record_id listings_digest; /* of their ids, by host and slot group */
};

/* What came of it. By the auctioneer; detail is the market. */
struct clearing_record {
    struct record_id close;
    uint16_t bids;                     /* opened */
    struct record_id bids_digest;      /* of their ids, in the order of their commitments */
    struct record_id fills_digest;     /* of the encoded fills */
    struct amount price_uusd_per_hour; /* of an H100e; 0: each fill pays its ask */
    struct amount surplus_uusd_per_hour;
    uint64_t units; /* 1/65536 H100 that found a bid */
    uint16_t fills;
};

/* A clearing with all that it follows from: anybody can compute it anew from these bytes. */
struct clearing_file {
    struct network_id network;
    struct bytes clearing;         /* sealed */
    struct bytes close;            /* sealed */
    struct bytes_list commitments; /* sealed, by id */
    struct bytes_list bids;        /* sealed, in the order of their commitments */
    struct bytes_list listings;    /* pages of sealed listings (clearing_page) */
    struct bytes fills;            /* six bytes each: bid, listing, slots; the greater byte first */
};

struct clearing_page {
    struct bytes_list listings;
};

/* A listing as an epoch closed with it. */
struct auction_listing {
    struct peer_id host;
    struct record_id id;
    uint64_t expires_s;
    struct listing body; /* texts are borrowed */
};

/* A bid as it was opened. */
struct auction_bid {
    struct record_id commitment; /* names it */
    struct record_id nonce;
    struct peer_id renter;
    struct request request;              /* unit_max is the bid; image is empty */
    uint64_t units_wanted;               /* 1/65536 H100 */
    uint64_t units_min;                  /* all or nothing up to here */
    struct peer_id avoid[BID_AVOID_MAX]; /* hosts that it does not want */
    size_t avoid_count;
};

extern const struct schema commitment_schema, bid_schema, bid_terms_schema, auction_close_schema,
    clearing_record_schema, clearing_file_schema, clearing_page_schema;

/* What the batch lane cannot promise is refused, with a static sentence in `ret_why` (may be NULL):
 * a request without a price for an H100e-hour or over AUCTION_BID_MAX, with limits that a uniform price
 * could break, of several hosts, interruptible, by reliability (which nobody signs), or with an image;
 * no units, or a minimum over them. */
enum status auction_bid_check(const struct request *request, uint64_t units_wanted,
                              uint64_t units_min, const char **ret_why) MUST_USE;

/* The market's number: the detail of a clearing's record. */
uint32_t auction_market_number(uint8_t work, uint8_t region);

/* The region of the market that a request bids in: the one it names, or unknown for hosts anywhere.
 * STATUS_OUT_OF_RANGE when it names several. */
enum status auction_region(const struct request *request, uint8_t *ret_region) MUST_USE;

#endif
