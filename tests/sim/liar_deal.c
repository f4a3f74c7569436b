/* Lies within a lease: as a renter that pays too little or not at all, as a host that promises what it has not. */
#include <string.h>

#include "protocol/codec.h"
#include "protocol/price.h"
#include "tests/sim/liar.h"

static struct liar_deal *
new_deal(struct liar *liar)
{
    struct liar_deal *deal = &liar->deals[liar->deal_count % LIAR_DEALS];
    liar->deal_count++;
    *deal = (struct liar_deal){.used = true};
    return deal;
}

static struct liar_deal *
deal_of_lease(struct liar *liar, const struct lease_id *lease)
{
    const struct record_id id = record_id_of_lease(lease);
    for (size_t i = 0; i < LIAR_DEALS; i++) {
        if (liar->deals[i].used && record_id_equal(&liar->deals[i].lease, &id)) {
            return &liar->deals[i];
        }
    }
    return NULL;
}

static struct amount
micro(int64_t value)
{
    struct amount amount = amount_zero();
    return amount_of_micro(value, &amount) == STATUS_OK ? amount : amount_zero();
}

static void
confirm(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    struct lease_terms terms;
    struct record_view view;
    if (codec_decode(&lease_terms_schema, bytes_of(deal->terms, deal->terms_length), &terms) !=
        STATUS_OK) {
        return;
    }
    if (world_chance(world, 80)) {
        terms.duration_s += 1000;
    } else if (world_chance(world, 80)) {
        terms.ask_uusd_per_hour = micro(1);
    } else if (world_chance(world, 80)) {
        terms.slot_mask = UINT64_MAX;
    } else if (world_chance(world, 80)) {
        terms.slot_seq--;
    }
    const struct bytes sealed = liar_seal(world, machine, RECORD_LEASE, &terms);
    if (record_parse(sealed, &world->network, &view) == STATUS_OK) {
        deal->lease = view.id;
        deal->confirmed = true;
        liar_send_record(world, machine, deal->link, sealed);
    }
}

static void
take_held(struct world *world, struct machine *machine, struct link link,
          const struct record_view *view)
{
    struct held held;
    struct lease_terms terms;
    if (codec_decode(&held_schema, view->envelope.body, &held) != STATUS_OK ||
        codec_decode(&lease_terms_schema, held.terms, &terms) != STATUS_OK) {
        return;
    }
    struct liar_deal *deal = new_deal(machine->liar);
    deal->link = link;
    deal->peer = view->envelope.author;
    deal->hold = held.hold;
    deal->ask = terms.ask_uusd_per_hour;
    deal->slots = (uint16_t)__builtin_popcountll(terms.slot_mask);
    deal->duration_s = terms.duration_s;
    deal->terms_length = held.terms.length;
    memcpy(deal->terms, held.terms.data, held.terms.length);
    if (world_chance(world, 700)) {
        confirm(world, machine, deal);
    }
}

/* What the run so far and one interval more cost; too little as often as not. */
static struct bytes
make_voucher(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    struct amount fair = amount_zero();
    const uint64_t run_ms = deal->run_ms + TEST_INTERVAL_S * 1000ull;
    if (price_charge(deal->ask, deal->slots, run_ms, &fair) != STATUS_OK) {
        return bytes_of(NULL, 0);
    }
    int64_t amount = amount_micro(fair);
    deal->voucher_number++;
    uint32_t number = deal->voucher_number;
    if (world_chance(world, 200)) {
        amount = (int64_t)world_below(world, (uint64_t)amount + 1);
    } else if (world_chance(world, 50)) {
        amount = AMOUNT_MICRO_MAX;
    } else if (world_chance(world, 100)) {
        number = (uint32_t)world_below(world, 5);
    }
    deal->voucher_uusd = amount;
    const struct voucher voucher = {
        .lease = lease_id_of_record(&deal->lease),
        .number = number,
        .amount_uusd = micro(amount),
        .covers_run_ms = world_chance(world, 900) ? run_ms : 0,
        .meter_number = deal->meter_number,
        .meter = deal->meter,
    };
    return liar_seal(world, machine, RECORD_VOUCHER, &voucher);
}

static void
start(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    const struct start_message message = {
        .lease = lease_id_of_record(&deal->lease),
        .voucher = make_voucher(world, machine, deal),
        .attached = world_chance(world, 300),
        .arguments = {.count = 1, .items = {bytes_of_text("steal")}},
    };
    deal->started = true;
    liar_send(world, machine, deal->link, &start_message_schema, &message);
}

static void
take_meter(struct world *world, struct machine *machine, const struct record_view *view)
{
    struct meter meter;
    if (codec_decode(&meter_schema, view->envelope.body, &meter) != STATUS_OK) {
        return;
    }
    struct liar_deal *deal = deal_of_lease(machine->liar, &meter.lease);
    if (deal == NULL || deal->is_host) {
        return;
    }
    deal->meter_number = meter.number;
    deal->run_ms = meter.run_ms;
    deal->meter = view->id;
    if (world_chance(world, 400)) {
        liar_send_record(world, machine, deal->link, make_voucher(world, machine, deal));
    }
}

