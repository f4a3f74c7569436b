/* A machine: its clocks, its daemon's life and death, and the loop that the real daemon has in node/io. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/limits.h"
#include "tests/sim/world.h"

enum { BATCH_MAX = 6 };

static const int64_t first_wall_ms = INT64_C(1760000000000);

struct moment
machine_now(const struct world *world, const struct machine *machine)
{
    return (struct moment){
        .wall = {first_wall_ms + world->now_us / MS + machine->wall_ahead_ms},
        .boot = {(world->now_us - machine->boot_at_us) / MS + 1000},
    };
}

int64_t
machine_boot_to_us(const struct machine *machine, uint64_t boot_ms)
{
    return machine->boot_at_us + ((int64_t)boot_ms - 1000) * MS;
}

static void
make_gpus(struct world *world, struct machine *machine)
{
    static const char *const models[] = {"rtx4090", "rtx3090", "rtx3060"};
    machine->gpu_count = machine->is_host ? (size_t)world_between(world, 1, MACHINE_GPUS) : 0;
    const bool two_kinds = world_chance(world, 300);
    for (size_t i = 0; i < machine->gpu_count; i++) {
        struct gpu *gpu = &machine->gpus[i];
        const size_t kind = two_kinds ? i % 2 : 0;
        *gpu = (struct gpu){.number = (uint16_t)i,
                            .slot_group = (uint16_t)kind,
                            .vram_mib = 24576,
                            .fp16_gflops = 100000,
                            .bandwidth_mb_s = 900000,
                            .cuda = 1204,
                            .capability = 809,
                            .pcie_mb_s = 24000,
                            .simulated = true};
        const struct gpu_class *class;
        if (gpu_class_find(bytes_of_text(models[kind]), &class) == STATUS_OK) {
            gpu->gpu_class = class->number;
        }
        snprintf(gpu->model, sizeof gpu->model, "Simulated %s", models[kind]);
        snprintf(gpu->driver, sizeof gpu->driver, "sim");
    }
}

void
machine_init(struct world *world, unsigned index)
{
    struct machine *machine = &world->machines[index];
    struct core_options *options = &machine->options;
    char name[32];
    snprintf(name, sizeof name, "node-%u", index);
    machine->index = index;
    machine->store = memory_store_new();
    machine->effects = effects_new();
    machine->boot_at_us = world->now_us - world_between(world, 0, (int64_t)5000 * SECOND);
    machine->boot_id = world_random(world);
    machine->wall_ahead_ms = world_between(world, -2000, 2000);
    machine->watch_capacity = 256;
    machine->watches = calloc(machine->watch_capacity, sizeof *machine->watches);
    machine->inbox = calloc(INBOX_MAX, sizeof *machine->inbox);
    if (machine->effects == NULL || machine->watches == NULL || machine->inbox == NULL) {
        abort();
    }
    make_gpus(world, machine);
    keypair_for_test(world->seed, bytes_of_text(name), &options->keypair);
    snprintf(options->network_name, sizeof options->network_name, "sim");
    options->network = world->network;
    options->is_test_network = true;
    options->has_issuer = true;
    options->issuer = world->issuer.identity;
    snprintf(options->label, sizeof options->label, "%s", name);
    (void)net_address(index, options->address);
    snprintf(options->stream_address, sizeof options->stream_address, "tcp://127.0.1.%u:7701",
             index + 1);
    options->region = REGION_EU;
    options->up_mbit_s = options->down_mbit_s = 500;
    options->cpu_threads = 16;
    options->ram_mib = 65536;
    options->disk_mib = 500000;
    options->has_decide_program = machine->is_host && world_chance(world, 250);
    options->shelf_records_max = 256;
    options->pid = index + 1;
    people_prepare(world, machine);
}

static void
forget_inbox(struct machine *machine)
{
    for (; machine->inbox_count > 0; machine->inbox_count--) {
        parcel_free(machine->inbox[machine->inbox_first]);
        machine->inbox_first = (machine->inbox_first + 1) % INBOX_MAX;
    }
}

void
machine_clear(struct machine *machine)
{
    core_free(machine->core);
    effects_free(machine->effects);
    memory_store_free(machine->store);
    forget_inbox(machine);
    free(machine->inbox);
    free(machine->watches);
    free(machine->jobs);
    liar_free(machine->liar);
}

struct machine *
machine_of_peer(struct world *world, const struct peer_id *peer)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        if (peer_id_equal(&world->machines[i].options.keypair.identity, peer)) {
            return &world->machines[i];
        }
    }
    return NULL;
}

struct parcel *
parcel_new(const struct event *event, struct bytes bytes)
{
    struct parcel *parcel = malloc(sizeof *parcel);
    uint8_t *memory = malloc(bytes.length + 1);
    if (parcel == NULL || memory == NULL) {
        abort();
    }
    if (bytes.length > 0) {
        memcpy(memory, bytes.data, bytes.length);
    }
    *parcel = (struct parcel){*event, memory};
    return parcel;
}

void
parcel_free(struct parcel *parcel)
{
    if (parcel != NULL) {
        free(parcel->memory);
        free(parcel);
    }
}

static void
plan_wake(struct world *world, struct machine *machine, int64_t at_us)
{
    if (machine->wake_planned_us == 0 || at_us < machine->wake_planned_us) {
        machine->wake_planned_us = at_us;
        world_plan(world, at_us, (struct item){.kind = ITEM_WAKE, .machine = machine->index});
    }
}

void
machine_take(struct world *world, struct machine *machine, struct parcel *parcel)
{
    if (machine->liar != NULL) {
        liar_take(world, machine, &parcel->event);
        parcel_free(parcel);
        return;
    }
    if (machine->core == NULL) {
        parcel_free(parcel);
        return;
    }
    if (machine->inbox_count == INBOX_MAX) {
        world_fail(world, machine, NULL, "the inbox overflows: a storm of events");
        parcel_free(parcel);
        return;
    }
    machine->inbox[(machine->inbox_first + machine->inbox_count) % INBOX_MAX] = parcel;
    machine->inbox_count++;
    /* The loop wakes up at once, or is still busy: how much it finds then differs. */
    plan_wake(world, machine, world->now_us + world_between(world, 0, 3 * MS));
}

