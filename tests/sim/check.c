/* What must hold at every commit, every send and every start of a job. */
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/price.h"
#include "tests/sim/world.h"

enum { CLOSED_JOB_US_MAX = 5 * SECOND };

static size_t
watch_home(const struct machine *machine, const struct record_id *hold)
{
    uint64_t hash;
    memcpy(&hash, hold->bytes, sizeof hash);
    return (size_t)hash & (machine->watch_capacity - 1);
}

static struct watch *
watch_place(struct machine *machine, const struct record_id *hold)
{
    size_t at = watch_home(machine, hold);
    while (machine->watches[at].used && !record_id_equal(&machine->watches[at].row.hold, hold)) {
        at = (at + 1) & (machine->watch_capacity - 1);
    }
    return &machine->watches[at];
}

struct watch *
watch_find(struct machine *machine, const struct record_id *hold)
{
    struct watch *watch = watch_place(machine, hold);
    return watch->used ? watch : NULL;
}

struct watch *
watch_of_lease(struct machine *machine, const struct lease_id *lease, bool is_host)
{
    const struct record_id id = record_id_of_lease(lease);
    for (size_t i = 0; i < machine->watch_capacity; i++) {
        struct watch *watch = &machine->watches[i];
        if (watch->used && watch->row.is_host == is_host &&
            record_id_equal(&watch->row.lease, &id)) {
            return watch;
        }
    }
    return NULL;
}

static struct watch *
watch_new(struct machine *machine, const struct record_id *hold)
{
    if ((machine->watch_count + 1) * 2 > machine->watch_capacity) {
        struct watch *old = machine->watches;
        const size_t old_capacity = machine->watch_capacity;
        machine->watch_capacity *= 2;
        machine->watches = calloc(machine->watch_capacity, sizeof *machine->watches);
        if (machine->watches == NULL) {
            abort();
        }
        for (size_t i = 0; i < old_capacity; i++) {
            if (old[i].used) {
                *watch_place(machine, &old[i].row.hold) = old[i];
            }
        }
        free(old);
    }
    machine->watch_count++;
    return watch_place(machine, hold);
}

/* What the table lets happen in one event or more. */
void
check_prepare(struct world *world)
{
    for (unsigned from = 0; from < LEASE_STATE_COUNT; from++) {
        uint32_t known = 1u << from;
        for (uint32_t before = 0; before != known;) {
            before = known;
            for (unsigned i = 0; i < LEASE_STATE_COUNT * LEASE_EVENT_COUNT * LEASE_ACTOR_COUNT;
                 i++) {
                const unsigned state = i / (LEASE_EVENT_COUNT * LEASE_ACTOR_COUNT);
                const unsigned event = i / LEASE_ACTOR_COUNT % LEASE_EVENT_COUNT;
                const struct lease_step step =
                    lease_step((enum lease_state)state, (enum lease_event)event,
                               (enum lease_actor)(i % LEASE_ACTOR_COUNT));
                known |= (known >> state & 1) != 0 ? 1u << step.next : 0;
            }
        }
        world->becomes[from] = known;
    }
}

static bool
holds(const struct watch *watch)
{
    return watch->used && !watch->deleted && watch->row.is_host &&
           lease_state_holds_slots((enum lease_state)watch->row.state);
}

/* (1) Non-free intervals of one slot never overlap. */
static void
check_slots(struct world *world, struct machine *machine, const struct lease_row *row)
{
    if (!row->is_host || !lease_state_holds_slots((enum lease_state)row->state)) {
        return;
    }
    for (size_t i = 0; i < machine->watch_capacity; i++) {
        const struct watch *other = &machine->watches[i];
        if (holds(other) && !record_id_equal(&other->row.hold, &row->hold) &&
            other->row.slot_group == row->slot_group &&
            (other->row.slot_mask & row->slot_mask) != 0) {
            world_fail(world, machine, machine_of_peer(world, &row->peer),
                       "one slot is let twice: masks %llx and %llx, states %s and %s",
                       (unsigned long long)other->row.slot_mask, (unsigned long long)row->slot_mask,
                       lease_state_names.names[other->row.state],
                       lease_state_names.names[row->state]);
        }
    }
}

