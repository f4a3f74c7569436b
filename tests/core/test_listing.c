#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/tenant.h"

/* What a stranger that asks for everything learns of the node's slot group 0. */
struct seen {
    bool listing;
    bool withdrawal;
    uint64_t seq;
};

static struct seen
look(struct node *node)
{
    struct stranger stranger;
    struct bytes sealed;
    struct record_view view;
    struct seen seen = {.listing = false};
    static unsigned count;
    char name[] = {'l', (char)('a' + count++ % 26), '\0'};
    stranger_init(&stranger, name);
    stranger_connect(node, &stranger);
    seen.listing = stranger_pulls(node, &stranger, RECORD_LISTING, &sealed);
    if (!seen.listing) {
        node_forget_sent(node);
        seen.withdrawal = stranger_pulls(node, &stranger, RECORD_WITHDRAWAL, &sealed);
    }
    if (seen.listing || seen.withdrawal) {
        cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
        seen.seq = view.envelope.seq;
    }
    stranger_disconnect(node, &stranger);
    return seen;
}

static void
tell(struct node *node, uint8_t type, uint64_t gpu_mask)
{
    const struct control_cards cards = {.gpu_mask = gpu_mask};
    uint8_t status = STATUS_COUNT - 1;
    node_ask(node, 901, type, &cards);
    cr_assert_geq(node_dones(node, 901, &status), 1u);
    cr_assert_eq(status, STATUS_OK);
}

/* However the cards were taken back, and whether the daemon ran on or not. */
Test(listing, what_is_taken_back_stays_withdrawn_over_restarts)
{
    static const struct {
        const char *what;
        uint8_t type;
        uint64_t gpu_mask;
        bool restart_before;
        bool reboot;
    } cases[] = {
        {"paused", CONTROL_PAUSE, 0, false, false},
        {"paused after a restart", CONTROL_PAUSE, 0, true, false},
        {"each card paused", CONTROL_PAUSE, 3, true, true},
        {"no longer hosted", CONTROL_UNHOST, 0, true, false},
        {"reclaimed", CONTROL_RECLAIM, 0, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node *node = node_new("node", 2);
        node_host(node, 360000);
        const struct seen before = look(node);
        cr_assert(before.listing, "%s", cases[i].what);
        if (cases[i].restart_before) {
            node_restart(node, cases[i].reboot);
        }
        tell(node, cases[i].type, cases[i].gpu_mask);
        struct seen after = look(node);
        cr_assert(after.withdrawal && after.seq > before.seq, "%s", cases[i].what);
        if (cases[i].type != CONTROL_UNHOST) {
            /* Nothing of the cache is left: who has the listing still must learn that it is over. */
            node_restart(node, cases[i].reboot);
            after = look(node);
            cr_assert(after.withdrawal && after.seq > before.seq, "%s, restarted", cases[i].what);
        }
        node_free(node);
    }
}

/* The cards are told after the truth is read: until then nobody knows that they are gone. */
Test(listing, a_restart_withdraws_nothing_that_is_still_offered)
{
    struct node *node = node_new("node", 2);
    node_host(node, 360000);
    node_forget_sent(node);
    node_restart(node, false);
    node_wait(node, 2000);
    cr_assert_eq(node->effect_counts[EFFECT_STORE_RECORD], 2u,
                 "node record and listing, signed anew");
    cr_assert_eq(node->effect_counts[EFFECT_DELETE_RECORD], 0u);
    cr_assert(look(node).listing);
    node_free(node);
}

/* Cards that are gone after a restart are known to be gone once the cards are told. */
Test(listing, a_restart_without_the_cards_withdraws_their_listing)
{
    struct node *node = node_new("node", 2);
    node_host(node, 360000);
    const struct seen before = look(node);
    node->gpu_count = 0;
    node_restart(node, true);
    const struct seen after = look(node);
    cr_assert(after.withdrawal && after.seq > before.seq);
    node_free(node);
}

/* The seed was restored on a machine that offers nothing, or offers are paused there: what the older life
 * had listed leads renters nowhere. */
Test(listing, what_an_older_life_listed_is_withdrawn_when_nothing_is_offered)
{
    for (unsigned i = 0; i < 3; i++) {
        struct tenant tenant;
        struct stranger twin;
        struct bytes sealed;
        struct listing listing;
        struct record_view view;
        struct node *node = tenant_node(2, &tenant);
        cr_assert(stranger_pulls(node, &tenant.stranger, RECORD_LISTING, &sealed));
        cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
        cr_assert_eq(codec_decode(&listing_schema, view.envelope.body, &listing), STATUS_OK);
        listing.slot_group = i == 2 ? 3 : 0;
        if (i == 1) {
            tell(node, CONTROL_PAUSE, 0);
        } else {
            tell(node, CONTROL_UNHOST, 0);
        }
        memset(&twin, 0, sizeof twin);
        twin.keypair = node->options.keypair;
        twin.seq = 30000; /* half a minute ahead, as of a clock that was */
        uint8_t memory[COSIGNED_BYTES_MAX];
        const struct records_message message = {
            .records = {.count = 1,
                        .items = {stranger_seals(node, &twin, RECORD_LISTING, &listing, memory)}}};
        cr_assert_eq(record_parse(message.records.items[0], &fixture_network, &view), STATUS_OK);
        const uint64_t seq = view.envelope.seq;
        stranger_says(node, &tenant.stranger, &records_message_schema, &message);
        node_wait(node, 1000);
        node_forget_sent(node);
        cr_assert(stranger_is_connected(node, &tenant.stranger));
        unsigned newer = 0;
        const struct pull_message pull = {.token = 6};
        struct page_message page;
        struct bytes frame;
        stranger_says(node, &tenant.stranger, &pull_message_schema, &pull);
        node_wait(node, 200);
        cr_assert(node_last_sent(node, tenant.stranger.link, MESSAGE_PAGE, &frame));
        cr_assert_eq(message_decode(&page_message_schema, frame, &page), STATUS_OK);
        for (size_t at = 0; at < page.records.count; at++) {
            cr_assert_eq(record_parse(page.records.items[at], &fixture_network, &view), STATUS_OK);
            newer += view.envelope.kind == RECORD_WITHDRAWAL &&
                     view.envelope.detail == listing.slot_group && view.envelope.seq > seq;
        }
        cr_assert_eq(newer, 1u, "case %u", i);
        node_free(node);
    }
}
