#include "node/io/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "tests/io/stream_pair.h"
#include "tests/io/workload_fixture.h"

static struct stream_pair pair;

#define NEEDS_SANDBOX()                                                                            \
    do {                                                                                           \
        if (fixture_cannot_run()) {                                                                \
            cr_skip_test();                                                                        \
        }                                                                                          \
    } while (0)

/* "1\n2\n3\n...", as seq prints it. */
static char *
numbers(int from, int to)
{
    char *text = malloc((size_t)(to - from + 1) * 12 + 16);
    size_t used = 0;
    text[0] = '\0';
    for (int i = from; i <= to; i++) {
        used += (size_t)snprintf(text + used, 13, "%d\n", i);
    }
    return text;
}

/* Reads on and on until the exit; fails after `milliseconds`. */
static void
read_to_the_end(int milliseconds)
{
    for (int i = 0; i < milliseconds / 20 && !pair.has_exit; i++) {
        for (uint8_t stream = 1; stream <= 2; stream++) {
            stream_pair_read(&pair, stream, pair.received[stream - 1],
                             pair.received[stream - 1] + STREAM_WINDOW_BYTES);
        }
        stream_pair_run(&pair, 20);
    }
    cr_assert(pair.has_exit);
}

/* Lets both sides work until so much of the first output has come; 10 s at most. */
static void
run_until_received(uint64_t count)
{
    for (int i = 0; i < 500 && pair.received[0] < count; i++) {
        stream_pair_run(&pair, 20);
    }
    cr_assert_geq(pair.received[0], count);
}

static void
expect_output(uint8_t stream, const char *text)
{
    cr_assert_eq(pair.received[stream - 1], strlen(text));
    cr_assert_eq(memcmp(pair.output[stream - 1], text, strlen(text)), 0);
}

Test(streams, both_outputs_their_ends_and_then_the_exit_reach_the_command)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_start_job(&pair, "echo out; echo err >&2; exit 7", false);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    read_to_the_end(10000);
    expect_output(1, "out\n");
    expect_output(2, "err\n");
    cr_assert(pair.has_end[0] && pair.has_end[1]);
    cr_assert_eq(pair.exit.code, 7);
    cr_assert_eq(pair.host.workload_exits, 1);
    cr_assert_eq(pair.host.last_exit_code, 7);
    stream_pair_close(&pair);
}

Test(streams, no_more_comes_than_was_asked_for)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_start_job(&pair, "seq 1 200000", false);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    stream_pair_read(&pair, 1, 0, 1000);
    run_until_received(1000);
    stream_pair_run(&pair, 100);
    cr_assert_eq(pair.received[0], 1000);
    stream_pair_read(&pair, 1, 1000, 50000);
    run_until_received(50000);
    stream_pair_run(&pair, 100);
    cr_assert_eq(pair.received[0], 50000);
    read_to_the_end(20000);
    char *expected = numbers(1, 200000);
    expect_output(1, expected);
    free(expected);
    stream_pair_close(&pair);
}

Test(streams, the_streams_are_opened_before_the_core_knows_where_they_are)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_open_streams(&pair, 1);
    stream_pair_read(&pair, 1, 0, STREAM_WINDOW_BYTES);
    stream_pair_read(&pair, 2, 0, STREAM_WINDOW_BYTES);
    stream_pair_run(&pair, 100);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_run(&pair, 100);
    stream_pair_start_job(&pair, "echo late", false);
    stream_pair_run(&pair, 5000);
    cr_assert(pair.has_exit);
    expect_output(1, "late\n");
    stream_pair_close(&pair);
}

Test(streams, a_key_that_was_not_allowed_gets_nothing)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_start_job(&pair, "echo secret", false);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    stream_pair_read(&pair, 1, 0, STREAM_WINDOW_BYTES);
    stream_pair_run(&pair, 700);
    cr_assert_eq(pair.received[0], 0);
    cr_assert(!pair.has_exit);
    /* Allowed for another lease: it may connect, and is told that this one is not open to it. */
    struct effect other = {.type = EFFECT_STREAM_ALLOW};
    other.as.stream.lease.bytes[0] = 1;
    other.as.stream.key = pair.renter.keypair.channel_key;
    streams_carry_out(pair.host.streams, &other);
    for (int i = 0; i < 30 && pair.refused[0] == '\0'; i++) {
        stream_pair_run(&pair, 100);
    }
    cr_assert_eq(pair.received[0], 0);
    cr_assert_str_eq(pair.refused, "these streams are not open to this key");
    stream_pair_close(&pair);
}

