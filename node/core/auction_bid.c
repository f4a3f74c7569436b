#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/core/auction.h"
#include "node/core/auction_state.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/standing.h"
#include "protocol/codec.h"

enum { REPEAT_MS = 3000, AGAIN_MS = 2000, REFUSED_MS = 15000, OPENED_MS = 90000, PART_SHIFT = 16 };

static struct bidding *
bidding_at(const struct core *core, size_t index)
{
    return &core->batch->biddings[index];
}

static void
step_in(struct core *core, struct bidding *bidding, int64_t ms)
{
    bidding->at = boot_add(core->now.boot, duration_of_ms(ms));
}

static void
wait_for_next(struct core *core, struct bidding *bidding, int64_t ms, const char *why)
{
    bidding->state = BIDDING_WAITING;
    snprintf(bidding->why, sizeof bidding->why, "%s", why);
    step_in(core, bidding, ms);
}

/* Which lease a fill is: the standing request, and the fill's number from 1 above it. */
static struct client
part_client(size_t index, size_t part)
{
    return (struct client){STANDING_CLIENT | (uint64_t)(part + 1) << PART_SHIFT | (index + 1)};
}

/* ---- Commitment ---- */

/* Unknown to others until it is told, and new for each bid. */
static struct record_id
make_nonce(struct core *core, size_t index)
{
    uint8_t memory[SEED_LENGTH + 3 * sizeof(uint64_t)];
    const uint64_t words[] = {say_random(core), (uint64_t)core->now.wall.ms, index};
    struct record_id nonce = {{0}};
    memcpy(memory, core->options.keypair.seed, SEED_LENGTH);
    memcpy(memory + SEED_LENGTH, words, sizeof words);
    digest_make("gpulet bid nonce", bytes_of(memory, sizeof memory), nonce.bytes);
    memset(memory, 0, sizeof memory);
    return nonce;
}

static bool
write_terms(struct core *core, size_t index, const struct control_rent *ask)
{
    struct bidding *bidding = bidding_at(core, index);
    struct bid_terms terms = {.nonce = make_nonce(core, index),
                              .request = ask->request,
                              .units_wanted = ask->units_wanted,
                              .units_min = ask->units_min};
    struct buffer buffer;
    for (size_t i = 0; i < bidding->avoid_count; i++) {
        terms.avoid.items[i] = bytes_of(bidding->avoid[i].bytes, ID_LENGTH);
    }
    terms.avoid.count = bidding->avoid_count;
    buffer_init(&buffer, bidding->terms, sizeof bidding->terms);
    if (codec_encode(&bid_terms_schema, &terms, &buffer) != STATUS_OK) {
        return false;
    }
    bidding->terms_length = (uint16_t)buffer.length;
    return true;
}

static void
say_commitment(struct core *core, struct bidding *bidding)
{
    const struct link_state *link = links_to_peer(core, &bidding->auctioneer);
    step_in(core, bidding, REPEAT_MS);
    if (link == NULL) {
        (void)peers_call(core, &bidding->auctioneer);
        return;
    }
    say_signed(core, link->link, bytes_of(bidding->commitment_bytes, bidding->commitment_length));
}

static void
commit(struct core *core, size_t index)
{
    struct bidding *bidding = bidding_at(core, index);
    struct control_rent ask;
    struct request request;
    if (!standing_question(core, index, &ask, &request) || !write_terms(core, index, &ask)) {
        wait_for_next(core, bidding, REFUSED_MS, "its bid cannot be written");
        return;
    }
    const struct peer_id *own = &core->options.keypair.identity;
    const struct commitment commitment = {
        .auctioneer = bidding->auctioneer,
        .work = bidding->work,
        .region = bidding->region,
        .bid = clearing_bid_digest(own, bytes_of(bidding->terms, bidding->terms_length)),
    };
    const struct seal_order order = {.kind = RECORD_COMMITMENT, .seq = say_random(core) >> 12 | 1};
    const struct verified_record record = say_seal(core, order, &commitment);
    const struct bytes sealed = verified_bytes(&record);
    memcpy(bidding->commitment_bytes, sealed.data, sealed.length);
    bidding->commitment_length = (uint16_t)sealed.length;
    bidding->commitment = *verified_id(&record);
    bidding->state = BIDDING_COMMITTED;
    say_commitment(core, bidding);
}

