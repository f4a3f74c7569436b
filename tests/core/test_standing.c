/* Standing requests on the renter's side: kept until their job runs, whatever happens in between. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"

enum { ASKING = 50 };

static void
ask_for(struct node *node, uint32_t duration_s, int64_t ask_max_micro)
{
    static uint8_t memory[4096];
    struct request request = request_default();
    struct buffer buffer;
    request.duration_s = duration_s;
    request.ask_max_uusd_per_hour = micro(ask_max_micro);
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct control_rent ask = {
        .request = buffer_bytes(&buffer),
        .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}}};
    uint8_t status = STATUS_COUNT - 1;
    node_forget_sent(node);
    node_ask(node, ASKING, CONTROL_REQUEST, &ask);
    cr_assert_eq(node_dones(node, ASKING, &status), 1u);
    cr_assert_eq(status, STATUS_OK);
}

/* The request's record as hosts see it. */
static struct record_id
published(struct node *node, struct false_host *host)
{
    struct bytes sealed;
    struct record_view view;
    cr_assert(stranger_pulls(node, &host->self, RECORD_REQUEST, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    return view.id;
}

/* A host that has a card for 360,000 uUSD an hour, and a request that is too low for it. */
static struct node *
too_dear(struct false_host *host, struct record_id *ret_request)
{
    struct node *node = node_new("node", 0);
    false_host_init(host, node, "host");
    ask_for(node, 600, 300000);
    cr_assert_not(false_host_sees_hold(host, node));
    *ret_request = published(node, host);
    return node;
}

static void
lists_at(struct false_host *host, struct node *node, int64_t ask_micro)
{
    host->listing.ask_uusd_per_hour = micro(ask_micro);
    false_host_lists(host, node);
}

/* HELD under an id of its own, as the listing says; `ask_micro` is what the terms say. */
static void
offers(struct false_host *host, struct node *node, const struct record_id *request,
       int64_t ask_micro)
{
    uint8_t terms_memory[TERMS_BYTES_MAX];
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct buffer buffer;
    host->hold = (struct record_id){{host->self.keypair.identity.bytes[0], 9, 9}};
    host->terms = (struct lease_terms){
        .host = host->self.keypair.identity,
        .renter = node->options.keypair.identity,
        .hold = host->hold,
        .listing = bytes_of(host->listing_bytes, host->listing_length),
        .slot_mask = 1,
        .slot_seq = (uint64_t)node->now.wall.ms,
        .duration_s = 600,
        .latest_start_s = LATEST_START_S,
        .interval_s = host->listing.interval_s,
        .meter_s = host->listing.meter_s,
        .ask_uusd_per_hour = micro(ask_micro),
        .work = request_default().work,
    };
    buffer_init(&buffer, terms_memory, sizeof terms_memory);
    cr_assert_eq(codec_encode(&lease_terms_schema, &host->terms, &buffer), STATUS_OK);
    const struct held held = {
        .hold = host->hold, .time_left_ms = OFFER_TTL_MS, .terms = buffer_bytes(&buffer)};
    const struct offer_message message = {
        .request = *request, .held = stranger_seals(node, &host->self, RECORD_HELD, &held, memory)};
    stranger_says(node, &host->self, &offer_message_schema, &message);
}

static unsigned
cancels(const struct node *node, const struct false_host *host)
{
    return node_count_sent(node, host->self.link, MESSAGE_CANCEL);
}

static size_t
standing_count(struct node *node)
{
    const struct control_plain plain = {0};
    node_forget_sent(node);
    node_ask(node, ASKING + 1, CONTROL_REQUESTS, &plain);
    return node_rows(node, ASKING + 1, ROW_REQUEST);
}

/* The request was given a lease, and START is on its way. */
static struct node *
started(struct false_host *host)
{
    struct node *node = node_new("node", 0);
    false_host_init(host, node, "host");
    ask_for(node, 600, 0);
    cr_assert(false_host_sees_hold(host, node));
    false_host_holds(host, node);
    cr_assert(false_host_leases(host, node));
    cr_assert(false_host_sees_start(host, node));
    return node;
}

static void
host_says(struct node *node, const struct false_host *host, uint8_t state)
{
    const struct lease_state_message message = {.lease = host->lease, .state = state};
    stranger_says(node, &host->self, &lease_state_message_schema, &message);
}

Test(standing, is_over_when_its_job_runs)
{
    struct false_host host;
    struct node *node = started(&host);
    cr_assert_eq(standing_count(node), 1u, "nothing runs yet");
    false_host_starts(&host, node);
    node_wait(node, 1000);
    cr_assert_eq(standing_count(node), 0u);
    cr_assert_eq(memory_store_count(node->store, TABLE_REQUESTS), 0u);
    node_restart(node, false);
    node_wait(node, 1000);
    cr_assert_eq(standing_count(node), 0u);
    node_free(node);
}

/* The daemon died when the lease was stored and START not yet sent: the host never heard of a job. */
Test(standing, is_served_by_another_lease_when_the_first_was_never_started)
{
    for (unsigned i = 0; i < 2; i++) {
        struct false_host host;
        struct node *node = started(&host);
        const struct record_id first = host.hold;
        if (i == 1) {
            node_restart(node, false);
            node_wait(node, 1000);
            stranger_connect(node, &host.self);
            false_host_lists(&host, node);
        }
        cr_assert_eq(standing_count(node), 1u);
        node_forget_sent(node);
        node_wait(node, 5000);
        cr_assert_not(false_host_sees_hold(&host, node), "one lease at a time");
        host_says(node, &host, LEASE_VOID);
        for (unsigned t = 0; t < 20 && !false_host_sees_hold(&host, node); t++) {
            node_wait(node, 250);
        }
        cr_assert(false_host_sees_hold(&host, node), "case %u", i);
        cr_assert_not(record_id_equal(&host.hold, &first));
        false_host_holds(&host, node);
        cr_assert(false_host_leases(&host, node));
        cr_assert(false_host_sees_start(&host, node));
        false_host_starts(&host, node);
        node_wait(node, 1000);
        cr_assert_eq(standing_count(node), 0u);
        node_free(node);
    }
}

/* Crashed before STARTED was heard: the host says that the job runs, and nothing is rented again. */
Test(standing, is_over_when_the_job_ran_while_we_were_away)
{
    struct false_host host;
    struct node *node = started(&host);
    node_restart(node, true);
    node_wait(node, 1000);
    stranger_connect(node, &host.self);
    false_host_lists(&host, node);
    false_host_starts(&host, node);
    node_forget_sent(node);
    node_wait(node, 10000);
    cr_assert_not(false_host_sees_hold(&host, node));
    cr_assert_eq(standing_count(node), 0u);
    node_free(node);
}

/* Hosts know a request by its author and number: the number stays over restarts. */
Test(standing, keeps_its_number_over_restarts)
{
    uint32_t details[3] = {0};
    struct node *node = node_new("node", 0);
    struct stranger stranger;
    stranger_init(&stranger, "watcher");
    for (unsigned i = 0; i < 3; i++) {
        ask_for(node, 600 + i, 1000);
        node_wait(node, 10);
    }
    for (unsigned life = 0; life < 3; life++) {
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned at = 0; at < REQUESTS_STANDING_MAX; at++) {
                const struct standing *standing = &node->core->standings[at];
                struct control_rent ask;
                struct request request;
                if (!standing->used ||
                    codec_decode(control_schema(CONTROL_REQUEST),
                                 bytes_of(standing->question, standing->length),
                                 &ask) != STATUS_OK ||
                    codec_decode(&request_schema, ask.request, &request) != STATUS_OK ||
                    request.duration_s != 600 + i) {
                    continue;
                }
                cr_assert(life == 0 || details[i] == at, "request %u, life %u: %u, %u", i, life, at,
                          details[i]);
                details[i] = at;
            }
        }
        node_restart(node, life == 1);
        node_wait(node, 2000);
    }
    cr_assert_eq(standing_count(node), 3u);
    node_free(node);
}

