#include <stdio.h>
#include <string.h>

#include "node/core/host.h"
#include "node/core/ledger.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "node/core/serve.h"
#include "node/core/trust.h"
#include "protocol/codec.h"
#include "protocol/price.h"
#include "protocol/week_hours.h"

enum {
    SLOT_SEQ_KIND = 200, /* in TABLE_SEQUENCES, beside the kinds of records */
    HOLD_AGE_MS_MAX = 120000,
    DECIDE_WAIT_MS = 3000
};

void
host_refuse(struct core *core, struct link link, const struct record_id *about, enum refusal reason,
            const char *text)
{
    const struct refused_message message = {
        .about = *about, .reason = (uint8_t)reason, .text = bytes_of_text(text)};
    say_message(core, link, &refused_message_schema, &message);
}

struct objection {
    enum refusal reason;
    uint32_t wait_ms;
    char text[200];
};

#define OBJECT(objection, why, ...)                                                                \
    do {                                                                                           \
        (objection)->reason = (why);                                                               \
        snprintf((objection)->text, sizeof(objection)->text, __VA_ARGS__);                         \
        return true;                                                                               \
    } while (false)

/* A hold that names a clearing of the batch lane says that its renter pays the price found there, as the
 * highest one it takes: never less than the ask, or it is refused. (Longer holds name a gang.) */
static struct amount
agreed_price(const struct listing *listing, const struct hold *hold)
{
    const bool is_cleared = !record_id_is_zero(&hold->request) && hold->ttl_ms <= HOLD_TTL_MS;
    return is_cleared ? hold->ask_max_uusd_per_hour : listing_price(listing, hold->interruptible);
}

/* What the listing itself says about who may rent for how long. */
static bool
terms_objection(const struct core *core, const struct offer_state *offer, const struct hold *hold,
                struct objection *ret)
{
    const struct listing *listing = &offer->body;
    const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
    const struct amount ask = listing_price(listing, hold->interruptible);
    if (amount_is_zero(ask)) {
        OBJECT(ret, REFUSAL_PRICE, "this host does not let %s interruption",
               hold->interruptible ? "with" : "without");
    }
    if (amount_compare(hold->ask_max_uusd_per_hour, ask) < 0) {
        OBJECT(ret, REFUSAL_PRICE, "the ask is %lld uUSD/h, over the price offered",
               (long long)amount_micro(ask));
    }
    if (hold->duration_s < listing->lease_min_s || hold->duration_s > listing->lease_max_s) {
        OBJECT(ret, REFUSAL_DURATION, "this host lets for %u to %u s", listing->lease_min_s,
               listing->lease_max_s);
    }
    struct amount total;
    if (price_charge(agreed_price(listing, hold), hold->slots, hold->duration_s * 1000ull,
                     &total) != STATUS_OK) {
        OBJECT(ret, REFUSAL_PRICE, "the whole price is too large a number");
    }
    if ((listing->works >> hold->work & 1) == 0) {
        OBJECT(ret, REFUSAL_WORK, "this host does not take that kind of work");
    }
    if (!listing_is_open(core, offer)) {
        OBJECT(ret, REFUSAL_HOURS, "the host is paused, or outside its hours");
    }
    if (listing->valid_from_s > now_s ||
        (listing->valid_until_s != 0 && listing->valid_until_s < now_s + hold->duration_s)) {
        OBJECT(ret, REFUSAL_HOURS, "the offer does not stand for so long");
    }
    if (week_hours_left_s(listing->week_hours, now_s) < hold->duration_s) {
        OBJECT(ret, REFUSAL_HOURS, "the host's hours end in %u s",
               week_hours_left_s(listing->week_hours, now_s));
    }
    return false;
}

static bool
renter_objection(struct core *core, const struct peer_id *peer, struct objection *ret)
{
    const struct peer_state *known = peers_find(core, peer);
    if (known != NULL && known->row.standing == 2) {
        OBJECT(ret, REFUSAL_DENIED, "this host does not let to you");
    }
    if (core->space != DISK_NORMAL) {
        OBJECT(ret, REFUSAL_DISK_FULL, "the host's disk is full");
    }
    const struct renter_record *renter = trust_find(core, peer);
    if (renter != NULL && boot_is_before(core->now.boot, renter->wait_until)) {
        ret->wait_ms = (uint32_t)boot_between(core->now.boot, renter->wait_until).ms;
        OBJECT(ret, REFUSAL_WAIT, "earlier holds of yours lapsed; try again in %u ms",
               ret->wait_ms);
    }
    if (trust_has_open_hold(core, peer)) {
        ret->wait_ms = 500;
        OBJECT(ret, REFUSAL_ONE_HOLD_A_KEY, "another hold of yours is still unconfirmed");
    }
    if (!ledger_has_room(core, peer)) {
        OBJECT(ret, REFUSAL_WAIT, "this host's books are full");
    }
    return false;
}

