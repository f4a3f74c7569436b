/* Connections: frames keep their order and are either all delivered or the connection breaks; after that
 * nobody knows what has arrived. Both ends learn of a break, each in its time. */
#include <stdio.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/message.h"
#include "tests/sim/world.h"

enum { PAUSE_LEAST_US = 200 * MS, PAUSE_MOST_US = 8 * SECOND, REFUSE_US = 20 * SECOND };
enum { LOSS_PER_THOUSAND = 4, REPEAT_PER_THOUSAND = 15 };

struct bytes
net_address(unsigned machine, char ret_text[64])
{
    const int length = snprintf(ret_text, 64, "tcp://127.0.1.%u:7700", machine + 1);
    return bytes_of(ret_text, (size_t)length);
}

static struct machine *
machine_at(struct world *world, const char *address)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        char text[64];
        if (bytes_are_text(net_address(i, text), address)) {
            return &world->machines[i];
        }
    }
    return NULL;
}

bool
net_can_reach(const struct world *world, unsigned a, unsigned b)
{
    return (world->partition >> a & 1) == (world->partition >> b & 1);
}

static struct wire *
wire_of_number(struct world *world, uint64_t number)
{
    for (size_t i = 0; i < WIRES_MAX; i++) {
        if (world->wires[i].used && world->wires[i].number == number) {
            return &world->wires[i];
        }
    }
    return NULL;
}

struct wire *
net_wire_of(struct world *world, unsigned machine, struct link link, unsigned *ret_end)
{
    for (size_t i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &world->wires[i];
        for (unsigned end = 0; wire->used && end < 2; end++) {
            if (wire->ends[end].machine == machine && wire->ends[end].link.number == link.number &&
                wire->ends[end].told_up) {
                *ret_end = end;
                return wire;
            }
        }
    }
    return NULL;
}

static void
deliver(struct world *world, unsigned machine, int64_t at_us, struct parcel *parcel)
{
    world_plan(world, at_us,
               (struct item){.kind = ITEM_PARCEL,
                             .machine = machine,
                             .number = world->machines[machine].run,
                             .parcel = parcel});
}

static void
plan_end(struct world *world, struct wire *wire, unsigned end, int64_t at_us)
{
    if (wire->ends[end].told_up && !wire->ends[end].down_planned) {
        wire->ends[end].down_planned = true;
        world_plan(world, at_us < wire->latest_us[end] ? wire->latest_us[end] : at_us,
                   (struct item){.kind = ITEM_WIRE_END,
                                 .machine = wire->ends[end].machine,
                                 .number = wire->number});
    }
}

void
net_break(struct world *world, struct wire *wire)
{
    if (!wire->alive) {
        return;
    }
    wire->alive = false;
    world->tally.wires_broken++;
    for (unsigned end = 0; end < 2; end++) {
        const int64_t later_us = world_chance(world, 700)
                                     ? world_between(world, MS, 500 * MS)
                                     : world_between(world, SECOND, 10 * SECOND);
        plan_end(world, wire, end, world->now_us + later_us);
    }
}

static struct dial *
dial_of_wire(struct machine *machine, uint64_t number)
{
    for (size_t i = 0; i < DIALS_MAX; i++) {
        if (machine->dials[i].used && machine->dials[i].wire == number) {
            return &machine->dials[i];
        }
    }
    return NULL;
}

static void
plan_attempt(struct world *world, struct machine *machine, const struct dial *dial, int64_t in_us)
{
    world_plan(
        world, world->now_us + in_us,
        (struct item){.kind = ITEM_DIAL,
                      .machine = machine->index,
                      .number = (uint64_t)(dial - machine->dials) | (uint64_t)machine->run << 8});
}

static void
try_again(struct world *world, struct machine *machine, struct dial *dial)
{
    dial->wire = 0;
    dial->pause_us = dial->pause_us == 0 ? PAUSE_LEAST_US : dial->pause_us * 2;
    dial->pause_us = dial->pause_us > PAUSE_MOST_US ? PAUSE_MOST_US : dial->pause_us;
    plan_attempt(world, machine, dial,
                 world_between(world, dial->pause_us / 2, dial->pause_us * 3 / 2));
}

