#include <stdlib.h>
#include <string.h>

#include "node/core/auction.h"
#include "node/core/auction_state.h"
#include "node/core/find.h"
#include "node/core/gossip.h"
#include "node/core/host.h"
#include "node/core/say.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"

/* Bids are opened within a quarter of an epoch. */
enum { OPEN_MS_MIN = 2000, OPEN_MS_MAX = 30000, CLEARING_TTL_S = 3600 };

static bool
collects(const struct core *core)
{
    return core->options.auction_epoch_s > 0 && core->batch->auctions != NULL;
}

static void
refuse(struct core *core, const struct link_state *link, const struct record_id *about,
       const char *text)
{
    host_refuse(core, link->link, about, REFUSAL_WAIT, text);
}

static struct auction_entry *
entry_of(struct auction *auction, const struct record_id *id)
{
    for (size_t i = 0; i < auction->entry_count; i++) {
        if (record_id_equal(&auction->entries[i].id, id)) {
            return &auction->entries[i];
        }
    }
    return NULL;
}

/* ---- Collecting ---- */

static struct auction *
new_auction(struct core *core, const struct commitment *commitment)
{
    const uint64_t epoch_ms = core->options.auction_epoch_s * 1000ull;
    for (size_t i = 0; i < AUCTIONS_MAX; i++) {
        struct auction *auction = &core->batch->auctions[i];
        if (!auction->used) {
            memset(auction, 0, offsetof(struct auction, entries));
            auction->used = true;
            auction->work = commitment->work;
            auction->region = commitment->region;
            auction->epoch = (uint64_t)core->now.wall.ms / epoch_ms;
            auction->ends_at = boot_add(
                core->now.boot,
                duration_of_ms((int64_t)(epoch_ms - (uint64_t)core->now.wall.ms % epoch_ms)));
            auction->entry_count = 0;
            auction->listing_count = 0;
            return auction;
        }
    }
    return NULL;
}

static struct auction *
collecting_auction(struct core *core, const struct commitment *commitment)
{
    for (size_t i = 0; i < AUCTIONS_MAX; i++) {
        struct auction *auction = &core->batch->auctions[i];
        if (auction->used && !auction->closed && auction->work == commitment->work &&
            auction->region == commitment->region) {
            return auction;
        }
    }
    return new_auction(core, commitment);
}

static void
say_closed(struct core *core, const struct link_state *link, const struct auction *auction)
{
    struct auction_closed_message message = {.close =
                                                 bytes_of(auction->close, auction->close_length)};
    for (size_t i = 0; i < auction->entry_count; i++) {
        message.commitments.items[i] = bytes_of(auction->entries[i].id.bytes, ID_LENGTH);
    }
    message.commitments.count = auction->entry_count;
    say_message(core, link->link, &auction_closed_message_schema, &message);
}

/* A commitment that came before; its renter may have missed that the epoch is over. */
static bool
is_known(struct core *core, const struct link_state *link, const struct record_id *id)
{
    for (size_t i = 0; i < AUCTIONS_MAX; i++) {
        struct auction *auction = &core->batch->auctions[i];
        if (auction->used && entry_of(auction, id) != NULL) {
            if (auction->closed) {
                say_closed(core, link, auction);
            }
            return true;
        }
    }
    return false;
}

static void
add_entry(struct auction *auction, const struct verified_record *record,
          const struct commitment *commitment)
{
    const struct bytes sealed = verified_bytes(record);
    size_t at = auction->entry_count;
    while (at > 0 && bytes_compare(bytes_of(auction->entries[at - 1].id.bytes, ID_LENGTH),
                                   bytes_of(verified_id(record)->bytes, ID_LENGTH)) > 0) {
        auction->entries[at] = auction->entries[at - 1];
        at--;
    }
    struct auction_entry *entry = &auction->entries[at];
    memset(entry, 0, sizeof *entry);
    entry->id = *verified_id(record);
    entry->renter = verified_envelope(record)->author;
    entry->body = *commitment;
    entry->length = (uint16_t)sealed.length;
    memcpy(entry->bytes, sealed.data, sealed.length);
    auction->entry_count++;
}

