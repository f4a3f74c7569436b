#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"

/* A question of 60 bytes costs a page of 48 KiB and a walk over the shelf. */
Test(review_flood, pages_are_given_at_a_bounded_rate)
{
    struct node *node = node_new("node", 1);
    struct stranger greedy;
    node_host(node, 200000);
    stranger_init(&greedy, "greedy");
    stranger_connect(node, &greedy);
    for (unsigned i = 0; i < 4000; i++) {
        const struct pull_message pull = {.token = i + 1};
        stranger_says(node, &greedy, &pull_message_schema, &pull);
    }
    const unsigned at_once = node_count_sent(node, greedy.link, MESSAGE_PAGE);
    cr_assert_leq(at_once, 600u);
    node_forget_sent(node);
    node_wait(node, 1000);
    cr_assert_eq(node_count_sent(node, greedy.link, MESSAGE_PAGE), 1u, "the newest question only");
    node_free(node);
}

static uint32_t
asked_token(const struct node *node, const struct stranger *stranger)
{
    struct bytes frame;
    struct pull_message pull;
    cr_assert(node_last_sent(node, stranger->link, MESSAGE_PULL, &frame));
    cr_assert_eq(message_decode(&pull_message_schema, frame, &pull), STATUS_OK);
    return pull.token;
}

Test(review_flood, pages_that_lead_nowhere_end)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct node *node = node_new("node", 0);
    struct stranger liar;
    stranger_init(&liar, "liar");
    stranger_connect(node, &liar);
    const struct request request = request_default();
    struct page_message page = {.more = true};
    page.records.count = 1;
    page.records.items[0] = stranger_seals(node, &liar, RECORD_REQUEST, &request, memory);
    page.next_from_s = 1;
    page.token = asked_token(node, &liar);
    stranger_says(node, &liar, &page_message_schema, &page);
    cr_assert_neq(asked_token(node, &liar), page.token, "it goes on after the first page");
    page.token = asked_token(node, &liar);
    stranger_says(node, &liar, &page_message_schema, &page);
    cr_assert_eq(asked_token(node, &liar), page.token, "the same page again is the last one");
    /* Always on, but never new: no more than a shelf holds. */
    stranger_connect(node, &liar);
    unsigned pages = 0;
    uint32_t last = 0;
    while (asked_token(node, &liar) != last && pages < 200000) {
        last = asked_token(node, &liar);
        page.token = last;
        page.next_from_s++;
        page.records.count = LIST_ITEMS_MAX;
        for (size_t i = 1; i < LIST_ITEMS_MAX; i++) {
            page.records.items[i] = page.records.items[0];
        }
        stranger_says(node, &liar, &page_message_schema, &page);
        node_forget_sent(node);
        pages++;
        struct bytes frame;
        if (!stranger_is_connected(node, &liar) ||
            !node_last_sent(node, liar.link, MESSAGE_PULL, &frame)) {
            break;
        }
    }
    cr_assert_lt(pages, 1000u);
    node_free(node);
}

Test(review_flood, pages_that_nobody_asked_for_are_not_free)
{
    struct node *node = node_new("node", 0);
    struct stranger liar;
    stranger_init(&liar, "liar");
    stranger_connect(node, &liar);
    for (unsigned i = 0; i < 20 && stranger_is_connected(node, &liar); i++) {
        static uint8_t rubbish[RECORD_BYTES_MAX];
        struct page_message page = {.token = 12345, .more = true, .records = {.count = 11}};
        for (size_t at = 0; at < page.records.count; at++) {
            page.records.items[at] = bytes_of(rubbish, sizeof rubbish);
        }
        stranger_says(node, &liar, &page_message_schema, &page);
    }
    cr_assert_not(stranger_is_connected(node, &liar));
    node_free(node);
}

/* All links at once want what is new: more than one step may say. */
Test(review_flood, a_flush_to_all_links_keeps_within_a_step)
{
    enum { PEERS = 250, RECORDS = 400 };
    struct node *node = node_new("node", 0);
    struct stranger *peers = calloc(PEERS, sizeof *peers);
    uint8_t memory[COSIGNED_BYTES_MAX];
    cr_assert_not_null(peers);
    for (unsigned i = 0; i < PEERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "peer-%u", i);
        stranger_init(&peers[i], name);
        stranger_connect(node, &peers[i]);
        const struct pull_message pull = {.token = 3};
        stranger_says(node, &peers[i], &pull_message_schema, &pull);
        node_forget_sent(node);
    }
    /* More and longer records than a flush has room for, without time passing. */
    for (unsigned i = 0; i < RECORDS; i++) {
        struct stranger author;
        char name[32];
        snprintf(name, sizeof name, "author-%u", i);
        stranger_init(&author, name);
        struct listing listing = {.slots_total = 1,
                                  .gpu_name = bytes_of_text("a card with a rather long name"),
                                  .ask_uusd_per_hour = micro(1000),
                                  .lease_min_s = 1,
                                  .lease_max_s = 1000,
                                  .interval_s = 10,
                                  .meter_s = 2,
                                  .works = 1,
                                  .flags = LISTING_SIMULATED};
        memset(listing.week_hours, 0xFF, sizeof listing.week_hours);
        const struct records_message message = {
            .records = {
                .count = 1,
                .items = {stranger_seals(node, &author, RECORD_LISTING, &listing, memory)}}};
        stranger_says(node, &peers[i % PEERS], &records_message_schema, &message);
    }
    node_forget_sent(node);
    node_wait(node, 3000);
    for (unsigned i = 0; i < PEERS; i++) {
        struct bytes frame;
        cr_assert(node_last_sent(node, peers[i].link, MESSAGE_RECORDS, &frame), "peer %u", i);
    }
    cr_assert_gt(node->most_bytes, 1000000u, "it was near the bound");
    free(peers);
    node_free(node);
}

