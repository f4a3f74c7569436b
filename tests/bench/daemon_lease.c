#include "tests/bench/daemon_lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "crypto/signature.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/envelope.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "storage/transaction.h"
#include "tests/support/sealed.h"
#include "tests/support/test_peer.h"

enum { LEASES = 150, WARM_UP = 10, PINGS = 200, WAIT_MS = 10000, ROW_BYTES = 600 };

static void
must(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "bench: %s\n", what);
        exit(EXIT_FAILURE); /* ends the network too */
    }
}

struct spread {
    double half; /* p50 */
    double most; /* p99 */
};

static struct spread
spread_of(double *values, size_t count)
{
    bench_sort(values, count);
    return (struct spread){values[count / 2], values[count - 1 - count / 100]};
}

/* ---- The lease ------------------------------------------------------------------------------- */

struct timing {
    double leased;  /* ms from the request to LEASE, durable on both sides */
    double started; /* to STARTED */
};

static struct timing
rent_once(struct connection *connection, const struct control_rent *rent)
{
    struct timing timing = {0, 0};
    const int64_t end_ms = connection_clock_ms() + WAIT_MS;
    const uint64_t start = bench_now_ns();
    must(connection_send(connection, control_schema(CONTROL_RENT), rent) == STATUS_OK, "no rent");
    for (bool is_done = false; !is_done;) {
        struct bytes frame;
        struct control_row row;
        struct control_done done;
        uint8_t type = 0;
        must(connection_clock_ms() < end_ms, "a rent does not end");
        enum status status = connection_receive(connection, &frame);
        if (status == STATUS_NOT_NOW) {
            status = connection_wait(connection, NULL, 0, 100);
            must(status == STATUS_OK, "the renter's node is gone");
            continue;
        }
        must(status == STATUS_OK && message_type(frame, &type) == STATUS_OK, "no answer");
        const double now_ms = (double)(bench_now_ns() - start) / 1e6;
        if (type == CONTROL_ROW && message_decode(control_schema(type), frame, &row) == STATUS_OK &&
            row.row == ROW_RENTED) {
            timing.leased = now_ms;
        }
        if (type == CONTROL_DONE) {
            must(message_decode(control_schema(type), frame, &done) == STATUS_OK &&
                     done.status == STATUS_OK && timing.leased > 0,
                 "a rent was refused");
            timing.started = now_ms;
            is_done = true;
        }
    }
    return timing;
}

/* ---- The bare chain -------------------------------------------------------------------------- */

static void
commit_row(struct store *store, uint64_t number)
{
    static const uint8_t value[ROW_BYTES];
    struct row row = {.table = TABLE_LEASES, .value = bytes_of(value, sizeof value)};
    struct transaction *transaction = transaction_begin(store);
    memcpy(row.key.id, &number, sizeof number);
    transaction_put(transaction, &row);
    must(transaction_commit(transaction, NULL) == STATUS_OK, "a commit failed");
}

static void
sign_and_check(const struct keypair *keys)
{
    static const struct network_id network;
    static const struct record_id id;
    const struct signed_claim claim = {
        .role = SIGNATURE_AUTHOR, .kind = RECORD_HOLD, .network = &network, .id = &id};
    struct signature signature;
    signature_make(&claim, keys, &signature);
    must(signature_check(&claim, &keys->identity, &signature) == STATUS_OK, "a signature is wrong");
}

/* Two stores on the same disk as the nodes'. */
static void
open_stores(const struct daemon_network *network, struct store *ret_stores[2])
{
    char path[NETWORK_PATH_SIZE + 16];
    char why[STORE_WHY_SIZE];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/bare-%zu", network->directory, i);
        must(mkdir(path, 0700) == 0 &&
                 store_open(path, &(struct store_options){0}, &ret_stores[i], why) == STATUS_OK,
             "no store");
    }
}

/* HOLD, HELD, CONFIRM and LEASE: each is signed once and checked once; each side commits before it
 * speaks: renter, host, renter, host, renter. */
static double
bare_chain_ms(const struct keypair *keys, struct store *const stores[2], unsigned number)
{
    const uint64_t start = bench_now_ns();
    for (unsigned step = 0; step < 5; step++) {
        if (step < 4) {
            sign_and_check(keys);
        }
        commit_row(stores[step % 2], (uint64_t)number * 5 + step);
    }
    return (double)(bench_now_ns() - start) / 1e6;
}

/* ---- Both ----------------------------------------------------------------------------------- */

static void
wait_until_closed(struct connection *renter, struct connection *host)
{
    const int64_t end_ms = connection_clock_ms() + WAIT_MS;
    while (daemon_network_status(renter).leases_rented > 0 ||
           daemon_network_status(host).leases_hosted > 0) {
        must(connection_clock_ms() < end_ms, "a lease does not close");
        usleep(1000);
    }
}

/* What LEASES rounds took; each bare chain beside its lease, so that both meet the same disk. */
struct rounds {
    double leased[LEASES];
    double started[LEASES];
    double chain[LEASES];
};