void
auction_take_commitment(struct core *core, struct link_state *link,
                        const struct verified_record *record)
{
    const struct record_id *id = verified_id(record);
    struct commitment commitment;
    size_t own = 0;
    if (verified_body(record, RECORD_COMMITMENT, &commitment) != STATUS_OK) {
        return;
    }
    if (!collects(core) ||
        !peer_id_equal(&commitment.auctioneer, &core->options.keypair.identity)) {
        refuse(core, link, id, "this node collects no bids");
        return;
    }
    if (is_known(core, link, id)) {
        return;
    }
    struct auction *auction = collecting_auction(core, &commitment);
    for (size_t i = 0; auction != NULL && i < auction->entry_count; i++) {
        own += peer_id_equal(&auction->entries[i].renter, &link->peer);
    }
    if (auction == NULL || auction->entry_count == AUCTION_BIDS_MAX ||
        own >= PLACES_OF_ONE_RENTER || verified_bytes(record).length > COMMITMENT_BYTES_MAX) {
        refuse(core, link, id, "this epoch is full; the next one is not");
        return;
    }
    add_entry(auction, record, &commitment);
}

/* ---- Closing ---- */

/* A listing that may trade, by what a unit of its work costs. */
struct candidate {
    uint64_t price;
    const struct shelf_entry *entry;
};

static bool
is_candidate(const struct core *core, const struct auction *auction,
             const struct shelf_entry *entry, uint64_t *ret_price)
{
    struct listing body;
    if (entry->record_kind != RECORD_LISTING || !shelf_is_live(entry, core->now.wall) ||
        !find_listing(core, entry, &body) || amount_is_zero(body.ask_uusd_per_hour) ||
        (body.works >> auction->work & 1) == 0 ||
        (auction->region != REGION_UNKNOWN && body.region != auction->region)) {
        return false;
    }
    const uint32_t unit = gpu_unit((enum work)auction->work, body.fp16_gflops, body.bandwidth_mb_s);
    *ret_price = price_per_unit(amount_micro(body.ask_uusd_per_hour), unit);
    return true;
}

/* The cheapest ones, in order of their price; of equal ones, those that came first. */
static size_t
cheapest(struct core *core, const struct auction *auction,
         struct candidate candidates[AUCTION_ASKS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < core->shelf.used; i++) {
        struct candidate found = {.entry = &core->shelf.entries[i]};
        if (!is_candidate(core, auction, found.entry, &found.price) ||
            (count == AUCTION_ASKS_MAX && candidates[count - 1].price <= found.price)) {
            continue;
        }
        size_t at = count < AUCTION_ASKS_MAX ? count++ : count - 1;
        while (at > 0 && candidates[at - 1].price > found.price) {
            candidates[at] = candidates[at - 1];
            at--;
        }
        candidates[at] = found;
    }
    return count;
}

static bool
stands_after(const struct shelf_entry *a, const struct shelf_entry *b)
{
    const int by_host =
        bytes_compare(bytes_of(a->author.bytes, ID_LENGTH), bytes_of(b->author.bytes, ID_LENGTH));
    return by_host != 0 ? by_host > 0 : a->detail > b->detail;
}

/* The listings of the epoch, by host and slot group, as a clearing's file holds them. Returns the digest
 * of their ids. */
static struct record_id
take_listings(struct core *core, struct auction *auction)
{
    struct candidate candidates[AUCTION_ASKS_MAX];
    struct record_id ids[AUCTION_ASKS_MAX];
    const size_t count = cheapest(core, auction, candidates);
    for (size_t i = 1; i < count; i++) {
        const struct candidate candidate = candidates[i];
        size_t at = i;
        while (at > 0 && stands_after(candidates[at - 1].entry, candidate.entry)) {
            candidates[at] = candidates[at - 1];
            at--;
        }
        candidates[at] = candidate;
    }
    auction->listing_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct bytes sealed = shelf_bytes(&core->shelf, candidates[i].entry);
        memcpy(auction->listings + auction->listing_bytes, sealed.data, sealed.length);
        auction->listing_lengths[i] = (uint16_t)sealed.length;
        auction->listing_bytes += sealed.length;
        ids[i] = candidates[i].entry->id;
    }
    auction->listing_count = count;
    return clearing_ids_digest(CLEARING_LISTINGS, ids, count);
}

