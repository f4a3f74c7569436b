#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"

/* A machine without a clock, and one at the end of time, with all that a node says. */
Test(review_clocks, no_clock_is_too_wrong_to_run)
{
    static const int64_t walls[] = {INT64_MIN, -1000, 0, 999, INT64_C(253402300799000), INT64_MAX};
    static const uint8_t questions[] = {CONTROL_STATUS, CONTROL_PEERS, CONTROL_MONEY};
    for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++) {
        struct node *node = node_new("node", 2);
        struct stranger friend;
        node->now.wall.ms = walls[i];
        node_restart(node, false);
        node_host(node, 200000);
        node->now.wall.ms = INT64_C(1760000000000);
        stranger_init(&friend, "friend");
        stranger_connect(node, &friend);
        node->now.wall.ms = walls[i];
        for (int tick = 0; tick < 5; tick++) {
            node->now.boot.ms += 250;
            node_step(node, &(struct event){.type = EVENT_TICK});
        }
        for (size_t q = 0; q < sizeof questions; q++) {
            const struct control_plain plain = {0};
            node_ask(node, 10 + q, questions[q], &plain);
            cr_assert_eq(node_dones(node, 10 + q, NULL), 1u);
        }
        const struct control_leases leases = {.all = true};
        node_ask(node, 20, CONTROL_LEASES, &leases);
        const struct control_cards cards = {0};
        node_ask(node, 21, CONTROL_PAUSE, &cards);
        cr_assert_eq(node_dones(node, 21, NULL), 1u);
        node_free(node);
    }
}

/* Jumps of the wall clock move no lease: its life is counted by boot time. */
Test(review_clocks, a_jump_of_the_wall_ends_no_lease)
{
    static const int64_t jumps_ms[] = {INT64_C(100) * 86400000, INT64_C(-100) * 86400000};
    for (size_t i = 0; i < 2; i++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        false_host_init(&host, node, "host");
        false_host_runs(&host, node, 5, 36000, false);
        node_wait(node, 3000);
        node->now.wall.ms += jumps_ms[i];
        node_wait(node, 5000);
        cr_assert_eq(false_host_row(&host, node).state, LEASE_ACTIVE);
        node_forget_sent(node);
        false_host_meters(&host, node, 8000);
        cr_assert(false_host_sees_voucher(&host, node), "an honest meter is paid");
        node_free(node);
    }
}

/* Withdrawing what was published by a clock far ahead. */
Test(review_clocks, offers_are_taken_back_after_a_jump_backwards)
{
    struct node *node = node_new("node", 1);
    const struct control_cards cards = {0};
    uint8_t status = STATUS_COUNT - 1;
    node_host(node, 200000);
    node->now.wall.ms -= INT64_C(3) * 86400000;
    node_ask(node, 21, CONTROL_UNHOST, &cards);
    cr_assert_eq(node_dones(node, 21, &status), 1u);
    cr_assert_eq(status, STATUS_OK);
    node_free(node);
}

/* A clock that was years ahead when the offers were made is put right: they stand from now on. */
Test(review_clocks, offers_are_signed_anew_when_the_clock_is_set)
{
    struct node *node = node_new("node", 1);
    struct stranger friend;
    struct bytes sealed;
    struct record_view view;
    node->now.wall.ms += INT64_C(30) * 86400000;
    node_wait(node, 1000);
    node_host(node, 200000);
    node->now.wall.ms -= INT64_C(30) * 86400000;
    node_wait(node, 2000);
    stranger_init(&friend, "friend");
    stranger_connect(node, &friend);
    cr_assert(stranger_pulls(node, &friend, RECORD_LISTING, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    cr_assert_leq(view.envelope.issued_at_s, (uint64_t)node->now.wall.ms / 1000);
    cr_assert_gt(view.envelope.issued_at_s + 10, (uint64_t)node->now.wall.ms / 1000);
    node_free(node);
}

/* What peers said of our clock is not held against us once it is right. */
Test(review_clocks, a_clock_that_was_set_is_sound_again)
{
    struct node *node = node_new("node", 1);
    struct stranger friends[4];
    const int64_t right_ms = node->now.wall.ms;
    for (size_t i = 0; i < 4; i++) {
        char name[] = {'f', (char)('0' + i), '\0'};
        stranger_init(&friends[i], name);
        stranger_connect(node, &friends[i]);
    }
    node->now.wall.ms = right_ms + 3600000;
    node_host(node, 200000);
    cr_assert_not(node->core->offers[0].published, "nothing is signed by a wrong clock");
    node->now.wall.ms = right_ms;
    node_wait(node, 1500);
    cr_assert(node->core->offers[0].published);
    node_free(node);
}