static void
rent_often(const struct daemon_network *network, struct rounds *ret_rounds)
{
    struct connection *renter;
    struct connection *host;
    struct store *stores[2];
    uint8_t memory[2048];
    struct buffer bytes;
    const struct keypair keys = sealed_keypair("bench");
    struct request request = request_default();
    request.duration_s = 60;
    buffer_init(&bytes, memory, sizeof memory);
    must(codec_encode(&request_schema, &request, &bytes) == STATUS_OK, "no request");
    struct control_rent rent = {.request = buffer_bytes(&bytes)};
    rent.arguments.count = 1;
    rent.arguments.items[0] = bytes_of_text("/bin/true");
    open_stores(network, stores); /* before there are threads */
    must(connection_open(daemon_network_node(network, "renter-1").control, &renter) == STATUS_OK &&
             connection_open(daemon_network_node(network, "host-1").control, &host) == STATUS_OK,
         "the nodes cannot be asked");
    for (int i = -WARM_UP; i < LEASES; i++) {
        const struct timing timing = rent_once(renter, &rent);
        wait_until_closed(renter, host);
        const double chain = bare_chain_ms(&keys, stores, (unsigned)(i + WARM_UP));
        if (i >= 0) {
            ret_rounds->leased[i] = timing.leased;
            ret_rounds->started[i] = timing.started;
            ret_rounds->chain[i] = chain;
        }
    }
    store_close(stores[0]);
    store_close(stores[1]);
    connection_close(renter);
    connection_close(host);
}

/* PING and PONG over CURVE with the host's node, as the messages of a lease go. */
static double
round_trip_ms(const struct daemon_network *network)
{
    double values[PINGS];
    const struct daemon_node node = daemon_network_node(network, "host-1");
    struct connection *connection;
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    struct test_peer_options options = {.endpoint = node.endpoint};
    struct keypair issuer;
    must(connection_open(node.control, &connection) == STATUS_OK, "the host cannot be asked");
    daemon_network_ask(connection, CONTROL_STATUS, &answer);
    must(answer_row(&answer, ROW_STATUS, 0, &view) == STATUS_OK, "a status cannot be read");
    keypair_for_test(21, bytes_of_text("issuer"), &issuer);
    keypair_for_test(21, bytes_of_text("pinger"), &options.keypair);
    options.server_key = view.status.channel_key;
    network_id_make(view.status.network, true, &issuer.identity, &options.network);
    answer_clear(&answer);
    connection_close(connection);
    struct test_peer *peer = test_peer_open(&options);
    must(peer != NULL && test_peer_introduce(peer, WAIT_MS), "no peer");
    for (unsigned i = 0; i < PINGS; i++) {
        struct bytes frame;
        const struct ping_message ping = {.token = i + 1};
        const uint64_t start = bench_now_ns();
        must(test_peer_say(peer, &ping_message_schema, &ping, WAIT_MS) &&
                 test_peer_await(peer, MESSAGE_PONG, &frame, WAIT_MS),
             "no pong");
        values[i] = (double)(bench_now_ns() - start) / 1e6;
    }
    test_peer_close(peer);
    return spread_of(values, PINGS).half;
}

void
bench_lease(struct bench *bench, const struct daemon_network *network)
{
    static struct rounds rounds;
    rent_often(network, &rounds);
    const double round_trip = round_trip_ms(network);
    const struct spread lease = spread_of(rounds.leased, LEASES);
    const struct spread start = spread_of(rounds.started, LEASES);
    const struct spread bare = spread_of(rounds.chain, LEASES);
    bench_add(bench, &(struct bench_row){.name = "loopback round trip between two nodes, p50",
                                         .value = round_trip,
                                         .unit = "ms",
                                         .lower_is_better = true});
    bench_add(bench, &(struct bench_row){.name = "a spot lease, durable on both sides, p50",
                                         .value = lease.half,
                                         .unit = "ms",
                                         .lower_is_better = true,
                                         .target = 4 + 2 * round_trip,
                                         .reference = "bare chain of signatures and commits",
                                         .reference_value = bare.half});
    bench_add(bench, &(struct bench_row){.name = "a spot lease, durable on both sides, p99",
                                         .value = lease.most,
                                         .unit = "ms",
                                         .lower_is_better = true,
                                         .target = 6 + 2 * round_trip,
                                         .reference = "bare chain of signatures and commits",
                                         .reference_value = bare.most});
    bench_add(bench, &(struct bench_row){.name = "a spot lease against the bare chain, p50",
                                         .value = lease.half / bare.half,
                                         .unit = "ratio",
                                         .lower_is_better = true,
                                         .target = 1.6});
    bench_add(bench, &(struct bench_row){.name = "from the request to a running job, p50",
                                         .value = start.half,
                                         .unit = "ms",
                                         .lower_is_better = true,
                                         .reference = "p99",
                                         .reference_value = start.most});
}
