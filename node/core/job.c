#include <string.h>

#include "node/core/host.h"
#include "node/core/ledger.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "node/core/serve.h"
#include "node/core/trust.h"
#include "protocol/codec.h"
#include "protocol/price.h"

enum {
    GRACE_MS = 3000,      /* between SIGTERM and SIGKILL when a side ends the lease */
    UNPAID_INTERVALS = 3, /* frozen for so long, then ended */
    FINAL_REPEAT_MS = 5000,
    FINAL_DOUBLINGS = 6 /* a renter that never signs is asked less and less often */
};

struct effect_job *
host_order_job(struct core *core, const struct lease *lease, enum effect_type type)
{
    struct effect_job *job = &effects_add(core->effects, type)->as.job;
    job->lease = lease_id_of(lease);
    job->attached = lease->row.attached;
    job->duration_s = lease->row.duration_s;
    job->unpaid_s = UNPAID_INTERVALS * lease->row.interval_s;
    job->end_at_boot_ms = lease->row.boot_id == core->boot_id ? lease->row.end_at_boot_ms : 0;
    return job;
}

static uint64_t
paid_run_ms(const struct lease *lease)
{
    const uint64_t paid =
        price_run_ms_for(lease->row.ask_uusd_per_hour, lease->row.slots, lease->row.voucher_uusd);
    const uint64_t most = lease->row.duration_s * 1000ull;
    return paid < most ? paid : most;
}

static void
pay_job(struct core *core, struct lease *lease)
{
    lease->paid_run_ms = paid_run_ms(lease);
    host_order_job(core, lease, EFFECT_JOB_PAY)->paid_run_ms = lease->paid_run_ms;
}

/* Opens a voucher and notes it when it is higher than the one before. */
static enum status
note_voucher(struct core *core, struct lease *lease, const struct verified_record *record)
{
    struct voucher voucher;
    const enum status status = verified_body(record, RECORD_VOUCHER, &voucher);
    if (status != STATUS_OK) {
        return status;
    }
    const struct lease_id id = lease_id_of(lease);
    if (!lease_id_equal(&voucher.lease, &id) ||
        !peer_id_equal(&verified_envelope(record)->author, &lease->row.peer)) {
        return STATUS_REFUSED;
    }
    if (amount_compare(voucher.amount_uusd, lease->row.voucher_uusd) < 0 ||
        (voucher.number <= lease->row.voucher_number && lease->row.voucher_number != 0)) {
        return STATUS_STALE; /* the highest wins */
    }
    lease->row.voucher_uusd = voucher.amount_uusd;
    lease->row.voucher_number = voucher.number;
    lease->row.voucher_run_ms = paid_run_ms(lease);
    if (lease->papers != NULL) {
        paper_put(lease->papers->voucher, sizeof lease->papers->voucher, verified_bytes(record),
                  &lease->papers->voucher_length);
    }
    say_store_evidence(core, &lease->row.hold, EVIDENCE_VOUCHER, record);
    return STATUS_OK;
}

static void
say_started(struct core *core, struct link link, const struct lease *lease)
{
    const struct started_message message = {.lease = lease_id_of(lease),
                                            .started_at_ms = lease->row.started_at_ms};
    say_message(core, link, &started_message_schema, &message);
}

static void
repeat_start(struct core *core, struct link_state *link, const struct lease *lease)
{
    if (lease->row.state == LEASE_SETTLING || lease->row.state == LEASE_CLOSED) {
        host_say_final(core, lease);
    } else if (lease->row.started_at_ms != 0) {
        say_started(core, link->link, lease);
    }
}

/* Whether the first voucher pays the first interval, or the whole when that is shorter. */
static bool
first_voucher_is_enough(const struct lease *lease, const struct voucher *voucher)
{
    const uint32_t first_s = lease->row.duration_s < lease->row.interval_s ? lease->row.duration_s
                                                                           : lease->row.interval_s;
    return amount_compare(voucher->amount_uusd, lease_charge(lease, first_s * 1000ull)) >= 0;
}

