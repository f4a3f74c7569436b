#include "node/io/supervisor_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/sandbox.h"
#include "node/io/supervisor_family.h"
#include "node/io/supervisor_file.h"

enum { SUPPORTING_PROCESSES = 2, PIPE_BYTES = 256 * 1024 }; /* bwrap and the first process */

/* Both ends of all that connects supervisor and job, while it is being made. */
struct wiring {
    int input[2]; /* read end, write end */
    int outputs[2][2];
    int channel[2]; /* ours, the job's */
    int errors[2];
};

static void
close_one(int *descriptor)
{
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

static void
wiring_clear(struct wiring *wiring)
{
    for (size_t i = 0; i < 2; i++) {
        close_one(&wiring->input[i]);
        close_one(&wiring->outputs[0][i]);
        close_one(&wiring->outputs[1][i]);
        close_one(&wiring->channel[i]);
        close_one(&wiring->errors[i]);
    }
}

/* `ours` is the end this process keeps. A job may open its own /dev/stdout: the pipe is its. */
static bool
open_pipe(int ends[2], size_t ours, uid_t uid)
{
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0) {
        return false;
    }
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES); /* a wish */
    return geteuid() != 0 || fchown(ends[0], uid, (gid_t)uid) == 0;
}

static bool
wiring_open(struct wiring *wiring, const struct workload_spec *spec)
{
    const int yes = 1;
    *wiring = (struct wiring){{-1, -1}, {{-1, -1}, {-1, -1}}, {-1, -1}, {-1, -1}};
    if (spec->stdin_wanted) {
        if (!open_pipe(wiring->input, 1, spec->uid)) {
            return false;
        }
    } else {
        wiring->input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (wiring->input[0] < 0) {
            return false;
        }
    }
    return open_pipe(wiring->outputs[0], 0, spec->uid) &&
           open_pipe(wiring->outputs[1], 0, spec->uid) && open_pipe(wiring->errors, 0, spec->uid) &&
           socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wiring->channel) == 0 &&
           setsockopt(wiring->channel[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0;
}

static enum status
make_cgroup(struct job *job, const struct workload_spec *spec)
{
    char name[ID_HEX_SIZE + 16];
    char lease[ID_HEX_SIZE];
    uint8_t text[CGROUP_CONTROLLERS * (CGROUP_PATH_SIZE + 16)];
    struct buffer saved;
    struct cgroup own;
    id_to_hex(spec->lease.bytes, lease);
    snprintf(name, sizeof name, "gpulet-%s", lease);
    cgroup_find_own(&own);
    enum status status = cgroup_create(&own, name, &job->group);
    if (status != STATUS_OK) {
        return status;
    }
    /* On the disk before a process is in it: whoever cleans up must find it. */
    buffer_init(&saved, text, sizeof text);
    cgroup_save(&job->group, &saved);
    status = file_write(job->directory, "cgroup", buffer_bytes(&saved), FILE_REPLACE_FAST);
    const struct cgroup_limits limits = {
        .memory_mib = spec->memory_mib,
        .pids_max = spec->pids_max == 0 ? 0 : spec->pids_max + SUPPORTING_PROCESSES,
        .cpu_threads = spec->cpu_threads,
    };
    return status != STATUS_OK ? status : cgroup_limit(&job->group, &limits);
}

/* Until Linux 5.14 RLIMIT_NPROC counted the user's processes outside the sandbox too. */
static bool
counts_processes_by_namespace(void)
{
    struct utsname system;
    if (uname(&system) != 0) {
        return false;
    }
    char *rest = NULL;
    const long major = strtol(system.release, &rest, 10);
    const long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return major > 5 || (major == 5 && minor >= 14);
}

static struct sandbox_init
init_settings(const struct job *job, const struct workload_spec *spec, const struct wiring *wiring)
{
    struct sandbox_init init = {
        .channel = wiring->channel[1],
        .streams = {wiring->input[0], wiring->outputs[0][1], wiring->outputs[1][1]},
    };
    if (job->group.places[CGROUP_PIDS].version == 0 && spec->pids_max > 0 &&
        counts_processes_by_namespace()) {
        init.processes_max = (uint64_t)spec->pids_max + 1;
    }
    if (job->group.places[CGROUP_MEMORY].version == 0) {
        init.data_bytes = spec->memory_mib * 1024 * 1024;
    }
    return init;
}

/* Paths bwrap can use as the uid it will have. */
static void
find_sources(const struct job *job, int program, struct sandbox_sources *ret)
{
    if (geteuid() == 0) {
        sandbox_staged_sources(ret);
        return;
    }
    char link[64];
    struct stat opened;
    struct stat named;
    *ret = (struct sandbox_sources){.init_descriptor = program};
    snprintf(link, sizeof link, "/proc/self/fd/%d", job->workspace);
    ssize_t length = readlink(link, ret->workspace, sizeof ret->workspace - 1);
    ret->workspace[length < 0 ? 0 : length] = '\0';
    length = readlink("/proc/self/exe", ret->init, sizeof ret->init - 1);
    ret->init[length < 0 ? 0 : length] = '\0';
    /* The program may have been replaced by a newer one since the daemon started. */
    if (stat(ret->init, &named) != 0 || fstat(program, &opened) != 0 ||
        named.st_ino != opened.st_ino || named.st_dev != opened.st_dev) {
        ret->init[0] = '\0';
    }
}

static void
limit(int resource, uint64_t value)
{
    const struct rlimit both = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    setrlimit((__rlimit_resource_t)resource, &both);
}

static void
set_limits(const struct workload_spec *spec)
{
    enum { OPEN_FILES_MAX = 65536 };
    struct rlimit files;
    /* 1 and not 0: the kernel hands no core to the host's crash handler then, which runs as root. */
    limit(RLIMIT_CORE, 1);
    if (spec->disk_mib > 0) {
        limit(RLIMIT_FSIZE, spec->disk_mib * 1024 * 1024);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        limit(RLIMIT_NOFILE, files.rlim_max < OPEN_FILES_MAX ? files.rlim_max : OPEN_FILES_MAX);
    }
    /* The node runs at a better priority than the owner's programs; a job must not. */
    setpriority(PRIO_PROCESS, 0, 0);
}

static _Noreturn void
give_up(const char *what, enum status status)
{
    char text[WORKLOAD_REASON_SIZE];
    const int length = snprintf(text, sizeof text, "%s: %s\n", what, status_text(status));
    const ssize_t written = write(2, text, length < 0 ? 0 : (size_t)length);
    _exit(written < 0 ? 2 : 1);
}

struct birth {
    const struct job *job;
    const struct workload_spec *spec;
    const struct sandbox_command *command;
    const struct sandbox_init *init;
    int program;
    bool copies_program;
    int errors;
    pid_t supervisor;
};

/* In the child, which is in the cgroup: away from root, and into bwrap. */
static _Noreturn void
become_bwrap(const struct birth *birth, enum status entered)
{
    static char *const no_environment[] = {NULL};
    sigset_t none;
    sigemptyset(&none);
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(birth->errors, 2) < 0) {
        _exit(1);
    }
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (entered != STATUS_OK) {
        give_up("cannot enter the cgroup", entered);
    }
    set_limits(birth->spec);
    if (geteuid() == 0) {
        struct sandbox_sources staged;
        enum status status = sandbox_stage(birth->job->workspace, birth->program, &staged);
        if (status != STATUS_OK) {
            give_up("cannot show the workspace", status);
        }
        status =
            sandbox_become(birth->spec->uid, birth->spec->device_paths, birth->spec->device_count);
        if (status != STATUS_OK) {
            give_up("cannot become the job's user", status);
        }
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != birth->supervisor) {
        _exit(1);
    }
    fcntl(birth->init->channel, F_SETFD, 0);
    for (size_t i = 0; i < 3; i++) {
        fcntl(birth->init->streams[i], F_SETFD, 0);
    }
    if (birth->copies_program) {
        fcntl(birth->program, F_SETFD, 0); /* bwrap reads and closes it */
    }
    char **arguments = NULL;
    memcpy(&arguments, &birth->command->arguments, sizeof arguments);
    execve(birth->command->program, arguments, no_environment);
    give_up("cannot run bwrap", status_from_errno());
}