/* The first that fits is taken; whoever comes later has its slots back at once. */
Test(standing, takes_one_offer_and_gives_the_others_back)
{
    struct false_host host;
    struct false_host other;
    struct record_id request;
    struct node *node = too_dear(&host, &request);
    false_host_init(&other, node, "other");
    lists_at(&host, node, 250000);
    lists_at(&other, node, 250000);
    node_forget_sent(node);
    offers(&host, node, &request, 250000);
    offers(&other, node, &request, 250000);
    cr_assert_eq(cancels(node, &host), 0u);
    cr_assert_eq(cancels(node, &other), 1u);
    cr_assert(false_host_leases(&host, node));
    cr_assert(false_host_sees_start(&host, node));
    cr_assert_not(false_host_leases(&other, node), "leased twice");
    false_host_starts(&host, node);
    node_wait(node, 1000);
    cr_assert_eq(standing_count(node), 0u);
    node_forget_sent(node);
    offers(&other, node, &request, 250000);
    cr_assert_eq(cancels(node, &other), 1u, "too late");
    node_free(node);
}

/* The host that was taken fails: the request stands, and the next offer is taken. */
Test(standing, takes_the_next_offer_when_one_comes_to_nothing)
{
    struct false_host host;
    struct false_host other;
    struct record_id request;
    struct node *node = too_dear(&host, &request);
    false_host_init(&other, node, "other");
    lists_at(&host, node, 250000);
    offers(&host, node, &request, 250000);
    const struct refused_message refused = {
        .about = host.hold, .reason = REFUSAL_TOO_LATE, .text = bytes_of_text("lapsed")};
    stranger_says(node, &host.self, &refused_message_schema, &refused);
    lists_at(&other, node, 250000);
    node_wait(node, 300); /* it may ask the first one again of itself */
    if (!false_host_sees_hold(&other, node)) {
        offers(&other, node, &request, 250000);
    } else {
        false_host_holds(&other, node);
    }
    cr_assert(false_host_leases(&other, node));
    cr_assert(false_host_sees_start(&other, node));
    node_free(node);
}

