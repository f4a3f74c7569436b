/* The write-ahead rule in the virtual world, and every way in which a disk or a power cut can spoil a batch. */
#include <stdio.h>
#include <string.h>

#include "protocol/codec.h"
#include "tests/sim/world.h"

static bool
is_stored(const struct effect *effect)
{
    return effect->type <= EFFECT_DELETE_EVIDENCE;
}

static bool
stores_something(const struct machine *machine)
{
    for (size_t i = 0; i < machine->effects->count; i++) {
        if (is_stored(&machine->effects->list[i])) {
            return true;
        }
    }
    return false;
}

static bool
stores_lease(const struct machine *machine)
{
    for (size_t i = 0; i < machine->effects->count; i++) {
        const struct effect *effect = &machine->effects->list[i];
        if (effect->type == EFFECT_STORE_ROW && effect->as.row.table == TABLE_LEASES) {
            return true;
        }
    }
    return false;
}

static struct row_key
key_of(const uint8_t id[ID_LENGTH], uint64_t number)
{
    struct row_key key = {.number = number};
    memcpy(key.id, id, ID_LENGTH);
    return key;
}

static void
put_record(struct machine *machine, enum table table, struct row_key key,
           const struct verified_record *record)
{
    const struct row row = {.table = table, .key = key, .value = verified_bytes(record)};
    memory_store_put(machine->store, &row);
}

/* Planted faults of the world: each must be found by a check. */
static bool
is_planted_loss(struct world *world, const struct effect *effect)
{
    if (effect->type != EFFECT_STORE_ROW) {
        return false;
    }
    const enum table table = effect->as.row.table;
    return world->plant == PLANT_LOST_ROW && table == TABLE_LEDGER && world_chance(world, 20);
}

/* One micro-unit out of nowhere. */
static void
put_row(struct world *world, struct machine *machine, const struct row *row)
{
    struct balance_row balance;
    uint8_t memory[512];
    struct buffer buffer;
    struct row put = *row;
    if (world->plant == PLANT_MONEY && row->table == TABLE_BALANCES && world_chance(world, 20) &&
        codec_decode(&balance_row_schema, row->value, &balance) == STATUS_OK) {
        struct amount one = amount_zero();
        buffer_init(&buffer, memory, sizeof memory);
        if (amount_of_micro(1, &one) == STATUS_OK &&
            amount_add(balance.receivable_uusd, one, &balance.receivable_uusd) == STATUS_OK &&
            codec_encode(&balance_row_schema, &balance, &buffer) == STATUS_OK) {
            put.value = buffer_bytes(&buffer);
        }
    }
    memory_store_put(machine->store, &put);
}

static void
write_one(struct world *world, struct machine *machine, const struct effect *effect)
{
    struct memory_store *store = machine->store;
    if (is_planted_loss(world, effect)) {
        return;
    }
    switch ((int)effect->type) {
    case EFFECT_STORE_ROW:
        put_row(world, machine, &effect->as.row);
        break;
    case EFFECT_DELETE_ROW:
        memory_store_delete(store, effect->as.row.table, &effect->as.row.key);
        break;
    case EFFECT_STORE_RECORD:
        put_record(machine, TABLE_RECORDS, key_of(verified_id(&effect->as.record)->bytes, 0),
                   &effect->as.record);
        break;
    case EFFECT_DELETE_RECORD: {
        const struct row_key key = key_of(effect->as.record_id.bytes, 0);
        memory_store_delete(store, TABLE_RECORDS, &key);
        break;
    }
    case EFFECT_STORE_EVIDENCE:
        put_record(machine, TABLE_EVIDENCE,
                   key_of(effect->as.evidence.hold.bytes, effect->as.evidence.what),
                   &effect->as.evidence.record);
        break;
    case EFFECT_DELETE_EVIDENCE: {
        const struct row_key key = key_of(effect->as.evidence.hold.bytes, effect->as.evidence.what);
        memory_store_delete(store, TABLE_EVIDENCE, &key);
        break;
    }
    default:
        break;
    }
}

static void
commit(struct world *world, struct machine *machine)
{
    world->tally.commits++;
    check_commit(world, machine);
    for (size_t i = 0; i < machine->effects->count; i++) {
        if (is_stored(&machine->effects->list[i])) {
            write_one(world, machine, &machine->effects->list[i]);
        }
    }
}

