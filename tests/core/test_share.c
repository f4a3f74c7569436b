/* Fair shares of the shelf: keys are free, so what they may fill is bounded, and honest hosts get in. */
#include "node/core/share.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "protocol/codec.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"

static struct listing
some_listing(uint16_t slot_group)
{
    static struct false_host model;
    if (model.listing.slots_total == 0) {
        struct node *node = node_new("model", 0);
        false_host_init(&model, node, "model");
        node_free(node);
    }
    struct listing listing = model.listing;
    listing.slot_group = slot_group;
    return listing;
}

/* `author`'s listing, brought by `by`. */
static void
brings(struct node *node, const struct stranger *by, struct stranger *author, uint16_t slot_group)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    const struct listing listing = some_listing(slot_group);
    const struct records_message message = {
        .records = {.count = 1,
                    .items = {stranger_seals(node, author, RECORD_LISTING, &listing, memory)}}};
    stranger_says(node, by, &records_message_schema, &message);
    node_forget_sent(node);
}

static struct shelf_entry *
shelved(struct node *node, const struct stranger *author, uint16_t slot_group)
{
    const struct shelf_slot slot = {author->keypair.identity, RECORD_LISTING, slot_group};
    struct shelf_entry *entry = shelf_find(&node->core->shelf, &slot);
    return entry != NULL && entry->length > 0 ? entry : NULL;
}

/* Whether that record stands for its slot group 0. */
static bool
stands(struct node *node, const struct stranger *author, const struct record_id *id)
{
    const struct shelf_entry *entry = shelved(node, author, 0);
    return entry != NULL && record_id_equal(&entry->id, id);
}

/* Fills the shelf through one connection, with so many listings a key. Time passes, as a link has its
 * share of bytes. */
static unsigned
fill(struct node *node, struct stranger *by, unsigned listings_a_key)
{
    unsigned keys = 0;
    while (!shelf_is_full(&node->core->shelf)) {
        struct stranger key;
        char name[32];
        snprintf(name, sizeof name, "sybil-%u", keys++);
        stranger_init(&key, name);
        for (unsigned i = 0; i < listings_a_key && !shelf_is_full(&node->core->shelf); i++) {
            brings(node, by, &key, (uint16_t)i);
            node->now.wall.ms += 20;
            node->now.boot.ms += 20;
        }
    }
    return keys;
}

Test(share, a_shelf_filled_by_greedy_keys_takes_an_honest_hosts_listing)
{
    struct stranger liar;
    struct stranger honest;
    struct stranger sybil;
    struct node *node = node_new("node", 0);
    stranger_init(&liar, "liar");
    stranger_connect(node, &liar);
    const unsigned keys = fill(node, &liar, 16);
    cr_assert_gt(keys, 50u);
    const size_t used = node->core->shelf.used;
    stranger_init(&honest, "honest"); /* known to nobody, and brought by another */
    for (uint16_t i = 0; i < 4; i++) {
        brings(node, &liar, &honest, i);
        cr_assert_not_null(shelved(node, &honest, i));
    }
    cr_assert_eq(node->core->shelf.used, used, "others made room");
    cr_assert_not_null(shelved(node, &honest, 0), "not each other");
    /* The greedy get no more than they have. */
    stranger_init(&sybil, "sybil-1");
    for (uint16_t i = 16; i < 40; i++) {
        brings(node, &liar, &sybil, i);
        cr_assert_null(shelved(node, &sybil, i));
    }
    cr_assert(stranger_is_connected(node, &liar));
    node_free(node);
}

/* One listing each from a thousand keys: nobody has too many. Whoever is connected gets in all the same, and
 * is not driven out again. */
