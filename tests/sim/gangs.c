/* Gangs in the simulated world: people who want several hosts at once, what must hold for every gang, and
 * two gangs that want the same hosts again and again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "protocol/message.h"
#include "tests/sim/world.h"

enum { ROW_CONFIRMING = 2, ROW_RUNNING = 3, NO_RANK = UINT16_MAX };
enum { DUEL_HOSTS = 30, DUEL_SIZE = 20, DUEL_SPARES = 2, DUEL_WAIT_US = 60 * SECOND };

static struct amount
micro(int64_t value)
{
    struct amount amount = amount_zero();
    if (amount_of_micro(value, &amount) != STATUS_OK) {
        abort();
    }
    return amount;
}

static bool
read_question(const struct gang_row *row, struct control_rent *ret_ask, struct request *ret_request)
{
    return codec_decode(control_schema(CONTROL_RENT), row->question, ret_ask) == STATUS_OK &&
           codec_decode(&request_schema, ret_ask->request, ret_request) == STATUS_OK;
}

static struct gang_watch *
watch_of_gang(struct machine *machine, const struct record_id *id)
{
    struct gang_watch *oldest = &machine->gangs[0];
    for (size_t i = 0; i < GANG_WATCHES_MAX; i++) {
        struct gang_watch *watch = &machine->gangs[i];
        if (watch->serial != 0 && record_id_equal(&watch->id, id)) {
            return watch;
        }
        oldest = watch->serial < oldest->serial ? watch : oldest;
    }
    *oldest = (struct gang_watch){.id = *id, .serial = ++machine->gang_serial};
    return oldest;
}

/* Before go nobody has promised any money, and no job was ordered. */
static void
check_nothing_owed(struct world *world, struct machine *machine, const struct gang_watch *gang)
{
    for (size_t i = 0; i < gang->hold_count; i++) {
        const struct watch *watch = watch_find(machine, &gang->holds[i]);
        if (watch != NULL && !watch->deleted &&
            (!amount_is_zero(watch->row.voucher_uusd) || !amount_is_zero(watch->row.final_uusd) ||
             watch->row.started_at_ms != 0)) {
            world_fail(world, machine, machine_of_peer(world, &watch->row.peer),
                       "a member of a gang that was not admitted is paid");
        }
    }
}

static unsigned
count_ordered(struct machine *machine, const struct gang_row *row)
{
    unsigned count = 0;
    for (size_t i = 0; i < row->seats.count; i++) {
        struct gang_seat_row seat;
        if (codec_decode(&gang_seat_row_schema, row->seats.items[i], &seat) != STATUS_OK) {
            continue;
        }
        const struct watch *watch = watch_find(machine, &seat.hold);
        count += seat.rank != NO_RANK && watch != NULL && watch->row.state >= LEASE_STARTING &&
                 watch->row.state < LEASE_VOID;
    }
    return count;
}

/* All or nothing: until go no member costs anything; go is said to at least the minimum, in one commit. */
void
check_gang_row(struct world *world, struct machine *machine, const struct row *stored)
{
    struct gang_row row;
    struct control_rent ask;
    struct request request;
    if (codec_decode(&gang_row_schema, stored->value, &row) != STATUS_OK ||
        !read_question(&row, &ask, &request)) {
        world_fail(world, machine, NULL, "a gang's row that cannot be read back");
        return;
    }
    struct gang_watch *gang = watch_of_gang(machine, &row.id);
    gang->hold_count = 0;
    for (size_t i = 0; i < row.seats.count && i < GANG_HOLDS_WATCHED; i++) {
        struct gang_seat_row seat;
        if (codec_decode(&gang_seat_row_schema, row.seats.items[i], &seat) == STATUS_OK) {
            gang->holds[gang->hold_count++] = seat.hold;
        }
    }
    if (row.phase == ROW_CONFIRMING) {
        world->tally.gangs_certified++;
        check_nothing_owed(world, machine, gang);
    } else if (row.phase == ROW_RUNNING && !gang->has_run) {
        const unsigned least = request.gang_min == 0 ? request.hosts : request.gang_min;
        gang->has_run = true;
        world->tally.gangs_admitted++;
        if (count_ordered(machine, &row) < least || row.world < least ||
            row.world > request.hosts) {
            world_fail(world, machine, NULL, "a gang of at least %u begins with %u of %u", least,
                       count_ordered(machine, &row), row.world);
        }
    }
}

void
check_gang_deleted(struct world *world, struct machine *machine, const struct row *row)
{
    struct record_id id;
    memcpy(id.bytes, row->key.id, ID_LENGTH);
    const struct gang_watch *gang = watch_of_gang(machine, &id);
    if (!gang->has_run) {
        check_nothing_owed(world, machine, gang);
    }
}

/* What tells the jobs of one gang from those of another; 1 without a gang. */
static uint64_t
gang_mark(const struct start_message *start)
{
    static const char name[] = "GPULET_GANG_ID=";
    uint64_t mark = 1;
    for (size_t i = 0; i < start->environment.count; i++) {
        const struct bytes entry = start->environment.items[i];
        if (entry.length >= sizeof name - 1 + sizeof mark &&
            memcmp(entry.data, name, sizeof name - 1) == 0) {
            memcpy(&mark, entry.data + sizeof name - 1, sizeof mark);
        }
    }
    return mark;
}

