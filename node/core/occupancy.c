#include "node/core/occupancy.h"

#include "node/core/links.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { FRESH_S = 1, OLD_S = 600, ASKED_MAX = 256 };

static uint64_t
now_s(const struct core *core)
{
    return (uint64_t)core->now.wall.ms / 1000;
}

static const struct occupancy_note *
find_note(const struct core *core, const struct host_key *host, uint16_t slot_group)
{
    for (size_t i = 0; i < OCCUPANCY_MAX; i++) {
        const struct occupancy_note *note = &core->occupancy[i];
        const struct host_key key = host_key_of(&note->host);
        if (note->told_at_s != 0 && note->slot_group == slot_group &&
            host_key_compare(&key, host) == 0) {
            return note;
        }
    }
    return NULL;
}

/* The place of the same group, else a free one, else the oldest. */
static void
keep_note(struct core *core, const struct occupancy_note *note)
{
    struct occupancy_note *place = &core->occupancy[0];
    for (size_t i = 0; i < OCCUPANCY_MAX; i++) {
        struct occupancy_note *each = &core->occupancy[i];
        if (each->told_at_s != 0 && each->slot_group == note->slot_group &&
            peer_id_equal(&each->host, &note->host)) {
            place = each;
            break;
        }
        place = each->told_at_s < place->told_at_s ? each : place;
    }
    *place = *note;
}

/* What holds here and now of an own group. */
static struct slots_message
own_slots(const struct core *core, const struct offer_state *offer)
{
    const uint64_t offered = listing_slots_offered(core, &offer->row);
    const uint64_t taken = offered & lease_slots_taken(core, offer->row.slot_group);
    return (struct slots_message){
        .slot_group = offer->row.slot_group,
        .slots_total = (uint16_t)__builtin_popcountll(offered),
        .slots_taken = (uint16_t)__builtin_popcountll(taken),
        .free_at_s = taken == 0 ? 0 : lease_slots_free_at_s(core, offer->row.slot_group),
    };
}

static void
answer_query(struct core *core, struct link_state *link, const struct slots_query_message *query)
{
    const struct offer_state *offer = listing_offer(core, query->slot_group);
    if (offer != NULL && offer->published) {
        const struct slots_message slots = own_slots(core, offer);
        say_message(core, link->link, &slots_message_schema, &slots);
    }
}

/* What was not asked for is kept as well: it harms nobody, and pushes out the oldest at most. */
static void
take_slots(struct core *core, const struct link_state *link, const struct slots_message *slots)
{
    const struct host_key host = host_key_of(&link->peer);
    struct market_row row;
    if (book_find(core->book, &link->peer, slots->slot_group, &row) != STATUS_OK ||
        host_key_compare(&row.host, &host) != 0 || slots->slots_taken > slots->slots_total) {
        return;
    }
    const struct occupancy_note note = {
        .host = link->peer,
        .slot_group = slots->slot_group,
        .slots_total = slots->slots_total,
        .slots_taken = slots->slots_taken,
        .free_at_s = slots->free_at_s,
        .told_at_s = now_s(core),
    };
    keep_note(core, &note);
}

void
occupancy_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes)
{
    struct slots_query_message query;
    struct slots_message slots;
    const bool is_query = type == MESSAGE_SLOTS_QUERY;
    const enum status status = is_query ? message_decode(&slots_query_message_schema, bytes, &query)
                                        : message_decode(&slots_message_schema, bytes, &slots);
    if (status != STATUS_OK) {
        links_drop(core, link, "it sent a message that cannot be read");
    } else if (is_query) {
        answer_query(core, link, &query);
    } else {
        take_slots(core, link, &slots);
    }
}

void
occupancy_note_busy(struct core *core, const struct lease *lease, const struct busy_message *busy)
{
    struct market_row row;
    if (book_find(core->book, &lease->row.peer, lease->row.slot_group, &row) != STATUS_OK ||
        busy->slots_free > row.slots_total) {
        return;
    }
    const struct occupancy_note note = {
        .host = lease->row.peer,
        .slot_group = lease->row.slot_group,
        .slots_total = row.slots_total,
        .slots_taken = (uint16_t)(row.slots_total - busy->slots_free),
        .free_at_s = busy->free_at_s,
        .told_at_s = now_s(core),
    };
    keep_note(core, &note);
}

static bool
is_fresh(const struct core *core, const struct peer_id *host, uint16_t slot_group)
{
    const struct host_key key = host_key_of(host);
    const struct occupancy_note *note = find_note(core, &key, slot_group);
    return note != NULL && note->told_at_s + FRESH_S > now_s(core);
}

unsigned
occupancy_ask(struct core *core)
{
    unsigned asked = 0;
    for (size_t i = 0; i < LINKS_MAX && asked < ASKED_MAX; i++) {
        const struct link_state *link = &core->links[i];
        struct market_row row;
        for (uint16_t group = 0; group < SLOT_GROUPS_MAX; group++) {
            if (!link->used || !link->introduced || asked == ASKED_MAX || !say_has_room(core) ||
                book_find(core->book, &link->peer, group, &row) != STATUS_OK ||
                is_fresh(core, &link->peer, group)) {
                continue;
            }
            const struct slots_query_message query = {.slot_group = group};
            say_message(core, link->link, &slots_query_message_schema, &query);
            asked++;
        }
    }
    return asked;
}

bool
occupancy_of(const struct core *core, const struct market_row *row, struct occupancy_note *ret_note)
{
    const struct host_key own = host_key_of(&core->options.keypair.identity);
    if (host_key_compare(&row->host, &own) == 0) {
        for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
            const struct offer_state *offer = &core->offers[i];
            if (offer->used && offer->row.slot_group == row->slot_group) {
                const struct slots_message slots = own_slots(core, offer);
                *ret_note = (struct occupancy_note){.slot_group = slots.slot_group,
                                                    .slots_total = slots.slots_total,
                                                    .slots_taken = slots.slots_taken,
                                                    .free_at_s = slots.free_at_s,
                                                    .told_at_s = now_s(core)};
                return true;
            }
        }
        return false;
    }
    const struct occupancy_note *note = find_note(core, &row->host, row->slot_group);
    if (note == NULL || note->told_at_s + OLD_S < now_s(core)) {
        return false;
    }
    *ret_note = *note;
    return true;
}
