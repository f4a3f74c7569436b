#include "protocol/auction.h"

#include "protocol/envelope.h"
#include "protocol/limits.h"

static const char *const auction_rule_texts[] = {"halfway", "reduced"};
const struct name_table auction_rule_names = {auction_rule_texts, AUCTION_RULE_COUNT};

/* Encoded, so that no set of limits of any request goes over it. */
#define REQUEST_BYTES_MAX 512u
#define TERMS_OF_BID_MAX 1280u

static const struct field commitment_fields[] = {
    FIXED_FIELD(struct commitment, auctioneer, "Who collects the bids."),
    ENUM_FIELD(struct commitment, work, &work_names, "Kind of work; with the region, the market."),
    ENUM_FIELD(struct commitment, region, &region_names,
               "Where the hosts stand; unknown: anywhere."),
    FIXED_FIELD(struct commitment, bid,
                "Digest, label \"gpulet bid\", of the renter's key and the encoded bid terms."),
};

static const struct field bid_terms_fields[] = {
    FIXED_FIELD(struct bid_terms, nonce, "Random: without it the digest could be guessed."),
    BYTES_FIELD(struct bid_terms, request, 1, REQUEST_BYTES_MAX,
                "The encoded request; its unit_max_uusd_per_hour is the bid."),
    NUMBER_FIELD(struct bid_terms, units_wanted, 1, AUCTION_UNITS_MAX, UNIT_NONE,
                 "1/65536 of an H100 SXM; never gets more."),
    NUMBER_FIELD(struct bid_terms, units_min, 0, AUCTION_UNITS_MAX, UNIT_NONE,
                 "Gets as much as this, or nothing."),
    {FIELD_MEMBER(struct bid_terms, avoid), .type = FIELD_BYTES_LIST, .minimum = ID_LENGTH,
     .maximum = ID_LENGTH, .total = BID_AVOID_MAX * ID_LENGTH,
     .help = "Ids of hosts that the renter does not want."},
};

static const struct field bid_fields[] = {
    FIXED_FIELD(struct bid, commitment, "Id of the commitment that is opened."),
    FIXED_FIELD(struct bid, close, "Id of the epoch's end: it counts in this epoch alone."),
    BYTES_FIELD(struct bid, terms, 1, TERMS_OF_BID_MAX, "The encoded bid terms."),
};

static const struct field auction_close_fields[] = {
    ENUM_FIELD(struct auction_close, work, &work_names, "Kind of work."),
    ENUM_FIELD(struct auction_close, region, &region_names, "Region; unknown: anywhere."),
    ENUM_FIELD(struct auction_close, rule, &auction_rule_names, "How the price will be made."),
    NUMBER_FIELD(struct auction_close, epoch, 0, COUNT_MAX, UNIT_NONE, "Number of the epoch."),
    NUMBER_FIELD(struct auction_close, closed_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "Its end: listings and requests are judged as of then."),
    NUMBER_FIELD(struct auction_close, commitments, 0, AUCTION_BIDS_MAX, UNIT_NONE,
                 "Commitments in the epoch."),
    FIXED_FIELD(struct auction_close, commitments_digest,
                "Digest, label \"gpulet commitments\", of their ids, ascending."),
    NUMBER_FIELD(struct auction_close, listings, 0, AUCTION_ASKS_MAX, UNIT_NONE,
                 "Listings in the epoch."),
    FIXED_FIELD(struct auction_close, listings_digest,
                "Digest, label \"gpulet listings\", of their ids, by host and slot group."),
};

static const struct field clearing_record_fields[] = {
    FIXED_FIELD(struct clearing_record, close, "Id of the epoch's end."),
    NUMBER_FIELD(struct clearing_record, bids, 0, AUCTION_BIDS_MAX, UNIT_NONE,
                 "Commitments that were opened."),
    FIXED_FIELD(struct clearing_record, bids_digest,
                "Digest, label \"gpulet bids\", of their ids, in the order of the commitments."),
    FIXED_FIELD(struct clearing_record, fills_digest,
                "Digest, label \"gpulet fills\", of the clearing file's fills."),
    AMOUNT_FIELD(struct clearing_record, price_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "Of the speed of one H100 SXM, for all; 0: each fill pays its ask."),
    AMOUNT_FIELD(struct clearing_record, surplus_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "What the bids value, less what the asks want."),
    NUMBER_FIELD(struct clearing_record, units, 0, AUCTION_UNITS_MAX, UNIT_NONE,
                 "1/65536 H100 SXM that found a bid."),
    NUMBER_FIELD(struct clearing_record, fills, 0, UINT16_MAX, UNIT_NONE,
                 "Pairs of a bid and a listing."),
};

