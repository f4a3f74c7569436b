#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"

/* A REFUSED whose text would be cut in the middle of a character. */
Test(review_renter, any_text_of_a_host_can_be_shown)
{
    for (size_t ascii = 170; ascii <= 200; ascii++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        char text[257] = "";
        memset(text, 'a', ascii);
        for (size_t at = ascii; at + 3 <= 256; at += 3) {
            memcpy(text + at, "\xe2\x82\xac", 3);
        }
        false_host_init(&host, node, "host");
        false_host_is_rented(node, 5, 600, false);
        cr_assert(false_host_sees_hold(&host, node));
        const struct refused_message refused = {
            .about = host.hold, .reason = REFUSAL_PRICE, .text = bytes_of_text(text)};
        stranger_says(node, &host.self, &refused_message_schema, &refused);
        node_wait(node, 3000);
        uint8_t status = STATUS_OK;
        cr_assert_eq(node_dones(node, 5, &status), 1u);
        cr_assert_eq(status, STATUS_BUSY);
        node_free(node);
    }
}

/* A host that says the meter ran for ever, before and after a reboot of the renter. */
Test(review_renter, a_meter_ahead_of_the_clock_is_never_paid)
{
    static const uint64_t runs[] = {60000, 600000, UINT64_C(9007199254740991)};
    for (size_t i = 0; i < 2 * sizeof runs / sizeof runs[0]; i++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        const bool reboot = i % 2 == 1;
        false_host_init(&host, node, "host");
        host.listing.ask_uusd_per_hour = micro(2000000000);
        false_host_lists(&host, node);
        false_host_runs(&host, node, 5, 36000, false);
        if (reboot) {
            node_restart(node, true);
            stranger_connect(node, &host.self);
        }
        node_forget_sent(node);
        false_host_meters(&host, node, runs[i / 2]);
        cr_assert_not(false_host_sees_voucher(&host, node), "run %zu", i);
        cr_assert_eq(false_host_row(&host, node).run_ms, 0u);
        node_wait(node, 5000);
        host.meter_number = 0;
        host.meter = (struct record_id){{0}};
        false_host_meters(&host, node, 5000);
        cr_assert_eq(false_host_row(&host, node).run_ms, 5000u, "an honest meter counts");
        node_free(node);
    }
}

/* The interval is all that a renter risks, so a host may not choose how long it is. */
Test(review_renter, terms_that_raise_the_risk_are_not_signed)
{
    for (unsigned i = 0; i < 6; i++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        false_host_init(&host, node, "host");
        false_host_is_rented(node, 5, 36000, false);
        cr_assert(false_host_sees_hold(&host, node));
        switch (i) {
        case 0:
            host.terms.meter_s = 3600;
            break;
        case 1:
            host.terms.interval_s = 3600;
            break;
        case 2:
            host.terms.ask_uusd_per_hour = micro(360001);
            break;
        case 3:
            host.terms.duration_s = 36001;
            break;
        case 4:
            host.terms.interruptible = true;
            break;
        default:
            host.terms.work = WORK_RENDER;
            break;
        }
        false_host_holds(&host, node);
        cr_assert_not(false_host_leases(&host, node), "case %u is signed", i);
        cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_CANCEL), 1u,
                     "the slots are not kept for nothing");
        node_free(node);
    }
}

Test(review_renter, listings_with_long_intervals_are_not_rented)
{
    struct node *node = node_new("node", 0);
    struct false_host host;
    uint8_t status = STATUS_OK;
    false_host_init(&host, node, "host");
    host.listing.interval_s = 86400;
    false_host_lists(&host, node);
    false_host_is_rented(node, 5, 86400, false);
    cr_assert_not(false_host_sees_hold(&host, node));
    cr_assert_eq(node_dones(node, 5, &status), 1u);
    cr_assert_eq(status, STATUS_NOT_FOUND);
    node_free(node);
}