static struct duration
open_window(const struct core *core)
{
    const int64_t quarter_ms = core->options.auction_epoch_s * INT64_C(250);
    return duration_of_ms(quarter_ms < OPEN_MS_MIN   ? OPEN_MS_MIN
                          : quarter_ms > OPEN_MS_MAX ? OPEN_MS_MAX
                                                     : quarter_ms);
}

static void
close_epoch(struct core *core, struct auction *auction)
{
    struct record_id ids[AUCTION_BIDS_MAX];
    for (size_t i = 0; i < auction->entry_count; i++) {
        ids[i] = auction->entries[i].id;
    }
    auction->closed_at_s = (uint64_t)core->now.wall.ms / 1000;
    const struct record_id listings = take_listings(core, auction);
    const struct auction_close close = {
        .work = auction->work,
        .region = auction->region,
        .rule = core->options.auction_rule,
        .epoch = auction->epoch,
        .closed_at_s = auction->closed_at_s,
        .commitments = (uint16_t)auction->entry_count,
        .commitments_digest = clearing_ids_digest(CLEARING_COMMITMENTS, ids, auction->entry_count),
        .listings = (uint16_t)auction->listing_count,
        .listings_digest = listings,
    };
    const struct seal_order order = {.kind = RECORD_AUCTION_CLOSE,
                                     .seq = say_random(core) >> 12 | 1};
    const struct verified_record record = say_seal(core, order, &close);
    const struct bytes sealed = verified_bytes(&record);
    memcpy(auction->close, sealed.data, sealed.length);
    auction->close_length = (uint16_t)sealed.length;
    auction->close_id = *verified_id(&record);
    auction->closed = true;
    auction->open_until = boot_add(core->now.boot, open_window(core));
    for (size_t i = 0; i < auction->entry_count; i++) {
        const struct link_state *link = links_to_peer(core, &auction->entries[i].renter);
        if (link != NULL) {
            say_closed(core, link, auction);
        }
    }
}

/* ---- Opening ---- */

static bool
is_ready(struct core *core, const struct link_state *link, const struct record_id *close)
{
    const struct kept_clearing *kept = auction_kept(core, close);
    if (kept != NULL) {
        auction_say_ready(core, link, kept);
    }
    return kept != NULL;
}

void
auction_take_bid(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct auction_bid bid;
    struct bid body;
    struct auction_entry *entry = NULL;
    if (!collects(core) || verified_body(record, RECORD_BID, &body) != STATUS_OK ||
        is_ready(core, link, &body.close)) {
        return;
    }
    for (size_t i = 0; i < AUCTIONS_MAX && entry == NULL; i++) {
        struct auction *auction = &core->batch->auctions[i];
        if (auction->used && auction->closed && record_id_equal(&auction->close_id, &body.close)) {
            entry = entry_of(auction, &body.commitment);
        }
    }
    if (entry == NULL || !peer_id_equal(&entry->renter, &link->peer) ||
        verified_bytes(record).length > sizeof entry->bid_bytes) {
        refuse(core, link, verified_id(record), "the epoch of this bid is over");
        return;
    }
    if (clearing_read_bid(&entry->renter, &entry->body, &body, &bid) != STATUS_OK) {
        refuse(core, link, verified_id(record), "the bid is not what its commitment promised");
        return;
    }
    if (entry->is_open) {
        return; /* said twice: the first one stands */
    }
    const struct bytes sealed = verified_bytes(record);
    entry->is_open = true;
    entry->bid_id = *verified_id(record);
    entry->bid_length = (uint16_t)sealed.length;
    memcpy(entry->bid_bytes, sealed.data, sealed.length);
}

/* ---- Clearing ---- */

