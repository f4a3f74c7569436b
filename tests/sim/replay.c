/* Recovery, in the order that node/io keeps: what the store holds goes into a new core as events. */
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "tests/sim/world.h"

void
machine_step(struct world *world, struct machine *machine, const struct event *event)
{
    struct event now = *event;
    now.now = machine_now(world, machine);
    trace_event(world, machine, &now);
    const size_t before = machine->effects->count;
    core_step(machine->core, &now, machine->effects);
    world->tally.steps++;
    for (size_t i = before; i < machine->effects->count; i++) {
        trace_effect(world, machine, &machine->effects->list[i]);
    }
    if (world->tally.steps == world->check_trace_at) {
        world->trace_kept = world->trace;
    }
}

/* Recovery may say more than one batch holds. Nothing of it is crashed or refused: faults come later. */
static void
recovery_step(struct world *world, struct machine *machine, const struct event *event)
{
    machine_step(world, machine, event);
    world->tally.recovery_steps++;
    if (!effects_have_room(machine->effects)) {
        (void)machine_carry_out(world, machine);
    }
}

/* A planted fault: the disk forgets that slots are let. */
static bool
is_forgotten(struct world *world, const struct row *row)
{
    struct lease_row lease;
    return world->plant == PLANT_DOUBLE_SLOT && row->table == TABLE_LEASES &&
           codec_decode(&lease_row_schema, row->value, &lease) == STATUS_OK && lease.is_host &&
           lease_state_holds_slots((enum lease_state)lease.state) && world_chance(world, 700);
}

static void
replay_table(struct world *world, struct machine *machine, enum table table)
{
    size_t count;
    struct row *rows = memory_store_list(machine->store, table, &count);
    const size_t first = table == TABLE_LEDGER && count > 0 ? count - 1 : 0;
    for (size_t i = first; i < count; i++) {
        const struct event event = {.type = EVENT_ROW, .as.row = rows[i]};
        if (!is_forgotten(world, &rows[i])) {
            recovery_step(world, machine, &event);
        }
    }
    free(rows);
}

static bool
lease_is_open(struct machine *machine, const uint8_t hold[ID_LENGTH])
{
    struct row_key key = {.number = 0};
    struct bytes value;
    struct lease_row row;
    memcpy(key.id, hold, ID_LENGTH);
    return memory_store_get(machine->store, TABLE_LEASES, &key, &value) &&
           codec_decode(&lease_row_schema, value, &row) == STATUS_OK &&
           lease_state_is_open((enum lease_state)row.state);
}

static void
replay_evidence(struct world *world, struct machine *machine)
{
    size_t count;
    struct row *rows = memory_store_list(machine->store, TABLE_EVIDENCE, &count);
    for (size_t i = 0; i < count; i++) {
        struct event event = {.type = EVENT_EVIDENCE};
        const bool is_grant = rows[i].key.number == EVIDENCE_GRANT;
        if (!is_grant && !lease_is_open(machine, rows[i].key.id)) {
            continue;
        }
        memcpy(event.as.evidence.hold.bytes, rows[i].key.id, ID_LENGTH);
        event.as.evidence.what = (uint8_t)rows[i].key.number;
        if (record_from_store(rows[i].value, &world->network, &event.as.evidence.record) !=
            STATUS_OK) {
            world_fail(world, machine, NULL, "stored evidence cannot be read back");
            break;
        }
        recovery_step(world, machine, &event);
    }
    free(rows);
}

static int
compare_issue(const void *a, const void *b)
{
    const struct verified_record *left = a;
    const struct verified_record *right = b;
    const uint64_t first = verified_envelope(left)->issued_at_s;
    const uint64_t second = verified_envelope(right)->issued_at_s;
    if (first != second) {
        return first < second ? -1 : 1;
    }
    return memcmp(verified_id(left)->bytes, verified_id(right)->bytes, ID_LENGTH);
}

static void
replay_records(struct world *world, struct machine *machine)
{
    size_t count;
    struct row *rows = memory_store_list(machine->store, TABLE_RECORDS, &count);
    struct verified_record *records = calloc(count + 1, sizeof *records);
    if (records == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (record_from_store(rows[i].value, &world->network, &records[i]) != STATUS_OK) {
            world_fail(world, machine, NULL, "a stored record cannot be read back");
            count = i;
        }
    }
    qsort(records, count, sizeof *records, compare_issue);
    for (size_t i = 0; i < count; i++) {
        const struct event event = {.type = EVENT_STORED_RECORD, .as.record = records[i]};
        recovery_step(world, machine, &event);
    }
    free(records);
    free(rows);
}

void
machine_replay(struct world *world, struct machine *machine)
{
    static const enum table before_evidence[] = {TABLE_SETTINGS, TABLE_SEQUENCES, TABLE_LISTINGS,
                                                 TABLE_BALANCES, TABLE_LEASES};
    core_free(machine->core);
    machine->core = core_new(&machine->options);
    if (machine->core == NULL) {
        abort();
    }
    effects_clear(machine->effects);
    const struct event started = {.type = EVENT_STARTED,
                                  .as.started = {.seed = world_random(world),
                                                 .boot_id = machine->boot_id,
                                                 .boot_nonce = world_random(world)}};
    recovery_step(world, machine, &started);
    for (size_t i = 0; i < sizeof before_evidence / sizeof before_evidence[0]; i++) {
        replay_table(world, machine, before_evidence[i]);
    }
    replay_evidence(world, machine);
    replay_table(world, machine, TABLE_LEDGER);
    replay_table(world, machine, TABLE_REQUESTS);
    replay_table(world, machine, TABLE_GANGS);
    replay_table(world, machine, TABLE_PEERS);
    const struct event recovered = {.type = EVENT_RECOVERED};
    recovery_step(world, machine, &recovered);
    replay_table(world, machine, TABLE_GUARDS);
    replay_records(world, machine);
    struct gpu list[MACHINE_GPUS];
    const struct event gpus = {.type = EVENT_GPUS, .as.gpus = {machine_gpus(machine, list), list}};
    recovery_step(world, machine, &gpus);
    jobs_adopt(world, machine);
    (void)machine_carry_out(world, machine);
}