static uint64_t
free_slots(const struct core *core, const struct offer_state *offer)
{
    return listing_slots_offered(core, &offer->row) &
           ~lease_slots_taken(core, offer->row.slot_group);
}

/* What keys without a history may keep. */
static bool
stranger_objection(struct core *core, const struct peer_id *peer, const struct offer_state *offer,
                   const struct hold *hold, struct objection *ret)
{
    if (trust_knows(core, peer)) {
        return false;
    }
    const unsigned free = (unsigned)__builtin_popcountll(free_slots(core, offer));
    const unsigned kept = trust_unknown_slots(core, offer->row.slot_group);
    const unsigned most = (free + kept) / 2 > 0 ? (free + kept) / 2 : 1;
    if (kept + hold->slots > most && free >= hold->slots) {
        ret->wait_ms = hold->slots <= most ? 1000 : 0;
        OBJECT(ret, REFUSAL_NO_HISTORY,
               "your key has no history here: such keys get at most %u of the free slots at first",
               most);
    }
    return false;
}

static uint64_t
lowest_slots(uint64_t free, uint16_t wanted)
{
    uint64_t mask = 0;
    for (unsigned slot = 0; slot < SLOTS_PER_GROUP_MAX && wanted > 0; slot++) {
        if ((free >> slot & 1) != 0) {
            mask |= UINT64_C(1) << slot;
            wanted--;
        }
    }
    return mask;
}

static void
say_busy(struct core *core, struct link link, const struct record_id *hold, uint16_t slot_group,
         uint64_t free)
{
    const struct busy_message message = {.hold = *hold,
                                         .free_at_s = lease_slots_free_at_s(core, slot_group),
                                         .slots_free = (uint16_t)__builtin_popcountll(free)};
    say_message(core, link, &busy_message_schema, &message);
}

static void
note_label(struct lease *lease, struct bytes name)
{
    const size_t length = name.length < LABEL_SIZE ? name.length : LABEL_SIZE - 1;
    memcpy(lease->label_text, name.data, length);
    lease->row.label = bytes_of(lease->label_text, length);
}

static struct lease_terms
make_terms(struct core *core, const struct offer_state *offer, const struct lease *lease,
           const struct hold *hold)
{
    return (struct lease_terms){
        .host = core->options.keypair.identity,
        .renter = lease->row.peer,
        .hold = lease->row.hold,
        .listing = bytes_of(offer->listing_bytes, offer->listing_length),
        .slot_mask = lease->row.slot_mask,
        .slot_seq = lease->row.slot_seq,
        .duration_s = hold->duration_s,
        .latest_start_s = LATEST_START_S,
        .interval_s = offer->body.interval_s,
        .meter_s = offer->body.meter_s,
        .ask_uusd_per_hour = lease->row.ask_uusd_per_hour,
        .interruptible = hold->interruptible,
        .work = hold->work,
    };
}

static void
seal_held(struct core *core, struct lease *lease, const struct lease_terms *terms, uint32_t ttl_ms)
{
    struct papers *papers = lease->papers;
    struct buffer buffer;
    buffer_init(&buffer, papers->terms, sizeof papers->terms);
    if (codec_encode(&lease_terms_schema, terms, &buffer) != STATUS_OK) {
        return;
    }
    papers->terms_length = (uint16_t)buffer.length;
    const struct held held = {
        .hold = lease->row.hold, .time_left_ms = ttl_ms, .terms = buffer_bytes(&buffer)};
    const struct seal_order order = {.kind = RECORD_HELD, .seq = lease->row.slot_seq};
    const struct verified_record record = say_seal(core, order, &held);
    paper_put(papers->held, sizeof papers->held, verified_bytes(&record), &papers->held_length);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_HELD, &record);
}

