/* Standing requests of others: this host holds slots for them and offers, in its turn. offered.c: the
 * renter's side of it. */
#ifndef GPULET_NODE_CORE_SERVE_H
#define GPULET_NODE_CORE_SERVE_H

#include "node/core/lease.h"
#include "node/core/links.h"

/* A request came, or left, or slots may be free: the requests are looked at with the next tick. */
void serve_soon(struct core *core);
void serve_tick(struct core *core);

/* When serve_tick has something to do; 0 ms: nothing is planned. */
struct boot serve_deadline(const struct core *core);

/* What was offered was started, or it lapsed or came back: keys that take offers for nothing wait. */
void serve_note_taken(struct core *core, const struct lease *lease);
void serve_note_untaken(struct core *core, const struct lease *lease);

/* offered.c: a host offers to serve a standing request of ours. */
void offered_take(struct core *core, struct link_state *link, const struct offer_message *message);

#endif
