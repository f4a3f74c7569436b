#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/clock.h"
#include "node/io/supervisor_file.h"
#include "tests/io/workload_fixture.h"

static struct fixture fixture;

#define NEEDS_SANDBOX()                                                                            \
    do {                                                                                           \
        if (fixture_cannot_run()) {                                                                \
            cr_skip_test();                                                                        \
        }                                                                                          \
    } while (0)

Test(workload, exit_code_is_the_programs)
{
    static const struct {
        const char *script;
        uint32_t code;
    } cases[] = {{"true", 0}, {"false", 1}, {"exit 42", 42}, {"exit 255", 255}, {"exit 137", 137}};
    NEEDS_SANDBOX();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_init_shell(&fixture, cases[i].script);
        fixture_run(&fixture, 5000);
        cr_assert_eq(fixture.status.end, WORKLOAD_END_EXITED, "%s: %s", cases[i].script,
                     fixture.status.reason);
        cr_assert_eq(fixture.status.exit_code, cases[i].code);
        cr_assert_eq(fixture.status.signal_number, 0);
        fixture_clear(&fixture);
    }
}

Test(workload, death_by_signal_is_told_as_the_signal)
{
    static const int signals[] = {SIGTERM, SIGSEGV, SIGKILL, SIGABRT};
    NEEDS_SANDBOX();
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        char script[32];
        snprintf(script, sizeof script, "kill -%d $$", signals[i]);
        fixture_init_shell(&fixture, script);
        fixture_run(&fixture, 5000);
        cr_assert_eq(fixture.status.end, WORKLOAD_END_SIGNALED);
        cr_assert_eq(fixture.status.signal_number, (uint32_t)signals[i]);
        cr_assert_eq(fixture.status.exit_code, 0);
        fixture_clear(&fixture);
    }
}

Test(workload, both_outputs_arrive_apart_and_are_kept)
{
    char kept[64] = "";
    struct buffer buffer;
    uint64_t next = 0;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo to out; echo to err >&2; echo more > /dev/stdout");
    fixture_run(&fixture, 5000);
    cr_assert_str_eq(fixture.output[0], "to out\nmore\n");
    cr_assert_str_eq(fixture.output[1], "to err\n");
    cr_assert_eq(fixture.status.out_bytes[0], 12);
    buffer_init(&buffer, kept, sizeof kept - 1);
    cr_assert_eq(workload_log_read(fixture.job_dir, WORKLOAD_STDOUT, 3, &buffer, &next), STATUS_OK);
    cr_assert_str_eq(kept, "out\nmore\n");
    cr_assert_eq(next, 12);
    fixture_clear(&fixture);
}

Test(workload, program_that_is_not_there_says_so)
{
    static const char *const command[] = {"no-such-program", "x", NULL};
    NEEDS_SANDBOX();
    fixture_init(&fixture, command);
    fixture_run(&fixture, 5000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_EXITED);
    cr_assert_eq(fixture.status.exit_code, 127);
    cr_assert_not_null(strstr(fixture.status.reason, "no-such-program"));
    cr_assert_eq(fixture.status.run_ms, 0);
    fixture_clear(&fixture);
}

Test(workload, sandbox_that_cannot_be_made_is_no_run)
{
    fixture_init_shell(&fixture, "echo never");
    fixture.spec.bwrap_program = "/usr/bin/false";
    fixture_run(&fixture, 5000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_NOT_STARTED);
    cr_assert_str_neq(fixture.status.reason, "");
    cr_assert_str_eq(fixture.output[0], "");
    fixture_clear(&fixture);
}

Test(workload, job_is_started_once)
{
    struct workload_status status;
    char again[256];
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo x >> /workspace/runs; sleep 0.2");
    fixture_start(&fixture);
    cr_assert_eq(workload_start(&fixture.spec), STATUS_EXISTS);
    fixture_finish(&fixture, 5000);
    cr_assert_eq(workload_start(&fixture.spec), STATUS_EXISTS);
    /* Not even a supervisor that is started by hand, with a spec, starts it again. */
    snprintf(again, sizeof again, "%s/spec", fixture.job_dir);
    const int spec = open(again, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(spec);
    workload_disconnect(fixture.workload);
    fixture.workload = NULL;
    const pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "gpuletd", "--supervise", "job", fixture.job_dir, (char *)NULL);
        _exit(9);
    }
    usleep(200000);
    cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
    cr_assert_eq(status.supervisor_pid, fixture.status.supervisor_pid);
    snprintf(again, sizeof again, "%s/workspace/runs", fixture.job_dir);
    struct stat runs;
    cr_assert_eq(stat(again, &runs), 0);
    cr_assert_eq(runs.st_size, 2);
    fixture_clear(&fixture);
}