static void
forget_wire(struct wire *wire)
{
    if (!wire->ends[0].told_up && !wire->ends[1].told_up) {
        wire->used = false;
    }
}

/* An end that was alive until now is told that its connection is gone. */
void
net_wire_end(struct world *world, uint64_t number, unsigned index)
{
    struct wire *wire = wire_of_number(world, number);
    struct machine *machine = &world->machines[index];
    if (wire == NULL) {
        return;
    }
    for (unsigned end = 0; end < 2; end++) {
        struct wire_end *here = &wire->ends[end];
        if (here->machine != index || !here->told_up) {
            continue;
        }
        here->told_up = false;
        const struct event event = {.type = EVENT_LINK_DOWN, .as.link_down = here->link};
        machine_post(world, machine, &event);
        struct dial *dial = end == 0 ? dial_of_wire(machine, number) : NULL;
        if (dial != NULL) {
            try_again(world, machine, dial);
        }
    }
    forget_wire(wire);
}

void
net_dial(struct world *world, struct machine *machine, struct bytes address,
         const struct channel_key *key)
{
    struct dial *place = NULL;
    for (size_t i = 0; i < DIALS_MAX; i++) {
        struct dial *dial = &machine->dials[i];
        if (dial->used && bytes_are_text(address, dial->address)) {
            return;
        }
        place = place == NULL && !dial->used ? dial : place;
    }
    if (place == NULL || address.length >= sizeof place->address) {
        return;
    }
    *place = (struct dial){.used = true, .key = *key};
    memcpy(place->address, address.data, address.length);
    plan_attempt(world, machine, place, world_between(world, MS, 50 * MS));
}

static void
tell_up(struct world *world, struct wire *wire, unsigned end)
{
    const struct wire_end *here = &wire->ends[end];
    const struct machine *there = &world->machines[wire->ends[1 - end].machine];
    char address[64];
    const struct bytes text = net_address(there->index, address);
    const struct event event = {.type = EVENT_LINK_UP};
    struct parcel *parcel = parcel_new(&event, text);
    parcel->event.as.link_up.link = here->link;
    parcel->event.as.link_up.key = there->options.keypair.channel_key;
    parcel->event.as.link_up.outbound = end == 0;
    parcel->event.as.link_up.address = bytes_of(parcel->memory, text.length);
    wire->latest_us[end] = world->now_us + world_between(world, 0, 5 * MS);
    deliver(world, here->machine, wire->latest_us[end], parcel);
}

static void
connect(struct world *world, struct machine *machine, struct dial *dial, struct machine *there)
{
    struct wire *wire = NULL;
    for (size_t i = 0; i < WIRES_MAX && wire == NULL; i++) {
        wire = world->wires[i].used ? NULL : &world->wires[i];
    }
    if (wire == NULL) {
        try_again(world, machine, dial);
        return;
    }
    world->wire_serial++;
    *wire = (struct wire){
        .used = true,
        .number = world->wire_serial,
        .alive = true,
        .ends = {{machine->index, {world->link_serial + 1}, true, false},
                 {there->index, {world->link_serial + 2}, true, false}},
        .latency_us = world_between(world, 200, world_chance(world, 200) ? 150 * MS : 20 * MS),
    };
    world->link_serial += 2;
    dial->wire = wire->number;
    dial->pause_us = 0;
    tell_up(world, wire, 0);
    tell_up(world, wire, 1);
}

void
net_attempt(struct world *world, struct machine *machine, uint64_t number)
{
    struct dial *dial = &machine->dials[number & 0xFF];
    const bool runs = machine->core != NULL || machine->liar != NULL;
    if (!dial->used || dial->wire != 0 || number >> 8 != machine->run || !runs) {
        return;
    }
    struct machine *there = machine_at(world, dial->address);
    if (there == NULL || (there->core == NULL && there->liar == NULL) || there->asleep ||
        machine->asleep || !net_can_reach(world, machine->index, there->index) ||
        there->refused_until_us[machine->index] > world->now_us) {
        try_again(world, machine, dial);
        return;
    }
    connect(world, machine, dial, there);
}