/* Our own copy of what was verified when it came. */
static bool
read_parts(struct core *core, const struct auction *auction, struct record_id ret_bids[])
{
    struct clearing_book *book = &core->batch->book;
    struct record_id nonces[AUCTION_BIDS_MAX];
    struct record_view view;
    size_t offset = 0;
    book->bid_count = 0;
    for (size_t i = 0; i < auction->entry_count; i++) {
        const struct auction_entry *entry = &auction->entries[i];
        struct bid body;
        if (!entry->is_open) {
            continue;
        }
        if (record_parse(bytes_of(entry->bid_bytes, entry->bid_length), &core->options.network,
                         &view) != STATUS_OK ||
            codec_decode(&bid_schema, view.envelope.body, &body) != STATUS_OK ||
            clearing_read_bid(&entry->renter, &entry->body, &body, &book->bids[book->bid_count]) !=
                STATUS_OK) {
            return false;
        }
        nonces[book->bid_count] = book->bids[book->bid_count].nonce;
        ret_bids[book->bid_count] = entry->bid_id;
        book->bid_count++;
    }
    book->listing_count = 0;
    for (size_t i = 0; i < auction->listing_count; i++) {
        struct auction_listing *listing = &book->listings[i];
        const size_t length = auction->listing_lengths[i];
        if (record_parse(bytes_of(auction->listings + offset, length), &core->options.network,
                         &view) != STATUS_OK ||
            codec_decode(&listing_schema, view.envelope.body, &listing->body) != STATUS_OK) {
            return false;
        }
        listing->host = view.envelope.author;
        listing->id = view.id;
        listing->expires_s = view.envelope.issued_at_s + view.envelope.ttl_s;
        offset += length;
        book->listing_count++;
    }
    book->seed = clearing_seed(&auction->close_id, nonces, book->bid_count);
    return true;
}

static bool
compute(struct core *core, const struct auction *auction, struct auction_outcome *ret_outcome)
{
    struct batch *batch = core->batch;
    const struct auction_book orders = {.rows = batch->rows,
                                        .row_count = batch->book.listing_count,
                                        .bids = batch->book.bids,
                                        .bid_count = batch->book.bid_count,
                                        .seed = batch->book.seed,
                                        .now_s = auction->closed_at_s,
                                        .work = auction->work,
                                        .pricing = (enum auction_rule)core->options.auction_rule};
    auction_rows(batch->book.listings, batch->book.listing_count, batch->rows);
    return auction_clear(batch->work, &orders, ret_outcome) == STATUS_OK;
}

/* Publishes the clearing's record, and returns it. */
static struct verified_record
publish(struct core *core, const struct auction *auction, const struct auction_outcome *outcome,
        const struct record_id bids[], struct bytes fills)
{
    const uint32_t market = auction_market_number(auction->work, auction->region);
    struct clearing_record clearing = {
        .close = auction->close_id,
        .bids = (uint16_t)core->batch->book.bid_count,
        .bids_digest = clearing_ids_digest(CLEARING_BIDS, bids, core->batch->book.bid_count),
        .fills_digest = clearing_fills_digest(fills),
        .units = outcome->units,
        .fills = (uint16_t)outcome->fill_count,
    };
    if (amount_of_micro((int64_t)outcome->price_uusd, &clearing.price_uusd_per_hour) != STATUS_OK ||
        amount_of_micro((int64_t)outcome->surplus_uusd, &clearing.surplus_uusd_per_hour) !=
            STATUS_OK) {
        say_log(core, LOG_WARNING, "a clearing's sums are too large to be told");
    }
    const struct seal_order order = {.kind = RECORD_CLEARING,
                                     .detail = market,
                                     .ttl_s = CLEARING_TTL_S,
                                     .seq = say_next_seq(core, RECORD_CLEARING, market)};
    const struct verified_record record = say_seal(core, order, &clearing);
    gossip_publish(core, &record);
    return record;
}

/* Listings in pages, encoded one after the other. */
static bool
write_pages(struct batch *batch, const struct auction *auction, struct bytes_list *ret_pages)
{
    struct clearing_page page = {.listings = {.count = 0}};
    struct buffer buffer;
    size_t offset = 0;
    buffer_init(&buffer, batch->pages, sizeof batch->pages);
    ret_pages->count = 0;
    for (size_t i = 0; i < auction->listing_count; i++) {
        page.listings.items[page.listings.count++] =
            bytes_of(auction->listings + offset, auction->listing_lengths[i]);
        offset += auction->listing_lengths[i];
        if (i + 1 < auction->listing_count && page.listings.count < LIST_ITEMS_MAX / 4) {
            continue; /* a quarter of what a list may hold is at most 32 KiB */
        }
        const size_t start = buffer.length;
        if (codec_encode(&clearing_page_schema, &page, &buffer) != STATUS_OK) {
            return false;
        }
        ret_pages->items[ret_pages->count++] =
            bytes_of(batch->pages + start, buffer.length - start);
        page.listings.count = 0;
    }
    return true;
}

