#include "node/core/links.h"

#include <string.h>

#include "node/core/auction.h"
#include "node/core/gossip.h"
#include "node/core/host.h"
#include "node/core/occupancy.h"
#include "node/core/private.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum {
    HELLO_WAIT_MS = 5000,
    PING_AFTER_MS = 15000,
    DEAD_AFTER_MS = 45000,
    INBOUND_BYTES_PER_S = 64000,
    INBOUND_BURST_BYTES = 512000,
    PROTOCOL_VERSION = 1
};

struct link_state *
links_find(struct core *core, struct link link)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (core->links[i].used && core->links[i].link.number == link.number) {
            return &core->links[i];
        }
    }
    return NULL;
}

struct link_state *
links_to_peer(struct core *core, const struct peer_id *peer)
{
    struct link_state *best = NULL;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link_state *link = &core->links[i];
        if (link->used && link->introduced && peer_id_equal(&link->peer, peer) &&
            (best == NULL || link->heard_at.ms > best->heard_at.ms)) {
            best = link;
        }
    }
    return best;
}

uint32_t
links_peer_count(const struct core *core)
{
    uint32_t count = 0;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        const struct link_state *link = &core->links[i];
        bool seen = !link->used || !link->introduced;
        for (size_t j = 0; j < i && !seen; j++) {
            const struct link_state *other = &core->links[j];
            seen = other->used && other->introduced && peer_id_equal(&other->peer, &link->peer);
        }
        count += !seen;
    }
    return count;
}

/* Median over the introduced links, or only over those that we dialled. */
static size_t
clock_errors(const struct core *core, bool outbound_only, int64_t *ret_median_ms)
{
    int64_t errors[LINKS_MAX] = {0};
    size_t count = 0;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        const struct link_state *link = &core->links[i];
        if (!link->used || !link->introduced || (outbound_only && !link->outbound)) {
            continue;
        }
        const int64_t error = link->wall_over_boot_ms - (core->now.wall.ms - core->now.boot.ms);
        size_t at = count;
        while (at > 0 && errors[at - 1] > error) {
            errors[at] = errors[at - 1];
            at--;
        }
        errors[at] = error;
        count++;
    }
    *ret_median_ms = count == 0 ? 0 : errors[count / 2];
    return count;
}

int64_t
links_clock_error_ms(const struct core *core)
{
    int64_t median_ms;
    /* Those whom we chose count first: anybody can dial us with many keys and tell a wrong time. */
    if (clock_errors(core, true, &median_ms) < 3 && clock_errors(core, false, &median_ms) < 3) {
        return 0;
    }
    return median_ms;
}

void
links_drop(struct core *core, struct link_state *link, const char *why)
{
    struct effect *effect = effects_add(core->effects, EFFECT_DROP);
    effect->as.drop.link = link->link;
    effect->as.drop.why = why;
    link->used = false;
}

static void
say_hello(struct core *core, struct link_state *link)
{
    /* Said again it is the same greeting, which nobody answers twice: else two that have both been
     * forgotten would greet each other for ever. */
    link->own_nonce = link->own_nonce != 0 ? link->own_nonce : say_random(core) | 1;
    const struct hello hello = {
        .sender_key = core->options.keypair.channel_key,
        .receiver_key = link->key,
        .protocol_min = PROTOCOL_VERSION,
        .protocol_max = PROTOCOL_VERSION,
        .nonce = link->own_nonce,
        .time_ms = core->now.wall.ms > 0 ? (uint64_t)core->now.wall.ms : 0,
    };
    const struct seal_order order = {.kind = RECORD_HELLO, .seq = hello.time_ms};
    const struct verified_record sealed = say_seal(core, order, &hello);
    const struct hello_message message = {.hello = verified_bytes(&sealed),
                                          .node = gossip_own_node(core)};
    say_message(core, link->link, &hello_message_schema, &message);
}