static const struct field clearing_file_fields[] = {
    FIXED_FIELD(struct clearing_file, network, "The network of all records in it."),
    BYTES_FIELD(struct clearing_file, clearing, 1, RECORD_BYTES_MAX, "The sealed clearing."),
    BYTES_FIELD(struct clearing_file, close, 1, RECORD_BYTES_MAX, "The sealed end of the epoch."),
    BYTES_LIST_TOTAL_FIELD(struct clearing_file, commitments, BID_BYTES_MAX,
                           AUCTION_BIDS_MAX *BID_BYTES_MAX, "Sealed commitments, by id."),
    BYTES_LIST_TOTAL_FIELD(struct clearing_file, bids, BID_BYTES_MAX,
                           AUCTION_BIDS_MAX *BID_BYTES_MAX,
                           "Sealed bids, in the order of their commitments."),
    BYTES_LIST_TOTAL_FIELD(struct clearing_file, listings, PAGE_BYTES_MAX, CLEARING_BYTES_MAX,
                           "Encoded pages of listings, by host and slot group."),
    BYTES_FIELD(
        struct clearing_file, fills, 0, AUCTION_FILLS_BYTES_MAX,
        "Six bytes each: place of the bid, place of the listing, slots, two bytes each, the "
        "greater first; by bid, then by listing."),
};

static const struct field clearing_page_fields[] = {
    BYTES_LIST_TOTAL_FIELD(struct clearing_page, listings, LISTING_BYTES_MAX, PAGE_BYTES_MAX,
                           "Sealed listings."),
};

const struct schema commitment_schema =
    SCHEMA(struct commitment, "commitment", RECORD_COMMITMENT, commitment_fields,
           "The renter will bid in an epoch of the batch lane; the bid itself is not told yet.");
const struct schema bid_schema =
    SCHEMA(struct bid, "bid", RECORD_BID, bid_fields, "Opens a commitment when its epoch is over.");
const struct schema bid_terms_schema = SCHEMA(struct bid_terms, "bid_terms", 0, bid_terms_fields,
                                              "What a commitment stands for; inside a bid.");
const struct schema auction_close_schema =
    SCHEMA(struct auction_close, "auction_close", RECORD_AUCTION_CLOSE, auction_close_fields,
           "The end of an epoch, by the auctioneer: nothing comes to it or leaves it afterwards.");
const struct schema clearing_record_schema =
    SCHEMA(struct clearing_record, "clearing", RECORD_CLEARING, clearing_record_fields,
           "What came of an epoch, by the auctioneer; a hint, which the hosts' leases make true.");
const struct schema clearing_file_schema =
    SCHEMA(struct clearing_file, "clearing_file", 0, clearing_file_fields,
           "A clearing with all that it follows from.");
const struct schema clearing_page_schema =
    SCHEMA(struct clearing_page, "clearing_page", 0, clearing_page_fields,
           "Some of a clearing file's listings.");

struct void_bid {
    bool is_void;
    const char *why;
};

enum status
auction_bid_check(const struct request *request, uint64_t units_wanted, uint64_t units_min,
                  const char **ret_why)
{
    const int64_t bid_uusd = amount_micro(request->unit_max_uusd_per_hour);
    uint8_t region;
    const struct void_bid rules[] = {
        {bid_uusd <= 0, "a bid needs a price for the speed of one H100"},
        {bid_uusd > (int64_t)AUCTION_BID_MAX, "the bid is higher than any bid may be"},
        {!amount_is_zero(request->ask_max_uusd_per_hour) ||
             !amount_is_zero(request->total_max_uusd),
         "one price for all cannot keep a limit for one card or one lease; bid lower instead"},
        {request->hosts != 1 || request->gang_min != 0 || request->spares != 0,
         "a bid gets hosts one by one; leave out the number of hosts"},
        {request->interruptible, "the batch lane leases without interruption"},
        {request->reliability_min_bp != 0,
         "nobody signs a host's reliability, so that a clearing cannot be checked by it"},
        {request->image.length != 0, "hosts run commands of their own system"},
        {request->start_from_s != 0 || request->start_until_s != 0,
         "leases of the batch lane begin when they are won"},
        {units_wanted == 0, "a bid wants some units"},
        {units_wanted > AUCTION_UNITS_MAX, "a bid wants too many units"},
        {units_min > units_wanted, "the least is more than what is wanted"},
        {auction_region(request, &region) != STATUS_OK, "name one region, or none"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].is_void) {
            if (ret_why != NULL) {
                *ret_why = rules[i].why;
            }
            return STATUS_REFUSED;
        }
    }
    return request_check(request, ret_why);
}

uint32_t
auction_market_number(uint8_t work, uint8_t region)
{
    return (uint32_t)work * REGION_COUNT + region;
}

enum status
auction_region(const struct request *request, uint8_t *ret_region)
{
    uint8_t found = REGION_UNKNOWN;
    for (uint8_t region = 0; region < REGION_COUNT; region++) {
        if ((request->regions >> region & 1) != 0) {
            if (request->regions >> region != 1) {
                return STATUS_OUT_OF_RANGE;
            }
            found = region;
        }
    }
    *ret_region = found;
    return STATUS_OK;
}
