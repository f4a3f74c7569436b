/* Connections: who is at the other end, whether it keeps the rules, and whether it is still there. */
#ifndef GPULET_NODE_CORE_LINKS_H
#define GPULET_NODE_CORE_LINKS_H

#include "node/core/state.h"

void links_up(struct core *core, const struct event *event);
void links_down(struct core *core, struct link link);

/* Any frame from a connection: bytes are counted, HELLO comes first, the rest is handed to its subject. */
void links_frame(struct core *core, struct link link, struct bytes bytes);

/* Pings the silent, drops the dead and those without HELLO. */
void links_tick(struct core *core);

struct link_state *links_find(struct core *core, struct link link);

/* An introduced connection to that peer, or NULL. */
struct link_state *links_to_peer(struct core *core, const struct peer_id *peer);

/* Ends a connection, with the reason for the log. */
void links_drop(struct core *core, struct link_state *link, const char *why);

/* What a leaky bucket of so many bytes still holds after a time. */
int64_t links_leaked(int64_t bytes, struct duration passed, int64_t per_s, int64_t burst);

/* Counts bytes that came unasked; false when the peer sends more than its share. */
bool links_within_share(struct core *core, struct link_state *link, size_t length);

/* Introduced peers, each counted once. */
uint32_t links_peer_count(const struct core *core);

/* Peers that we know an address of. */
struct peer_state *peers_find(struct core *core, const struct peer_id *peer);
struct peer_state *peers_note(struct core *core, const struct peer_id *peer);
void peers_store(struct core *core, const struct peer_state *peer);
void peers_recover(struct core *core, const struct row *row);

/* Dials the address of the peer's node record; false when none is known. */
bool peers_call(struct core *core, const struct peer_id *peer);

/* Looks for peers again that are gone, and for new ones while there are few. */
void peers_tick(struct core *core);

/* The clock's error that most peers see: median of (peer's clock - ours) over introduced peers, ms; 0 below three. */
int64_t links_clock_error_ms(const struct core *core);

#endif
