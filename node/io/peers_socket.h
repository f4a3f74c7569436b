/* Connections with peers: a ROUTER that they dial, a DEALER for each that we dial, all under CURVE.
 *
 * A link is one connection from its first to its last byte, with one proven key at its other end; the
 * next connection of the same peer is another link. Both directions carry single frames of at most
 * FRAME_BYTES_MAX bytes. */
#ifndef GPULET_NODE_IO_PEERS_SOCKET_H
#define GPULET_NODE_IO_PEERS_SOCKET_H

#include "crypto/keypair.h"
#include "node/io/admission.h"
#include "node/io/sink.h"
#include "node/io/zap.h"
#include "protocol/limits.h"

enum { INBOUND_LINKS_MAX = 160 };

struct peers_options {
    void *zmq;
    struct zap *zap;
    const struct keypair *keypair; /* kept: lives as long as the peers */
    const char *listen;            /* "tcp://0.0.0.0:7700"; port 0 or * takes a free one */
    struct admission_limits limits;
    uint32_t redial_ms_min; /* backoff between attempts, doubled up to the greatest */
    uint32_t redial_ms_max;
};

struct peers;

/* Binds. STATUS_SYSTEM: the address is in use or not ours; STATUS_NO_MEMORY. Owned. */
enum status peers_open(const struct peers_options *options, struct peers **ret_peers) MUST_USE;
void peers_close(struct peers *peers);

/* Where the ROUTER is bound, with the port that the system chose. */
const char *peers_endpoint(const struct peers *peers);

void peers_add_to_poll(struct peers *peers, struct poll_set *set);

/* Gives EVENT_LINK_UP, EVENT_FRAME and EVENT_LINK_DOWN, a bounded number at a time. True when more
 * may wait. */
bool peers_receive(struct peers *peers, const struct poll_set *set, const struct sink *sink);

/* Sends a frame. A peer that does not take its frames loses the link: EVENT_LINK_DOWN follows. */
void peers_send(struct peers *peers, struct link link, struct bytes frame);

/* Connects to a numeric address and stays connected: dialled again, with growing pauses, until
 * peers_drop. A second call for the same address and key does nothing. STATUS_BAD_INPUT: not
 * "tcp://A.B.C.D:PORT"; STATUS_LIMIT: too many, and each of them connected. */
enum status peers_dial(struct peers *peers, struct bytes address, const struct channel_key *key)
    MUST_USE;

/* Cuts a link; one that we dialled is not dialled again, one that was dialled by the other end is
 * refused for a time. EVENT_LINK_DOWN follows. */
void peers_drop(struct peers *peers, struct link link);

/* EVENT_LINK_UP for every link that is up: for a core that has forgotten them. */
void peers_announce(struct peers *peers, const struct sink *sink);

/* The boot time in ms at which peers_receive wants to be called at the latest. */
int64_t peers_deadline_ms(const struct peers *peers);

/* Links of one daemon: number = serial, then one bit for the side, then the slot. */
enum { LINK_SLOT_BITS = 9 };
uint64_t link_number_make(uint64_t serial, bool is_outbound, size_t slot);
bool link_is_outbound(struct link link);
size_t link_slot(struct link link);

#endif
