#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/tenant.h"

/* Keys cost nothing, so what they keep is counted together. */
Test(review_host, many_unknown_keys_leave_half_of_the_slots_to_others)
{
    enum { CARDS = 4, KEYS = 6 };
    struct tenant tenants[KEYS];
    struct node *node = tenant_node(CARDS, &tenants[0]);
    unsigned granted = 0;
    for (size_t i = 0; i < KEYS; i++) {
        char name[] = {'k', (char)('0' + i), '\0'};
        tenant_arrive(node, &tenants[i], name);
        const struct hold hold = tenant_hold(node, &tenants[i]);
        tenant_say_hold(node, &tenants[i], &hold);
        granted += tenant_take_held(node, &tenants[i]);
    }
    cr_assert_eq(granted, 2u);
    node_free(node);
}

/* Confirming costs nothing either: without START it counts as a lapse. */
Test(review_host, leases_that_are_never_started_earn_longer_and_longer_waits)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    uint32_t wait_ms = 0;
    for (unsigned i = 0; i < 5; i++) {
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "round %u", i);
        tenant_confirm(node, &tenant);
        node_wait(node, LATEST_START_S * 1000 + 500);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_VOID);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert_eq(tenant_refusal(node, &tenant, &wait_ms), REFUSAL_WAIT, "round %u", i);
        cr_assert_geq(wait_ms + 1000, (uint32_t)HOLD_LAPSE_WAIT_MS_MIN << i);
        stranger_connect(node, &tenant.stranger);
        node_wait(node, wait_ms);
        stranger_connect(node, &tenant.stranger);
    }
    node_free(node);
}

/* Taking every hold back just before it lapses would block the slots as well. */
Test(review_host, holds_taken_back_again_and_again_earn_waits)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    unsigned refused = 0;
    for (unsigned i = 0; i < 8; i++) {
        const struct hold hold = tenant_hold(node, &tenant);
        node_forget_sent(node);
        tenant_say_hold(node, &tenant, &hold);
        if (!tenant_take_held(node, &tenant)) {
            cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_WAIT);
            refused++;
            continue;
        }
        const struct cancel_message cancel = {.hold = tenant.hold};
        stranger_says(node, &tenant.stranger, &cancel_message_schema, &cancel);
    }
    cr_assert_geq(refused, 4u);
    node_free(node);
}

/* One interval each is all that it costs never to sign a final: the host goes on letting. */
Test(review_host, renters_that_never_sign_a_final_do_not_stop_a_host)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    for (unsigned i = 0; i < LEASES_OPEN_MAX + 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "mute-%u", i);
        tenant_arrive(node, &tenant, name);
        tenant_run(node, &tenant);
        tenant_job(node, &tenant, JOB_EXITED, 5000);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_SETTLING, "lease %u", i);
        stranger_disconnect(node, &tenant.stranger);
        node_forget_sent(node);
        if (i == LEASES_OPEN_MAX + 10) {
            node_restart(node, true);
            node_wait(node, 1000);
        }
    }
    cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), (size_t)LEASES_OPEN_MAX + 20);
    /* The last one signs after all, also over a restart. */
    node_restart(node, false);
    node_wait(node, 1000);
    stranger_connect(node, &tenant.stranger);
    node_wait(node, 6000);
    tenant_sign_final(node, &tenant, true);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_CLOSED);
    node_free(node);
}

/* Every peer with whom money ever moved has its place in the books for ever. */
Test(review_host, full_books_refuse_new_renters_and_nothing_else)
{
    struct tenant old;
    struct tenant new;
    struct node *node = tenant_node(2, &old);
    tenant_run(node, &old);
    tenant_job(node, &old, JOB_EXITED, 5000);
    tenant_sign_final(node, &old, true);
    struct core *core = node->core;
    cr_assert_gt(core->balance_count, 0u);
    while (core->balance_count < BALANCES_MAX) {
        struct balance_row *row = &core->balances[core->balance_count];
        memcpy(row->peer.bytes, &core->balance_count, sizeof core->balance_count);
        core->balance_count++;
    }
    struct hold hold = tenant_hold(node, &old);
    tenant_say_hold(node, &old, &hold);
    cr_assert(tenant_take_held(node, &old));
    tenant_arrive(node, &new, "new");
    hold = tenant_hold(node, &new);
    tenant_say_hold(node, &new, &hold);
    cr_assert_eq(tenant_refusal(node, &new, NULL), REFUSAL_WAIT);
    const struct control_plain plain = {0};
    node_ask(node, 8, CONTROL_MONEY, &plain);
    cr_assert_eq(node_dones(node, 8, NULL), 1u);
    node_ask(node, 9, CONTROL_STATUS, &plain);
    cr_assert_eq(node_dones(node, 9, NULL), 1u);
    node_free(node);
}

/* The price that is shown is the price that is asked for, by both sides. */
Test(review_host, work_that_may_be_interrupted_has_its_own_price)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    struct hold hold = tenant_hold(node, &tenant);
    hold.interruptible = true;
    tenant_say_hold(node, &tenant, &hold);
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_PRICE, "it is not offered");
    const struct control_host ask = {.interruptible_ask_uusd_per_hour = micro(36000)};
    node_ask(node, 7, CONTROL_HOST, &ask);
    node_wait(node, 500);
    tenant_look(node, &tenant);
    hold = tenant_hold(node, &tenant);
    hold.interruptible = true;
    hold.ask_max_uusd_per_hour = micro(36000);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    cr_assert_eq(amount_micro(tenant.terms.ask_uusd_per_hour), 36000);
    node_free(node);
}

/* Eight at once is all that the owner's program is asked about. */
Test(review_host, one_key_does_not_occupy_the_owners_program)
{
    struct tenant tenant;
    struct node *node = tenant_node(2, &tenant);
    node->options.has_decide_program = true;
    node_restart(node, false);
    stranger_connect(node, &tenant.stranger);
    node_wait(node, 1000);
    tenant_look(node, &tenant);
    node_forget_sent(node);
    for (unsigned i = 0; i < 10; i++) {
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
    }
    cr_assert_eq(node->effect_counts[EFFECT_DECIDE], 1u);
    node_free(node);
}

/* What the program says is shown to the renter, whatever bytes it is made of. */
Test(review_host, the_owners_program_may_print_anything)
{
    static const char *const texts[] = {"\xff\xfe", "no \xe2\x82", "", "plain",
                                        "\xe2\x82\xac\xe2\x82\xac"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        node->options.has_decide_program = true;
        node_restart(node, false);
        stranger_connect(node, &tenant.stranger);
        node_wait(node, 1000);
        tenant_look(node, &tenant);
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        const struct event event = {
            .type = EVENT_DECIDED,
            .as.decided = {.token = node->last_decision, .text = bytes_of_text(texts[i])}};
        node_step(node, &event);
        cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_DECIDED);
        node_free(node);
    }
}

/* A job that is found again after its lease was settled as lost. */
Test(review_host, a_job_whose_lease_is_settled_is_killed)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    tenant_run(node, &tenant);
    const struct event lost = {.type = EVENT_WORKLOAD_LOST, .as.lease = tenant.lease};
    node_step(node, &lost);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_SETTLING);
    node_forget_sent(node);
    tenant_job(node, &tenant, JOB_RUNNING, 7000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    node_free(node);
}
