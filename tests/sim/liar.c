/* A peer that lies: frames made by hand, signed by its own key or by nobody. This file has the lies that need no
 * lease: garbage, spoilt and repeated frames, listings that are bait. */
#include "tests/sim/liar.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"

struct liar *
liar_new(struct world *world, unsigned index)
{
    struct liar *liar = calloc(1, sizeof *liar);
    if (liar == NULL) {
        abort();
    }
    world_plan(world, world->now_us + 2 * SECOND,
               (struct item){.kind = ITEM_LIAR, .machine = index});
    return liar;
}

void
liar_free(struct liar *liar)
{
    free(liar);
}

static void
note_listing(struct liar *liar, struct world *world, struct bytes sealed)
{
    struct record_view view;
    if (record_parse(sealed, &world->network, &view) != STATUS_OK ||
        view.envelope.kind != RECORD_LISTING) {
        return;
    }
    struct liar_listing *place = NULL;
    for (size_t i = 0; i < LIAR_LISTINGS; i++) {
        struct liar_listing *each = &liar->listings[i];
        if (!each->used || peer_id_equal(&each->host, &view.envelope.author)) {
            place = each;
            break;
        }
    }
    if (place != NULL) {
        *place = (struct liar_listing){true, view.envelope.author, view.id};
    }
}

static void
note_records(struct liar *liar, struct world *world, uint8_t type, struct bytes frame)
{
    struct records_message records;
    struct page_message page;
    const struct bytes_list *list = NULL;
    if (type == MESSAGE_RECORDS &&
        message_decode(&records_message_schema, frame, &records) == STATUS_OK) {
        list = &records.records;
    } else if (type == MESSAGE_PAGE &&
               message_decode(&page_message_schema, frame, &page) == STATUS_OK) {
        list = &page.records;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        note_listing(liar, world, list->items[i]);
    }
}

static void
keep_frame(struct liar *liar, struct bytes frame)
{
    struct liar_frame *kept = &liar->frames[liar->frame_count % LIAR_FRAMES];
    if (frame.length <= sizeof kept->bytes) {
        memcpy(kept->bytes, frame.data, frame.length);
        kept->length = frame.length;
        liar->frame_count++;
    }
}

static void
take_frame(struct world *world, struct machine *machine, struct link link, struct bytes frame)
{
    uint8_t type;
    struct ping_message ping;
    if (message_type(frame, &type) != STATUS_OK) {
        return;
    }
    keep_frame(machine->liar, frame);
    if (type == MESSAGE_PING && message_decode(&ping_message_schema, frame, &ping) == STATUS_OK) {
        liar_send(world, machine, link, &pong_message_schema, &ping);
    } else if (type == MESSAGE_PAGE || type == MESSAGE_RECORDS) {
        note_records(machine->liar, world, type, frame);
    } else {
        liar_deal_take(world, machine, link, frame);
    }
}

static void
take_link(struct world *world, struct machine *machine, const struct event *event)
{
    struct liar *liar = machine->liar;
    for (size_t i = 0; i < LIAR_LINKS; i++) {
        struct liar_link *link = &liar->links[i];
        if (!link->used) {
            *link = (struct liar_link){true, event->as.link_up.link, event->as.link_up.key};
            liar_hello(world, machine, link);
            const struct pull_message pull = {.token = 1};
            liar_send(world, machine, link->link, &pull_message_schema, &pull);
            return;
        }
    }
}

void
liar_take(struct world *world, struct machine *machine, const struct event *event)
{
    struct liar *liar = machine->liar;
    if (event->type == EVENT_LINK_UP) {
        take_link(world, machine, event);
    } else if (event->type == EVENT_LINK_DOWN) {
        for (size_t i = 0; i < LIAR_LINKS; i++) {
            if (liar->links[i].link.number == event->as.link_down.number) {
                liar->links[i].used = false;
            }
        }
    } else if (event->type == EVENT_FRAME && !world->calm) {
        take_frame(world, machine, event->as.frame.link, event->as.frame.bytes);
    }
}

static const struct liar_link *
some_link(struct world *world, const struct liar *liar)
{
    const size_t start = (size_t)world_below(world, LIAR_LINKS);
    for (size_t i = 0; i < LIAR_LINKS; i++) {
        const struct liar_link *link = &liar->links[(start + i) % LIAR_LINKS];
        if (link->used) {
            return link;
        }
    }
    return NULL;
}

