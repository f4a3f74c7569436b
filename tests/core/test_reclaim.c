/* The owner's return: what the renter is told, how often, and how often it may happen. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"

enum { DAY_S = 86400 };

static struct node *
hosting(struct tenant *ret_tenant, uint32_t notice_s, uint16_t reclaims_per_day)
{
    struct node *node = node_new("host", 2);
    const struct control_host ask = {.ask_uusd_per_hour = micro(TENANT_ASK),
                                     .lease_min_s = 1,
                                     .lease_max_s = 36000,
                                     .notice_s = notice_s,
                                     .notice_given = true,
                                     .reclaims_per_day = reclaims_per_day};
    node_ask(node, 1, CONTROL_HOST, &ask);
    tenant_arrive(node, ret_tenant, "renter");
    tenant_run(node, ret_tenant);
    return node;
}

static unsigned
reclaims_got(const struct node *node, const struct tenant *tenant)
{
    unsigned count = 0;
    for (size_t i = 0; i < node->sent_count; i++) {
        const struct sent *sent = &node->outbox[i];
        struct signed_message message;
        struct record_view view;
        count += !sent->is_answer && sent->to == tenant->stranger.link.number &&
                 sent->type == MESSAGE_SIGNED &&
                 message_decode(&signed_message_schema, sent->bytes, &message) == STATUS_OK &&
                 record_parse(message.record, &fixture_network, &view) == STATUS_OK &&
                 view.envelope.kind == RECORD_RECLAIM;
    }
    return count;
}

static void
owner_is_back(struct node *node)
{
    node_step(node, &(struct event){.type = EVENT_OWNER_BACK, .as.owner_mask = 3});
}

static void
owner_leaves(struct node *node)
{
    node_step(node, &(struct event){.type = EVENT_OWNER_AWAY, .as.owner_mask = 3});
    node_wait(node, 1000);
}

static enum status
reclaim(struct node *node, bool dry_run)
{
    static uint64_t client = 5000;
    uint8_t status = STATUS_COUNT - 1;
    const struct control_cards cards = {.gpu_mask = 0, .dry_run = dry_run};
    node_ask(node, ++client, CONTROL_RECLAIM, &cards);
    cr_assert_eq(node_dones(node, client, &status), 1u);
    return (enum status)status;
}

static void
resume(struct node *node)
{
    const struct control_cards cards = {.gpu_mask = 0};
    node_ask(node, 4999, CONTROL_RESUME, &cards);
    node_wait(node, 1000);
}

Test(reclaim, is_repeated_until_the_renter_has_heard_it)
{
    struct tenant tenant;
    struct node *node = hosting(&tenant, 60, 3);
    owner_is_back(node);
    cr_assert_eq(reclaims_got(node, &tenant), 1u);
    node_wait(node, 10000);
    const unsigned before = reclaims_got(node, &tenant);
    cr_assert(before >= 3 && before <= 8, "%u", before);
    const struct lease_state_message heard = {.lease = tenant.lease, .state = LEASE_DRAINING};
    stranger_says(node, &tenant.stranger, &lease_state_message_schema, &heard);
    node_wait(node, 10000);
    cr_assert_eq(reclaims_got(node, &tenant), before);
    node_free(node);
}

/* The link was down when the owner came back: with the link, and after a restart, the word comes. */
Test(reclaim, reaches_a_renter_that_comes_back)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tenant tenant;
        struct node *node = hosting(&tenant, 60, 3);
        stranger_disconnect(node, &tenant.stranger);
        owner_is_back(node);
        if (i == 1) {
            node_restart(node, false);
            node_wait(node, 1000);
        }
        cr_assert_eq(reclaims_got(node, &tenant), 0u);
        stranger_connect(node, &tenant.stranger);
        cr_assert_eq(reclaims_got(node, &tenant), 1u, "case %u", i);
        node_free(node);
    }
}

Test(reclaim, is_not_repeated_when_the_notice_is_over)
{
    struct tenant tenant;
    struct node *node = hosting(&tenant, 5, 3);
    owner_is_back(node);
    node_wait(node, 6000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ENDING);
    node_forget_sent(node);
    node_wait(node, 10000);
    cr_assert_eq(reclaims_got(node, &tenant), 0u);
    node_free(node);
}

/* Somebody else's word, or one about another time, is no answer. */
Test(reclaim, only_its_renter_can_say_that_it_was_heard)
{
    struct tenant tenant;
    struct tenant other;
    struct node *node = hosting(&tenant, 60, 3);
    tenant_arrive(node, &other, "other");
    owner_is_back(node);
    const struct lease_state_message stolen = {.lease = tenant.lease, .state = LEASE_DRAINING};
    stranger_says(node, &other.stranger, &lease_state_message_schema, &stolen);
    const struct lease_state_message old = {.lease = tenant.lease, .state = LEASE_ACTIVE};
    stranger_says(node, &tenant.stranger, &lease_state_message_schema, &old);
    node_forget_sent(node);
    node_wait(node, 5000);
    cr_assert_geq(reclaims_got(node, &tenant), 1u);
    node_free(node);
}