Test(standing, takes_no_offer_that_is_not_what_was_asked)
{
    for (unsigned i = 0; i < 5; i++) {
        struct false_host host;
        struct record_id request;
        struct node *node = too_dear(&host, &request);
        int64_t ask = 250000;
        lists_at(&host, node, i == 0 ? 360000 : 250000);
        if (i == 0 || i == 1) {
            ask = 360000; /* over the request; over the listing */
        } else if (i == 2) {
            request.bytes[5] ^= 1; /* no request of ours */
        } else if (i == 3) {
            host.listing.ask_uusd_per_hour = micro(240000);
            struct false_host unseen = host; /* a listing that we have never seen */
            uint8_t *bytes = unseen.listing_bytes;
            unseen.listing_length =
                stranger_seals(node, &unseen.self, RECORD_LISTING, &unseen.listing, bytes).length;
            host = unseen;
            ask = 240000;
        } else {
            char prefix[ID_HEX_SIZE];
            const struct control_plain plain = {0};
            node_ask(node, 70, CONTROL_REQUESTS, &plain);
            id_to_hex(request.bytes, prefix);
            const struct control_lease_end end = {.prefix = bytes_of_text(prefix)};
            node_ask(node, 71, CONTROL_REQUEST_CANCEL, &end);
        }
        node_forget_sent(node);
        offers(&host, node, &request, ask);
        cr_assert_eq(cancels(node, &host), 1u, "case %u", i);
        cr_assert_not(false_host_leases(&host, node), "case %u", i);
        cr_assert(stranger_is_connected(node, &host.self));
        node_free(node);
    }
}

Test(standing, an_offer_in_another_hosts_name_breaks_the_link)
{
    struct false_host host;
    struct false_host other;
    struct record_id request;
    struct node *node = too_dear(&host, &request);
    lists_at(&host, node, 250000);
    false_host_init(&other, node, "other");
    const struct link link = host.self.link;
    host.self.link = other.self.link;
    offers(&host, node, &request, 250000);
    cr_assert_not(stranger_is_connected(node, &other.self));
    host.self.link = link;
    cr_assert_not(false_host_leases(&host, node));
    node_free(node);
}

/* The renter's node has lost power: offers of its last life find nobody who confirms them. */
Test(standing, nothing_is_leased_while_its_node_is_away)
{
    struct false_host host;
    struct record_id request;
    struct node *node = too_dear(&host, &request);
    node_restart(node, true);
    stranger_connect(node, &host.self);
    lists_at(&host, node, 400000);
    node_forget_sent(node);
    offers(&host, node, &request, 250000);
    cr_assert_not(false_host_leases(&host, node));
    cr_assert_eq(cancels(node, &host), 1u);
    cr_assert_eq(standing_count(node), 1u);
    node_free(node);
}