void
host_take_start(struct core *core, struct link_state *link, const struct start_message *message)
{
    struct lease *lease = lease_by_id(core, &message->lease);
    const struct record_id about = record_id_of_lease(&message->lease);
    if (lease == NULL || !lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer)) {
        host_refuse(core, link->link, &about, REFUSAL_NOT_YOURS, "there is no such lease");
        return;
    }
    if (lease->row.state == LEASE_LEASED && !lease_deadline_is_ahead(core, lease)) {
        host_lapse(core, lease);
    }
    if (lease->row.state != LEASE_LEASED) {
        if (lease->row.state == LEASE_VOID) {
            host_refuse(core, link->link, &about, REFUSAL_TOO_LATE,
                        "the lease was not started in time; it is void and costs nothing");
        }
        repeat_start(core, link, lease);
        return;
    }
    struct verified_record record;
    struct voucher voucher;
    if (record_open(message->voucher, &core->options.network, &record) != STATUS_OK ||
        verified_body(&record, RECORD_VOUCHER, &voucher) != STATUS_OK ||
        !first_voucher_is_enough(lease, &voucher) ||
        note_voucher(core, lease, &record) != STATUS_OK) {
        host_refuse(core, link->link, &about, REFUSAL_PRICE,
                    "the first voucher does not pay the first interval");
        return;
    }
    lease_apply(core, lease, LEASE_EVENT_START, LEASE_ACTOR_RENTER);
    trust_keeps_its_word(core, &link->peer);
    serve_note_taken(core, lease);
    lease->row.attached = message->attached;
    lease_set_deadline(core, lease, duration_of_s(LATEST_START_S));
    lease_store(core, lease);
    host_allow_streams(core, lease, link);

    struct buffer buffer;
    buffer_init(&buffer, effects_take(core->effects, FRAME_BYTES_MAX), FRAME_BYTES_MAX);
    if (codec_encode(&start_message_schema, message, &buffer) != STATUS_OK) {
        return; /* cannot be: it was decoded from no larger a frame */
    }
    struct effect_job *job = host_order_job(core, lease, EFFECT_JOB_START);
    struct listing listing;
    lease_listing(core, lease, &listing);
    job->gpu_mask = listing_gpu_mask(core, lease->row.slot_group, lease->row.slot_mask);
    job->input = message->input;
    job->memory_mib = message->memory_mib != 0 && message->memory_mib < listing.ram_mib
                          ? message->memory_mib
                          : listing.ram_mib * lease->row.slots;
    job->disk_mib = listing.disk_mib * lease->row.slots;
    job->cpu_threads = (uint32_t)listing.cpu_threads * lease->row.slots;
    job->arguments = buffer_bytes(&buffer);
    lease->paid_run_ms = paid_run_ms(lease);
    job->paid_run_ms = lease->paid_run_ms;
}

void
host_take_voucher(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct voucher voucher;
    if (verified_body(record, RECORD_VOUCHER, &voucher) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &voucher.lease);
    if (lease == NULL || !lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer) ||
        lease->row.state == LEASE_LEASED) {
        return;
    }
    const enum lease_action action = lease_apply(core, lease, LEASE_EVENT_PAID, LEASE_ACTOR_RENTER);
    if ((action != LEASE_ACTION_KEEP && action != LEASE_ACTION_THAW_JOB)) {
        return;
    }
    const enum status status = note_voucher(core, lease, record);
    if (status != STATUS_OK || paid_run_ms(lease) <= lease->row.run_ms) {
        if (action == LEASE_ACTION_THAW_JOB) {
            lease->row.state = LEASE_FROZEN; /* it pays no more than what has run */
        }
        if (status == STATUS_OK) {
            lease_store(core, lease);
        }
        return;
    }
    lease_store(core, lease);
    pay_job(core, lease);
    if (action == LEASE_ACTION_THAW_JOB) {
        host_order_job(core, lease, EFFECT_JOB_THAW);
    }
}

static void
note_run(struct lease *lease, const struct event_workload *workload)
{
    const uint64_t most = lease->row.duration_s * 1000ull;
    const uint64_t run_ms = workload->run_ms < most ? workload->run_ms : most;
    lease->row.run_ms = run_ms > lease->row.run_ms ? run_ms : lease->row.run_ms;
    lease->bytes_in = workload->bytes_in;
    lease->bytes_out = workload->bytes_out;
}

static void
job_started(struct core *core, struct lease *lease, const struct event_workload *workload)
{
    if (lease_apply(core, lease, LEASE_EVENT_STARTED, LEASE_ACTOR_HOST) != LEASE_ACTION_MOVE) {
        return;
    }
    const uint64_t now_ms = (uint64_t)core->now.wall.ms;
    const uint64_t since_ms = workload->run_ms;
    lease->row.started_at_ms = workload->started_at_ms != 0 ? workload->started_at_ms : now_ms;
    lease->row.end_at_ms = now_ms - since_ms + lease->row.duration_s * 1000ull;
    lease->row.boot_id = core->boot_id;
    lease->row.end_at_boot_ms =
        (uint64_t)core->now.boot.ms - since_ms + lease->row.duration_s * 1000ull;
    lease->meter_at = boot_add(core->now.boot, duration_of_s(lease->row.meter_s));
    lease_store(core, lease);
    pay_job(core, lease);
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    if (link != NULL) {
        say_started(core, link->link, lease);
    }
}

