#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/sandbox.h"
#include "node/io/supervisor_file.h"
#include "tests/io/hostile.h"
#include "tests/io/workload_fixture.h"

static struct fixture fixture;

#define NEEDS_SANDBOX()                                                                            \
    do {                                                                                           \
        if (fixture_cannot_run()) {                                                                \
            cr_skip_test();                                                                        \
        }                                                                                          \
    } while (0)

static int
listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 8), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

static int
listen_on_abstract(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name, strlen(name));
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const size_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, (socklen_t)length), 0);
    cr_assert_eq(listen(listener, 8), 0);
    return listener;
}

Test(sandbox, hostile_program_gets_nothing)
{
    static const char *const command[] = {"/run/gpulet-init", "--hostile", NULL};
    char port_entry[64];
    char name[64];
    char name_entry[96];
    uint16_t port = 0;
    NEEDS_SANDBOX();
    const int tcp = listen_on_loopback(&port);
    snprintf(name, sizeof name, "gpulet-test-%ld", (long)getpid());
    const int abstract = listen_on_abstract(name);
    snprintf(port_entry, sizeof port_entry, "HOSTILE_PORT=%u", port);
    snprintf(name_entry, sizeof name_entry, "HOSTILE_ABSTRACT=%s", name);
    const char *const entries[] = {port_entry, name_entry};
    fixture_init(&fixture, command);
    fixture.spec.environment = entries;
    fixture.spec.environment_count = 2;
    fixture_run(&fixture, 20000);
    cr_assert_null(strstr(fixture.output[0], "ALLOWED"), "%s", fixture.output[0]);
    cr_assert_null(strstr(fixture.output[0], "cannot be tried"), "%s", fixture.output[0]);
    cr_assert_not_null(strstr(fixture.output[0], "read_shadow: refused"), "%s%s", fixture.output[0],
                       fixture.output[1]);
    cr_assert_not_null(strstr(fixture.output[0], "use_io_uring: refused"));
#if defined(__x86_64__)
    cr_assert_not_null(strstr(fixture.output[0], "call_32_bit: killed"), "%s", fixture.output[0]);
#endif
    cr_assert_eq(fixture.status.exit_code, 0, "%s", fixture.output[0]);
    fixture_clear(&fixture);
    close(tcp);
    close(abstract);
}

/* The probe must be able to find a hole: outside, some tries succeed. */
Test(sandbox, hostile_program_succeeds_without_a_sandbox)
{
    static char *arguments[] = {"x",
                                "--hostile",
                                "see_host_directories",
                                "see_host_processes",
                                "use_abstract_socket",
                                "use_host_loopback",
                                NULL};
    char text[4096] = "";
    char port_text[16];
    char name[64];
    uint16_t port = 0;
    int ends[2];
    const int tcp = listen_on_loopback(&port);
    snprintf(name, sizeof name, "gpulet-test-%ld", (long)getpid());
    const int abstract = listen_on_abstract(name);
    snprintf(port_text, sizeof port_text, "%u", port);
    setenv("HOSTILE_PORT", port_text, 1);
    setenv("HOSTILE_ABSTRACT", name, 1);
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        _exit(hostile_main(6, arguments));
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t count;
    while ((count = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)count;
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
    cr_assert_not_null(strstr(text, "see_host_directories: ALLOWED"), "%s", text);
    cr_assert_not_null(strstr(text, "use_abstract_socket: ALLOWED"), "%s", text);
    cr_assert_not_null(strstr(text, "use_host_loopback: ALLOWED"), "%s", text);
    close(tcp);
    close(abstract);
}

/* The four uids of a process as /proc tells them. */
static void
read_uids(pid_t pid, long ret_uids[4], long *ret_groups)
{
    char path[64];
    char text[4096] = "";
    struct buffer buffer;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    buffer_init(&buffer, text, sizeof text - 1);
    cr_assert_eq(file_read(-100 /* AT_FDCWD */, path, &buffer), STATUS_OK);
    char *at = strstr(text, "Uid:");
    cr_assert_not_null(at);
    at += 4;
    for (int i = 0; i < 4; i++) {
        ret_uids[i] = strtol(at, &at, 10);
    }
    at = strstr(text, "Groups:");
    cr_assert_not_null(at);
    at += 7;
    *ret_groups = 0;
    for (char *end = at;; at = end) {
        const long group = strtol(at, &end, 10);
        if (end == at || *at == '\n') {
            return;
        }
        /* 65534 is what a group outside the namespace looks like. */
        *ret_groups += group != 65534 ? 1 : 0;
        if (*end == '\n' || *end == ' ') {
            if (end[0] == ' ' && end[1] == '\n') {
                return;
            }
        }
        if (*end == '\n') {
            return;
        }
    }
}

Test(sandbox, job_has_its_own_uid_on_the_host_and_never_0)
{
    long uids[4];
    long groups = 0;
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "id -u; id -G; sleep 5");
    fixture_start(&fixture);
    fixture_await_output(&fixture, "\n1000\n", 5000);
    fixture_await_state(&fixture, WORKLOAD_RUNNING, 1000);
    read_uids(fixture.status.job_pid, uids, &groups);
    for (int i = 0; i < 4; i++) {
        cr_assert_neq(uids[i], 0);
        cr_assert_eq(uids[i], geteuid() == 0 ? (long)fixture.spec.uid : (long)geteuid());
    }
    if (geteuid() == 0) {
        cr_assert_eq(groups, 0);
    }
    fixture_clear(&fixture);
}

