/* Carries the bytes of jobs' streams between a host's supervisors and a renter's command line.
 *
 * As a host: a ROUTER of its own, whose keys are those of open leases. As a renter: a DEALER for each
 * lease in use. Every message names absolute offsets, and credit is given end to end, so that nothing is
 * kept here but who reads what: a connection that comes back goes on where it was. */
#ifndef GPULET_NODE_IO_STREAMS_H
#define GPULET_NODE_IO_STREAMS_H

#include "crypto/keypair.h"
#include "node/core/effect.h"
#include "node/io/control_socket.h"
#include "node/io/jobs.h"
#include "node/io/zap.h"

struct streams;

struct streams_options {
    void *zmq;
    struct zap *zap;
    const struct keypair *keypair; /* kept */
    const char *listen;
    struct jobs *jobs;
    struct control *control;
};

/* Binds. STATUS_SYSTEM, STATUS_NO_MEMORY. Owned. */
enum status streams_open(const struct streams_options *options, struct streams **ret_streams)
    MUST_USE;
void streams_close(struct streams *streams);

const char *streams_endpoint(const struct streams *streams);

/* One of EFFECT_STREAM_*. */
void streams_carry_out(struct streams *streams, const struct effect *effect);

/* A stream message (types 64 to 95) from the command line, and the end of one. */
void streams_take_control(struct streams *streams, struct client client, struct bytes frame);
void streams_client_gone(struct streams *streams, struct client client);

void streams_add_to_poll(struct streams *streams, struct poll_set *set);

/* Gives EVENT_READER_GONE and EVENT_READER_BACK. True when more may wait. */
bool streams_receive(struct streams *streams, const struct poll_set *set, const struct sink *sink);

int64_t streams_deadline_ms(const struct streams *streams);

#endif
