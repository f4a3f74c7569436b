#include "crypto/clearing.h"

#include <assert.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "protocol/codec.h"

static const char *const list_labels[] = {
    [CLEARING_COMMITMENTS] = "gpulet commitments",
    [CLEARING_LISTINGS] = "gpulet listings",
    [CLEARING_BIDS] = "gpulet bids",
};

struct record_id
clearing_bid_digest(const struct peer_id *renter, struct bytes terms)
{
    uint8_t memory[ID_LENGTH + BID_BYTES_MAX];
    struct record_id digest = {{0}};
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    buffer_append(&buffer, renter->bytes, ID_LENGTH);
    buffer_append(&buffer, terms.data, terms.length);
    assert(!buffer.overflowed);
    digest_make("gpulet bid", buffer_bytes(&buffer), digest.bytes);
    return digest;
}

struct record_id
clearing_ids_digest(enum clearing_list list, const struct record_id *ids, size_t count)
{
    struct record_id digest = {{0}};
    digest_make(list_labels[list], bytes_of(ids, count * sizeof *ids), digest.bytes);
    return digest;
}

struct record_id
clearing_fills_digest(struct bytes fills)
{
    struct record_id digest = {{0}};
    digest_make("gpulet fills", fills, digest.bytes);
    return digest;
}

uint64_t
clearing_seed(const struct record_id *close, const struct record_id *nonces, size_t count)
{
    struct record_id ids[AUCTION_BIDS_MAX + 1];
    uint8_t digest[ID_LENGTH];
    uint64_t seed = 0;
    assert(count <= AUCTION_BIDS_MAX);
    ids[0] = *close;
    memcpy(ids + 1, nonces, count * sizeof *nonces);
    digest_make("gpulet auction seed", bytes_of(ids, (count + 1) * sizeof *ids), digest);
    for (size_t i = 0; i < sizeof seed; i++) {
        seed = seed << 8 | digest[i];
    }
    return seed;
}

enum status
clearing_read_bid(const struct peer_id *renter, const struct commitment *commitment,
                  const struct bid *body, struct auction_bid *ret_bid)
{
    const struct record_id promised = clearing_bid_digest(renter, body->terms);
    struct bid_terms terms;
    struct auction_bid bid = {.commitment = body->commitment, .renter = *renter};
    if (!record_id_equal(&promised, &commitment->bid) ||
        codec_decode(&bid_terms_schema, body->terms, &terms) != STATUS_OK ||
        codec_decode(&request_schema, terms.request, &bid.request) != STATUS_OK) {
        return STATUS_BAD_INPUT;
    }
    bid.nonce = terms.nonce;
    bid.units_wanted = terms.units_wanted;
    bid.units_min = terms.units_min;
    for (size_t i = 0; i < terms.avoid.count; i++) {
        memcpy(bid.avoid[i].bytes, terms.avoid.items[i].data, ID_LENGTH);
    }
    bid.avoid_count = terms.avoid.count;
    *ret_bid = bid;
    return STATUS_OK;
}

/* ---- Opening a file ---- */

/* <0, 0, >0, as bytes. */
static int
id_order(const uint8_t a[ID_LENGTH], const uint8_t b[ID_LENGTH])
{
    return bytes_compare(bytes_of(a, ID_LENGTH), bytes_of(b, ID_LENGTH));
}

struct opening {
    struct clearing_book *book;
    struct clearing_fault *fault;
    const struct clearing_file *file;
    const char *list; /* that is being opened */
    struct record_id commitment_ids[AUCTION_BIDS_MAX];
    struct commitment commitments[AUCTION_BIDS_MAX];
    struct peer_id renters[AUCTION_BIDS_MAX];
    struct record_id ids[AUCTION_ASKS_MAX];
};

static enum status
fail(struct opening *opening, enum status status, const char *why, size_t number)
{
    *opening->fault = (struct clearing_fault){.why = why, .list = opening->list, .number = number};
    return status;
}

/* Opens one record of a kind; `number` says which one of its list. */
static enum status
open_record(struct opening *opening, struct bytes sealed, uint8_t kind, size_t number,
            struct verified_record *ret_record)
{
    const enum status status = record_open(sealed, &opening->book->network, ret_record);
    if (status == STATUS_BAD_SIGNATURE) {
        return fail(opening, status, "its signature is wrong", number);
    }
    if (status == STATUS_WRONG_NETWORK) {
        return fail(opening, status, "it belongs to another network than the file", number);
    }
    if (status != STATUS_OK || verified_envelope(ret_record)->kind != kind) {
        return fail(opening, STATUS_BAD_INPUT, "it is damaged", number);
    }
    return STATUS_OK;
}

