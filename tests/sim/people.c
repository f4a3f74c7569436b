/* People at their command lines: they ask, wait for the one DONE, lose patience, and go away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/peer_address.h"
#include "tests/sim/world.h"

enum { GRANT_UUSD = 400000000, SHORT_GRANT_UUSD = 200000 };

static struct client_model *
new_client(struct world *world, struct machine *machine, uint8_t asked)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client_model *client = &world->clients[i];
        const bool over = (client->dones > 0 || client->gone) &&
                          world->now_us - client->asked_at_us > 60 * SECOND;
        if (!client->used || over) {
            world->client_serial++;
            *client = (struct client_model){.used = true,
                                            .machine = machine->index,
                                            .run = machine->run,
                                            .number = world->client_serial,
                                            .asked = asked,
                                            .asked_at_us = world->now_us};
            return client;
        }
    }
    return NULL;
}

/* Sends a question; the answer is awaited. NULL when the daemon does not run. */
static struct client_model *
ask(struct world *world, struct machine *machine, uint8_t type, const void *question)
{
    static const struct control_plain plain;
    struct client_model *client = machine->core == NULL ? NULL : new_client(world, machine, type);
    if (client == NULL) {
        return NULL;
    }
    uint8_t *memory = malloc(FRAME_BYTES_MAX);
    if (memory == NULL) {
        abort();
    }
    struct buffer buffer;
    buffer_init(&buffer, memory, FRAME_BYTES_MAX);
    if (message_encode(control_schema(type), question == NULL ? &plain : question, &buffer) !=
        STATUS_OK) {
        world_fail(world, machine, NULL, "a question of type %u cannot be encoded", type);
    }
    struct event event = {.type = EVENT_CONTROL};
    struct parcel *parcel = parcel_new(&event, buffer_bytes(&buffer));
    parcel->event.as.control.client.number = client->number;
    parcel->event.as.control.bytes = bytes_of(parcel->memory, buffer.length);
    machine_take(world, machine, parcel);
    free(memory);
    return client;
}

void
people_ask(struct world *world, struct machine *machine, uint8_t type, const void *question)
{
    (void)ask(world, machine, type, question);
}

static struct amount
micro(int64_t value)
{
    struct amount amount = amount_zero();
    if (amount_of_micro(value, &amount) != STATUS_OK) {
        abort();
    }
    return amount;
}

static void
seal_grant(struct world *world, struct machine *machine)
{
    const struct grant grant = {.key = machine->options.keypair.identity,
                                .amount_uusd = machine->granted};
    uint8_t body[256];
    uint8_t sealed[RECORD_BYTES_MAX];
    struct buffer into;
    buffer_init(&into, body, sizeof body);
    struct buffer out;
    buffer_init(&out, sealed, sizeof sealed);
    enum status status = codec_encode(&grant_schema, &grant, &into);
    const struct envelope envelope = {.version = RECORD_VERSION,
                                      .kind = RECORD_GRANT,
                                      .network = world->network,
                                      .author = world->issuer.identity,
                                      .seq = 1,
                                      .issued_at_s = 1759999000,
                                      .body = buffer_bytes(&into)};
    struct verified_record record;
    if (status != STATUS_OK || record_seal(&envelope, &world->issuer, &out) != STATUS_OK ||
        record_open(buffer_bytes(&out), &world->network, &record) != STATUS_OK) {
        abort();
    }
    struct row row = {
        .table = TABLE_EVIDENCE, .key = {.number = EVIDENCE_GRANT}, .value = buffer_bytes(&out)};
    memcpy(row.key.id, verified_id(&record)->bytes, ID_LENGTH);
    memory_store_put(machine->store, &row);
}

/* Before the first start: the issuer's word for so much money. */
void
people_prepare(struct world *world, struct machine *machine)
{
    machine->granted =
        micro(machine->is_renter ? world_chance(world, 250) ? SHORT_GRANT_UUSD : GRANT_UUSD : 0);
    if (!amount_is_zero(machine->granted)) {
        seal_grant(world, machine);
    }
}

static void
add_peer(struct world *world, struct machine *machine, const struct machine *there)
{
    char text[PEER_ADDRESS_TEXT_MAX + 1];
    char id[ID_HEX_SIZE];
    char key[ID_HEX_SIZE];
    id_to_hex(there->options.keypair.identity.bytes, id);
    id_to_hex(there->options.keypair.channel_key.bytes, key);
    const int length =
        snprintf(text, sizeof text, "%s@127.0.1.%u:7700#%s", id, there->index + 1, key);
    const struct control_peer_add question = {.address = bytes_of(text, (size_t)length)};
    (void)ask(world, machine, CONTROL_PEER_ADD, &question);
}

