#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "node/io/supervisor_stream.h"

enum { RING = WORKLOAD_RING_BYTES };

static struct output_stream output;
static struct input_stream input;
static int writer;
static uint8_t scratch[FRAME_PAYLOAD_MAX];

static void
open_output(bool attached, uint64_t log_cap)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    const int log = memfd_create("log", MFD_CLOEXEC);
    cr_assert_eq(output_init(&output, WORKLOAD_STDOUT, ends[0], log), STATUS_OK);
    output.attached = attached;
    output.log_cap = log_cap;
    writer = ends[1];
}

static uint8_t
pattern(uint64_t offset)
{
    return (uint8_t)(offset * 7 + offset / 251);
}

/* Writes the pattern until `total` bytes went in or nobody takes more; how many went in. */
static uint64_t
produce(uint64_t from, uint64_t total)
{
    while (from < total) {
        uint8_t block[4096];
        const size_t length = total - from < sizeof block ? (size_t)(total - from) : sizeof block;
        for (size_t i = 0; i < length; i++) {
            block[i] = pattern(from + i);
        }
        const ssize_t written = write(writer, block, length);
        if (written > 0) {
            from += (uint64_t)written;
        } else if (!output_wants_pipe(&output) || !output_fill(&output)) {
            return from;
        }
    }
    while (output_wants_pipe(&output) && output_fill(&output)) {
    }
    return from;
}

/* Takes all that is due; the offset after it. */
static uint64_t
consume(uint64_t at, uint64_t *ret_skipped)
{
    struct frame frame;
    while (output_next(&output, scratch, &frame)) {
        if (frame.type == FRAME_GAP) {
            *ret_skipped += frame.number - at;
            at = frame.number;
        } else if (frame.type == FRAME_DATA) {
            cr_assert_eq(frame.number, at);
            cr_assert_leq(frame.payload.length, FRAME_PAYLOAD_MAX);
            for (size_t i = 0; i < frame.payload.length; i++) {
                cr_assert_eq(frame.payload.data[i], pattern(at + i));
            }
            at += frame.payload.length;
        }
        output_sent(&output, &frame);
    }
    return at;
}

Test(supervisor_stream, attached_output_stops_when_ring_is_full_and_goes_on_when_acknowledged)
{
    uint64_t skipped = 0;
    open_output(true, 1000);
    const uint64_t stuck = produce(0, 5 * RING);
    cr_assert_eq(output.total, 1000 + RING);
    cr_assert_lt(stuck, 3 * RING);
    output_read(&output, 0, UINT64_MAX);
    uint64_t at = consume(0, &skipped);
    cr_assert_eq(at, output.total);
    cr_assert_not(output_wants_pipe(&output));
    output_credit(&output, at - 1, UINT64_MAX);
    cr_assert(output_wants_pipe(&output));
    uint64_t made = stuck;
    while (at < 5 * RING) {
        output_credit(&output, at, UINT64_MAX);
        made = produce(made, 5 * RING);
        at = consume(at, &skipped);
    }
    cr_assert_eq(skipped, 0);
    cr_assert_eq(output_dropped(&output), 0);
    output_clear(&output);
}

Test(supervisor_stream, detached_output_keeps_log_and_last_ring)
{
    uint64_t skipped = 0;
    open_output(false, 1000);
    cr_assert_eq(produce(0, 3 * RING), 3 * RING);
    cr_assert_eq(output.logged, 1000);
    cr_assert_eq(output_dropped(&output), 2 * RING - 1000);
    output_read(&output, 500, UINT64_MAX);
    cr_assert_eq(consume(500, &skipped), 3 * RING);
    cr_assert_eq(skipped, 2 * RING - 1000);
    output_clear(&output);
}

Test(supervisor_stream, limit_is_kept_to_the_byte)
{
    struct frame frame;
    uint64_t skipped = 0;
    open_output(true, 1u << 20);
    produce(0, 1000);
    cr_assert_not(output_next(&output, scratch, &frame));
    output_read(&output, 10, 10);
    cr_assert_not(output_next(&output, scratch, &frame));
    output_credit(&output, 10, 17);
    cr_assert_eq(consume(10, &skipped), 17);
    output_credit(&output, 17, 5);
    cr_assert_eq(consume(17, &skipped), 17);
    output_read(&output, 3, 2000);
    cr_assert_eq(consume(3, &skipped), 1000);
    output_clear(&output);
}

