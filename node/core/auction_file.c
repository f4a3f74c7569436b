#include <stdlib.h>
#include <string.h>

#include "node/core/auction.h"
#include "node/core/auction_state.h"
#include "node/core/gossip.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { PULL_AGAIN_MS = 3000, PULLS_MAX = 10 };

struct batch *
auction_new_memory(bool collects)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        return NULL;
    }
    batch->work = auction_new();
    batch->auctions = collects ? calloc(AUCTIONS_MAX, sizeof *batch->auctions) : NULL;
    if (batch->work == NULL || (collects && batch->auctions == NULL)) {
        auction_free_memory(batch);
        return NULL;
    }
    return batch;
}

void
auction_free_memory(struct batch *batch)
{
    if (batch != NULL) {
        auction_free(batch->work);
        free(batch->auctions);
        free(batch);
    }
}

/* ---- What is kept ---- */

struct kept_clearing *
auction_keep(struct core *core)
{
    struct kept_clearing *oldest = &core->batch->kept[0];
    for (size_t i = 0; i < CLEARINGS_KEPT; i++) {
        struct kept_clearing *kept = &core->batch->kept[i];
        if (!kept->used) {
            oldest = kept;
            break;
        }
        oldest = kept->serial < oldest->serial ? kept : oldest;
    }
    core->batch->serial++;
    oldest->used = true;
    oldest->serial = core->batch->serial;
    oldest->length = 0;
    return oldest;
}

struct kept_clearing *
auction_kept(struct core *core, const struct record_id *close)
{
    for (size_t i = 0; i < CLEARINGS_KEPT; i++) {
        struct kept_clearing *kept = &core->batch->kept[i];
        if (kept->used && record_id_equal(&kept->close, close)) {
            return kept;
        }
    }
    return NULL;
}

/* ---- Checking ---- */

const char *
auction_check_book(struct core *core)
{
    struct batch *batch = core->batch;
    const struct clearing_book *book = &batch->book;
    const struct auction_book orders = {.rows = batch->rows,
                                        .row_count = book->listing_count,
                                        .bids = book->bids,
                                        .bid_count = book->bid_count,
                                        .seed = book->seed,
                                        .now_s = book->close.closed_at_s,
                                        .work = book->close.work,
                                        .pricing = (enum auction_rule)book->close.rule};
    struct auction_outcome outcome;
    struct buffer fills;
    buffer_init(&fills, batch->fills, sizeof batch->fills);
    auction_rows(book->listings, book->listing_count, batch->rows);
    if (auction_clear(batch->work, &orders, &outcome) != STATUS_OK) {
        return "it cannot be computed";
    }
    auction_write_fills(&outcome, &fills);
    if (!bytes_equal(book->fills, buffer_bytes(&fills)) ||
        book->clearing.fills != outcome.fill_count) {
        return "its fills do not follow from its bids and listings";
    }
    if ((uint64_t)amount_micro(book->clearing.price_uusd_per_hour) != outcome.price_uusd ||
        (uint64_t)amount_micro(book->clearing.surplus_uusd_per_hour) != outcome.surplus_uusd ||
        book->clearing.units != outcome.units) {
        return "its price or sums do not follow from its bids and listings";
    }
    return NULL;
}

/* Opens and checks a file that came; keeps it when it is right. Returns why not, or NULL. */
static const char *
take_file(struct core *core, const struct incoming_clearing *incoming)
{
    struct clearing_book *book = &core->batch->book;
    const struct bytes bytes = bytes_of(incoming->bytes, incoming->length);
    struct clearing_fault fault;
    if (clearing_open(bytes, book, &fault) != STATUS_OK) {
        return fault.why;
    }
    if (!network_id_equal(&book->network, &core->options.network) ||
        !peer_id_equal(&book->auctioneer, &incoming->peer) ||
        !record_id_equal(&book->close_id, &incoming->close)) {
        return "it is of another network, auctioneer or epoch";
    }
    const char *why = auction_check_book(core);
    if (why != NULL) {
        return why;
    }
    struct kept_clearing *kept = auction_keep(core);
    memcpy(kept->bytes, bytes.data, bytes.length);
    kept->length = (uint32_t)bytes.length;
    kept->close = book->close_id;
    kept->id = book->id;
    kept->auctioneer = book->auctioneer;
    kept->end = book->close;
    kept->record = book->clearing;
    return NULL;
}

/* ---- On its way ---- */

bool
auction_is_fetching_from(const struct core *core, const struct peer_id *peer)
{
    const struct incoming_clearing *incoming = &core->batch->incoming;
    return incoming->used && peer_id_equal(&incoming->peer, peer);
}

void
auction_say_ready(struct core *core, const struct link_state *link,
                  const struct kept_clearing *kept)
{
    const struct clearing_part_message part = {.close = kept->close, .total = kept->length};
    say_message(core, link->link, &clearing_part_message_schema, &part);
}

static void
pull(struct core *core, const struct link_state *link)
{
    struct incoming_clearing *incoming = &core->batch->incoming;
    const struct clearing_pull_message message = {.close = incoming->close,
                                                  .offset = incoming->length};
    incoming->at = boot_add(core->now.boot, duration_of_ms(PULL_AGAIN_MS));
    say_message(core, link->link, &clearing_pull_message_schema, &message);
}