static void
job_ended(struct core *core, struct lease *lease, const struct event_workload *workload)
{
    if (lease_apply(core, lease, LEASE_EVENT_EXITED, LEASE_ACTOR_HOST) != LEASE_ACTION_SETTLE) {
        return;
    }
    const bool failed = workload->state == JOB_FAILED;
    lease->row.exit_code = workload->exit_code;
    lease->row.exit_signal = workload->exit_signal;
    if (lease->row.reason == END_NONE) {
        lease->row.reason = failed ? END_HOST_FAILURE : workload->reason;
    }
    if (lease->row.reason == END_NONE) {
        lease->row.reason = END_JOB_EXITED;
    }
    if (workload->started_at_ms != 0 && lease->row.started_at_ms == 0) {
        lease->row.started_at_ms = workload->started_at_ms; /* so short that RUNNING was not seen */
    }
    host_settle(core, lease);
}

static void
job_frozen(struct core *core, struct lease *lease)
{
    if (lease->row.state != LEASE_ACTIVE || lease->row.run_ms < paid_run_ms(lease)) {
        return;
    }
    if (lease_apply(core, lease, LEASE_EVENT_UNPAID, LEASE_ACTOR_CLOCK) ==
        LEASE_ACTION_FREEZE_JOB) {
        lease->frozen_at = core->now.boot;
        lease_store(core, lease);
        host_order_job(core, lease, EFFECT_JOB_FREEZE);
    }
}

void
host_workload(struct core *core, struct lease *lease, const struct event_workload *workload)
{
    note_run(lease, workload);
    lease->job_running = true;
    switch ((enum job_state)workload->state) {
    case JOB_RUNNING:
        if (lease->row.state == LEASE_STARTING) {
            job_started(core, lease, workload);
        } else if (lease->paid_run_ms != paid_run_ms(lease)) {
            pay_job(core, lease); /* after a restart of ours */
        }
        break;
    case JOB_FROZEN:
        if (lease->row.state == LEASE_STARTING) {
            job_started(core, lease, workload);
        }
        if (lease->row.state == LEASE_ACTIVE && lease->paid_run_ms != paid_run_ms(lease)) {
            pay_job(core, lease);
            host_order_job(core, lease, EFFECT_JOB_THAW);
        } else {
            job_frozen(core, lease);
        }
        break;
    case JOB_EXITED:
    case JOB_FAILED:
        job_ended(core, lease, workload);
        break;
    }
}

void
host_workload_lost(struct core *core, struct lease *lease)
{
    if (!lease->row.is_host ||
        lease_apply(core, lease, LEASE_EVENT_LOST, LEASE_ACTOR_HOST) != LEASE_ACTION_SETTLE) {
        return;
    }
    if (lease->row.reason == END_NONE) {
        lease->row.reason = END_HOST_FAILURE;
    }
    host_settle(core, lease);
}

void
host_end(struct core *core, struct lease *lease, enum end_reason reason, enum lease_actor actor)
{
    const bool draining = lease->row.state == LEASE_DRAINING;
    const enum lease_action action = lease_apply(core, lease, LEASE_EVENT_END, actor);
    if (action == LEASE_ACTION_FREE) {
        lease->row.reason = (uint8_t)reason;
        lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
        lease_store(core, lease);
    } else if (action == LEASE_ACTION_KILL_JOB) {
        lease->row.reason = draining ? lease->row.reason : (uint8_t)reason;
        lease_store(core, lease);
        host_order_job(core, lease, EFFECT_JOB_KILL)->grace_ms =
            reason == END_UNPAID || draining ? 0 : GRACE_MS;
    }
}

