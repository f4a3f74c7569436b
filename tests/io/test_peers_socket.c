#include "node/io/peers_socket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/clock.h"
#include "node/io/curve.h"
#include "tests/io/two_peers.h"

static void
send_text(struct test_node *node, struct link link, const char *text)
{
    peers_send(node->peers, link, bytes_of_text(text));
}

Test(peers_socket, frames_pass_both_ways_over_a_link_whose_key_is_proven)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    const struct told *up = test_node_told(guest, EVENT_LINK_UP, 0);
    cr_assert(up->outbound);
    cr_assert(channel_key_equal(&up->key, &host->keypair.channel_key));
    cr_assert_eq(test_node_count(host, EVENT_LINK_UP), 0, "nobody has said anything yet");

    send_text(guest, up->link, "hello");
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 1, guest));
    const struct told *in = test_node_told(host, EVENT_LINK_UP, 0);
    cr_assert(!in->outbound);
    cr_assert(channel_key_equal(&in->key, &guest->keypair.channel_key));
    cr_assert_eq(strncmp(in->address, "tcp://127.77.0.2:", 17), 0, "dialled from its own address");
    const struct told *frame = test_node_told(host, EVENT_FRAME, 0);
    cr_assert_eq(frame->link.number, in->link.number);
    cr_assert(bytes_are_text(bytes_of(frame->bytes, frame->length), "hello"));

    send_text(host, in->link, "welcome");
    cr_assert(test_nodes_run_until(guest, EVENT_FRAME, 1, host));
    cr_assert(bytes_are_text(bytes_of(test_node_told(guest, EVENT_FRAME, 0)->bytes, 7), "welcome"));
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, a_second_dial_of_the_same_peer_does_nothing)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    test_node_run(guest, 100);
    cr_assert_eq(test_node_count(guest, EVENT_LINK_UP), 1);
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, a_key_that_is_not_the_dialled_one_gives_no_link)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    const struct channel_key wrong = guest->keypair.channel_key;
    cr_assert_eq(peers_dial(guest->peers, bytes_of_text(peers_endpoint(host->peers)), &wrong),
                 STATUS_OK);
    for (int i = 0; i < 50; i++) {
        test_node_run(guest, 5);
        test_node_run(host, 5);
    }
    cr_assert_eq(guest->told_count, 0);
    cr_assert_eq(host->told_count, 0);
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, a_node_that_dies_is_told_of_and_dialled_again_under_a_new_link)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    const struct link first = test_node_told(guest, EVENT_LINK_UP, 0)->link;

    char endpoint[ENDPOINT_SIZE];
    snprintf(endpoint, sizeof endpoint, "%s", peers_endpoint(host->peers));
    peers_close(host->peers);
    zap_close(host->zap);
    zmq_ctx_term(host->zmq);
    host->zmq = zmq_ctx_new();
    cr_assert_eq(zap_open(host->zmq, &host->zap), STATUS_OK);
    const struct peers_options options = {.zmq = host->zmq,
                                          .zap = host->zap,
                                          .keypair = &host->keypair,
                                          .listen = endpoint,
                                          .redial_ms_min = 50,
                                          .redial_ms_max = 200};
    enum status status = STATUS_SYSTEM;
    for (int i = 0; i < 100 && status != STATUS_OK; i++) {
        test_node_run(guest, 5); /* until ZeroMQ has let go of the port */
        status = peers_open(&options, &host->peers);
    }
    cr_assert_eq(status, STATUS_OK);
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_DOWN, 1, host));
    cr_assert_eq(test_node_told(guest, EVENT_LINK_DOWN, 0)->link.number, first.number);
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 2, host));
    cr_assert_neq(test_node_told(guest, EVENT_LINK_UP, 1)->link.number, first.number);
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, the_end_of_an_inbound_connection_is_told_at_once)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    for (int i = 0; i < 20; i++) {
        send_text(guest, test_node_told(guest, EVENT_LINK_UP, 0)->link, "x");
    }
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 20, guest));
    test_node_free(guest);
    cr_assert(test_nodes_run_until(host, EVENT_LINK_DOWN, 1, NULL));
    cr_assert_eq(test_node_told(host, EVENT_LINK_DOWN, 0)->link.number,
                 test_node_told(host, EVENT_LINK_UP, 0)->link.number);
    test_node_free(host);
}

