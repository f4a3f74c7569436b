/* When nothing happens any more: whether anything is left open, and whether both sides' books agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "tests/sim/world.h"

static bool
is_honest(const struct machine *machine)
{
    return machine != NULL && machine->liar == NULL;
}

static bool
lease_is_left_open(struct world *world, const struct watch *watch)
{
    if (!watch->used || watch->deleted) {
        return false;
    }
    /* A liar need not sign, but it must not keep a card. */
    return is_honest(machine_of_peer(world, &watch->row.peer))
               ? lease_state_is_open((enum lease_state)watch->row.state)
               : watch->row.is_host && lease_state_holds_slots((enum lease_state)watch->row.state);
}

static bool
client_waits(const struct client_model *client)
{
    return client->used && !client->gone && client->dones == 0;
}

/* The last listing of a machine, when it stands; false when there is none. */
static bool
own_listing(struct world *world, const struct machine *machine, uint32_t group,
            struct record_id *ret_id)
{
    size_t count;
    uint64_t seq = 0;
    bool stands = false;
    struct row *rows = memory_store_list(machine->store, TABLE_RECORDS, &count);
    const uint64_t now_s = (uint64_t)machine_now(world, machine).wall.ms / 1000;
    for (size_t i = 0; i < count; i++) {
        struct verified_record record;
        if (record_from_store(rows[i].value, &world->network, &record) != STATUS_OK) {
            continue;
        }
        const struct envelope *envelope = verified_envelope(&record);
        const bool is_mine =
            peer_id_equal(&envelope->author, &machine->options.keypair.identity) &&
            envelope->detail == group &&
            (envelope->kind == RECORD_LISTING || envelope->kind == RECORD_WITHDRAWAL);
        if (is_mine && envelope->seq > seq) {
            seq = envelope->seq;
            stands = envelope->kind == RECORD_LISTING && envelope->issued_at_s <= now_s &&
                     envelope->issued_at_s + envelope->ttl_s > now_s;
            *ret_id = *verified_id(&record);
        }
    }
    free(rows);
    return stands;
}

static bool
knows_record(const struct machine *machine, const struct record_id *id)
{
    struct row_key key = {.number = 0};
    struct bytes value;
    memcpy(key.id, id->bytes, ID_LENGTH);
    return memory_store_get(machine->store, TABLE_RECORDS, &key, &value);
}

/* The first pair of machines of which the second one does not know a listing of the first one. */
static bool
unknown_listing(struct world *world, unsigned *ret_host, unsigned *ret_other)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        for (uint32_t group = 0; group < 2 && is_honest(&world->machines[i]); group++) {
            struct record_id id;
            if (!own_listing(world, &world->machines[i], group, &id)) {
                continue;
            }
            for (unsigned j = 0; j < world->machine_count; j++) {
                if (is_honest(&world->machines[j]) && !knows_record(&world->machines[j], &id)) {
                    *ret_host = i;
                    *ret_other = j;
                    return true;
                }
            }
        }
    }
    return false;
}