/* The two records of the auctioneer. */
static enum status
open_ends(struct opening *opening)
{
    struct clearing_book *book = opening->book;
    struct verified_record clearing;
    struct verified_record close;
    enum status status =
        open_record(opening, opening->file->clearing, RECORD_CLEARING, 0, &clearing);
    if (status != STATUS_OK) {
        return fail(opening, status, "the clearing's own record is damaged, or not signed", 0);
    }
    status = open_record(opening, opening->file->close, RECORD_AUCTION_CLOSE, 0, &close);
    if (status != STATUS_OK) {
        return fail(opening, status, "the record of the epoch's end is damaged, or not signed", 0);
    }
    if (verified_body(&clearing, RECORD_CLEARING, &book->clearing) != STATUS_OK ||
        verified_body(&close, RECORD_AUCTION_CLOSE, &book->close) != STATUS_OK) {
        return fail(opening, STATUS_BAD_INPUT, "a record of the auctioneer is damaged", 0);
    }
    book->id = *verified_id(&clearing);
    book->close_id = *verified_id(&close);
    book->auctioneer = verified_envelope(&clearing)->author;
    if (!peer_id_equal(&verified_envelope(&close)->author, &book->auctioneer)) {
        return fail(opening, STATUS_REFUSED, "clearing and epoch's end are of two auctioneers", 0);
    }
    if (!record_id_equal(&book->clearing.close, &book->close_id) ||
        verified_envelope(&clearing)->detail !=
            auction_market_number(book->close.work, book->close.region)) {
        return fail(opening, STATUS_REFUSED, "the clearing is of another epoch than its end", 0);
    }
    return STATUS_OK;
}

static enum status
open_commitments(struct opening *opening)
{
    struct clearing_book *book = opening->book;
    const struct bytes_list *list = &opening->file->commitments;
    opening->list = "commitment";
    if (list->count != book->close.commitments || list->count > AUCTION_BIDS_MAX) {
        return fail(opening, STATUS_REFUSED, "the epoch closed with another number of commitments",
                    0);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct verified_record record;
        struct commitment *commitment = &opening->commitments[i];
        const enum status status =
            open_record(opening, list->items[i], RECORD_COMMITMENT, i + 1, &record);
        if (status != STATUS_OK) {
            return status;
        }
        if (verified_body(&record, RECORD_COMMITMENT, commitment) != STATUS_OK ||
            !peer_id_equal(&commitment->auctioneer, &book->auctioneer) ||
            commitment->work != book->close.work || commitment->region != book->close.region) {
            return fail(opening, STATUS_REFUSED, "it is for another auctioneer or market", i + 1);
        }
        opening->commitment_ids[i] = *verified_id(&record);
        opening->renters[i] = verified_envelope(&record)->author;
    }
    const struct record_id digest =
        clearing_ids_digest(CLEARING_COMMITMENTS, opening->commitment_ids, list->count);
    if (!record_id_equal(&digest, &book->close.commitments_digest)) {
        return fail(opening, STATUS_REFUSED,
                    "the commitments are not those that the epoch closed with", 0);
    }
    for (size_t i = 1; i < list->count; i++) {
        if (id_order(opening->commitment_ids[i - 1].bytes, opening->commitment_ids[i].bytes) >= 0) {
            return fail(opening, STATUS_REFUSED, "it stands out of order, or twice", i + 1);
        }
    }
    return STATUS_OK;
}

/* By host, then by slot group; each but once. */
static bool
listing_goes_after(const struct auction_listing *a, const struct auction_listing *b)
{
    const int by_host = id_order(a->host.bytes, b->host.bytes);
    return by_host != 0 ? by_host > 0 : a->body.slot_group > b->body.slot_group;
}

static enum status
open_listing(struct opening *opening, struct bytes sealed)
{
    struct clearing_book *book = opening->book;
    const size_t number = book->listing_count + 1;
    struct verified_record record;
    if (book->listing_count == AUCTION_ASKS_MAX) {
        return fail(opening, STATUS_REFUSED, "there are more listings than an epoch holds", number);
    }
    const enum status status = open_record(opening, sealed, RECORD_LISTING, number, &record);
    if (status != STATUS_OK) {
        return status;
    }
    const struct envelope *envelope = verified_envelope(&record);
    struct auction_listing *listing = &book->listings[book->listing_count];
    listing->host = envelope->author;
    listing->id = *verified_id(&record);
    listing->expires_s = envelope->issued_at_s + envelope->ttl_s;
    if (verified_body(&record, RECORD_LISTING, &listing->body) != STATUS_OK) {
        return fail(opening, STATUS_BAD_INPUT, "it is damaged", number);
    }
    if (number > 1 && !listing_goes_after(listing, listing - 1)) {
        return fail(opening, STATUS_REFUSED, "it stands out of order, or twice", number);
    }
    opening->ids[book->listing_count] = listing->id;
    book->listing_count++;
    return STATUS_OK;
}

