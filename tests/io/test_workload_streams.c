#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/supervisor_file.h"
#include "tests/io/workload_fixture.h"

#if defined(__SANITIZE_ADDRESS__)
enum { HAS_SANITIZER = 1 };
#else
enum { HAS_SANITIZER = 0 };
#endif

static struct fixture fixture;

#define NEEDS_SANDBOX()                                                                            \
    do {                                                                                           \
        if (fixture_cannot_run()) {                                                                \
            cr_skip_test();                                                                        \
        }                                                                                          \
    } while (0)

/* The byte at an offset of an endless stream without a short period. */
static uint8_t
pattern(uint64_t offset)
{
    uint64_t x = offset / 8 * 0x9E3779B97F4A7C15u + 12345;
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9u;
    return (uint8_t)(x >> (offset % 8 * 8));
}

static long
resident_kib(pid_t pid)
{
    char path[64];
    char text[4096] = "";
    struct buffer buffer;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    buffer_init(&buffer, text, sizeof text - 1);
    if (file_read(AT_FDCWD, path, &buffer) != STATUS_OK) {
        return 0;
    }
    const char *line = strstr(text, "VmHWM:");
    return line == NULL ? 0 : strtol(line + 6, NULL, 10);
}

struct pump {
    uint64_t total;
    uint64_t sent;
    uint64_t limit; /* of stdin */
    uint64_t checked;
    bool end_sent;
    bool has_end;
    bool has_exit;
    uint64_t cut_every; /* the daemon dies whenever it has so much more; 0: never */
    uint64_t next_cut;
    unsigned cuts;
    long peak_kib; /* of the supervisor, half way */
};

static void
pump_send(struct pump *pump, struct workload *workload)
{
    uint8_t block[WORKLOAD_DATA_MAX];
    while (pump->sent < pump->limit && pump->sent < pump->total) {
        uint64_t length = pump->total - pump->sent;
        length = length < sizeof block ? length : sizeof block;
        length = length < pump->limit - pump->sent ? length : pump->limit - pump->sent;
        for (uint64_t i = 0; i < length; i++) {
            block[i] = pattern(pump->sent + i);
        }
        const enum status status =
            workload_write_stdin(workload, pump->sent, bytes_of(block, (size_t)length));
        if (status == STATUS_BUSY) {
            return;
        }
        cr_assert_eq(status, STATUS_OK);
        pump->sent += length;
    }
    if (pump->limit > 0 && pump->sent == pump->total && !pump->end_sent) {
        pump->end_sent = workload_close_stdin(workload, pump->total) == STATUS_OK;
    }
}

static void
pump_take(struct pump *pump, const struct workload_event *event, struct workload *workload)
{
    if (event->kind == WORKLOAD_EVENT_CREDIT) {
        pump->limit = event->limit;
        /* A new connection: what the supervisor does not have is sent again. */
        if (pump->sent > event->limit || pump->sent < event->offset || pump->cuts > 0) {
            pump->sent = event->offset < pump->sent ? event->offset : pump->sent;
        }
    } else if (event->kind == WORKLOAD_EVENT_DATA && event->stream == WORKLOAD_STDOUT) {
        cr_assert_eq(event->offset, pump->checked);
        for (size_t i = 0; i < event->data.length; i++) {
            if (event->data.data[i] != pattern(pump->checked + i)) {
                cr_assert_fail("byte %lu is wrong", (unsigned long)(pump->checked + i));
            }
        }
        pump->checked += event->data.length;
        if (pump->peak_kib == 0 && pump->checked > pump->total / 2) {
            pump->peak_kib = resident_kib(fixture.status.supervisor_pid);
        }
        const enum status status =
            workload_credit(workload, WORKLOAD_STDOUT, pump->checked, pump->checked + 1024 * 1024);
        cr_assert(status == STATUS_OK || status == STATUS_DISCONNECTED);
    } else if (event->kind == WORKLOAD_EVENT_EOF && event->stream == WORKLOAD_STDOUT) {
        pump->has_end = true;
    } else if (event->kind == WORKLOAD_EVENT_EXIT || event->kind == WORKLOAD_EVENT_STATUS) {
        pump->has_exit = event->kind == WORKLOAD_EVENT_EXIT;
        fixture.status = event->status;
    }
    cr_assert_neq(event->kind, WORKLOAD_EVENT_GAP);
}