bool
check_is_quiet(struct world *world)
{
    unsigned host;
    unsigned other;
    for (unsigned i = 0; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        if (!is_honest(machine)) {
            continue;
        }
        if (machine->core == NULL || machine->asleep) {
            return false;
        }
        if (memory_store_count(machine->store, TABLE_REQUESTS) > 0) {
            people_cancel_request(world, machine);
            return false;
        }
        if (memory_store_count(machine->store, TABLE_GANGS) > 0) {
            return false;
        }
        for (size_t w = 0; w < machine->watch_capacity; w++) {
            if (lease_is_left_open(world, &machine->watches[w])) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (client_waits(&world->clients[i]) && world->clients[i].asked != CONTROL_PEER_ADD) {
            return false;
        }
    }
    return !unknown_listing(world, &host, &other);
}

static void
print_open(struct world *world, const struct machine *machine, const struct watch *watch)
{
    struct machine *peer = machine_of_peer(world, &watch->row.peer);
    const struct lease_id id = lease_id_of_record(&watch->row.lease);
    const struct watch *other = watch_of_lease(peer, &id, !watch->row.is_host);
    printf("sim: machine %u, %s of %u: hold %02x%02x, lease %02x%02x is %s, reason %s; the other "
           "side's is %s\n",
           machine->index, watch->row.is_host ? "host" : "renter", peer->index,
           watch->row.hold.bytes[0], watch->row.hold.bytes[1], watch->row.lease.bytes[0],
           watch->row.lease.bytes[1], lease_state_names.names[watch->row.state],
           end_reason_names.names[watch->row.reason],
           other == NULL ? "not there" : lease_state_names.names[other->row.state]);
}

void
check_print_open(struct world *world)
{
    unsigned host;
    unsigned other;
    unsigned shown = 0;
    for (unsigned i = 0; i < world->machine_count; i++) {
        const struct machine *machine = &world->machines[i];
        for (size_t w = 0; w < machine->watch_capacity; w++) {
            const struct watch *watch = &machine->watches[w];
            if (lease_is_left_open(world, watch)) {
                print_open(world, machine, watch);
                if (shown++ == 0) {
                    trace_print(world, machine);
                    trace_print(world, machine_of_peer(world, &watch->row.peer));
                }
            }
        }
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client_model *client = &world->clients[i];
        if (client_waits(client)) {
            printf("sim: client %llu of machine %u waits since %lld s, asked type %u\n",
                   (unsigned long long)client->number, client->machine,
                   (long long)((world->now_us - client->asked_at_us) / SECOND), client->asked);
        }
    }
    if (unknown_listing(world, &host, &other)) {
        printf("sim: machine %u does not know the listing of machine %u\n", other, host);
        trace_print(world, &world->machines[host]);
        trace_print(world, &world->machines[other]);
    }
}

/* The stored ledger alone must give the stored balances, and what each lease's row says was posted. */
static void
check_ledger(struct world *world, struct machine *machine)
{
    size_t count;
    struct sums totals[MACHINES_MAX + 1];
    memset(totals, 0, sizeof totals);
    struct row *rows = memory_store_list(machine->store, TABLE_LEDGER, &count);
    for (size_t i = 0; i < count; i++) {
        struct ledger_row row;
        if (codec_decode(&ledger_row_schema, rows[i].value, &row) != STATUS_OK ||
            row.number != i + 1) {
            world_fail(world, machine, NULL, "entry %zu of the stored ledger is missing", i + 1);
            break;
        }
        for (size_t t = 0; t <= MACHINES_MAX; t++) {
            if (!totals[t].used || peer_id_equal(&totals[t].peer, &row.peer)) {
                totals[t].used = true;
                totals[t].peer = row.peer;
                totals[t].account[row.debit] += amount_micro(row.amount_uusd);
                totals[t].account[row.credit] -= amount_micro(row.amount_uusd);
                break;
            }
        }
    }
    free(rows);
    rows = memory_store_list(machine->store, TABLE_BALANCES, &count);
    for (size_t i = 0; i < count && !world->failed; i++) {
        struct balance_row row;
        if (codec_decode(&balance_row_schema, rows[i].value, &row) != STATUS_OK) {
            world_fail(world, machine, NULL, "a stored balance cannot be read");
            break;
        }
        const int64_t accounts[ACCOUNT_COUNT] = {
            amount_micro(row.receivable_uusd), amount_micro(row.payable_uusd),
            amount_micro(row.earned_uusd),     amount_micro(row.spent_uusd),
            amount_micro(row.issuer_uusd),     amount_micro(row.granted_uusd)};
        int64_t zero = 0;
        for (size_t t = 0; t <= MACHINES_MAX; t++) {
            for (unsigned a = 0; a < ACCOUNT_COUNT; a++) {
                if (totals[t].used && peer_id_equal(&totals[t].peer, &row.peer) &&
                    totals[t].account[a] != accounts[a]) {
                    world_fail(world, machine, machine_of_peer(world, &row.peer),
                               "stored balance of %s is %lld, its entries give %lld",
                               account_names.names[a], (long long)accounts[a],
                               (long long)totals[t].account[a]);
                }
            }
        }
        for (unsigned a = 0; a < ACCOUNT_COUNT; a++) {
            zero += accounts[a];
        }
        if (zero != 0) {
            world_fail(world, machine, NULL, "the accounts with a peer sum to %lld, not zero",
                       (long long)zero);
        }
    }
    free(rows);
}

static int64_t
posted_by_ledger(const struct machine *machine, const struct record_id *lease)
{
    size_t count;
    int64_t sum = 0;
    struct row *rows = memory_store_list(machine->store, TABLE_LEDGER, &count);
    for (size_t i = 0; i < count; i++) {
        struct ledger_row row;
        if (codec_decode(&ledger_row_schema, rows[i].value, &row) == STATUS_OK &&
            record_id_equal(&row.lease, lease)) {
            const bool grows = row.debit == ACCOUNT_RECEIVABLE || row.debit == ACCOUNT_SPENT;
            sum += grows ? amount_micro(row.amount_uusd) : -amount_micro(row.amount_uusd);
        }
    }
    free(rows);
    return sum;
}

/* A lease that both sides know: one end, one amount. */
static void
check_pair(struct world *world, struct machine *machine, const struct watch *watch)
{
    struct machine *peer = machine_of_peer(world, &watch->row.peer);
    const struct lease_id id = lease_id_of_record(&watch->row.lease);
    const int64_t here = amount_micro(watch->row.posted_uusd);
    if (watch->row.state == LEASE_CLOSED && here != amount_micro(watch->row.final_uusd)) {
        world_fail(world, machine, peer, "posted is not the final amount of a closed lease");
    }
    if (posted_by_ledger(machine, &watch->row.lease) != here) {
        world_fail(world, machine, peer, "the ledger holds %lld for a lease, its row says %lld",
                   (long long)posted_by_ledger(machine, &watch->row.lease), (long long)here);
    }
    if (!is_honest(peer)) {
        return;
    }
    const struct watch *other = watch_of_lease(peer, &id, !watch->row.is_host);
    const bool closed = watch->row.state == LEASE_CLOSED;
    if (other == NULL) {
        if (closed || here != 0) {
            world_fail(world, machine, peer, "a closed lease is not known to the other side");
        }
        return;
    }
    if (amount_micro(other->row.posted_uusd) != here) {
        world_fail(world, machine, peer, "host and renter book %lld and %lld uUSD for one lease",
                   (long long)here, (long long)amount_micro(other->row.posted_uusd));
    }
    if (closed != (other->row.state == LEASE_CLOSED)) {
        world_fail(world, machine, peer, "a lease is %s here and %s there",
                   lease_state_names.names[watch->row.state],
                   lease_state_names.names[other->row.state]);
    }
}

static void
check_grants(struct world *world)
{
    int64_t granted = 0;
    int64_t sum = 0;
    for (unsigned i = 0; i < world->machine_count; i++) {
        const struct machine *machine = &world->machines[i];
        granted += is_honest(machine) ? amount_micro(machine->granted) : 0;
        for (size_t s = 0; s <= MACHINES_MAX && is_honest(machine); s++) {
            const struct sums *sums = &machine->sums[s];
            if (sums->used && (peer_id_equal(&sums->peer, &world->issuer.identity) ||
                               is_honest(machine_of_peer(world, &sums->peer)))) {
                sum += sums->account[ACCOUNT_ISSUER] + sums->account[ACCOUNT_RECEIVABLE] +
                       sums->account[ACCOUNT_PAYABLE];
            }
        }
    }
    if (granted != sum) {
        world_fail(world, NULL, NULL, "all balances sum to %lld uUSD, %lld were granted",
                   (long long)sum, (long long)granted);
    }
}

void
check_books(struct world *world)
{
    for (unsigned i = 0; i < world->machine_count && !world->failed; i++) {
        struct machine *machine = &world->machines[i];
        if (!is_honest(machine)) {
            continue;
        }
        check_ledger(world, machine);
        for (size_t w = 0; w < machine->watch_capacity && !world->failed; w++) {
            const struct watch *watch = &machine->watches[w];
            if (watch->used && !watch->deleted && !record_id_is_zero(&watch->row.lease)) {
                check_pair(world, machine, watch);
            }
        }
    }
    check_grants(world);
}
