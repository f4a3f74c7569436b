/* The walls around a renter's program: bubblewrap's command line, system call filter, identity.
 *
 * The job sees the host's /usr (and /bin, /lib*, which belong to it) read-only, an /etc of our own,
 * private /tmp, /proc and /dev, and its workspace. It has no network, no capabilities, and never
 * the host's uid 0.
 */
#ifndef GPULET_NODE_IO_SANDBOX_H
#define GPULET_NODE_IO_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "node/io/workload.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

enum { SANDBOX_REASON_SIZE = 160, SANDBOX_PATH_SIZE = 4096, SANDBOX_INHERITED_MAX = 8 };

/* What this machine lets us enforce; for doctor and for the listing. */
struct sandbox_capabilities {
    bool can_run;         /* bwrap is here and can make its namespaces */
    bool has_seccomp;     /* the system call filter can be made */
    bool separates_users; /* jobs have uids of their own; false when gpuletd is not root */
    bool limits_memory;   /* by cgroup; else only each process by RLIMIT_DATA */
    bool limits_pids;     /* by cgroup; else by RLIMIT_NPROC in the job's user namespace */
    bool limits_cpu;      /* by cgroup; else not at all */
    bool freezes;         /* by cgroup; else by SIGSTOP */
    char bwrap_path[256]; /* "" when not found */
    char reason[SANDBOX_REASON_SIZE]; /* why it cannot run; "" when it can */
};

/* Looks and tries; takes some 10 ms, 3 s at most. */
void sandbox_capabilities(struct sandbox_capabilities *ret);

/* Whether a renter may set this NAME=VALUE. STATUS_REFUSED (loader and driver settings, what the
 * host sets itself) and STATUS_BAD_INPUT (no name) write one sentence into ret_reason. */
enum status sandbox_check_environment(const char *entry, char ret_reason[SANDBOX_REASON_SIZE])
    MUST_USE;

/* Where bwrap is, searched in the system's directories; "" when nowhere. */
void sandbox_find_bwrap(char ret_path[256]);

/* Appends the BPF program that refuses what a job has no need for; takes 1 ms, and is the same for all
 * jobs. STATUS_UNAVAILABLE, STATUS_NO_MEMORY, STATUS_NO_SPACE: over WORKLOAD_FILTER_BYTES_MAX. */
enum status sandbox_filter(struct buffer *buffer) MUST_USE;

/* Where bwrap finds what it binds. */
struct sandbox_sources {
    char workspace[SANDBOX_PATH_SIZE];
    char init[SANDBOX_PATH_SIZE]; /* "": from init_descriptor, as a copy */
    int init_descriptor;
};

/* What to exec, with the descriptors bwrap will read. Owned; sandbox_command_clear. */
struct sandbox_command {
    char program[256];
    const char **arguments; /* ends with NULL; argv[0] first */
    char *memory;           /* the texts of the arguments */
    int descriptors[SANDBOX_INHERITED_MAX];
    size_t descriptor_count;
};

/* The program in the sandbox that starts the job's own program gets its numbers as arguments. */
struct sandbox_init {
    int channel; /* inherited socket to the supervisor */
    int streams[3];
    uint64_t processes_max; /* RLIMIT_NPROC, 0: none */
    uint64_t data_bytes;    /* RLIMIT_DATA, 0: none */
};

/* Builds bwrap's command line: options through a descriptor, so that /proc shows no secrets.
 * STATUS_REFUSED: an environment entry; STATUS_NO_SPACE; STATUS_UNAVAILABLE: no bwrap; others. */
enum status sandbox_command_build(const struct workload_spec *spec,
                                  const struct sandbox_sources *sources,
                                  const struct sandbox_init *init, struct sandbox_command *ret)
    MUST_USE;

/* Closes and frees; half-built and zeroed ones too. */
void sandbox_command_clear(struct sandbox_command *command);

/* As root, in the child that will become bwrap: shows workspace and init at paths any uid can reach,
 * in a mount namespace of its own, since the daemon's directories are closed to other users. */
enum status sandbox_stage(int workspace, int init, struct sandbox_sources *ret) MUST_USE;
/* The paths sandbox_stage will make. */
void sandbox_staged_sources(struct sandbox_sources *ret);

/* As root: gives up every group but those the device nodes need, and then root itself for good.
 * STATUS_OUT_OF_RANGE: uid 0. STATUS_PERMISSION. */
enum status sandbox_become(uid_t uid, const char *const *device_paths, size_t device_count)
    MUST_USE;

#endif
