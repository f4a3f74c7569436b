#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"

/* What people type is answered, whatever it is; and what was stored once does not stop the next start. */
Test(review_local, offers_beyond_what_a_listing_can_say_are_refused)
{
    static const struct control_host asks[] = {
        {.lease_max_s = UINT32_MAX},
        {.lease_max_s = 400u * 86400},
        {.notice_s = UINT32_MAX, .notice_given = true},
        {.notice_s = 86401, .notice_given = true},
        {.minimum_run_s = UINT32_MAX},
        {.reclaim_owed_intervals = UINT16_MAX},
        {.week_hours_given = true},
        {.valid_until_s = 1},
    };
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct node *node = node_new("node", 1);
        uint8_t status = STATUS_OK;
        for (int dry = 1; dry >= 0; dry--) {
            struct control_host ask = asks[i];
            ask.dry_run = dry == 1;
            node_ask(node, 7, CONTROL_HOST, &ask);
            cr_assert_neq(node_dones(node, 7, &status), 0u, "case %zu", i);
            cr_assert_neq(status, STATUS_OK, "case %zu", i);
        }
        cr_assert_eq(memory_store_count(node->store, TABLE_LISTINGS), 0u, "case %zu", i);
        node_restart(node, false);
        node_wait(node, 1000);
        node_free(node);
    }
}

Test(review_local, a_stored_offer_that_cannot_be_listed_does_not_stop_the_start)
{
    uint8_t memory[512];
    struct buffer buffer;
    struct node *node = node_new("node", 1);
    node_host(node, 200000);
    struct offer_row row = node->core->offers[0].row;
    row.lease_max_s = UINT32_MAX;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&offer_row_schema, &row, &buffer), STATUS_OK);
    const struct row stored = {.table = TABLE_LISTINGS, .value = buffer_bytes(&buffer)};
    memory_store_put(node->store, &stored);
    node_restart(node, false);
    node_wait(node, 1000);
    cr_assert_not(node->core->offers[0].published);
    node_free(node);
}

Test(review_local, a_lease_cannot_be_made_longer_than_leases_are)
{
    static const uint32_t by_s[] = {UINT32_MAX, UINT32_MAX - 601, 31536000, 0};
    for (size_t i = 0; i < sizeof by_s / sizeof by_s[0]; i++) {
        struct node *node = node_new("node", 0);
        struct false_host host;
        uint8_t status = STATUS_OK;
        char hex[ID_HEX_SIZE];
        false_host_init(&host, node, "host");
        false_host_runs(&host, node, 5, 600, false);
        id_to_hex(host.lease.bytes, hex);
        const struct control_lease_extend ask = {.prefix = bytes_of_text(hex), .by_s = by_s[i]};
        node_ask(node, 8, CONTROL_LEASE_EXTEND, &ask);
        cr_assert_eq(node_dones(node, 8, &status), 1u);
        cr_assert_eq(status, STATUS_OUT_OF_RANGE, "case %zu", i);
        node_free(node);
    }
}

/* The limit of one lease is one of the whole lease, however often it is made longer. */
Test(review_local, extensions_do_not_get_round_the_limit_of_a_lease)
{
    struct node *node = node_new("node", 0);
    struct false_host host;
    uint8_t status = STATUS_OK;
    char hex[ID_HEX_SIZE];
    node->options.spend_lease_max_uusd = micro(70000); /* 700 s */
    node_restart(node, false);
    false_host_init(&host, node, "host");
    false_host_runs(&host, node, 5, 600, false);
    id_to_hex(host.lease.bytes, hex);
    const struct control_lease_extend ask = {.prefix = bytes_of_text(hex), .by_s = 200};
    node_ask(node, 8, CONTROL_LEASE_EXTEND, &ask);
    cr_assert_eq(node_dones(node, 8, &status), 1u);
    cr_assert_eq(status, STATUS_LIMIT);
    node_free(node);
}

/* The limit of a day counts what open leases may still cost, and is not forgotten over a restart. */
Test(review_local, the_limit_of_a_day_is_one_of_all_leases)
{
    struct node *node = node_new("node", 0);
    struct false_host a;
    struct false_host b;
    uint8_t status = STATUS_OK;
    node->options.spend_day_max_uusd = micro(100000); /* 1000 s */
    node_restart(node, false);
    false_host_init(&a, node, "a");
    false_host_runs(&a, node, 5, 600, false);
    false_host_init(&b, node, "b");
    false_host_is_rented(node, 6, 600, false);
    cr_assert_eq(node_dones(node, 6, &status), 1u);
    cr_assert_eq(status, STATUS_LIMIT, "both together may cost more");
    node_wait(node, 9000);
    false_host_meters(&a, node, 9000);
    node_wait(node, 10000);
    false_host_meters(&a, node, 19000);
    const struct final final = {
        .run_ms = 19000, .amount_uusd = micro(1900), .reason = END_JOB_EXITED};
    false_host_ends(&a, node, &final);
    cr_assert_eq(false_host_row(&a, node).state, LEASE_CLOSED);
    node_restart(node, false);
    stranger_connect(node, &b.self);
    false_host_lists(&b, node);
    false_host_is_rented(node, 7, 990, false);
    cr_assert_eq(node_dones(node, 7, &status), 1u);
    cr_assert_eq(status, STATUS_LIMIT, "what was spent before the restart counts");
    node->now.wall.ms += 86400000;
    node_wait(node, 1000);
    stranger_connect(node, &b.self);
    false_host_lists(&b, node);
    node_forget_sent(node);
    false_host_is_rented(node, 8, 990, false);
    cr_assert_eq(node_dones(node, 8, &status), 0u, "a new day");
    node_free(node);
}

/* The owner's word on single cards holds over a restart. */
Test(review_local, paused_cards_stay_paused_over_a_restart)
{
    struct node *node = node_new("node", 2);
    node_host(node, 200000);
    const struct control_cards cards = {.gpu_mask = 2};
    node_ask(node, 7, CONTROL_PAUSE, &cards);
    cr_assert_eq(node->core->offers[0].body.slots_total, 1u);
    node_restart(node, false);
    node_wait(node, 1000);
    cr_assert_eq(node->core->offers[0].body.slots_total, 1u);
    node_ask(node, 7, CONTROL_RESUME, &cards);
    node_restart(node, false);
    node_wait(node, 1000);
    cr_assert_eq(node->core->offers[0].body.slots_total, 2u);
    node_free(node);
}

/* Names from outside and from the system need not be text. */
Test(review_local, status_is_shown_whatever_the_paths_are)
{
    struct node *node = node_new("node", 0);
    const struct control_plain plain = {0};
    snprintf(node->options.data_dir, sizeof node->options.data_dir, "/home/caf\xe9/gpulet");
    snprintf(node->options.control_path, sizeof node->options.control_path, "\xff");
    node_restart(node, false);
    node_ask(node, 9, CONTROL_STATUS, &plain);
    cr_assert_eq(node_dones(node, 9, NULL), 1u);
    node_free(node);
}