bool
bidding_begin(struct core *core, size_t index, struct client asker, const struct control_rent *ask)
{
    struct bidding *bidding = bidding_at(core, index);
    struct bidding fresh = {.state = BIDDING_WAITING, .at = core->now.boot};
    struct request request;
    char hex[ID_HEX_SIZE] = "";
    const char *why = "the request cannot be read";
    if (ask->auctioneer.length == ID_HEX_SIZE - 1) {
        memcpy(hex, ask->auctioneer.data, ask->auctioneer.length);
    }
    if (codec_decode(&request_schema, ask->request, &request) != STATUS_OK ||
        auction_bid_check(&request, ask->units_wanted, ask->units_min, &why) != STATUS_OK) {
        say_done(core, asker, STATUS_REFUSED, "no bid: %s", why);
        return false;
    }
    if (id_from_hex(hex, fresh.auctioneer.bytes) != STATUS_OK ||
        peer_id_equal(&fresh.auctioneer, &core->options.keypair.identity) ||
        ask->request.length > BID_REQUEST_BYTES_MAX ||
        auction_region(&request, &fresh.region) != STATUS_OK) {
        say_done(core, asker, STATUS_REFUSED,
                 "no bid: name another node as the auctioneer; `gpulet peers` lists them");
        return false;
    }
    fresh.work = request.work;
    snprintf(fresh.why, sizeof fresh.why, "waiting");
    *bidding = fresh;
    core->tick_at = core->now.boot;
    return true;
}

bool
bidding_is_under_way(const struct core *core, size_t index)
{
    return bidding_at(core, index)->state != BIDDING_NONE;
}

void
bidding_end(struct core *core, size_t index)
{
    struct bidding *bidding = bidding_at(core, index);
    for (size_t part = 0; part < bidding->part_count; part++) {
        struct rent *rent = rent_of(core, part_client(index, part));
        if (rent != NULL) {
            rent_over(rent);
        }
    }
    memset(bidding, 0, sizeof *bidding);
}

const char *
bidding_text(const struct core *core, size_t index)
{
    const struct bidding *bidding = bidding_at(core, index);
    switch (bidding->state) {
    case BIDDING_NONE:
    case BIDDING_WAITING:
        return bidding->why;
    case BIDDING_COMMITTED:
        return "bid committed";
    case BIDDING_OPENED:
        return "bid opened";
    case BIDDING_RENTING:
        return "asking a host";
    }
    return "";
}

/* ---- Opening ---- */

static void
say_bid(struct core *core, struct bidding *bidding)
{
    const struct link_state *link = links_to_peer(core, &bidding->auctioneer);
    step_in(core, bidding, REPEAT_MS);
    if (link == NULL) {
        (void)peers_call(core, &bidding->auctioneer);
        return;
    }
    say_signed(core, link->link, bytes_of(bidding->bid_bytes, bidding->bid_length));
}

static void
open_bid(struct core *core, struct bidding *bidding, const struct record_id *close)
{
    const struct bid bid = {.commitment = bidding->commitment,
                            .close = *close,
                            .terms = bytes_of(bidding->terms, bidding->terms_length)};
    const struct seal_order order = {.kind = RECORD_BID, .seq = say_random(core) >> 12 | 1};
    const struct verified_record record = say_seal(core, order, &bid);
    const struct bytes sealed = verified_bytes(&record);
    memcpy(bidding->bid_bytes, sealed.data, sealed.length);
    bidding->bid_length = (uint16_t)sealed.length;
    bidding->bid = *verified_id(&record);
    bidding->close = *close;
    bidding->state = BIDDING_OPENED;
    bidding->until = boot_add(core->now.boot, duration_of_ms(OPENED_MS));
    say_bid(core, bidding);
}