Test(sandbox, workspace_is_the_jobs_and_is_kept)
{
    struct stat file;
    char path[256];
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "echo data > result && mkdir d && touch /tmp/t /dev/shm/s && "
                                 "cat /etc/passwd && awk 'BEGIN{print 6*7}'");
    fixture_run(&fixture, 5000);
    cr_assert_eq(fixture.status.exit_code, 0, "%s", fixture.output[1]);
    cr_assert_not_null(strstr(fixture.output[0], "renter:x:1000"));
    cr_assert_not_null(strstr(fixture.output[0], "42\n"));
    snprintf(path, sizeof path, "%s/workspace/result", fixture.job_dir);
    cr_assert_eq(stat(path, &file), 0);
    cr_assert_eq(file.st_size, 5);
    cr_assert_eq(file.st_uid, geteuid() == 0 ? fixture.spec.uid : geteuid());
    fixture_clear(&fixture);
}

Test(sandbox, device_outside_dev_is_refused)
{
    static const char *const paths[] = {"/etc/shadow", "/dev/../etc/shadow", "relative"};
    NEEDS_SANDBOX();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        fixture_init_shell(&fixture, "true");
        fixture.spec.device_paths = &paths[i];
        fixture.spec.device_count = 1;
        fixture_run(&fixture, 5000);
        cr_assert_eq(fixture.status.end, WORKLOAD_END_NOT_STARTED);
        fixture_clear(&fixture);
    }
}

Test(sandbox, device_node_is_shown_and_gpus_are_counted_from_0)
{
    static const char *const paths[] = {"/dev/full"};
    static const uint32_t gpus[] = {3};
    NEEDS_SANDBOX();
    fixture_init_shell(&fixture, "test -c /dev/full && echo $GPULET_GPUS $CUDA_VISIBLE_DEVICES");
    fixture.spec.device_paths = paths;
    fixture.spec.device_count = 1;
    fixture.spec.gpu_indices = gpus;
    fixture.spec.gpu_count = 1;
    fixture_run(&fixture, 5000);
    cr_assert_str_eq(fixture.output[0], "3 0\n", "%s %s", fixture.status.reason, fixture.output[1]);
    fixture_clear(&fixture);
}

Test(sandbox, environment_entries_are_judged_by_name)
{
    static const struct {
        const char *entry;
        enum status status;
    } cases[] = {
        {"PATH=/x", STATUS_OK},
        {"LDFLAGS=-lm", STATUS_OK},
        {"L=1", STATUS_OK},
        {"XLD_PRELOAD=1", STATUS_OK},
        {"NVIDIA=1", STATUS_OK},
        {"CUDA_VISIBLE_DEVICES_X=1", STATUS_OK},
        {"A==", STATUS_OK},
        {"LD_PRELOAD=x", STATUS_REFUSED},
        {"LD_=x", STATUS_REFUSED},
        {"LD_LIBRARY_PATH=", STATUS_REFUSED},
        {"GLIBC_TUNABLES=x", STATUS_REFUSED},
        {"NVIDIA_DRIVER_CAPABILITIES=all", STATUS_REFUSED},
        {"GPULET_LEASE=0", STATUS_REFUSED},
        {"HIP_VISIBLE_DEVICES=0", STATUS_REFUSED},
        {"ROCR_VISIBLE_DEVICES=0", STATUS_REFUSED},
        {"ZE_AFFINITY_MASK=0", STATUS_REFUSED},
        {"", STATUS_BAD_INPUT},
        {"=", STATUS_BAD_INPUT},
        {"LD_PRELOAD", STATUS_BAD_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reason[SANDBOX_REASON_SIZE] = "";
        cr_assert_eq(sandbox_check_environment(cases[i].entry, reason), cases[i].status, "%s",
                     cases[i].entry);
        cr_assert_eq(reason[0] == '\0', cases[i].status == STATUS_OK, "%s", cases[i].entry);
    }
}

Test(sandbox, capabilities_name_what_lacks)
{
    struct sandbox_capabilities capabilities;
    sandbox_capabilities(&capabilities);
    cr_assert_eq(capabilities.can_run, capabilities.reason[0] == '\0');
    cr_assert_eq(capabilities.separates_users, geteuid() == 0);
    cr_assert(capabilities.has_seccomp);
}

Test(sandbox, root_is_never_a_jobs_uid)
{
    cr_assert_eq(sandbox_become(0, NULL, 0), STATUS_OUT_OF_RANGE);
    cr_assert_eq(sandbox_become((uid_t)-1, NULL, 0), STATUS_OUT_OF_RANGE);
    if (geteuid() != 0) {
        cr_assert_eq(sandbox_become(WORKLOAD_UID_FIRST_DEFAULT, NULL, 0), STATUS_PERMISSION);
    }
}
