#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/sandbox.h"
#include "tests/io/workload_fixture.h"

static struct fixture fixture;

#define NEEDS_SANDBOX()                                                                            \
    do {                                                                                           \
        if (fixture_cannot_run()) {                                                                \
            cr_skip_test();                                                                        \
        }                                                                                          \
    } while (0)

enum { KILL_MS = 250, SLOW_MACHINE = 4 };

/* Its first process makes one child only, and so survives when no more can be made. */
static const char bomb[] =
    "echo up; b() { b & b & b & while :; do :; done; }; b & while :; do :; done";

/* From the order to the word that nothing is left. */
static int64_t
kill_and_time(void)
{
    const int64_t start = fixture_now_ms();
    cr_assert_eq(workload_kill(fixture.workload, 0), STATUS_OK);
    while (!fixture.has_exit) {
        cr_assert_lt(fixture_now_ms() - start, 10000);
        fixture_step(&fixture, 10);
    }
    const int64_t took_ms = fixture_now_ms() - start;
    cr_assert_eq(fixture_process_count(&fixture), 0);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_KILLED);
    return took_ms;
}

static void
start_and_wait(const char *script, int ms)
{
    fixture_init_shell(&fixture, script);
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 2000);
    const int64_t until = fixture_now_ms() + ms;
    while (fixture_now_ms() < until) {
        fixture_step(&fixture, 10);
    }
}

Test(workload_limits, fork_bomb_is_contained_and_dies_at_once)
{
    NEEDS_SANDBOX();
    start_and_wait(bomb, 300);
    const unsigned count = fixture_process_count(&fixture);
    cr_assert_gt(count, 20, "%u processes", count);
    cr_assert_leq(count, 64 + 2, "%u processes", count);
    const int64_t took_ms = kill_and_time();
    cr_assert_lt(took_ms, KILL_MS, "%ld ms", (long)took_ms);
    fixture_clear(&fixture);
}

Test(workload_limits, frozen_fork_bomb_dies_at_once)
{
    NEEDS_SANDBOX();
    start_and_wait(bomb, 200);
    const int64_t start = fixture_now_ms();
    cr_assert_eq(workload_freeze(fixture.workload), STATUS_OK);
    fixture_await_state(&fixture, WORKLOAD_FROZEN, 1000);
    cr_assert_lt(fixture_now_ms() - start, KILL_MS);
    const int64_t took_ms = kill_and_time();
    cr_assert_lt(took_ms, KILL_MS, "%ld ms", (long)took_ms);
    fixture_clear(&fixture);
}

Test(workload_limits, storm_of_short_processes_dies_at_once)
{
    NEEDS_SANDBOX();
    start_and_wait("echo up; for i in 1 2 3 4 5 6 7 8; do (while :; do /bin/true; done) & done; "
                   "trap '' TERM; while :; do :; done",
                   200);
    const int64_t took_ms = kill_and_time();
    cr_assert_lt(took_ms, KILL_MS, "%ld ms", (long)took_ms);
    fixture_clear(&fixture);
}

Test(workload_limits, memory_hog_is_stopped_by_its_limit)
{
    struct sandbox_capabilities capabilities;
    NEEDS_SANDBOX();
    sandbox_capabilities(&capabilities);
    fixture_init_shell(&fixture, "echo up; exec awk 'BEGIN { s = \"xxxxxxxxxxxxxxxx\"; "
                                 "while (1) { s = s s; print length(s) } }'");
    fixture_run(&fixture, 20000);
    if (capabilities.limits_memory) {
        cr_assert_eq(fixture.status.end, WORKLOAD_END_MEMORY, "%s",
                     workload_end_name(fixture.status.end));
        cr_assert_gt(fixture.status.oom_kills, 0);
    } else {
        /* Only each process is limited: the program learns that there is no memory. */
        cr_assert(fixture.status.end == WORKLOAD_END_SIGNALED || fixture.status.exit_code != 0);
    }
    fixture_clear(&fixture);
}

Test(workload_limits, memory_hog_dies_at_once)
{
    NEEDS_SANDBOX();
    start_and_wait("head -c 150000000 /dev/zero | tail -c 150000000 | (echo up; sleep 100)", 500);
    const int64_t took_ms = kill_and_time();
    cr_assert_lt(took_ms, KILL_MS, "%ld ms", (long)took_ms);
    fixture_clear(&fixture);
}

