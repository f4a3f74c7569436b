/* Inside of the batch lane at one node: for node/core/auction*.c alone. */
#ifndef GPULET_NODE_CORE_AUCTION_STATE_H
#define GPULET_NODE_CORE_AUCTION_STATE_H

#include "crypto/clearing.h"
#include "node/core/state.h"
#include "node/market/auction.h"

enum {
    AUCTIONS_MAX =
        4, /* epochs under way at an auctioneer: markets, and those that are being opened */
    CLEARINGS_KEPT = 4,
    COMMITMENT_BYTES_MAX = 512,
    PLACES_OF_ONE_RENTER = 8, /* in an epoch, so that one key does not fill it */
    BATCH_PARTS_MAX = 16,     /* hosts that one bid leases at */
    BID_REQUEST_BYTES_MAX = 512
};

/* A commitment, and its opening when it has come. */
struct auction_entry {
    struct record_id id;
    struct peer_id renter;
    struct commitment body;
    uint16_t length;
    uint8_t bytes[COMMITMENT_BYTES_MAX];
    bool is_open;
    struct record_id bid_id;
    uint16_t bid_length;
    uint8_t bid_bytes[BID_BYTES_MAX];
};

/* An epoch of a market, at the auctioneer. */
struct auction {
    bool used;
    bool closed; /* bids are being opened */
    uint8_t work;
    uint8_t region;
    uint64_t epoch;
    struct boot ends_at;
    struct boot open_until;
    uint64_t closed_at_s;
    struct record_id close_id;
    uint16_t close_length;
    uint8_t close[RECORD_BYTES_MAX];
    size_t entry_count;
    struct auction_entry entries[AUCTION_BIDS_MAX]; /* ascending by id */
    size_t listing_count;
    size_t listing_bytes;
    uint16_t listing_lengths[AUCTION_ASKS_MAX];
    uint8_t listings[AUCTION_ASKS_MAX * LISTING_BYTES_MAX]; /* one after the other */
};

/* A clearing's file, of our own or of an auctioneer we bid at. */
struct kept_clearing {
    bool used;
    uint64_t serial; /* grows */
    struct record_id close;
    struct record_id id;
    struct peer_id auctioneer;
    struct auction_close end;
    struct clearing_record record;
    uint32_t length;
    uint8_t bytes[CLEARING_BYTES_MAX];
};

/* A file on its way here; one at a time. */
struct incoming_clearing {
    bool used;
    struct record_id close;
    struct peer_id peer;
    struct boot at;
    uint16_t tries;
    uint32_t length;
    uint32_t total;
    uint8_t bytes[CLEARING_BYTES_MAX];
};

enum bidding_state {
    BIDDING_NONE,
    BIDDING_WAITING,   /* for the next commitment */
    BIDDING_COMMITTED, /* the epoch goes on */
    BIDDING_OPENED,    /* the clearing is awaited */
    BIDDING_RENTING
};

/* A standing request in the batch lane; at the place of its request. */
struct bidding {
    enum bidding_state state;
    struct peer_id auctioneer;
    uint8_t work;
    uint8_t region;
    struct boot at;    /* the next step, or repeat */
    struct boot until; /* OPENED: given up then */
    struct record_id commitment;
    struct record_id close;
    struct record_id bid;
    uint16_t terms_length;
    uint16_t commitment_length;
    uint16_t bid_length;
    uint8_t terms[BID_BYTES_MAX];
    uint8_t commitment_bytes[COMMITMENT_BYTES_MAX];
    uint8_t bid_bytes[BID_BYTES_MAX];
    size_t part_count;
    unsigned parts_won;
    struct peer_id part_hosts[BATCH_PARTS_MAX];
    size_t avoid_count;
    struct peer_id avoid[BID_AVOID_MAX]; /* won, but not to be had */
    char why[120];                       /* it waits */
};

/* All memory of the batch lane, taken at the start; what is never used is never touched. */
struct batch {
    struct auction *auctions; /* AUCTIONS_MAX; NULL: this node collects no bids */
    struct bidding biddings[REQUESTS_STANDING_MAX];
    struct kept_clearing kept[CLEARINGS_KEPT];
    uint64_t serial;
    struct incoming_clearing incoming;
    struct auction_work *work;
    struct clearing_book book;
    struct market_row rows[AUCTION_ASKS_MAX];
    uint8_t pages[CLEARING_BYTES_MAX];
    uint8_t fills[AUCTION_FILLS_BYTES_MAX];
};

#endif