/* Random bytes; or what somebody said before, to somebody else, perhaps spoilt. */
static void
send_old(struct world *world, struct machine *machine, const struct liar_link *link)
{
    struct liar *liar = machine->liar;
    uint8_t bytes[6000];
    size_t length = (size_t)world_below(world, 200);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)world_random(world);
    }
    if (liar->frame_count > 0 && world_chance(world, 800)) {
        const size_t known = liar->frame_count < LIAR_FRAMES ? liar->frame_count : LIAR_FRAMES;
        const struct liar_frame *frame = &liar->frames[world_below(world, known)];
        memcpy(bytes, frame->bytes, frame->length);
        length = frame->length;
        if (world_chance(world, 400)) {
            liar_spoil(world, bytes, length);
        }
    }
    world->tally.lies++;
    net_send(world, machine, link->link, bytes_of(bytes, length));
}

/* Cards that do not exist, cheaper than any: renters come. */
static void
publish_bait(struct world *world, struct machine *machine, const struct liar_link *link)
{
    struct liar *liar = machine->liar;
    struct amount ask = amount_zero();
    struct listing listing = {
        .slots_total = 4,
        .gpu_name = bytes_of_text("RTX 4090"),
        .vram_mib = 24576,
        .fp16_gflops = 100000,
        .bandwidth_mb_s = 900000,
        .driver = bytes_of_text("none"),
        .lease_min_s = 1,
        .lease_max_s = 3600,
        .interval_s = TEST_INTERVAL_S,
        .meter_s = TEST_METER_S,
        .works = 15,
        .isolation = ISOLATION_PROCESS,
        .flags = LISTING_SIMULATED,
    };
    if (amount_of_micro(world_between(world, 1, 900000), &ask) != STATUS_OK) {
        return;
    }
    listing.ask_uusd_per_hour = ask;
    memset(listing.week_hours, 0xFF, sizeof listing.week_hours);
    const struct bytes sealed = liar_seal(world, machine, RECORD_LISTING, &listing);
    struct record_view view;
    if (sealed.length == 0 || sealed.length > LISTING_BYTES_MAX ||
        record_parse(sealed, &world->network, &view) != STATUS_OK) {
        return;
    }
    liar->own_listing = view.id;
    liar->own_listing_length = sealed.length;
    memcpy(liar->own_listing_bytes, sealed.data, sealed.length);
    struct records_message message = {.records = {.count = 1, .items = {sealed}}};
    liar_send(world, machine, link->link, &records_message_schema, &message);
}

static void
ask_for_slots(struct world *world, struct machine *machine, const struct liar_link *link)
{
    struct liar *liar = machine->liar;
    const struct liar_listing *listing = &liar->listings[world_below(world, LIAR_LISTINGS)];
    struct amount most = amount_zero();
    if (!listing->used || amount_of_micro(1000000, &most) != STATUS_OK) {
        return;
    }
    const struct hold hold = {.host = listing->host,
                              .listing = listing->id,
                              .slots = (uint16_t)world_between(world, 1, 4),
                              .duration_s = (uint32_t)world_between(world, 1, 100),
                              .ask_max_uusd_per_hour = most,
                              .ttl_ms = (uint32_t)world_below(world, 20000)};
    liar_send_record(world, machine, link->link, liar_seal(world, machine, RECORD_HOLD, &hold));
}

void
liar_act(struct world *world, struct machine *machine)
{
    world_plan(world, world->now_us + world_between(world, 20 * MS, 1500 * MS),
               (struct item){.kind = ITEM_LIAR, .machine = machine->index});
    if (world->calm) {
        return;
    }
    const unsigned other = (unsigned)world_below(world, world->machine_count);
    const struct liar_link *link = some_link(world, machine->liar);
    if (other != machine->index && (link == NULL || world_chance(world, 100))) {
        char address[64];
        net_dial(world, machine, net_address(other, address),
                 &world->machines[other].options.keypair.channel_key);
    }
    if (link == NULL) {
        return;
    }
    const uint64_t what = world_below(world, 100);
    if (what < 10) {
        send_old(world, machine, link);
    } else if (what < 25) {
        publish_bait(world, machine, link);
    } else if (what < 50) {
        ask_for_slots(world, machine, link);
    } else {
        liar_deal_act(world, machine);
    }
}
