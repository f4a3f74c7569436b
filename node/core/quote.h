/* Answers about many cards: what so many would cost now, when more free up, and prices by class. */
#ifndef GPULET_NODE_CORE_QUOTE_H
#define GPULET_NODE_CORE_QUOTE_H

#include "node/core/state.h"
#include "protocol/control.h"

/* ROW_QUOTE: the cost curve of request.count x request.hosts cards, over those that are not known to be
 * taken. ROW_FREEING: cards that fit and are taken or closed, by the time at which they may be had. */
void quote_answer(struct core *core, struct client client, const struct request *request);

/* ROW_MARKET for each class that somebody offers. */
void quote_market(struct core *core, struct client client, const struct control_market *ask);

/* An amount of money that was summed: what no amount can say is shown as nothing. */
struct amount quote_amount(uint64_t micro);

#endif
