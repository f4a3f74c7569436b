#include "node/core/find.h"

#include <string.h>

#include "node/core/avoid.h"
#include "node/core/reputation.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { NEAR_MAX = 64, FAR_MAX = 1024 };

bool
find_listing(const struct core *core, const struct shelf_entry *entry, struct listing *ret_listing)
{
    if (entry->record_kind != RECORD_LISTING || entry->length <= SIGNATURE_LENGTH) {
        return false;
    }
    /* It was parsed and verified when it came: here it is only read. */
    struct bytes encoded = shelf_bytes(&core->shelf, entry);
    encoded.length -= SIGNATURE_LENGTH;
    struct envelope envelope;
    return codec_decode(&envelope_schema, encoded, &envelope) == STATUS_OK &&
           codec_decode(&listing_schema, envelope.body, ret_listing) == STATUS_OK;
}

void
find_note(struct core *core, const struct shelf_entry *entry, const struct envelope *envelope)
{
    struct listing listing;
    struct market_row row;
    const char *why = "";
    if (envelope->kind != RECORD_LISTING ||
        codec_decode(&listing_schema, envelope->body, &listing) != STATUS_OK) {
        return;
    }
    const struct listing_facts facts = {.host = &entry->author,
                                        .expires_s = entry->expires_at_s,
                                        .reliability_bp = reputation_of(core, &entry->author)};
    enum status status = listing_check(&listing, &why);
    if (status == STATUS_OK && listing.interval_s > INTERVAL_S) {
        why = "its interval is more than a renter should risk";
        status = STATUS_OUT_OF_RANGE;
    }
    if (status == STATUS_OK) {
        why = "its figures are outside the book's limits";
        status = market_row_make(&listing, &facts, &row);
    }
    if (status == STATUS_OK) {
        why = "the book is full";
        status = book_put(core->book, &row);
    }
    if (status != STATUS_OK) {
        core->records_refused++;
        say_log(core, LOG_DEBUG, "a listing is kept out of the book: %s", why);
    }
}

void
find_forget(struct core *core, const struct shelf_entry *entry)
{
    if (entry->record_kind == RECORD_LISTING && entry->detail < UINT16_MAX &&
        book_withdraw(core->book, &entry->author, (uint16_t)entry->detail) != STATUS_OK) {
        return; /* it was kept out */
    }
}

bool
find_resolve(struct core *core, const struct offer *offer, const struct request *request,
             struct found *ret_found)
{
    const struct shelf_entry *entry =
        shelf_find_short(&core->shelf, offer->host.bytes, RECORD_LISTING, offer->slot_group);
    struct found found = {.offer = *offer};
    if (entry == NULL || !find_listing(core, entry, &found.body)) {
        return false;
    }
    found.host = entry->author;
    found.listing = entry->id;
    found.issued_at_s = entry->issued_at_s;
    found.expires_at_s = entry->expires_at_s;
    if (amount_of_micro((int64_t)offer->ask_uusd_per_hour, &found.ask_uusd_per_hour) != STATUS_OK ||
        offer_total(offer, request->count, request->duration_s, &found.total_uusd) != STATUS_OK) {
        return false;
    }
    *ret_found = found;
    return true;
}

static bool
is_wanted(const struct pick_order *order, const struct found *found)
{
    for (size_t i = 0; i < order->tried_count; i++) {
        if (record_id_equal(&found->listing, &order->tried[i])) {
            return false;
        }
    }
    return order->only.length == 0 ||
           id_has_prefix(found->listing.bytes, (const char *)order->only.data, order->only.length);
}

/* Goes through the offers that `limit` allows; STATUS_BUSY with the first one of a host that is avoided,
 * when there is no other; STATUS_LIMIT when there may be more. With `spread`, in the order in which a request takes
 * near-equal ones; else from the best down. */
static enum status
pick_among(struct core *core, const struct pick_order *order, size_t limit, struct found *ret_found)
{
    const bool spread = limit == NEAR_MAX;
    const struct filter filter = filter_compile(order->request, (uint64_t)core->now.wall.ms / 1000);
    struct effects *effects = core->effects;
    const size_t used = effects->arena_used;
    struct offer *offers = effects_take(effects, limit * sizeof *offers);
    effects->arena_used = used; /* needed no longer than this call, which takes nothing else */
    size_t count = match_top(core->book, &filter, order->seed, limit, offers);
    const bool is_all = count < limit;
    enum status status = STATUS_NOT_FOUND;
    for (size_t next = 0; next < count;) {
        const size_t pick = spread ? match_pick(offers, count, order->seed) : next;
        struct found found;
        if (find_resolve(core, &offers[pick], order->request, &found) &&
            !peer_id_equal(&found.host, &core->options.keypair.identity) &&
            is_wanted(order, &found)) {
            if (order->only.length > 0 || !avoid_has(core, &found.host)) {
                *ret_found = found;
                return STATUS_OK;
            }
            if (status != STATUS_BUSY) {
                *ret_found = found; /* better than none */
            }
            status = STATUS_BUSY;
        }
        if (spread) {
            memmove(&offers[pick], &offers[pick + 1], (count - pick - 1) * sizeof offers[0]);
            count--;
        } else {
            next++;
        }
    }
    return status == STATUS_NOT_FOUND && !is_all ? STATUS_LIMIT : status;
}

enum status
find_pick(struct core *core, const struct pick_order *order, struct found *ret_found)
{
    /* One listing that is named may stand anywhere in the order. */
    if (order->only.length > 0) {
        const enum status status = pick_among(core, order, MATCH_OFFERS_MAX, ret_found);
        return status == STATUS_LIMIT ? STATUS_NOT_FOUND : status;
    }
    enum status status = pick_among(core, order, NEAR_MAX, ret_found);
    if (status == STATUS_BUSY || status == STATUS_LIMIT) {
        /* Whoever fills the top with cheap offers that lead nowhere hides the others only so far. */
        status = pick_among(core, order, FAR_MAX, ret_found);
    }
    return status == STATUS_BUSY ? STATUS_OK : status == STATUS_LIMIT ? STATUS_NOT_FOUND : status;
}