static bool
write_file(struct core *core, const struct auction *auction, struct bytes clearing,
           struct bytes fills, struct buffer *file_buffer)
{
    struct clearing_file file = {.network = core->options.network,
                                 .clearing = clearing,
                                 .close = bytes_of(auction->close, auction->close_length),
                                 .fills = fills};
    for (size_t i = 0; i < auction->entry_count; i++) {
        const struct auction_entry *entry = &auction->entries[i];
        file.commitments.items[file.commitments.count++] = bytes_of(entry->bytes, entry->length);
        if (entry->is_open) {
            file.bids.items[file.bids.count++] = bytes_of(entry->bid_bytes, entry->bid_length);
        }
    }
    return write_pages(core->batch, auction, &file.listings) &&
           codec_encode(&clearing_file_schema, &file, file_buffer) == STATUS_OK;
}

static void
say_cleared(struct core *core, const struct auction *auction, const struct kept_clearing *kept)
{
    for (size_t i = 0; i < auction->entry_count; i++) {
        const struct link_state *link = links_to_peer(core, &auction->entries[i].renter);
        if (link != NULL && auction->entries[i].is_open) {
            auction_say_ready(core, link, kept);
        }
    }
}

static void
clear_epoch(struct core *core, struct auction *auction)
{
    struct record_id bids[AUCTION_BIDS_MAX];
    struct auction_outcome outcome;
    struct buffer fills;
    struct buffer file;
    buffer_init(&fills, core->batch->fills, sizeof core->batch->fills);
    if (!read_parts(core, auction, bids) || !compute(core, auction, &outcome)) {
        say_log(core, LOG_ERROR, "an epoch of the batch lane cannot be cleared");
        return;
    }
    auction_write_fills(&outcome, &fills);
    const struct verified_record record =
        publish(core, auction, &outcome, bids, buffer_bytes(&fills));
    struct kept_clearing *kept = auction_keep(core);
    buffer_init(&file, kept->bytes, sizeof kept->bytes);
    if (!write_file(core, auction, verified_bytes(&record), buffer_bytes(&fills), &file) ||
        verified_body(&record, RECORD_CLEARING, &kept->record) != STATUS_OK) {
        say_log(core, LOG_ERROR, "the file of a clearing cannot be written");
        kept->used = false;
        return;
    }
    struct record_view close;
    if (record_parse(bytes_of(auction->close, auction->close_length), &core->options.network,
                     &close) != STATUS_OK ||
        codec_decode(&auction_close_schema, close.envelope.body, &kept->end) != STATUS_OK) {
        kept->used = false;
        return;
    }
    kept->length = (uint32_t)file.length;
    kept->close = auction->close_id;
    kept->id = *verified_id(&record);
    kept->auctioneer = core->options.keypair.identity;
    say_log(core, LOG_INFO, "an epoch is cleared: %zu bids, %zu listings, %zu fills",
            core->batch->book.bid_count, core->batch->book.listing_count, outcome.fill_count);
    say_cleared(core, auction, kept);
}

static bool
all_are_open(const struct auction *auction)
{
    for (size_t i = 0; i < auction->entry_count; i++) {
        if (!auction->entries[i].is_open) {
            return false;
        }
    }
    return true;
}

void
auction_tick(struct core *core)
{
    for (size_t i = 0; collects(core) && i < AUCTIONS_MAX; i++) {
        struct auction *auction = &core->batch->auctions[i];
        if (!auction->used || !say_has_room(core)) {
            continue;
        }
        if (!auction->closed && core_is_due(core, auction->ends_at)) {
            close_epoch(core, auction);
        } else if (auction->closed &&
                   (core_is_due(core, auction->open_until) || all_are_open(auction))) {
            clear_epoch(core, auction);
            auction->used = false;
        }
    }
}
