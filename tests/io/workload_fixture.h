/* One job for a test: its directory, its spec, what it printed; and a test program that is its own
 * supervisor, sandbox init and hostile renter. */
#ifndef GPULET_TESTS_IO_WORKLOAD_FIXTURE_H
#define GPULET_TESTS_IO_WORKLOAD_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/io/workload.h"

enum { FIXTURE_OUTPUT_MAX = 64 * 1024 };

struct fixture {
    char base[64];
    char job_dir[160];
    const char *arguments[16];
    struct workload_spec spec;
    struct workload *workload;
    struct workload_status status; /* last told */
    bool has_exit;
    bool has_end[2];
    uint64_t received[2];                   /* bytes, whether kept or not */
    uint64_t gaps[2];                       /* bytes that were skipped */
    char output[2][FIXTURE_OUTPUT_MAX + 1]; /* the first of them, with a NUL */
    uint64_t stdin_offset;                  /* of the last CREDIT event */
    uint64_t stdin_limit;
};

/* A fresh directory and a spec for the command, NULL-terminated; generous limits; attached. */
void fixture_init(struct fixture *fixture, const char *const *command);
/* For /bin/sh -c SCRIPT. */
void fixture_init_shell(struct fixture *fixture, const char *script);

/* Starts and connects; the first STATUS event was taken, both outputs are being read. */
void fixture_start(struct fixture *fixture);
void fixture_connect(struct fixture *fixture);

/* Takes one event, for at most so long; false when there was none. Reads on with `credit_ahead` bytes
 * of credit. */
bool fixture_step(struct fixture *fixture, int wait_ms);
/* Takes events until EXIT and both EOFs came; fails the test after so long. */
void fixture_finish(struct fixture *fixture, int within_ms);
/* Takes events until the state is reached. */
void fixture_await_state(struct fixture *fixture, enum workload_state state, int within_ms);
/* Takes events until stdout holds the text. */
void fixture_await_output(struct fixture *fixture, const char *text, int within_ms);
/* Start, finish, disconnect. */
void fixture_run(struct fixture *fixture, int within_ms);

/* Processes of the job as its cgroup or its process tree tells them. */
unsigned fixture_process_count(const struct fixture *fixture);
/* True while the supervisor runs. */
bool fixture_supervisor_is_alive(const struct fixture *fixture);

/* Destroys the job and its directory, and fails the test when anything of it is left. */
void fixture_clear(struct fixture *fixture);

/* True when the sandbox cannot work on this machine at all; the reason was printed. */
bool fixture_cannot_run(void);

int64_t fixture_now_ms(void);

#endif