/* The daemon dies without a word, and its successor knows only what was durable: some bytes less. */
static void
pump_cut(struct pump *pump)
{
    workload_disconnect(fixture.workload);
    fixture.workload = NULL;
    pump->cuts++;
    pump->next_cut = pump->checked + pump->cut_every;
    pump->limit = 0; /* until the supervisor has said what it has: bytes on their way are lost */
    pump->end_sent = false;
    fixture.received[0] = pump->checked;
    fixture_connect(&fixture);
}

static void
pump_run(struct pump *pump, int within_ms)
{
    const int64_t deadline = fixture_now_ms() + within_ms;
    pump->next_cut = pump->cut_every;
    while (!pump->has_end || !pump->has_exit) {
        struct workload_event event;
        cr_assert_lt(fixture_now_ms(), deadline, "sent %lu, checked %lu", (unsigned long)pump->sent,
                     (unsigned long)pump->checked);
        pump_send(pump, fixture.workload);
        const enum status status = workload_receive(fixture.workload, &event);
        if (status == STATUS_NOT_NOW) {
            usleep(20);
            continue;
        }
        cr_assert_eq(status, STATUS_OK, "%s", status_text(status));
        pump_take(pump, &event, fixture.workload);
        if (pump->cut_every > 0 && pump->checked >= pump->next_cut && !pump->has_end &&
            !pump->has_exit) {
            pump_cut(pump);
        }
    }
    cr_assert_eq(pump->checked, pump->total);
}

static void
run_cat(struct pump *pump)
{
    static const char *const command[] = {"cat", NULL};
    fixture_init(&fixture, command);
    fixture.spec.stdin_wanted = true;
    fixture_start(&fixture);
    pump_run(pump, 20000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_EXITED);
    cr_assert_eq(fixture.status.exit_code, 0);
    cr_assert_eq(fixture.status.stdin_bytes, pump->total);
}

Test(workload_streams, large_input_comes_back_exact_in_bounded_memory)
{
    struct pump pump = {.total = 40u * 1024 * 1024 + 12345};
    NEEDS_SANDBOX();
    run_cat(&pump);
    /* A sanitizer's own memory is not ours. */
    cr_assert_gt(pump.peak_kib, 0);
    cr_assert_lt(pump.peak_kib, (HAS_SANITIZER ? 2000 : 16) * 1024, "%ld KiB", pump.peak_kib);
    fixture_clear(&fixture);
}

Test(workload_streams, daemon_that_dies_again_and_again_loses_no_byte)
{
    struct pump pump = {.total = 24u * 1024 * 1024 + 77, .cut_every = 700001};
    NEEDS_SANDBOX();
    run_cat(&pump);
    cr_assert_gt(pump.cuts, 20);
    fixture_clear(&fixture);
}

Test(workload_streams, newest_daemon_wins)
{
    struct workload *second = NULL;
    struct workload_event event;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "sleep 5");
    fixture_start(&fixture);
    cr_assert_eq(workload_connect(fixture.job_dir, &second), STATUS_OK);
    const int64_t deadline = fixture_now_ms() + 2000;
    enum status status = STATUS_OK;
    while (status == STATUS_OK || status == STATUS_NOT_NOW) {
        cr_assert_lt(fixture_now_ms(), deadline);
        status = workload_receive(fixture.workload, &event);
    }
    cr_assert_eq(status, STATUS_DISCONNECTED);
    workload_disconnect(fixture.workload);
    fixture.workload = second;
    fixture.status.state = WORKLOAD_STARTING;
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 2000);
    fixture_clear(&fixture);
}