Test(share, a_connected_host_gets_in_among_any_number_of_keys)
{
    struct stranger liar;
    struct false_host host;
    struct stranger unknown;
    struct node *node = node_new("node", 0);
    stranger_init(&liar, "liar");
    stranger_connect(node, &liar);
    (void)fill(node, &liar, 1);
    stranger_init(&unknown, "unknown");
    brings(node, &liar, &unknown, 0);
    cr_assert_null(shelved(node, &unknown, 0), "a key is worth nothing");
    false_host_init(&host, node, "host");
    cr_assert_not_null(shelved(node, &host.self, 0));
    for (unsigned i = 0; i < 300; i++) {
        struct stranger key;
        char name[32];
        snprintf(name, sizeof name, "more-%u", i);
        stranger_init(&key, name);
        brings(node, &liar, &key, 0);
        brings(node, &liar, &key, 1);
        node->now.wall.ms += 40;
        node->now.boot.ms += 40;
    }
    cr_assert_not_null(shelved(node, &host.self, 0));
    /* A connected key has its place, not the whole shelf. */
    for (uint16_t i = 0; i < 16; i++) {
        host.listing.slot_group = i;
        false_host_lists(&host, node);
        node_wait(node, 100);
    }
    cr_assert_leq(shelf_author_count(&node->core->shelf, &host.self.keypair.identity),
                  (size_t)SHARE_KNOWN_MAX + 1);
    node_free(node);
}

Test(share, a_listing_may_change_only_so_often)
{
    struct false_host host;
    struct node *node = node_new("node", 0);
    false_host_init(&host, node, "host");
    for (unsigned i = 1; i < TEST_LISTING_UPDATE_BURST; i++) {
        false_host_lists(&host, node);
        cr_assert(stands(node, &host.self, &host.listing_id), "%u", i);
    }
    const struct record_id last = host.listing_id;
    false_host_lists(&host, node);
    cr_assert(stands(node, &host.self, &last), "too often");
    cr_assert(stranger_is_connected(node, &host.self), "who passes it on is not to blame");
    /* A host can always leave. */
    uint8_t memory[COSIGNED_BYTES_MAX];
    const struct withdrawal withdrawal = {.victim_kind = RECORD_LISTING, .victim_seq = 1};
    const struct records_message message = {
        .records = {
            .count = 1,
            .items = {stranger_seals(node, &host.self, RECORD_WITHDRAWAL, &withdrawal, memory)}}};
    stranger_says(node, &host.self, &records_message_schema, &message);
    const struct shelf_entry *gone = shelved(node, &host.self, 0);
    cr_assert(gone != NULL && gone->record_kind == RECORD_WITHDRAWAL);
    node_wait(node, TEST_LISTING_UPDATE_S * 1000 + 100);
    false_host_lists(&host, node);
    cr_assert(stands(node, &host.self, &host.listing_id));
    node_free(node);
}

/* Our own node keeps within what others take, and tells the last word when it may. */
Test(share, an_owner_that_changes_its_mind_often_is_heard_in_the_end)
{
    struct tenant tenant;
    struct bytes sealed;
    struct record_view view;
    struct listing listing;
    struct node *node = tenant_node(1, &tenant);
    for (unsigned i = 1; i <= 2 * TEST_LISTING_UPDATE_BURST; i++) {
        node_forget_sent(node);
        node_host(node, 360000 + (int64_t)i);
    }
    node_forget_sent(node);
    cr_assert(stranger_pulls(node, &tenant.stranger, RECORD_LISTING, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    cr_assert_eq(codec_decode(&listing_schema, view.envelope.body, &listing), STATUS_OK);
    cr_assert_lt(amount_micro(listing.ask_uusd_per_hour),
                 360000 + (int64_t)(2 * TEST_LISTING_UPDATE_BURST));
    /* Meanwhile it lets by what it has listed. */
    tenant_look(node, &tenant);
    node_wait(node, 2 * TEST_LISTING_UPDATE_S * 1000);
    node_forget_sent(node);
    cr_assert(stranger_pulls(node, &tenant.stranger, RECORD_LISTING, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    cr_assert_eq(codec_decode(&listing_schema, view.envelope.body, &listing), STATUS_OK);
    cr_assert_eq(amount_micro(listing.ask_uusd_per_hour),
                 360000 + (int64_t)(2 * TEST_LISTING_UPDATE_BURST));
    node_free(node);
}