/* Hundreds of leases that are due at once, and a command that lists them all. */
Test(review_flood, a_tick_over_all_leases_keeps_within_a_step)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    tenant_run(node, &tenant);
    struct core *core = node->core;
    const struct lease *first = NULL;
    for (size_t i = 0; i < LEASES_MAX && first == NULL; i++) {
        first = core->leases[i].used ? &core->leases[i] : NULL;
    }
    cr_assert_not_null(first);
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (lease->used) {
            continue;
        }
        *lease = *first;
        lease->row.hold.bytes[0] = (uint8_t)i;
        lease->row.hold.bytes[1] = (uint8_t)(i >> 8);
        lease->row.lease = lease->row.hold;
        lease->papers = &core->papers[i % LEASES_OPEN_MAX];
        lease->row.state = i < LEASES_OPEN_MAX ? LEASE_ACTIVE : LEASE_CLOSED;
    }
    node_wait(node, 2000);
    const struct control_leases all = {.all = true};
    node_ask(node, 6, CONTROL_LEASES, &all);
    cr_assert_eq(node_dones(node, 6, NULL), 1u);
    const struct control_receipt receipts = {.prefix = bytes_of_text("")};
    node_ask(node, 7, CONTROL_RECEIPT, &receipts);
    cr_assert_eq(node_dones(node, 7, NULL), 1u);
    cr_assert_gt(node->most_effects, 1000u, "it was near the bound");
    node_free(node);
}

/* The tenant's lease in every place that a node has: open ones first, then closed ones. */
static void
fill_leases(struct node *node, enum lease_state open, bool is_host, bool streams_wanted)
{
    struct core *core = node->core;
    const struct lease *first = NULL;
    for (size_t i = 0; i < LEASES_MAX && first == NULL; i++) {
        first = core->leases[i].used ? &core->leases[i] : NULL;
    }
    cr_assert_not_null(first);
    const struct lease model = *first;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        *lease = model;
        lease->row.hold.bytes[0] = (uint8_t)i;
        lease->row.hold.bytes[1] = (uint8_t)(i >> 8);
        lease->row.lease = lease->row.hold;
        lease->papers = i < LEASES_OPEN_MAX ? &core->papers[i] : NULL;
        lease->row.state = (uint8_t)(i < LEASES_OPEN_MAX ? open : LEASE_CLOSED);
        lease->row.is_host = is_host;
        lease->streams_wanted = streams_wanted && i >= LEASES_OPEN_MAX;
    }
}

/* The steps that say something of every lease at once. */
Test(review_flood, the_longest_steps_keep_within_their_bound)
{
    static const struct {
        enum lease_state open;
        bool is_host;
        bool streams_wanted;
        bool owner_back;
    } cases[] = {
        {LEASE_ACTIVE, true, false, true},    {LEASE_ACTIVE, true, false, false},
        {LEASE_DRAINING, true, false, false}, {LEASE_SETTLING, true, false, false},
        {LEASE_ACTIVE, false, true, false},   {LEASE_ENDING, false, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        tenant_run(node, &tenant);
        fill_leases(node, cases[i].open, cases[i].is_host, cases[i].streams_wanted);
        node->most_effects = 0;
        if (cases[i].owner_back) {
            const struct event back = {.type = EVENT_OWNER_BACK, .as.owner_mask = UINT64_MAX};
            node_step(node, &back);
            cr_assert_gt(node->most_effects, (size_t)LEASES_OPEN_MAX, "all were taken back");
        } else {
            stranger_disconnect(node, &tenant.stranger);
            stranger_connect(node, &tenant.stranger);
        }
        node_wait(node, 2000);
        cr_assert_gt(node->most_effects, (size_t)LEASES_OPEN_MAX, "case %zu", i);
        for (size_t at = 0; at < LEASES_MAX && cases[i].streams_wanted; at++) {
            cr_assert_not(node->core->leases[at].streams_wanted, "lease %zu waits for ever", at);
        }
        node_free(node);
    }
}

/* Many people who wait for one listing each. */
Test(review_flood, rents_of_named_listings_keep_within_a_step)
{
    static uint8_t memory[4096];
    struct node *node = node_new("node", 0);
    struct request request = request_default();
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    for (uint64_t client = 1; client <= 60; client++) {
        const struct control_rent ask = {
            .request = buffer_bytes(&buffer),
            .wait_s = 600,
            .listing_prefix = bytes_of_text("abcdef"),
            .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}}};
        node_ask(node, client, CONTROL_RENT, &ask);
    }
    node_wait(node, 3000);
    cr_assert_lt(node->most_bytes, (size_t)EFFECTS_STEP_BYTES / 2);
    node_free(node);
}