/* In a worker thread: takes its time, but verdicts come in the order in which the work was given out. */
static void
check_signature(struct world *world, struct machine *machine, const struct effect *effect)
{
    struct event event = {.type = EVENT_RECORD_VERIFIED};
    struct parcel *parcel = parcel_new(&event, effect->as.frame.bytes);
    struct event *result = &parcel->event;
    const struct bytes sealed = bytes_of(parcel->memory, effect->as.frame.bytes.length);
    result->as.checked.link = effect->as.frame.link;
    const enum status status = record_open(sealed, &world->network, &result->as.checked.record);
    if (status != STATUS_OK) {
        result->type = EVENT_RECORD_REFUSED;
        result->as.checked.status = status;
    }
    int64_t at_us = world->now_us + world_between(world, 50, 5 * MS);
    at_us = at_us < machine->checks_until_us ? machine->checks_until_us : at_us;
    machine->checks_until_us = at_us;
    world_plan(world, at_us,
               (struct item){.kind = ITEM_PARCEL,
                             .machine = machine->index,
                             .number = machine->run,
                             .parcel = parcel});
}

static void
decide(struct world *world, struct machine *machine, const struct effect *effect)
{
    const struct event event = {
        .type = EVENT_DECIDED,
        .as.decided = {.token = effect->as.decide.token, .accepted = world_chance(world, 850)}};
    if (world_chance(world, 30)) {
        return; /* the program hangs */
    }
    world_plan(world, world->now_us + world_between(world, 5 * MS, 400 * MS),
               (struct item){.kind = ITEM_PARCEL,
                             .machine = machine->index,
                             .number = machine->run,
                             .parcel = parcel_new(&event, bytes_of(NULL, 0))});
}

static void
act(struct world *world, struct machine *machine, const struct effect *effect)
{
    switch ((int)effect->type) {
    case EFFECT_SEND:
        check_send(world, machine, effect->as.frame.bytes);
        net_send(world, machine, effect->as.frame.link, effect->as.frame.bytes);
        break;
    case EFFECT_DIAL:
        net_dial(world, machine, effect->as.dial.address, &effect->as.dial.key);
        break;
    case EFFECT_DROP:
        net_drop(world, machine, effect->as.drop.link, effect->as.drop.why);
        break;
    case EFFECT_CHECK:
        check_signature(world, machine, effect);
        break;
    case EFFECT_ANSWER:
        people_answer(world, machine, effect->as.answer.client, effect->as.answer.bytes);
        break;
    case EFFECT_ANSWER_LEDGER:
    case EFFECT_ANSWER_RECEIPT:
        people_done(world, machine, effect->as.stored.client);
        break;
    case EFFECT_JOB_START:
        check_job_start(world, machine, &effect->as.job);
        job_effect(world, machine, effect);
        break;
    case EFFECT_JOB_FREEZE:
    case EFFECT_JOB_THAW:
    case EFFECT_JOB_WARN:
    case EFFECT_JOB_KILL:
    case EFFECT_JOB_PAY:
    case EFFECT_JOB_REMOVE:
    case EFFECT_STREAM_DIAL:
    case EFFECT_STREAM_ALLOW:
        job_effect(world, machine, effect);
        break;
    case EFFECT_DECIDE:
        decide(world, machine, effect);
        break;
    case EFFECT_LOG:
        if (world->verbose) {
            printf("%lld machine %u: %.*s\n", (long long)(world->now_us / SECOND), machine->index,
                   (int)effect->as.log.text.length, (const char *)effect->as.log.text.data);
        }
        break;
    default:
        break;
    }
}

/* Nothing of the batch is on the disk, and the core knows things that are not true. */
static void
rebuild(struct world *world, struct machine *machine)
{
    world->tally.commits_refused++;
    people_machine_gone(world, machine);
    machine->disk_full = false; /* so that recovery itself can be kept */
    machine_replay(world, machine);
    machine->disk_full = true;
    net_announce(world, machine);
    machine_post(world, machine, &(struct event){.type = EVENT_SPACE, .as.space = DISK_FULL});
}

bool
machine_carry_out(struct world *world, struct machine *machine)
{
    struct effects *effects = machine->effects;
    const bool stores = stores_something(machine);
    const bool hits = machine->crash_at_lease ? stores_lease(machine) : stores;
    const enum crash_point point = hits ? machine->crash_point : CRASH_NONE;
    const bool send_first = world->plant == PLANT_WRITE_AHEAD && point == CRASH_BEFORE_COMMIT;
    if (point == CRASH_BEFORE_COMMIT && !send_first) {
        machine_crash(world, machine, world_chance(world, 250));
        return false;
    }
    if (stores && machine->disk_full && world_chance(world, 300)) {
        rebuild(world, machine);
        return false;
    }
    if (!send_first) {
        commit(world, machine);
    }
    const size_t until = point == CRASH_AFTER_COMMIT ? 0
                         : point == CRASH_MIDWAY     ? world_below(world, effects->count + 1)
                                                     : effects->count;
    for (size_t i = 0; i < until && !world->failed; i++) {
        act(world, machine, &effects->list[i]);
    }
    if (point != CRASH_NONE) {
        machine_crash(world, machine, world_chance(world, 250));
        return false;
    }
    effects_clear(effects);
    return true;
}
