#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "node/core/auction.h"
#include "node/core/avoid.h"
#include "node/core/find.h"
#include "node/core/gang.h"
#include "node/core/gossip.h"
#include "node/core/ledger.h"
#include "node/core/listing.h"
#include "node/core/occupancy.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/standing.h"
#include "protocol/codec.h"
#include "protocol/price.h"

enum { HOLD_WAIT_MS = 4000, REPEAT_MS = 1000 };

static void
note_label(struct lease *lease, struct bytes name)
{
    const size_t length = name.length < LABEL_SIZE ? name.length : LABEL_SIZE - 1;
    memcpy(lease->label_text, name.data, length);
    lease->row.label = bytes_of(lease->label_text, length);
}

/* The price that was shown, or that the clearing has given. */
static struct amount
price_of(const struct hold_order *asked)
{
    return record_id_is_zero(&asked->clearing)
               ? listing_price(asked->body, asked->request->interruptible)
               : asked->cleared_uusd_per_hour;
}

struct lease *
hire_expect(struct core *core, const struct link_state *link, const struct hold_order *asked,
            const struct record_id *hold)
{
    struct lease *lease = lease_new(core, false, hold);
    if (lease == NULL) {
        return NULL;
    }
    lease->row.peer = link->peer;
    lease->row.slots = asked->request->count;
    lease->row.slot_group = asked->body->slot_group;
    lease->row.ask_uusd_per_hour = price_of(asked);
    lease->row.duration_s = asked->request->duration_s;
    lease->gang = asked->gang;
    note_label(lease, asked->body->gpu_name);
    lease_set_deadline(core, lease, duration_of_ms(HOLD_WAIT_MS));
    return lease;
}

struct lease *
hire_ask(struct core *core, struct link_state *link, const struct hold_order *asked)
{
    const struct request *request = asked->request;
    const struct hold hold = {
        .host = link->peer,
        .listing = asked->listing,
        .request = record_id_is_zero(&asked->clearing) ? asked->gang : asked->clearing,
        .slots = request->count,
        .duration_s = request->duration_s,
        .ask_max_uusd_per_hour = price_of(asked),
        .interruptible = request->interruptible,
        .work = request->work,
        .ttl_ms = record_id_is_zero(&asked->gang) ? HOLD_TTL_MS : GANG_HOLD_TTL_MS,
    };
    /* The seq makes this hold another than the last one; nobody replaces anything by it. */
    const struct seal_order order = {.kind = RECORD_HOLD, .seq = say_random(core) >> 12 | 1};
    const struct verified_record record = say_seal(core, order, &hold);
    struct lease *lease = hire_expect(core, link, asked, verified_id(&record));
    if (lease != NULL) {
        say_signed(core, link->link, verified_bytes(&record));
    }
    return lease;
}

bool
hire_belongs(struct core *core, struct lease *lease, struct rent *rent)
{
    if (lease == NULL) {
        say_done(core, rent->client, STATUS_LIMIT, "too many leases are open here");
        rent_over(rent);
        return false;
    }
    lease->client = rent->client;
    lease->row.attached = rent->attached;
    lease->prepay_s = rent->prepay_s;
    return true;
}

void
hire_hold(struct core *core, struct link_state *link, struct rent *rent,
          const struct listing *listing)
{
    const struct hold_order asked = {.request = &rent->request,
                                     .listing = rent->listing,
                                     .body = listing,
                                     .clearing = rent->clearing,
                                     .cleared_uusd_per_hour = rent->cleared_uusd_per_hour};
    (void)hire_belongs(core, hire_ask(core, link, &asked), rent);
}

/* What HELD promises must be what was asked, at the price that was shown. */
static bool
terms_are_as_asked(struct core *core, const struct lease *lease, const struct lease_terms *terms,
                   const struct hold_order *asked, struct listing *ret_listing)
{
    struct verified_record listing;
    return peer_id_equal(&terms->host, &lease->row.peer) &&
           peer_id_equal(&terms->renter, &core->options.keypair.identity) &&
           record_id_equal(&terms->hold, &lease->row.hold) &&
           __builtin_popcountll(terms->slot_mask) == lease->row.slots &&
           terms->duration_s == lease->row.duration_s && terms->interval_s > 0 &&
           terms->latest_start_s <= LATEST_START_S &&
           terms->interruptible == asked->request->interruptible &&
           terms->work == asked->request->work &&
           amount_compare(terms->ask_uusd_per_hour, lease->row.ask_uusd_per_hour) <= 0 &&
           record_open(terms->listing, &core->options.network, &listing) == STATUS_OK &&
           peer_id_equal(&verified_envelope(&listing)->author, &lease->row.peer) &&
           record_id_equal(verified_id(&listing), &asked->listing) &&
           verified_body(&listing, RECORD_LISTING, ret_listing) == STATUS_OK &&
           terms->interval_s == ret_listing->interval_s && terms->meter_s == ret_listing->meter_s;
}

