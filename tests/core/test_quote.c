/* Many cards at once: what they cost, which are taken, and when more free up. */
#include "node/core/quote.h"

#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "protocol/week_hours.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"

enum { CLIENT = 900, ROWS_MAX_HERE = 16 };

union view {
    struct quote_view quote;
    struct freeing_view freeing;
    struct market_view market;
};

/* The rows of a type that the client got, up to ROWS_MAX_HERE. */
static size_t
rows_of(const struct node *node, uint64_t client, uint8_t row, union view *ret_views)
{
    size_t count = 0;
    for (size_t i = 0; i < node->sent_count && count < ROWS_MAX_HERE; i++) {
        const struct sent *sent = &node->outbox[i];
        struct control_row body;
        if (sent->is_answer && sent->to == client && sent->type == CONTROL_ROW &&
            message_decode(control_schema(CONTROL_ROW), sent->bytes, &body) == STATUS_OK &&
            body.row == row) {
            cr_assert_eq(codec_decode(control_row_schema(row), body.value, &ret_views[count]),
                         STATUS_OK);
            count++;
        }
    }
    return count;
}

static void
ask_quote(struct node *node, uint16_t cards)
{
    static uint8_t memory[4096];
    struct request request = request_default();
    struct buffer buffer;
    request.count = cards;
    request.duration_s = 600;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct control_search ask = {.request = buffer_bytes(&buffer), .quote = true};
    node_forget_sent(node);
    node_ask(node, CLIENT, CONTROL_SEARCH, &ask);
}

static size_t
ask_market(struct node *node, union view *ret_views)
{
    const struct control_market ask = {.gpu_class = bytes_of(NULL, 0)};
    node_forget_sent(node);
    node_ask(node, CLIENT, CONTROL_MARKET, &ask);
    return rows_of(node, CLIENT, ROW_MARKET, ret_views);
}

static void
lists(struct node *node, struct false_host *host, const char *name, int64_t ask, uint16_t slots)
{
    false_host_init(host, node, name);
    host->listing.ask_uusd_per_hour = micro(ask);
    host->listing.slots_total = slots;
    false_host_lists(host, node);
    node_wait(node, 300);
}

static void
tells(struct node *node, struct false_host *host, uint16_t total, uint16_t taken, uint64_t free_at)
{
    const struct slots_message slots = {
        .slots_total = total, .slots_taken = taken, .free_at_s = free_at};
    stranger_says(node, &host->self, &slots_message_schema, &slots);
}

Test(quote, the_curve_counts_cards_that_are_not_known_to_be_taken)
{
    static struct false_host hosts[2];
    union view views[ROWS_MAX_HERE];
    struct node *node = node_new("renter", 0);
    lists(node, &hosts[0], "cheap", 200000, 4);
    lists(node, &hosts[1], "dear", 300000, 2);
    ask_quote(node, 5);
    cr_assert_eq(rows_of(node, CLIENT, ROW_QUOTE, views), 2);
    cr_assert_eq(views[0].quote.gpus, 4);
    cr_assert_eq(views[1].quote.gpus, 5);
    cr_assert_eq(amount_micro(views[1].quote.total_uusd_per_hour), 4 * 200000 + 300000);

    const uint64_t free_at = (uint64_t)node->now.wall.ms / 1000 + 500;
    tells(node, &hosts[0], 4, 3, free_at);
    ask_quote(node, 5);
    cr_assert_eq(rows_of(node, CLIENT, ROW_QUOTE, views), 2);
    cr_assert_eq(views[0].quote.gpus, 1);
    cr_assert_eq(views[1].quote.gpus, 3);
    cr_assert_eq(rows_of(node, CLIENT, ROW_FREEING, views), 1);
    cr_assert_eq(views[0].freeing.at_s, free_at);
    cr_assert_eq(views[0].freeing.gpus, 3);
    cr_assert(peer_id_equal(&views[0].freeing.host, &hosts[0].self.keypair.identity));

    /* Hints grow old. */
    node_wait(node, 700000);
    ask_quote(node, 5);
    cr_assert_eq(rows_of(node, CLIENT, ROW_FREEING, views), 0);
    node_free(node);
}