Test(peers_socket, a_dropped_guest_is_cut_and_refused_for_a_time)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    host->drop_all = true;
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    for (int i = 0; i < 50; i++) {
        send_text(guest, test_node_told(guest, EVENT_LINK_UP, 0)->link, "rude");
    }
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_DOWN, 1, host));
    cr_assert(test_nodes_run_until(host, EVENT_LINK_DOWN, 1, guest));
    for (int i = 0; i < 60; i++) { /* it dials again all the time */
        test_node_run(guest, 5);
        test_node_run(host, 5);
    }
    cr_assert_eq(test_node_count(guest, EVENT_LINK_UP), 1);
    cr_assert_eq(test_node_count(host, EVENT_LINK_UP), 1);
    cr_assert_eq(test_node_count(host, EVENT_FRAME), 1, "nothing is heard after the drop");
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, a_link_that_we_dialled_and_drop_is_not_dialled_again)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    peers_drop(guest->peers, test_node_told(guest, EVENT_LINK_UP, 0)->link);
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_DOWN, 1, host));
    for (int i = 0; i < 40; i++) {
        test_node_run(guest, 5);
        test_node_run(host, 5);
    }
    cr_assert_eq(test_node_count(guest, EVENT_LINK_UP), 1);
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, links_are_announced_again_to_a_core_that_forgot_them)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    send_text(guest, test_node_told(guest, EVENT_LINK_UP, 0)->link, "x");
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 1, guest));
    size_t announced[2] = {0, 0};
    struct test_node *nodes[2] = {host, guest};
    for (size_t i = 0; i < 2; i++) {
        struct test_node *scratch = calloc(1, sizeof *scratch);
        *scratch = *nodes[i];
        nodes[i]->told_count = 0;
        test_node_announce(nodes[i]);
        announced[i] = test_node_count(nodes[i], EVENT_LINK_UP);
        cr_assert_eq(test_node_told(nodes[i], EVENT_LINK_UP, 0)->link.number,
                     test_node_told(scratch, EVENT_LINK_UP, 0)->link.number);
        free(scratch);
    }
    cr_assert_eq(announced[0], 1);
    cr_assert_eq(announced[1], 1);
    test_node_free(guest);
    test_node_free(host);
}

Test(peers_socket, texts_that_are_no_numeric_address_are_not_dialled)
{
    struct test_node *node = test_node_new("127.77.0.1", 1, NULL);
    const char *const texts[] = {"",
                                 "tcp://",
                                 "tcp://example.org:7700",
                                 "ipc:///tmp/x",
                                 "inproc://zeromq.zap.01",
                                 "tcp://127.0.0.1",
                                 "tcp://127.0.0.1:0",
                                 "tcp://127.0.0.1:65536",
                                 "tcp://127.0.0.1:77x",
                                 "tcp://127.0.0.1:7700;127.0.0.2:7700",
                                 "tcp://127.0.0.1:007700"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_assert_eq(peers_dial(node->peers, bytes_of_text(texts[i]), &node->keypair.channel_key),
                     STATUS_BAD_INPUT, "%s", texts[i]);
    }
    test_node_free(node);
}

/* A socket of a stranger, who need not keep to any rule. */
static void *
stranger(void *zmq, const struct test_node *host, uint64_t seed, const char *own_id)
{
    struct keypair keypair;
    keypair_for_test(seed, bytes_of_text("stranger"), &keypair);
    const struct curve_options options = {.zmq = zmq,
                                          .keypair = &keypair,
                                          .send_frames_max = 1000,
                                          .receive_frames_max = 10,
                                          .server = &host->keypair.channel_key};
    void *socket = curve_open_dealer(&options);
    const int now = 0;
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_IMMEDIATE, &now, sizeof now), 0);
    if (own_id != NULL) {
        cr_assert_eq(zmq_setsockopt(socket, ZMQ_ROUTING_ID, own_id, strlen(own_id)), 0);
    }
    cr_assert_eq(zmq_connect(socket, peers_endpoint(host->peers)), 0);
    return socket;
}

struct speaker {
    pid_t pid;
    int order; /* where it is told whom to talk to, and when to leave */
};

struct order {
    char endpoint[ENDPOINT_SIZE];
    struct channel_key key;
};

