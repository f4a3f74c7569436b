#include "tests/io/hostile.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A try returns 0 when it got what it wanted, else the errno that stopped it. */
static int
outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int
open_to_read(const char *path)
{
    char byte;
    const int file = open(path, O_RDONLY | O_NONBLOCK);
    return file < 0 ? errno : outcome(read(file, &byte, 1));
}

static int
open_to_write(const char *path)
{
    return outcome(open(path, O_WRONLY | O_CREAT, 0600));
}

static int
read_shadow(void)
{
    return open_to_read("/etc/shadow");
}

static int
see_host_directories(void)
{
    static const char *const paths[] = {"/root",        "/home",       "/var/lib",
                                        "/boot",        "/sys/kernel", "/sys/fs/cgroup",
                                        "/run/systemd", "/mnt",        "/srv"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (access(paths[i], F_OK) == 0) {
            return 0;
        }
    }
    return ENOENT;
}

static int
see_host_environment(void)
{
    return open_to_read("/proc/1/environ");
}

static int
see_host_processes(void)
{
    unsigned count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return errno;
    }
    for (const struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? 1 : 0;
    }
    closedir(proc);
    return count > 6 ? 0 : ESRCH; /* the first process, this program and its try */
}

static int
write_first_process(void)
{
    return open_to_write("/proc/1/mem");
}

static int
write_usr(void)
{
    return open_to_write("/usr/bin/gpulet-was-here");
}

static int
write_etc(void)
{
    return open_to_write("/etc/gpulet-was-here");
}

static int
write_root(void)
{
    return open_to_write("/gpulet-was-here");
}

static int
write_dev(void)
{
    return open_to_write("/dev/gpulet-was-here");
}

static int
write_program(void)
{
    return open_to_write("/run/gpulet-init");
}

static int
write_sysctl(void)
{
    return outcome(open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

static int
make_device(void)
{
    return outcome(mknod("/workspace/kmem", S_IFCHR | 0666, makedev(1, 1)));
}

static int
become_root(void)
{
    return outcome(setuid(0));
}

static int
become_root_by_program(void)
{
    /* su is setuid; with no-new-privileges this must not help. */
    if (chmod("/usr/bin/su", 06777) == 0) {
        return 0;
    }
    return errno;
}

static int
use_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    inet_pton(AF_INET, "9.9.9.9", &address.sin_addr);
    const int connection = socket(AF_INET, SOCK_DGRAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        return errno;
    }
    return outcome(send(connection, "x", 1, 0));
}

/* The port of a listener on the host's loopback, given by the test. */
static int
use_host_loopback(void)
{
    const char *port = getenv("HOSTILE_PORT");
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port == NULL ? "22" : port, NULL, 10))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0) {
        return errno;
    }
    return outcome(connect(connection, (struct sockaddr *)&address, sizeof address));
}

static int
use_abstract_socket(void)
{
    const char *name = getenv("HOSTILE_ABSTRACT");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(name == NULL ? "none" : name);
    memcpy(address.sun_path + 1, name == NULL ? "none" : name, length);
    const int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    return outcome(connect(connection, (struct sockaddr *)&address,
                           (socklen_t)(sizeof(sa_family_t) + 1 + length)));
}

static int
use_vsock(void)
{
    return outcome(socket(AF_VSOCK, SOCK_STREAM, 0));
}

/* The filter sees 64 bits, the kernel takes 32. */
static int
use_vsock_with_high_bits(void)
{
    return outcome(syscall(SYS_socket, 0x100000000ul | AF_VSOCK, SOCK_STREAM, 0));
}

