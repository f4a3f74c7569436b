/* Streams of a job: windows, repeated and lost bytes, readers that are slow or gone. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/job.h"
#include "cli/rent.h"
#include "protocol/limits.h"

static struct job_output output;
static int ends[2];

static void
open_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(job_output_open(&output, 1, ends[1]), STATUS_OK);
}

static void
close_pipe(void)
{
    job_output_close(&output);
    close(ends[0]);
    close(ends[1]);
}

static enum status
take(uint64_t offset, const void *bytes, size_t length)
{
    const struct stream_data_message data = {
        .stream = 1, .offset = offset, .data = bytes_of(bytes, length)};
    return job_output_take(&output, &data);
}

static size_t
read_all(char *memory, size_t size)
{
    job_output_write(&output);
    const ssize_t got = read(ends[0], memory, size - 1);
    cr_assert(got >= 0);
    memory[got] = '\0';
    return (size_t)got;
}

Test(job_stream, bytes_come_out_once_however_often_they_come, .init = open_pipe, .fini = close_pipe)
{
    char memory[64];
    cr_assert_eq(take(0, "hello", 5), STATUS_OK);
    cr_assert_eq(take(0, "hello", 5), STATUS_OK);
    cr_assert_eq(take(3, "lo wor", 6), STATUS_OK);
    cr_assert_eq(take(9, "ld", 2), STATUS_OK);
    read_all(memory, sizeof memory);
    cr_assert_str_eq(memory, "hello world");
    cr_assert_eq(output.received, 11);
    cr_assert_eq(output.lost, 0);
}

Test(job_stream, what_the_host_did_not_keep_is_counted, .init = open_pipe, .fini = close_pipe)
{
    char memory[64];
    cr_assert_eq(take(0, "ab", 2), STATUS_OK);
    cr_assert_eq(take(100, "cd", 2), STATUS_OK);
    read_all(memory, sizeof memory);
    cr_assert_str_eq(memory, "abcd");
    cr_assert_eq(output.lost, 98);
    cr_assert_eq(output.received, 102);
}

Test(job_stream, nobody_can_send_more_than_the_window, .init = open_pipe, .fini = close_pipe)
{
    static uint8_t block[STREAM_FRAME_BYTES_MAX];
    uint64_t offset = 0;
    while (offset < STREAM_WINDOW_BYTES) {
        cr_assert_eq(take(offset, block, sizeof block), STATUS_OK);
        offset += sizeof block;
    }
    cr_assert_eq(take(offset, block, 1), STATUS_CORRUPT);
}

Test(job_stream, a_slow_reader_stops_nothing_and_gets_everything, .init = open_pipe,
     .fini = close_pipe)
{
    static uint8_t block[300000];
    static uint8_t got[sizeof block];
    size_t length = 0;
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (uint8_t)(i * 7 + i / 251);
    }
    cr_assert_eq(take(0, block, sizeof block), STATUS_OK);
    job_output_write(&output); /* fills the pipe and returns */
    cr_assert(output.length > 0);
    while (length < sizeof got) {
        const ssize_t part = read(ends[0], got + length, 1000);
        cr_assert(part > 0);
        length += (size_t)part;
        job_output_write(&output);
    }
    cr_assert_eq(memcmp(block, got, sizeof got), 0);
    cr_assert_eq(output.length, 0);
}

Test(job_stream, a_reader_that_went_away_is_noticed, .init = open_pipe)
{
    close(ends[0]);
    cr_assert_eq(take(0, "x", 1), STATUS_OK);
    job_output_write(&output);
    cr_assert(output.is_broken);
    cr_assert_eq(output.length, 0);
    cr_assert_eq(take(1, "y", 1), STATUS_OK); /* swallowed: the job's end is still wanted */
    cr_assert_eq(output.received, 2);
    cr_assert_eq(output.length, 0);
    job_output_close(&output);
    close(ends[1]);
}

Test(job_stream, a_stream_is_over_when_its_end_is_written_and_not_before, .init = open_pipe,
     .fini = close_pipe)
{
    char memory[16];
    output.has_ended = true;
    output.end = 2;
    cr_assert(!job_output_is_over(&output));
    cr_assert_eq(take(0, "ab", 2), STATUS_OK);
    cr_assert(!job_output_is_over(&output));
    read_all(memory, sizeof memory);
    cr_assert(job_output_is_over(&output));
}