/* A process that waits for its order, says a word to the node, and ends when that is out. */
static struct speaker
speaker_new(uint64_t seed, const char *word)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid > 0) {
        close(ends[0]);
        return (struct speaker){pid, ends[1]};
    }
    alarm(30);
    struct order order;
    struct keypair keypair;
    const int linger_ms = 5000;
    if (read(ends[0], &order, sizeof order) != (ssize_t)sizeof order ||
        crypto_start() != STATUS_OK) {
        _exit(1);
    }
    keypair_for_test(seed, bytes_of_text("stranger"), &keypair);
    void *zmq = zmq_ctx_new();
    const struct curve_options options = {.zmq = zmq,
                                          .keypair = &keypair,
                                          .send_frames_max = 10,
                                          .receive_frames_max = 10,
                                          .server = &order.key};
    void *socket = curve_open_dealer(&options);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_connect(socket, order.endpoint);
    const bool said = zmq_send(socket, word, strlen(word), 0) >= 0;
    char byte;
    (void)!read(ends[0], &byte, 1);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    _exit(said ? 0 : 1);
}

static void
speaker_speaks(const struct speaker *speaker, struct test_node *to)
{
    struct order order = {.key = to->keypair.channel_key};
    snprintf(order.endpoint, sizeof order.endpoint, "%s", peers_endpoint(to->peers));
    cr_assert_eq(write(speaker->order, &order, sizeof order), (ssize_t)sizeof order);
    test_node_only_admit(to, 100);
}

static void
speaker_leaves(const struct speaker *speaker, struct test_node *from)
{
    int code = -1;
    cr_assert_eq(write(speaker->order, "", 1), 1);
    while (waitpid(speaker->pid, &code, WNOHANG) == 0) {
        test_node_only_admit(from, 5);
    }
    cr_assert_eq(code,
                 0); /* its pipe stays open: no descriptor but the connection's becomes free */
    test_node_only_admit(from, 50);
}

/* Its words are read when it is gone, and somebody else has its descriptor. */
Test(peers_socket, what_a_lost_connection_said_is_not_held_against_the_next_one)
{
    /* Processes of their own, so that the descriptors here are the node's alone. */
    const struct speaker rude = speaker_new(8, "rude");
    const struct speaker polite = speaker_new(9, "hello");
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct keypair keypair;
    keypair_for_test(9, bytes_of_text("stranger"), &keypair);
    speaker_speaks(&rude, host);
    speaker_leaves(&rude, host);
    speaker_speaks(&polite, host);
    host->drop_all = true;
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 1, NULL));
    const struct told *up = test_node_told(host, EVENT_LINK_UP, 0);
    const struct told *frame = test_node_told(host, EVENT_FRAME, 0);
    cr_assert(channel_key_equal(&up->key, &keypair.channel_key));
    cr_assert(bytes_are_text(bytes_of(frame->bytes, frame->length), "hello"));
    speaker_leaves(&polite, host);
    test_node_free(host);
}

Test(peers_socket, a_frame_of_two_parts_ends_the_link_and_is_not_handed_on)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    void *zmq = zmq_ctx_new();
    void *socket = stranger(zmq, host, 9, NULL);
    zmq_send(socket, "fine", 4, 0);
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 1, NULL));
    zmq_send(socket, "one", 3, ZMQ_SNDMORE);
    zmq_send(socket, "two", 3, 0);
    zmq_send(socket, "late", 4, 0);
    cr_assert(test_nodes_run_until(host, EVENT_LINK_DOWN, 1, NULL));
    test_node_run(host, 50);
    cr_assert_eq(test_node_count(host, EVENT_FRAME), 1);
    cr_assert_eq(test_node_count(host, EVENT_LINK_UP), 1);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    test_node_free(host);
}

Test(peers_socket, a_frame_over_the_limit_ends_the_link_and_is_not_handed_on)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    void *zmq = zmq_ctx_new();
    void *socket = stranger(zmq, host, 9, NULL);
    static uint8_t large[FRAME_BYTES_MAX + 1024];
    zmq_send(socket, large, FRAME_BYTES_MAX - 256, 0);
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 1, NULL));
    cr_assert_eq(test_node_told(host, EVENT_FRAME, 0)->length, FRAME_BYTES_MAX - 256);
    zmq_send(socket, large, sizeof large, 0);
    cr_assert(test_nodes_run_until(host, EVENT_LINK_DOWN, 1, NULL));
    cr_assert_eq(test_node_count(host, EVENT_FRAME), 1);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    test_node_free(host);
}

