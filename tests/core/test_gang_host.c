/* A host's side of a gang: long holds, and what confirms them. */
#include <criterion/criterion.h>
#include <string.h>

#include "crypto/merkle.h"
#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/tenant.h"

enum { MEMBERS = 5, OWN_PLACE = 3 };

static const struct record_id gang_id = {{0x9a, 1}};

/* What a renter would say, and what may be wrong with it. */
struct confirmation {
    struct record_id leaves[MEMBERS];
    struct gang_certificate certificate;
    struct merkle_proof proof;
};

static struct node *
held_for_gang(struct tenant *ret_tenant)
{
    struct node *node = tenant_node(2, ret_tenant);
    struct hold hold = tenant_hold(node, ret_tenant);
    hold.request = gang_id;
    hold.ttl_ms = GANG_HOLD_TTL_MS;
    tenant_say_hold(node, ret_tenant, &hold);
    cr_assert(tenant_take_held(node, ret_tenant));
    return node;
}

static struct confirmation
confirmation_of(const struct tenant *tenant)
{
    struct confirmation say = {
        .certificate = {.gang = gang_id, .count = MEMBERS, .gang_min = 4, .generation = 1}};
    struct record_view view;
    for (size_t i = 0; i < MEMBERS; i++) {
        say.leaves[i].bytes[0] = (uint8_t)(i + 1);
    }
    cr_assert_eq(
        record_parse(bytes_of(tenant->held_bytes, tenant->held_length), &fixture_network, &view),
        STATUS_OK);
    say.leaves[OWN_PLACE] = view.id;
    merkle_root(say.leaves, MEMBERS, say.certificate.root);
    merkle_prove(say.leaves, MEMBERS, OWN_PLACE, &say.proof);
    return say;
}

/* Seals certificate and lease as `by`, and sends them over the tenant's connection. */
static void
say(struct node *node, struct tenant *tenant, struct stranger *by, const struct confirmation *what)
{
    uint8_t certificate[COSIGNED_BYTES_MAX];
    uint8_t lease[COSIGNED_BYTES_MAX];
    struct record_view view;
    const struct gang_confirm_message message = {
        .certificate = stranger_seals(node, by, RECORD_GANG, &what->certificate, certificate),
        .index = (uint16_t)what->proof.index,
        .path = bytes_of(what->proof.path, what->proof.length * ID_LENGTH),
        .lease = stranger_seals(node, by, RECORD_LEASE, &tenant->terms, lease)};
    cr_assert_eq(record_parse(message.lease, &fixture_network, &view), STATUS_OK);
    tenant->lease = lease_id_of_record(&view.id);
    stranger_says(node, &tenant->stranger, &gang_confirm_message_schema, &message);
}

Test(gang_host, its_certificate_alone_confirms_a_gangs_hold)
{
    struct tenant tenant;
    struct node *node = held_for_gang(&tenant);
    tenant_confirm(node, &tenant);
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_NOT_YOURS);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_HELD);
    const struct confirmation what = confirmation_of(&tenant);
    say(node, &tenant, &tenant.stranger, &what);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_LEASED);
    cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 1u);
    /* Said again, as after a lost answer: the stored one. */
    say(node, &tenant, &tenant.stranger, &what);
    cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 2u);
    node_free(node);
}

Test(gang_host, a_gangs_hold_lasts_thirty_seconds_and_others_ten)
{
    struct tenant tenant;
    struct node *node = held_for_gang(&tenant);
    node_wait(node, 29000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_HELD);
    node_wait(node, 2000);
    const struct confirmation what = confirmation_of(&tenant);
    say(node, &tenant, &tenant.stranger, &what);
    cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 0u);
    node_wait(node, 3000);
    struct hold hold = tenant_hold(node, &tenant);
    hold.ttl_ms = GANG_HOLD_TTL_MS;
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    node_wait(node, 11000);
    cr_assert_neq(tenant_state(node, &tenant), LEASE_HELD, "who names no gang gets ten seconds");
    node_free(node);
}

Test(gang_host, a_certificate_that_does_not_speak_for_the_hold_is_refused)
{
    for (int change = 0; change < 8; change++) {
        struct tenant tenant;
        struct node *node = held_for_gang(&tenant);
        struct confirmation what = confirmation_of(&tenant);
        switch (change) {
        case 0:
            what.certificate.gang.bytes[3] ^= 1;
            break;
        case 1:
            what.certificate.gang_min = MEMBERS + 1;
            break;
        case 2:
            what.certificate.root[0] ^= 1;
            break;
        case 3:
            what.proof.index = 1;
            break;
        case 4:
            what.proof.path[0][5] ^= 1;
            break;
        case 5:
            what.proof.length--;
            break;
        case 6:
            what.certificate.count = MEMBERS - 1;
            break;
        default: /* the hold itself is not among them */
            what.leaves[OWN_PLACE].bytes[0] ^= 1;
            merkle_root(what.leaves, MEMBERS, what.certificate.root);
            merkle_prove(what.leaves, MEMBERS, OWN_PLACE, &what.proof);
            break;
        }
        say(node, &tenant, &tenant.stranger, &what);
        cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 0u, "change %d", change);
        cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_NOT_YOURS, "change %d", change);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_HELD, "change %d", change);
        node_free(node);
    }
}

Test(gang_host, nobody_confirms_a_gang_for_another)
{
    struct tenant tenant;
    struct stranger other;
    struct node *node = held_for_gang(&tenant);
    const struct confirmation what = confirmation_of(&tenant);
    stranger_init(&other, "another");
    say(node, &tenant, &other, &what);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_HELD);
    cr_assert_not(stranger_is_connected(node, &tenant.stranger));
    node_free(node);
}

Test(gang_host, a_member_is_known_as_one_after_a_restart)
{
    struct tenant tenant;
    struct node *node = held_for_gang(&tenant);
    const struct confirmation what = confirmation_of(&tenant);
    say(node, &tenant, &tenant.stranger, &what);
    node_restart(node, false);
    unsigned members = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &node->core->leases[i];
        members += lease->used && record_id_equal(&lease->gang, &gang_id);
    }
    cr_assert_eq(members, 1u);
    node_free(node);
}

/* Two gangs fight for hosts by giving holds back: that must not shut the loser out for long. */
Test(gang_host, who_gives_a_gangs_hold_back_soon_may_soon_try_again)
{
    struct tenant tenant;
    struct node *node = tenant_node(2, &tenant);
    uint32_t longest_ms = 0;
    for (int round = 0; round < 8; round++) {
        struct hold hold = tenant_hold(node, &tenant);
        hold.request = gang_id;
        hold.ttl_ms = GANG_HOLD_TTL_MS;
        node_forget_sent(node);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "round %d", round);
        node_wait(node, 500);
        const struct cancel_message cancel = {.hold = tenant.hold};
        stranger_says(node, &tenant.stranger, &cancel_message_schema, &cancel);
        tenant_say_hold(node, &tenant, &hold);
        uint32_t wait_ms = 0;
        if (!tenant_take_held(node, &tenant)) {
            cr_assert_eq(tenant_refusal(node, &tenant, &wait_ms), REFUSAL_WAIT);
            longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        } else {
            const struct cancel_message again = {.hold = tenant.hold};
            stranger_says(node, &tenant.stranger, &cancel_message_schema, &again);
        }
        node_wait(node, 2500);
    }
    cr_assert_gt(longest_ms, 0u, "it is not free for ever");
    cr_assert_leq(longest_ms, 2100u);
    node_free(node);
}
