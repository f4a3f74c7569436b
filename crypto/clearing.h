/* Checks the file of a clearing by itself: who bid what before anybody knew, and what was offered. What
 * comes of it is node/market/auction.h's. */
#ifndef GPULET_CRYPTO_CLEARING_H
#define GPULET_CRYPTO_CLEARING_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/auction.h"
#include "protocol/limits.h"
#include "protocol/status.h"

/* A file that was opened: every signature is good, and nothing was added or left out after the epoch's
 * end but the bids that were not opened. Texts of listings view the file. */
struct clearing_book {
    struct network_id network; /* all records' own: the caller judges whether it is the right one */
    struct peer_id auctioneer;
    struct record_id id; /* of the clearing's record */
    struct record_id close_id;
    struct clearing_record clearing;
    struct auction_close close;
    uint64_t seed;
    size_t listing_count;
    struct auction_listing listings[AUCTION_ASKS_MAX];
    size_t bid_count;
    struct auction_bid bids[AUCTION_BIDS_MAX];
    struct bytes fills;
};

/* Where a file is wrong. */
struct clearing_fault {
    const char *why;  /* static sentence */
    const char *list; /* "commitment", "listing" or "bid": the why is about one of them ... */
    size_t number;    /* ... this one, from 1; 0: it is about the whole */
};

/* Opens the encoded struct clearing_file (protocol/auction.h): one network, both records of the
 * auctioneer, every commitment made to it for this market, in the order of their ids, and just those of
 * the epoch's end; the same of the listings; every bid the opening of one of these commitments, for
 * this epoch. The fills are those the clearing names; whether they are right is not looked at.
 * `ret_book` is about 300 KiB, and changed also on failure. STATUS_BAD_INPUT: not such a file;
 * STATUS_BAD_SIGNATURE, STATUS_WRONG_NETWORK, STATUS_REFUSED: its parts contradict each other. */
enum status clearing_open(struct bytes file, struct clearing_book *ret_book,
                          struct clearing_fault *ret_fault) MUST_USE;

/* What a commitment promises: a digest of the renter's key, so that nobody can copy it, and the encoded
 * terms. */
struct record_id clearing_bid_digest(const struct peer_id *renter, struct bytes terms);

enum clearing_list { CLEARING_COMMITMENTS, CLEARING_LISTINGS, CLEARING_BIDS };

/* Of ids in their order, under the list's own label; at most AUCTION_ASKS_MAX. */
struct record_id clearing_ids_digest(enum clearing_list list, const struct record_id *ids,
                                     size_t count);
struct record_id clearing_fills_digest(struct bytes fills);

/* From the epoch's end and the nonces of all bids that were opened, in the order of their commitments:
 * everybody has a part in it, and nobody knows it before the last bid is opened. */
uint64_t clearing_seed(const struct record_id *close, const struct record_id *nonces, size_t count);

/* Reads a sealed record's terms into a bid. STATUS_BAD_INPUT when they are no terms of a request, or
 * not what the commitment promised. The request's texts stay borrowed. */
enum status clearing_read_bid(const struct peer_id *renter, const struct commitment *commitment,
                              const struct bid *body, struct auction_bid *ret_bid) MUST_USE;

#endif