Test(workload_limits, writer_that_syncs_dies_at_once)
{
    NEEDS_SANDBOX();
    start_and_wait("echo up; while :; do dd if=/dev/zero of=f bs=64k count=16 conv=fsync "
                   "2>/dev/null; done",
                   300);
    const int64_t took_ms = kill_and_time();
    cr_assert_lt(took_ms, KILL_MS * SLOW_MACHINE, "%ld ms", (long)took_ms);
    fixture_clear(&fixture);
}

Test(workload_limits, workspace_that_grows_too_large_ends_the_job)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "i=0; while :; do head -c 4000000 /dev/zero > f$i; i=$((i+1)); "
                                 "sleep 0.02; done");
    fixture.spec.disk_mib = 16;
    fixture_run(&fixture, 10000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_DISK);
    cr_assert_not_null(strstr(fixture.status.reason, "larger"));
    fixture_clear(&fixture);
}

Test(workload_limits, too_many_files_end_the_job)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "mkdir d; cd d; i=0; while [ $i -lt 500 ]; do : > $i; "
                                 "i=$((i+1)); done; sleep 100");
    fixture.spec.files_max = 400;
    fixture_run(&fixture, 10000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_DISK);
    cr_assert_not_null(strstr(fixture.status.reason, "too many files"));
    fixture_clear(&fixture);
}

Test(workload_limits, hidden_directory_is_measured_too)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "mkdir d; for i in 1 2 3 4 5 6; do head -c 5000000 /dev/zero > "
                                 "d/$i; done; chmod 0 d; sleep 100");
    fixture.spec.disk_mib = 16;
    fixture_run(&fixture, 10000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_DISK);
    fixture_clear(&fixture);
}

Test(workload_limits, one_file_cannot_pass_the_workspace)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "exec head -c 40000000 /dev/zero > f");
    fixture.spec.disk_mib = 16;
    fixture_run(&fixture, 10000);
    cr_assert(fixture.status.end == WORKLOAD_END_SIGNALED &&
              fixture.status.signal_number == SIGXFSZ);
    fixture_clear(&fixture);
}

Test(workload_limits, scratch_space_is_bounded)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "head -c 300000000 /dev/zero > /tmp/f; wc -c < /tmp/f; "
                                 "rm /tmp/f; head -c 300000000 /dev/zero > /dev/shm/f; "
                                 "wc -c < /dev/shm/f");
    fixture.spec.memory_mib = 64;
    fixture.spec.disk_mib = 1000;
    fixture_run(&fixture, 10000);
    if (fixture.status.end == WORKLOAD_END_EXITED) {
        cr_assert_str_eq(fixture.output[0], "33554432\n33554432\n", "%s", fixture.output[1]);
    }
    fixture_clear(&fixture);
}

Test(workload_limits, core_files_are_not_written)
{
    char path[256];
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "ulimit -c; ulimit -H -c");
    fixture_run(&fixture, 5000);
    cr_assert_str_eq(fixture.output[0], "0\n0\n");
    snprintf(path, sizeof path, "%s/workspace/core", fixture.job_dir);
    cr_assert_neq(access(path, F_OK), 0);
    fixture_clear(&fixture);
}

Test(workload_limits, cpu_time_is_bounded)
{
    struct sandbox_capabilities capabilities;
    NEEDS_SANDBOX();
    sandbox_capabilities(&capabilities);
    if (!capabilities.limits_cpu) {
        cr_skip_test();
    }
    fixture_init_shell(&fixture, "for i in 1 2 3; do timeout 1 sh -c 'while :; do :; done' & done; "
                                 "wait; times");
    fixture.spec.cpu_threads = 1;
    fixture_run(&fixture, 10000);
    /* The last line is the children's user and system time: "0m1.003s 0m0.010s". */
    const char *line = strchr(fixture.output[0], '\n');
    cr_assert_not_null(line);
    const double seconds = (double)(line[3] - '0') + (double)(line[5] - '0') / 10;
    cr_assert_lt(seconds, 1.4, "%s", fixture.output[0]);
    fixture_clear(&fixture);
}