Test(workload, spec_that_breaks_a_rule_leaves_nothing_behind)
{
    static const struct {
        const char *entry;
        enum status status;
    } cases[] = {
        {"LD_PRELOAD=/workspace/x.so", STATUS_REFUSED},
        {"NVIDIA_VISIBLE_DEVICES=all", STATUS_REFUSED},
        {"GLIBC_TUNABLES=x", STATUS_REFUSED},
        {"CUDA_VISIBLE_DEVICES=0", STATUS_REFUSED},
        {"=x", STATUS_BAD_INPUT},
        {"JUSTANAME", STATUS_BAD_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_init_shell(&fixture, "true");
        fixture.spec.environment = &cases[i].entry;
        fixture.spec.environment_count = 1;
        cr_assert_eq(workload_start(&fixture.spec), cases[i].status, "%s", cases[i].entry);
        fixture_clear(&fixture);
    }
    fixture_init_shell(&fixture, "true");
    fixture.spec.argument_count = 0;
    cr_assert_eq(workload_start(&fixture.spec), STATUS_BAD_INPUT);
    fixture.spec.argument_count = WORKLOAD_ARGUMENTS_MAX + 1;
    cr_assert_eq(workload_start(&fixture.spec), STATUS_LIMIT);
    fixture.spec.argument_count = 3;
    if (geteuid() == 0) {
        fixture.spec.uid = 0;
        cr_assert_eq(workload_start(&fixture.spec), STATUS_OUT_OF_RANGE);
    }
    fixture_clear(&fixture);
}

Test(workload, environment_is_ours_and_the_renters)
{
    static const char *const entries[] = {"MODEL=a b=c", "EMPTY=", "HOME=/tmp"};
    static const uint32_t gpus[] = {2, 5};
    NEEDS_SANDBOX();
    setenv("DAEMON_SECRET", "do not pass on", 1);
    fixture_init_shell(&fixture, "env | sort; pwd; ls -d /proc/self/fd/*");
    fixture.spec.environment = entries;
    fixture.spec.environment_count = 3;
    fixture.spec.gpu_indices = gpus;
    fixture.spec.gpu_count = 2;
    fixture_run(&fixture, 5000);
    const char *out = fixture.output[0];
    cr_assert_not_null(strstr(out, "MODEL=a b=c\n"));
    cr_assert_not_null(strstr(out, "EMPTY=\n"));
    cr_assert_not_null(strstr(out, "HOME=/tmp\n"));
    cr_assert_not_null(strstr(out, "GPULET_GPUS=2,5\n"));
    cr_assert_not_null(strstr(out, "CUDA_VISIBLE_DEVICES=2,5\n"));
    cr_assert_not_null(strstr(out, "GPULET_LEASE="));
    cr_assert_not_null(strstr(out, "\n/workspace\n"));
    cr_assert_null(strstr(out, "DAEMON_SECRET"));
    cr_assert_null(strstr(out, "LD_"));
    /* Nothing of the supervisor's is open in the job: 0, 1, 2 and ls's own directory. */
    cr_assert_null(strstr(out, "/proc/self/fd/4"), "%s", out);
    fixture_clear(&fixture);
}

Test(workload, secrets_are_gone_from_the_disk_once_it_runs)
{
    static const char *const entries[] = {"TOKEN=hunter2"};
    char path[256];
    struct stat spec;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo up; sleep 5");
    fixture.spec.environment = entries;
    fixture.spec.environment_count = 1;
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    snprintf(path, sizeof path, "%s/spec", fixture.job_dir);
    cr_assert_neq(stat(path, &spec), 0);
    cr_assert_eq(stat(fixture.job_dir, &spec), 0);
    cr_assert_eq(spec.st_mode & 0777, 0700);
    cr_assert_eq(workload_kill(fixture.workload, 0), STATUS_OK);
    fixture_finish(&fixture, 2000);
    fixture_clear(&fixture);
}

Test(workload, freeze_stops_progress_and_the_meter)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "while :; do echo tick; sleep 0.02; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "tick", 5000);
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 1000);
    cr_assert_eq(workload_freeze(fixture.workload), STATUS_OK);
    fixture_await_state(&fixture, WORKLOAD_FROZEN, 1000);
    const uint64_t run_ms = fixture.status.run_ms;
    while (fixture_step(&fixture, 60)) {
    }
    const uint64_t received = fixture.received[0];
    const int64_t start = fixture_now_ms();
    while (fixture_now_ms() < start + 400) {
        fixture_step(&fixture, 50);
    }
    cr_assert_eq(fixture.received[0], received);
    cr_assert_eq(workload_thaw(fixture.workload), STATUS_OK);
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 1000);
    cr_assert_leq(fixture.status.run_ms, run_ms + 20);
    cr_assert_geq(fixture.status.frozen_ms, 400);
    while (fixture.received[0] == received) {
        cr_assert(fixture_step(&fixture, 1000));
    }
    cr_assert_eq(workload_kill(fixture.workload, 0), STATUS_OK);
    fixture_finish(&fixture, 2000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_KILLED);
    fixture_clear(&fixture);
}

