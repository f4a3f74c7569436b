#include <string.h>

#include "node/core/gossip.h"
#include "node/core/links.h"
#include "node/core/say.h"
#include "protocol/codec.h"

/* So many peers carry the gossip; those that the person told are always looked for. */
enum { MESH_MS = 5000, MESH_PEERS = 8, CALLS_A_TICK = 8 };

struct peer_state *
peers_find(struct core *core, const struct peer_id *peer)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (core->peers[i].used && peer_id_equal(&core->peers[i].row.peer, peer)) {
            return &core->peers[i];
        }
    }
    return NULL;
}

/* The place of the peer that was seen longest ago, and that nobody told us to keep. */
static struct peer_state *
place_for_peer(struct core *core)
{
    struct peer_state *oldest = NULL;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer_state *peer = &core->peers[i];
        if (!peer->used) {
            return peer;
        }
        const bool told = peer->row.kept || peer->row.standing != 0;
        if (!told && (oldest == NULL || peer->row.last_seen_s < oldest->row.last_seen_s)) {
            oldest = peer;
        }
    }
    if (oldest != NULL) {
        const struct row_key key = row_key_of_id(oldest->row.peer.bytes, 0);
        say_delete(core, TABLE_PEERS, &key);
    }
    return oldest;
}

struct peer_state *
peers_note(struct core *core, const struct peer_id *id)
{
    struct peer_state *peer = peers_find(core, id);
    if (peer != NULL) {
        return peer;
    }
    peer = place_for_peer(core);
    if (peer != NULL) {
        memset(peer, 0, sizeof *peer);
        peer->used = true;
        peer->row.peer = *id;
    }
    return peer;
}

void
peers_store(struct core *core, const struct peer_state *peer)
{
    const struct row_key key = row_key_of_id(peer->row.peer.bytes, 0);
    say_store(core, TABLE_PEERS, &key, &peer_row_schema, &peer->row);
}

void
peers_recover(struct core *core, const struct row *row)
{
    struct peer_row stored;
    if (codec_decode(&peer_row_schema, row->value, &stored) != STATUS_OK) {
        return;
    }
    struct peer_state *peer = peers_note(core, &stored.peer);
    if (peer == NULL) {
        return;
    }
    peer->row = stored;
    if (stored.address.length > 0) {
        memcpy(peer->address_text, stored.address.data, stored.address.length);
    }
    peer->row.address = bytes_of(peer->address_text, stored.address.length);
}

bool
peers_call(struct core *core, const struct peer_id *id)
{
    struct node_record node;
    if (!gossip_node_of(core, id, &node) || node.address.length == 0) {
        return false;
    }
    const struct bytes address = effects_copy(core->effects, node.address);
    struct effect *effect = effects_add(core->effects, EFFECT_DIAL);
    effect->as.dial.address = address;
    effect->as.dial.key = node.channel_key;
    return true;
}

/* Where its node record says, else where it was reached or told to be. */
static bool
call_known(struct core *core, const struct peer_state *peer)
{
    if (peers_call(core, &peer->row.peer)) {
        return true;
    }
    if (peer->row.address.length == 0) {
        return false;
    }
    const struct bytes address = effects_copy(core->effects, peer->row.address);
    struct effect *effect = effects_add(core->effects, EFFECT_DIAL);
    effect->as.dial.address = address;
    effect->as.dial.key = peer->row.channel_key;
    return true;
}

void
peers_tick(struct core *core)
{
    if (core->mesh_at.ms != 0 && !core_is_due(core, core->mesh_at)) {
        return;
    }
    core->mesh_at = boot_add(core->now.boot, duration_of_ms(MESH_MS));
    bool wanted = links_peer_count(core) < MESH_PEERS;
    const size_t first = (size_t)(say_random(core) % PEERS_MAX);
    unsigned called = 0;
    for (size_t i = 0; i < PEERS_MAX && called < CALLS_A_TICK; i++) {
        const struct peer_state *peer = &core->peers[(first + i) % PEERS_MAX];
        if (!peer->used || (!peer->row.kept && !wanted) ||
            links_to_peer(core, &peer->row.peer) != NULL || !call_known(core, peer)) {
            continue;
        }
        called++;
        wanted = wanted && peer->row.kept; /* one of those that nobody told us to keep is enough */
    }
}
