/* Connections: who is believed, and what happens when one end forgets the other. */
#include "node/core/links.h"

#include <criterion/criterion.h>

#include "protocol/codec.h"
#include "tests/core/node_fixture.h"

static void
says_hello(struct node *node, struct stranger *stranger, uint64_t nonce)
{
    uint8_t hello_bytes[COSIGNED_BYTES_MAX];
    uint8_t node_bytes[COSIGNED_BYTES_MAX];
    const struct hello hello = {.sender_key = stranger->keypair.channel_key,
                                .receiver_key = node->options.keypair.channel_key,
                                .protocol_min = 1,
                                .protocol_max = 1,
                                .nonce = nonce,
                                .time_ms = (uint64_t)node->now.wall.ms};
    const struct node_record record = {.channel_key = stranger->keypair.channel_key};
    const struct hello_message message = {
        .hello = stranger_seals(node, stranger, RECORD_HELLO, &hello, hello_bytes),
        .node = stranger_seals(node, stranger, RECORD_NODE, &record, node_bytes)};
    stranger_says(node, stranger, &hello_message_schema, &message);
}

/* A daemon that builds its core anew keeps its connections, but knows nobody at their ends. */
Test(links, a_peer_that_has_forgotten_us_is_greeted_again)
{
    struct stranger stranger;
    struct node *node = node_new("node", 1);
    stranger_init(&stranger, "peer");
    stranger_connect(node, &stranger);
    cr_assert_eq(node_count_sent(node, stranger.link, MESSAGE_HELLO), 1u);
    says_hello(node, &stranger, 5);
    cr_assert_eq(node_count_sent(node, stranger.link, MESSAGE_HELLO), 2u);
    node_wait(node, 6000); /* its answer to the first question may be lost with all the rest */
    cr_assert_eq(node_count_sent(node, stranger.link, MESSAGE_PULL), 2u);
    cr_assert(stranger_is_connected(node, &stranger));
    node_free(node);
}

/* Two nodes that answered each repeat would never come to an end. */
Test(links, a_greeting_that_comes_twice_is_answered_once)
{
    struct stranger stranger;
    struct node *node = node_new("node", 1);
    stranger_init(&stranger, "peer");
    stranger_connect(node, &stranger);
    for (int i = 0; i < 5; i++) {
        says_hello(node, &stranger, 0); /* the nonce of the first one */
    }
    cr_assert_eq(node_count_sent(node, stranger.link, MESSAGE_HELLO), 1u);
    node_free(node);
}

static uint64_t
last_nonce(struct node *node, const struct stranger *stranger)
{
    struct bytes frame;
    struct hello_message message;
    struct verified_record record;
    struct hello hello;
    cr_assert(node_last_sent(node, stranger->link, MESSAGE_HELLO, &frame));
    cr_assert_eq(message_decode(&hello_message_schema, frame, &message), STATUS_OK);
    cr_assert_eq(record_open(message.hello, &fixture_network, &record), STATUS_OK);
    cr_assert_eq(verified_body(&record, RECORD_HELLO, &hello), STATUS_OK);
    return hello.nonce;
}

/* Else two that were forgotten twice would take each other's answers for new greetings. */
Test(links, a_greeting_said_again_is_the_same_greeting)
{
    struct stranger stranger;
    struct node *node = node_new("node", 1);
    stranger_init(&stranger, "peer");
    stranger_connect(node, &stranger);
    const uint64_t nonce = last_nonce(node, &stranger);
    for (uint64_t i = 1; i < 4; i++) {
        says_hello(node, &stranger, i);
        cr_assert_eq(last_nonce(node, &stranger), nonce);
    }
    cr_assert_eq(node_count_sent(node, stranger.link, MESSAGE_HELLO), 4u);
    const struct link first = stranger.link;
    stranger_connect(node, &stranger);
    cr_assert_neq(last_nonce(node, &stranger), nonce, "another connection, another greeting");
    cr_assert_neq(stranger.link.number, first.number);
    node_free(node);
}

Test(links, a_connection_that_says_nothing_is_closed)
{
    struct stranger stranger;
    struct node *node = node_new("node", 1);
    stranger_init(&stranger, "peer");
    const struct event event = {.type = EVENT_LINK_UP,
                                .as.link_up = {.link = {7}, .key = stranger.keypair.channel_key}};
    node_step(node, &event);
    node_wait(node, 4500);
    cr_assert_eq(node->drops, 0u);
    node_wait(node, 2000);
    cr_assert_eq(node->drops, 1u);
    stranger_connect(node, &stranger);
    node_wait(node, 60000);
    cr_assert_eq(node->drops, 2u, "silence ends a connection that was introduced, too");
    node_free(node);
}
