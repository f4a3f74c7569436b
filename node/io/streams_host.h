/* The host's side of streams: its own ROUTER, and for each open lease the one reader that it has. */
#ifndef GPULET_NODE_IO_STREAMS_HOST_H
#define GPULET_NODE_IO_STREAMS_HOST_H

#include "node/io/streams.h"

struct streams_host;

/* `options` are kept by the caller as long as the host lives. STATUS_SYSTEM, STATUS_NO_MEMORY. */
enum status streams_host_open(const struct streams_options *options, struct streams_host **ret_host)
    MUST_USE;
void streams_host_close(struct streams_host *host);
const char *streams_host_endpoint(const struct streams_host *host);

void streams_host_allow(struct streams_host *host, const struct lease_id *lease,
                        const struct channel_key *key);
void streams_host_forbid(struct streams_host *host, const struct lease_id *lease);

void streams_host_add_to_poll(struct streams_host *host, struct poll_set *set);
bool streams_host_receive(struct streams_host *host, const struct poll_set *set,
                          const struct sink *sink);
int64_t streams_host_deadline_ms(const struct streams_host *host);

#endif