static bool
is_hello(struct bytes bytes)
{
    uint8_t type;
    return message_type(bytes, &type) == STATUS_OK && type == MESSAGE_HELLO;
}

void
net_send(struct world *world, struct machine *machine, struct link link, struct bytes bytes)
{
    unsigned end;
    struct wire *wire = net_wire_of(world, machine->index, link, &end);
    if (wire == NULL || !wire->alive) {
        return;
    }
    world->tally.frames++;
    const unsigned there = wire->ends[1 - end].machine;
    if (!net_can_reach(world, machine->index, there)) {
        /* Swallowed; the keep-alive will notice. */
        if (world_chance(world, 200)) {
            net_break(world, wire);
        }
        return;
    }
    if (world->faults && world_chance(world, LOSS_PER_THOUSAND)) {
        net_break(world, wire);
        return;
    }
    int64_t at_us =
        world->now_us + wire->latency_us + world_between(world, 0, wire->latency_us / 2 + 100);
    unsigned copies = 1;
    if (world->faults && !is_hello(bytes) && world_chance(world, REPEAT_PER_THOUSAND)) {
        copies = 2;
        world->tally.frames_repeated++;
    }
    for (; copies > 0; copies--) {
        struct event event = {.type = EVENT_FRAME};
        struct parcel *parcel = parcel_new(&event, bytes);
        parcel->event.as.frame.link = wire->ends[1 - end].link;
        parcel->event.as.frame.bytes = bytes_of(parcel->memory, bytes.length);
        at_us = at_us <= wire->latest_us[1 - end] ? wire->latest_us[1 - end] + 1 : at_us;
        wire->latest_us[1 - end] = at_us;
        deliver(world, there, at_us, parcel);
    }
}

/* An honest node has no reason to throw out another one, but its silence. */
static bool
drop_is_fair(const char *why)
{
    static const char *const fair[] = {"it is silent", "it did not introduce itself",
                                       "it sends too much", "too many connections"};
    for (size_t i = 0; i < sizeof fair / sizeof fair[0]; i++) {
        if (strcmp(why, fair[i]) == 0) {
            return true;
        }
    }
    return false;
}

void
net_drop(struct world *world, struct machine *machine, struct link link, const char *why)
{
    unsigned end;
    struct wire *wire = net_wire_of(world, machine->index, link, &end);
    world->tally.drops++;
    if (wire == NULL) {
        return;
    }
    struct machine *there = &world->machines[wire->ends[1 - end].machine];
    if (there->liar == NULL && machine->liar == NULL && !drop_is_fair(why)) {
        world_fail(world, machine, there, "machine %u drops honest machine %u: %s", machine->index,
                   there->index, why);
    }
    struct dial *dial = end == 0 ? dial_of_wire(machine, wire->number) : NULL;
    if (dial != NULL) {
        dial->used = false;
    } else if (end == 1) {
        machine->refused_until_us[there->index] = world->now_us + REFUSE_US;
    }
    wire->alive = false;
    plan_end(world, wire, end, world->now_us);
    plan_end(world, wire, 1 - end, world->now_us + world_between(world, MS, 100 * MS));
}

/* A core that was rebuilt while its daemon lived on hears again of every connection. */
void
net_announce(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &world->wires[i];
        for (unsigned end = 0; wire->used && end < 2; end++) {
            if (wire->ends[end].machine == machine->index && wire->ends[end].told_up) {
                tell_up(world, wire, end);
            }
        }
    }
}

void
net_machine_gone(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &world->wires[i];
        for (unsigned end = 0; wire->used && end < 2; end++) {
            if (wire->ends[end].machine == machine->index) {
                wire->ends[end].told_up = false;
                wire->alive = false;
                plan_end(world, wire, 1 - end,
                         world->now_us + world_between(world, MS, 3 * SECOND));
                forget_wire(wire);
            }
        }
    }
    for (size_t i = 0; i < DIALS_MAX; i++) {
        machine->dials[i].used = false;
    }
}