/* (5) slot_seq grows, over crashes too. */
static void
check_first_row(struct world *world, struct machine *machine, const struct lease_row *row)
{
    if (!row->is_host) {
        return;
    }
    world->tally.holds++;
    if (row->state != LEASE_HELD) {
        world_fail(world, machine, NULL, "a host's first row of a lease is %s, not held",
                   lease_state_names.names[row->state]);
    }
    uint64_t *highest = &machine->slot_seq[row->slot_group % SLOT_GROUPS_MAX];
    if (row->slot_seq <= *highest) {
        world_fail(world, machine, NULL, "slot_seq went from %llu to %llu",
                   (unsigned long long)*highest, (unsigned long long)row->slot_seq);
    }
    *highest = row->slot_seq;
}

static bool
terms_changed(const struct lease_row *old, const struct lease_row *row)
{
    const bool named = !record_id_is_zero(&old->lease);
    return !peer_id_equal(&old->peer, &row->peer) || old->is_host != row->is_host ||
           old->slot_group != row->slot_group || old->slots != row->slots ||
           (named && (old->slot_mask != row->slot_mask || old->slot_seq != row->slot_seq ||
                      !record_id_equal(&old->lease, &row->lease) ||
                      amount_compare(old->ask_uusd_per_hour, row->ask_uusd_per_hour) != 0 ||
                      old->interval_s != row->interval_s));
}

/* (2) LEASED only from an unexpired hold; nothing goes back. */
static void
check_change(struct world *world, struct machine *machine, const struct watch *watch,
             const struct lease_row *row)
{
    const struct lease_row *old = &watch->row;
    const struct moment now = machine_now(world, machine);
    if (watch->deleted) {
        world_fail(world, machine, NULL, "a deleted lease comes back");
    }
    if ((world->becomes[old->state] >> row->state & 1) == 0) {
        world_fail(world, machine, machine_of_peer(world, &row->peer), "a lease went from %s to %s",
                   lease_state_names.names[old->state], lease_state_names.names[row->state]);
    }
    if (old->state == LEASE_HELD && row->is_host && row->state != LEASE_HELD &&
        row->state != LEASE_VOID &&
        (old->boot_id != machine->boot_id || (int64_t)old->deadline_boot_ms <= now.boot.ms)) {
        world_fail(world, machine, machine_of_peer(world, &row->peer),
                   "an expired hold became a lease");
    }
    if (terms_changed(old, row)) {
        world_fail(world, machine, NULL, "the terms of a lease changed after the promise");
    }
    if (row->run_ms < old->run_ms && row->state != LEASE_CLOSED) {
        world_fail(world, machine, NULL, "the run time went back from %llu to %llu ms",
                   (unsigned long long)old->run_ms, (unsigned long long)row->run_ms);
    }
    if (row->meter_number < old->meter_number || row->voucher_number < old->voucher_number ||
        amount_compare(row->voucher_uusd, old->voucher_uusd) < 0) {
        world_fail(world, machine, NULL, "meter or voucher went back");
    }
}

static void
count_end(struct world *world, const struct watch *watch, const struct lease_row *row)
{
    const bool was_open = lease_state_is_open((enum lease_state)watch->row.state);
    if (row->is_host && was_open && !lease_state_is_open((enum lease_state)row->state)) {
        world->tally.ends[row->reason]++;
    }
    if (row->is_host && watch->row.state == LEASE_HELD && row->state >= LEASE_LEASED &&
        row->state != LEASE_VOID) {
        world->tally.leases++;
    }
}