/* Beyond log and ring an attached job waits for its reader: nothing is lost. */
Test(workload_streams, attached_job_waits_when_nobody_reads)
{
    struct workload_status status;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "head -c 8000000 /dev/zero; echo end");
    fixture.spec.log_cap_bytes = 100000;
    cr_assert_eq(workload_start(&fixture.spec), STATUS_OK);
    usleep(400000);
    cr_assert_eq(workload_connect(fixture.job_dir, &fixture.workload), STATUS_OK);
    cr_assert_eq(workload_receive(fixture.workload, &(struct workload_event){0}) == STATUS_CORRUPT,
                 false);
    workload_disconnect(fixture.workload);
    cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
    cr_assert_neq(status.state, WORKLOAD_ENDED);
    fixture_connect(&fixture);
    fixture_finish(&fixture, 5000);
    cr_assert_eq(fixture.received[0], 8000004);
    cr_assert_eq(fixture.gaps[0], 0);
    cr_assert_eq(fixture.status.dropped_bytes[0], 0);
    fixture_clear(&fixture);
}

Test(workload_streams, flood_of_a_detached_job_is_cut_and_counted)
{
    struct stat log;
    char path[256];
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "head -c 8000000 /dev/zero; echo end");
    fixture.spec.log_cap_bytes = 100000;
    fixture.spec.attached = false;
    cr_assert_eq(workload_start(&fixture.spec), STATUS_OK);
    const int64_t deadline = fixture_now_ms() + 5000;
    struct workload_status status = {0};
    while (status.state != WORKLOAD_ENDED) {
        cr_assert_lt(fixture_now_ms(), deadline);
        cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
        usleep(10000);
    }
    snprintf(path, sizeof path, "%s/out.log", fixture.job_dir);
    cr_assert_eq(stat(path, &log), 0);
    cr_assert_eq(log.st_size, 100000);
    /* Whoever reads late gets the log, one gap, and the last MiB. */
    fixture_connect(&fixture);
    fixture_finish(&fixture, 5000);
    cr_assert_eq(fixture.received[0], 8000004);
    cr_assert_eq(fixture.gaps[0], 8000004 - 100000 - WORKLOAD_RING_BYTES);
    cr_assert_eq(fixture.status.out_bytes[0], 8000004);
    cr_assert_eq(fixture.status.dropped_bytes[0], fixture.gaps[0]);
    fixture_clear(&fixture);
}

/* Reads what is kept in the job's directory; how much of it, and how much was skipped. */
static void
read_kept(uint64_t *ret_kept, uint64_t *ret_skipped, char ret_last[8])
{
    static uint8_t memory[300000];
    uint64_t at = 0;
    *ret_kept = *ret_skipped = 0;
    for (;;) {
        struct buffer buffer;
        uint64_t next = at;
        buffer_init(&buffer, memory, sizeof memory);
        const enum status status =
            workload_log_read(fixture.job_dir, WORKLOAD_STDOUT, at, &buffer, &next);
        cr_assert(status == STATUS_OK || status == STATUS_NOT_FOUND);
        if (next == at) {
            return;
        }
        *(status == STATUS_OK ? ret_kept : ret_skipped) += next - at;
        if (status == STATUS_OK && buffer.length >= 4) {
            memcpy(ret_last, memory + buffer.length - 4, 4);
            ret_last[4] = '\0';
        }
        at = next;
    }
}

