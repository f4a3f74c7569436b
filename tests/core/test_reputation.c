/* A host is relied on by how its leases with this node ended, and by nobody's word. */
#include "node/core/reputation.h"

#include <criterion/criterion.h>

#include "node/core/lease.h"
#include "tests/core/false_host.h"

/* One lease that ends for that reason after having run. */
static void
rent_until(struct node *node, struct false_host *host, enum end_reason reason)
{
    static uint64_t client = 5;
    client++;
    node_wait(node, 2000); /* what a failure had avoided is asked again */
    false_host_runs(host, node, client, 36000, false);
    node_wait(node, 8000);
    false_host_meters(host, node, 8000);
    /* What did not end well is charged by whole intervals, of which none was full. */
    const bool is_good = reason == END_JOB_EXITED;
    const struct final final = {.run_ms = is_good ? 8000 : 0,
                                .amount_uusd = micro(is_good ? 800 : 0),
                                .reason = (uint8_t)reason};
    if (reason == END_RECLAIMED) {
        const struct reclaim reclaim = {.lease = host->lease, .notice_s = 1};
        stranger_says_signed(node, &host->self, RECORD_RECLAIM, &reclaim);
    }
    false_host_ends(host, node, &final);
    node_wait(node, 300);
}

static unsigned
reliability(struct node *node, const struct false_host *host)
{
    struct market_row row;
    const struct peer_id *peer = &host->self.keypair.identity;
    cr_assert_eq(book_find(node->core->book, peer, 0, &row), STATUS_OK);
    cr_assert_eq(row.reliability_bp, reputation_of(node->core, peer), "the book says otherwise");
    return row.reliability_bp;
}

Test(reputation, grows_with_leases_that_end_well_and_falls_with_failures)
{
    static struct false_host host;
    static struct false_host other;
    struct node *node = node_new("renter", 0);
    false_host_init(&host, node, "host");
    cr_assert_eq(reliability(node, &host), 5000);
    rent_until(node, &host, END_JOB_EXITED);
    cr_assert_eq(reliability(node, &host), 6666);
    rent_until(node, &host, END_JOB_EXITED);
    cr_assert_eq(reliability(node, &host), 7500);
    rent_until(node, &host, END_HOST_FAILURE);
    cr_assert_eq(reliability(node, &host), 6000);
    rent_until(node, &host, END_RECLAIMED);
    cr_assert_eq(reliability(node, &host), 6000, "the owner's right");

    /* A new listing of the same host keeps it; another host has none of it. */
    host.listing.ask_uusd_per_hour = micro(350000);
    false_host_lists(&host, node);
    node_wait(node, 300);
    cr_assert_eq(reliability(node, &host), 6000);
    false_host_init(&other, node, "other");
    node_wait(node, 300);
    cr_assert_eq(reliability(node, &other), 5000);
    node_free(node);
}

Test(reputation, is_known_again_after_a_restart)
{
    static struct false_host host;
    struct node *node = node_new("renter", 0);
    false_host_init(&host, node, "host");
    rent_until(node, &host, END_JOB_EXITED);
    node_restart(node, false);
    cr_assert_eq(reputation_of(node->core, &host.self.keypair.identity), 6666);
    node_free(node);
}
