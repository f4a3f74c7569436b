/* Sockets towards other machines: every option that ZeroMQ needs before it may meet a stranger. */
#ifndef GPULET_NODE_IO_CURVE_H
#define GPULET_NODE_IO_CURVE_H

#include <stdint.h>

#include "crypto/keypair.h"
#include "protocol/id.h"

struct curve_options {
    void *zmq;                     /* the context */
    const struct keypair *keypair; /* ours; used during the call only */
    int send_frames_max;           /* high-water marks, in frames a connection */
    int receive_frames_max;
    const char *domain;               /* ROUTER: names the judge of node/io/zap.h */
    const struct channel_key *server; /* DEALER: whom we dial */
};

/* A ROUTER that strangers may connect to, not bound yet; NULL when the system refuses. Owned. */
void *curve_open_router(const struct curve_options *options);

/* A DEALER for one connection: it does not come back by itself. NULL when the system refuses. */
void *curve_open_dealer(const struct curve_options *options);

/* Closes a socket at once; NULL is allowed. */
void curve_close(void *socket);

/* Longest endpoint that this program makes, with its NUL. */
enum { ENDPOINT_SIZE = 128 };

/* True for "tcp://A.B.C.D:PORT": all that a stranger's record may make us dial, so that no peer's
 * text reaches a resolver or another transport. Gives the parts; either may be NULL. */
bool endpoint_is_numeric(struct bytes address, uint32_t *ret_ip, uint16_t *ret_port);

/* What zmq_connect wants: with a source address when `own` is a concrete one, so that others see us
 * at the address where we listen. `ret` has 2 * ENDPOINT_SIZE bytes. */
void endpoint_to_dial(struct bytes address, uint32_t own_ip, char *ret);

#endif
