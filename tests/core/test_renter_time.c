#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"

enum { HOUR_MS = 3600000 };

/* Both clocks, without a tick for each quarter of a second. */
static void
pass(struct node *node, int64_t ms)
{
    node->now.wall.ms += ms;
    node->now.boot.ms += ms;
    node_wait(node, 2000);
}

/* A detached lease that ran 5 s by the host's meter, was ended by the renter, and whose host is gone. */
static struct node *
abandoned(struct false_host *host)
{
    struct node *node = node_new("node", 0);
    false_host_init(host, node, "host");
    false_host_runs(host, node, 5, 36000, false);
    node_wait(node, 5500);
    false_host_meters(host, node, 5000);
    char prefix[ID_HEX_SIZE];
    const struct record_id id = record_id_of_lease(&host->lease);
    id_to_hex(id.bytes, prefix);
    const struct control_lease_end end = {.prefix = bytes_of_text(prefix)};
    node_ask(node, 6, CONTROL_LEASE_END, &end);
    cr_assert_eq(false_host_row(host, node).state, LEASE_ENDING);
    return node;
}

/* What both sides can compute: the last meter that was signed, and no more than the last voucher. */
static void
assert_closed_without_final(const struct false_host *host, const struct node *node)
{
    const struct lease_row row = false_host_row(host, node);
    cr_assert_eq(row.state, LEASE_CLOSED, "it is %u", row.state);
    cr_assert_eq(row.reason, END_HOST_SILENT);
    cr_assert_eq(amount_micro(row.final_uusd), 500);
    cr_assert_eq(amount_micro(row.posted_uusd), 500);
    cr_assert(record_id_is_zero(&row.final));
}

Test(renter_time, a_lease_whose_host_is_gone_closes_after_a_day)
{
    for (unsigned i = 0; i < 3; i++) {
        struct false_host host;
        struct node *node = abandoned(&host);
        if (i != 2) {
            stranger_disconnect(node, &host.self); /* else it is there, and says nothing */
        }
        pass(node, 23 * HOUR_MS);
        cr_assert_eq(false_host_row(&host, node).state, LEASE_ENDING);
        if (i == 1) {
            node_restart(node, true);
            node_wait(node, 2000);
        }
        pass(node, HOUR_MS);
        node_wait(node, 61000);
        assert_closed_without_final(&host, node);
        node_forget_sent(node);
        const struct control_leases leases = {.prefix = bytes_of(NULL, 0)};
        node_ask(node, 8, CONTROL_LEASES, &leases);
        cr_assert_eq(node_rows(node, 8, ROW_LEASE), 1u);
        node_free(node);
    }
}

/* After a long sleep of ours the host has had no chance to say its word. */
Test(renter_time, a_host_has_a_minute_after_a_restart)
{
    struct false_host host;
    struct node *node = abandoned(&host);
    node->now.wall.ms += 48 * (int64_t)HOUR_MS;
    node_restart(node, true);
    node_wait(node, 30000);
    cr_assert_eq(false_host_row(&host, node).state, LEASE_ENDING);
    node_wait(node, 35000);
    assert_closed_without_final(&host, node);
    node_free(node);
}

/* It was out of reach, and not a liar: its final is signed as it would have been. */
Test(renter_time, a_host_that_comes_back_late_gets_its_receipt)
{
    struct false_host host;
    struct node *node = abandoned(&host);
    stranger_disconnect(node, &host.self);
    pass(node, 25 * HOUR_MS);
    node_wait(node, 61000);
    assert_closed_without_final(&host, node);
    stranger_connect(node, &host.self);
    node_forget_sent(node);
    struct final final = {
        .lease = host.lease, .amount_uusd = micro(1001), .run_ms = 10010, .reason = END_RENTER};
    false_host_ends(&host, node, &final);
    cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_COSIGNED), 0u, "over the voucher");
    final.amount_uusd = micro(600);
    final.run_ms = 6000;
    false_host_ends(&host, node, &final);
    cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_COSIGNED), 1u);
    struct lease_row row = false_host_row(&host, node);
    cr_assert_eq(row.state, LEASE_CLOSED);
    cr_assert_eq(row.reason, END_RENTER);
    cr_assert_eq(amount_micro(row.final_uusd), 600);
    cr_assert_eq(amount_micro(row.posted_uusd), 600);
    /* Another one later changes nothing. */
    final.amount_uusd = micro(700);
    final.run_ms = 7000;
    false_host_ends(&host, node, &final);
    row = false_host_row(&host, node);
    cr_assert_eq(amount_micro(row.final_uusd), 600);
    node_free(node);
}

/* Only a renter can say of a host that it says nothing. */
Test(renter_time, a_final_that_says_that_its_host_is_silent_is_not_signed)
{
    struct false_host host;
    struct node *node = abandoned(&host);
    node_forget_sent(node);
    const struct final final = {
        .lease = host.lease, .amount_uusd = micro(0), .run_ms = 0, .reason = END_HOST_SILENT};
    false_host_ends(&host, node, &final);
    cr_assert_eq(node_count_sent(node, host.self.link, MESSAGE_COSIGNED), 0u);
    node_free(node);
}
