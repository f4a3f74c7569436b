#include "node/io/peers_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "node/io/clock.h"
#include "node/io/curve.h"
#include "node/io/log.h"
#include "node/io/monitor.h"
#include "node/io/peers_dial.h"

enum {
    SEND_FRAMES_MAX = 256,
    RECEIVE_FRAMES_MAX = 64,
    FRAMES_A_ROUND = 256,
    ROUTING_LENGTH = 5, /* as ZeroMQ makes them: a zero byte and four of its own */
    SWEEP_MS = 250
};

static const char domain[] = "peers";
static const int monitor_events =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED;

/* A connection that the other end made, from its first message on. */
struct inbound {
    struct link link; /* number 0: free */
    uint32_t routing;
    int fd;
    struct sockaddr_in at;
    struct channel_key key;
    bool is_closing; /* gone, but its last messages may still be in our queue */
    bool is_doomed;  /* to be told of as down */
};

struct peers {
    struct peers_options options;
    struct admission *admission;
    struct dials *dials;
    void *router;
    void *monitor;
    char endpoint[ENDPOINT_SIZE];
    size_t place;
    size_t monitor_place;
    uint64_t serial;
    int64_t sweep_due_ms;
    bool some_are_closing;
    struct inbound inbound[INBOUND_LINKS_MAX];
};

uint64_t
link_number_make(uint64_t serial, bool is_outbound, size_t slot)
{
    return (serial << 1 | is_outbound) << LINK_SLOT_BITS | slot;
}

bool
link_is_outbound(struct link link)
{
    return (link.number >> LINK_SLOT_BITS & 1) != 0;
}

size_t
link_slot(struct link link)
{
    return (size_t)(link.number & ((1u << LINK_SLOT_BITS) - 1));
}

static void
receive_monitor(struct peers *peers)
{
    struct monitor_event event;
    while (monitor_next(peers->monitor, &event)) {
        switch (event.what) {
        case ZMQ_EVENT_ACCEPTED:
            admission_accepted(peers->admission, event.fd, clock_boot_ms());
            break;
        case ZMQ_EVENT_DISCONNECTED:
            admission_gone(peers->admission, event.fd);
            for (size_t i = 0; i < INBOUND_LINKS_MAX; i++) {
                struct inbound *inbound = &peers->inbound[i];
                if (inbound->link.number != 0 && inbound->fd == event.fd) {
                    inbound->is_closing = true;
                    inbound->fd = -1;
                    peers->some_are_closing = true;
                }
            }
            break;
        default:
            break;
        }
    }
}

static bool
admits(void *context, const struct zap_question *question)
{
    struct peers *peers = context;
    receive_monitor(peers); /* what ended meanwhile makes room */
    return admission_admits(peers->admission, question, clock_boot_ms());
}

static enum status
bind_router(struct peers *peers)
{
    const struct curve_options options = {.zmq = peers->options.zmq,
                                          .keypair = peers->options.keypair,
                                          .send_frames_max = SEND_FRAMES_MAX,
                                          .receive_frames_max = RECEIVE_FRAMES_MAX,
                                          .domain = domain};
    peers->router = curve_open_router(&options);
    if (peers->router == NULL) {
        return STATUS_SYSTEM;
    }
    /* Before the bind, so that the monitor sees the very first connection. */
    peers->monitor = monitor_open(options.zmq, peers->router, monitor_events);
    if (peers->monitor == NULL || zmq_bind(peers->router, peers->options.listen) != 0) {
        return STATUS_SYSTEM;
    }
    size_t size = sizeof peers->endpoint;
    if (zmq_getsockopt(peers->router, ZMQ_LAST_ENDPOINT, peers->endpoint, &size) != 0) {
        return STATUS_SYSTEM;
    }
    return STATUS_OK;
}

