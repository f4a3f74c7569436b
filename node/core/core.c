#include "node/core/core.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/core/auction.h"
#include "node/core/control.h"
#include "node/core/gang.h"
#include "node/core/gang_state.h"
#include "node/core/gossip.h"
#include "node/core/host.h"
#include "node/core/ledger.h"
#include "node/core/listing.h"
#include "node/core/pages.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/serve.h"
#include "node/core/standing.h"
#include "protocol/codec.h"

enum { BUSY_TICK_MS = 250, IDLE_TICK_MS = 1000, REDIAL_MS = 3000 };

void
core_free(struct core *core)
{
    if (core == NULL) {
        return;
    }
    keypair_wipe(&core->options.keypair);
    shelf_clear(&core->shelf);
    book_free(core->book);
    free(core->leases);
    free(core->papers);
    free(core->rents);
    free(core->gangs);
    auction_free_memory(core->batch);
    free(core->standings);
    free(core->peers);
    free(core->balances);
    free(core);
}

/* Of the tables that strangers' keys stand in. The same for every start of a node, and unknown to others. */
static uint64_t
hash_secret(const struct keypair *keypair)
{
    uint8_t digest[ID_LENGTH];
    uint64_t secret;
    digest_make("gpulet table seed", bytes_of(keypair->seed, sizeof keypair->seed), digest);
    memcpy(&secret, digest, sizeof secret);
    return secret;
}

struct core *
core_new(const struct core_options *options)
{
    struct core *core = calloc(1, sizeof *core);
    if (core == NULL) {
        return NULL;
    }
    core->options = *options;
    core->leases = calloc(LEASES_MAX, sizeof *core->leases);
    core->papers = calloc(LEASES_OPEN_MAX, sizeof *core->papers);
    core->rents = calloc(RENTS_MAX, sizeof *core->rents);
    core->gangs = calloc(GANGS_MAX, sizeof *core->gangs);
    core->standings = calloc(REQUESTS_STANDING_MAX, sizeof *core->standings);
    core->batch = auction_new_memory(options->auction_epoch_s > 0);
    core->peers = calloc(PEERS_MAX, sizeof *core->peers);
    core->balances = calloc(BALANCES_MAX, sizeof *core->balances);
    const uint64_t secret = hash_secret(&options->keypair);
    core->book = book_new_with_seed((uint32_t)options->shelf_records_max, secret);
    if (core->leases == NULL || core->papers == NULL || core->rents == NULL ||
        core->gangs == NULL || core->standings == NULL || core->batch == NULL ||
        core->peers == NULL || core->balances == NULL || core->book == NULL ||
        shelf_init(&core->shelf, options->shelf_records_max) != STATUS_OK) {
        core_free(core);
        return NULL;
    }
    class_table_digest(core->class_table);
    core->shelf.secret = secret;
    return core;
}

static void
started(struct core *core, const struct event *event)
{
    core->random = event->as.started.seed | 1;
    core->boot_id = event->as.started.boot_id;
    core->boot_nonce = event->as.started.boot_nonce;
    core->started_at = core->now.wall;
    core->started_boot = core->now.boot;
}

static void
recover_setting(struct core *core, const struct row *row)
{
    struct setting_row setting;
    if (codec_decode(&setting_row_schema, row->value, &setting) != STATUS_OK) {
        return;
    }
    struct amount amount = amount_zero();
    const bool is_amount = setting.value <= (uint64_t)AMOUNT_MICRO_MAX &&
                           amount_of_micro((int64_t)setting.value, &amount) == STATUS_OK;
    if (row->key.number == SETTING_PAUSED) {
        core->paused = setting.value != 0;
    } else if (row->key.number == SETTING_PAUSE_MASK) {
        core->pause_mask = setting.value;
    } else if (row->key.number >= SETTING_REQUEST_PLACES) {
        standing_recover_place(core, row->key.number - SETTING_REQUEST_PLACES, setting.value);
    } else if (row->key.number == SETTING_SPEND_LEASE && is_amount) {
        core->options.spend_lease_max_uusd = amount;
    } else if (row->key.number == SETTING_SPEND_DAY && is_amount) {
        core->options.spend_day_max_uusd = amount;
    }
}