static void
fail_hold(struct core *core, const struct link_state *link, struct lease *lease, const char *why)
{
    const struct client client = lease->client;
    const struct cancel_message cancel = {.hold = lease->row.hold};
    say_message(core, link->link, &cancel_message_schema, &cancel);
    lease_apply(core, lease, LEASE_EVENT_LAPSE, LEASE_ACTOR_CLOCK);
    lease_forget(core, lease);
    avoid_note(core, &link->peer, AVOID_LIED);
    rent_next(core, client, why, 0);
}

bool
hire_take_terms(struct core *core, struct lease *lease, const struct held *held,
                const struct hold_order *asked)
{
    struct lease_terms terms;
    struct listing listing;
    if (held->terms.length > TERMS_BYTES_MAX ||
        codec_decode(&lease_terms_schema, held->terms, &terms) != STATUS_OK ||
        !terms_are_as_asked(core, lease, &terms, asked, &listing)) {
        return false;
    }
    struct lease_row *row = &lease->row;
    row->slot_mask = terms.slot_mask;
    row->slot_seq = terms.slot_seq;
    row->ask_uusd_per_hour = terms.ask_uusd_per_hour;
    row->interval_s = terms.interval_s;
    row->meter_s = terms.meter_s;
    row->notice_s = listing.notice_s;
    row->owed_intervals = listing.reclaim_owed_intervals;
    lease_apply(core, lease, LEASE_EVENT_HELD, LEASE_ACTOR_HOST);
    const uint32_t most_ms = record_id_is_zero(&asked->gang) ? HOLD_TTL_MS : GANG_HOLD_TTL_MS;
    const uint32_t left_ms = held->time_left_ms < most_ms ? held->time_left_ms : most_ms;
    lease_set_deadline(core, lease, duration_of_ms(left_ms));
    paper_put(lease->papers->terms, sizeof lease->papers->terms, held->terms,
              &lease->papers->terms_length);
    return true;
}

struct verified_record
hire_sign(struct core *core, struct lease *lease)
{
    struct lease_terms terms;
    struct papers *papers = lease->papers;
    const enum status status =
        codec_decode(&lease_terms_schema, bytes_of(papers->terms, papers->terms_length), &terms);
    assert(status == STATUS_OK); /* they were read when they came */
    lease_apply(core, lease, LEASE_EVENT_CONFIRM, LEASE_ACTOR_RENTER);
    const struct seal_order order = {.kind = RECORD_LEASE, .seq = terms.slot_seq};
    const struct verified_record sealed = say_seal(core, order, &terms);
    lease->row.lease = *verified_id(&sealed);
    lease->send_at = boot_add(core->now.boot, duration_of_ms(REPEAT_MS));
    paper_put(papers->lease, sizeof papers->lease, verified_bytes(&sealed), &papers->lease_length);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_LEASE, &sealed);
    lease_store(core, lease);
    return sealed;
}