/* How many peers the person told it of: those it must find again by itself, whatever happens. */
static size_t
count_told(const struct machine *machine)
{
    size_t count;
    size_t told = 0;
    struct peer_row peer;
    struct row *rows = memory_store_list(machine->store, TABLE_PEERS, &count);
    for (size_t i = 0; i < count; i++) {
        told += codec_decode(&peer_row_schema, rows[i].value, &peer) == STATUS_OK && peer.kept;
    }
    free(rows);
    return told;
}

/* First the next honest machine, so that the network is in one piece; then any other one. */
static void
tell_of_peer(struct world *world, struct machine *machine, size_t told)
{
    unsigned other = (machine->index + 1) % world->machine_count;
    if (world->machines[other].liar != NULL) {
        other = (other + 1) % world->machine_count;
    }
    if (told > 0) {
        other = (unsigned)world_below(world, world->machine_count);
    }
    if (other != machine->index) {
        add_peer(world, machine, &world->machines[other]);
    }
}

static void
offer_cards(struct world *world, struct machine *machine)
{
    struct control_host question = {
        .gpu_mask = world_chance(world, 500) ? 0 : 1 + world_below(world, 15),
        .ask_uusd_per_hour = micro(world_between(world, 1000, 900000)),
        .notice_given = world_chance(world, 500),
        .notice_s = (uint32_t)world_below(world, 8),
        .lease_max_s = 3600,
        .minimum_run_s = world_chance(world, 200) ? (uint32_t)world_below(world, 30) : 0,
        .reclaim_owed_intervals = (uint16_t)world_below(world, 3),
        .dry_run = world_chance(world, 50),
    };
    question.gpu_mask &= (1u << machine->gpu_count) - 1;
    (void)ask(world, machine, CONTROL_HOST, &question);
}

/* A standing request; its job has a name of its own, as it may run only once, but for a gang's. */
static void
stand_and_wait(struct world *world, struct machine *machine, const struct control_rent *like,
               bool is_gang)
{
    char name[32];
    struct control_rent question = *like;
    snprintf(name, sizeof name, "standing-%u", world->standings_asked % STANDINGS_MAX);
    if (world->standings_asked < STANDINGS_MAX) {
        world->standings_asked++;
        question.dry_run = false;
        if (!is_gang) {
            question.arguments.items[0] = bytes_of_text(name);
        }
        (void)ask(world, machine, CONTROL_REQUEST, &question);
    }
}

static void
rent_cards(struct world *world, struct machine *machine)
{
    struct request request = request_default();
    uint8_t memory[1024];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    request.count = world_chance(world, 700) ? 1 : (uint16_t)world_between(world, 1, 4);
    request.duration_s = (uint32_t)(world_chance(world, 900) ? world_between(world, 2, 90)
                                                             : world_between(world, 90, 400));
    request.duration_min_s = request.duration_s;
    if (world_chance(world, 200)) {
        request.ask_max_uusd_per_hour = micro(world_between(world, 1000, 900000));
    }
    if (world_chance(world, 250)) {
        request.hosts = (uint16_t)world_between(world, 2, 3);
        request.gang_min = (uint16_t)world_between(world, 0, request.hosts);
        request.spares = (uint16_t)world_between(world, 0, 2);
        request.count = 1;
        request.ask_max_uusd_per_hour = amount_zero();
        world->tally.gangs_asked++;
    }
    if (codec_encode(&request_schema, &request, &buffer) != STATUS_OK) {
        world_fail(world, machine, NULL, "a request cannot be encoded");
        return;
    }
    const struct control_rent question = {
        .request = buffer_bytes(&buffer),
        .wait_s = world_chance(world, 400) ? (uint32_t)world_between(world, 1, 30) : 0,
        .prepay_s = world_chance(world, 200) ? (uint32_t)world_between(world, 1, 60) : 0,
        .dry_run = world_chance(world, 50),
        .attached = world_chance(world, 500),
        .arguments = {.count = 1, .items = {bytes_of_text("work")}},
    };
    if (world_chance(world, 80)) {
        stand_and_wait(world, machine, &question, request.hosts > 1);
        return;
    }
    struct client_model *client = ask(world, machine, CONTROL_RENT, &question);
    if (client != NULL) {
        client->attached = question.attached;
        world->tally.rents++;
    }
}

