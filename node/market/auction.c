#include "node/market/auction.h"

#include <stdlib.h>
#include <string.h>

#include "node/market/auction_work.h"
#include "node/market/offer.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"

struct auction_work *
auction_new(void)
{
    struct auction_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        return NULL;
    }
    work->clear = clear_new(AUCTION_ASKS_MAX, AUCTION_BIDS_MAX);
    if (work->clear == NULL) {
        auction_free(work);
        return NULL;
    }
    return work;
}

void
auction_free(struct auction_work *work)
{
    if (work != NULL) {
        clear_free(work->clear);
        free(work);
    }
}

void
auction_rows(const struct auction_listing *listings, size_t count, struct market_row *ret_rows)
{
    for (size_t i = 0; i < count; i++) {
        const struct listing_facts facts = {.host = &listings[i].host,
                                            .expires_s = listings[i].expires_s,
                                            .reliability_bp = RELIABILITY_BP_MAX};
        const struct listing *body = &listings[i].body;
        if (listing_check(body, NULL) != STATUS_OK || body->interval_s > INTERVAL_S ||
            market_row_make(body, &facts, &ret_rows[i]) != STATUS_OK) {
            ret_rows[i] = (struct market_row){.host = host_key_of(&listings[i].host),
                                              .slot_group = (uint8_t)body->slot_group};
        }
    }
}

uint32_t
auction_paid(uint64_t price_uusd, uint8_t work, const struct market_row *row)
{
    const uint32_t unit = gpu_unit((enum work)work, row->fp16_gflops, row->bandwidth_mb_s);
    return price_uusd == 0 ? row->ask_uusd_per_hour : (uint32_t)price_of_unit(price_uusd, unit);
}

static void
append_number(struct buffer *buffer, uint16_t number)
{
    buffer_append_byte(buffer, (uint8_t)(number >> 8));
    buffer_append_byte(buffer, (uint8_t)number);
}

void
auction_write_fills(const struct auction_outcome *outcome, struct buffer *buffer)
{
    for (size_t i = 0; i < outcome->fill_count; i++) {
        append_number(buffer, outcome->fills[i].bid);
        append_number(buffer, outcome->fills[i].row);
        append_number(buffer, outcome->fills[i].slots);
    }
}

/* ---- The order of equals: by the seed, then by name, never by the place in the book ---- */

static bool
place_goes_after(const struct auction_place *a, const struct auction_place *b)
{
    if (a->spread != b->spread) {
        return a->spread > b->spread;
    }
    const int by_name = host_key_compare(&a->name, &b->name);
    return by_name != 0 ? by_name > 0 : a->group > b->group;
}

/* By insertion: at most some hundred. */
static void
sort_places(struct auction_place *places, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct auction_place place = places[i];
        size_t at = i;
        while (at > 0 && place_goes_after(&places[at - 1], &place)) {
            places[at] = places[at - 1];
            at--;
        }
        places[at] = place;
    }
}

static void
order_rows(struct auction_work *work, const struct auction_book *book)
{
    for (size_t i = 0; i < book->row_count; i++) {
        const struct market_row *row = &book->rows[i];
        work->rows[i] =
            (struct auction_place){.spread = offer_spread(book->seed, &row->host, row->slot_group),
                                   .name = row->host,
                                   .group = row->slot_group,
                                   .place = (uint16_t)i};
    }
    sort_places(work->rows, book->row_count);
}

static void
order_bids(struct auction_work *work, const struct auction_book *book)
{
    for (size_t i = 0; i < book->bid_count; i++) {
        struct auction_place place = {.group = 0, .place = (uint16_t)i};
        memcpy(place.name.bytes, book->bids[i].commitment.bytes, HOST_KEY_LENGTH);
        place.spread = offer_spread(book->seed, &place.name, 0);
        work->bids[i] = place;
    }
    sort_places(work->bids, book->bid_count);
}

/* ---- Orders ---- */

static void
make_ask(struct auction_work *work, const struct auction_book *book, size_t at)
{
    const struct market_row *row = &book->rows[work->rows[at].place];
    const bool is_offered = row->ask_uusd_per_hour > 0;
    work->asks[at] = (struct clear_ask){
        .ask_uusd_per_hour = row->ask_uusd_per_hour,
        .unit = gpu_unit((enum work)book->work, row->fp16_gflops, row->bandwidth_mb_s),
        .vram_mib = row->vram_mib,
        .slots = is_offered ? row->slots_total : 0,
    };
}

static bool
is_avoided(const struct auction_bid *bid, const struct host_key *host)
{
    const struct host_key own = host_key_of(&bid->renter);
    if (host_key_compare(&own, host) == 0) {
        return true; /* nobody rents from itself */
    }
    for (size_t i = 0; i < bid->avoid_count; i++) {
        const struct host_key avoided = host_key_of(&bid->avoid[i]);
        if (host_key_compare(&avoided, host) == 0) {
            return true;
        }
    }
    return false;
}