void
renter_take_held(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct held held;
    if (verified_body(record, RECORD_HELD, &held) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_hold(core, &held.hold);
    const bool is_asked = lease != NULL && !lease->row.is_host && lease->row.state == LEASE_ASKED &&
                          peer_id_equal(&lease->row.peer, &link->peer);
    if (is_asked && !record_id_is_zero(&lease->gang)) {
        gang_take_held(core, link, lease, record);
        return;
    }
    const struct rent *rent = is_asked ? rent_of(core, lease->client) : NULL;
    if (rent == NULL) {
        const struct cancel_message cancel = {.hold = held.hold};
        if (lease == NULL) {
            say_message(core, link->link, &cancel_message_schema, &cancel);
        }
        return; /* repeated, or nobody waits for it any more */
    }
    const struct hold_order asked = {.request = &rent->request, .listing = rent->listing};
    if (!hire_take_terms(core, lease, &held, &asked)) {
        fail_hold(core, link, lease, "the host's terms are not what was asked for");
        return;
    }
    const struct verified_record sealed = hire_sign(core, lease);
    say_signed(core, link->link, verified_bytes(&sealed));
}

bool
hire_make_start(struct core *core, struct lease *lease, struct start_message *start)
{
    const uint64_t prepay_ms = lease->prepay_s * 1000ull;
    const struct verified_record voucher =
        renter_make_voucher(core, lease, prepay_ms > 0 ? prepay_ms : 1);
    start->lease = lease_id_of(lease);
    start->voucher = verified_bytes(&voucher);
    struct buffer buffer;
    buffer_init(&buffer, lease->papers->start, sizeof lease->papers->start);
    if (message_encode(&start_message_schema, start, &buffer) != STATUS_OK) {
        return false;
    }
    lease->papers->start_length = (uint32_t)buffer.length;
    return true;
}

/* START of the rent that led here, with lease and voucher filled in. */
static bool
make_start(struct core *core, struct lease *lease, struct rent *rent)
{
    struct start_message start;
    return codec_decode(&start_message_schema, bytes_of(rent->start, rent->start_length), &start) ==
               STATUS_OK &&
           hire_make_start(core, lease, &start);
}

static void
dial_streams(struct core *core, const struct lease *lease)
{
    struct node_record node;
    if (!gossip_node_of(core, &lease->row.peer, &node)) {
        return;
    }
    const struct bytes address = effects_copy(core->effects, node.stream_address);
    struct effect *effect = effects_add(core->effects, EFFECT_STREAM_DIAL);
    effect->as.stream.lease = lease_id_of(lease);
    effect->as.stream.key = node.channel_key;
    effect->as.stream.address = address;
}

void
hire_reach_streams(struct core *core, struct lease *lease)
{
    const struct lease_query_message query = {.lease = lease_id_of(lease)};
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    lease->streams_wanted = link == NULL && peers_call(core, &lease->row.peer);
    if (link != NULL) {
        say_message(core, link->link, &lease_query_message_schema, &query);
    }
    dial_streams(core, lease);
}

void
hire_repeat(struct core *core, struct lease *lease, const struct link_state *link)
{
    const struct papers *papers = lease->papers;
    const struct lease_query_message query = {.lease = lease_id_of(lease)};
    if (!say_has_room(core)) {
        lease->send_at = core->now.boot; /* START is long: not all of them at once */
        return;
    }
    lease->send_at = boot_add(core->now.boot, duration_of_ms(2 * REPEAT_MS));
    if (link == NULL || papers == NULL) {
        return;
    }
    if (lease->row.state == LEASE_CONFIRMED && !record_id_is_zero(&lease->gang)) {
        gang_say_confirm(core, lease, link->link);
    } else if (lease->row.state == LEASE_CONFIRMED) {
        say_signed(core, link->link, bytes_of(papers->lease, papers->lease_length));
    } else if (papers->start_length > 0) {
        const struct bytes frame =
            effects_copy(core->effects, bytes_of(papers->start, papers->start_length));
        struct effect *effect = effects_add(core->effects, EFFECT_SEND);
        effect->as.frame.link = link->link;
        effect->as.frame.bytes = frame;
    } else {
        say_message(core, link->link, &lease_query_message_schema, &query);
    }
    dial_streams(core, lease);
}

static void
say_rented(struct core *core, const struct lease *lease)
{
    const struct rented_view view = {
        .lease = lease_id_of(lease),
        .host = lease->row.peer,
        .host_label = gossip_label_of(core, &lease->row.peer),
        .model = lease->row.label,
        .slots = lease->row.slots,
        .ask_uusd_per_hour = lease->row.ask_uusd_per_hour,
        .total_uusd = lease_charge(lease, lease->row.duration_s * 1000ull),
        .duration_s = lease->row.duration_s,
    };
    say_row(core, lease->client, ROW_RENTED, &view);
}

void
renter_take_lease(struct core *core, struct link_state *link, struct bytes cosigned)
{
    struct verified_record record;
    if (record_open_cosigned(cosigned, &core->options.network, &link->peer, &record) != STATUS_OK ||
        !peer_id_equal(&verified_envelope(&record)->author, &core->options.keypair.identity)) {
        links_drop(core, link, "its signature under a lease is not valid");
        return;
    }
    const struct lease_id id = lease_id_of_record(verified_id(&record));
    struct lease *lease = lease_by_id(core, &id);
    if (lease == NULL || lease->row.is_host || lease->papers == NULL ||
        !peer_id_equal(&lease->row.peer, &link->peer) ||
        lease_apply(core, lease, LEASE_EVENT_LEASE, LEASE_ACTOR_HOST) != LEASE_ACTION_MOVE) {
        return;
    }
    paper_put(lease->papers->lease, sizeof lease->papers->lease, cosigned,
              &lease->papers->lease_length);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_LEASE, &record);
    if (!record_id_is_zero(&lease->gang)) {
        lease_set_deadline(core, lease, duration_of_s(LATEST_START_S));
        lease_store(core, lease);
        gang_wake(core);
        return;
    }
    struct rent *rent = rent_of(core, lease->client);
    if (rent == NULL || !make_start(core, lease, rent)) {
        renter_end(core, lease); /* nobody waits for it any more, or it cannot be said */
        return;
    }
    rent_over(rent);
    if (!bidding_part_won(core, lease->client)) {
        standing_served(core, lease->client, &lease->row.hold);
    }
    lease_apply(core, lease, LEASE_EVENT_START, LEASE_ACTOR_RENTER);
    lease_set_deadline(core, lease, duration_of_s(LATEST_START_S));
    lease_store(core, lease);
    say_rented(core, lease);
    hire_repeat(core, lease, link);
}

