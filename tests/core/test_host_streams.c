#include <criterion/criterion.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/tenant.h"

static void
pass(struct node *node, int64_t seconds)
{
    node->now.wall.ms += seconds * 1000;
    node->now.boot.ms += seconds * 1000;
    node_wait(node, 2000);
}

/* Asks as a renter does that wants to read what its job wrote; true when its key is let in. */
static bool
may_read(struct node *node, struct tenant *tenant)
{
    const struct lease_query_message query = {.lease = tenant->lease};
    stranger_disconnect(node, &tenant->stranger);
    stranger_connect(node, &tenant->stranger);
    node_forget_sent(node);
    stranger_says(node, &tenant->stranger, &lease_query_message_schema, &query);
    return node->effect_counts[EFFECT_STREAM_ALLOW] > 0;
}

/* The log is kept for a day, and so is the way to it; over restarts, and whether FINAL was signed or not. */
Test(host_streams, a_renter_loses_access_a_day_after_the_end)
{
    for (unsigned i = 0; i < 4; i++) {
        const bool is_signed = i % 2 == 0;
        const bool restart = i >= 2;
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        tenant_run(node, &tenant);
        cr_assert(may_read(node, &tenant));
        tenant_job(node, &tenant, JOB_EXITED, 5000);
        if (is_signed) {
            tenant_sign_final(node, &tenant, true);
        }
        cr_assert_eq(tenant_state(node, &tenant), is_signed ? LEASE_CLOSED : LEASE_SETTLING);
        pass(node, LOG_KEEP_S - 60);
        if (restart) {
            node_restart(node, true);
        }
        cr_assert_eq(node->effect_counts[EFFECT_STREAM_FORBID], 0u, "case %u", i);
        cr_assert(may_read(node, &tenant), "case %u", i);
        pass(node, 120);
        cr_assert_eq(node->effect_counts[EFFECT_STREAM_FORBID], 1u, "case %u", i);
        cr_assert_not(may_read(node, &tenant), "case %u", i);
        pass(node, 120);
        cr_assert_eq(node->effect_counts[EFFECT_STREAM_FORBID], 0u, "once is enough");
        if (restart) {
            node_restart(node, false);
            cr_assert_not(may_read(node, &tenant), "case %u", i);
        }
        node_free(node);
    }
}

/* The core is built again when the disk was full; the streams that it let in go on meanwhile. */
Test(host_streams, access_that_an_earlier_core_gave_is_taken_back_too)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    tenant_run(node, &tenant);
    cr_assert(may_read(node, &tenant));
    tenant_job(node, &tenant, JOB_EXITED, 5000);
    node_restart(node, false);
    node_forget_sent(node);
    pass(node, LOG_KEEP_S + 10);
    cr_assert_eq(node->effect_counts[EFFECT_STREAM_FORBID], 1u);
    node_free(node);
}

/* The place of an old lease is taken by a new one: nobody would remember to close its streams. */
Test(host_streams, a_lease_that_is_forgotten_loses_its_streams)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    tenant_run(node, &tenant);
    cr_assert(may_read(node, &tenant));
    tenant_job(node, &tenant, JOB_EXITED, 5000);
    tenant_sign_final(node, &tenant, true);
    struct core *core = node->core;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        if (!core->leases[i].used) {
            core->leases[i].used = true;
            core->leases[i].row.state = LEASE_CLOSED;
            core->leases[i].row.created_at_ms = UINT64_MAX;
        }
    }
    node_forget_sent(node);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    cr_assert_eq(node->effect_counts[EFFECT_STREAM_FORBID], 1u);
    node_free(node);
}