static bool
stands_among(const struct bidding *bidding, const struct record_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (record_id_equal(&bidding->commitment, &ids[i])) {
            return true;
        }
    }
    return false;
}

/* A bid is opened for an end that binds its auctioneer to these commitments: after it none can be slipped
 * in that knows the others. */
void
bidding_take_closed(struct core *core, struct link_state *link,
                    const struct auction_closed_message *message)
{
    struct record_id ids[AUCTION_BIDS_MAX];
    struct verified_record record;
    struct auction_close close;
    if (record_open(message->close, &core->options.network, &record) != STATUS_OK ||
        !peer_id_equal(&verified_envelope(&record)->author, &link->peer) ||
        verified_body(&record, RECORD_AUCTION_CLOSE, &close) != STATUS_OK) {
        links_drop(core, link, "it ended an epoch with a record that is not its own");
        return;
    }
    for (size_t i = 0; i < message->commitments.count; i++) {
        memcpy(ids[i].bytes, message->commitments.items[i].data, ID_LENGTH);
    }
    const struct record_id digest =
        clearing_ids_digest(CLEARING_COMMITMENTS, ids, message->commitments.count);
    if (!record_id_equal(&digest, &close.commitments_digest)) {
        links_drop(core, link, "it ended an epoch with other commitments than it tells");
        return;
    }
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct bidding *bidding = bidding_at(core, i);
        if (bidding->state == BIDDING_COMMITTED &&
            peer_id_equal(&bidding->auctioneer, &link->peer) && bidding->work == close.work &&
            bidding->region == close.region &&
            stands_among(bidding, ids, message->commitments.count)) {
            open_bid(core, bidding, verified_id(&record));
        }
    }
}

bool
bidding_expects(const struct core *core, const struct peer_id *peer, const struct record_id *close)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        const struct bidding *bidding = bidding_at(core, i);
        if (bidding->state == BIDDING_OPENED && record_id_equal(&bidding->close, close) &&
            peer_id_equal(&bidding->auctioneer, peer)) {
            return true;
        }
    }
    return false;
}

bool
bidding_take_refused(struct core *core, const struct link_state *link,
                     const struct refused_message *message)
{
    char why[sizeof((struct bidding *)NULL)->why];
    const struct bytes text = say_cut(message->text, 80);
    snprintf(why, sizeof why, "refused: %.*s", (int)text.length,
             text.length > 0 ? (const char *)text.data : "");
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct bidding *bidding = bidding_at(core, i);
        const bool is_about =
            (bidding->state == BIDDING_COMMITTED &&
             record_id_equal(&bidding->commitment, &message->about)) ||
            (bidding->state == BIDDING_OPENED && record_id_equal(&bidding->bid, &message->about));
        if (is_about && peer_id_equal(&bidding->auctioneer, &link->peer)) {
            wait_for_next(core, bidding, REFUSED_MS, why);
            return true;
        }
    }
    return false;
}

/* ---- Fills ---- */

/* Each fill of the bid becomes a rent at the host that it names, at the clearing's price. */
static void
begin_parts(struct core *core, size_t index, size_t bid)
{
    struct bidding *bidding = bidding_at(core, index);
    const struct clearing_book *book = &core->batch->book;
    struct control_rent ask;
    struct request request;
    bidding->part_count = 0;
    bidding->parts_won = 0;
    if (!standing_question(core, index, &ask, &request)) {
        return;
    }
    const struct bytes fills = book->fills;
    const uint64_t price_uusd = (uint64_t)amount_micro(book->clearing.price_uusd_per_hour);
    for (size_t at = 0; at + 6 <= fills.length && bidding->part_count < BATCH_PARTS_MAX; at += 6) {
        const uint8_t *fill = fills.data + at;
        const size_t row = (size_t)(fill[2] << 8 | fill[3]);
        if ((size_t)(fill[0] << 8 | fill[1]) != bid || row >= book->listing_count) {
            continue;
        }
        const struct cleared_part part = {
            .clearing = book->id,
            .listing = book->listings[row].id,
            .slots = (uint16_t)(fill[4] << 8 | fill[5]),
            .price_uusd_per_hour =
                auction_paid(price_uusd, book->close.work, &core->batch->rows[row]),
        };
        bidding->part_hosts[bidding->part_count] = book->listings[row].host;
        rent_take_cleared(core, part_client(index, bidding->part_count), &ask, &part);
        bidding->part_count++;
    }
}