/* A final for more than can have run, though prepaid, and one that breaks what a reclaim promises. */
Test(review_renter, finals_that_charge_too_much_are_not_signed)
{
    static const struct {
        const char *what;
        int64_t after_ms;
        bool reclaim;
        bool is_signed;
        struct final final;
        int64_t amount;
    } cases[] = {
        {"what ran", 8000, false, true, {.run_ms = 8000, .reason = END_JOB_EXITED}, 800},
        {"over the voucher",
         12000,
         false,
         false,
         {.run_ms = 12000, .reason = END_JOB_EXITED},
         1001},
        {"over its own run", 8000, false, false, {.run_ms = 4000, .reason = END_JOB_EXITED}, 401},
        {"ahead of the clock",
         500,
         false,
         false,
         {.run_ms = 10000, .reason = END_JOB_EXITED},
         1000},
        {"not started", 8000, false, false, {.run_ms = 8000, .reason = END_NOT_STARTED}, 800},
        {"part of an interval", 8000, false, false, {.run_ms = 8000, .reason = END_HOST}, 800},
        {"the host's failure", 8000, false, true, {.run_ms = 0, .reason = END_HOST_FAILURE}, 0},
        {"reclaimed, and hidden",
         8000,
         true,
         false,
         {.run_ms = 8000, .reason = END_JOB_EXITED},
         800},
        {"reclaimed", 8000, true, true, {.run_ms = 0, .reason = END_RECLAIMED}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        false_host_init(&host, node, "host");
        false_host_runs(&host, node, 5, 36000, false);
        node_wait(node, cases[i].after_ms);
        if (cases[i].reclaim) {
            const struct reclaim reclaim = {.lease = host.lease, .notice_s = 1};
            stranger_says_signed(node, &host.self, RECORD_RECLAIM, &reclaim);
        }
        struct final final = cases[i].final;
        final.amount_uusd = micro(cases[i].amount);
        node_forget_sent(node);
        false_host_ends(&host, node, &final);
        cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_COSIGNED),
                     cases[i].is_signed ? 1u : 0u, "%s", cases[i].what);
        node_free(node);
    }
}

/* START has the command and its secrets: it goes to the host of the lease alone. */
Test(review_renter, another_host_cannot_cosign_a_lease)
{
    struct node *node = node_new("node", 0);
    struct false_host host;
    struct false_host other;
    false_host_init(&host, node, "host");
    false_host_is_rented(node, 5, 600, false);
    cr_assert(false_host_sees_hold(&host, node));
    false_host_holds(&host, node);
    false_host_init(&other, node, "other");
    host.self.keypair = other.self.keypair;
    const struct link link = host.self.link;
    /* Seen by the first, signed and sent by the second. */
    struct false_host both = host;
    cr_assert(false_host_leases(&both, node));
    cr_assert_eq(node_count_sent(node, link, MESSAGE_START), 0u);
    const struct cosigned_message message = {.record =
                                                 bytes_of(both.lease_bytes, both.lease_length)};
    stranger_says(node, &other.self, &cosigned_message_schema, &message);
    cr_assert_eq(node_count_sent(node, other.self.link, MESSAGE_START), 0u);
    node_free(node);
}

/* START arrived, and then the link was gone for a minute: what the host ran meanwhile is no lie. */
Test(review_renter, a_run_that_began_while_the_link_was_down_counts)
{
    struct node *node = node_new("node", 0);
    struct false_host host;
    false_host_init(&host, node, "host");
    false_host_is_rented(node, 5, 36000, false);
    cr_assert(false_host_sees_hold(&host, node));
    false_host_holds(&host, node);
    cr_assert(false_host_leases(&host, node));
    cr_assert(false_host_sees_start(&host, node));
    stranger_disconnect(node, &host.self);
    node_wait(node, 60000);
    stranger_connect(node, &host.self);
    false_host_starts(&host, node);
    node_forget_sent(node);
    false_host_meters(&host, node, 10000); /* the first interval; then it was frozen */
    cr_assert_eq(false_host_row(&host, node).run_ms, 10000u);
    cr_assert(false_host_sees_voucher(&host, node));
    node_free(node);
}

/* The host vanishes after START: the person is told, and a detached lease is looked for all the same. */
Test(review_renter, a_host_that_vanishes_after_start_leaves_nobody_waiting)
{
    for (unsigned attached = 0; attached < 2; attached++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        uint8_t status = STATUS_OK;
        false_host_init(&host, node, "host");
        false_host_is_rented(node, 5, 36000, attached == 1);
        cr_assert(false_host_sees_hold(&host, node));
        false_host_holds(&host, node);
        cr_assert(false_host_leases(&host, node));
        cr_assert(false_host_sees_start(&host, node));
        stranger_disconnect(node, &host.self);
        node_wait(node, 180000);
        cr_assert_eq(node_dones(node, 5, &status), 1u, "attached %u", attached);
        cr_assert_eq(status, STATUS_TIMEOUT);
        cr_assert_eq(false_host_row(&host, node).state,
                     attached == 1 ? LEASE_ENDING : LEASE_STARTING);
        stranger_connect(node, &host.self);
        false_host_starts(&host, node);
        cr_assert_eq(false_host_row(&host, node).state,
                     attached == 1 ? LEASE_ENDING : LEASE_ACTIVE);
        node_free(node);
    }
}

