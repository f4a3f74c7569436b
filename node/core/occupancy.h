/* How many cards of others are taken, as their hosts told: hints with an age, for people. A match never
 * rests on them; the host's signature does. */
#ifndef GPULET_NODE_CORE_OCCUPANCY_H
#define GPULET_NODE_CORE_OCCUPANCY_H

#include "node/core/lease.h"
#include "node/market/market_row.h"
#include "protocol/message.h"

/* MESSAGE_SLOTS_QUERY is answered, MESSAGE_SLOTS noted. */
void occupancy_message(struct core *core, struct link_state *link, uint8_t type,
                       struct bytes bytes);

/* A host was busy: how many slots were asked of it says how many are taken at least. */
void occupancy_note_busy(struct core *core, const struct lease *lease,
                         const struct busy_message *busy);

/* Asks hosts that are connected and list something, but told nothing for a while. Returns how many
 * groups. */
unsigned occupancy_ask(struct core *core);

/* What is known of a row's group: of own cards for certain, of others by what was told within ten
 * minutes. False: nothing. The fields of ret_note are set but for the host. */
bool occupancy_of(const struct core *core, const struct market_row *row,
                  struct occupancy_note *ret_note);

#endif