static void
recover_row(struct core *core, const struct row *row)
{
    struct sequence_row sequence;
    switch (row->table) {
    case TABLE_SETTINGS:
        recover_setting(core, row);
        break;
    case TABLE_SEQUENCES:
        if (codec_decode(&sequence_row_schema, row->value, &sequence) == STATUS_OK) {
            say_set_seq(core, sequence.kind_and_detail, sequence.seq);
        }
        break;
    case TABLE_LISTINGS:
        listing_recover(core, row);
        break;
    case TABLE_LEASES:
        lease_recover(core, row);
        break;
    case TABLE_LEDGER:
        ledger_recover_last(core, row);
        break;
    case TABLE_BALANCES:
        ledger_recover_balance(core, row);
        break;
    case TABLE_PEERS:
        peers_recover(core, row);
        break;
    case TABLE_GUARDS:
        gossip_recover_guard(core, row);
        break;
    case TABLE_REQUESTS:
        standing_recover(core, row);
        break;
    case TABLE_GANGS:
        gang_recover(core, row);
        break;
    case TABLE_RECORDS:
    case TABLE_HOLDS:
    case TABLE_EVIDENCE:
    case TABLE_GRANTS:
    case TABLE_COUNT:
        break;
    }
}

static void
recovered(struct core *core)
{
    core->recovered = true;
    ledger_recovered(core);
    host_recovered(core);
    host_streams_recovered(core);
    renter_recovered(core);
    standing_recovered(core);
    if (core->unread_papers > 0) {
        say_log(core, LOG_WARNING,
                "%zu leases wait for the other side's last word, more than are kept in memory: "
                "their papers stay on disk until others are done",
                core->unread_papers);
    }
    gang_recovered(core);
}

static void
workload(struct core *core, const struct event_workload *workload)
{
    struct lease *lease = lease_by_id(core, &workload->lease);
    if (lease != NULL && lease->row.is_host && lease_state_is_open(lease_state(lease))) {
        if (lease->row.state != LEASE_SETTLING) {
            host_workload(core, lease, workload);
            return;
        }
    }
    if (workload->state == JOB_RUNNING || workload->state == JOB_FROZEN) {
        /* A job without a lease, or whose lease is settled already: nobody pays for it. */
        effects_add(core->effects, EFFECT_JOB_KILL)->as.job.lease = workload->lease;
    }
}

static void
workload_lost(struct core *core, const struct lease_id *id)
{
    struct lease *lease = lease_by_id(core, id);
    if (lease != NULL) {
        host_workload_lost(core, lease);
    }
}

static void
evidence(struct core *core, const struct event *event)
{
    if (event->as.evidence.what == EVIDENCE_GRANT) {
        ledger_grant(core, &event->as.evidence.record);
    } else {
        lease_recover_evidence(core, event);
    }
}

/* Both sides of an open lease look for each other until it is over: whoever can dial, does. */
static void
keep_in_touch(struct core *core, struct lease *lease)
{
    if (lease->row.state == LEASE_ASKED ||
        (lease->dial_at.ms != 0 && !core_is_due(core, lease->dial_at))) {
        return;
    }
    lease->dial_at = boot_add(core->now.boot, duration_of_ms(REDIAL_MS));
    if (links_to_peer(core, &lease->row.peer) == NULL) {
        (void)peers_call(core, &lease->row.peer);
    }
}

/* When the wall clock is set, what is refreshed by it would be so late, and what was thrown away as
 * expired is missed. */
static void
notice_set_clock(struct core *core)
{
    enum { SET_MS = 30000 };
    const int64_t over_ms = core->now.wall.ms - core->now.boot.ms;
    const int64_t change_ms = over_ms - core->wall_over_boot_ms;
    if (core->wall_over_boot_ms != 0 && (change_ms > SET_MS || change_ms < -SET_MS)) {
        say_log(core, LOG_WARNING, "the clock was set by %lld s", (long long)(change_ms / 1000));
        core->node_refresh_at = core->now.wall;
        listing_refresh_all(core);
        standing_refresh_all(core);
        pages_pull_all(core);
    }
    core->wall_over_boot_ms = over_ms;
}

/* What time alone brings about; runs after every event, cheap when nothing is due. */
static void
tick(struct core *core)
{
    if (!core->recovered) {
        return;
    }
    notice_set_clock(core);
    links_tick(core);
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used || !lease_state_is_open(lease_state(lease))) {
            continue;
        }
        if (!say_has_room(core)) {
            break; /* what was done is no longer due: the next tick goes on */
        }
        keep_in_touch(core, lease);
        if (lease->row.is_host) {
            host_lease_tick(core, lease);
        } else {
            renter_lease_tick(core, lease);
        }
    }
    host_streams_tick(core);
    renter_streams_tick(core);
    listing_tick(core);
    rent_tick(core);
    gang_tick(core);
    standing_tick(core);
    serve_tick(core);
    bidding_tick(core);
    auction_tick(core);
    auction_file_tick(core);
    gossip_tick(core);
}

