#include "tests/io/hostile_attempt.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int
trace(void)
{
    return hostile_outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
read_other_memory(void)
{
    char here;
    struct iovec local = {.iov_base = &here, .iov_len = 1};
    struct iovec remote = {.iov_base = &here, .iov_len = 1};
    return hostile_outcome(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static int
mount_something(void)
{
    return hostile_outcome(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
mount_the_new_way(void)
{
    return hostile_outcome(syscall(SYS_fsopen, "tmpfs", 0));
}

static int
clone_a_tree(void)
{
    return hostile_outcome(syscall(SYS_open_tree, AT_FDCWD, "/", 1));
}

static int
unshare_user(void)
{
    return hostile_outcome(unshare(CLONE_NEWUSER));
}

static int
clone_user(void)
{
    const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        _exit(0);
    }
    return hostile_outcome(child);
}

static int
clone3_user(void)
{
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) {
        _exit(0);
    }
    return hostile_outcome(child);
}

static int
enter_namespace(void)
{
    const int namespace = open("/proc/self/ns/user", O_RDONLY);
    return hostile_outcome(setns(namespace, CLONE_NEWUSER));
}

static int
change_root(void)
{
    return hostile_outcome(chroot("/tmp"));
}

static int
pivot(void)
{
    return hostile_outcome(syscall(SYS_pivot_root, "/tmp", "/tmp"));
}

static int
use_io_uring(void)
{
    uint8_t parameters[256] = {0};
    return hostile_outcome(syscall(SYS_io_uring_setup, 4, parameters));
}

static int
use_userfaultfd(void)
{
    return hostile_outcome(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
}

static int
use_bpf(void)
{
    union bpf_attr attributes = {0};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    return hostile_outcome(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

static int
use_perf(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes};
    attributes.exclude_kernel = 1;
    return hostile_outcome(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int
use_keys(void)
{
    return hostile_outcome(syscall(SYS_add_key, "user", "x", "y", 1, -3));
}

static int
use_keyctl(void)
{
    return hostile_outcome(syscall(SYS_keyctl, 0, -3, 1));
}

static int
use_secret_memory(void)
{
    return hostile_outcome(syscall(447 /* memfd_secret */, 0));
}

static int
open_by_handle(void)
{
    union {
        struct file_handle handle;
        uint8_t room[sizeof(struct file_handle) + 128];
    } file = {.handle = {.handle_bytes = 128}};
    int mount_id = 0;
    if (name_to_handle_at(AT_FDCWD, "/workspace", &file.handle, &mount_id, 0) != 0) {
        return errno;
    }
    const int base = open("/workspace", O_RDONLY);
    return hostile_outcome(open_by_handle_at(base, &file.handle, O_RDONLY));
}

static int
change_personality(void)
{
    return hostile_outcome(personality(READ_IMPLIES_EXEC));
}

static int
use_ports(void)
{
    return hostile_outcome(syscall(SYS_iopl, 3));
}

static int
reboot_host(void)
{
    return hostile_outcome(reboot(RB_DISABLE_CAD));
}

static int
load_module(void)
{
    return hostile_outcome(syscall(SYS_init_module, "x", 1, ""));
}

static int
load_kernel(void)
{
    return hostile_outcome(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int
swap_on(void)
{
    return hostile_outcome(swapon("/workspace/swap", 0));
}

static int
account(void)
{
    return hostile_outcome(acct(NULL));
}

static int
set_time(void)
{
    const struct timeval time = {.tv_sec = 1};
    return hostile_outcome(settimeofday(&time, NULL));
}

static int
rename_host(void)
{
    return hostile_outcome(sethostname("owned", 5));
}

static int
type_into_terminal(void)
{
    return hostile_outcome(ioctl(0, TIOCSTI, "x"));
}

/* 0 would let the host's crash handler, which is root, read what we leave. It may be told that it
 * worked, as long as it did not. */
static int
judge_core_limit(long result)
{
    struct rlimit now;
    if (result < 0 || getrlimit(RLIMIT_CORE, &now) != 0) {
        return errno;
    }
    return now.rlim_cur == 1 && now.rlim_max == 1 ? EPERM : 0;
}

static int
change_core_limit(void)
{
    const struct rlimit none = {0, 0};
    return judge_core_limit(setrlimit(RLIMIT_CORE, &none));
}

static int
change_core_limit_the_old_way(void)
{
    const struct rlimit none = {0, 0};
    return judge_core_limit(syscall(SYS_setrlimit, RLIMIT_CORE, &none));
}

static int
raise_priority(void)
{
    return hostile_outcome(setpriority(PRIO_PROCESS, 0, -10));
}

static int
hide_from_memory_killer(void)
{
    const int file = open("/proc/self/oom_score_adj", O_WRONLY);
    return file < 0 ? errno : hostile_outcome(write(file, "-900", 4));
}

static int
kill_first_process(void)
{
    kill(1, SIGKILL);
    usleep(20000);
    return kill(1, 0) == 0 ? EPERM : 0;
}

static int
call_newer_kernel(void)
{
    return hostile_outcome(syscall(470));
}

#if defined(__x86_64__)
/* The x32 numbers and the 32-bit gate go round a filter that knows one table only. */
static int
call_x32(void)
{
    return hostile_outcome(syscall(0x40000000 | SYS_getpid));
}

static int
call_32_bit(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return result < 0 ? (int)-result : 0;
}
#endif

static const struct hostile_attempt attempts[] = {
    {"trace", trace},
    {"read_other_memory", read_other_memory},
    {"mount_something", mount_something},
    {"mount_the_new_way", mount_the_new_way},
    {"clone_a_tree", clone_a_tree},
    {"unshare_user", unshare_user},
    {"clone_user", clone_user},
    {"clone3_user", clone3_user},
    {"enter_namespace", enter_namespace},
    {"change_root", change_root},
    {"pivot", pivot},
    {"use_io_uring", use_io_uring},
    {"use_userfaultfd", use_userfaultfd},
    {"use_bpf", use_bpf},
    {"use_perf", use_perf},
    {"use_keys", use_keys},
    {"use_keyctl", use_keyctl},
    {"use_secret_memory", use_secret_memory},
    {"open_by_handle", open_by_handle},
    {"change_personality", change_personality},
    {"use_ports", use_ports},
    {"reboot_host", reboot_host},
    {"load_module", load_module},
    {"load_kernel", load_kernel},
    {"swap_on", swap_on},
    {"account", account},
    {"set_time", set_time},
    {"rename_host", rename_host},
    {"type_into_terminal", type_into_terminal},
    {"change_core_limit", change_core_limit},
    {"change_core_limit_the_old_way", change_core_limit_the_old_way},
    {"raise_priority", raise_priority},
    {"hide_from_memory_killer", hide_from_memory_killer},
    {"kill_first_process", kill_first_process},
    {"call_newer_kernel", call_newer_kernel},
#if defined(__x86_64__)
    {"call_x32", call_x32},
    {"call_32_bit", call_32_bit},
#endif
};
const struct hostile_list hostile_kernel = {attempts, sizeof attempts / sizeof attempts[0]};