struct lease *
host_promise(struct core *core, const struct peer_id *renter, const struct offer_state *offer,
             const struct promise *promise)
{
    const struct hold *hold = promise->hold;
    struct lease *lease = lease_new(core, true, &promise->id);
    if (lease == NULL) {
        return NULL;
    }
    /* Only a gang, which must gather many holds, gets longer ones; those only its certificate confirms. */
    const bool is_gang = hold->ttl_ms > HOLD_TTL_MS && !record_id_is_zero(&hold->request);
    const uint32_t most_ms = is_gang ? GANG_HOLD_TTL_MS : HOLD_TTL_MS;
    const uint32_t ttl_ms = hold->ttl_ms != 0 && hold->ttl_ms < most_ms ? hold->ttl_ms : most_ms;
    if (is_gang) {
        lease->gang = hold->request;
    }
    struct lease_row *row = &lease->row;
    row->peer = *renter;
    row->slot_group = offer->row.slot_group;
    row->slot_mask = promise->slot_mask;
    row->slots = hold->slots;
    row->slot_seq = say_next_seq(core, SLOT_SEQ_KIND, offer->row.slot_group);
    row->ask_uusd_per_hour = agreed_price(&offer->body, hold);
    row->interval_s = offer->body.interval_s;
    row->meter_s = offer->body.meter_s;
    row->duration_s = hold->duration_s;
    row->notice_s = offer->body.notice_s;
    row->owed_intervals = offer->body.reclaim_owed_intervals;
    note_label(lease, offer->body.gpu_name);
    lease_set_deadline(core, lease, duration_of_ms(ttl_ms));
    lease_apply(core, lease, LEASE_EVENT_HELD, LEASE_ACTOR_HOST);
    const struct lease_terms terms = make_terms(core, offer, lease, hold);
    seal_held(core, lease, &terms, ttl_ms);
    lease_store(core, lease);
    return lease;
}

/* Everything that could be said against it was said: the slots are kept. */
static void
promise(struct core *core, struct link_state *link, const struct offer_state *offer,
        const struct verified_record *record, uint64_t slot_mask)
{
    struct hold hold;
    struct lease *lease = NULL;
    if (verified_body(record, RECORD_HOLD, &hold) == STATUS_OK) {
        const struct promise order = {
            .id = *verified_id(record), .hold = &hold, .slot_mask = slot_mask};
        lease = host_promise(core, &link->peer, offer, &order);
    }
    if (lease == NULL) {
        host_refuse(core, link->link, verified_id(record), REFUSAL_WAIT,
                    "this host has too many open leases");
        return;
    }
    say_signed(core, link->link, bytes_of(lease->papers->held, lease->papers->held_length));
}

bool
host_would_hold(struct core *core, const struct peer_id *renter, const struct offer_state *offer,
                const struct hold *hold, uint64_t *ret_slot_mask)
{
    struct objection objection = {.reason = REFUSAL_NONE};
    const uint64_t free = free_slots(core, offer);
    if (hold->slots == 0 || (unsigned)__builtin_popcountll(free) < hold->slots ||
        terms_objection(core, offer, hold, &objection) ||
        renter_objection(core, renter, &objection) ||
        stranger_objection(core, renter, offer, hold, &objection)) {
        return false;
    }
    *ret_slot_mask = lowest_slots(free, hold->slots);
    return true;
}

/* The same HOLD again: the stored answer. */
static void
repeat_hold(struct core *core, struct link_state *link, const struct lease *lease)
{
    const struct papers *papers = lease->papers;
    if (!peer_id_equal(&lease->row.peer, &link->peer)) {
        host_refuse(core, link->link, &lease->row.hold, REFUSAL_NOT_YOURS, "this is not yours");
    } else if (lease->row.state == LEASE_HELD && papers != NULL &&
               lease_deadline_is_ahead(core, lease)) {
        say_signed(core, link->link, bytes_of(papers->held, papers->held_length));
    } else if (lease->row.state != LEASE_VOID && papers != NULL && papers->lease_length > 0) {
        say_cosigned(core, link->link, bytes_of(papers->lease, papers->lease_length));
    } else {
        host_refuse(core, link->link, &lease->row.hold, REFUSAL_TOO_LATE, "this hold has lapsed");
    }
}