Test(workload, paid_time_that_is_used_up_freezes_without_a_daemon)
{
    struct workload_status status;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "while :; do echo tick; sleep 0.02; done");
    fixture.spec.run_ms_limit = 300;
    fixture_start(&fixture);
    fixture_await_output(&fixture, "tick", 5000);
    workload_disconnect(fixture.workload);
    usleep(900000);
    cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
    cr_assert_eq(status.state, WORKLOAD_FROZEN);
    cr_assert(status.frozen_unpaid);
    fixture_connect(&fixture);
    fixture_await_state(&fixture, WORKLOAD_FROZEN, 1000);
    cr_assert_geq(fixture.status.run_ms, 300);
    cr_assert_leq(fixture.status.run_ms, 320);
    /* Paid again: it goes on, and stops again. */
    cr_assert_eq(workload_pay(fixture.workload, 500, fixture.spec.end_boot_ms), STATUS_OK);
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 1000);
    fixture_await_state(&fixture, WORKLOAD_FROZEN, 1000);
    cr_assert_geq(fixture.status.run_ms, 500);
    cr_assert_leq(fixture.status.run_ms, 520);
    fixture_clear(&fixture);
}

Test(workload, unpaid_job_and_lease_that_is_over_are_killed_without_a_daemon)
{
    struct workload_status status;
    NEEDS_SANDBOX();
    for (int i = 0; i < 2; i++) {
        fixture_init_shell(&fixture, "trap '' TERM; while :; do sleep 0.05; done");
        fixture.spec.run_ms_limit = i == 0 ? 100 : 600000;
        fixture.spec.unpaid_kill_ms = 200;
        fixture.spec.end_boot_ms = clock_boot_ms() + (i == 0 ? 600000 : 400);
        fixture.spec.attached = false;
        cr_assert_eq(workload_start(&fixture.spec), STATUS_OK);
        usleep(800000);
        cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
        cr_assert_eq(status.state, WORKLOAD_ENDED);
        cr_assert_eq(status.end, i == 0 ? WORKLOAD_END_UNPAID : WORKLOAD_END_LEASE_OVER);
        fixture.status = status;
        cr_assert_eq(fixture_process_count(&fixture), 0);
        fixture_clear(&fixture);
    }
}

Test(workload, kill_gives_the_grace_to_end_well)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture,
                       "trap 'echo saved; exit 3' TERM; echo up; while :; do sleep 0.02; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    const int64_t start = fixture_now_ms();
    cr_assert_eq(workload_kill(fixture.workload, 5000), STATUS_OK);
    fixture_finish(&fixture, 5000);
    cr_assert_lt(fixture_now_ms() - start, 1000);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_KILLED);
    cr_assert_eq(fixture.status.exit_code, 3);
    cr_assert_str_eq(fixture.output[0], "up\nsaved\n");
    fixture_clear(&fixture);
}

Test(workload, frozen_program_is_thawed_for_its_grace)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture,
                       "trap 'echo saved; exit 3' TERM; echo up; while :; do sleep 0.02; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    cr_assert_eq(workload_freeze(fixture.workload), STATUS_OK);
    fixture_await_state(&fixture, WORKLOAD_FROZEN, 1000);
    cr_assert_eq(workload_kill(fixture.workload, 2000), STATUS_OK);
    fixture_finish(&fixture, 2000);
    cr_assert_str_eq(fixture.output[0], "up\nsaved\n");
    fixture_clear(&fixture);
}

Test(workload, program_that_ignores_sigterm_dies_after_its_grace)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "trap '' TERM; echo up; while :; do sleep 0.05; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    const int64_t start = fixture_now_ms();
    cr_assert_eq(workload_kill(fixture.workload, 300), STATUS_OK);
    fixture_finish(&fixture, 2000);
    cr_assert_geq(fixture_now_ms() - start, 290);
    cr_assert_lt(fixture_now_ms() - start, 300 + 250);
    cr_assert_eq(fixture.status.end, WORKLOAD_END_KILLED);
    cr_assert_eq(fixture.status.signal_number, SIGKILL);
    fixture_clear(&fixture);
}

Test(workload, signal_reaches_the_program)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "trap 'echo usr1' USR1; echo up; while :; do sleep 0.02; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    cr_assert_eq(workload_signal(fixture.workload, SIGUSR1), STATUS_OK);
    fixture_await_output(&fixture, "usr1", 2000);
    cr_assert_eq(workload_signal(fixture.workload, 0), STATUS_OUT_OF_RANGE);
    cr_assert_eq(workload_signal(fixture.workload, 65), STATUS_OUT_OF_RANGE);
    fixture_clear(&fixture);
}