Test(streams, nothing_is_lost_or_repeated_when_the_hosts_daemon_restarts_twice)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_start_job(
        &pair, "for i in 1 2 3 4 5 6 7 8; do seq 1 20000; sleep 0.2; done; exit 3", false);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    for (int restart = 0; restart < 2; restart++) {
        for (uint8_t stream = 1; stream <= 2; stream++) {
            stream_pair_read(&pair, stream, pair.received[stream - 1],
                             pair.received[stream - 1] + STREAM_WINDOW_BYTES);
        }
        run_until_received(pair.received[0] + 1);
        stream_pair_restart_host(&pair);
        stream_pair_allow(&pair);
    }
    read_to_the_end(20000);
    char *part = numbers(1, 20000);
    const size_t length = strlen(part);
    cr_assert_eq(pair.received[0], 8 * length);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(memcmp(pair.output[0] + i * length, part, length), 0, "part %zu", i);
    }
    cr_assert_eq(pair.exit.code, 3);
    free(part);
    stream_pair_close(&pair);
}

Test(streams, input_arrives_whole_through_a_restart_of_the_hosts_daemon)
{
    static uint8_t bytes[1000000];
    uint64_t sent = 0;
    bool ended = false;
    bool restarted = false;
    NEEDS_SANDBOX();
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 1000);
    }
    stream_pair_open(&pair);
    stream_pair_start_job(&pair, "cat", true);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    for (int i = 0; i < 800 && !pair.has_exit; i++) {
        if (sent < sizeof bytes && sent < pair.credit) {
            const uint64_t room = pair.credit - sent;
            size_t length = sizeof bytes - (size_t)sent;
            length = length > STREAM_FRAME_BYTES_MAX ? STREAM_FRAME_BYTES_MAX : length;
            length = length > room ? (size_t)room : length;
            stream_pair_input(&pair, sent, bytes_of(bytes + sent, length));
            sent += length;
        } else if (sent == sizeof bytes && !ended) {
            stream_pair_input_end(&pair, sent);
            ended = true;
        }
        if (!restarted && i >= 10 && sent > 0) {
            restarted = true;
            stream_pair_restart_host(&pair);
            stream_pair_allow(&pair);
        }
        for (uint8_t stream = 1; stream <= 2; stream++) {
            stream_pair_read(&pair, stream, pair.received[stream - 1],
                             pair.received[stream - 1] + STREAM_WINDOW_BYTES);
        }
        stream_pair_run(&pair, 20);
    }
    cr_assert(restarted);
    cr_assert(pair.has_exit);
    cr_assert_eq(pair.received[0], sizeof bytes);
    cr_assert_eq(memcmp(pair.output[0], bytes, sizeof bytes), 0);
    stream_pair_close(&pair);
}

Test(streams, a_second_command_reads_all_again_and_the_first_is_told)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_start_job(&pair, "seq 1 1000; sleep 1; echo end", false);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    stream_pair_read(&pair, 1, 0, 500);
    run_until_received(500);
    stream_pair_run(&pair, 100);
    cr_assert_eq(pair.received[0], 500);
    pair.received[0] = 0;
    stream_pair_open_streams(&pair, 2);
    read_to_the_end(10000);
    char *expected = numbers(1, 1000);
    cr_assert_eq(pair.received[0], strlen(expected) + 4);
    cr_assert_eq(memcmp(pair.output[0], expected, strlen(expected)), 0);
    free(expected);

    /* And once more, when the job is over. */
    pair.received[0] = 0;
    pair.has_exit = false;
    stream_pair_open_streams(&pair, 3);
    read_to_the_end(10000);
    cr_assert_gt(pair.received[0], 3000);
    stream_pair_close(&pair);
}

Test(streams, a_reader_that_vanishes_is_missed_within_seconds_and_welcome_back)
{
    NEEDS_SANDBOX();
    stream_pair_open(&pair);
    stream_pair_start_job(&pair, "sleep 30", false);
    stream_pair_allow(&pair);
    stream_pair_dial(&pair);
    stream_pair_open_streams(&pair, 1);
    stream_pair_run(&pair, 4500);
    cr_assert_eq(pair.host.reader_gone, 0, "it beats");
    void *command = pair.command;
    pair.command = NULL;
    stream_pair_run(&pair, 7500);
    cr_assert_eq(pair.host.reader_gone, 1);
    pair.command = command;
    stream_pair_open_streams(&pair, 2);
    stream_pair_run(&pair, 1500);
    cr_assert_eq(pair.host.reader_back, 1);
    stream_pair_close(&pair);
}

Test(streams, a_lease_that_nobody_knows_is_refused)
{
    stream_pair_open(&pair);
    stream_pair_open_streams(&pair, 1);
    for (int i = 0; i < 120 && pair.refused[0] == '\0'; i++) {
        stream_pair_run(&pair, 100);
    }
    cr_assert_str_eq(pair.refused, "no streams of such a lease are known here");
    stream_pair_close(&pair);
}