void
machine_post(struct world *world, struct machine *machine, const struct event *event)
{
    machine_take(world, machine, parcel_new(event, bytes_of(NULL, 0)));
}

size_t
machine_gpus(const struct machine *machine, struct gpu ret_list[MACHINE_GPUS])
{
    size_t count = 0;
    for (size_t i = 0; i < machine->gpu_count; i++) {
        if (i + 1 != machine->lost_card) {
            ret_list[count] = machine->gpus[i];
            count++;
        }
    }
    return count;
}

void
machine_tell_gpus(struct world *world, struct machine *machine)
{
    struct gpu list[MACHINE_GPUS];
    struct event event = {.type = EVENT_GPUS};
    event.as.gpus.count = machine_gpus(machine, list);
    struct parcel *parcel = parcel_new(&event, bytes_of(list, event.as.gpus.count * sizeof *list));
    parcel->event.as.gpus.list = (const struct gpu *)(const void *)parcel->memory;
    machine_take(world, machine, parcel);
}

static bool
tick_is_due(const struct world *world, const struct machine *machine)
{
    return core_next_deadline(machine->core).ms <= machine_now(world, machine).boot.ms;
}

static void
plan_next_tick(struct world *world, struct machine *machine)
{
    const int64_t at_us =
        machine_boot_to_us(machine, (uint64_t)core_next_deadline(machine->core).ms);
    /* A core that asks for no time at all would stop the world. */
    const int64_t least_us = world->now_us + MS;
    plan_wake(world, machine, at_us < least_us ? least_us : at_us);
}

void
machine_wake(struct world *world, struct machine *machine)
{
    if (machine->core == NULL || machine->asleep || world->failed) {
        return;
    }
    struct parcel *taken[BATCH_MAX];
    size_t count = 0;
    const size_t most = (size_t)world_between(world, 1, BATCH_MAX);
    while (count < most && machine->inbox_count > 0 && effects_have_room(machine->effects)) {
        struct parcel *parcel = machine->inbox[machine->inbox_first];
        machine->inbox_first = (machine->inbox_first + 1) % INBOX_MAX;
        machine->inbox_count--;
        taken[count++] = parcel;
        machine_step(world, machine, &parcel->event);
    }
    if (tick_is_due(world, machine) && effects_have_room(machine->effects)) {
        machine_step(world, machine, &(struct event){.type = EVENT_TICK});
    }
    const bool lives = machine_carry_out(world, machine);
    for (size_t i = 0; i < count; i++) {
        parcel_free(taken[i]);
    }
    if (lives && machine->core != NULL) {
        if (machine->inbox_count > 0) {
            plan_wake(world, machine, world->now_us + world_between(world, 0, MS));
        }
        plan_next_tick(world, machine);
    }
}

/* The gossip was damaged and set aside: it comes again from the others. */
static void
lose_cache(struct machine *machine)
{
    static const enum table tables[] = {TABLE_RECORDS, TABLE_GUARDS};
    for (size_t t = 0; t < 2; t++) {
        size_t count;
        struct row *rows = memory_store_list(machine->store, tables[t], &count);
        for (size_t i = 0; i < count; i++) {
            const struct row_key key = rows[i].key;
            memory_store_delete(machine->store, tables[t], &key);
        }
        free(rows);
    }
}

void
machine_start(struct world *world, struct machine *machine)
{
    machine->run_since_us = world->now_us;
    if (world_chance(world, 40)) {
        lose_cache(machine);
    }
    machine->checks_until_us = 0;
    machine_replay(world, machine);
    for (size_t i = 0; i < DIALS_MAX; i++) {
        machine->dials[i] = (struct dial){.used = false};
    }
    plan_wake(world, machine, world->now_us);
}

void
machine_crash(struct world *world, struct machine *machine, bool reboot)
{
    world->tally.crashes++;
    world->tally.reboots += reboot;
    core_free(machine->core);
    machine->core = NULL;
    machine->run++;
    effects_clear(machine->effects);
    forget_inbox(machine);
    net_machine_gone(world, machine);
    people_machine_gone(world, machine);
    machine->crash_point = CRASH_NONE;
    int64_t away_us = world_between(world, 50 * MS, 8 * SECOND);
    if (reboot) {
        away_us += world_between(world, 2 * SECOND, 40 * SECOND);
        jobs_die(world, machine);
        machine->boot_at_us = world->now_us + away_us / 2;
        machine->boot_id = world_random(world);
    }
    machine->asleep = false;
    world_plan(
        world, world->now_us + away_us,
        (struct item){.kind = ITEM_START, .machine = machine->index, .number = machine->run});
}
