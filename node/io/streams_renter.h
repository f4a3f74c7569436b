/* The renter's side of streams: between a host's stream socket and the commands that read a lease. */
#ifndef GPULET_NODE_IO_STREAMS_RENTER_H
#define GPULET_NODE_IO_STREAMS_RENTER_H

#include "node/io/streams.h"

struct streams_renter;

/* `options` are kept by the caller as long as the renter lives. NULL when memory is missing. */
struct streams_renter *streams_renter_new(const struct streams_options *options);
void streams_renter_free(struct streams_renter *renter);

void streams_renter_dial(struct streams_renter *renter, const struct lease_id *lease,
                         const struct channel_key *key, struct bytes address);
void streams_renter_close(struct streams_renter *renter, const struct lease_id *lease);

void streams_renter_take_control(struct streams_renter *renter, struct client client,
                                 struct bytes frame);
void streams_renter_client_gone(struct streams_renter *renter, struct client client);

void streams_renter_add_to_poll(struct streams_renter *renter, struct poll_set *set);
bool streams_renter_receive(struct streams_renter *renter, const struct poll_set *set);
int64_t streams_renter_deadline_ms(const struct streams_renter *renter);

#endif
