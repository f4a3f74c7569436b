#include "node/core/shelf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"

enum status
shelf_init(struct shelf *shelf, size_t records_max)
{
    size_t capacity = 64;
    while (capacity * 3 / 4 < records_max) {
        capacity *= 2;
    }
    *shelf = (struct shelf){.capacity = capacity};
    shelf->places = calloc(capacity, sizeof *shelf->places);
    shelf->entries = calloc(capacity, sizeof *shelf->entries);
    shelf->bytes = calloc(capacity, SHELF_SLOT_BYTES);
    shelf->ring = calloc(capacity, sizeof *shelf->ring);
    if (shelf->places == NULL || shelf->entries == NULL || shelf->bytes == NULL ||
        shelf->ring == NULL) {
        shelf_clear(shelf);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void
shelf_clear(struct shelf *shelf)
{
    free(shelf->places);
    free(shelf->entries);
    free(shelf->bytes);
    free(shelf->ring);
    *shelf = (struct shelf){.capacity = 0};
}

enum status
shelf_slot_of(const struct envelope *envelope, struct shelf_slot *ret_slot)
{
    if (!record_kind_is_public(envelope->kind)) {
        return STATUS_WRONG_TYPE;
    }
    *ret_slot = (struct shelf_slot){envelope->author, envelope->kind, envelope->detail};
    if (envelope->kind != RECORD_WITHDRAWAL) {
        return STATUS_OK;
    }
    struct withdrawal withdrawal;
    const enum status status = codec_decode(&withdrawal_schema, envelope->body, &withdrawal);
    if (status != STATUS_OK) {
        return status;
    }
    const bool can_be_withdrawn =
        withdrawal.victim_kind == RECORD_LISTING || withdrawal.victim_kind == RECORD_REQUEST;
    if (!can_be_withdrawn || envelope->seq <= withdrawal.victim_seq) {
        return STATUS_WRONG_TYPE;
    }
    ret_slot->kind = withdrawal.victim_kind;
    ret_slot->detail = withdrawal.victim_detail;
    return STATUS_OK;
}

/* All records of one author lie in one run, so that its quota is counted in a short walk. Without the
 * secret anybody could grind keys that all stand in one run, and make every look a long walk. */
static uint32_t
author_tag(const struct shelf *shelf, const uint8_t author[16])
{
    uint64_t halves[2]; /* as much as shelf_find_short knows */
    memcpy(halves, author, sizeof halves);
    uint64_t hash = (halves[0] ^ shelf->secret) * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ hash >> 32 ^ halves[1]) * (shelf->secret | 1);
    hash = (hash ^ hash >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(hash >> 32);
}

/* A walk over the entries of one author, among which others with its tag may be. */
struct walk {
    size_t at;
    uint32_t tag;
};

static struct walk
walk_from(const struct shelf *shelf, const uint8_t author[16])
{
    const uint32_t tag = author_tag(shelf, author);
    return (struct walk){.at = tag & (shelf->capacity - 1), .tag = tag};
}

/* NULL at the end of the run; `walk->at` is then the free place behind it. */
static struct shelf_entry *
walk_next(const struct shelf *shelf, struct walk *walk)
{
    while (shelf->places[walk->at].number != 0) {
        const struct shelf_place *place = &shelf->places[walk->at];
        walk->at = (walk->at + 1) & (shelf->capacity - 1);
        if (place->tag == walk->tag) {
            return &shelf->entries[place->number - 1];
        }
    }
    return NULL;
}

struct shelf_entry *
shelf_find(struct shelf *shelf, const struct shelf_slot *slot)
{
    struct walk walk = walk_from(shelf, slot->author.bytes);
    struct shelf_entry *entry;
    while ((entry = walk_next(shelf, &walk)) != NULL) {
        if (entry->kind == slot->kind && entry->detail == slot->detail &&
            peer_id_equal(&entry->author, &slot->author)) {
            return entry;
        }
    }
    return NULL;
}

struct shelf_entry *
shelf_find_short(struct shelf *shelf, const uint8_t author[16], uint8_t kind, uint32_t detail)
{
    struct walk walk = walk_from(shelf, author);
    struct shelf_entry *entry;
    while ((entry = walk_next(shelf, &walk)) != NULL) {
        if (entry->kind == kind && entry->detail == detail &&
            memcmp(entry->author.bytes, author, 16) == 0) {
            return entry;
        }
    }
    return NULL;
}

struct shelf_entry *
shelf_find_id(struct shelf *shelf, const struct record_id *id)
{
    for (size_t at = 0; at < shelf->used; at++) {
        struct shelf_entry *entry = &shelf->entries[at];
        if (entry->length > 0 && record_id_equal(&entry->id, id)) {
            return entry;
        }
    }
    return NULL;
}

bool
shelf_is_live(const struct shelf_entry *entry, struct wall now)
{
    return entry->length > 0 && entry->expires_at_s * 1000 > (uint64_t)now.ms;
}

struct bytes
shelf_bytes(const struct shelf *shelf, const struct shelf_entry *entry)
{
    const size_t at = (size_t)(entry - shelf->entries);
    return bytes_of(shelf->bytes + at * SHELF_SLOT_BYTES, entry->length);
}

static enum status
times_check(const struct envelope *envelope, struct wall now)
{
    const uint64_t now_s = now.ms > 0 ? (uint64_t)now.ms / 1000 : 0;
    if (envelope->issued_at_s > now_s + RECORD_FUTURE_S_MAX) {
        return STATUS_FROM_FUTURE;
    }
    if (envelope->issued_at_s + envelope->ttl_s <= now_s) {
        return STATUS_EXPIRED;
    }
    /* A seq far ahead of its own time would burn the slot for ever. */
    if (envelope->seq > envelope->issued_at_s * 1000 + RECORD_SEQ_AHEAD_MS_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    return STATUS_OK;
}

bool
shelf_is_full(const struct shelf *shelf)
{
    return shelf->used >= shelf->capacity * 3 / 4;
}

size_t
shelf_author_count(const struct shelf *shelf, const struct peer_id *author)
{
    struct walk walk = walk_from(shelf, author->bytes);
    const struct shelf_entry *entry;
    size_t count = 0;
    while ((entry = walk_next(shelf, &walk)) != NULL) {
        count += peer_id_equal(&entry->author, author);
    }
    return count;
}

enum status
shelf_admit(struct shelf *shelf, const struct record_view *view, struct wall now)
{
    struct shelf_slot slot;
    enum status status = shelf_slot_of(&view->envelope, &slot);
    if (status == STATUS_OK) {
        status = times_check(&view->envelope, now);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (view->sealed.length > SHELF_SLOT_BYTES) {
        return STATUS_OUT_OF_RANGE;
    }
    const struct shelf_entry *entry = shelf_find(shelf, &slot);
    if (entry == NULL) {
        return shelf_is_full(shelf) ||
                       shelf_author_count(shelf, &slot.author) >= RECORDS_PER_AUTHOR_MAX
                   ? STATUS_LIMIT
                   : STATUS_OK;
    }
    if (entry->length > 0 && record_id_equal(&entry->id, &view->id)) {
        return STATUS_DUPLICATE;
    }
    if (view->envelope.seq != entry->seq) {
        return view->envelope.seq > entry->seq ? STATUS_OK : STATUS_STALE;
    }
    /* Two records under one seq: the lowest id wins, so that every node keeps the same one. */
    return entry->length > 0 && memcmp(view->id.bytes, entry->id.bytes, ID_LENGTH) < 0
               ? STATUS_OK
               : STATUS_STALE;
}

static struct shelf_entry *
entry_for(struct shelf *shelf, const struct shelf_slot *slot)
{
    struct shelf_entry *entry = shelf_find(shelf, slot);
    if (entry != NULL) {
        return entry;
    }
    assert(shelf->used < shelf->capacity - 1);
    struct walk walk = walk_from(shelf, slot->author.bytes);
    while (walk_next(shelf, &walk) != NULL) {
    }
    entry = &shelf->entries[shelf->used];
    shelf->used++;
    shelf->places[walk.at] = (struct shelf_place){.number = (uint32_t)shelf->used, .tag = walk.tag};
    *entry =
        (struct shelf_entry){.author = slot->author, .kind = slot->kind, .detail = slot->detail};
    return entry;
}

struct shelf_entry *
shelf_put(struct shelf *shelf, const struct verified_record *record, struct link from)
{
    const struct envelope *envelope = verified_envelope(record);
    const struct bytes sealed = verified_bytes(record);
    struct shelf_slot slot;
    const enum status status = shelf_slot_of(envelope, &slot);
    assert(status == STATUS_OK && sealed.length <= SHELF_SLOT_BYTES);
    struct shelf_entry *entry = entry_for(shelf, &slot);
    shelf->records += entry->length == 0;
    shelf->arrivals++;
    entry->record_kind = envelope->kind;
    entry->seq = envelope->seq;
    entry->id = *verified_id(record);
    entry->issued_at_s = envelope->issued_at_s;
    entry->expires_at_s = envelope->issued_at_s + envelope->ttl_s;
    entry->guard_until_s = envelope->issued_at_s + SEQ_GUARD_S;
    entry->arrival = shelf->arrivals;
    shelf->ring[shelf->arrivals & (shelf->capacity - 1)] = slot;
    entry->from = from;
    entry->length = (uint16_t)sealed.length;
    memcpy(shelf->bytes + (size_t)(entry - shelf->entries) * SHELF_SLOT_BYTES, sealed.data,
           sealed.length);
    if (shelf->next_expiry_s == 0 || entry->expires_at_s < shelf->next_expiry_s) {
        shelf->next_expiry_s = entry->expires_at_s;
    }
    return entry;
}

struct shelf_entry *
shelf_next_arrival(struct shelf *shelf, uint64_t after)
{
    uint64_t at = after + 1;
    if (shelf->arrivals >= shelf->capacity && at <= shelf->arrivals - shelf->capacity) {
        at = shelf->arrivals - shelf->capacity + 1;
    }
    for (; at <= shelf->arrivals; at++) {
        struct shelf_entry *entry = shelf_find(shelf, &shelf->ring[at & (shelf->capacity - 1)]);
        if (entry != NULL && entry->length > 0 && entry->arrival == at) {
            return entry;
        }
    }
    return NULL;
}

void
shelf_put_guard(struct shelf *shelf, const struct guard_row *guard)
{
    const struct shelf_slot slot = {guard->author, guard->kind, guard->detail};
    if (shelf_is_full(shelf) && shelf_find(shelf, &slot) == NULL) {
        return;
    }
    struct shelf_entry *entry = entry_for(shelf, &slot);
    if (entry->length == 0 && guard->seq >= entry->seq) {
        entry->seq = guard->seq;
        entry->guard_until_s = guard->until_s;
        if (guard->until_s < shelf->next_expiry_s) {
            shelf->next_expiry_s = guard->until_s;
        }
    }
}

void
shelf_retire(struct shelf *shelf, struct shelf_entry *entry)
{
    assert(entry->length > 0);
    shelf->records--;
    entry->length = 0;
    entry->arrival = 0;
}

static size_t
place_of(const struct shelf *shelf, const struct shelf_entry *entry)
{
    const size_t number = (size_t)(entry - shelf->entries) + 1;
    size_t at = author_tag(shelf, entry->author.bytes) & (shelf->capacity - 1);
    while (shelf->places[at].number != number) {
        assert(shelf->places[at].number != 0);
        at = (at + 1) & (shelf->capacity - 1);
    }
    return at;
}

/* Knuth, The Art of Computer Programming 3, 6.4, algorithm R: close the gap, so that no search stops early. */
static void
free_place(struct shelf *shelf, size_t hole)
{
    const size_t mask = shelf->capacity - 1;
    for (size_t at = (hole + 1) & mask; shelf->places[at].number != 0; at = (at + 1) & mask) {
        if (((at - shelf->places[at].tag) & mask) >= ((at - hole) & mask)) {
            shelf->places[hole] = shelf->places[at];
            hole = at;
        }
    }
    shelf->places[hole] = (struct shelf_place){0};
}

void
shelf_remove(struct shelf *shelf, struct shelf_entry *entry)
{
    struct shelf_entry *last = &shelf->entries[shelf->used - 1];
    shelf->records -= entry->length > 0;
    free_place(shelf, place_of(shelf, entry));
    if (entry != last) {
        const size_t from = (size_t)(last - shelf->entries);
        const size_t to = (size_t)(entry - shelf->entries);
        shelf->places[place_of(shelf, last)].number = (uint32_t)to + 1;
        memcpy(shelf->bytes + to * SHELF_SLOT_BYTES, shelf->bytes + from * SHELF_SLOT_BYTES,
               last->length);
        *entry = *last;
    }
    shelf->used--;
}