static bool
ask_program(struct core *core, struct link_state *link, const struct verified_record *record,
            const struct hold *hold)
{
    struct pending_decision *pending = NULL;
    for (size_t i = 0; i < sizeof core->decisions / sizeof core->decisions[0]; i++) {
        struct pending_decision *each = &core->decisions[i];
        if (!each->used || core_is_due(core, each->until)) {
            pending = each;
        } else if (peer_id_equal(&each->peer, &link->peer)) {
            /* One at a time, so that nobody keeps the others waiting; the same one is on its way. */
            return bytes_equal(verified_bytes(record), bytes_of(each->hold, each->length));
        }
    }
    if (pending == NULL) {
        return false;
    }
    const struct bytes sealed = verified_bytes(record);
    core->decision_token++;
    *pending = (struct pending_decision){
        .used = true,
        .token = core->decision_token,
        .link = link->link,
        .peer = link->peer,
        .until = boot_add(core->now.boot, duration_of_ms(DECIDE_WAIT_MS)),
    };
    paper_put(pending->hold, sizeof pending->hold, sealed, &pending->length);
    char renter[ID_HEX_SIZE];
    char listing[ID_HEX_SIZE];
    id_to_hex(link->peer.bytes, renter);
    id_to_hex(hold->listing.bytes, listing);
    const struct balance_row *balance = ledger_balance(core, &link->peer);
    char *json = effects_take(core->effects, 1024);
    const int length = snprintf(
        json, 1024,
        "{\"renter\":\"%s\",\"listing\":\"%s\",\"slots\":%u,\"duration_s\":%u,"
        "\"ask_max_uusd_per_hour\":%lld,\"work\":\"%s\",\"leases_paid\":%u,\"paid_uusd\":%lld}\n",
        renter, listing, hold->slots, hold->duration_s,
        (long long)amount_micro(hold->ask_max_uusd_per_hour),
        name_table_name(&work_names, hold->work), balance == NULL ? 0 : balance->leases,
        balance == NULL ? 0LL : -(long long)amount_micro(balance->earned_uusd));
    struct effect *effect = effects_add(core->effects, EFFECT_DECIDE);
    effect->as.decide.token = core->decision_token;
    effect->as.decide.json = bytes_of(json, (size_t)length);
    return true;
}

/* Checks a hold against listing, renter and slots; promises, or says why not. */
static void
answer_hold(struct core *core, struct link_state *link, const struct verified_record *record,
            bool decided)
{
    struct hold hold;
    if (verified_body(record, RECORD_HOLD, &hold) != STATUS_OK) {
        return;
    }
    const struct record_id *id = verified_id(record);
    const struct offer_state *offer = listing_offer_by_id(core, &hold.listing);
    if (offer == NULL || hold.slots == 0 || hold.slots > offer->body.slots_total) {
        host_refuse(core, link->link, id, REFUSAL_LISTING_CHANGED,
                    "this listing no longer stands; look at the new one");
        return;
    }
    const uint64_t free = free_slots(core, offer);
    struct objection objection = {.reason = REFUSAL_NONE};
    if (terms_objection(core, offer, &hold, &objection) ||
        renter_objection(core, &link->peer, &objection) ||
        stranger_objection(core, &link->peer, offer, &hold, &objection)) {
        const struct refused_message message = {.about = *id,
                                                .reason = (uint8_t)objection.reason,
                                                .wait_ms = objection.wait_ms,
                                                .text = bytes_of_text(objection.text)};
        say_message(core, link->link, &refused_message_schema, &message);
        return;
    }
    if ((uint16_t)__builtin_popcountll(free) < hold.slots) {
        say_busy(core, link->link, id, offer->row.slot_group, free);
        return;
    }
    if (core->options.has_decide_program && !decided) {
        if (!ask_program(core, link, record, &hold)) {
            host_refuse(core, link->link, id, REFUSAL_WAIT,
                        "the host is deciding on others, or on another hold of yours");
        }
        return;
    }
    promise(core, link, offer, record, lowest_slots(free, hold.slots));
}

void
host_take_hold(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct hold hold;
    if (verified_body(record, RECORD_HOLD, &hold) != STATUS_OK ||
        !peer_id_equal(&hold.host, &core->options.keypair.identity)) {
        host_refuse(core, link->link, verified_id(record), REFUSAL_NOT_YOURS,
                    "this hold names another host");
        return;
    }
    const struct lease *known = lease_by_hold(core, verified_id(record));
    if (known != NULL && known->row.is_host) {
        repeat_hold(core, link, known);
        return;
    }
    if (core->has_twin) {
        host_refuse(core, link->link, verified_id(record), REFUSAL_PAUSED,
                    "this host's identity runs elsewhere, too");
        return;
    }
    /* An old hold, forgotten here, must not come to life again. */
    const int64_t issued_ms = (int64_t)verified_envelope(record)->issued_at_s * 1000;
    const int64_t age_ms = core->now.wall.ms - issued_ms;
    if (age_ms > HOLD_AGE_MS_MAX || age_ms < -HOLD_AGE_MS_MAX) {
        host_refuse(core, link->link, verified_id(record), REFUSAL_TOO_LATE,
                    "this hold was signed too long ago, or our clocks differ");
        return;
    }
    answer_hold(core, link, record, false);
}