/* A bid that is void wants nothing; else the rows that it fits are marked. */
static void
make_bid(struct auction_work *work, const struct auction_book *book, size_t at)
{
    const struct auction_bid *bid = &book->bids[work->bids[at].place];
    const struct request *request = &bid->request;
    work->orders[at] = (struct clear_bid){.count = 1};
    if (request->work != book->work ||
        auction_bid_check(request, bid->units_wanted, bid->units_min, NULL) != STATUS_OK) {
        return;
    }
    work->orders[at] = (struct clear_bid){
        .bid_uusd = (uint64_t)amount_micro(request->unit_max_uusd_per_hour),
        .units_wanted = bid->units_wanted,
        .units_min = bid->units_min,
        .vram_min_mib = request->vram_min_mib,
        .count = request->count,
    };
    const struct filter filter = filter_compile(request, book->now_s);
    const size_t words = clear_fit_words(book->bid_count);
    for (size_t i = 0; i < book->row_count; i++) {
        const struct market_row *row = &book->rows[work->rows[i].place];
        if (filter_fits(&filter, row) && !is_avoided(bid, &row->host)) {
            work->fits[i * words + at / 64] |= UINT64_C(1) << at % 64;
        }
    }
}

/* ---- The outcome ---- */

static bool
fill_goes_after(const struct auction_fill *a, const struct auction_fill *b)
{
    return a->bid != b->bid ? a->bid > b->bid : a->row > b->row;
}

/* One fill for each pair, by bid and row. */
static void
add_fill(struct auction_work *work, struct auction_outcome *outcome, struct auction_fill fill)
{
    size_t at = outcome->fill_count;
    while (at > 0 && fill_goes_after(&work->fills[at - 1], &fill)) {
        at--;
    }
    if (at > 0 && work->fills[at - 1].bid == fill.bid && work->fills[at - 1].row == fill.row) {
        work->fills[at - 1].slots = (uint16_t)(work->fills[at - 1].slots + fill.slots);
        return;
    }
    memmove(&work->fills[at + 1], &work->fills[at],
            (outcome->fill_count - at) * sizeof work->fills[0]);
    work->fills[at] = fill;
    outcome->fill_count++;
}

static void
make_outcome(struct auction_work *work, const struct auction_book *book,
             const struct clear_result *result, struct auction_outcome *ret_outcome)
{
    struct auction_outcome outcome = {
        .fills = work->fills, .price_uusd = result->price_uusd, .rule = result->rule};
    for (size_t i = 0; i < result->fill_count; i++) {
        const struct clear_fill *fill = &result->fills[i];
        const struct market_row *row = &book->rows[work->rows[fill->ask].place];
        const uint32_t unit = work->asks[fill->ask].unit;
        const int64_t value = price_of_unit(work->orders[fill->bid].bid_uusd, unit);
        outcome.units += (uint64_t)fill->slots * unit;
        outcome.surplus_uusd += (uint64_t)(value - row->ask_uusd_per_hour) * fill->slots;
        const struct auction_fill named = {.bid = work->bids[fill->bid].place,
                                           .row = work->rows[fill->ask].place,
                                           .slots = fill->slots,
                                           .paid_uusd_per_hour =
                                               auction_paid(outcome.price_uusd, book->work, row)};
        add_fill(work, &outcome, named);
    }
    *ret_outcome = outcome;
}

enum status
auction_clear(struct auction_work *work, const struct auction_book *book,
              struct auction_outcome *ret_outcome)
{
    if (book->row_count > AUCTION_ASKS_MAX || book->bid_count > AUCTION_BIDS_MAX) {
        return STATUS_LIMIT;
    }
    const struct clear_orders orders = {.asks = work->asks,
                                        .ask_count = book->row_count,
                                        .bids = work->orders,
                                        .bid_count = book->bid_count,
                                        .fits = work->fits};
    struct clear_result result;
    order_rows(work, book);
    order_bids(work, book);
    memset(work->fits, 0, sizeof work->fits);
    for (size_t i = 0; i < book->row_count; i++) {
        make_ask(work, book, i);
    }
    for (size_t i = 0; i < book->bid_count; i++) {
        make_bid(work, book, i);
    }
    enum status status = clear_market(work->clear, &orders, &result);
    if (status == STATUS_OK && book->pricing == AUCTION_REDUCED) {
        status = auction_reduce(work, &orders, &result);
    }
    if (status == STATUS_OK) {
        make_outcome(work, book, &result, ret_outcome);
    }
    return status;
}
