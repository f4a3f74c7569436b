#include "node/io/streams.h"

#include <stdlib.h>

#include "node/io/streams_host.h"
#include "node/io/streams_renter.h"

struct streams {
    struct streams_options options;
    struct streams_host *host;
    struct streams_renter *renter;
};

enum status
streams_open(const struct streams_options *options, struct streams **ret_streams)
{
    struct streams *streams = calloc(1, sizeof *streams);
    if (streams == NULL) {
        return STATUS_NO_MEMORY;
    }
    streams->options = *options;
    streams->renter = streams_renter_new(&streams->options);
    enum status status = STATUS_NO_MEMORY;
    if (streams->renter != NULL) {
        status = streams_host_open(&streams->options, &streams->host);
    }
    if (status != STATUS_OK) {
        streams_close(streams);
        return status;
    }
    streams->options.listen = streams_host_endpoint(streams->host);
    *ret_streams = streams;
    return STATUS_OK;
}

void
streams_close(struct streams *streams)
{
    if (streams == NULL) {
        return;
    }
    streams_host_close(streams->host);
    streams_renter_free(streams->renter);
    free(streams);
}

const char *
streams_endpoint(const struct streams *streams)
{
    return streams_host_endpoint(streams->host);
}

void
streams_carry_out(struct streams *streams, const struct effect *effect)
{
    switch ((int)effect->type) {
    case EFFECT_STREAM_ALLOW:
        streams_host_allow(streams->host, &effect->as.stream.lease, &effect->as.stream.key);
        break;
    case EFFECT_STREAM_FORBID:
        streams_host_forbid(streams->host, &effect->as.stream.lease);
        break;
    case EFFECT_STREAM_DIAL:
        streams_renter_dial(streams->renter, &effect->as.stream.lease, &effect->as.stream.key,
                            effect->as.stream.address);
        break;
    case EFFECT_STREAM_CLOSE:
        streams_renter_close(streams->renter, &effect->as.stream.lease);
        break;
    default:
        break;
    }
}

void
streams_take_control(struct streams *streams, struct client client, struct bytes frame)
{
    streams_renter_take_control(streams->renter, client, frame);
}

void
streams_client_gone(struct streams *streams, struct client client)
{
    streams_renter_client_gone(streams->renter, client);
}

void
streams_add_to_poll(struct streams *streams, struct poll_set *set)
{
    streams_host_add_to_poll(streams->host, set);
    streams_renter_add_to_poll(streams->renter, set);
}

bool
streams_receive(struct streams *streams, const struct poll_set *set, const struct sink *sink)
{
    const bool more = streams_host_receive(streams->host, set, sink);
    return streams_renter_receive(streams->renter, set) || more;
}

int64_t
streams_deadline_ms(const struct streams *streams)
{
    const int64_t host = streams_host_deadline_ms(streams->host);
    const int64_t renter = streams_renter_deadline_ms(streams->renter);
    return host < renter ? host : renter;
}