static enum status
open_workspace(struct job *job, const struct workload_spec *spec)
{
    job->workspace =
        openat(job->directory, "workspace", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (job->workspace < 0) {
        return status_from_errno();
    }
    if (geteuid() != 0) {
        return STATUS_OK;
    }
    if (spec->uid == 0) {
        return STATUS_OUT_OF_RANGE;
    }
    return fchown(job->workspace, spec->uid, (gid_t)spec->uid) == 0 ? STATUS_OK
                                                                    : status_from_errno();
}

static enum status
say(char ret_reason[WORKLOAD_REASON_SIZE], const char *what, enum status status)
{
    if (status != STATUS_OK) {
        snprintf(ret_reason, WORKLOAD_REASON_SIZE, "%s: %s", what, status_text(status));
    }
    return status;
}

/* Forks; the parent's ends stay in the job and *ret, the others are closed by wiring_clear. */
static enum status
launch(struct job *job, const struct birth *birth, struct wiring *wiring, struct job_streams *ret)
{
    enum status entered = STATUS_SYSTEM;
    job->bwrap = cgroup_fork(&job->group, &entered);
    if (job->bwrap == 0) {
        become_bwrap(birth, entered);
    }
    if (job->bwrap < 0) {
        job->bwrap = 0;
        return status_from_errno();
    }
    job->channel = wiring->channel[0];
    job->errors = wiring->errors[0];
    ret->input = wiring->input[1];
    ret->outputs[0] = wiring->outputs[0][0];
    ret->outputs[1] = wiring->outputs[1][0];
    wiring->channel[0] = wiring->errors[0] = wiring->input[1] = -1;
    wiring->outputs[0][0] = wiring->outputs[1][0] = -1;
    return STATUS_OK;
}

enum status
job_start(struct job *job, int directory, const struct supervisor_spec *supervisor_spec,
          struct job_streams *ret, char ret_reason[WORKLOAD_REASON_SIZE])
{
    const struct workload_spec *spec = &supervisor_spec->spec;
    struct sandbox_sources sources;
    struct sandbox_command command = {0};
    struct wiring wiring;
    *job = (struct job){
        .directory = directory, .workspace = -1, .init_handle = -1, .channel = -1, .errors = -1};
    const int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    enum status status = wiring_open(&wiring, spec) && program >= 0 ? STATUS_OK : STATUS_SYSTEM;
    status = say(ret_reason, "cannot make pipes", status);
    if (status == STATUS_OK) {
        status = say(ret_reason, "cannot open the workspace", open_workspace(job, spec));
    }
    if (status == STATUS_OK) {
        status = say(ret_reason, "cannot make the cgroup", make_cgroup(job, spec));
    }
    if (status == STATUS_OK) {
        const struct sandbox_init init = init_settings(job, spec, &wiring);
        find_sources(job, program, &sources);
        const struct birth birth = {.job = job,
                                    .spec = spec,
                                    .command = &command,
                                    .init = &init,
                                    .program = program,
                                    .copies_program = sources.init[0] == '\0',
                                    .errors = wiring.errors[1],
                                    .supervisor = getpid()};
        status = sandbox_command_build(spec, &sources, &init, &command);
        if (status == STATUS_OK) {
            status = launch(job, &birth, &wiring, ret);
        }
        status = say(ret_reason, "cannot make the sandbox", status);
    }
    sandbox_command_clear(&command);
    wiring_clear(&wiring);
    if (program >= 0) {
        close(program);
    }
    return status;
}

void
job_clear(struct job *job)
{
    close_one(&job->workspace);
    close_one(&job->init_handle);
    close_one(&job->channel);
    close_one(&job->errors);
}

/* The pid as this process sees it, which the kernel attached; 0 when it did not. */
static pid_t
sender_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(part), sizeof sender);
            return sender.pid;
        }
    }
    return 0;
}