/* As a host: promises slots of cards that are not there. */
static void
take_hold(struct world *world, struct machine *machine, struct link link,
          const struct record_view *view)
{
    struct liar *liar = machine->liar;
    struct hold hold;
    if (codec_decode(&hold_schema, view->envelope.body, &hold) != STATUS_OK ||
        liar->own_listing_length == 0) {
        return;
    }
    struct listing listing;
    struct record_view own;
    const struct bytes sealed = bytes_of(liar->own_listing_bytes, liar->own_listing_length);
    if (record_parse(sealed, &world->network, &own) != STATUS_OK ||
        codec_decode(&listing_schema, own.envelope.body, &listing) != STATUS_OK) {
        return;
    }
    struct liar_deal *deal = new_deal(liar);
    deal->is_host = true;
    deal->link = link;
    deal->peer = view->envelope.author;
    deal->hold = view->id;
    deal->ask = listing.ask_uusd_per_hour;
    deal->slots = hold.slots;
    deal->duration_s = hold.duration_s;
    struct lease_terms terms = {
        .host = machine->options.keypair.identity,
        .renter = view->envelope.author,
        .hold = view->id,
        .listing = sealed,
        .slot_mask = (UINT64_C(1) << hold.slots) - 1,
        .slot_seq = world_chance(world, 800) ? (uint64_t)machine_now(world, machine).wall.ms : 1,
        .duration_s = hold.duration_s,
        .latest_start_s = LATEST_START_S,
        .interval_s = listing.interval_s,
        .meter_s = listing.meter_s,
        .ask_uusd_per_hour = deal->ask,
        .work = hold.work,
    };
    if (world_chance(world, 80)) {
        terms.ask_uusd_per_hour = micro(AMOUNT_MICRO_MAX / 4000000);
    } else if (world_chance(world, 80)) {
        terms.slot_mask = 0xFF;
    } else if (world_chance(world, 80)) {
        terms.duration_s *= 100;
    } else if (world_chance(world, 80)) {
        terms.interval_s = 3000;
    } else if (world_chance(world, 80)) {
        terms.meter_s = 0;
    }
    struct buffer buffer;
    buffer_init(&buffer, deal->terms, sizeof deal->terms);
    if (codec_encode(&lease_terms_schema, &terms, &buffer) != STATUS_OK) {
        return;
    }
    deal->terms_length = buffer.length;
    const struct held held = {.hold = view->id,
                              .time_left_ms = (uint32_t)world_below(world, 20000),
                              .terms = buffer_bytes(&buffer)};
    liar_send_record(world, machine, link, liar_seal(world, machine, RECORD_HELD, &held));
}

static void
take_confirm(struct world *world, struct machine *machine, const struct record_view *view)
{
    struct lease_terms terms;
    struct liar *liar = machine->liar;
    if (codec_decode(&lease_terms_schema, view->envelope.body, &terms) != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < LIAR_DEALS; i++) {
        struct liar_deal *deal = &liar->deals[i];
        if (deal->used && deal->is_host && record_id_equal(&deal->hold, &terms.hold)) {
            deal->lease = view->id;
            deal->confirmed = true;
            liar_send_cosigned(world, machine, deal->link, view->sealed, world_chance(world, 850));
        }
    }
}

static void
take_signed(struct world *world, struct machine *machine, struct link link, struct bytes sealed)
{
    struct record_view view;
    if (record_parse(sealed, &world->network, &view) != STATUS_OK) {
        return;
    }
    if (view.envelope.kind == RECORD_HELD) {
        take_held(world, machine, link, &view);
    } else if (view.envelope.kind == RECORD_METER) {
        take_meter(world, machine, &view);
    } else if (view.envelope.kind == RECORD_HOLD) {
        take_hold(world, machine, link, &view);
    } else if (view.envelope.kind == RECORD_LEASE) {
        take_confirm(world, machine, &view);
    } else if (view.envelope.kind == RECORD_FINAL && world_chance(world, 400)) {
        liar_send_cosigned(world, machine, link, sealed, world_chance(world, 700));
    }
}