enum status
peers_open(const struct peers_options *options, struct peers **ret_peers)
{
    struct peers *peers = calloc(1, sizeof *peers);
    if (peers == NULL) {
        return STATUS_NO_MEMORY;
    }
    peers->options = *options;
    const uint32_t wanted = options->limits.inbound_max;
    if (wanted == 0 || wanted > INBOUND_LINKS_MAX) {
        peers->options.limits.inbound_max = INBOUND_LINKS_MAX;
    }
    peers->admission = admission_new(&peers->options.limits);
    const struct zap_judge judge = {.domain = domain, .admits = admits, .context = peers};
    zap_add_judge(options->zap, &judge);
    enum status status = peers->admission == NULL ? STATUS_NO_MEMORY : bind_router(peers);
    if (status == STATUS_OK) {
        peers->dials = dials_new(&peers->options, peers->endpoint);
        status = peers->dials == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    }
    if (status != STATUS_OK) {
        peers_close(peers);
        return status;
    }
    *ret_peers = peers;
    return STATUS_OK;
}

void
peers_close(struct peers *peers)
{
    if (peers == NULL) {
        return;
    }
    monitor_close(peers->router, peers->monitor);
    curve_close(peers->router);
    dials_free(peers->dials);
    admission_free(peers->admission);
    free(peers);
}

const char *
peers_endpoint(const struct peers *peers)
{
    return peers->endpoint;
}

void
peers_add_to_poll(struct peers *peers, struct poll_set *set)
{
    peers->place = poll_set_add_socket(set, peers->router);
    peers->monitor_place = poll_set_add_socket(set, peers->monitor);
    dials_add_to_poll(peers->dials, set);
}

static void
tell_link_up(const struct inbound *inbound, const struct sink *sink)
{
    char ip[INET_ADDRSTRLEN] = "?";
    char address[ENDPOINT_SIZE];
    inet_ntop(AF_INET, &inbound->at.sin_addr, ip, sizeof ip);
    snprintf(address, sizeof address, "tcp://%s:%u", ip, ntohs(inbound->at.sin_port));
    const struct event event = {.type = EVENT_LINK_UP,
                                .as.link_up = {.link = inbound->link,
                                               .key = inbound->key,
                                               .address = bytes_of_text(address)}};
    sink->take(sink->context, &event);
}

static void
tell_link_down(struct inbound *inbound, const struct sink *sink)
{
    const struct event event = {.type = EVENT_LINK_DOWN, .as.link_down = inbound->link};
    *inbound = (struct inbound){.fd = -1};
    sink->take(sink->context, &event);
}

/* Shuts the connection down when the descriptor is still that connection's. */
static void
cut(struct peers *peers, const struct inbound *inbound)
{
    struct sockaddr_in at = {0};
    socklen_t size = sizeof at;
    if (inbound->fd >= 0 && getpeername(inbound->fd, (struct sockaddr *)&at, &size) == 0 &&
        at.sin_port == inbound->at.sin_port && at.sin_addr.s_addr == inbound->at.sin_addr.s_addr) {
        admission_cut(peers->admission, inbound->fd);
    }
}

static void
doom(struct peers *peers, struct inbound *inbound)
{
    cut(peers, inbound);
    inbound->is_doomed = true;
    peers->some_are_closing = true;
}

static struct inbound *
inbound_of_routing(struct peers *peers, uint32_t routing)
{
    for (size_t i = 0; i < INBOUND_LINKS_MAX; i++) {
        struct inbound *inbound = &peers->inbound[i];
        if (inbound->link.number != 0 && inbound->routing == routing) {
            return inbound;
        }
    }
    return NULL;
}

/* A connection's first message: a new link. NULL when the connection is gone already, or there is no
 * place; then the message is dropped. */
