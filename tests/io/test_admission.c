#include "node/io/admission.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct zap_question
question_of(const char *address, uint8_t key)
{
    struct zap_question question = {.address = bytes_of_text(address)};
    memset(question.key.bytes, key, ID_LENGTH);
    return question;
}

/* Two ends of a TCP connection on loopback. */
static void
connect_pair(int *ret_client, int *ret_server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f4d0063)};
    socklen_t size = sizeof at;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&at, size), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    *ret_client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(*ret_client, (struct sockaddr *)&at, size), 0);
    *ret_server = accept(listener, NULL, NULL);
    cr_assert_geq(*ret_server, 0);
    close(listener);
}

static bool
is_cut(int client)
{
    char byte;
    return recv(client, &byte, 1, MSG_DONTWAIT) == 0;
}

Test(admission, a_refused_key_waits_twice_as_long_each_time_and_others_do_not)
{
    const struct admission_limits limits = {0};
    struct admission *admission = admission_new(&limits);
    const struct zap_question rude = question_of("127.0.0.1", 1);
    const struct zap_question other = question_of("127.0.0.1", 2);
    int64_t now_ms = 1000;
    int64_t wait_ms = 10000;
    for (int i = 0; i < 10; i++) {
        cr_assert(admission_admits(admission, &rude, now_ms));
        admission_refuse_key(admission, &rude.key, now_ms);
        cr_assert(!admission_admits(admission, &rude, now_ms + wait_ms - 1), "round %d", i);
        cr_assert(admission_admits(admission, &other, now_ms));
        now_ms += wait_ms;
        wait_ms = wait_ms * 2 > 600000 ? 600000 : wait_ms * 2;
    }
    admission_free(admission);
}

Test(admission, handshakes_of_one_address_come_at_the_rate_and_no_faster)
{
    const struct admission_limits limits = {.handshakes_per_s = 5};
    struct admission *admission = admission_new(&limits);
    int64_t now_ms = 1000;
    uint32_t admitted = 0;
    for (int i = 0; i < 1000; i++, now_ms += 10) {
        const struct zap_question question = question_of("10.1.2.3", (uint8_t)i);
        admitted += admission_admits(admission, &question, now_ms);
    }
    cr_assert_geq(admitted, 55);
    cr_assert_leq(admitted, 61);
    admission_free(admission);
}

Test(admission, a_connection_that_hides_its_bytes_is_cut_and_an_honest_one_is_not)
{
    for (int honest = 0; honest < 2; honest++) {
        const struct admission_limits limits = {0};
        struct admission *admission = admission_new(&limits);
        int client;
        int server;
        connect_pair(&client, &server);
        admission_accepted(admission, server, 1000);
        cr_assert(admission_link(admission, server, 1000));
        static uint8_t block[65536];
        for (int i = 0; i < 320; i++) { /* 20 MiB */
            cr_assert_eq(send(client, block, sizeof block, 0), (ssize_t)sizeof block);
            size_t got = 0;
            while (got < sizeof block) {
                got += (size_t)recv(server, block, sizeof block - got, 0);
            }
            if (honest == 1) {
                admission_delivered(admission, server, sizeof block);
            }
        }
        admission_sweep(admission, 2000);
        cr_assert_eq(is_cut(client), honest == 0);
        cr_assert_eq(admission_is_open(admission, server, 1), honest == 1);
        close(client);
        close(server);
        admission_free(admission);
    }
}

Test(admission, a_connection_that_says_nothing_is_cut_after_nine_seconds)
{
    const struct admission_limits limits = {0};
    struct admission *admission = admission_new(&limits);
    int client;
    int server;
    connect_pair(&client, &server);
    admission_accepted(admission, server, 1000);
    admission_sweep(admission, 10000);
    cr_assert(!is_cut(client));
    admission_sweep(admission, 10001);
    cr_assert(is_cut(client));
    cr_assert(!admission_link(admission, server, 10001), "too late");
    close(client);
    close(server);
    admission_free(admission);
}

Test(admission, a_descriptor_is_open_for_handshakes_of_its_own_connection_only)
{
    const struct admission_limits limits = {0};
    struct admission *admission = admission_new(&limits);
    struct zap_question question = question_of("127.77.0.99", 1);
    int client;
    int server;
    connect_pair(&client, &server);
    admission_accepted(admission, server, 1000);
    question.handshake = 7;
    cr_assert(admission_admits(admission, &question, 1000));
    cr_assert(admission_is_open(admission, server, 7));
    admission_gone(admission, server);
    cr_assert(!admission_is_open(admission, server, 7));
    admission_accepted(admission, server, 1001); /* a newcomer gets the descriptor */
    cr_assert(!admission_is_open(admission, server, 7), "said by the one before");
    question.handshake = 8;
    cr_assert(admission_admits(admission, &question, 1001));
    cr_assert(admission_is_open(admission, server, 8));
    admission_cut(admission, server);
    cr_assert(!admission_is_open(admission, server, 8));
    close(client);
    close(server);
    admission_free(admission);
}

Test(admission, a_place_that_was_promised_counts_until_it_is_taken_or_given_up)
{
    const struct admission_limits limits = {.inbound_max = 1};
    struct admission *admission = admission_new(&limits);
    const struct zap_question first = question_of("127.0.0.1", 1);
    const struct zap_question second = question_of("127.77.0.98", 2);
    cr_assert(admission_admits(admission, &first, 1000));
    cr_assert(!admission_admits(admission, &second, 1001));
    cr_assert(admission_admits(admission, &second, 1000 + 9000), "the first never came");

    int client;
    int server;
    connect_pair(&client, &server);
    admission_accepted(admission, server, 20000);
    cr_assert(admission_admits(admission, &first, 20000));
    cr_assert(admission_link(admission, server, 20000));
    cr_assert(!admission_admits(admission, &second, 40000), "it is there now");
    admission_gone(admission, server);
    cr_assert(admission_admits(admission, &second, 40000));
    close(client);
    close(server);
    admission_free(admission);
}