void
renter_take_started(struct core *core, struct link_state *link,
                    const struct started_message *message)
{
    struct lease *lease = lease_by_id(core, &message->lease);
    if (lease == NULL || lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer) ||
        lease_apply(core, lease, LEASE_EVENT_STARTED, LEASE_ACTOR_HOST) != LEASE_ACTION_MOVE) {
        return;
    }
    const uint64_t now_ms = (uint64_t)core->now.wall.ms;
    if (lease->row.boot_id != core->boot_id) {
        /* Rebooted since START: the deadline means nothing now, and the run is counted from here. */
        lease_set_deadline(core, lease, duration_of_s(LATEST_START_S));
    }
    lease->row.started_at_ms = now_ms; /* our own clock: the host's could lie */
    lease->row.end_at_ms = now_ms + lease->row.duration_s * 1000ull;
    lease->row.boot_id = core->boot_id;
    lease->row.end_at_boot_ms = (uint64_t)core->now.boot.ms + lease->row.duration_s * 1000ull;
    memset(lease->papers->start, 0, lease->papers->start_length);
    lease->papers->start_length = 0;
    lease_store(core, lease);
    avoid_forgive(core, &lease->row.peer);
    say_note(core, lease->client, NOTE_PROGRESS, "the job runs");
    if (!lease->row.attached) {
        say_done(core, lease->client, STATUS_OK, "%s", "");
        lease->client = (struct client){0};
    }
}

static struct lease *
refused_lease(struct core *core, const struct link_state *link, const struct record_id *about)
{
    struct lease *lease = lease_by_hold(core, about);
    if (lease == NULL) {
        const struct lease_id id = lease_id_of_record(about);
        lease = lease_by_id(core, &id);
    }
    return lease != NULL && !lease->row.is_host && peer_id_equal(&lease->row.peer, &link->peer)
               ? lease
               : NULL;
}

/* The lease came to nothing: tells whoever waits, or lets the rent go on with the next best. */
static void
come_to_nothing(struct core *core, struct lease *lease, const char *why, uint64_t free_at_s)
{
    const struct client client = lease->client;
    const bool was_rented = !record_id_is_zero(&lease->row.lease);
    if (lease->row.started_at_ms != 0) {
        return; /* it ran: a refusal comes too late */
    }
    if (lease_apply(core, lease, LEASE_EVENT_REFUSED, LEASE_ACTOR_HOST) != LEASE_ACTION_FREE) {
        return;
    }
    lease->row.reason = END_NOT_STARTED;
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    lease->client = (struct client){0};
    if (!record_id_is_zero(&lease->gang)) {
        gang_note_refusal(core, lease, why);
    }
    if (was_rented) {
        lease_store(core, lease);
    } else {
        lease_forget(core, lease);
    }
    if (rent_of(core, client) != NULL) {
        rent_next(core, client, why, free_at_s);
    } else {
        say_done(core, client, STATUS_REFUSED, "the host did not start it: %s; nothing is owed",
                 why);
    }
}

void
renter_take_busy(struct core *core, struct link_state *link, const struct busy_message *message)
{
    struct lease *lease = refused_lease(core, link, &message->hold);
    char why[120];
    if (lease == NULL || lease->row.state != LEASE_ASKED) {
        return;
    }
    const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
    const unsigned long long wait_s = message->free_at_s > now_s ? message->free_at_s - now_s : 0;
    const struct bytes label = gossip_label_of(core, &link->peer);
    snprintf(why, sizeof why, "%.*s is busy, free in %llu s at the latest", (int)label.length,
             label.length > 0 ? (const char *)label.data : "", wait_s);
    avoid_note(core, &link->peer, AVOID_REFUSED);
    occupancy_note_busy(core, lease, message);
    come_to_nothing(core, lease, why, message->free_at_s);
}

void
renter_take_refused(struct core *core, struct link_state *link,
                    const struct refused_message *message)
{
    struct lease *lease = refused_lease(core, link, &message->about);
    char why[200];
    const struct bytes text = say_cut(message->text, 180);
    snprintf(why, sizeof why, "%.*s", (int)text.length,
             text.length > 0 ? (const char *)text.data : "");
    if (lease != NULL) {
        const struct client client = lease->client;
        const bool was_asked = lease->row.state == LEASE_ASKED;
        come_to_nothing(core, lease, why, 0);
        if (was_asked && !rent_try_again(core, client, message->wait_ms)) {
            avoid_note(core, &link->peer, AVOID_REFUSED);
        }
        return;
    }
    say_log(core, LOG_DEBUG, "a peer refused: %s", why);
}