void
host_decided(struct core *core, const struct event *event)
{
    for (size_t i = 0; i < sizeof core->decisions / sizeof core->decisions[0]; i++) {
        struct pending_decision *pending = &core->decisions[i];
        if (!pending->used || pending->token != event->as.decided.token) {
            continue;
        }
        pending->used = false;
        struct link_state *link = links_find(core, pending->link);
        struct verified_record record;
        if (link == NULL || core_is_due(core, pending->until) ||
            record_from_store(bytes_of(pending->hold, pending->length), &core->options.network,
                              &record) != STATUS_OK) {
            return;
        }
        /* The same hold may have been asked about twice: one promise answers both. */
        const struct lease *known = lease_by_hold(core, verified_id(&record));
        if (known != NULL && known->row.is_host) {
            repeat_hold(core, link, known);
            return;
        }
        if (event->as.decided.accepted) {
            answer_hold(core, link, &record, true);
            return;
        }
        char text[200];
        const struct bytes why = say_cut(event->as.decided.text, 150);
        snprintf(text, sizeof text, "the host's own rule: %.*s", (int)why.length,
                 why.length > 0 ? (const char *)why.data : "");
        host_refuse(core, link->link, verified_id(&record), REFUSAL_DECIDED, text);
        return;
    }
}

static void
cosign(struct core *core, struct lease *lease, const struct verified_record *record)
{
    struct verified_record cosigned;
    struct buffer buffer;
    if (!say_make_cosigned(core, record, &buffer, &cosigned)) {
        return;
    }
    paper_put(lease->papers->lease, sizeof lease->papers->lease, buffer_bytes(&buffer),
              &lease->papers->lease_length);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_LEASE, &cosigned);
}

void
host_confirm(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct lease_terms terms;
    if (verified_body(record, RECORD_LEASE, &terms) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_hold(core, &terms.hold);
    if (lease == NULL || !lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer)) {
        host_refuse(core, link->link, &terms.hold, REFUSAL_TOO_LATE, "there is no such hold");
        return;
    }
    if (lease->row.state != LEASE_HELD) {
        repeat_hold(core, link, lease);
        return;
    }
    const struct bytes body = verified_envelope(record)->body;
    if (!bytes_equal(body, bytes_of(lease->papers->terms, lease->papers->terms_length))) {
        host_refuse(core, link->link, &terms.hold, REFUSAL_NOT_YOURS,
                    "these are not the terms that were promised");
        return;
    }
    if (!lease_deadline_is_ahead(core, lease)) {
        host_refuse(core, link->link, &terms.hold, REFUSAL_TOO_LATE, "this hold has lapsed");
        return;
    }
    lease_apply(core, lease, LEASE_EVENT_CONFIRM, LEASE_ACTOR_RENTER);
    lease_apply(core, lease, LEASE_EVENT_LEASE, LEASE_ACTOR_HOST);
    lease->row.lease = *verified_id(record);
    lease_set_deadline(core, lease, duration_of_s(LATEST_START_S));
    cosign(core, lease, record);
    lease_store(core, lease);
    say_cosigned(core, link->link, bytes_of(lease->papers->lease, lease->papers->lease_length));
}

void
host_take_confirm(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct lease_terms terms;
    if (verified_body(record, RECORD_LEASE, &terms) != STATUS_OK) {
        return;
    }
    const struct lease *lease = lease_by_hold(core, &terms.hold);
    if (lease != NULL && lease->row.state == LEASE_HELD && !record_id_is_zero(&lease->gang)) {
        host_refuse(core, link->link, &terms.hold, REFUSAL_NOT_YOURS,
                    "this hold is a gang's: only the gang's certificate confirms it");
        return;
    }
    host_confirm(core, link, record);
}

void
host_take_cancel(struct core *core, struct link_state *link, const struct record_id *hold)
{
    struct lease *lease = lease_by_hold(core, hold);
    if (lease == NULL || !lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer)) {
        return;
    }
    if (trust_is_unstarted(lease) && !lease->is_offer) {
        trust_note_lapse(core, &lease->row.peer, true);
        if (!record_id_is_zero(&lease->gang)) {
            trust_limit_wait(core, lease);
        }
    }
    host_end(core, lease, END_RENTER, LEASE_ACTOR_RENTER);
}

/* A hold, or a lease that was never started, whose time is over. */
void
host_lapse(struct core *core, struct lease *lease)
{
    if (lease_apply(core, lease, LEASE_EVENT_LAPSE, LEASE_ACTOR_CLOCK) != LEASE_ACTION_FREE) {
        return;
    }
    if (lease->is_offer) {
        serve_note_untaken(core, lease); /* it had not asked for it */
    } else {
        trust_note_lapse(core, &lease->row.peer, false);
    }
    lease->row.reason = END_NOT_STARTED;
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    lease_store(core, lease);
}
