#include "node/io/sandbox.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Calls a job has no need for and that were ways out of sandboxes, or reach beyond the job. Names
 * this libseccomp does not know are left out; newer calls are refused by their numbers below. */
static const char *const refused_calls[] = {
    /* a second way to do I/O that no filter sees */
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    /* page faults under the job's control, memory hidden from the host */
    "userfaultfd",
    "memfd_secret",
    "bpf",
    "perf_event_open",
    "keyctl",
    "add_key",
    "request_key",
    /* namespaces and mounts */
    "unshare",
    "setns",
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "statmount",
    "listmount",
    "open_tree_attr",
    /* other processes' memory and files */
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "open_by_handle_at",
    "name_to_handle_at",
    "lookup_dcookie",
    "fanotify_init",
    "fanotify_mark",
    /* the machine */
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "get_kernel_syms",
    "query_module",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "iopl",
    "ioperm",
    "syslog",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "vhangup",
    "nfsservctl",
    "uselib",
    "ustat",
    "sysfs",
    "_sysctl",
    "vm86",
    "vm86old",
    "modify_ldt",
    "move_pages",
    "migrate_pages",
    "lsm_set_self_attr",
};

static bool
refuse(scmp_filter_ctx filter, int error, int call)
{
    const int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), call, 0);
    /* EDOM: this machine does not have the call; EEXIST: a newer libseccomp knew it by name. */
    return result == 0 || result == -EDOM || result == -EEXIST;
}

static bool
refuse_argument(scmp_filter_ctx filter, int error, int call, struct scmp_arg_cmp comparison)
{
    const int result =
        seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)error), call, 1, &comparison);
    return result == 0 || result == -EDOM;
}

/* RLIMIT_CORE stays as the supervisor set it. The answer is success: sanitizers set it as they start,
 * and end the program when they cannot. */
static bool
ignore_core_limit(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp set = {
        .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = RLIMIT_CORE};
    const struct scmp_arg_cmp change[] = {
        {.arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = RLIMIT_CORE},
        {.arg = 2, .op = SCMP_CMP_NE, .datum_a = 0}};
    return refuse_argument(filter, 0, SCMP_SYS(setrlimit), set) &&
           seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(prlimit64), 2, change) == 0;
}

/* The kernel looks at the low 32 bits of these arguments only, so the comparison does too. */
static struct scmp_arg_cmp
low_bits(unsigned argument, uint64_t mask, uint64_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

static bool
refuse_names(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof refused_calls / sizeof refused_calls[0]; i++) {
        const int call = seccomp_syscall_resolve_name(refused_calls[i]);
        if (call != __NR_SCMP_ERROR && !refuse(filter, EPERM, call)) {
            return false;
        }
    }
    return true;
}

/* clone3's flags lie in memory, out of a filter's sight: C libraries fall back to clone. */
static bool
refuse_namespaces(scmp_filter_ctx filter)
{
    static const uint64_t flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                     CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (!refuse_argument(filter, EPERM, SCMP_SYS(clone), low_bits(0, flags[i], flags[i]))) {
            return false;
        }
    }
    return refuse(filter, ENOSYS, SCMP_SYS(clone3));
}

/* AF_VSOCK reaches the host of a virtual machine from every network namespace; the others are
 * corners of the kernel few programs need. */
static bool
refuse_sockets(scmp_filter_ctx filter)
{
    enum { FAMILIES = 46 };
    for (int family = 0; family < FAMILIES; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) {
            continue;
        }
        const struct scmp_arg_cmp is_family = low_bits(0, UINT32_MAX, (uint64_t)family);
        if (!refuse_argument(filter, EAFNOSUPPORT, SCMP_SYS(socket), is_family) ||
            !refuse_argument(filter, EAFNOSUPPORT, SCMP_SYS(socketpair), is_family)) {
            return false;
        }
    }
    return true;
}

static bool
refuse_odd_arguments(scmp_filter_ctx filter)
{
    static const uint64_t personality_bits[] = {
        0x0040000 /* ADDR_NO_RANDOMIZE */, 0x0080000 /* FDPIC_FUNCPTRS */,
        0x0100000 /* MMAP_PAGE_ZERO */, 0x0200000 /* ADDR_COMPAT_LAYOUT */,
        0x0400000 /* READ_IMPLIES_EXEC */};
    for (size_t i = 0; i < sizeof personality_bits / sizeof personality_bits[0]; i++) {
        const struct scmp_arg_cmp bit = low_bits(0, personality_bits[i], personality_bits[i]);
        if (!refuse_argument(filter, EPERM, SCMP_SYS(personality), bit)) {
            return false;
        }
    }
    /* Typing into a terminal that is not the job's. */
    enum { TIOCLINUX_CODE = 0x541C };
    return refuse_argument(filter, EPERM, SCMP_SYS(ioctl), low_bits(1, UINT32_MAX, TIOCSTI)) &&
           refuse_argument(filter, EPERM, SCMP_SYS(ioctl), low_bits(1, UINT32_MAX, TIOCLINUX_CODE));
}

/* Calls newer than this program: nobody has looked at them. Since number 424 all machines count
 * alike; C libraries take ENOSYS for an older kernel. */
static bool
refuse_unknown(scmp_filter_ctx filter)
{
    static const int unwanted[] = {457 /* statmount */, 458 /* listmount */,
                                   460 /* lsm_set_self_attr */, 467 /* open_tree_attr */};
    enum { FIRST_UNKNOWN = 470, LAST_UNKNOWN = 600 };
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        if (!refuse(filter, ENOSYS, unwanted[i])) {
            return false;
        }
    }
    for (int call = FIRST_UNKNOWN; call <= LAST_UNKNOWN; call++) {
        if (!refuse(filter, ENOSYS, call)) {
            return false;
        }
    }
    return true;
}

static enum status
export_filter(scmp_filter_ctx filter, struct buffer *buffer)
{
    uint8_t program[WORKLOAD_FILTER_BYTES_MAX];
    const int file = memfd_create("gpulet-filter", MFD_CLOEXEC);
    if (file < 0) {
        return STATUS_UNAVAILABLE;
    }
    enum status status = STATUS_UNAVAILABLE;
    if (seccomp_export_bpf(filter, file) == 0) {
        const off_t length = lseek(file, 0, SEEK_END);
        if (length > (off_t)sizeof program) {
            status = STATUS_NO_SPACE;
        } else if (length > 0 && pread(file, program, (size_t)length, 0) == length) {
            buffer_append(buffer, program, (size_t)length);
            status = buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
        }
    }
    close(file);
    return status;
}

enum status
sandbox_filter(struct buffer *buffer)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = STATUS_UNAVAILABLE;
    /* Level 2 makes a search tree of the numbers; a list would cost every call of the job. */
    if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && refuse_names(filter) &&
        refuse_namespaces(filter) && refuse_sockets(filter) && refuse_odd_arguments(filter) &&
        ignore_core_limit(filter) && refuse_unknown(filter)) {
        status = export_filter(filter, buffer);
    }
    seccomp_release(filter);
    return status;
}
