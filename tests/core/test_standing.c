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