Test(job_stream, input_is_read_only_while_the_job_takes_some, .init = open_pipe, .fini = close_pipe)
{
    struct job_input input;
    cr_assert_eq(job_input_open(&input, ends[0]), STATUS_OK);
    cr_assert(!job_input_wants(&input));
    cr_assert_eq(write(ends[1], "0123456789abcdef", 16), 16);
    job_input_credit(&input, 0, 10);
    cr_assert(job_input_wants(&input));
    job_input_read(&input);
    cr_assert_eq(input.read, 10);
    cr_assert(!job_input_wants(&input));
    job_input_credit(&input, 4, 20);
    cr_assert(job_input_wants(&input));
    cr_assert_eq(memcmp(input.memory, "456789", 6), 0);
    job_input_read(&input);
    cr_assert_eq(input.read, 16);
    cr_assert_eq(memcmp(input.memory, "456789abcdef", 12), 0);
    input.is_over = true;
    cr_assert(!job_input_wants(&input));
    job_input_close(&input);
}

Test(job_stream, input_that_did_not_arrive_for_good_is_sent_again, .init = open_pipe,
     .fini = close_pipe)
{
    struct job_input input;
    cr_assert_eq(job_input_open(&input, ends[0]), STATUS_OK);
    cr_assert_eq(write(ends[1], "0123456789", 10), 10);
    job_input_credit(&input, 0, 100);
    job_input_read(&input);
    input.sent = 10;
    job_input_credit(&input, 6, 100);
    job_input_restart(&input);
    cr_assert_eq(input.sent, 6);
    cr_assert_eq(input.limit, 6);
    job_input_credit(&input, 8, 100); /* more had arrived than was told before */
    cr_assert_eq(input.sent, 8);
    cr_assert_eq(memcmp(input.memory, "89", 2), 0);
    job_input_credit(&input, 11, 200); /* more than was ever sent: not believed */
    cr_assert_eq(input.kept, 8);
    cr_assert_eq(input.limit, 100);
    job_input_close(&input);
}

Test(job_stream, no_more_input_is_kept_than_the_window, .init = open_pipe, .fini = close_pipe)
{
    static uint8_t block[4096];
    struct job_input input;
    cr_assert_eq(job_input_open(&input, ends[0]), STATUS_OK);
    job_input_credit(&input, 0, 100 * (uint64_t)STREAM_WINDOW_BYTES);
    while (job_input_wants(&input)) {
        cr_assert_eq(write(ends[1], block, sizeof block), (ssize_t)sizeof block);
        job_input_read(&input);
    }
    cr_assert_eq(input.read, STREAM_WINDOW_BYTES);
    job_input_close(&input);
}

Test(job_stream, the_exit_code_is_the_jobs_or_says_who_ended_it)
{
    static const struct {
        bool has_exited;
        uint8_t reason;
        uint8_t code;
        uint8_t signal;
        int interrupts;
        int wanted;
    } cases[] = {
        {true, END_JOB_EXITED, 0, 0, 0, 0},     {true, END_JOB_EXITED, 7, 0, 0, 7},
        {true, END_JOB_EXITED, 255, 0, 0, 255}, {true, END_JOB_EXITED, 0, 9, 0, 137},
        {true, END_RECLAIMED, 0, 15, 0, 125},   {true, END_HOST_FAILURE, 0, 0, 0, 125},
        {true, END_DURATION, 0, 9, 0, 125},     {true, END_UNPAID, 0, 9, 0, 125},
        {true, END_LIMIT, 0, 9, 0, 125},        {true, END_RENTER, 0, 15, 1, 130},
        {true, END_JOB_EXITED, 3, 0, 1, 3},     {false, END_NONE, 0, 0, 1, 130},
        {false, END_NONE, 0, 0, 0, 125},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct job job = {.has_exited = cases[i].has_exited, .interrupts = cases[i].interrupts};
        job.interrupt_signal = SIGINT;
        job.exit.reason = cases[i].reason;
        job.exit.code = cases[i].code;
        job.exit.signal = cases[i].signal;
        cr_assert_eq(rent_exit_code(&job), cases[i].wanted, "case %zu", i);
    }
    struct job unread = {.interrupts = 1, .interrupt_signal = SIGPIPE};
    cr_assert_eq(rent_exit_code(&unread), 141);
    /* The charge says how it ended when the exit itself was lost. */
    struct job job = {.has_charge = true};
    job.charge.reason = END_JOB_EXITED;
    job.charge.exit_code = 4;
    cr_assert_eq(rent_exit_code(&job), 4);
}