static void
take_pull(struct core *core, const struct link_state *link,
          const struct clearing_pull_message *message)
{
    const struct kept_clearing *kept = auction_kept(core, &message->close);
    if (kept == NULL || message->offset >= kept->length) {
        return;
    }
    const uint32_t left = kept->length - message->offset;
    const struct clearing_part_message part = {
        .close = kept->close,
        .offset = message->offset,
        .total = kept->length,
        .data = bytes_of(kept->bytes + message->offset,
                         left < CLEARING_PART_BYTES ? left : CLEARING_PART_BYTES),
    };
    say_message(core, link->link, &clearing_part_message_schema, &part);
}

/* An auctioneer says that a clearing is there: the first pull. */
static void
begin_fetch(struct core *core, const struct link_state *link,
            const struct clearing_part_message *part)
{
    struct incoming_clearing *incoming = &core->batch->incoming;
    if (incoming->used || !bidding_expects(core, &link->peer, &part->close)) {
        return; /* it is said again when the bid is repeated */
    }
    incoming->used = true;
    incoming->close = part->close;
    incoming->peer = link->peer;
    incoming->length = 0;
    incoming->total = part->total;
    incoming->tries = 0;
    pull(core, link);
}

static void
take_part(struct core *core, const struct link_state *link,
          const struct clearing_part_message *part)
{
    struct incoming_clearing *incoming = &core->batch->incoming;
    if (part->data.length == 0) {
        begin_fetch(core, link, part);
        return;
    }
    if (!auction_is_fetching_from(core, &link->peer) ||
        !record_id_equal(&incoming->close, &part->close) || part->offset != incoming->length ||
        part->total != incoming->total || part->data.length > incoming->total - incoming->length) {
        return;
    }
    memcpy(incoming->bytes + incoming->length, part->data.data, part->data.length);
    incoming->length += (uint32_t)part->data.length;
    incoming->tries = 0;
    if (incoming->length < incoming->total) {
        pull(core, link);
        return;
    }
    const char *why = take_file(core, incoming);
    incoming->used = false;
    if (why != NULL) {
        say_log(core, LOG_WARNING, "an auctioneer's clearing is false: %s", why);
    }
    bidding_take_clearing(core, &incoming->close, why);
}

void
auction_file_tick(struct core *core)
{
    struct incoming_clearing *incoming = &core->batch->incoming;
    if (!incoming->used || !core_is_due(core, incoming->at)) {
        return;
    }
    const struct link_state *link = links_to_peer(core, &incoming->peer);
    incoming->tries++;
    if (link == NULL || incoming->tries > PULLS_MAX) {
        incoming->used = false;
        return;
    }
    pull(core, link);
}

void
auction_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes)
{
    struct auction_closed_message closed;
    struct clearing_pull_message asked;
    struct clearing_part_message part;
    if (type == MESSAGE_AUCTION_CLOSED &&
        message_decode(&auction_closed_message_schema, bytes, &closed) == STATUS_OK) {
        bidding_take_closed(core, link, &closed);
    } else if (type == MESSAGE_CLEARING_PULL &&
               message_decode(&clearing_pull_message_schema, bytes, &asked) == STATUS_OK) {
        take_pull(core, link, &asked);
    } else if (type == MESSAGE_CLEARING_PART &&
               message_decode(&clearing_part_message_schema, bytes, &part) == STATUS_OK) {
        take_part(core, link, &part);
    } else {
        links_drop(core, link, "it sent a message of the batch lane that cannot be read");
    }
}

/* ---- For people ---- */

static void
say_kept(struct core *core, struct client client, const struct kept_clearing *kept,
         const struct control_clearing *ask)
{
    const uint32_t left = ask->offset < kept->length ? kept->length - ask->offset : 0;
    struct clearing_view view = {
        .clearing = kept->id,
        .auctioneer = kept->auctioneer,
        .auctioneer_label = gossip_label_of(core, &kept->auctioneer),
        .epoch = kept->end.epoch,
        .closed_at_s = kept->end.closed_at_s,
        .work = kept->end.work,
        .region = kept->end.region,
        .bids = kept->record.bids,
        .listings = kept->end.listings,
        .fills = kept->record.fills,
        .price_uusd_per_hour = kept->record.price_uusd_per_hour,
        .total = kept->length,
    };
    if (ask->prefix.length > 0 && left > 0) {
        view.offset = ask->offset;
        view.data = bytes_of(kept->bytes + ask->offset,
                             left < CLEARING_PART_BYTES ? left : CLEARING_PART_BYTES);
    }
    say_row(core, client, ROW_CLEARING, &view);
}

/* From the oldest on. */
void
auction_answer(struct core *core, struct client client, const struct control_clearing *ask)
{
    uint64_t after = 0;
    for (size_t n = 0; n < CLEARINGS_KEPT; n++) {
        const struct kept_clearing *next = NULL;
        for (size_t i = 0; i < CLEARINGS_KEPT; i++) {
            const struct kept_clearing *kept = &core->batch->kept[i];
            if (kept->used && kept->serial > after &&
                (next == NULL || kept->serial < next->serial)) {
                next = kept;
            }
        }
        if (next == NULL) {
            break;
        }
        after = next->serial;
        if (ask->prefix.length == 0 ||
            id_has_prefix(next->id.bytes, (const char *)ask->prefix.data, ask->prefix.length)) {
            say_kept(core, client, next, ask);
        }
    }
    say_done(core, client, STATUS_OK, "%s", "");
}