/* A message may be read after its sender died and its pid was given away: while bwrap is ours, only
 * its own child is the one. */
static void
know_init(struct job *job, pid_t pid)
{
    job->init = pid;
    job->init_handle = (int)syscall(SYS_pidfd_open, pid, 0);
    if (job->bwrap == 0 || process_parent(pid) != job->bwrap) {
        close_one(&job->init_handle);
    }
}

enum status
job_receive(struct job *job, struct init_message *ret)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct init_message content;
    struct iovec part = {.iov_base = &content, .iov_len = sizeof content};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    const ssize_t count = recvmsg(job->channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return STATUS_NOT_NOW;
    }
    if (count != (ssize_t)sizeof content) {
        return STATUS_DISCONNECTED;
    }
    if (job->init == 0) {
        know_init(job, sender_of(&message));
    }
    *ret = content;
    return STATUS_OK;
}

static void
order(struct job *job, enum init_message_type type, uint32_t value)
{
    const struct init_message message = {.type = type, .value = value};
    const ssize_t sent = send(job->channel, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* the channel's end is seen when reading */
}

void
job_freeze(struct job *job, bool frozen)
{
    if (cgroup_freeze(&job->group, frozen) != STATUS_OK) {
        /* First those we see, at once; then all, by the one whom none of them can slip. */
        if (frozen && job->init_handle >= 0) {
            family_signal(job->init, SIGSTOP);
        }
        order(job, frozen ? INIT_STOP : INIT_CONTINUE, 0);
    }
}

void
job_signal(struct job *job, int number)
{
    order(job, INIT_SIGNAL, (uint32_t)number);
}

void
job_kill(struct job *job)
{
    /* The end of the sandbox's first process ends all in its pid namespace, at once. */
    if (job->init_handle >= 0) {
        syscall(SYS_pidfd_send_signal, job->init_handle, SIGKILL, NULL, 0);
    }
    if (job->bwrap > 0) {
        kill(job->bwrap, SIGKILL);
    }
    if (cgroup_kill(&job->group) != STATUS_OK && job->init_handle >= 0) {
        family_signal(job->init, SIGKILL);
    }
}

bool
job_is_gone(struct job *job)
{
    /* This process is the reaper of what bwrap leaves behind when it is killed itself. */
    for (;;) {
        int ended = 0;
        const pid_t pid = waitpid(-1, &ended, WNOHANG);
        if (pid > 0 && pid == job->bwrap) {
            job->bwrap = 0;
        } else if (pid <= 0) {
            break;
        }
    }
    if (job->bwrap > 0) {
        return false;
    }
    struct pollfd poller = {.fd = job->init_handle, .events = POLLIN};
    if (job->init_handle >= 0 && poll(&poller, 1, 0) == 0) {
        return false;
    }
    return cgroup_is_empty(&job->group);
}

void
job_go(struct job *job)
{
    order(job, INIT_GO, 0);
}

void
job_abandon(struct job *job)
{
    enum { TRIES = 500, PAUSE_MS = 2 };
    for (int i = 0; i < TRIES && !job_is_gone(job); i++) {
        job_kill(job);
        poll(NULL, 0, PAUSE_MS);
    }
    const enum status status = cgroup_remove(&job->group);
    (void)status; /* workload_destroy tries again */
}

void
job_complaint(struct job *job, char ret_reason[WORKLOAD_REASON_SIZE])
{
    ssize_t count = job->errors < 0 ? 0 : read(job->errors, ret_reason, WORKLOAD_REASON_SIZE - 1);
    count = count < 0 ? 0 : count;
    ret_reason[count] = '\0';
    ret_reason[strcspn(ret_reason, "\n")] = '\0';
}
