/* What goes wrong, and how often. */
#include "tests/sim/world.h"

static struct machine *
some_machine(struct world *world)
{
    return &world->machines[world_below(world, world->machine_count)];
}

/* The next batch that stores something is cut off somewhere. */
static void
crash(struct world *world, struct machine *machine)
{
    machine->crash_at_lease = world_chance(world, 600);
    machine->crash_point =
        (enum crash_point)world_between(world, CRASH_BEFORE_COMMIT, CRASH_MIDWAY);
}

static void
jump_clock(struct world *world, struct machine *machine)
{
    machine->wall_ahead_ms = world_chance(world, 800) ? world_between(world, -5000, 5000)
                                                      : world_between(world, -90000, 90000);
    machine->jumped_at_us = world->now_us;
    world->tally.clock_jumps++;
}

static void
sleep_a_while(struct world *world, struct machine *machine)
{
    if (machine->asleep || machine->core == NULL) {
        return;
    }
    jobs_sleep(world, machine);
    machine->asleep = true;
    world->tally.sleeps++;
    const int64_t for_us = world_chance(world, 800)
                               ? world_between(world, 100 * MS, 10 * SECOND)
                               : world_between(world, 10 * SECOND, 90 * SECOND);
    world_plan(world, world->now_us + for_us,
               (struct item){.kind = ITEM_RESUME, .machine = machine->index});
}

static void
part(struct world *world)
{
    if (world->partition != 0) {
        world->partition = 0;
        return;
    }
    world->partition = (uint32_t)world_below(world, 1u << world->machine_count);
    world->tally.partitions++;
}

static void
break_wire(struct world *world)
{
    struct wire *wire = &world->wires[world_below(world, WIRES_MAX)];
    for (size_t i = 0; i < WIRES_MAX && !(wire->used && wire->alive); i++) {
        wire = &world->wires[(size_t)(wire - world->wires + 1) % WIRES_MAX];
    }
    if (wire->used && wire->alive) {
        net_break(world, wire);
    }
}

static void
tell_space(struct world *world, struct machine *machine, enum disk space)
{
    if (machine->core != NULL) {
        machine_post(world, machine, &(struct event){.type = EVENT_SPACE, .as.space = space});
    }
}

static void
fill_disk(struct world *world, struct machine *machine)
{
    machine->disk_full = !machine->disk_full;
    tell_space(world, machine, machine->disk_full ? DISK_FULL : DISK_NORMAL);
}

static void
owner_plays(struct world *world, struct machine *machine)
{
    if (machine->core == NULL || machine->gpu_count == 0) {
        return;
    }
    const uint64_t mask = 1 + world_below(world, (1u << machine->gpu_count) - 1);
    const struct event event = {.type =
                                    world_chance(world, 500) ? EVENT_OWNER_BACK : EVENT_OWNER_AWAY,
                                .as.owner_mask = mask};
    machine_post(world, machine, &event);
}

/* A card falls off the bus, or is back. */
static void
lose_card(struct world *world, struct machine *machine)
{
    if (machine->core == NULL || machine->gpu_count == 0) {
        return;
    }
    machine->lost_card = machine->lost_card != 0 || !world->faults
                             ? 0
                             : (unsigned)world_between(world, 1, (int64_t)machine->gpu_count);
    machine_tell_gpus(world, machine);
}

void
faults_act(struct world *world)
{
    struct machine *machine = some_machine(world);
    const uint64_t what = world_below(world, 1000);
    if (machine->liar != NULL) {
        return;
    }
    if (what < 60) {
        crash(world, machine);
    } else if (what < 90) {
        jump_clock(world, machine);
    } else if (what < 110) {
        sleep_a_while(world, machine);
    } else if (what < 135) {
        part(world);
    } else if (what < 200) {
        break_wire(world);
    } else if (what < 215 || (machine->disk_full && what < 600)) {
        fill_disk(world, machine);
    } else if (what < 245 && machine->is_host) {
        owner_plays(world, machine);
    } else if (what < 255 || (machine->lost_card != 0 && what < 350)) {
        lose_card(world, machine);
    }
}

void
faults_stop(struct world *world)
{
    world->partition = 0;
    for (unsigned i = 0; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        machine->crash_point = CRASH_NONE;
        machine->jumped_at_us = machine->wall_ahead_ms != 0 ? world->now_us : machine->jumped_at_us;
        machine->wall_ahead_ms = 0;
        for (unsigned j = 0; j < MACHINES_MAX; j++) {
            machine->refused_until_us[j] = 0;
        }
        if (machine->disk_full) {
            machine->disk_full = false;
            tell_space(world, machine, DISK_NORMAL);
        }
        if (machine->lost_card != 0) {
            lose_card(world, machine);
        }
        if (machine->core != NULL && machine->gpu_count > 0) {
            const struct event event = {.type = EVENT_OWNER_AWAY, .as.owner_mask = UINT64_MAX};
            machine_post(world, machine, &event);
        }
    }
}