Test(quote, cards_outside_their_hours_are_told_with_the_hour_they_open)
{
    static struct false_host host;
    union view views[ROWS_MAX_HERE];
    struct node *node = node_new("renter", 0);
    false_host_init(&host, node, "night");
    const uint64_t now_s = (uint64_t)node->now.wall.ms / 1000;
    const unsigned opens = (week_hours_of(now_s) + 5) % WEEK_HOURS;
    memset(host.listing.week_hours, 0, WEEK_HOURS_BYTES);
    host.listing.week_hours[opens / 8] = (uint8_t)(1u << opens % 8);
    false_host_lists(&host, node);
    node_wait(node, 300);
    ask_quote(node, 1);
    cr_assert_eq(rows_of(node, CLIENT, ROW_QUOTE, views), 0);
    cr_assert_eq(rows_of(node, CLIENT, ROW_FREEING, views), 1);
    cr_assert_eq(week_hours_of(views[0].freeing.at_s), opens);
    cr_assert_eq(views[0].freeing.at_s % 3600, 0);
    node_free(node);
}

Test(quote, a_host_tells_how_many_of_its_cards_are_taken)
{
    static struct tenant tenant;
    struct slots_message slots;
    struct bytes bytes;
    union view views[ROWS_MAX_HERE];
    const struct slots_query_message query = {.slot_group = 0};
    struct node *node = tenant_node(2, &tenant);
    stranger_says(node, &tenant.stranger, &slots_query_message_schema, &query);
    cr_assert(node_last_sent(node, tenant.stranger.link, MESSAGE_SLOTS, &bytes));
    cr_assert_eq(message_decode(&slots_message_schema, bytes, &slots), STATUS_OK);
    cr_assert_eq(slots.slots_total, 2);
    cr_assert_eq(slots.slots_taken, 0);
    cr_assert_eq(slots.free_at_s, 0);

    tenant_run(node, &tenant);
    stranger_says(node, &tenant.stranger, &slots_query_message_schema, &query);
    cr_assert(node_last_sent(node, tenant.stranger.link, MESSAGE_SLOTS, &bytes));
    cr_assert_eq(message_decode(&slots_message_schema, bytes, &slots), STATUS_OK);
    cr_assert_eq(slots.slots_taken, 1);
    cr_assert_gt(slots.free_at_s, (uint64_t)node->now.wall.ms / 1000);
    cr_assert_eq(ask_market(node, views), 1);
    cr_assert_eq(views[0].market.slots_told, 2, "own cards are known for certain");
    cr_assert_eq(views[0].market.slots_taken, 1);

    /* A group that is not offered has no state. */
    const struct slots_query_message other = {.slot_group = 7};
    node_forget_sent(node);
    stranger_says(node, &tenant.stranger, &slots_query_message_schema, &other);
    cr_assert_eq(node_count_sent(node, tenant.stranger.link, MESSAGE_SLOTS), 0);
    node_free(node);
}

Test(quote, connected_hosts_are_asked_and_counted_by_class)
{
    static struct false_host hosts[2];
    static struct stranger idle;
    union view views[ROWS_MAX_HERE];
    const struct control_plain plain = {0};
    struct node *node = node_new("renter", 0);
    lists(node, &hosts[0], "first", 200000, 4);
    lists(node, &hosts[1], "second", 300000, 2);
    stranger_init(&idle, "lists nothing");
    stranger_connect(node, &idle);
    cr_assert_eq(ask_market(node, views), 1);
    cr_assert_eq(views[0].market.listings, 2);
    cr_assert_eq(views[0].market.slots, 6);
    cr_assert_eq(views[0].market.slots_told, 0);

    node_ask(node, CLIENT + 1, CONTROL_OCCUPANCY, &plain);
    cr_assert_eq(node_count_sent(node, hosts[0].self.link, MESSAGE_SLOTS_QUERY), 1);
    cr_assert_eq(node_count_sent(node, hosts[1].self.link, MESSAGE_SLOTS_QUERY), 1);
    cr_assert_eq(node_count_sent(node, idle.link, MESSAGE_SLOTS_QUERY), 0);
    tells(node, &hosts[0], 4, 3, 0);
    tells(node, &hosts[1], 2, 0, 0);
    cr_assert_eq(ask_market(node, views), 1);
    cr_assert_eq(views[0].market.slots_told, 6);
    cr_assert_eq(views[0].market.slots_taken, 3);
    node_free(node);
}

Test(quote, nobody_tells_of_cards_that_it_does_not_list)
{
    static struct false_host host;
    static struct stranger liar;
    union view views[ROWS_MAX_HERE];
    struct node *node = node_new("renter", 0);
    lists(node, &host, "host", 200000, 4);
    stranger_init(&liar, "liar");
    stranger_connect(node, &liar);
    const struct slots_message slots = {.slots_total = 4, .slots_taken = 4};
    stranger_says(node, &liar, &slots_message_schema, &slots);
    tells(node, &host, 2, 3, 0); /* more taken than there are */
    cr_assert_eq(ask_market(node, views), 1);
    cr_assert_eq(views[0].market.slots_told, 0);
    cr_assert(stranger_is_connected(node, &liar));
    node_free(node);
}