static int
use_kernel_crypto(void)
{
    return outcome(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int
use_packet_socket(void)
{
    return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int
trace(void)
{
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
read_other_memory(void)
{
    char here;
    struct iovec local = {.iov_base = &here, .iov_len = 1};
    struct iovec remote = {.iov_base = &here, .iov_len = 1};
    return outcome(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static int
mount_something(void)
{
    return outcome(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
mount_the_new_way(void)
{
    return outcome(syscall(SYS_fsopen, "tmpfs", 0));
}

static int
clone_a_tree(void)
{
    return outcome(syscall(SYS_open_tree, AT_FDCWD, "/", 1));
}

static int
unshare_user(void)
{
    return outcome(unshare(CLONE_NEWUSER));
}

static int
clone_user(void)
{
    const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        _exit(0);
    }
    return outcome(child);
}

static int
clone3_user(void)
{
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) {
        _exit(0);
    }
    return outcome(child);
}

static int
enter_namespace(void)
{
    const int namespace = open("/proc/self/ns/user", O_RDONLY);
    return outcome(setns(namespace, CLONE_NEWUSER));
}

static int
change_root(void)
{
    return outcome(chroot("/tmp"));
}

static int
pivot(void)
{
    return outcome(syscall(SYS_pivot_root, "/tmp", "/tmp"));
}

static int
use_io_uring(void)
{
    uint8_t parameters[256] = {0};
    return outcome(syscall(SYS_io_uring_setup, 4, parameters));
}

static int
use_userfaultfd(void)
{
    return outcome(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
}

static int
use_bpf(void)
{
    union bpf_attr attributes = {0};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    return outcome(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

static int
use_perf(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes};
    attributes.exclude_kernel = 1;
    return outcome(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int
use_keys(void)
{
    return outcome(syscall(SYS_add_key, "user", "x", "y", 1, -3));
}

static int
use_keyctl(void)
{
    return outcome(syscall(SYS_keyctl, 0, -3, 1));
}

static int
use_secret_memory(void)
{
    return outcome(syscall(447 /* memfd_secret */, 0));
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
    return outcome(open_by_handle_at(base, &file.handle, O_RDONLY));
}

static int
change_personality(void)
{
    return outcome(personality(READ_IMPLIES_EXEC));
}

static int
use_ports(void)
{
    return outcome(syscall(SYS_iopl, 3));
}

static int
reboot_host(void)
{
    return outcome(reboot(RB_DISABLE_CAD));
}

static int
load_module(void)
{
    return outcome(syscall(SYS_init_module, "x", 1, ""));
}

static int
load_kernel(void)
{
    return outcome(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int
swap_on(void)
{
    return outcome(swapon("/workspace/swap", 0));
}

static int
account(void)
{
    return outcome(acct(NULL));
}

static int
set_time(void)
{
    const struct timeval time = {.tv_sec = 1};
    return outcome(settimeofday(&time, NULL));
}

static int
rename_host(void)
{
    return outcome(sethostname("owned", 5));
}

static int
type_into_terminal(void)
{
    return outcome(ioctl(0, TIOCSTI, "x"));
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
    return outcome(setpriority(PRIO_PROCESS, 0, -10));
}

static int
hide_from_memory_killer(void)
{
    const int file = open("/proc/self/oom_score_adj", O_WRONLY);
    return file < 0 ? errno : outcome(write(file, "-900", 4));
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
    return outcome(syscall(470));
}

#if defined(__x86_64__)
/* The x32 numbers and the 32-bit gate go round a filter that knows one table only. */
static int
call_x32(void)
{
    return outcome(syscall(0x40000000 | SYS_getpid));
}

static int
call_32_bit(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return result < 0 ? (int)-result : 0;
}
#endif

static const struct {
    const char *name;
    int (*attempt)(void);
} tries[] = {
    {"read_shadow", read_shadow},
    {"see_host_directories", see_host_directories},
    {"see_host_environment", see_host_environment},
    {"see_host_processes", see_host_processes},
    {"write_first_process", write_first_process},
    {"write_usr", write_usr},
    {"write_etc", write_etc},
    {"write_root", write_root},
    {"write_dev", write_dev},
    {"write_program", write_program},
    {"write_sysctl", write_sysctl},
    {"make_device", make_device},
    {"become_root", become_root},
    {"become_root_by_program", become_root_by_program},
    {"use_tcp", use_tcp},
    {"use_host_loopback", use_host_loopback},
    {"use_abstract_socket", use_abstract_socket},
    {"use_vsock", use_vsock},
    {"use_vsock_with_high_bits", use_vsock_with_high_bits},
    {"use_kernel_crypto", use_kernel_crypto},
    {"use_packet_socket", use_packet_socket},
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

/* Each in a process of its own: some end it. True when it was allowed. */
static bool
make_try(const char *name, int (*attempt)(void))
{
    int ended = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        _exit(attempt());
    }
    if (child < 0 || waitpid(child, &ended, 0) != child) {
        printf("%s: cannot be tried (%s)\n", name, strerror(errno));
        return true;
    }
    if (WIFSIGNALED(ended)) {
        printf("%s: killed (%s)\n", name, strsignal(WTERMSIG(ended)));
        return false;
    }
    const int error = WEXITSTATUS(ended);
    if (error == 0) {
        printf("%s: ALLOWED\n", name);
    } else {
        printf("%s: refused (%s)\n", name, strerror(error));
    }
    return error == 0;
}

int
hostile_main(int argc, char **argv)
{
    bool any_allowed = false;
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        bool is_wanted = argc <= 2;
        for (int j = 2; j < argc; j++) {
            is_wanted = is_wanted || strcmp(argv[j], tries[i].name) == 0;
        }
        if (is_wanted) {
            any_allowed = make_try(tries[i].name, tries[i].attempt) || any_allowed;
        }
    }
    fflush(stdout);
    return any_allowed ? 1 : 0;
}