/* A host books no more than ran and no more than was promised. */
static void
check_charge(struct world *world, struct machine *machine, const struct watch *watch,
             const struct lease_row *row)
{
    struct amount most;
    const struct lease_id lease = lease_id_of_record(&row->lease);
    const struct job *job = job_of_lease(machine, &lease);
    const uint64_t run_ms = job != NULL ? (uint64_t)(job->run_us / MS) : watch->most_run_ms;
    if (amount_compare(row->posted_uusd, row->voucher_uusd) > 0 ||
        amount_compare(row->final_uusd, row->voucher_uusd) > 0) {
        world_fail(world, machine, machine_of_peer(world, &row->peer),
                   "more is charged than the highest voucher");
    }
    if (row->is_host &&
        (price_charge(row->ask_uusd_per_hour, row->slots, run_ms + 1, &most) != STATUS_OK ||
         amount_compare(row->posted_uusd, most) > 0)) {
        world_fail(world, machine, machine_of_peer(world, &row->peer),
                   "%lld uUSD are charged for %llu ms of run",
                   (long long)amount_micro(row->posted_uusd), (unsigned long long)run_ms);
    }
}

static int64_t
owed_at_most(const struct machine *machine)
{
    int64_t sum = 0;
    for (size_t i = 0; i < machine->watch_capacity; i++) {
        const struct watch *watch = &machine->watches[i];
        if (watch->used && !watch->deleted && !watch->row.is_host &&
            watch->row.state != LEASE_VOID) {
            sum += amount_micro(watch->row.state == LEASE_CLOSED ? watch->row.final_uusd
                                                                 : watch->row.voucher_uusd);
        }
    }
    return sum;
}

/* A renter signs for one interval beyond what can have run, and what it chose to prepay. When its clock has
 * jumped meanwhile, so has its judgement of a meter that runs ahead. */
static void
check_promise(struct world *world, struct machine *machine, struct watch *watch,
              const struct lease_row *row)
{
    enum { PREPAY_MS_MAX = 60000, SLACK_MS = 10000, JUMP_SLACK_MS = 200000 };
    struct amount most;
    if (row->is_host || row->state < LEASE_LEASED) {
        return;
    }
    watch->seen_us = watch->seen_us == 0 ? world->now_us : watch->seen_us;
    const uint64_t ran_ms = (uint64_t)(world->now_us - watch->seen_us) / MS;
    const uint64_t most_ms = ran_ms + PREPAY_MS_MAX + 2000ull * row->interval_s +
                             (machine->jumped_at_us < watch->seen_us ? SLACK_MS : JUMP_SLACK_MS);
    if (price_charge(row->ask_uusd_per_hour, row->slots, most_ms, &most) == STATUS_OK &&
        amount_compare(row->voucher_uusd, most) > 0) {
        world_fail(world, machine, machine_of_peer(world, &row->peer),
                   "a renter signs for %lld uUSD after %llu ms",
                   (long long)amount_micro(row->voucher_uusd), (unsigned long long)ran_ms);
    }
}

static void
check_lease_row(struct world *world, struct machine *machine, const struct row *stored)
{
    struct lease_row row;
    if (codec_decode(&lease_row_schema, stored->value, &row) != STATUS_OK) {
        world_fail(world, machine, NULL, "a lease row that cannot be read back");
        return;
    }
    row.label = bytes_of(NULL, 0);
    struct watch *watch = watch_find(machine, &row.hold);
    if (watch == NULL) {
        check_first_row(world, machine, &row);
        watch = watch_new(machine, &row.hold);
        *watch = (struct watch){.used = true, .row = row};
    } else {
        check_change(world, machine, watch, &row);
        count_end(world, watch, &row);
        watch->row = row;
    }
    check_slots(world, machine, &row);
    check_promise(world, machine, watch, &row);
    check_charge(world, machine, watch, &row);
    if (!row.is_host && owed_at_most(machine) > amount_micro(machine->granted)) {
        world_fail(world, machine, NULL, "a renter has signed for %lld uUSD of %lld granted",
                   (long long)owed_at_most(machine), (long long)amount_micro(machine->granted));
    }
}

