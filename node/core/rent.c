#include <stdio.h>
#include <string.h>

#include "node/core/avoid.h"
#include "node/core/find.h"
#include "node/core/gang.h"
#include "node/core/gossip.h"
#include "node/core/ledger.h"
#include "node/core/listing.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/search.h"
#include "protocol/codec.h"
#include "protocol/price.h"

enum { DIAL_WAIT_MS = 3000, RETRY_MS = 1000, STANDING_RETRY_MS = 60000, TRIES_MAX = 16 };

struct rent *
rent_of(struct core *core, struct client client)
{
    for (size_t i = 0; i < RENTS_MAX; i++) {
        if (core->rents[i].used && core->rents[i].client.number == client.number) {
            return &core->rents[i];
        }
    }
    return NULL;
}

void
rent_over(struct rent *rent)
{
    memset(rent->start, 0, rent->start_length);
    rent->start_length = 0;
    rent->used = false;
}

static struct pick_order
order_of(const struct rent *rent)
{
    return (struct pick_order){.request = &rent->request,
                               .seed = rent->serial,
                               .tried = rent->tried,
                               .tried_count = rent->tried_count,
                               .only = bytes_of(rent->only, rent->only_length)};
}

/* Hosts offer to a standing request; it looks around itself in case that none does. */
static struct duration
retry_after(const struct rent *rent)
{
    return duration_of_ms((rent->client.number & STANDING_CLIENT) != 0 ? STANDING_RETRY_MS
                                                                       : RETRY_MS);
}

static void
give_up(struct core *core, struct rent *rent)
{
    if (rent->tried_count == 0) {
        search_explain(core, rent->client, &rent->request);
        say_done(core, rent->client, STATUS_NOT_FOUND,
                 "no offer fits; the lines above say which limits are in the way");
    } else {
        const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
        if (rent->free_at_s > now_s) {
            say_done(core, rent->client, STATUS_BUSY,
                     "all %u fitting offers were tried; the last one: %s; the next slot frees up "
                     "in %llu s at the latest: give --wait",
                     rent->tried_count, rent->last_why,
                     (unsigned long long)(rent->free_at_s - now_s));
        } else {
            say_done(core, rent->client, STATUS_BUSY,
                     "all %u fitting offers were tried; the last one: %s", rent->tried_count,
                     rent->last_why);
        }
    }
    rent_over(rent);
}

static void
dial_first(struct core *core, struct rent *rent, const struct found *found)
{
    rent->dialling = true;
    rent->dial_until = boot_add(core->now.boot, duration_of_ms(DIAL_WAIT_MS));
    if (!peers_call(core, &found->host)) {
        rent->dialling = false;
        avoid_note(core, &found->host, AVOID_SILENT);
        rent_next(core, rent->client, "its host cannot be reached", 0);
    }
}

void
rent_takes(struct rent *rent, const struct found *found)
{
    rent->waiting = false;
    if (rent->tried_count < TRIES_MAX) {
        rent->tried[rent->tried_count] = found->listing;
        rent->tried_count++;
    }
    rent->listing = found->listing;
    rent->host = found->host;
}

static void
try_best(struct core *core, struct rent *rent)
{
    struct found found;
    const struct pick_order order = order_of(rent);
    if (rent->tried_count >= TRIES_MAX || find_pick(core, &order, &found) != STATUS_OK) {
        if (core_is_due(core, rent->give_up_at)) {
            give_up(core, rent);
            return;
        }
        rent->waiting = true;
        rent->next_try_at = boot_add(core->now.boot, retry_after(rent));
        return;
    }
    const char *why = "the books are full: they hold no more peers";
    if (!record_id_is_zero(&rent->clearing) &&
        price_charge(rent->cleared_uusd_per_hour, rent->request.count,
                     rent->request.duration_s * 1000ull, &found.total_uusd) != STATUS_OK) {
        rent_over(rent);
        return;
    }
    if (!ledger_has_room(core, &found.host) ||
        ledger_may_spend(core, found.total_uusd, &why) != STATUS_OK) {
        say_done(core, rent->client, STATUS_LIMIT, "%s", why);
        rent_over(rent);
        return;
    }
    rent_takes(rent, &found);
    struct link_state *link = links_to_peer(core, &found.host);
    if (link == NULL) {
        dial_first(core, rent, &found);
    } else {
        hire_hold(core, link, rent, &found.body);
    }
}

