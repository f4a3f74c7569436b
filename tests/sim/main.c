/* The simulator: SEED and STEPS in the environment; SIM_PLANT plants a fault that must be found. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/record.h"
#include "tests/sim/world.h"

enum { WORLD_STEPS = 60000, TWICE_STEPS = 8000 };

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || *text == 0 ? otherwise : strtoull(text, NULL, 10);
}

static enum plant
plant_of(const char *text)
{
    static const char *const names[] = {"", "write-ahead", "double-slot", "lost-row", "money"};
    for (unsigned i = 1; text != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (enum plant)i;
        }
    }
    return PLANT_NONE;
}

static void
add(uint64_t *into, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        into[i] += from[i];
    }
}

static void
add_tally(struct tally *into, const struct tally *from)
{
    /* All counts; the last member is a time, which adds up as well. */
    add((uint64_t *)(void *)into, (const uint64_t *)(const void *)from,
        sizeof *into / sizeof(uint64_t));
}

static void
print_counts(const char *what, const uint64_t *counts, size_t count, const char *(*name)(unsigned))
{
    printf("%s:", what);
    for (unsigned i = 0; i < count; i++) {
        if (counts[i] > 0) {
            printf(" %s %" PRIu64 "%s", name(i), counts[i], i + 1 < count ? "," : "");
        }
    }
    printf("\n");
}

static const char *
reason_name(unsigned reason)
{
    return name_table_name(&end_reason_names, reason);
}

static void
print_tally(const struct tally *tally)
{
    print_counts("events", tally->events, EVENT_TYPES, trace_event_name);
    print_counts("effects", tally->effects, EFFECT_TYPES, trace_effect_name);
    printf("faults: %" PRIu64 " crashes (%" PRIu64 " reboots), %" PRIu64
           " commits refused, %" PRIu64 " connections broken, %" PRIu64 " frames repeated, %" PRIu64
           " partitions, %" PRIu64 " clock jumps, %" PRIu64 " sleeps, %" PRIu64 " lies\n",
           tally->crashes, tally->reboots, tally->commits_refused, tally->wires_broken,
           tally->frames_repeated, tally->partitions, tally->clock_jumps, tally->sleeps,
           tally->lies);
    printf("gangs: %" PRIu64 " asked for, %" PRIu64 " certified, %" PRIu64 " admitted\n",
           tally->gangs_asked, tally->gangs_certified, tally->gangs_admitted);
    printf("market: %" PRIu64 " rents (%" PRIu64 " done, %" PRIu64 " refused), %" PRIu64
           " holds, %" PRIu64 " leases, %" PRIu64 " jobs, %" PRIu64
           " standing requests served of %" PRIu64 " offers\n",
           tally->rents, tally->rents_ok, tally->rents_refused, tally->holds, tally->leases,
           tally->jobs, tally->standings_served, tally->offers);
    print_counts("ended", tally->ends, END_REASON_COUNT, reason_name);
    printf("books compared %" PRIu64 " times in %" PRId64 " virtual seconds, %" PRIu64 " commits\n",
           tally->calms, tally->virtual_us / SECOND, tally->commits);
}

/* The same seed must give the same bytes. */
static bool
same_twice(uint64_t seed, enum plant plant, uint64_t *ret_trace)
{
    uint64_t traces[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct world *world = world_new(seed, plant);
        world->check_trace_at = TWICE_STEPS;
        const bool good = world_run(world, TWICE_STEPS);
        traces[i] = world->trace_kept;
        world_free(world);
        if (!good) {
            return false;
        }
    }
    *ret_trace = traces[0];
    if (traces[0] != traces[1]) {
        printf("sim: FAILED: seed %" PRIu64 " gave two traces, %016" PRIx64 " and %016" PRIx64 "\n",
               seed, traces[0], traces[1]);
    }
    return traces[0] == traces[1];
}

static double
seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Two gangs of 20 over 30 hosts: at least one of them must get in, nearly always. */
static int
run_duel(uint64_t seed, uint64_t rounds)
{
    struct world *world = world_new_duel(seed, rounds);
    world->verbose = getenv("SIM_VERBOSE") != NULL;
    const bool good = world_run(world, UINT64_MAX);
    const uint64_t won = world->duel.won;
    printf("gangs: seed %" PRIu64 ", %" PRIu64 " rounds of two gangs of 20 over 30 hosts, %" PRIu64
           " with one admitted, %" PRIu64 " gangs admitted, %" PRId64 " virtual seconds, %" PRIu64
           " steps\n",
           seed, world->duel.rounds, won, world->tally.gangs_admitted, world->now_us / SECOND,
           world->tally.steps);
    world_free(world);
    return good && won * 100 >= rounds * 99 ? 0 : 1;
}

int
main(void)
{
    const uint64_t seed = number_of("SEED", 1);
    const uint64_t steps = number_of("STEPS", 200000);
    const enum plant plant = plant_of(getenv("SIM_PLANT"));
    struct tally tally = {.steps = 0};
    uint64_t trace = 0;
    uint64_t first_trace;
    unsigned worlds = 0;
    const double began = seconds_now();
    setvbuf(stdout, NULL, _IOLBF, 0);
    const uint64_t rounds = number_of("GANGS", 0);
    if (rounds > 0) {
        return crypto_start() == STATUS_OK ? run_duel(seed, rounds) : 1;
    }
    if (crypto_start() != STATUS_OK || !same_twice(seed, plant, &first_trace)) {
        return 1;
    }
    while (tally.steps < steps) {
        const uint64_t left = steps - tally.steps;
        struct world *world = world_new(seed + worlds, plant);
        world->verbose = getenv("SIM_VERBOSE") != NULL;
        const unsigned nodes = world->machine_count;
        const bool good = world_run(world, left < WORLD_STEPS ? left : WORLD_STEPS);
        add_tally(&tally, &world->tally);
        trace = trace * 31 + world->trace;
        worlds++;
        if (world->verbose) {
            printf("world %u: seed %" PRIu64 ", %u nodes, %" PRIu64 " steps, trace %016" PRIx64
                   "\n",
                   worlds, world->seed, nodes, world->tally.steps, world->trace);
        }
        world_free(world);
        if (!good) {
            return 1;
        }
    }
    const double took = seconds_now() - began;
    printf("sim: seed %" PRIu64 ", %u worlds of 4 to 8 nodes, %" PRIu64 " steps (%" PRIu64
           " of recovery)\n",
           seed, worlds, tally.steps, tally.recovery_steps);
    print_tally(&tally);
    printf("trace %016" PRIx64 ", the same twice over %d steps; %.0f steps/s\n", trace, TWICE_STEPS,
           (double)tally.steps / took);
    return 0;
}