/* Some open lease of the machine, as its books say; false when there is none. */
static bool
some_lease(struct world *world, struct machine *machine, char ret_prefix[ID_HEX_SIZE])
{
    const size_t start = (size_t)world_below(world, machine->watch_capacity);
    for (size_t i = 0; i < machine->watch_capacity; i++) {
        const struct watch *watch = &machine->watches[(start + i) % machine->watch_capacity];
        if (watch->used && !watch->deleted && watch->row.state < 9 &&
            !record_id_is_zero(&watch->row.lease)) {
            id_to_hex(watch->row.lease.bytes, ret_prefix);
            return true;
        }
    }
    return false;
}

static void
change_lease(struct world *world, struct machine *machine)
{
    char prefix[ID_HEX_SIZE];
    if (!some_lease(world, machine, prefix)) {
        return;
    }
    if (world_chance(world, 350)) {
        const struct control_lease_extend question = {
            .prefix = bytes_of_text(prefix), .by_s = (uint32_t)world_between(world, 1, 30)};
        (void)ask(world, machine, CONTROL_LEASE_EXTEND, &question);
    } else {
        const struct control_lease_end question = {.prefix = bytes_of_text(prefix)};
        (void)ask(world, machine, CONTROL_LEASE_END, &question);
    }
}

/* Takes back the standing requests, one a call. */
void
people_cancel_request(struct world *world, struct machine *machine)
{
    size_t count;
    char prefix[ID_HEX_SIZE];
    struct row *rows = memory_store_list(machine->store, TABLE_REQUESTS, &count);
    if (count > 0) {
        id_to_hex(rows[0].key.id, prefix);
        const struct control_lease_end question = {.prefix = bytes_of_text(prefix)};
        (void)ask(world, machine, CONTROL_REQUEST_CANCEL, &question);
    }
    free(rows);
}

static void
tend_cards(struct world *world, struct machine *machine)
{
    static const uint8_t types[] = {CONTROL_UNHOST, CONTROL_PAUSE,  CONTROL_RESUME,
                                    CONTROL_RESUME, CONTROL_RESUME, CONTROL_RECLAIM};
    const struct control_cards question = {
        .gpu_mask = world_chance(world, 500) ? 0 : world_below(world, 1u << machine->gpu_count),
        .dry_run = world_chance(world, 50)};
    (void)ask(world, machine, types[world_below(world, sizeof types)], &question);
}

static void
look_around(struct world *world, struct machine *machine)
{
    const struct control_listings listings = {.mine = world_chance(world, 300)};
    const struct control_leases leases = {.all = world_chance(world, 500)};
    const struct control_ledger ledger = {.limit = 20};
    const struct control_receipt receipt = {.prefix = bytes_of(NULL, 0)};
    const struct control_market market = {.gpu_class = bytes_of(NULL, 0)};
    switch (world_below(world, 11)) {
    case 9:
        (void)ask(world, machine, CONTROL_REQUESTS, NULL);
        break;
    case 10:
        people_cancel_request(world, machine);
        break;
    case 0:
        (void)ask(world, machine, CONTROL_STATUS, NULL);
        break;
    case 1:
        (void)ask(world, machine, CONTROL_GPUS, NULL);
        break;
    case 2:
        (void)ask(world, machine, CONTROL_LISTINGS, &listings);
        break;
    case 3:
        (void)ask(world, machine, CONTROL_LEASES, &leases);
        break;
    case 4:
        (void)ask(world, machine, CONTROL_LEDGER, &ledger);
        break;
    case 5:
        (void)ask(world, machine, CONTROL_MONEY, NULL);
        break;
    case 6:
        (void)ask(world, machine, CONTROL_PEERS, NULL);
        break;
    case 7:
        (void)ask(world, machine, CONTROL_RECEIPT, &receipt);
        break;
    default:
        (void)ask(world, machine, CONTROL_MARKET, &market);
        break;
    }
}

static bool
lists_cards(const struct machine *machine)
{
    return memory_store_count(machine->store, TABLE_LISTINGS) > 0;
}

void
people_leave(struct world *world, struct client_model *client)
{
    struct machine *machine = &world->machines[client->machine];
    client->gone = true;
    if (machine->core != NULL && machine->run == client->run) {
        const struct event event = {.type = EVENT_CONTROL_GONE,
                                    .as.control_gone = {client->number}};
        machine_post(world, machine, &event);
    }
}