void
links_up(struct core *core, const struct event *event)
{
    struct link_state *link = NULL;
    for (size_t i = 0; i < LINKS_MAX && link == NULL; i++) {
        link = core->links[i].used ? NULL : &core->links[i];
    }
    if (link == NULL) {
        struct effect *effect = effects_add(core->effects, EFFECT_DROP);
        effect->as.drop.link = event->as.link_up.link;
        effect->as.drop.why = "too many connections";
        return;
    }
    *link = (struct link_state){
        .link = event->as.link_up.link,
        .used = true,
        .outbound = event->as.link_up.outbound,
        .key = event->as.link_up.key,
        .up_at = core->now.boot,
        .heard_at = core->now.boot,
        .inbound_at = core->now.boot,
        .outbound_at = core->now.boot,
    };
    const struct bytes address = event->as.link_up.address;
    const size_t length = address.length < ADDRESS_SIZE - 1 ? address.length : ADDRESS_SIZE - 1;
    if (length > 0) {
        memcpy(link->address, address.data, length);
    }
    say_hello(core, link);
}

void
links_down(struct core *core, struct link number)
{
    struct link_state *link = links_find(core, number);
    if (link != NULL) {
        link->used = false;
    }
}

/* What the signed HELLO must say before anybody is believed: this connection, its two ends, this network. */
static const char *
hello_refusal(struct core *core, const struct link_state *link, const struct hello_message *message,
              struct verified_record *ret_node, struct hello *ret_hello)
{
    struct verified_record sealed;
    struct node_record node;
    if (record_open(message->hello, &core->options.network, &sealed) != STATUS_OK ||
        verified_body(&sealed, RECORD_HELLO, ret_hello) != STATUS_OK) {
        return "its HELLO is not valid, or of another network";
    }
    if (record_open(message->node, &core->options.network, ret_node) != STATUS_OK ||
        verified_body(ret_node, RECORD_NODE, &node) != STATUS_OK) {
        return "its node record is not valid";
    }
    const struct peer_id *author = &verified_envelope(&sealed)->author;
    if (!peer_id_equal(author, &verified_envelope(ret_node)->author)) {
        return "its HELLO and node record are of two identities";
    }
    if (!channel_key_equal(&ret_hello->sender_key, &link->key) ||
        !channel_key_equal(&node.channel_key, &link->key) ||
        !channel_key_equal(&ret_hello->receiver_key, &core->options.keypair.channel_key)) {
        return "its HELLO was made for another connection";
    }
    if (ret_hello->protocol_min > PROTOCOL_VERSION || ret_hello->protocol_max < PROTOCOL_VERSION) {
        return "it speaks another version of the protocol";
    }
    if ((ret_hello->features & UINT64_C(0x5555555555555555)) != 0) {
        return "it demands a feature that we do not have";
    }
    if (peer_id_equal(author, &core->options.keypair.identity)) {
        return "it is this node itself";
    }
    if (link->introduced && !peer_id_equal(author, &link->peer)) {
        return "it changed its identity";
    }
    return NULL;
}

static void
hello_take(struct core *core, struct link_state *link, struct bytes bytes)
{
    struct hello_message message;
    struct verified_record node;
    struct hello hello;
    if (message_decode(&hello_message_schema, bytes, &message) != STATUS_OK) {
        links_drop(core, link, "its HELLO cannot be read");
        return;
    }
    const char *why = hello_refusal(core, link, &message, &node, &hello);
    if (why != NULL) {
        links_drop(core, link, why);
        return;
    }
    if (link->introduced && hello.nonce == link->hello_nonce) {
        return; /* said twice */
    }
    if (link->introduced) {
        /* The other end has forgotten us: its core was built anew, and the connection stayed. */
        link->subscribed = false;
        say_hello(core, link);
    }
    link->introduced = true;
    link->hello_nonce = hello.nonce;
    link->peer = verified_envelope(&node)->author;
    link->wall_over_boot_ms = (int64_t)hello.time_ms - core->now.boot.ms;
    gossip_take_node(core, link, &node);
    struct peer_state *peer = peers_note(core, &link->peer);
    if (peer != NULL) {
        peer->row.channel_key = link->key;
        peer->row.last_seen_s = (uint64_t)core->now.wall.ms / 1000;
        if (link->outbound && peer->row.address.length == 0) {
            const struct bytes address = bytes_of_text(link->address);
            memcpy(peer->address_text, address.data, address.length);
            peer->row.address = bytes_of(peer->address_text, address.length);
        }
        peers_store(core, peer);
    }
    gossip_introduced(core, link);
    host_peer_up(core, link);
    renter_peer_up(core, link);
}

