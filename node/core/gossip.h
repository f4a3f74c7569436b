/* Public records: from whom they come, to whom they go, and when they end. */
#ifndef GPULET_NODE_CORE_GOSSIP_H
#define GPULET_NODE_CORE_GOSSIP_H

#include "node/core/links.h"
#include "node/core/shelf.h"

/* RECORDS, PULL and PAGE. */
void gossip_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes);

/* Records that a peer sent: cheap checks, then the signature. Drops the link for what it answers for. */
void gossip_take_list(struct core *core, struct link_state *link, const struct bytes_list *records);

/* The verdict on a record that was sent out to be checked. */
void gossip_checked(struct core *core, const struct event *event);

/* Recovery from our own disk. */
void gossip_recover_record(struct core *core, const struct verified_record *record);
void gossip_recover_guard(struct core *core, const struct row *row);

/* After HELLO: asks the new peer for what we may have missed. */
void gossip_introduced(struct core *core, struct link_state *link);
void gossip_take_node(struct core *core, struct link_state *link,
                      const struct verified_record *node);

/* A public record of our own: shelved, stored, and pushed at the next flush. */
void gossip_publish(struct core *core, const struct verified_record *record);

/* Our node record, sealed; made at need. Borrowed from the shelf. */
struct bytes gossip_own_node(struct core *core);

/* The node record of a peer; texts borrowed from the shelf. False when it is not known. */
bool gossip_node_of(struct core *core, const struct peer_id *peer, struct node_record *ret_node);

/* The label of a peer, for people; empty when not known. Borrowed from the shelf. */
struct bytes gossip_label_of(struct core *core, const struct peer_id *peer);

/* Pushes what is new, forgets what has expired, asks again now and then. */
void gossip_tick(struct core *core);

#endif