static void
check_delete(struct world *world, struct machine *machine, const struct row *row)
{
    struct record_id hold;
    memcpy(hold.bytes, row->key.id, ID_LENGTH);
    struct watch *watch = watch_find(machine, &hold);
    if (watch == NULL) {
        return;
    }
    if (watch->row.state > LEASE_CONFIRMED) {
        world_fail(world, machine, NULL, "a lease in state %s is forgotten",
                   lease_state_names.names[watch->row.state]);
    }
    watch->deleted = true;
}

static struct sums *
sums_of(struct machine *machine, const struct peer_id *peer)
{
    for (size_t i = 0; i <= MACHINES_MAX; i++) {
        struct sums *sums = &machine->sums[i];
        if (!sums->used) {
            *sums = (struct sums){.used = true, .peer = *peer};
        }
        if (peer_id_equal(&sums->peer, peer)) {
            return sums;
        }
    }
    abort();
}

static void
check_entry(struct world *world, struct machine *machine, const struct row *stored)
{
    struct ledger_row row;
    if (codec_decode(&ledger_row_schema, stored->value, &row) != STATUS_OK ||
        row.number != stored->key.number) {
        world_fail(world, machine, NULL, "an entry of the ledger that cannot be read back");
        return;
    }
    if (row.number != machine->ledger_last + 1) {
        world_fail(world, machine, NULL, "entry %llu of the ledger comes after %llu",
                   (unsigned long long)row.number, (unsigned long long)machine->ledger_last);
    }
    if (row.debit == row.credit || amount_micro(row.amount_uusd) <= 0) {
        world_fail(world, machine, NULL, "an entry of the ledger that moves nothing");
    }
    machine->ledger_last = row.number;
    struct sums *sums = sums_of(machine, &row.peer);
    sums->account[row.debit] += amount_micro(row.amount_uusd);
    sums->account[row.credit] -= amount_micro(row.amount_uusd);
}

static void
check_balance(struct world *world, struct machine *machine, const struct row *stored)
{
    struct balance_row row;
    if (codec_decode(&balance_row_schema, stored->value, &row) != STATUS_OK) {
        world_fail(world, machine, NULL, "a balance that cannot be read back");
        return;
    }
    const int64_t accounts[ACCOUNT_COUNT] = {
        amount_micro(row.receivable_uusd), amount_micro(row.payable_uusd),
        amount_micro(row.earned_uusd),     amount_micro(row.spent_uusd),
        amount_micro(row.issuer_uusd),     amount_micro(row.granted_uusd)};
    const struct sums *sums = sums_of(machine, &row.peer);
    for (unsigned i = 0; i < ACCOUNT_COUNT; i++) {
        if (accounts[i] != sums->account[i]) {
            world_fail(world, machine, NULL, "account %s: balance %lld, sum of its entries %lld",
                       account_names.names[i], (long long)accounts[i], (long long)sums->account[i]);
        }
    }
}

void
check_commit(struct world *world, struct machine *machine)
{
    for (size_t i = 0; i < machine->effects->count && !world->failed; i++) {
        const struct effect *effect = &machine->effects->list[i];
        const struct row *row = &effect->as.row;
        if (effect->type == EFFECT_DELETE_ROW && row->table == TABLE_LEASES) {
            check_delete(world, machine, row);
        } else if (effect->type == EFFECT_DELETE_ROW && row->table == TABLE_GANGS) {
            check_gang_deleted(world, machine, row);
        } else if (effect->type != EFFECT_STORE_ROW) {
            continue;
        } else if (row->table == TABLE_LEASES) {
            check_lease_row(world, machine, row);
        } else if (row->table == TABLE_GANGS) {
            check_gang_row(world, machine, row);
        } else if (row->table == TABLE_LEDGER) {
            check_entry(world, machine, row);
        } else if (row->table == TABLE_BALANCES) {
            check_balance(world, machine, row);
        }
    }
}

static bool
evidence_is(const struct machine *machine, const struct record_id *hold, enum evidence what,
            struct bytes sealed)
{
    struct row_key key = {.number = what};
    struct bytes stored;
    memcpy(key.id, hold->bytes, ID_LENGTH);
    /* What is said may be one signature shorter than what is kept meanwhile. */
    return memory_store_get(machine->store, TABLE_EVIDENCE, &key, &stored) &&
           stored.length >= sealed.length && memcmp(stored.data, sealed.data, sealed.length) == 0;
}