void
rent_next(struct core *core, struct client client, const char *why, uint64_t free_at_s)
{
    struct rent *rent = rent_of(core, client);
    if (rent == NULL) {
        return;
    }
    snprintf(rent->last_why, sizeof rent->last_why, "%s", why);
    if (free_at_s != 0 && (rent->free_at_s == 0 || free_at_s < rent->free_at_s)) {
        rent->free_at_s = free_at_s;
    }
    say_note(core, client, NOTE_PROGRESS, "not this one: %s", why);
    rent->waiting = true; /* the next tick tries: no recursion, however many refuse at once */
    rent->next_try_at = core->now.boot;
    core->tick_at = core->now.boot;
}

bool
rent_try_again(struct core *core, struct client client, uint32_t wait_ms)
{
    enum { WAIT_MS_MAX = 3000, SECOND_TRIES_MAX = 8 };
    struct rent *rent = rent_of(core, client);
    if (rent == NULL || rent->tried_count == 0 || wait_ms == 0 || wait_ms > WAIT_MS_MAX ||
        rent->second_tries >= SECOND_TRIES_MAX) {
        return false;
    }
    rent->second_tries++;
    rent->tried_count--;
    rent->next_try_at = boot_add(core->now.boot, duration_of_ms(wait_ms));
    return true;
}

/* START without lease and voucher, which are not known yet. */
static bool
keep_start(struct rent *rent, const struct control_rent *ask)
{
    const struct start_message start = {
        .voucher = bytes_of_text("-"), /* never empty on the wire; the real one takes its place */
        .attached = ask->attached,
        .input = ask->input,
        .memory_mib = ask->memory_mib,
        .arguments = ask->arguments,
        .environment = ask->environment,
    };
    struct buffer buffer;
    buffer_init(&buffer, rent->start, sizeof rent->start - RECORD_BYTES_MAX);
    if (codec_encode(&start_message_schema, &start, &buffer) != STATUS_OK) {
        return false;
    }
    rent->start_length = (uint32_t)buffer.length;
    return true;
}

static struct rent *
free_rent(struct core *core)
{
    for (size_t i = 0; i < RENTS_MAX; i++) {
        if (!core->rents[i].used) {
            return &core->rents[i];
        }
    }
    return NULL;
}