int64_t
links_leaked(int64_t bytes, struct duration passed, int64_t per_s, int64_t burst)
{
    const int64_t gone = passed.ms > 60000 ? burst : passed.ms * per_s / 1000;
    return bytes > gone ? bytes - gone : 0;
}

bool
links_within_share(struct core *core, struct link_state *link, size_t length)
{
    link->inbound_bytes =
        links_leaked(link->inbound_bytes, boot_between(link->inbound_at, core->now.boot),
                     INBOUND_BYTES_PER_S, INBOUND_BURST_BYTES);
    link->inbound_at = core->now.boot;
    link->inbound_bytes += (int64_t)length;
    return link->inbound_bytes <= INBOUND_BURST_BYTES;
}

void
links_frame(struct core *core, struct link number, struct bytes bytes)
{
    struct link_state *link = links_find(core, number);
    uint8_t type;
    if (link == NULL) {
        return;
    }
    link->heard_at = core->now.boot;
    if (message_type(bytes, &type) != STATUS_OK) {
        links_drop(core, link, "it sent bytes that are no message");
        return;
    }
    /* What we asked for is not counted: the token of the page says so, and who reads it counts the rest. */
    const bool asked = (type == MESSAGE_PAGE && link->pull_token != 0) ||
                       (type == MESSAGE_CLEARING_PART && link->introduced &&
                        auction_is_fetching_from(core, &link->peer));
    if (!asked && !links_within_share(core, link, bytes.length)) {
        links_drop(core, link, "it sends too much");
        return;
    }
    if (!link->introduced) {
        if (type == MESSAGE_HELLO) {
            hello_take(core, link, bytes);
        }
        return;
    }
    struct ping_message ping;
    switch (type) {
    case MESSAGE_HELLO:
        hello_take(core, link, bytes);
        return;
    case MESSAGE_RECORDS:
    case MESSAGE_PULL:
    case MESSAGE_PAGE:
        gossip_message(core, link, type, bytes);
        return;
    case MESSAGE_PING:
        if (message_decode(&ping_message_schema, bytes, &ping) == STATUS_OK) {
            say_message(core, link->link, &pong_message_schema, &ping);
        }
        return;
    case MESSAGE_PONG:
        return;
    case MESSAGE_SLOTS_QUERY:
    case MESSAGE_SLOTS:
        occupancy_message(core, link, type, bytes);
        return;
    case MESSAGE_AUCTION_CLOSED:
    case MESSAGE_CLEARING_PULL:
    case MESSAGE_CLEARING_PART:
        auction_message(core, link, type, bytes);
        return;
    default:
        private_message(core, link, type, bytes);
        return;
    }
}

void
links_tick(struct core *core)
{
    peers_tick(core);
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link_state *link = &core->links[i];
        if (!link->used) {
            continue;
        }
        const int64_t silent_ms = boot_between(link->heard_at, core->now.boot).ms;
        const int64_t up_ms = boot_between(link->up_at, core->now.boot).ms;
        if (!link->introduced && up_ms > HELLO_WAIT_MS) {
            links_drop(core, link, "it did not introduce itself");
        } else if (silent_ms > DEAD_AFTER_MS) {
            links_drop(core, link, "it is silent");
        } else if (link->introduced && silent_ms > PING_AFTER_MS &&
                   boot_between(link->pinged_at, core->now.boot).ms > PING_AFTER_MS) {
            const struct ping_message ping = {.token = say_random(core)};
            link->pinged_at = core->now.boot;
            say_message(core, link->link, &ping_message_schema, &ping);
        }
    }
}