/* A supervisor that has to leave keeps what it held in memory, and what the pipe held. */
Test(workload_streams, unread_output_outlives_the_supervisor)
{
    uint64_t kept = 0;
    uint64_t skipped = 0;
    char last[8] = "";
    NEEDS_SANDBOX();
    for (int attached = 0; attached < 2; attached++) {
        fixture_init_shell(&fixture, "head -c 1200000 /dev/zero; echo end");
        fixture.spec.log_cap_bytes = 100000;
        fixture.spec.attached = attached == 1;
        cr_assert_eq(workload_start(&fixture.spec), STATUS_OK);
        struct workload_status status = {0};
        const int64_t deadline = fixture_now_ms() + 5000;
        while (status.state != WORKLOAD_ENDED) {
            cr_assert_lt(fixture_now_ms(), deadline);
            cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
            usleep(10000);
        }
        kill(status.supervisor_pid, SIGTERM);
        while (process_is_alive(status.supervisor_pid, status.supervisor_start)) {
            cr_assert_lt(fixture_now_ms(), deadline);
            usleep(5000);
        }
        read_kept(&kept, &skipped, last);
        cr_assert_eq(kept + skipped, 1200004, "kept %lu, skipped %lu", kept, skipped);
        cr_assert_eq(skipped, attached == 1 ? 0 : 1200004 - 100000 - WORKLOAD_RING_BYTES);
        cr_assert_str_eq(last, "end\n");
        cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
        cr_assert_eq(status.out_bytes[0], 1200004);
        fixture_clear(&fixture);
    }
}

Test(workload_streams, supervisor_leaves_when_all_was_taken)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo all");
    fixture_run(&fixture, 5000);
    const int64_t deadline = fixture_now_ms() + 1000;
    while (fixture_supervisor_is_alive(&fixture)) {
        cr_assert_lt(fixture_now_ms(), deadline);
        usleep(5000);
    }
    fixture_clear(&fixture);
}

Test(workload_streams, program_that_does_not_read_does_not_hang_the_sender)
{
    struct pump pump = {.total = 2 * 1024 * 1024};
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "exec 0<&-; echo closed; sleep 0.5");
    fixture.spec.stdin_wanted = true;
    fixture_start(&fixture);
    fixture_await_output(&fixture, "closed", 5000);
    pump.limit = fixture.stdin_limit;
    const int64_t deadline = fixture_now_ms() + 3000;
    while (pump.sent < pump.total) {
        cr_assert_lt(fixture_now_ms(), deadline, "sent %lu", (unsigned long)pump.sent);
        pump_send(&pump, fixture.workload);
        fixture_step(&fixture, 5);
        pump.limit = fixture.stdin_limit;
    }
    fixture_finish(&fixture, 3000);
    fixture_clear(&fixture);
}

Test(workload_streams, without_stdin_the_program_reads_nothing)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "cat; echo over");
    fixture_run(&fixture, 3000);
    cr_assert_str_eq(fixture.output[0], "over\n");
    fixture_clear(&fixture);
}

/* Whoever breaks the rules of the socket is cut off; the job does not notice. */
Test(workload_streams, stdin_beyond_the_window_or_with_a_gap_is_refused)
{
    uint8_t block[100] = {0};
    NEEDS_SANDBOX();
    for (int i = 0; i < 2; i++) {
        fixture_init_shell(&fixture, "read line; echo got $line");
        fixture.spec.stdin_wanted = true;
        fixture_start(&fixture);
        fixture_await_state(&fixture, WORKLOAD_RUNNING, 2000);
        const uint64_t offset = i == 0 ? 1 : 1000000000;
        cr_assert_eq(workload_write_stdin(fixture.workload, offset, bytes_of(block, sizeof block)),
                     STATUS_OK);
        struct workload_event event;
        enum status status = STATUS_NOT_NOW;
        const int64_t deadline = fixture_now_ms() + 2000;
        while (status == STATUS_OK || status == STATUS_NOT_NOW) {
            cr_assert_lt(fixture_now_ms(), deadline);
            status = workload_receive(fixture.workload, &event);
        }
        cr_assert_eq(status, STATUS_DISCONNECTED);
        workload_disconnect(fixture.workload);
        fixture_connect(&fixture);
        cr_assert_eq(workload_write_stdin(fixture.workload, 0, bytes_of_text("hello\n")),
                     STATUS_OK);
        /* Sent twice, as by a daemon that does not know whether it arrived. */
        cr_assert_eq(workload_write_stdin(fixture.workload, 0, bytes_of_text("hello\n")),
                     STATUS_OK);
        fixture_finish(&fixture, 3000);
        cr_assert_str_eq(fixture.output[0], "got hello\n");
        fixture_clear(&fixture);
    }
}
