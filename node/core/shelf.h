/* The public records that this node knows: one a slot (author, kind, detail), with the guards that outlive them. */
#ifndef GPULET_NODE_CORE_SHELF_H
#define GPULET_NODE_CORE_SHELF_H

#include "node/core/state.h"

/* Room for that many records; STATUS_NO_MEMORY. */
enum status shelf_init(struct shelf *shelf, size_t records_max) MUST_USE;
void shelf_clear(struct shelf *shelf);

/* STATUS_WRONG_TYPE for a private kind, or a withdrawal of something that cannot be withdrawn. */
enum status shelf_slot_of(const struct envelope *envelope, struct shelf_slot *ret_slot) MUST_USE;

/* NULL when nothing is known of the slot. */
struct shelf_entry *shelf_find(struct shelf *shelf, const struct shelf_slot *slot);
/* By the first half of an author's key, as the book knows hosts. */
struct shelf_entry *shelf_find_short(struct shelf *shelf, const uint8_t author[16], uint8_t kind,
                                     uint32_t detail);
struct shelf_entry *shelf_find_id(struct shelf *shelf, const struct record_id *id);

/* A record, not only a guard, and not expired. */
bool shelf_is_live(const struct shelf_entry *entry, struct wall now);

/* The sealed bytes of an entry; empty for a guard. Borrowed from the shelf until it changes. */
struct bytes shelf_bytes(const struct shelf *shelf, const struct shelf_entry *entry);

/* Whether a record may enter now, before its signature is checked: cheap, in this order: time, slot
 * (STATUS_STALE, STATUS_DUPLICATE), quota of the author and room (STATUS_LIMIT). */
enum status shelf_admit(struct shelf *shelf, const struct record_view *view, struct wall now)
    MUST_USE;

/* No new slot has room. */
bool shelf_is_full(const struct shelf *shelf);

/* Records and guards of one author. */
size_t shelf_author_count(const struct shelf *shelf, const struct peer_id *author);

/* Puts a verified record into its slot, in place of an older one. Call shelf_admit before. */
struct shelf_entry *shelf_put(struct shelf *shelf, const struct verified_record *record,
                              struct link from);

/* The first live record that came after arrival number `after`, or NULL. When more have come since than
 * the shelf holds, the oldest ones are passed over: who missed them pulls. */
struct shelf_entry *shelf_next_arrival(struct shelf *shelf, uint64_t after);

/* A guard read back from disk. */
void shelf_put_guard(struct shelf *shelf, const struct guard_row *guard);

/* Makes a record's entry a guard: its time is over. */
void shelf_retire(struct shelf *shelf, struct shelf_entry *entry);

/* Forgets an entry whole; the last of the entries takes its place. */
void shelf_remove(struct shelf *shelf, struct shelf_entry *entry);

#endif
