/* What to ask for a card: the middle of what others ask for such cards, never less than the current. */
#ifndef GPULET_NODE_CORE_ASK_H
#define GPULET_NODE_CORE_ASK_H

#include "node/core/state.h"
#include "node/market/price_index.h"

/* Prices of the classes of a set (NULL: all) in this node's book, with or without its own listings, into
 * room for PRICE_CLASSES_MAX. Returns how many. */
size_t ask_prices(const struct core *core, const uint8_t *classes, bool with_own,
                  struct class_price *ret_prices);

/* The class's median in the book, own listings aside; its typical ask when nobody else offers one; what
 * its current costs when that is more and the price of a kWh was told. */
struct amount ask_suggested(const struct core *core, uint16_t gpu_class);

/* One line for people: where an automatic ask comes from. */
void ask_explain(struct core *core, struct client client, uint16_t gpu_class);

#endif
