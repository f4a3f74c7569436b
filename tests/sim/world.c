#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"

enum { FAULT_EVERY_US = 400 * MS, CALM_EVERY_US = SECOND, CALM_US_MAX = 900 * SECOND };
/* Of one machine in five seconds without anything to do. */
enum { QUIET_STEPS_MAX = 100 };

enum { STORM_S_MIN = 60, STORM_S_MAX = 240 };

uint64_t
world_random(struct world *world)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    world->random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = world->random;
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t
world_below(struct world *world, uint64_t limit)
{
    return limit == 0 ? 0 : world_random(world) % limit;
}

int64_t
world_between(struct world *world, int64_t least, int64_t most)
{
    return least + (int64_t)world_below(world, (uint64_t)(most - least) + 1);
}

bool
world_chance(struct world *world, unsigned per_thousand)
{
    return world_below(world, 1000) < per_thousand;
}

static bool
item_is_before(const struct item *a, const struct item *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->serial < b->serial);
}

void
world_plan(struct world *world, int64_t at_us, struct item item)
{
    if (world->queue_count == world->queue_capacity) {
        world->queue_capacity = world->queue_capacity * 2 + 256;
        world->queue = realloc(world->queue, world->queue_capacity * sizeof *world->queue);
        if (world->queue == NULL) {
            abort();
        }
    }
    item.at_us = at_us < world->now_us ? world->now_us : at_us;
    item.serial = ++world->serial;
    size_t at = world->queue_count++;
    while (at > 0 && item_is_before(&item, &world->queue[(at - 1) / 2])) {
        world->queue[at] = world->queue[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->queue[at] = item;
}

static struct item
take_first(struct world *world)
{
    const struct item first = world->queue[0];
    const struct item last = world->queue[--world->queue_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->queue_count) {
            break;
        }
        if (child + 1 < world->queue_count &&
            item_is_before(&world->queue[child + 1], &world->queue[child])) {
            child++;
        }
        if (!item_is_before(&world->queue[child], &last)) {
            break;
        }
        world->queue[at] = world->queue[child];
        at = child;
    }
    world->queue[at] = last;
    return first;
}

void
world_fail(struct world *world, const struct machine *a, const struct machine *b,
           const char *format, ...)
{
    if (world->failed) {
        return;
    }
    world->failed = true;
    va_list arguments;
    printf("\nsim: FAILED with SEED=%llu at step %llu, %lld.%06lld virtual seconds\nsim: ",
           (unsigned long long)world->seed, (unsigned long long)world->tally.steps,
           (long long)(world->now_us / SECOND), (long long)(world->now_us % SECOND));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    if (a != NULL) {
        trace_print(world, a);
    }
    if (b != NULL && b != a) {
        trace_print(world, b);
    }
    printf("sim: repeat with SEED=%llu STEPS=%llu\n", (unsigned long long)world->seed,
           (unsigned long long)world->step_limit);
}

/* Two to four hosts, two or three renters, now and then a liar; every machine may also do the other's part. */
static void
make_machines(struct world *world)
{
    const unsigned hosts = (unsigned)world_between(world, 2, 4);
    const unsigned renters = (unsigned)world_between(world, 2, 3);
    const bool liar = world_chance(world, 700);
    world->machine_count = hosts + renters + (liar ? 1 : 0);
    for (unsigned i = 0; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        machine->is_host = i < hosts || world_chance(world, 150);
        machine->is_renter = i >= hosts || world_chance(world, 250);
        machine_init(world, i);
        if (liar && i + 1 == world->machine_count) {
            machine->liar = liar_new(world, i);
            machine->is_host = machine->is_renter = false;
        }
    }
}

static struct world *
make_world(uint64_t seed, enum plant plant)
{
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL) {
        abort();
    }
    world->seed = seed;
    world->random = seed * UINT64_C(0xD1342543DE82EF95) + 1;
    world->plant = plant;
    world->faults = true;
    world->now_us = SECOND;
    keypair_for_test(seed, bytes_of_text("issuer"), &world->issuer);
    network_id_make(bytes_of_text("sim"), true, &world->issuer.identity, &world->network);
    check_prepare(world);
    return world;
}

static void
start_machines(struct world *world)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        world_plan(world, world->now_us + world_between(world, 0, 300 * MS),
                   (struct item){.kind = ITEM_START, .machine = i});
        world_plan(world, world->now_us + world_between(world, 500 * MS, 1500 * MS),
                   (struct item){.kind = ITEM_PERSON, .machine = i});
    }
}

struct world *
world_new(uint64_t seed, enum plant plant)
{
    struct world *world = make_world(seed, plant);
    make_machines(world);
    start_machines(world);
    world_plan(world, world->now_us + 3 * SECOND, (struct item){.kind = ITEM_FAULT});
    world_plan(world, world->now_us + world_between(world, STORM_S_MIN, STORM_S_MAX) * SECOND,
               (struct item){.kind = ITEM_CALM});
    return world;
}