static enum status
open_listings(struct opening *opening)
{
    struct clearing_book *book = opening->book;
    enum status status = STATUS_OK;
    opening->list = "listing";
    for (size_t i = 0; i < opening->file->listings.count; i++) {
        struct clearing_page page;
        if (codec_decode(&clearing_page_schema, opening->file->listings.items[i], &page) !=
            STATUS_OK) {
            return fail(opening, STATUS_BAD_INPUT, "a page of listings is damaged", 0);
        }
        for (size_t j = 0; j < page.listings.count && status == STATUS_OK; j++) {
            status = open_listing(opening, page.listings.items[j]);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    const struct record_id digest =
        clearing_ids_digest(CLEARING_LISTINGS, opening->ids, book->listing_count);
    if (book->listing_count != book->close.listings ||
        !record_id_equal(&digest, &book->close.listings_digest)) {
        return fail(opening, STATUS_REFUSED,
                    "the listings are not those that the epoch closed with", 0);
    }
    return STATUS_OK;
}

/* The commitment that a bid opens, from `from` on; the count when there is none. */
static size_t
commitment_of(const struct opening *opening, const struct record_id *id, size_t from)
{
    const size_t count = opening->file->commitments.count;
    while (from < count && !record_id_equal(&opening->commitment_ids[from], id)) {
        from++;
    }
    return from;
}

static enum status
open_bid(struct opening *opening, struct bytes sealed, size_t *next)
{
    struct clearing_book *book = opening->book;
    const size_t number = book->bid_count + 1;
    struct verified_record record;
    struct bid body;
    enum status status = open_record(opening, sealed, RECORD_BID, number, &record);
    if (status != STATUS_OK) {
        return status;
    }
    if (verified_body(&record, RECORD_BID, &body) != STATUS_OK) {
        return fail(opening, STATUS_BAD_INPUT, "it is damaged", number);
    }
    const size_t at = commitment_of(opening, &body.commitment, *next);
    if (at == opening->file->commitments.count) {
        return fail(opening, STATUS_REFUSED,
                    "it opens no commitment of the epoch, or stands out of order", number);
    }
    const struct peer_id *author = &verified_envelope(&record)->author;
    if (!record_id_equal(&body.close, &book->close_id) ||
        !peer_id_equal(author, &opening->renters[at])) {
        return fail(opening, STATUS_REFUSED, "it is of another epoch or renter", number);
    }
    status =
        clearing_read_bid(author, &opening->commitments[at], &body, &book->bids[book->bid_count]);
    if (status != STATUS_OK) {
        return fail(opening, STATUS_REFUSED, "it is not what its commitment promised", number);
    }
    opening->ids[book->bid_count] = *verified_id(&record);
    book->bid_count++;
    *next = at + 1;
    return STATUS_OK;
}

static enum status
open_bids(struct opening *opening)
{
    struct clearing_book *book = opening->book;
    struct record_id nonces[AUCTION_BIDS_MAX];
    size_t next = 0;
    opening->list = "bid";
    for (size_t i = 0; i < opening->file->bids.count; i++) {
        const enum status status = open_bid(opening, opening->file->bids.items[i], &next);
        if (status != STATUS_OK) {
            return status;
        }
        nonces[i] = book->bids[i].nonce;
    }
    const struct record_id digest =
        clearing_ids_digest(CLEARING_BIDS, opening->ids, book->bid_count);
    if (book->bid_count != book->clearing.bids ||
        !record_id_equal(&digest, &book->clearing.bids_digest)) {
        return fail(opening, STATUS_REFUSED, "the bids are not those that the clearing names", 0);
    }
    book->seed = clearing_seed(&book->close_id, nonces, book->bid_count);
    return STATUS_OK;
}

enum status
clearing_open(struct bytes file, struct clearing_book *ret_book, struct clearing_fault *ret_fault)
{
    struct clearing_file parts;
    struct opening opening = {.book = ret_book, .fault = ret_fault, .file = &parts};
    *ret_fault = (struct clearing_fault){.why = NULL};
    if (codec_decode(&clearing_file_schema, file, &parts) != STATUS_OK) {
        return fail(&opening, STATUS_BAD_INPUT, "it is not the file of a clearing, or damaged", 0);
    }
    ret_book->network = parts.network;
    ret_book->listing_count = 0;
    ret_book->bid_count = 0;
    ret_book->fills = parts.fills;
    enum status status = open_ends(&opening);
    status = status == STATUS_OK ? open_commitments(&opening) : status;
    status = status == STATUS_OK ? open_listings(&opening) : status;
    status = status == STATUS_OK ? open_bids(&opening) : status;
    if (status != STATUS_OK) {
        return status;
    }
    const struct record_id digest = clearing_fills_digest(parts.fills);
    if (!record_id_equal(&digest, &ret_book->clearing.fills_digest)) {
        return fail(&opening, STATUS_REFUSED, "the fills are not those that the clearing names", 0);
    }
    return STATUS_OK;
}