static void
meter(struct core *core, struct lease *lease)
{
    const struct meter body = {
        .lease = lease_id_of(lease),
        .number = lease->row.meter_number + 1,
        .run_ms = lease->row.run_ms,
        .bytes_in = lease->bytes_in,
        .bytes_out = lease->bytes_out,
        .previous = lease->row.meter,
    };
    const struct seal_order order = {.kind = RECORD_METER, .seq = body.number};
    const struct verified_record record = say_seal(core, order, &body);
    lease->row.previous_meter = lease->row.meter;
    lease->row.meter = *verified_id(&record);
    lease->row.meter_number = body.number;
    if (body.number == 1) {
        say_store_evidence(core, &lease->row.hold, EVIDENCE_FIRST_METER, &record);
    }
    say_store_evidence(core, &lease->row.hold, EVIDENCE_METER, &record);
    ledger_post(core, lease,
                amount_smaller(lease->row.voucher_uusd, lease_charge(lease, body.run_ms)),
                verified_id(&record));
    lease_store(core, lease);
    lease->meter_at = boot_add(core->now.boot, duration_of_s(lease->row.meter_s));
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    if (link != NULL) {
        say_signed(core, link->link, verified_bytes(&record));
    }
}

/* By boot time within one boot; after a reboot by the wall clock. */
static bool
time_is_up(const struct core *core, const struct lease *lease)
{
    if (lease->row.end_at_ms == 0) {
        return false;
    }
    return lease->row.boot_id == core->boot_id
               ? (uint64_t)core->now.boot.ms >= lease->row.end_at_boot_ms
               : (uint64_t)core->now.wall.ms >= lease->row.end_at_ms;
}

static void
running_tick(struct core *core, struct lease *lease)
{
    const int64_t patience_ms = (int64_t)UNPAID_INTERVALS * lease->row.interval_s * 1000;
    if (time_is_up(core, lease)) {
        host_end(core, lease, END_DURATION, LEASE_ACTOR_CLOCK);
    } else if (lease->row.state == LEASE_FROZEN && lease->frozen_at.ms == 0) {
        lease->frozen_at = core->now.boot;
    } else if (lease->row.state == LEASE_FROZEN &&
               boot_between(lease->frozen_at, core->now.boot).ms > patience_ms) {
        host_end(core, lease, END_UNPAID, LEASE_ACTOR_CLOCK);
    } else if (lease->job_running &&
               (lease->meter_at.ms == 0 || core_is_due(core, lease->meter_at))) {
        meter(core, lease); /* of a frozen job too: its renter may not know yet that it is to pay */
    }
}

void
host_lease_tick(struct core *core, struct lease *lease)
{
    switch (lease_state(lease)) {
    case LEASE_HELD:
    case LEASE_LEASED:
        if (!lease_deadline_is_ahead(core, lease)) {
            host_lapse(core, lease);
        }
        break;
    case LEASE_ACTIVE:
    case LEASE_FROZEN:
        running_tick(core, lease);
        break;
    case LEASE_DRAINING:
        host_draining_tick(core, lease);
        break;
    case LEASE_SETTLING:
        if (core_is_due(core, lease->send_at)) {
            const unsigned doublings =
                lease->repeats < FINAL_DOUBLINGS ? lease->repeats : FINAL_DOUBLINGS;
            lease->repeats = (uint16_t)(doublings + 1);
            host_say_final(core, lease);
            lease->send_at =
                boot_add(core->now.boot, duration_of_ms((int64_t)FINAL_REPEAT_MS << doublings));
        }
        break;
    case LEASE_ASKED:
    case LEASE_CONFIRMED:
    case LEASE_STARTING:
    case LEASE_ENDING:
    case LEASE_CLOSED:
    case LEASE_VOID:
    case LEASE_STATE_COUNT:
        break;
    }
}

void
host_recovered(struct core *core)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used || !lease->row.is_host) {
            continue;
        }
        if (lease->row.state == LEASE_SETTLING) {
            lease->send_at = core->now.boot;
        } else if (lease->row.state == LEASE_DRAINING) {
            host_order_job(core, lease,
                           EFFECT_JOB_WARN); /* the order may have been lost with the daemon */
        } else if (lease->row.state == LEASE_ENDING) {
            host_order_job(core, lease, EFFECT_JOB_KILL)->grace_ms = 0;
        }
    }
}

void
host_peer_up(struct core *core, struct link_state *link)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used || !lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer)) {
            continue;
        }
        if (lease->row.state == LEASE_SETTLING) {
            host_say_final(core, lease);
        } else if (lease->row.state == LEASE_DRAINING) {
            host_say_reclaim(core, lease);
        }
        if (lease->row.started_at_ms == 0 || !lease_state_is_open(lease_state(lease))) {
            continue; /* of those that are over, the renter asks */
        }
        host_allow_streams(core, lease, link);
        if (lease->row.state != LEASE_SETTLING) {
            say_started(core, link->link, lease);
        }
    }
}
