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
    shelf->entries = calloc(capacity, sizeof *shelf->entries);
    shelf->bytes = calloc(capacity, SHELF_SLOT_BYTES);
    shelf->ring = calloc(capacity, sizeof *shelf->ring);
    if (shelf->entries == NULL || shelf->bytes == NULL || shelf->ring == NULL) {
        shelf_clear(shelf);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void
shelf_clear(struct shelf *shelf)
{
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
static size_t
slot_home(const struct shelf *shelf, const struct shelf_slot *slot)
{
    uint64_t halves[2]; /* as much as shelf_find_short knows */
    memcpy(halves, slot->author.bytes, sizeof halves);
    uint64_t hash = (halves[0] ^ shelf->secret) * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ hash >> 32 ^ halves[1]) * (shelf->secret | 1);
    hash = (hash ^ hash >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (size_t)(hash >> 32) & (shelf->capacity - 1);
}

static bool
entry_is_slot(const struct shelf_entry *entry, const struct shelf_slot *slot)
{
    return entry->kind == slot->kind && entry->detail == slot->detail &&
           peer_id_equal(&entry->author, &slot->author);
}

struct shelf_entry *
shelf_find(struct shelf *shelf, const struct shelf_slot *slot)
{
    for (size_t at = slot_home(shelf, slot); shelf->entries[at].used;
         at = (at + 1) & (shelf->capacity - 1)) {
        if (entry_is_slot(&shelf->entries[at], slot)) {
            return &shelf->entries[at];
        }
    }
    return NULL;
}

struct shelf_entry *
shelf_find_short(struct shelf *shelf, const uint8_t author[16], uint8_t kind, uint32_t detail)
{
    struct shelf_slot slot = {.kind = kind, .detail = detail};
    memcpy(slot.author.bytes, author, 16);
    for (size_t at = slot_home(shelf, &slot); shelf->entries[at].used;
         at = (at + 1) & (shelf->capacity - 1)) {
        struct shelf_entry *entry = &shelf->entries[at];
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
    for (size_t at = 0; at < shelf->capacity; at++) {
        struct shelf_entry *entry = &shelf->entries[at];
        if (entry->used && entry->length > 0 && record_id_equal(&entry->id, id)) {
            return entry;
        }
    }
    return NULL;
}

bool
shelf_is_live(const struct shelf_entry *entry, struct wall now)
{
    return entry->used && entry->length > 0 && entry->expires_at_s * 1000 > (uint64_t)now.ms;
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

static size_t
author_count(const struct shelf *shelf, const struct shelf_slot *slot)
{
    size_t count = 0;
    for (size_t at = slot_home(shelf, slot); shelf->entries[at].used;
         at = (at + 1) & (shelf->capacity - 1)) {
        count += peer_id_equal(&shelf->entries[at].author, &slot->author);
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
        const bool full = shelf->used >= shelf->capacity * 3 / 4;
        return full || author_count(shelf, &slot) >= RECORDS_PER_AUTHOR_MAX ? STATUS_LIMIT
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
    size_t at = slot_home(shelf, slot);
    while (shelf->entries[at].used) {
        at = (at + 1) & (shelf->capacity - 1);
    }
    shelf->used++;
    entry = &shelf->entries[at];
    *entry = (struct shelf_entry){
        .used = true, .author = slot->author, .kind = slot->kind, .detail = slot->detail};
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
    if (shelf->used >= shelf->capacity * 3 / 4 && shelf_find(shelf, &slot) == NULL) {
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

void
shelf_remove(struct shelf *shelf, struct shelf_entry *entry)
{
    const size_t mask = shelf->capacity - 1;
    size_t hole = (size_t)(entry - shelf->entries);
    shelf->records -= entry->length > 0;
    shelf->used--;
    /* Knuth, The Art of Computer Programming 3, 6.4, algorithm R: close the gap, so that no search stops early. */
    for (size_t at = (hole + 1) & mask; shelf->entries[at].used; at = (at + 1) & mask) {
        const struct shelf_entry *mover = &shelf->entries[at];
        const struct shelf_slot slot = {mover->author, mover->kind, mover->detail};
        const size_t home = slot_home(shelf, &slot);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            shelf->entries[hole] = *mover;
            memcpy(shelf->bytes + hole * SHELF_SLOT_BYTES, shelf->bytes + at * SHELF_SLOT_BYTES,
                   mover->length);
            hole = at;
        }
    }
    shelf->entries[hole] = (struct shelf_entry){.used = false};
}
