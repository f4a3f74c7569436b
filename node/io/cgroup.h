/* Control groups of a job, version 1 and 2 mixed, each controller where this machine has it.
 *
 * A job's group is made below the daemon's own, so that the owner's limits on the daemon bind its
 * jobs too. Freezing and killing use version 2 when it is mounted, even beside version 1 limits.
 */
#ifndef GPULET_NODE_IO_CGROUP_H
#define GPULET_NODE_IO_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/bytes.h"
#include "protocol/status.h"

enum { CGROUP_PATH_SIZE = 768 };

enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_CPU,
    CGROUP_FREEZER,
    CGROUP_CONTROLLERS
};

/* A directory of a cgroup file system; version 0: there is none. */
struct cgroup_place {
    unsigned version;
    char path[CGROUP_PATH_SIZE];
};

/* Where groups can be made (the daemon's own group), or one job's group. */
struct cgroup {
    struct cgroup_place places[CGROUP_CONTROLLERS];
};

struct cgroup_limits {
    uint64_t memory_mib; /* 0: no limit, for each */
    uint32_t pids_max;
    uint32_t cpu_threads;
};

/* Finds the own groups from the texts of /proc/self/mountinfo and /proc/self/cgroup. */
void cgroup_parse_own(const char *mountinfo, const char *membership, struct cgroup *ret);

/* The own groups below which this process may make groups; what is missing has version 0. */
void cgroup_find_own(struct cgroup *ret);

/* Pure version 2 allows limits only below a group without processes: moves this process into a group
 * "gpuletd" of its own and hands the controllers down. Nothing to do elsewhere. For the daemon's
 * start. STATUS_UNAVAILABLE: other processes live in the group, whom we do not move; STATUS_PERMISSION
 * and others: it was not delegated to us. Jobs then go without limits, as sandbox_capabilities says. */
enum status cgroup_prepare_own(void) MUST_USE;

/* Makes a group `name` below `own`. What cannot be made has version 0 in *ret; this is no error.
 * STATUS_BUSY: processes live in a group of this name. */
enum status cgroup_create(const struct cgroup *own, const char *name, struct cgroup *ret) MUST_USE;

/* Sets the limits where the controllers are. STATUS_SYSTEM when the kernel refuses one. */
enum status cgroup_limit(const struct cgroup *group, const struct cgroup_limits *limits) MUST_USE;

/* fork(), for a process with one thread. In the child *ret_entered is STATUS_OK when it is in all of
 * the group, where its children stay, or says why it is not; in the parent it is left alone. */
pid_t cgroup_fork(const struct cgroup *group, enum status *ret_entered);

/* STATUS_UNAVAILABLE without a freezer. Takes effect within a millisecond or so. */
enum status cgroup_freeze(const struct cgroup *group, bool frozen) MUST_USE;

/* SIGKILL to every process of the group, frozen or not; call again until cgroup_is_empty.
 * STATUS_UNAVAILABLE when no controller can tell the processes. */
enum status cgroup_kill(const struct cgroup *group) MUST_USE;

/* True as well when there is no group. */
bool cgroup_is_empty(const struct cgroup *group);

/* Processes of the group killed by its memory limit; 0 without a memory controller. */
uint64_t cgroup_oom_kills(const struct cgroup *group);

/* Removes the empty group. STATUS_BUSY while a process is left. */
enum status cgroup_remove(const struct cgroup *group) MUST_USE;

/* A group as text, one line a controller, and back. STATUS_CORRUPT. */
void cgroup_save(const struct cgroup *group, struct buffer *buffer);
enum status cgroup_load(struct bytes text, struct cgroup *ret) MUST_USE;

#endif