static void
dispatch(struct core *core, const struct event *event)
{
    switch (event->type) {
    case EVENT_STARTED:
        started(core, event);
        break;
    case EVENT_ROW:
        recover_row(core, &event->as.row);
        break;
    case EVENT_STORED_RECORD:
        gossip_recover_record(core, &event->as.record);
        break;
    case EVENT_EVIDENCE:
        evidence(core, event);
        break;
    case EVENT_RECOVERED:
        recovered(core);
        break;
    case EVENT_TICK:
        break;
    case EVENT_LINK_UP:
        links_up(core, event);
        break;
    case EVENT_LINK_DOWN:
        links_down(core, event->as.link_down);
        break;
    case EVENT_FRAME:
        links_frame(core, event->as.frame.link, event->as.frame.bytes);
        break;
    case EVENT_RECORD_VERIFIED:
    case EVENT_RECORD_REFUSED:
        gossip_checked(core, event);
        break;
    case EVENT_CONTROL:
        control_question(core, event->as.control.client, event->as.control.bytes);
        break;
    case EVENT_CONTROL_GONE:
        rent_client_gone(core, event->as.control_gone);
        break;
    case EVENT_GPUS:
        listing_gpus(core, event);
        break;
    case EVENT_OWNER_BACK:
        core->owner_mask |= event->as.owner_mask;
        listing_refresh_all(core);
        host_reclaim(core, event->as.owner_mask);
        break;
    case EVENT_OWNER_AWAY:
        core->owner_mask &= ~event->as.owner_mask;
        listing_refresh_all(core);
        break;
    case EVENT_WORKLOAD:
        workload(core, &event->as.workload);
        break;
    case EVENT_WORKLOAD_LOST:
        workload_lost(core, &event->as.lease);
        break;
    case EVENT_READER_GONE:
    case EVENT_READER_BACK:
        break; /* the renter's node decides: it knows whether its own person is gone */
    case EVENT_SPACE:
        core->space = event->as.space;
        break;
    case EVENT_DECIDED:
        host_decided(core, event);
        break;
    }
}

/* Soon while leases are open, as their deadlines lie anywhere. */
static void
set_next_tick(struct core *core)
{
    bool busy = gang_is_any(core);
    for (size_t i = 0; i < LEASES_MAX && !busy; i++) {
        busy = core->leases[i].used && lease_state_is_open(lease_state(&core->leases[i]));
    }
    core->tick_at = boot_add(core->now.boot, duration_of_ms(busy ? BUSY_TICK_MS : IDLE_TICK_MS));
    const struct boot serve = serve_deadline(core);
    if (serve.ms != 0 && boot_is_before(serve, core->tick_at)) {
        core->tick_at = serve;
    }
    for (size_t i = 0; i < RENTS_MAX; i++) {
        const struct rent *rent = &core->rents[i];
        if (rent->used && rent->waiting && boot_is_before(rent->next_try_at, core->tick_at)) {
            core->tick_at = rent->next_try_at;
        }
    }
}

/* Clocks before 1970 cannot be written into records, nor can ends of leases after 9999; 0 means "never"
 * to timers. */
static struct moment
sane_now(struct moment now)
{
    static const int64_t wall_ms_min = 1000;
    static const int64_t wall_ms_max = (int64_t)TIME_MS_MAX / 2;
    now.wall.ms = now.wall.ms < wall_ms_min   ? wall_ms_min
                  : now.wall.ms > wall_ms_max ? wall_ms_max
                                              : now.wall.ms;
    now.boot.ms = now.boot.ms < 1 ? 1 : now.boot.ms;
    return now;
}

void
core_step(struct core *core, const struct event *event, struct effects *effects)
{
    core->now = sane_now(event->now);
    core->effects = effects;
    core->step_count = effects->count;
    core->step_bytes = effects->arena_used;
    core->unfinished = false;
    dispatch(core, event);
    if (event->type == EVENT_TICK || event->type == EVENT_RECOVERED ||
        core_is_due(core, core->tick_at) || core_is_due(core, core->flush_at)) {
        tick(core);
        set_next_tick(core);
    }
    if (core->unfinished) {
        core->tick_at = core->now.boot;
    }
    core->effects = NULL;
}

struct boot
core_next_deadline(const struct core *core)
{
    const bool flush = core->flush_at.ms != 0 && core->flush_at.ms < core->tick_at.ms;
    return flush ? core->flush_at : core->tick_at;
}