/* A standing request is served once, whoever crashes when: by one job, or by those of one gang. */
void
check_standing(struct world *world, struct machine *machine, const struct effect_job *order)
{
    static const char prefix[] = "standing-";
    static struct start_message start;
    unsigned number = 0;
    if (codec_decode(&start_message_schema, order->arguments, &start) != STATUS_OK ||
        start.arguments.items[0].length < sizeof prefix ||
        memcmp(start.arguments.items[0].data, prefix, sizeof prefix - 1) != 0) {
        return;
    }
    const struct bytes text = start.arguments.items[0];
    for (size_t i = sizeof prefix - 1; i < text.length; i++) {
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    const uint64_t mark = gang_mark(&start);
    const uint64_t before = number < STANDINGS_MAX ? world->standing_started[number] : 1;
    if (before != 0 && (mark == 1 || before != mark)) {
        world_fail(world, machine, NULL, "standing request %u is served twice", number);
        return;
    }
    world->tally.standings_served += before == 0;
    world->standing_started[number] = mark;
}

/* What somebody asks for who wants several hosts: `memory` holds the request. */
struct control_rent
gang_question(const struct request *request, struct buffer *memory)
{
    if (codec_encode(&request_schema, request, memory) != STATUS_OK) {
        abort();
    }
    return (struct control_rent){.request = buffer_bytes(memory),
                                 .arguments = {.count = 1, .items = {bytes_of_text("work")}}};
}

/* The hosts offer, the renters know a few peers; both renters ask as soon as everything is over. */
static bool
is_all_free(struct world *world)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        const struct machine *machine = &world->machines[i];
        for (size_t w = 0; w < machine->watch_capacity; w++) {
            const struct watch *watch = &machine->watches[w];
            if (watch->used && !watch->deleted && watch->row.state < LEASE_CLOSED) {
                return false;
            }
        }
    }
    return true;
}

static void
ask_both(struct world *world)
{
    uint8_t bytes[1024];
    struct buffer memory;
    struct request request = request_default();
    request.hosts = DUEL_SIZE;
    request.gang_min = DUEL_SIZE;
    request.spares = DUEL_SPARES;
    request.duration_s = 30;
    request.duration_min_s = 30;
    buffer_init(&memory, bytes, sizeof bytes);
    const struct control_rent question = gang_question(&request, &memory);
    world->duel.asked_at_us = world->now_us;
    world->duel.admitted_before = world->tally.gangs_admitted;
    world->duel.done_before = world->tally.rents_ok + world->tally.rents_refused;
    for (unsigned i = DUEL_HOSTS; i < DUEL_HOSTS + 2; i++) {
        people_ask(world, &world->machines[i], CONTROL_RENT, &question);
    }
    world->duel.is_on = true;
}

static void
end_round(struct world *world)
{
    const bool is_won = world->tally.gangs_admitted > world->duel.admitted_before;
    world->duel.is_on = false;
    world->duel.rounds++;
    world->duel.won += is_won;
    if (world->verbose) {
        printf("round %llu: %llu admitted after %lld ms\n", (unsigned long long)world->duel.rounds,
               (unsigned long long)(world->tally.gangs_admitted - world->duel.admitted_before),
               (long long)((world->now_us - world->duel.asked_at_us) / MS));
    }
    if (world->duel.rounds == world->duel.rounds_wanted) {
        world->duel.is_over = true;
    }
}

/* Instead of people_act, while there is a duel. */
void
duel_act(struct world *world, struct machine *machine)
{
    const int64_t passed_us = world->now_us - world->duel.asked_at_us;
    if (machine->core == NULL || machine->index != DUEL_HOSTS) {
        return;
    }
    if (!world->duel.is_on && world->now_us > 20 * SECOND && is_all_free(world)) {
        ask_both(world);
    } else if (world->duel.is_on) {
        const uint64_t dones = world->tally.rents_ok + world->tally.rents_refused;
        if (dones == world->duel.done_before + 2 && is_all_free(world)) {
            end_round(world);
        } else if (passed_us > 4 * DUEL_WAIT_US) {
            world_fail(world, machine, &world->machines[DUEL_HOSTS + 1],
                       "two gangs are not done after %lld s", (long long)(passed_us / SECOND));
        }
    }
}

/* Thirty hosts with one card each, and two renters that want twenty of them, at once. */
void
duel_prepare(struct world *world, uint64_t rounds)
{
    world->duel.rounds_wanted = rounds;
    world->faults = false;
    world->machine_count = DUEL_HOSTS + 2;
    for (unsigned i = 0; i < world->machine_count; i++) {
        world->machines[i].is_host = i < DUEL_HOSTS;
        world->machines[i].is_renter = i >= DUEL_HOSTS;
        machine_init(world, i);
    }
}

void
duel_offer(struct world *world, struct machine *machine)
{
    const struct control_host question = {
        .gpu_mask = 1, .ask_uusd_per_hour = micro(300000), .lease_max_s = 3600};
    people_ask(world, machine, CONTROL_HOST, &question);
}