Test(supervisor_stream, end_is_told_once_to_each_reader_and_settles_with_the_last_byte)
{
    struct frame frame;
    uint64_t skipped = 0;
    open_output(true, 1u << 20);
    produce(0, 100);
    close(writer);
    cr_assert(output_fill(&output));
    cr_assert_eq(output.pipe, -1);
    for (int reader = 0; reader < 2; reader++) {
        output_forget_reader(&output);
        cr_assert_not(output_next(&output, scratch, &frame));
        output_read(&output, 0, 1000);
        cr_assert_eq(consume(0, &skipped), 100);
        cr_assert(output.end_sent);
        cr_assert_not(output_next(&output, scratch, &frame));
    }
    output_credit(&output, 99, 1000);
    cr_assert_not(output_is_settled(&output));
    output_credit(&output, 100, 1000);
    cr_assert(output_is_settled(&output));
    output_clear(&output);
}

/* A reader cannot acknowledge what it has not got, and so make us forget it. */
Test(supervisor_stream, acknowledging_the_future_acknowledges_the_present)
{
    open_output(true, 10);
    produce(0, 1000);
    output_credit(&output, UINT64_MAX, UINT64_MAX);
    cr_assert_eq(output.acknowledged, 1000);
    output_read(&output, UINT64_MAX, UINT64_MAX);
    cr_assert_eq(output.position, 1000);
    output_clear(&output);
}

Test(supervisor_stream, disk_without_space_ends_the_log_and_loses_nothing)
{
    uint64_t skipped = 0;
    struct rlimit files = {.rlim_cur = 50000, .rlim_max = 50000};
    open_output(true, 1u << 30);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &files), 0); /* a write beyond fails, as on a full disk */
    uint64_t made = produce(0, 3 * RING);
    cr_assert_eq(output.logged, 50000);
    cr_assert_leq(output.total, 50000 + RING);
    output_read(&output, 0, UINT64_MAX);
    uint64_t at = consume(0, &skipped);
    while (at < 3 * RING) {
        output_credit(&output, at, UINT64_MAX);
        made = produce(made, 3 * RING);
        at = consume(at, &skipped);
    }
    cr_assert_eq(skipped, 0);
    output_clear(&output);
}

static int
open_input(void)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    cr_assert_eq(input_init(&input, ends[1]), STATUS_OK);
    return ends[0];
}

Test(supervisor_stream, input_is_taken_once_in_order_and_within_the_window)
{
    static uint8_t block[WORKLOAD_STDIN_WINDOW + 1];
    uint64_t limit = 0;
    const int reader = open_input();
    cr_assert(input_credit_due(&input, &limit));
    cr_assert_eq(limit, WORKLOAD_STDIN_WINDOW);
    cr_assert_eq(input_take(&input, 1, bytes_of(block, 1)), STATUS_OUT_OF_RANGE);
    cr_assert_eq(input_take(&input, 0, bytes_of(block, sizeof block)), STATUS_OUT_OF_RANGE);
    cr_assert_eq(input_take(&input, 0, bytes_of("abcdef", 6)), STATUS_OK);
    cr_assert_eq(input_take(&input, 0, bytes_of("abcdef", 6)), STATUS_OK);
    cr_assert_eq(input_take(&input, 3, bytes_of("defghi", 6)), STATUS_OK);
    cr_assert_eq(input.received, 9);
    cr_assert(input_flush(&input));
    char text[16] = "";
    cr_assert_eq(read(reader, text, sizeof text), 9);
    cr_assert_str_eq(text, "abcdefghi");
    cr_assert_eq(input_end(&input, 8), STATUS_OUT_OF_RANGE);
    cr_assert_eq(input_end(&input, 10), STATUS_OK);
    cr_assert_eq(input_end(&input, 11), STATUS_OUT_OF_RANGE);
    cr_assert_eq(input_take(&input, 9, bytes_of("jk", 2)), STATUS_OUT_OF_RANGE);
    cr_assert_eq(input_take(&input, 9, bytes_of("j", 1)), STATUS_OK);
    cr_assert(input_flush(&input));
    cr_assert_eq(input.pipe, -1);
    cr_assert_eq(read(reader, text, sizeof text), 1);
    cr_assert_eq(read(reader, text, sizeof text), 0);
    input_clear(&input);
}

Test(supervisor_stream, offsets_near_the_end_of_numbers_do_not_wrap)
{
    open_input();
    cr_assert_eq(input_take(&input, UINT64_MAX, bytes_of("ab", 2)), STATUS_OUT_OF_RANGE);
    cr_assert_eq(input_end(&input, UINT64_MAX), STATUS_OK);
    cr_assert_eq(input_take(&input, 0, bytes_of("ab", 2)), STATUS_OK);
    input_clear(&input);
}
