/* Standing requests of this node's person: published, tried again and again, kept over restarts. */
#ifndef GPULET_NODE_CORE_STANDING_H
#define GPULET_NODE_CORE_STANDING_H

#include "node/core/state.h"
#include "protocol/control.h"

/* CONTROL_REQUEST, CONTROL_REQUESTS, CONTROL_REQUEST_CANCEL. */
void standing_begin(struct core *core, struct client client, const struct control_rent *ask);
void standing_list(struct core *core, struct client client);
void standing_cancel(struct core *core, struct client client, const struct control_lease_end *ask);

void standing_recover(struct core *core, const struct row *row);

/* Call for each stored setting SETTING_REQUEST_PLACES + place, before the requests. */
void standing_recover_place(struct core *core, uint64_t place, uint64_t value);

/* All rows were read. */
void standing_recovered(struct core *core);
void standing_tick(struct core *core);

/* A lease for it is stored with this step, and its START goes out: nothing more is rented, unless that
 * start comes to nothing. Nothing when the client is no request's. */
void standing_served(struct core *core, struct client client, const struct record_id *hold);

/* Its gang was admitted with this step: the request is over. Nothing when the client is no request's. */
void standing_fulfilled(struct core *core, struct client client);

/* The question of the request at a place; views stay good until it ends. False when there is none. */
bool standing_question(const struct core *core, size_t place, struct control_rent *ret_ask,
                       struct request *ret_request);

/* A lease of its bid is signed: after a restart it is not bid for again. */
void standing_filled(struct core *core, size_t place);

/* Its bid is over. */
void standing_done(struct core *core, size_t place);

/* Whose rent serves the request that was published as this record; false when it stands no more. */
bool standing_client(const struct core *core, const struct record_id *published,
                     struct client *ret_client);

/* A request of ours that we know nothing of is known outside, with that seq: replaced, or withdrawn. */
void standing_exceed(struct core *core, uint32_t detail, uint64_t seq);

/* Their records are signed anew at the next tick. */
void standing_refresh_all(struct core *core);

#endif
