/* Answers about the market: offers, and why others do not fit. */
#ifndef GPULET_NODE_CORE_SEARCH_H
#define GPULET_NODE_CORE_SEARCH_H

#include "node/core/find.h"
#include "protocol/control.h"

void search_question(struct core *core, struct client client, const struct control_search *ask);
void search_listings(struct core *core, struct client client, const struct control_listings *ask);

/* One ROW_LISTING. */
void search_say_listing(struct core *core, struct client client, const struct shelf_entry *entry,
                        const struct listing *listing);

/* An offer as it is shown: its place in the order, and whether rent would take it. */
struct shown_offer {
    const struct found *found;
    const struct request *request;
    uint16_t rank;
    bool pick;
};

/* One ROW_OFFER. */
void search_say_offer(struct core *core, struct client client, const struct shown_offer *shown);

/* One ROW_REJECT for each clause that keeps something out. */
void search_explain(struct core *core, struct client client, const struct request *request);

#endif