Test(peers_socket, a_stranger_that_chooses_its_own_routing_id_is_not_heard)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    void *zmq = zmq_ctx_new();
    void *socket = stranger(zmq, host, 9, "abcde");
    zmq_send(socket, "hello", 5, 0);
    test_node_run(host, 200);
    cr_assert_eq(host->told_count, 0);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    test_node_free(host);
}

Test(peers_socket, a_message_of_a_thousand_parts_ends_the_link)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    void *zmq = zmq_ctx_new();
    void *socket = stranger(zmq, host, 9, NULL);
    static uint8_t part[32768];
    zmq_send(socket, "hello", 5, 0);
    cr_assert(test_nodes_run_until(host, EVENT_FRAME, 1, NULL));
    for (int i = 0; i < 1000; i++) {
        zmq_send(socket, part, sizeof part, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    }
    zmq_send(socket, part, sizeof part, ZMQ_DONTWAIT);
    cr_assert(test_nodes_run_until(host, EVENT_LINK_DOWN, 1, NULL));
    cr_assert_eq(test_node_count(host, EVENT_FRAME), 1);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    test_node_free(host);
}

Test(peers_socket, no_more_connections_are_let_in_than_the_limits_say)
{
    const struct {
        struct admission_limits limits;
        size_t expected;
    } cases[] = {{{.inbound_max = 3}, 3},
                 {{.per_address_max = 2}, 2},
                 {{.per_net_max = 4}, 4},
                 {{.handshakes_per_s = 1}, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_node *host = test_node_new("127.77.0.1", 1, &cases[i].limits);
        void *zmq = zmq_ctx_new();
        void *sockets[6];
        for (size_t k = 0; k < 6; k++) {
            sockets[k] = stranger(zmq, host, 100 + k, NULL);
            zmq_send(sockets[k], "x", 1, 0);
        }
        test_node_run(host, 300);
        cr_assert_eq(test_node_count(host, EVENT_LINK_UP), cases[i].expected, "case %zu: %zu", i,
                     test_node_count(host, EVENT_LINK_UP));
        for (size_t k = 0; k < 6; k++) {
            zmq_close(sockets[k]);
        }
        zmq_ctx_term(zmq);
        test_node_free(host);
    }
}

Test(peers_socket, places_are_free_again_when_connections_end)
{
    const struct admission_limits limits = {.inbound_max = 2, .per_address_max = 2};
    struct test_node *host = test_node_new("127.77.0.1", 1, &limits);
    for (size_t round = 1; round <= 4; round++) {
        void *zmq = zmq_ctx_new();
        void *sockets[2] = {stranger(zmq, host, 2 * round, NULL),
                            stranger(zmq, host, 2 * round + 1, NULL)};
        zmq_send(sockets[0], "x", 1, 0);
        zmq_send(sockets[1], "x", 1, 0);
        cr_assert(test_nodes_run_until(host, EVENT_LINK_UP, 2 * round, NULL));
        zmq_close(sockets[0]);
        zmq_close(sockets[1]);
        zmq_ctx_term(zmq);
        cr_assert(test_nodes_run_until(host, EVENT_LINK_DOWN, 2 * round, NULL));
    }
    test_node_free(host);
}

Test(peers_socket, a_connection_that_says_nothing_is_cut)
{
    struct test_node *host = test_node_new("127.77.0.1", 1, NULL);
    struct test_node *guest = test_node_new("127.77.0.2", 2, NULL);
    cr_assert(test_node_dial(guest, host));
    cr_assert(test_nodes_run_until(guest, EVENT_LINK_UP, 1, host));
    const int64_t since = clock_boot_ms();
    while (test_node_count(guest, EVENT_LINK_DOWN) == 0 && clock_boot_ms() - since < 12000) {
        test_node_run(guest, 20);
        test_node_run(host, 20);
    }
    cr_assert_eq(test_node_count(guest, EVENT_LINK_DOWN), 1);
    cr_assert_gt(clock_boot_ms() - since, 8000);
    test_node_free(guest);
    test_node_free(host);
}