static struct inbound *
make_inbound(struct peers *peers, uint32_t routing, zmq_msg_t *message, const struct sink *sink)
{
    struct inbound made = {.routing = routing, .fd = zmq_msg_get(message, ZMQ_SRCFD)};
    socklen_t size = sizeof made.at;
    uint64_t handshake;
    if (!zap_origin(message, &made.key, &handshake) ||
        !admission_is_open(peers->admission, made.fd, handshake) ||
        getpeername(made.fd, (struct sockaddr *)&made.at, &size) != 0) {
        return NULL;
    }
    const bool has_place = admission_link(peers->admission, made.fd, clock_boot_ms());
    for (size_t i = 0; i < INBOUND_LINKS_MAX && has_place; i++) {
        struct inbound *inbound = &peers->inbound[i];
        if (inbound->link.number == 0) {
            *inbound = made;
            inbound->link.number = link_number_make(++peers->serial, false, i);
            tell_link_up(inbound, sink);
            return inbound;
        }
    }
    cut(peers, &made);
    return NULL;
}

/* The link that a message came by, made when it is the connection's first. A message whose key is
 * not the link's comes from somebody who took over a routing id: the old link ends. */
static struct inbound *
inbound_of_message(struct peers *peers, uint32_t routing, zmq_msg_t *message,
                   const struct sink *sink)
{
    struct inbound *inbound = inbound_of_routing(peers, routing);
    struct channel_key key;
    if (inbound != NULL &&
        (!zap_key_of(message, &key) || !channel_key_equal(&key, &inbound->key))) {
        tell_link_down(inbound, sink);
        inbound = NULL;
    }
    if (inbound == NULL) {
        receive_monitor(peers);
        inbound = make_inbound(peers, routing, message, sink);
    }
    return inbound;
}

/* Ends the connection that a message came by, unless it is gone. */
static void
cut_origin(struct peers *peers, zmq_msg_t *message)
{
    const int fd = zmq_msg_get(message, ZMQ_SRCFD);
    struct channel_key key;
    uint64_t handshake;
    receive_monitor(peers);
    if (zap_origin(message, &key, &handshake) &&
        admission_is_open(peers->admission, fd, handshake)) {
        admission_cut(peers->admission, fd);
    }
}

static void
take_message(struct peers *peers, zmq_msg_t *routing_part, zmq_msg_t *message, bool has_more,
             const struct sink *sink)
{
    const uint8_t *id = zmq_msg_data(routing_part);
    if (zmq_msg_size(routing_part) != ROUTING_LENGTH || id[0] != 0) {
        cut_origin(peers, message); /* chose its own id: nobody of ours */
        return;
    }
    uint32_t routing = 0;
    memcpy(&routing, id + 1, sizeof routing);
    struct inbound *inbound = inbound_of_message(peers, routing, message, sink);
    if (inbound == NULL || inbound->is_doomed) {
        return;
    }
    admission_delivered(peers->admission, inbound->fd, zmq_msg_size(message));
    if (has_more) {
        admission_refuse_key(peers->admission, &inbound->key, clock_boot_ms());
        doom(peers, inbound);
        return;
    }
    const struct event event = {
        .type = EVENT_FRAME,
        .as.frame = {.link = inbound->link,
                     .bytes = bytes_of(zmq_msg_data(message), zmq_msg_size(message))}};
    sink->take(sink->context, &event);
}

/* One message of the ROUTER; false when there is none. */
static bool
receive_message(struct peers *peers, const struct sink *sink)
{
    zmq_msg_t routing;
    zmq_msg_t message;
    zmq_msg_init(&routing);
    zmq_msg_init(&message);
    bool got = zmq_msg_recv(&routing, peers->router, ZMQ_DONTWAIT) >= 0;
    if (got && zmq_msg_more(&routing) != 0 &&
        zmq_msg_recv(&message, peers->router, ZMQ_DONTWAIT) >= 0) {
        bool more = zmq_msg_more(&message) != 0;
        take_message(peers, &routing, &message, more, sink);
        while (more) {
            more = zmq_msg_recv(&message, peers->router, ZMQ_DONTWAIT) >= 0 &&
                   zmq_msg_more(&message) != 0;
        }
    }
    zmq_msg_close(&routing);
    zmq_msg_close(&message);
    return got;
}