static struct watch *
watch_behind(struct machine *machine, const struct record_view *view)
{
    struct held held;
    struct lease_terms terms;
    struct meter meter;
    struct voucher voucher;
    struct final final;
    const struct bytes body = view->envelope.body;
    if (view->envelope.kind == RECORD_HELD &&
        codec_decode(&held_schema, body, &held) == STATUS_OK) {
        return watch_find(machine, &held.hold);
    }
    if (view->envelope.kind == RECORD_LEASE &&
        codec_decode(&lease_terms_schema, body, &terms) == STATUS_OK) {
        return watch_find(machine, &terms.hold);
    }
    if (view->envelope.kind == RECORD_METER &&
        codec_decode(&meter_schema, body, &meter) == STATUS_OK) {
        return watch_of_lease(machine, &meter.lease, true);
    }
    if (view->envelope.kind == RECORD_VOUCHER &&
        codec_decode(&voucher_schema, body, &voucher) == STATUS_OK) {
        return watch_of_lease(machine, &voucher.lease, false);
    }
    if (view->envelope.kind == RECORD_FINAL &&
        codec_decode(&final_schema, body, &final) == STATUS_OK) {
        struct watch *watch = watch_of_lease(machine, &final.lease, true);
        return watch != NULL ? watch : watch_of_lease(machine, &final.lease, false);
    }
    return NULL;
}

/* Nobody says two things under one number: each would prove the other a lie. */
static void
check_one_word(struct world *world, struct machine *machine, struct watch *watch,
               const struct record_view *view)
{
    struct meter meter;
    if (view->envelope.kind == RECORD_METER &&
        codec_decode(&meter_schema, view->envelope.body, &meter) == STATUS_OK) {
        if (meter.number < watch->meter_number ||
            (meter.number == watch->meter_number && !record_id_equal(&watch->meter, &view->id)) ||
            (meter.number == watch->meter_number + 1 && meter.number > 1 &&
             !record_id_equal(&meter.previous, &watch->meter))) {
            world_fail(world, machine, NULL, "meter %u of a lease is said twice, or out of order",
                       meter.number);
        }
        watch->meter_number = meter.number;
        watch->meter = view->id;
    } else if (view->envelope.kind == RECORD_FINAL) {
        if (!record_id_is_zero(&watch->final) && !record_id_equal(&watch->final, &view->id)) {
            world_fail(world, machine, NULL, "two finals are said for one lease");
        }
        watch->final = view->id;
    }
}

/* Nothing is promised that is not on the disk. */
void
check_send(struct world *world, struct machine *machine, struct bytes bytes)
{
    static const uint8_t what[RECORD_KIND_COUNT] = {
        [RECORD_HELD] = EVIDENCE_HELD,   [RECORD_LEASE] = EVIDENCE_LEASE,
        [RECORD_METER] = EVIDENCE_METER, [RECORD_VOUCHER] = EVIDENCE_VOUCHER,
        [RECORD_FINAL] = EVIDENCE_FINAL,
    };
    struct signed_message single;
    struct cosigned_message both;
    struct gang_confirm_message gang;
    struct offer_message offer;
    struct record_view view;
    if (message_decode(&offer_message_schema, bytes, &offer) == STATUS_OK) {
        if (record_parse(offer.held, &world->network, &view) != STATUS_OK) {
            world_fail(world, machine, NULL, "an offer is sent that cannot be read");
            return;
        }
        world->tally.offers++;
    } else if (message_decode(&signed_message_schema, bytes, &single) == STATUS_OK) {
        if (record_parse(single.record, &world->network, &view) != STATUS_OK) {
            world_fail(world, machine, NULL, "a record is sent that cannot be read");
            return;
        }
    } else if (message_decode(&cosigned_message_schema, bytes, &both) == STATUS_OK) {
        if (record_parse_cosigned(both.record, &world->network, &view) != STATUS_OK) {
            world_fail(world, machine, NULL, "a receipt is sent that cannot be read");
            return;
        }
    } else if (message_decode(&gang_confirm_message_schema, bytes, &gang) == STATUS_OK) {
        if (record_parse(gang.lease, &world->network, &view) != STATUS_OK) {
            world_fail(world, machine, NULL, "a gang's lease is sent that cannot be read");
            return;
        }
    } else {
        return;
    }
    const uint8_t evidence = what[view.envelope.kind];
    struct watch *watch = evidence == 0 ? NULL : watch_behind(machine, &view);
    if (evidence == 0) {
        return;
    }
    if (watch != NULL) {
        check_one_word(world, machine, watch, &view);
    }
    if (watch != NULL && watch->deleted && evidence == EVIDENCE_HELD) {
        return; /* promised and cancelled in one batch */
    }
    if (watch == NULL || !evidence_is(machine, &watch->row.hold, evidence, view.sealed)) {
        world_fail(world, machine, NULL, "a %s is sent that is not on the disk",
                   record_kind_name(view.envelope.kind));
    }
}