void
liar_deal_take(struct world *world, struct machine *machine, struct link link, struct bytes frame)
{
    struct signed_message single;
    struct cosigned_message both;
    struct start_message order;
    struct record_view view;
    struct liar *liar = machine->liar;
    if (message_decode(&signed_message_schema, frame, &single) == STATUS_OK) {
        take_signed(world, machine, link, single.record);
    } else if (message_decode(&cosigned_message_schema, frame, &both) == STATUS_OK &&
               record_parse_cosigned(both.record, &world->network, &view) == STATUS_OK) {
        const struct lease_id id = lease_id_of_record(&view.id);
        struct liar_deal *deal = deal_of_lease(liar, &id);
        if (deal != NULL && !deal->is_host && world_chance(world, 900)) {
            start(world, machine, deal);
        }
    } else if (message_decode(&start_message_schema, frame, &order) == STATUS_OK) {
        struct liar_deal *deal = deal_of_lease(liar, &order.lease);
        if (deal != NULL && world_chance(world, 800)) {
            const struct started_message started = {.lease = order.lease, .started_at_ms = 1};
            deal->started = true;
            liar_send(world, machine, link, &started_message_schema, &started);
        }
    }
}

static void
host_meter(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    struct record_view view;
    deal->run_ms += world_chance(world, 800) ? 1000 : 100000;
    const uint64_t most_ms = deal->duration_s * 1000ull;
    deal->run_ms = deal->run_ms > most_ms && world_chance(world, 800) ? most_ms : deal->run_ms;
    const struct meter meter = {
        .lease = lease_id_of_record(&deal->lease),
        .number = deal->meter_number + (world_chance(world, 900) ? 1 : 5),
        .run_ms = deal->run_ms,
        .previous = deal->meter,
    };
    const struct bytes sealed = liar_seal(world, machine, RECORD_METER, &meter);
    if (record_parse(sealed, &world->network, &view) == STATUS_OK) {
        deal->meter_number = meter.number;
        deal->meter = view.id;
        liar_send_record(world, machine, deal->link, sealed);
    }
}

static void
host_final(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    struct amount amount = amount_zero();
    if (price_charge(deal->ask, deal->slots, deal->run_ms, &amount) != STATUS_OK) {
        return;
    }
    const struct final final = {
        .lease = lease_id_of_record(&deal->lease),
        .amount_uusd = world_chance(world, 600) ? amount : micro(amount_micro(amount) * 3 + 7),
        .run_ms = world_chance(world, 700) ? deal->run_ms : deal->run_ms * 1000 % TIME_MS_MAX,
        .reason = (uint8_t)world_below(world, END_REASON_COUNT),
        .meter_number = deal->meter_number,
        .meter = deal->meter,
    };
    liar_send_record(world, machine, deal->link, liar_seal(world, machine, RECORD_FINAL, &final));
}

static void
host_act(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    const struct lease_id lease = lease_id_of_record(&deal->lease);
    const struct reclaim reclaim = {.lease = lease, .notice_s = 3, .at_ms = 1};
    const struct lease_state_message state = {
        .lease = lease, .state = (uint8_t)world_below(world, 12), .run_ms = deal->run_ms};
    const struct refused_message refused = {.about = deal->lease,
                                            .reason = (uint8_t)world_below(world, REFUSAL_COUNT)};
    const uint64_t what = world_below(world, 100);
    if (what < 70) {
        host_meter(world, machine, deal);
    } else if (what < 80) {
        host_final(world, machine, deal);
    } else if (what < 86) {
        liar_send_record(world, machine, deal->link,
                         liar_seal(world, machine, RECORD_RECLAIM, &reclaim));
    } else if (what < 93) {
        liar_send(world, machine, deal->link, &lease_state_message_schema, &state);
    } else {
        liar_send(world, machine, deal->link, &refused_message_schema, &refused);
    }
}

static void
renter_act(struct world *world, struct machine *machine, struct liar_deal *deal)
{
    const struct lease_id lease = lease_id_of_record(&deal->lease);
    const struct cancel_message cancel = {.hold = deal->hold};
    const struct end_message end = {.lease = lease, .reason = END_RENTER};
    const struct lease_query_message query = {.lease = lease};
    const struct extension extension = {.lease = lease,
                                        .duration_s = (uint32_t)world_below(world, 100000)};
    const uint64_t what = world_below(world, 100);
    if (!deal->confirmed || what < 15) {
        confirm(world, machine, deal);
    } else if (what < 40) {
        start(world, machine, deal);
    } else if (what < 70) {
        liar_send_record(world, machine, deal->link, make_voucher(world, machine, deal));
    } else if (what < 78) {
        liar_send(world, machine, deal->link, &cancel_message_schema, &cancel);
    } else if (what < 84) {
        liar_send(world, machine, deal->link, &end_message_schema, &end);
    } else if (what < 92) {
        liar_send_record(world, machine, deal->link,
                         liar_seal(world, machine, RECORD_EXTENSION, &extension));
    } else {
        liar_send(world, machine, deal->link, &lease_query_message_schema, &query);
    }
}

void
liar_deal_act(struct world *world, struct machine *machine)
{
    struct liar_deal *deal = &machine->liar->deals[world_below(world, LIAR_DEALS)];
    if (!deal->used) {
        return;
    }
    if (deal->is_host && deal->confirmed) {
        host_act(world, machine, deal);
    } else if (!deal->is_host) {
        renter_act(world, machine, deal);
    }
}
