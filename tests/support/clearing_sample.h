/* A clearing's file of a small epoch with known keys, honest or with one lie in it. */
#ifndef GPULET_TESTS_SUPPORT_CLEARING_SAMPLE_H
#define GPULET_TESTS_SUPPORT_CLEARING_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/auction.h"
#include "protocol/bytes.h"
#include "tests/support/sealed.h"

enum {
    CLEARING_SAMPLE_LISTINGS = 12,
    CLEARING_SAMPLE_BIDS = 10, /* opened; one commitment more is not */
    CLEARING_SAMPLE_BYTES = 65536
};

enum clearing_lie {
    CLEARING_HONEST,
    CLEARING_COMMITMENT_DROPPED, /* after the epoch's end */
    CLEARING_COMMITMENT_ADDED,
    CLEARING_COMMITMENT_FOREIGN, /* made to another auctioneer */
    CLEARING_LISTING_DROPPED,
    CLEARING_LISTING_TWICE,
    CLEARING_LISTINGS_UNORDERED,
    CLEARING_BID_CHANGED, /* higher than what was promised */
    CLEARING_BID_COPIED,  /* another renter's promise, opened under an own key */
    CLEARING_BID_OF_OTHER_EPOCH,
    CLEARING_BID_DROPPED,
    CLEARING_CLOSE_FOREIGN, /* signed by another key */
    CLEARING_OTHER_CLOSE,
    CLEARING_FILLS_CHANGED,
    CLEARING_LIE_COUNT
};

/* What the clearing says of itself. */
struct clearing_figures {
    uint64_t price_uusd;
    uint64_t surplus_uusd;
    uint64_t units;
    uint16_t fills;
    struct bytes fill_bytes;
};

/* Writes the file into `buffer`, which needs CLEARING_SAMPLE_BYTES. All of it is sealed on
 * sealed_network("test"); the market is inference anywhere. Asserts success. */
void clearing_sample(enum clearing_lie lie, enum auction_rule rule,
                     const struct clearing_figures *figures, struct buffer *buffer);

#endif
