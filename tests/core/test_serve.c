/* Standing requests as a host sees them: it offers in its turn, and keeps slots for nobody in vain. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/core/lease.h"
#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"

static void
publishes(struct node *node, struct tenant *tenant, int64_t ask_max_micro, uint16_t count)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct request request = request_default();
    request.duration_s = 600;
    request.count = count;
    request.ask_max_uusd_per_hour = micro(ask_max_micro);
    const struct records_message message = {
        .records = {
            .count = 1,
            .items = {stranger_seals(node, &tenant->stranger, RECORD_REQUEST, &request, memory)}}};
    stranger_says(node, &tenant->stranger, &records_message_schema, &message);
}

/* Takes over the last offer, as if HELD had come; false when there was none. */
static bool
takes_offer(struct node *node, struct tenant *tenant)
{
    struct bytes frame;
    struct offer_message offer;
    struct record_view view;
    struct held held;
    if (!node_last_sent(node, tenant->stranger.link, MESSAGE_OFFER, &frame)) {
        return false;
    }
    cr_assert_eq(message_decode(&offer_message_schema, frame, &offer), STATUS_OK);
    memcpy(tenant->held_bytes, offer.held.data, offer.held.length);
    cr_assert_eq(
        record_parse(bytes_of(tenant->held_bytes, offer.held.length), &fixture_network, &view),
        STATUS_OK);
    cr_assert_eq(codec_decode(&held_schema, view.envelope.body, &held), STATUS_OK);
    cr_assert_eq(codec_decode(&lease_terms_schema, held.terms, &tenant->terms), STATUS_OK);
    cr_assert(peer_id_equal(&tenant->terms.renter, &tenant->stranger.keypair.identity));
    tenant->hold = held.hold;
    return true;
}

static unsigned
offers_got(const struct node *node, const struct tenant *tenant)
{
    return node_count_sent(node, tenant->stranger.link, MESSAGE_OFFER);
}

Test(serve, a_fitting_request_gets_an_offer_and_a_lease)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    publishes(node, &tenant, 400000, 1);
    node_wait(node, 300);
    cr_assert(takes_offer(node, &tenant));
    cr_assert_eq(amount_micro(tenant.terms.ask_uusd_per_hour), TENANT_ASK);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_HELD);
    tenant_confirm(node, &tenant);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_LEASED);
    tenant_start(node, &tenant, 1000);
    tenant_job(node, &tenant, JOB_RUNNING, 0);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ACTIVE);
    node_wait(node, 30000);
    cr_assert_eq(offers_got(node, &tenant), 1u, "the card is taken");
    node_free(node);
}

Test(serve, what_does_not_fit_gets_no_offer)
{
    for (unsigned i = 0; i < 5; i++) {
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        const struct control_cards cards = {.gpu_mask = 0};
        if (i == 2) {
            node_ask(node, 3, CONTROL_PAUSE, &cards);
        } else if (i == 3) {
            node->options.has_decide_program = true; /* the owner's program decides, when asked */
            node_restart(node, false);
            stranger_connect(node, &tenant.stranger);
            node_wait(node, 1000);
        } else if (i == 4) {
            tenant_run(node, &tenant);
        }
        publishes(node, &tenant, i == 0 ? TENANT_ASK - 1 : 400000, i == 1 ? 2 : 1);
        node_wait(node, 20000);
        cr_assert_eq(offers_got(node, &tenant), 0u, "case %u", i);
        node_free(node);
    }
}

/* What stood while the cards were paused is served when they are back. */
Test(serve, a_request_that_waits_is_served_when_the_cards_are_back)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    const struct control_cards cards = {.gpu_mask = 0};
    node_ask(node, 3, CONTROL_PAUSE, &cards);
    publishes(node, &tenant, 400000, 1);
    node_wait(node, 10000);
    cr_assert_eq(offers_got(node, &tenant), 0u);
    node_ask(node, 4, CONTROL_RESUME, &cards);
    node_wait(node, 1500);
    cr_assert_eq(offers_got(node, &tenant), 1u);
    node_free(node);
}

