#include "node/io/doctor.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "node/io/cgroup.h"
#include "node/io/gpu.h"
#include "node/io/sandbox.h"

enum { FINDING_SIZE = 400, FINDINGS_MAX = 24, DISK_MIB_WANTED = 256, FILES_WANTED = 1024 };

/* Fine; a node runs, but something is worse than it could be; no node can run. */
enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_FAILED };

struct finding {
    const char *name;
    enum health health;
    char text[FINDING_SIZE];
    const char *remedy; /* "" when there is nothing to mend */
};

struct report {
    size_t count;
    bool can_host;
    struct finding findings[FINDINGS_MAX];
};

/* Adds a finding; its text is printed into the place given back. */
static char *
add(struct report *report, const char *name, enum health health, const char *remedy)
{
    struct finding *finding =
        &report->findings[report->count < FINDINGS_MAX ? report->count++ : FINDINGS_MAX - 1];
    *finding = (struct finding){.name = name, .health = health, .remedy = remedy};
    return finding->text;
}

static void
look_at_sandbox(struct report *report)
{
    struct sandbox_capabilities can;
    sandbox_capabilities(&can);
    char *text = add(report, "sandbox", can.can_run ? HEALTH_OK : HEALTH_WARNING,
                     can.can_run ? "" : "install bubblewrap and allow user namespaces");
    snprintf(text, FINDING_SIZE, "%s",
             can.can_run ? "renters' programs can be walled off with bubblewrap" : can.reason);
    text = add(report, "system-call filter", can.has_seccomp ? HEALTH_OK : HEALTH_WARNING,
               can.has_seccomp ? "" : "use a kernel with seccomp");
    snprintf(text, FINDING_SIZE, "%s",
             can.has_seccomp ? "dangerous system calls are refused to jobs"
                             : "system calls of jobs cannot be filtered");
    text = add(report, "users", can.separates_users ? HEALTH_OK : HEALTH_WARNING,
               can.separates_users ? "" : "run gpuletd as root, as a system service");
    snprintf(text, FINDING_SIZE, "%s",
             can.separates_users ? "each job runs under a user number of its own"
                                 : "jobs share this user's number");
    const bool limits = can.limits_memory && can.limits_pids && can.limits_cpu;
    text = add(report, "limits", limits ? HEALTH_OK : HEALTH_WARNING,
               limits ? "" : "run as root, or let the service manager delegate a control group");
    snprintf(text, FINDING_SIZE, "memory: %s, processes: %s, processor: %s, freezing: %s",
             can.limits_memory ? "limited by control group" : "limited a process only",
             can.limits_pids ? "limited by control group" : "limited a user only",
             can.limits_cpu ? "limited by control group" : "not limited",
             can.freezes ? "by control group" : "by signals");
    report->can_host = can.can_run && can.has_seccomp;
}

/* Only looks: to try the sandbox out takes longer than all else at a daemon's start. */
bool
doctor_limits_lack(void)
{
    struct cgroup own;
    char bwrap[256];
    cgroup_find_own(&own);
    sandbox_find_bwrap(bwrap);
    return bwrap[0] == '\0' || own.places[CGROUP_MEMORY].version == 0 ||
           own.places[CGROUP_PIDS].version == 0 || own.places[CGROUP_CPU].version == 0;
}

