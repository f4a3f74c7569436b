/* Fair shares of the shelf: how often a listing may change, and who makes room when the shelf is full. */
#ifndef GPULET_NODE_CORE_SHARE_H
#define GPULET_NODE_CORE_SHARE_H

#include "node/core/shelf.h"

/* shelf_admit, and besides: listings that change too often are refused (STATUS_LIMIT); a full shelf still
 * takes a record when another one can make room for it. */
enum status share_admit(struct core *core, const struct record_view *view) MUST_USE;

/* Before shelf_put: when the shelf is full and the slot is new, the record that makes room is dropped. */
void share_make_room(struct core *core, const struct shelf_slot *slot);

/* After shelf_put: one more change of a listing. */
void share_note_put(struct core *core, struct shelf_entry *entry);

/* How long our own listing of a slot group has to wait before it may change again; 0: not at all. Stricter
 * than what is asked of others, so that theirs is met whatever the way does to the distances. */
struct duration share_own_wait(struct core *core, uint16_t slot_group);

#endif