static void
lose_patience(struct world *world, const struct machine *machine)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client_model *client = &world->clients[i];
        if (client->used && !client->gone && client->machine == machine->index &&
            client->asked == CONTROL_RENT && world_chance(world, 500)) {
            people_leave(world, client);
            return;
        }
    }
}

static void
act(struct world *world, struct machine *machine)
{
    if (machine->is_host && !lists_cards(machine) && world_chance(world, 700)) {
        offer_cards(world, machine);
    } else if (machine->is_renter && world_chance(world, 550)) {
        rent_cards(world, machine);
    } else if (machine->is_host && world_chance(world, 40)) {
        tend_cards(world, machine);
    } else if (machine->is_host && world_chance(world, 100)) {
        offer_cards(world, machine);
    } else if (world_chance(world, 200)) {
        change_lease(world, machine);
    } else if (world_chance(world, 100)) {
        lose_patience(world, machine);
    } else if (world_chance(world, 200)) {
        look_around(world, machine);
    }
}

void
people_act(struct world *world, struct machine *machine)
{
    if (machine->core != NULL && !machine->asleep) {
        const size_t told = count_told(machine);
        if (told < 2) {
            tell_of_peer(world, machine, told);
        }
        if (world->duel.rounds_wanted > 0) {
            if (machine->is_host && !lists_cards(machine)) {
                duel_offer(world, machine);
            }
            duel_act(world, machine);
        } else if (!world->calm) {
            act(world, machine);
        }
    }
    world_plan(world, world->now_us + world_between(world, 100 * MS, 4 * SECOND),
               (struct item){.kind = ITEM_PERSON, .machine = machine->index});
}

static struct client_model *
client_of(struct world *world, const struct machine *machine, struct client number)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client_model *client = &world->clients[i];
        if (client->used && client->number == number.number && client->machine == machine->index) {
            return client;
        }
    }
    return NULL;
}

static void
take_done(struct world *world, struct machine *machine, struct client_model *client,
          enum status status)
{
    client->dones++;
    if (client->asked == CONTROL_RENT) {
        world->tally.rents_ok += status == STATUS_OK;
        world->tally.rents_refused += status != STATUS_OK;
    }
    if (client->asked != CONTROL_RENT && status == STATUS_BAD_INPUT) {
        world_fail(world, machine, NULL, "a good question of type %u is not understood",
                   client->asked);
    }
    /* The person reads DONE and goes; whatever comes to this number later is one answer too many. */
    people_leave(world, client);
}

void
people_answer(struct world *world, struct machine *machine, struct client number,
              struct bytes bytes)
{
    struct control_done done;
    struct control_row row;
    struct client_model *client = client_of(world, machine, number);
    uint8_t type;
    if (number.number == 0 || client == NULL || (client->gone && client->dones == 0)) {
        return;
    }
    if (message_type(bytes, &type) != STATUS_OK) {
        world_fail(world, machine, NULL, "an answer that cannot be read");
        return;
    }
    if (client->dones > 0) {
        world_fail(world, machine, NULL, "client %llu (type %u) hears more after its DONE: %u",
                   (unsigned long long)client->number, client->asked, type);
        return;
    }
    if (type == CONTROL_DONE) {
        if (message_decode(control_schema(CONTROL_DONE), bytes, &done) != STATUS_OK) {
            world_fail(world, machine, NULL, "a DONE that cannot be read");
            return;
        }
        if (world->verbose && client->asked == CONTROL_RENT) {
            printf("rent: %s: %.*s\n", status_name((enum status)done.status), (int)done.text.length,
                   (const char *)done.text.data);
        }
        take_done(world, machine, client, (enum status)done.status);
    } else if (type == CONTROL_ROW &&
               message_decode(control_schema(CONTROL_ROW), bytes, &row) == STATUS_OK) {
        struct rented_view rented;
        if (row.row == ROW_RENTED &&
            codec_decode(control_row_schema(ROW_RENTED), row.value, &rented) == STATUS_OK) {
            client->has_lease = true;
            client->lease = rented.lease;
        }
    }
}

void
people_done(struct world *world, struct machine *machine, struct client number)
{
    struct client_model *client = client_of(world, machine, number);
    if (client == NULL) {
        return;
    }
    if (client->dones > 0) {
        world_fail(world, machine, NULL, "client %llu is answered twice",
                   (unsigned long long)client->number);
        return;
    }
    take_done(world, machine, client, STATUS_OK);
}

/* Their connection is cut: they know that the daemon went away. */
void
people_machine_gone(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (world->clients[i].used && world->clients[i].machine == machine->index) {
            world->clients[i].used = false;
        }
    }
}