static void
look_at_gpus(const struct options *options, struct report *report)
{
    struct gpu gpus[GPUS_MAX];
    size_t count = 0;
    char memory[FINDING_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    if (options->simulate[0] != '\0') {
        const enum status status =
            gpus_simulate(bytes_of_text(options->simulate), gpus, &count, &why);
        char *text = add(report, "gpus", status == STATUS_OK ? HEALTH_OK : HEALTH_FAILED, "");
        snprintf(text, FINDING_SIZE, "%zu simulated cards%s%.*s", count,
                 status == STATUS_OK ? "" : ": ", (int)why.length, memory);
        return;
    }
    gpus_find(gpus, &count, &why);
    char *text = add(report, "gpus", count > 0 ? HEALTH_OK : HEALTH_WARNING,
                     count > 0 ? "" : "try --network test-mine --simulate rtx4090x2");
    snprintf(text, FINDING_SIZE, "%.*s", (int)why.length, memory);
    char found[FINDING_SIZE] = "";
    bool is_there = false;
    for (size_t i = 0; gpu_hint(i, &is_there) != NULL; i++) {
        const size_t used = strlen(found);
        if (is_there) {
            snprintf(found + used, sizeof found - used, "%s%s", used == 0 ? "" : ", ",
                     gpu_hint(i, &is_there));
        }
    }
    text = add(report, "gpu drivers", HEALTH_OK, "");
    snprintf(text, FINDING_SIZE, "%s", found[0] == '\0' ? "none of the usual ones" : found);
    report->can_host = report->can_host && count > 0;
}

/* A node whose clock is off by minutes is not believed. */
static void
look_at_clock(struct report *report)
{
    struct timex state = {0};
    const bool is_synced = adjtimex(&state) != TIME_ERROR;
    char *text = add(report, "clock", is_synced ? HEALTH_OK : HEALTH_WARNING,
                     is_synced ? "" : "turn on time synchronisation (systemd-timesyncd, chrony)");
    snprintf(text, FINDING_SIZE, "%s",
             is_synced ? "the clock is kept in step"
                       : "nobody keeps the clock in step; peers compare it at each connection");
}

static void
look_at_disk(const struct options *options, struct report *report)
{
    char path[OPTION_PATH_SIZE];
    snprintf(path, sizeof path, "%s", options->data_dir);
    struct statvfs disk;
    while (statvfs(path, &disk) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) {
            snprintf(path, sizeof path, "/");
            if (statvfs(path, &disk) != 0) {
                return;
            }
            break;
        }
        *slash = '\0';
    }
    const uint64_t free_mib = (uint64_t)disk.f_bavail * disk.f_frsize / 1048576;
    const bool is_enough = free_mib >= DISK_MIB_WANTED;
    char *text = add(report, "disk", is_enough ? HEALTH_OK : HEALTH_FAILED,
                     is_enough ? "" : "make room, or choose another place with --data");
    snprintf(text, FINDING_SIZE, "%llu MiB are free at %.300s", (unsigned long long)free_mib, path);
}

static void
look_at_files(struct report *report)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    const bool is_enough = limit.rlim_max >= FILES_WANTED;
    char *text = add(report, "open files", is_enough ? HEALTH_OK : HEALTH_WARNING,
                     is_enough ? "" : "raise the limit of open files (ulimit -n)");
    snprintf(text, FINDING_SIZE, "up to %llu", (unsigned long long)limit.rlim_max);
}

static void
look_at_namespaces(struct report *report)
{
    char line[32] = "";
    FILE *file = fopen("/proc/sys/kernel/unprivileged_userns_clone", "re");
    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL) {
            line[0] = '\0';
        }
        fclose(file);
    }
    const bool is_off = line[0] == '0';
    char *text = add(report, "user namespaces", is_off ? HEALTH_WARNING : HEALTH_OK,
                     is_off ? "sysctl kernel.unprivileged_userns_clone=1" : "");
    snprintf(text, FINDING_SIZE, "%s",
             is_off ? "this kernel refuses them to plain users" : "allowed");
}

static const char *
health_name(enum health health)
{
    return health == HEALTH_OK ? "ok" : health == HEALTH_WARNING ? "warning" : "failed";
}

static int
print_json(const struct report *report, bool can_run)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];
        json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s}", "name", finding->name,
                                                "state", health_name(finding->health), "finding",
                                                finding->text, "remedy", finding->remedy));
    }
    json_t *document = json_pack("{s:o, s:b, s:b}", "checks", checks, "can_run", can_run,
                                 "can_host", report->can_host);
    const int failed = json_dumpf(document, stdout, JSON_INDENT(2));
    json_decref(document);
    return failed == 0 && printf("\n") > 0 ? 0 : 1;
}

static void
print_table(const struct report *report, bool can_run)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];
        printf("%-8s %-20s %s\n", health_name(finding->health), finding->name, finding->text);
        if (finding->remedy[0] != '\0') {
            printf("%-8s %-20s -> %s\n", "", "", finding->remedy);
        }
    }
    printf("This machine %s.\n", !can_run           ? "cannot run a node"
                                 : report->can_host ? "can rent and host"
                                                    : "can rent; it cannot host real cards");
}

int
doctor_run(const struct options *options)
{
    struct report report = {0};
    look_at_sandbox(&report);
    look_at_namespaces(&report);
    look_at_gpus(options, &report);
    look_at_clock(&report);
    look_at_disk(options, &report);
    look_at_files(&report);
    bool can_run = true;
    for (size_t i = 0; i < report.count; i++) {
        can_run = can_run && report.findings[i].health != HEALTH_FAILED;
    }
    if (options->json) {
        return print_json(&report, can_run) == 0 && can_run ? 0 : 1;
    }
    print_table(&report, can_run);
    return can_run ? 0 : 1;
}