void
check_job_start(struct world *world, struct machine *machine, const struct effect_job *order)
{
    struct watch *watch = watch_of_lease(machine, &order->lease, true);
    if (watch == NULL || watch->row.state < LEASE_STARTING || watch->row.state > LEASE_ENDING) {
        world_fail(world, machine, NULL, "a job starts without a lease that says so");
        return;
    }
    if (watch->job_started) {
        world_fail(world, machine, machine_of_peer(world, &watch->row.peer),
                   "a job is started twice for one lease");
    }
    watch->job_started = true;
    check_standing(world, machine, order);
    if (order->paid_run_ms >
        price_run_ms_for(watch->row.ask_uusd_per_hour, watch->row.slots, watch->row.voucher_uusd)) {
        world_fail(world, machine, NULL, "a job may run longer than is paid");
    }
}

static bool
may_run(const struct watch *watch)
{
    return watch != NULL && !watch->deleted && watch->row.state >= LEASE_STARTING &&
           watch->row.state <= LEASE_ENDING;
}

/* No job runs long after its lease, and no two jobs share a card. */
void
check_jobs(struct world *world, struct machine *machine)
{
    uint64_t cards = 0;
    for (size_t i = 0; i < machine->job_count; i++) {
        struct job *job = &machine->jobs[i];
        if (job->removed || job->ended) {
            continue;
        }
        const struct watch *watch = watch_of_lease(machine, &job->lease, true);
        if (may_run(watch)) {
            job->closed_at_us = 0;
        } else if (job->closed_at_us == 0) {
            job->closed_at_us = world->now_us;
        }
        const int64_t since_us =
            job->closed_at_us > machine->run_since_us ? job->closed_at_us : machine->run_since_us;
        if (job->closed_at_us != 0 && machine->core != NULL && !machine->asleep &&
            world->now_us - since_us > CLOSED_JOB_US_MAX) {
            world_fail(world, machine, NULL, "a job still runs 5 s after its lease is %s",
                       watch == NULL ? "unknown" : lease_state_names.names[watch->row.state]);
        }
        if (job->running && (cards & job->gpu_mask) != 0) {
            world_fail(world, machine, NULL, "two jobs run on one card");
        }
        cards |= job->running ? job->gpu_mask : 0;
        if (watch != NULL) {
            const uint64_t paid_ms = price_run_ms_for(watch->row.ask_uusd_per_hour,
                                                      watch->row.slots, watch->row.voucher_uusd);
            const uint64_t slack_ms = (watch->row.interval_s + watch->row.meter_s) * 1000ull;
            if ((uint64_t)(job->run_us / MS) / 2 > paid_ms / 2 + slack_ms / 2) {
                world_fail(world, machine, NULL, "a job ran %lld ms, %llu ms are paid",
                           (long long)(job->run_us / MS), (unsigned long long)paid_ms);
            }
        }
    }
}