/* Reads the book that was opened last: the clearing's, which was just checked. */
static void
take_outcome(struct core *core, size_t index)
{
    struct bidding *bidding = bidding_at(core, index);
    const struct clearing_book *book = &core->batch->book;
    size_t bid = 0;
    while (bid < book->bid_count &&
           !record_id_equal(&book->bids[bid].commitment, &bidding->commitment)) {
        bid++;
    }
    begin_parts(core, index, bid);
    if (bidding->part_count == 0) {
        wait_for_next(core, bidding, AGAIN_MS, "the last clearing had nothing for it");
        return;
    }
    bidding->state = BIDDING_RENTING;
    step_in(core, bidding, AGAIN_MS);
}

void
bidding_take_clearing(struct core *core, const struct record_id *close, const char *why)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct bidding *bidding = bidding_at(core, i);
        if (bidding->state != BIDDING_OPENED || !record_id_equal(&bidding->close, close)) {
            continue;
        }
        if (why != NULL) {
            wait_for_next(core, bidding, REFUSED_MS, "the auctioneer's clearing was false");
        } else {
            take_outcome(core, i);
        }
    }
}

bool
bidding_part_won(struct core *core, struct client client)
{
    const uint64_t part = client.number >> PART_SHIFT & 0xffff;
    const uint64_t index = (client.number & 0xffff) - 1;
    if ((client.number & STANDING_CLIENT) == 0 || part == 0 || index >= REQUESTS_STANDING_MAX) {
        return false;
    }
    struct bidding *bidding = bidding_at(core, index);
    if (bidding->state == BIDDING_RENTING && part <= bidding->part_count) {
        bidding->parts_won++;
        standing_filled(core, index); /* a crash now must not rent it all again */
    }
    return true;
}

/* A host that was won and could not be had is left out of the next bids; the oldest such is forgotten. */
static void
avoid_hosts(struct bidding *bidding)
{
    for (size_t part = 0; part < bidding->part_count; part++) {
        if (bidding->avoid_count == BID_AVOID_MAX) {
            memmove(&bidding->avoid[0], &bidding->avoid[1],
                    (BID_AVOID_MAX - 1) * sizeof bidding->avoid[0]);
            bidding->avoid_count--;
        }
        bidding->avoid[bidding->avoid_count++] = bidding->part_hosts[part];
    }
}

static void
look_at_parts(struct core *core, size_t index)
{
    struct bidding *bidding = bidding_at(core, index);
    for (size_t part = 0; part < bidding->part_count; part++) {
        if (rent_of(core, part_client(index, part)) != NULL) {
            step_in(core, bidding, AGAIN_MS);
            return;
        }
    }
    if (bidding->parts_won > 0) {
        standing_done(core, index);
        return;
    }
    avoid_hosts(bidding);
    bidding->part_count = 0;
    wait_for_next(core, bidding, AGAIN_MS, "the hosts it won could not be had");
}

void
bidding_tick(struct core *core)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct bidding *bidding = bidding_at(core, i);
        if (bidding->state == BIDDING_NONE || !core_is_due(core, bidding->at) ||
            !say_has_room(core)) {
            continue;
        }
        switch (bidding->state) {
        case BIDDING_NONE:
            break;
        case BIDDING_WAITING:
            commit(core, i);
            break;
        case BIDDING_COMMITTED:
            say_commitment(core, bidding);
            break;
        case BIDDING_OPENED:
            if (core_is_due(core, bidding->until)) {
                wait_for_next(core, bidding, AGAIN_MS, "the auctioneer published no clearing");
            } else {
                say_bid(core, bidding);
            }
            break;
        case BIDDING_RENTING:
            look_at_parts(core, i);
            break;
        }
    }
}