struct world *
world_new_duel(uint64_t seed, uint64_t rounds)
{
    struct world *world = make_world(seed, PLANT_NONE);
    duel_prepare(world, rounds);
    start_machines(world);
    return world;
}

void
world_free(struct world *world)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        machine_clear(&world->machines[i]);
    }
    for (size_t i = 0; i < world->queue_count; i++) {
        parcel_free(world->queue[i].parcel);
    }
    free(world->queue);
    free(world);
}

static void
wake_up(struct world *world, struct machine *machine)
{
    machine->asleep = false;
    jobs_resume(world, machine);
    machine_wake(world, machine);
}

static void
begin_calm(struct world *world)
{
    world->calm = true;
    world->faults = false;
    world->calm_since_us = world->now_us;
    world->quiet_since_us = 0;
    faults_stop(world);
}

static void
end_calm(struct world *world)
{
    const uint64_t steps = world->tally.steps - world->quiet_steps;
    if (steps > (uint64_t)QUIET_STEPS_MAX * world->machine_count) {
        world_fail(world, &world->machines[0], &world->machines[1],
                   "%llu steps in five quiet seconds: somebody talks for ever",
                   (unsigned long long)steps);
    }
    check_books(world);
    world->calm = false;
    world->faults = true;
    world->tally.calms++;
    world_plan(world, world->now_us + FAULT_EVERY_US, (struct item){.kind = ITEM_FAULT});
}

/* While it is calm: until nothing is open for five seconds, then the books must agree. */
static void
calm_second(struct world *world)
{
    int64_t next_us = world->now_us + CALM_EVERY_US;
    if (!world->calm) {
        begin_calm(world);
    } else if (check_is_quiet(world)) {
        if (world->quiet_since_us == 0) {
            world->quiet_since_us = world->now_us;
            world->quiet_steps = world->tally.steps;
        }
        if (world->now_us - world->quiet_since_us >= 5 * SECOND) {
            end_calm(world);
            next_us = world->now_us + world_between(world, STORM_S_MIN, STORM_S_MAX) * SECOND;
        }
    } else {
        world->quiet_since_us = 0;
        if (world->now_us - world->calm_since_us > CALM_US_MAX) {
            world_fail(world, NULL, NULL, "not quiet %d s after the last fault",
                       CALM_US_MAX / SECOND);
            check_print_open(world);
        }
    }
    world_plan(world, next_us, (struct item){.kind = ITEM_CALM});
}

static void
happen(struct world *world, const struct item *item)
{
    struct machine *machine = &world->machines[item->machine];
    switch (item->kind) {
    case ITEM_WAKE:
        if (machine->wake_planned_us == item->at_us) {
            machine->wake_planned_us = 0; /* else an earlier one has taken its place */
            machine_wake(world, machine);
        }
        break;
    case ITEM_PARCEL:
        if (machine->run != item->number) {
            parcel_free(item->parcel); /* meant for a daemon that is no more */
        } else {
            machine_take(world, machine, item->parcel);
        }
        break;
    case ITEM_WIRE_END:
        net_wire_end(world, item->number, item->machine);
        break;
    case ITEM_DIAL:
        net_attempt(world, machine, item->number);
        break;
    case ITEM_JOB:
        job_happens(world, machine, item->number);
        break;
    case ITEM_START:
        if (machine->core == NULL && machine->liar == NULL && machine->run == item->number) {
            machine_start(world, machine);
        } else if (machine->liar != NULL) {
            liar_act(world, machine);
        }
        break;
    case ITEM_RESUME:
        if (machine->asleep) {
            wake_up(world, machine);
        }
        break;
    case ITEM_FAULT:
        if (world->faults) {
            faults_act(world);
            world_plan(world, world->now_us + world_between(world, 1, 2 * FAULT_EVERY_US),
                       (struct item){.kind = ITEM_FAULT});
        }
        break;
    case ITEM_PERSON:
        people_act(world, machine);
        break;
    case ITEM_LIAR:
        liar_act(world, machine);
        break;
    case ITEM_CALM:
        calm_second(world);
        break;
    }
}

bool
world_run(struct world *world, uint64_t steps)
{
    world->step_limit = steps;
    /* The last storm is followed by a calm, so that every run ends with its books compared. */
    while (!world->failed && !world->duel.is_over) {
        const bool over = world->tally.steps >= steps;
        if (over && !world->calm && world->tally.calms > 0 && world->check_trace_at == 0) {
            begin_calm(world);
            const uint64_t calms = world->tally.calms;
            while (!world->failed && world->tally.calms == calms && world->queue_count > 0) {
                const struct item item = take_first(world);
                world->now_us = item.at_us;
                happen(world, &item);
            }
            break;
        }
        if (over && world->check_trace_at != 0) {
            break;
        }
        const struct item item = take_first(world);
        world->now_us = item.at_us;
        happen(world, &item);
    }
    world->tally.virtual_us = world->now_us;
    return !world->failed;
}