Test(workload, what_the_program_left_running_ends_with_it)
{
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "setsid sleep 100 & (trap '' HUP TERM; sleep 100) & exit 7");
    fixture_run(&fixture, 3000);
    cr_assert_eq(fixture.status.exit_code, 7);
    cr_assert_eq(fixture_process_count(&fixture), 0);
    fixture_clear(&fixture);
}

Test(workload, death_of_the_supervisor_ends_the_job_and_is_told)
{
    struct workload_status status;
    bool any = false;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo up; trap '' TERM HUP; while :; do sleep 0.05; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 1000);
    kill(fixture.status.supervisor_pid, SIGKILL);
    cr_assert_eq(workload_reap_orphans(fixture.job_dir, &any), STATUS_OK);
    cr_assert_eq(workload_reap_orphans(fixture.job_dir, &any), STATUS_OK);
    cr_assert_not(any, "nothing is left to be killed again");
    cr_assert_eq(fixture_process_count(&fixture), 0);
    cr_assert_eq(workload_read_status(fixture.job_dir, &status), STATUS_OK);
    cr_assert_eq(status.state, WORKLOAD_ENDED);
    cr_assert_eq(status.end, WORKLOAD_END_LOST);
    struct workload *none = NULL;
    cr_assert_eq(workload_connect(fixture.job_dir, &none), STATUS_DISCONNECTED);
    fixture_clear(&fixture);
}

Test(workload, reaping_kills_supervisor_and_frozen_job)
{
    bool any = false;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo up; while :; do sleep 0.05; done");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "up", 5000);
    cr_assert_eq(workload_freeze(fixture.workload), STATUS_OK);
    fixture_await_state(&fixture, WORKLOAD_FROZEN, 1000);
    cr_assert_gt(fixture_process_count(&fixture), 0);
    const int64_t start = fixture_now_ms();
    cr_assert_eq(workload_reap_orphans(fixture.job_dir, &any), STATUS_OK);
    cr_assert_lt(fixture_now_ms() - start, 250);
    cr_assert(any);
    cr_assert_eq(fixture_process_count(&fixture), 0);
    cr_assert_not(fixture_supervisor_is_alive(&fixture));
    fixture_clear(&fixture);
}

Test(workload, things_that_are_not_there_are_not_found)
{
    struct workload_status status;
    struct workload *none = NULL;
    uint8_t memory[16];
    struct buffer buffer;
    uint64_t next = 0;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(workload_read_status("/tmp/gpulet-no-such-job", &status), STATUS_NOT_FOUND);
    cr_assert_eq(workload_connect("/tmp/gpulet-no-such-job", &none), STATUS_NOT_FOUND);
    cr_assert_eq(workload_destroy("/tmp/gpulet-no-such-job"), STATUS_NOT_FOUND);
    cr_assert_eq(workload_reap_orphans("/tmp/gpulet-no-such-job", NULL), STATUS_NOT_FOUND);
    cr_assert_eq(workload_log_read("/tmp/gpulet-no-such-job", WORKLOAD_STDOUT, 0, &buffer, &next),
                 STATUS_NOT_FOUND);
}

/* The address of a unix socket holds 107 bytes. */
Test(workload, directory_may_have_a_long_path)
{
    char middle[128];
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo here");
    snprintf(middle, sizeof middle, "%s/%060d", fixture.base, 0);
    cr_assert_eq(mkdir(middle, 0700), 0);
    snprintf(fixture.job_dir, sizeof fixture.job_dir, "%s/%025d", middle, 1);
    fixture_run(&fixture, 5000);
    cr_assert_str_eq(fixture.output[0], "here\n");
    cr_assert_eq(workload_destroy(fixture.job_dir), STATUS_OK);
    cr_assert_eq(rmdir(middle), 0);
    fixture_clear(&fixture);
}

Test(workload, destroy_removes_trees_no_path_can_name)
{
    NEEDS_SANDBOX();
    /* 150 levels of long names, directories without permissions, links that lead out. */
    fixture_init_shell(&fixture,
                       "n=$(printf '%0200d' 0); i=0; while [ $i -lt 150 ]; do mkdir $n; cd $n; "
                       "i=$((i+1)); done; echo x > file; mkdir sealed; echo y > sealed/in; "
                       "chmod 0 sealed; ln -s / out; ln -s /tmp/outside gone; echo done");
    fixture_run(&fixture, 5000);
    cr_assert_str_eq(fixture.output[0], "done\n", "%s", fixture.output[1]);
    fixture_clear(&fixture);
    cr_assert_eq(access("/usr/bin/env", F_OK), 0);
}
