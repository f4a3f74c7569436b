/* `gpulet market --scenario`: the shortage, run and shown. */
#ifndef GPULET_CLI_SCENARIO_H
#define GPULET_CLI_SCENARIO_H

#include "cli/command.h"
#include "node/market/scenario.h"

/* The kinds of work in the order they are cleared: what the fewest cards can do first, since the others
 * have more to choose from. */
extern const enum work scenario_order[WORK_COUNT];

struct scenario_stage {
    const char *name;
    const char *work; /* "" : all */
    uint64_t took_us;
};

enum { SCENARIO_STAGES_MAX = 1 + 3 * WORK_COUNT };

/* A scenario that has run, and what it took. */
struct scenario_run {
    struct scenario_options options;
    struct scenario *scenario;
    struct scenario_stage stages[SCENARIO_STAGES_MAX];
    size_t stage_count;
    uint64_t took_us;
    uint64_t peak_bytes; /* of this process */
};

/* Runs what the command line asks for. Returns an exit code. */
int run_scenario(const struct invocation *invocation);

/* Prints it for people: EXIT_DONE, or why not. */
int scenario_print(const struct scenario_run *run);

/* The same as one document. */
int scenario_print_json(const struct scenario_run *run);

#endif
