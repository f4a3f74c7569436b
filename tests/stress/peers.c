/* Two nodes' sockets, each in a thread with a ZeroMQ context of its own, while links come and go: every
 * frame arrives whole and in its order. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/io/clock.h"
#include "node/io/peers_socket.h"

enum {
    FRAMES = 4000,
    AT_ONCE = 50,
    DROPS = 10,
    ITEMS = 512,
    FRAME_MAX = 3000,
    PATIENCE_MS = 120000
};

/* What both threads know of each other. */
struct meeting {
    char endpoint[64]; /* of the listener, before the threads start */
    struct channel_key key;
    atomic_uint received; /* by the listener, over all links */
    atomic_bool should_end;
};

struct node {
    struct meeting *meeting;
    void *zmq;
    struct zap *zap;
    struct peers *peers;
    struct keypair keypair;
    zmq_pollitem_t items[ITEMS];
    struct link link; /* that is up; number 0: none */
    uint32_t next;    /* the number of the next frame on that link */
    uint32_t downs;
};

static struct node *
node_new(struct meeting *meeting, uint64_t seed)
{
    struct node *node = calloc(1, sizeof *node);
    assert(node != NULL);
    node->meeting = meeting;
    node->zmq = zmq_ctx_new();
    keypair_for_test(seed, bytes_of_text("stress"), &node->keypair);
    enum status status = zap_open(node->zmq, &node->zap);
    assert(status == STATUS_OK);
    const struct peers_options options = {.zmq = node->zmq,
                                          .zap = node->zap,
                                          .keypair = &node->keypair,
                                          .listen = "tcp://127.0.0.1:*",
                                          .redial_ms_min = 10,
                                          .redial_ms_max = 40};
    status = peers_open(&options, &node->peers);
    assert(status == STATUS_OK);
    return node;
}

static void
node_free(struct node *node)
{
    peers_close(node->peers);
    zap_close(node->zap);
    zmq_ctx_term(node->zmq);
    free(node);
}

/* A frame's bytes follow from its number. */
static size_t
frame_make(uint32_t number, uint8_t *ret_bytes)
{
    const size_t length = sizeof number + number * 37 % (FRAME_MAX - sizeof number);
    memset(ret_bytes, (int)(number & 0xff), length);
    memcpy(ret_bytes, &number, sizeof number);
    return length;
}

static void
take_frame(struct node *node, struct bytes bytes)
{
    uint8_t expected[FRAME_MAX];
    const size_t length = frame_make(node->next, expected);
    assert(bytes_equal(bytes, bytes_of(expected, length)));
    node->next++;
    atomic_fetch_add(&node->meeting->received, 1);
}

static void
take(void *context, const struct event *event)
{
    struct node *node = context;
    if (event->type == EVENT_LINK_UP) {
        node->link = event->as.link_up.link;
        node->next = 0;
    } else if (event->type == EVENT_LINK_DOWN && event->as.link_down.number == node->link.number) {
        node->link.number = 0;
        node->downs++;
    } else if (event->type == EVENT_FRAME && event->as.frame.link.number == node->link.number) {
        take_frame(node, event->as.frame.bytes);
    }
}

static void
turn(struct node *node)
{
    const struct sink sink = {.take = take, .context = node};
    struct poll_set set = {.items = node->items, .capacity = ITEMS};
    zap_add_to_poll(node->zap, &set);
    peers_add_to_poll(node->peers, &set);
    zmq_poll(set.items, (int)set.count, 5);
    zap_answer(node->zap);
    (void)peers_receive(node->peers, &set, &sink);
}

static void *
listen_run(void *argument)
{
    struct node *node = argument;
    while (!atomic_load(&node->meeting->should_end)) {
        turn(node);
    }
    return NULL;
}

/* Sends a share of the frames on one link, then drops it and dials anew. */
static void *
dial_run(void *argument)
{
    struct node *node = argument;
    const struct meeting *meeting = node->meeting;
    const int64_t until = clock_boot_ms() + PATIENCE_MS;
    unsigned sent = 0;
    for (unsigned share = 1; share <= DROPS; share++) {
        const enum status status =
            peers_dial(node->peers, bytes_of_text(meeting->endpoint), &meeting->key);
        assert(status == STATUS_OK);
        while (sent < FRAMES / DROPS * share || atomic_load(&meeting->received) < sent) {
            assert(clock_boot_ms() < until);
            uint8_t bytes[FRAME_MAX];
            for (unsigned i = 0;
                 i < AT_ONCE && node->link.number != 0 && sent < FRAMES / DROPS * share &&
                 sent - atomic_load(&meeting->received) < 200;
                 i++) {
                const size_t length = frame_make(node->next++, bytes);
                peers_send(node->peers, node->link, bytes_of(bytes, length));
                sent++;
            }
            turn(node);
        }
        peers_drop(node->peers, node->link);
        while (node->link.number != 0) {
            turn(node);
        }
    }
    atomic_store(&node->meeting->should_end, true);
    return NULL;
}

int
main(void)
{
    static struct meeting meeting;
    pthread_t threads[2];
    const enum status status = crypto_start();
    assert(status == STATUS_OK);
    struct node *listener = node_new(&meeting, 1);
    struct node *dialer = node_new(&meeting, 2);
    snprintf(meeting.endpoint, sizeof meeting.endpoint, "%s", peers_endpoint(listener->peers));
    meeting.key = listener->keypair.channel_key;
    int failed = pthread_create(&threads[0], NULL, listen_run, listener);
    failed |= pthread_create(&threads[1], NULL, dial_run, dialer);
    assert(!failed);
    pthread_join(threads[1], NULL);
    pthread_join(threads[0], NULL);
    assert(atomic_load(&meeting.received) == FRAMES && dialer->downs == DROPS);
    node_free(dialer);
    node_free(listener);
    printf("peers: %d frames over %d links\n", FRAMES, DROPS);
    return 0;
}