/* A host that says when to come again is asked again, but not for ever. */
Test(review_renter, an_offer_that_is_free_in_a_moment_is_tried_again)
{
    struct node *node = node_new("node", 0);
    struct false_host host;
    uint8_t status = STATUS_OK;
    false_host_init(&host, node, "host");
    false_host_is_rented(node, 5, 600, false);
    unsigned holds = 0;
    while (node_dones(node, 5, &status) == 0 && holds < 100) {
        cr_assert(false_host_sees_hold(&host, node));
        holds++;
        node_forget_sent(node);
        const struct refused_message refused = {
            .about = host.hold, .reason = REFUSAL_ONE_HOLD_A_KEY, .wait_ms = 500};
        stranger_says(node, &host.self, &refused_message_schema, &refused);
        node_wait(node, 700);
    }
    cr_assert_eq(status, STATUS_BUSY);
    cr_assert_gt(holds, 3u);
    cr_assert_lt(holds, 20u);
    node_free(node);
}

/* Keys cost nothing: hundreds of the cheapest offers may be by one liar who never answers. */
Test(review_renter, cheap_offers_that_lead_nowhere_do_not_hide_the_others)
{
    enum { FAKES = 200, RENTS = 40 };
    struct node *node = node_new("node", 0);
    struct false_host honest;
    struct false_host fake;
    unsigned rents = 0;
    false_host_init(&honest, node, "honest");
    for (unsigned i = 0; i < FAKES; i++) {
        char name[32];
        snprintf(name, sizeof name, "fake-%u", i);
        false_host_init(&fake, node, name);
        fake.listing.ask_uusd_per_hour = micro(1000);
        false_host_lists(&fake, node);
        stranger_disconnect(node, &fake.self);
    }
    for (; rents < RENTS && !false_host_sees_hold(&honest, node); rents++) {
        uint8_t status = STATUS_OK;
        false_host_is_rented(node, 1 + rents, 600, false);
        for (int s = 0; s < 120 && node_dones(node, 1 + rents, &status) == 0 &&
                        !false_host_sees_hold(&honest, node);
             s++) {
            node_wait(node, 1000);
            if (!stranger_is_connected(node, &honest.self)) {
                stranger_connect(node, &honest.self);
                false_host_lists(&honest, node);
            }
        }
    }
    cr_assert(false_host_sees_hold(&honest, node));
    /* From now on the honest one is found at once. */
    node_forget_sent(node);
    false_host_is_rented(node, 100, 600, false);
    cr_assert(false_host_sees_hold(&honest, node));
    node_free(node);
}

/* With time left, a rent goes on after the first offers that it has tried. */
Test(review_renter, a_rent_that_waits_tries_more_than_a_few_offers)
{
    enum { FAKES = 30 };
    static uint8_t memory[4096];
    struct node *node = node_new("node", 0);
    struct false_host honest;
    struct false_host fake;
    struct request request = request_default();
    struct buffer buffer;
    false_host_init(&honest, node, "honest");
    for (unsigned i = 0; i < FAKES; i++) {
        char name[32];
        snprintf(name, sizeof name, "fake-%u", i);
        false_host_init(&fake, node, name);
        fake.listing.ask_uusd_per_hour = micro(1000);
        false_host_lists(&fake, node);
        stranger_disconnect(node, &fake.self);
    }
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct control_rent ask = {
        .request = buffer_bytes(&buffer),
        .wait_s = 600,
        .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}}};
    node_ask(node, 5, CONTROL_RENT, &ask);
    for (int s = 0; s < 300 && !false_host_sees_hold(&honest, node); s++) {
        node_wait(node, 1000);
        if (!stranger_is_connected(node, &honest.self)) {
            stranger_connect(node, &honest.self);
            false_host_lists(&honest, node);
        }
    }
    cr_assert(false_host_sees_hold(&honest, node));
    node_free(node);
}

/* A host that was slow gets its slots back at once, and the renter no bad name. */
Test(review_renter, a_hold_that_is_waited_for_no_longer_is_taken_back)
{
    struct node *node = node_new("node", 0);
    struct false_host host;
    false_host_init(&host, node, "host");
    false_host_is_rented(node, 5, 600, false);
    cr_assert(false_host_sees_hold(&host, node));
    node_wait(node, 6000);
    cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_CANCEL), 1u);
    node_free(node);
}
