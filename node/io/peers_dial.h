/* Connections that we make to peers: one DEALER each, made anew for each connection, dialled again. */
#ifndef GPULET_NODE_IO_PEERS_DIAL_H
#define GPULET_NODE_IO_PEERS_DIAL_H

#include "node/io/peers_socket.h"

enum { DIALS_MAX = 96 };

struct dials;

/* `options` are kept by the caller as long as the dials live; `endpoint` is where we are bound. NULL
 * when memory is missing. */
struct dials *dials_new(const struct peers_options *options, const char *endpoint);
void dials_free(struct dials *dials);

/* See peers_dial. */
enum status dials_add(struct dials *dials, struct bytes address, const struct channel_key *key,
                      int64_t now_ms) MUST_USE;

void dials_add_to_poll(struct dials *dials, struct poll_set *set);
void dials_receive(struct dials *dials, const struct poll_set *set, const struct sink *sink);

/* STATUS_DISCONNECTED; STATUS_BUSY: its queue is full. */
enum status dials_send(struct dials *dials, struct link link, struct bytes frame) MUST_USE;

/* Ends the link; `for_good`: it is not dialled again. */
void dials_drop(struct dials *dials, struct link link, bool for_good);

/* Tells of every link that is up, as if it had just come up. */
void dials_announce(struct dials *dials, const struct sink *sink);

/* The next time at which dials_receive has something to do without a socket's wish. */
int64_t dials_deadline_ms(const struct dials *dials);

#endif
