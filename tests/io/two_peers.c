#include "tests/io/two_peers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"

static void
take(void *context, const struct event *event)
{
    struct test_node *node = context;
    if (node->told_count == TOLD_MAX) {
        return;
    }
    struct told *told = &node->told[node->told_count++];
    told->type = event->type;
    if (event->type == EVENT_LINK_UP) {
        told->link = event->as.link_up.link;
        told->key = event->as.link_up.key;
        told->outbound = event->as.link_up.outbound;
        snprintf(told->address, sizeof told->address, "%.*s", (int)event->as.link_up.address.length,
                 (const char *)event->as.link_up.address.data);
    } else if (event->type == EVENT_LINK_DOWN) {
        told->link = event->as.link_down;
    } else if (event->type == EVENT_FRAME) {
        const struct bytes bytes = event->as.frame.bytes;
        told->link = event->as.frame.link;
        told->length = bytes.length;
        memcpy(told->bytes, bytes.data, bytes.length < TOLD_BYTES ? bytes.length : TOLD_BYTES);
        if (node->drop_all) {
            peers_drop(node->peers, told->link);
        }
    }
}

struct test_node *
test_node_new(const char *ip, uint64_t seed, const struct admission_limits *limits)
{
    struct test_node *node = calloc(1, sizeof *node);
    cr_assert_not_null(node);
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_for_test(seed, bytes_of_text("io"), &node->keypair);
    node->zmq = zmq_ctx_new();
    cr_assert_eq(zap_open(node->zmq, &node->zap), STATUS_OK);
    char listen[64];
    snprintf(listen, sizeof listen, "tcp://%s:*", ip);
    struct peers_options options = {.zmq = node->zmq,
                                    .zap = node->zap,
                                    .keypair = &node->keypair,
                                    .listen = listen,
                                    .redial_ms_min = 50,
                                    .redial_ms_max = 200};
    if (limits != NULL) {
        options.limits = *limits;
    }
    cr_assert_eq(peers_open(&options, &node->peers), STATUS_OK);
    return node;
}

void
test_node_free(struct test_node *node)
{
    peers_close(node->peers);
    zap_close(node->zap);
    zmq_ctx_term(node->zmq);
    free(node);
}

void
test_node_only_admit(struct test_node *node, int milliseconds)
{
    for (int i = 0; i < milliseconds; i++) {
        struct poll_set set = {.items = node->items, .capacity = 512};
        zap_add_to_poll(node->zap, &set);
        zmq_poll(set.items, (int)set.count, 1);
        zap_answer(node->zap);
    }
}

void
test_node_run(struct test_node *node, int milliseconds)
{
    const struct sink sink = {.take = take, .context = node};
    const int64_t until = clock_boot_ms() + milliseconds;
    int64_t left = milliseconds;
    while (left > 0) {
        struct poll_set set = {.items = node->items, .capacity = 512};
        zap_add_to_poll(node->zap, &set);
        peers_add_to_poll(node->peers, &set);
        int64_t wait = peers_deadline_ms(node->peers) - clock_boot_ms();
        wait = wait > left ? left : wait;
        zmq_poll(set.items, (int)set.count, wait < 0 ? 0 : (long)wait);
        zap_answer(node->zap);
        (void)peers_receive(node->peers, &set, &sink);
        left = until - clock_boot_ms();
    }
}

size_t
test_node_count(const struct test_node *node, enum event_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < node->told_count; i++) {
        count += node->told[i].type == type;
    }
    return count;
}

bool
test_nodes_run_until(struct test_node *node, enum event_type type, size_t count,
                     struct test_node *other)
{
    const int64_t until = clock_boot_ms() + 3000;
    while (test_node_count(node, type) < count) {
        if (clock_boot_ms() > until) {
            return false;
        }
        test_node_run(node, 2);
        if (other != NULL) {
            test_node_run(other, 2);
        }
    }
    return true;
}

const struct told *
test_node_told(const struct test_node *node, enum event_type type, size_t number)
{
    for (size_t i = 0; i < node->told_count; i++) {
        if (node->told[i].type == type && number-- == 0) {
            return &node->told[i];
        }
    }
    return NULL;
}

bool
test_node_dial(struct test_node *node, const struct test_node *to)
{
    return peers_dial(node->peers, bytes_of_text(peers_endpoint(to->peers)),
                      &to->keypair.channel_key) == STATUS_OK;
}

void
test_node_announce(struct test_node *node)
{
    const struct sink sink = {.take = take, .context = node};
    peers_announce(node->peers, &sink);
}