static void
dry_run(struct core *core, struct client client, const struct request *request,
        const struct control_rent *ask)
{
    struct found found;
    const char *why;
    const struct pick_order order = {
        .request = request, .seed = core->rent_serial + 1, .only = ask->listing_prefix};
    if (find_pick(core, &order, &found) != STATUS_OK) {
        search_explain(core, client, request);
        say_done(core, client, STATUS_NOT_FOUND,
                 "no offer fits; the lines above say which limits are in the way");
        return;
    }
    const struct shown_offer shown = {.found = &found, .request = request, .rank = 1, .pick = true};
    search_say_offer(core, client, &shown);
    if (ledger_may_spend(core, found.total_uusd, &why) != STATUS_OK) {
        say_done(core, client, STATUS_LIMIT, "%s", why);
        return;
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

/* The request inside; false when it was refused, with the reason told. */
static bool
read_request(struct core *core, struct client asker, const struct control_rent *ask,
             struct request *ret_request)
{
    const char *why = "";
    if (codec_decode(&request_schema, ask->request, ret_request) != STATUS_OK ||
        request_check(ret_request, &why) != STATUS_OK) {
        say_done(core, asker, STATUS_BAD_INPUT, "the request cannot be read: %s", why);
        return false;
    }
    if (ret_request->image.length > 0) {
        say_done(core, asker, STATUS_UNAVAILABLE,
                 "hosts run commands of their own system for now; leave out --image");
        return false;
    }
    return true;
}

static void
fill_rent(struct rent *rent, const struct control_rent *ask, const struct request *request)
{
    memset(rent, 0, offsetof(struct rent, start));
    rent->request = *request;
    rent->request.image = bytes_of(NULL, 0);
    rent->attached = ask->attached;
    rent->prepay_s = ask->prepay_s;
    rent->only_length =
        (uint8_t)(ask->listing_prefix.length < sizeof rent->only ? ask->listing_prefix.length
                                                                 : sizeof rent->only);
    if (rent->only_length > 0) {
        memcpy(rent->only, ask->listing_prefix.data, rent->only_length);
    }
}

bool
rent_take(struct core *core, struct client client, struct client asker,
          const struct control_rent *ask)
{
    struct request request;
    if (!read_request(core, asker, ask, &request)) {
        return false;
    }
    if (request.hosts > 1) {
        return gang_take(core, client, asker, ask, &request);
    }
    struct rent *rent = rent_of(core, client) == NULL ? free_rent(core) : NULL;
    if (rent == NULL || core->space != DISK_NORMAL) {
        say_done(core, asker, rent == NULL ? STATUS_LIMIT : STATUS_DISK_FULL,
                 rent == NULL ? "too many rents are under way here"
                              : "the disk is full; free some space first");
        return false;
    }
    fill_rent(rent, ask, &request);
    rent->client = client;
    rent->give_up_at = boot_add(core->now.boot, duration_of_s(ask->wait_s));
    core->rent_serial++;
    rent->serial = core->rent_serial;
    if (!keep_start(rent, ask)) {
        say_done(core, asker, STATUS_LIMIT, "command and environment are over 32 KiB");
        return false;
    }
    rent->used = true;
    try_best(core, rent);
    return true;
}

void
rent_take_cleared(struct core *core, struct client client, const struct control_rent *ask,
                  const struct cleared_part *part)
{
    enum { PART_WAIT_S = 15 };
    char hex[ID_HEX_SIZE];
    struct control_rent part_ask = *ask;
    struct request request;
    struct amount price;
    struct rent *rent = rent_of(core, client) == NULL ? free_rent(core) : NULL;
    if (rent == NULL || core->space != DISK_NORMAL ||
        codec_decode(&request_schema, ask->request, &request) != STATUS_OK ||
        amount_of_micro((int64_t)part->price_uusd_per_hour, &price) != STATUS_OK) {
        return;
    }
    id_to_hex(part->listing.bytes, hex);
    part_ask.listing_prefix = bytes_of_text(hex);
    part_ask.attached = false;
    part_ask.input = false;
    request.count = part->slots;
    fill_rent(rent, &part_ask, &request);
    rent->client = client;
    rent->clearing = part->clearing;
    rent->cleared_uusd_per_hour = price;
    rent->give_up_at = boot_add(core->now.boot, duration_of_s(PART_WAIT_S));
    core->rent_serial++;
    rent->serial = core->rent_serial;
    if (keep_start(rent, &part_ask)) {
        rent->used = true;
        try_best(core, rent);
    }
}

void
rent_begin(struct core *core, struct client client, const struct control_rent *ask)
{
    struct request request;
    if (!ask->dry_run) {
        (void)rent_take(core, client, client, ask);
    } else if (!read_request(core, client, ask, &request)) {
        return;
    } else if (request.hosts > 1) {
        gang_dry_run(core, client, &request);
    } else {
        dry_run(core, client, &request, ask);
    }
}

void
rent_peer_up(struct core *core, const struct peer_id *peer)
{
    for (size_t i = 0; i < RENTS_MAX; i++) {
        struct rent *rent = &core->rents[i];
        if (rent->used && rent->dialling && peer_id_equal(&rent->host, peer) &&
            say_has_room(core)) {
            rent->dialling = false;
            rent->tried_count--; /* the same again, now over a link */
            try_best(core, rent);
        }
    }
}

void
rent_client_gone(struct core *core, struct client client)
{
    struct rent *rent = rent_of(core, client);
    if (rent != NULL) {
        rent_over(rent);
    }
    gang_client_gone(core, client);
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used || lease->client.number != client.number || client.number == 0) {
            continue;
        }
        lease->client = (struct client){0};
        lease->reader_gone = true;
        lease->reader_gone_at = core->now.boot;
        if (lease->row.state < LEASE_STARTING) {
            renter_end(core, lease); /* nobody waits for it any more */
        }
    }
}

void
rent_tick(struct core *core)
{
    for (size_t i = 0; i < RENTS_MAX; i++) {
        struct rent *rent = &core->rents[i];
        if (!rent->used || !say_has_room(core)) {
            continue;
        }
        if (rent->dialling && links_to_peer(core, &rent->host) != NULL) {
            rent_peer_up(core, &rent->host); /* it came up when there was no room */
            continue;
        }
        if (rent->dialling && core_is_due(core, rent->dial_until)) {
            rent->dialling = false;
            avoid_note(core, &rent->host, AVOID_SILENT);
            rent_next(core, rent->client, "its host did not answer", 0);
        }
        if (rent->waiting && core_is_due(core, rent->next_try_at)) {
            const struct pick_order order = order_of(rent);
            struct found found;
            if (rent->tried_count > 0 && !core_is_due(core, rent->give_up_at) &&
                (rent->tried_count >= TRIES_MAX || find_pick(core, &order, &found) != STATUS_OK)) {
                rent->tried_count = 0; /* with time left, begin again from the best */
                rent->next_try_at = boot_add(core->now.boot, retry_after(rent));
                continue;
            }
            try_best(core, rent);
        }
    }
}