/* The renter's side: each time it hears it, it says so, and notes it once. */
Test(reclaim, a_renter_answers_each_time)
{
    struct false_host host;
    struct node *node = node_new("node", 0);
    false_host_init(&host, node, "host");
    false_host_runs(&host, node, 5, 36000, true);
    const struct reclaim body = {
        .lease = host.lease, .notice_s = 30, .at_ms = (uint64_t)node->now.wall.ms};
    for (unsigned i = 1; i <= 3; i++) {
        stranger_says_signed(node, &host.self, RECORD_RECLAIM, &body);
        cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_LEASE_STATE), i);
        cr_assert_eq(false_host_row(&host, node).state, LEASE_DRAINING);
    }
    struct bytes frame;
    struct lease_state_message answer;
    cr_assert(node_last_sent(node, host.self.link, MESSAGE_LEASE_STATE, &frame));
    cr_assert_eq(message_decode(&lease_state_message_schema, frame, &answer), STATUS_OK);
    cr_assert_eq(answer.state, LEASE_DRAINING);
    cr_assert(lease_id_equal(&answer.lease, &host.lease));
    node_free(node);
}

/* `reclaims_per_day` is signed, so the owner's own node keeps it: the command is refused with a sentence. */
Test(reclaim, is_refused_beyond_what_is_signed_for_a_day)
{
    struct tenant tenant;
    struct node *node = hosting(&tenant, 0, 2);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(reclaim(node, true), STATUS_OK);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_ACTIVE);
        cr_assert_eq(reclaim(node, false), STATUS_OK);
        tenant_job(node, &tenant, JOB_EXITED, 500);
        tenant_sign_final(node, &tenant, true);
        resume(node);
        if (i == 1) {
            node_restart(node, true); /* the count is durable */
            node_wait(node, 1000);
            stranger_connect(node, &tenant.stranger);
        }
        tenant_look(node, &tenant);
        tenant_run(node, &tenant);
    }
    cr_assert_eq(reclaim(node, true), STATUS_REFUSED);
    cr_assert_eq(reclaim(node, false), STATUS_REFUSED);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ACTIVE);
    tenant_job(node, &tenant, JOB_EXITED, 500);
    tenant_sign_final(node, &tenant, true);
    node->now.wall.ms += (DAY_S + 1) * INT64_C(1000);
    node->now.boot.ms += (DAY_S + 1) * INT64_C(1000);
    node_wait(node, 1000);
    stranger_disconnect(node, &tenant.stranger);
    stranger_connect(node, &tenant.stranger);
    tenant_look(node, &tenant);
    tenant_run(node, &tenant);
    cr_assert_eq(reclaim(node, false), STATUS_OK, "another day");
    node_free(node);
}

/* The owner's machine is the owner's: a game gets its card at once, and the broken promise costs the lease. */
Test(reclaim, an_owner_that_breaks_its_word_charges_nothing)
{
    struct tenant tenant;
    struct final final;
    struct node *node = hosting(&tenant, 0, 1);
    for (unsigned i = 0; i < 2; i++) {
        tenant_pay(node, &tenant, 2, 4000);
        node_wait(node, 25000);
        tenant_job(node, &tenant, JOB_RUNNING, 25000);
        owner_is_back(node);
        cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
        tenant_job(node, &tenant, JOB_EXITED, 25000);
        cr_assert(tenant_final(node, &tenant, &final, NULL));
        cr_assert_eq(final.reason, END_RECLAIMED);
        cr_assert_eq(amount_micro(final.amount_uusd), i == 0 ? 2000 : 0);
        tenant_sign_final(node, &tenant, true);
        owner_leaves(node);
        node_forget_sent(node);
        if (i == 0) {
            tenant_look(node, &tenant);
            tenant_run(node, &tenant);
        }
    }
    node_free(node);
}

/* Two cards, one reclaimed often: leases of the other are not counted. */
Test(reclaim, is_counted_for_each_card)
{
    struct tenant tenant;
    struct tenant second;
    struct node *node = hosting(&tenant, 0, 1);
    tenant_arrive(node, &second, "second");
    tenant_run(node, &second);
    const uint64_t first_mask = tenant.terms.slot_mask;
    cr_assert_neq(first_mask, second.terms.slot_mask);
    const struct control_cards one = {.gpu_mask = first_mask};
    const struct control_cards other = {.gpu_mask = second.terms.slot_mask};
    uint8_t status = STATUS_COUNT - 1;
    node_ask(node, 31, CONTROL_RECLAIM, &one);
    cr_assert_eq(node_dones(node, 31, &status), 1u);
    cr_assert_eq(status, STATUS_OK);
    node_ask(node, 32, CONTROL_RECLAIM, &other);
    cr_assert_eq(node_dones(node, 32, &status), 1u);
    cr_assert_eq(status, STATUS_OK);
    node_free(node);
}
