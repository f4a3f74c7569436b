/* The mesh of peers: who is looked for again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/core/node_fixture.h"

static void
tell_of(struct node *node, const struct stranger *stranger)
{
    char text[256];
    char id[ID_HEX_SIZE];
    char key[ID_HEX_SIZE];
    id_to_hex(stranger->keypair.identity.bytes, id);
    id_to_hex(stranger->keypair.channel_key.bytes, key);
    snprintf(text, sizeof text, "%s@127.0.0.9:7700#%s", id, key);
    const struct control_peer_add question = {.address = bytes_of_text(text)};
    node_ask(node, 3, CONTROL_PEER_ADD, &question);
}

Test(peers, one_that_the_person_told_is_looked_for_until_it_is_there)
{
    struct stranger stranger;
    struct node *node = node_new("node", 0);
    stranger_init(&stranger, "peer");
    tell_of(node, &stranger);
    cr_assert_geq(node->effect_counts[EFFECT_DIAL], 1u);
    node_forget_sent(node);
    node_wait(node, 30000);
    cr_assert_geq(node->effect_counts[EFFECT_DIAL], 4u);
    cr_assert_leq(node->effect_counts[EFFECT_DIAL], 8u, "now and then, not all the time");
    stranger_connect(node, &stranger);
    node_forget_sent(node);
    node_wait(node, 30000);
    cr_assert_eq(node->effect_counts[EFFECT_DIAL], 0u);
    stranger_disconnect(node, &stranger);
    node_wait(node, 10000);
    cr_assert_geq(node->effect_counts[EFFECT_DIAL], 1u);
    node_free(node);
}

Test(peers, those_of_yesterday_are_looked_for_after_a_restart)
{
    for (int told = 0; told < 2; told++) {
        struct stranger stranger;
        struct node *node = node_new("node", 0);
        stranger_init(&stranger, "peer");
        if (told != 0) {
            tell_of(node, &stranger);
        }
        stranger_connect(node, &stranger);
        node_wait(node, 500);
        node_forget_sent(node);
        node_restart(node, true);
        node_wait(node, 12000);
        /* The gossip was not replayed, so only an address of our own memory is left. */
        cr_assert_eq(node->effect_counts[EFFECT_DIAL] > 0, told != 0);
        node_free(node);
    }
}

Test(peers, no_more_are_called_when_there_are_enough)
{
    enum { MANY = 9 };
    struct stranger strangers[MANY];
    struct node *node = node_new("node", 0);
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "peer-%u", i);
        stranger_init(&strangers[i], name);
        stranger_connect(node, &strangers[i]);
    }
    stranger_disconnect(node, &strangers[0]);
    node_forget_sent(node);
    node_wait(node, 20000);
    cr_assert_eq(node->effect_counts[EFFECT_DIAL], 0u, "eight are there");
    stranger_disconnect(node, &strangers[1]);
    node_wait(node, 6000);
    cr_assert_geq(node->effect_counts[EFFECT_DIAL], 1u, "now one is missing");
    node_free(node);
}