static void
end_closed_links(struct peers *peers, const struct sink *sink, bool queue_is_empty)
{
    bool some_are_left = false;
    for (size_t i = 0; i < INBOUND_LINKS_MAX; i++) {
        struct inbound *inbound = &peers->inbound[i];
        if (inbound->link.number == 0) {
            continue;
        }
        if (inbound->is_doomed || (inbound->is_closing && queue_is_empty)) {
            tell_link_down(inbound, sink);
        } else {
            some_are_left = some_are_left || inbound->is_closing;
        }
    }
    peers->some_are_closing = some_are_left;
}

bool
peers_receive(struct peers *peers, const struct poll_set *set, const struct sink *sink)
{
    dials_receive(peers->dials, set, sink);
    if (poll_set_is_ready(set, peers->monitor_place)) {
        receive_monitor(peers);
    }
    bool more = false;
    if (poll_set_is_ready(set, peers->place) || peers->some_are_closing) {
        size_t count = 0;
        do {
            more = receive_message(peers, sink);
        } while (more && ++count < FRAMES_A_ROUND);
    }
    if (peers->some_are_closing) {
        end_closed_links(peers, sink, !more);
    }
    const int64_t now_ms = clock_boot_ms();
    if (peers->sweep_due_ms <= now_ms) {
        peers->sweep_due_ms = now_ms + SWEEP_MS;
        admission_sweep(peers->admission, now_ms);
    }
    return more;
}

static struct inbound *
inbound_of_link(struct peers *peers, struct link link)
{
    const size_t slot = link_slot(link);
    if (slot >= INBOUND_LINKS_MAX || link.number == 0 ||
        peers->inbound[slot].link.number != link.number) {
        return NULL;
    }
    return &peers->inbound[slot];
}

static enum status
send_inbound(struct peers *peers, const struct inbound *inbound, struct bytes frame)
{
    uint8_t id[ROUTING_LENGTH] = {0};
    memcpy(id + 1, &inbound->routing, sizeof inbound->routing);
    if (zmq_send(peers->router, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(peers->router, frame.data, frame.length, ZMQ_DONTWAIT) < 0) {
        return zmq_errno() == EAGAIN ? STATUS_BUSY : STATUS_DISCONNECTED;
    }
    return STATUS_OK;
}

void
peers_send(struct peers *peers, struct link link, struct bytes frame)
{
    if (link_is_outbound(link)) {
        if (dials_send(peers->dials, link, frame) != STATUS_OK) {
            dials_drop(peers->dials, link, false);
        }
        return;
    }
    struct inbound *inbound = inbound_of_link(peers, link);
    if (inbound != NULL && !inbound->is_doomed &&
        send_inbound(peers, inbound, frame) != STATUS_OK) {
        doom(peers, inbound);
    }
}

enum status
peers_dial(struct peers *peers, struct bytes address, const struct channel_key *key)
{
    return dials_add(peers->dials, address, key, clock_boot_ms());
}

void
peers_drop(struct peers *peers, struct link link)
{
    if (link_is_outbound(link)) {
        dials_drop(peers->dials, link, true);
        return;
    }
    struct inbound *inbound = inbound_of_link(peers, link);
    if (inbound != NULL) {
        admission_refuse_key(peers->admission, &inbound->key, clock_boot_ms());
        doom(peers, inbound);
    }
}

void
peers_announce(struct peers *peers, const struct sink *sink)
{
    dials_announce(peers->dials, sink);
    for (size_t i = 0; i < INBOUND_LINKS_MAX; i++) {
        const struct inbound *inbound = &peers->inbound[i];
        if (inbound->link.number != 0 && !inbound->is_closing && !inbound->is_doomed) {
            tell_link_up(inbound, sink);
        }
    }
}

int64_t
peers_deadline_ms(const struct peers *peers)
{
    const int64_t dials = dials_deadline_ms(peers->dials);
    if (peers->some_are_closing) {
        return 0;
    }
    return dials < peers->sweep_due_ms ? dials : peers->sweep_due_ms;
}