/* The better ones offer first: each of them is given 50 ms. */
Test(serve, a_host_waits_for_each_better_one)
{
    static const unsigned better[] = {0, 4, 20};
    for (size_t i = 0; i < sizeof better / sizeof better[0]; i++) {
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        for (unsigned other = 0; other < better[i]; other++) {
            char name[] = {'o', (char)('a' + other), '\0'};
            struct false_host host;
            false_host_init(&host, node, name);
            host.listing.ask_uusd_per_hour = micro(100000 + (int64_t)other);
            false_host_lists(&host, node);
        }
        publishes(node, &tenant, 400000, 1);
        const int64_t wait_ms = (int64_t)better[i] * OFFER_RANK_MS;
        if (wait_ms > 0) {
            node_wait(node, wait_ms - 10);
            cr_assert_eq(offers_got(node, &tenant), 0u, "%u better", better[i]);
        }
        node_wait(node, 1100);
        cr_assert_eq(offers_got(node, &tenant), 1u, "%u better", better[i]);
        node_free(node);
    }
}

/* An offer is no hold of the renter's: that it lapses is not held against it, and the slot is free again. */
Test(serve, an_offer_that_is_not_taken_costs_the_renter_nothing)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        publishes(node, &tenant, 400000, 1);
        node_wait(node, 300);
        cr_assert(takes_offer(node, &tenant));
        if (i == 0) {
            const struct cancel_message cancel = {.hold = tenant.hold};
            stranger_says(node, &tenant.stranger, &cancel_message_schema, &cancel);
        } else {
            node_wait(node, OFFER_TTL_MS + 500);
        }
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "case %u", i);
        node_free(node);
    }
}

/* Keys and requests cost nothing: who takes no offer does not keep a card from others for long. */
Test(serve, ever_new_keys_that_take_no_offer_keep_a_card_for_little_of_the_time)
{
    enum { KEYS = 30, MINUTES = 10 };
    static struct tenant tenants[KEYS];
    struct node *node = tenant_node(1, &tenants[0]);
    unsigned offers = 0;
    unsigned held_ticks = 0;
    for (unsigned i = 1; i < KEYS; i++) {
        char name[] = {'k', (char)('A' + i), '\0'};
        tenant_arrive(node, &tenants[i], name);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        publishes(node, &tenants[i], 400000, 1);
    }
    for (unsigned t = 0; t < MINUTES * 60; t++) {
        node_wait(node, 1000);
        held_ticks += lease_slots_taken(node->core, 0) != 0;
        for (unsigned i = 0; i < KEYS; i++) {
            offers += offers_got(node, &tenants[i]);
        }
        node_forget_sent(node);
    }
    cr_assert_geq(offers, 3u);
    cr_assert_leq(held_ticks, MINUTES * 60 / 8, "%u s of %u, %u offers", held_ticks, MINUTES * 60,
                  offers);
    node_free(node);
}

Test(serve, a_request_that_was_taken_back_gets_no_offer)
{
    struct tenant tenant;
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct node *node = tenant_node(1, &tenant);
    const struct control_cards cards = {.gpu_mask = 0};
    node_ask(node, 3, CONTROL_PAUSE, &cards);
    publishes(node, &tenant, 400000, 1);
    node_wait(node, 1000);
    const struct withdrawal withdrawal = {.victim_kind = RECORD_REQUEST, .victim_seq = 1};
    const struct records_message message = {
        .records = {.count = 1,
                    .items = {stranger_seals(node, &tenant.stranger, RECORD_WITHDRAWAL, &withdrawal,
                                             memory)}}};
    stranger_says(node, &tenant.stranger, &records_message_schema, &message);
    node_ask(node, 4, CONTROL_RESUME, &cards);
    node_wait(node, 20000);
    cr_assert_eq(offers_got(node, &tenant), 0u);
    node_free(node);
}
