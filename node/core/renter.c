#include "node/core/renter.h"

#include <string.h>

#include "node/core/ledger.h"
#include "node/core/say.h"
#include "protocol/codec.h"
#include "protocol/price.h"

enum { CLOCK_SLACK_MS = 5000 /* a host's meter may be so much ahead of our own clock */ };

struct verified_record
renter_make_voucher(struct core *core, struct lease *lease, uint64_t run_ms)
{
    const uint64_t interval_ms = lease->row.interval_s * 1000ull;
    const uint64_t most_ms = lease->row.duration_s * 1000ull;
    uint64_t covers_ms = (run_ms + interval_ms - 1) / interval_ms * interval_ms;
    covers_ms = covers_ms < most_ms ? covers_ms : most_ms;
    const struct voucher voucher = {
        .lease = lease_id_of(lease),
        .number = lease->row.voucher_number + 1,
        .amount_uusd = lease_charge(lease, covers_ms),
        .covers_run_ms = covers_ms,
        .meter_number = lease->row.meter_number,
        .meter = lease->row.meter,
    };
    const struct seal_order order = {.kind = RECORD_VOUCHER, .seq = voucher.number};
    const struct verified_record record = say_seal(core, order, &voucher);
    lease->row.voucher_number = voucher.number;
    lease->row.voucher_uusd = voucher.amount_uusd;
    lease->row.voucher_run_ms = covers_ms;
    paper_put(lease->papers->voucher, sizeof lease->papers->voucher, verified_bytes(&record),
              &lease->papers->voucher_length);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_VOUCHER, &record);
    return record;
}

bool
renter_has_open(const struct lease *lease, const struct link_state *link)
{
    return lease != NULL && !lease->row.is_host && lease->papers != NULL &&
           peer_id_equal(&lease->row.peer, &link->peer);
}

/* The next interval is paid when half of the last paid one has run; further ahead with --prepay. */
static void
pay_if_due(struct core *core, struct lease *lease, const struct link_state *link)
{
    const uint64_t lead_ms = lease->row.interval_s * 500ull + lease->prepay_s * 1000ull;
    const uint64_t most_ms = lease->row.duration_s * 1000ull;
    uint64_t wanted_ms = lease->row.run_ms + lead_ms;
    wanted_ms = wanted_ms < most_ms ? wanted_ms : most_ms;
    if (lease->row.voucher_run_ms >= wanted_ms) {
        return;
    }
    const struct verified_record voucher = renter_make_voucher(core, lease, wanted_ms);
    lease_store(core, lease);
    say_signed(core, link->link, verified_bytes(&voucher));
}

/* The longest that the job can have run by our own clocks: since START was first sent, with slack. By
 * boot time within one boot, as the wall clock may jump. */
static int64_t
run_ms_at_most(const struct core *core, const struct lease *lease)
{
    const struct lease_row *row = &lease->row;
    const int64_t since_ms =
        row->boot_id == core->boot_id
            ? core->now.boot.ms - (int64_t)row->deadline_boot_ms + (int64_t)LATEST_START_S * 1000
            : core->now.wall.ms - (int64_t)row->created_at_ms;
    return since_ms + CLOCK_SLACK_MS + (int64_t)row->meter_s * 1000;
}

void
renter_take_meter(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct meter meter;
    if (verified_body(record, RECORD_METER, &meter) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &meter.lease);
    if (!renter_has_open(lease, link) || meter.number <= lease->row.meter_number ||
        meter.run_ms < lease->row.run_ms ||
        (meter.number == lease->row.meter_number + 1 &&
         !record_id_equal(&meter.previous, &lease->row.meter))) {
        return; /* late, or not of this chain */
    }
    if (lease->row.started_at_ms == 0) {
        const struct started_message started = {.lease = meter.lease};
        renter_take_started(core, link, &started);
    }
    if ((int64_t)meter.run_ms > run_ms_at_most(core, lease) ||
        meter.run_ms > lease->row.duration_s * 1000ull) {
        say_note(core, lease->client, NOTE_WARNING,
                 "the host's meter runs ahead of the clock: no more is paid");
        say_log(core, LOG_WARNING, "a host's meter runs ahead of our clock; no more is paid");
        return;
    }
    lease->row.previous_meter = lease->row.meter;
    lease->row.meter = *verified_id(record);
    lease->row.meter_number = meter.number;
    lease->row.run_ms = meter.run_ms;
    if (meter.number == 1) {
        say_store_evidence(core, &lease->row.hold, EVIDENCE_FIRST_METER, record);
    }
    say_store_evidence(core, &lease->row.hold, EVIDENCE_METER, record);
    ledger_post(core, lease,
                amount_smaller(lease->row.voucher_uusd, lease_charge(lease, meter.run_ms)),
                verified_id(record));
    lease_store(core, lease);
    if (lease->row.state == LEASE_ACTIVE) {
        pay_if_due(core, lease, link);
    }
}

static void
say_receipt(struct core *core, struct link_state *link, const struct verified_record *final,
            struct verified_record *ret_receipt)
{
    struct buffer buffer;
    if (say_make_cosigned(core, final, &buffer, ret_receipt)) {
        say_cosigned(core, link->link, buffer_bytes(&buffer));
    }
}

static void
say_charge(struct core *core, struct lease *lease)
{
    const struct charge_view view = {
        .lease = lease_id_of(lease),
        .charged_uusd = lease->row.final_uusd,
        .run_ms = lease->row.run_ms,
        .reason = lease->row.reason,
        .exit_code = lease->row.exit_code,
        .exit_signal = lease->row.exit_signal,
        .receipt = true,
    };
    say_row(core, lease->client, ROW_CHARGE, &view);
    say_done(core, lease->client, STATUS_OK, "%s", "");
    lease->client = (struct client){0};
}

/* The sentence why a final cannot be signed, or NULL. */
static const char *
final_refusal(const struct core *core, const struct lease *lease, const struct final *final)
{
    const uint64_t interval_ms = lease->row.interval_s * 1000ull;
    const bool by_host = final->reason == END_RECLAIMED || final->reason == END_HOST ||
                         final->reason == END_HOST_FAILURE;
    if (amount_compare(final->amount_uusd, lease->row.voucher_uusd) > 0) {
        return "it asks for more than was ever promised";
    }
    if (final->reason == END_HOST_SILENT) {
        return "it gives a reason that only a renter has";
    }
    if (final->run_ms > lease->row.duration_s * 1000ull ||
        amount_compare(final->amount_uusd, lease_charge(lease, final->run_ms)) > 0) {
        return "it asks for more than its own run time costs";
    }
    if ((int64_t) final->run_ms > run_ms_at_most(core, lease)) {
        return "it asks for a longer run than there can have been";
    }
    if (final->reason == END_NOT_STARTED && !amount_is_zero(final->amount_uusd)) {
        return "it asks for something though nothing was started";
    }
    if (by_host && interval_ms != 0 && final->run_ms % interval_ms != 0) {
        return "it asks for an interval that the host did not finish";
    }
    if (lease->row.reason == END_RECLAIMED && final->reason != END_RECLAIMED) {
        return "it hides that the owner took the card back";
    }
    return NULL;
}

void
renter_take_final(struct core *core, struct link_state *link, const struct verified_record *record)
{
    struct final final;
    struct verified_record receipt;
    if (verified_body(record, RECORD_FINAL, &final) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &final.lease);
    if (lease == NULL || lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer)) {
        return;
    }
    const bool is_late = lease->row.state == LEASE_CLOSED && record_id_is_zero(&lease->row.final);
    if (lease->row.state == LEASE_CLOSED && !is_late) {
        if (record_id_equal(&lease->row.final, verified_id(record))) {
            say_receipt(core, link, record, &receipt); /* ours was lost: the same signature again */
        }
        return;
    }
    const char *why = final_refusal(core, lease, &final);
    if (why != NULL) {
        say_log(core, LOG_WARNING, "a host's final is not signed: %s", why);
        say_note(core, lease->client, NOTE_WARNING, "the host's final is not signed: %s", why);
        return;
    }
    /* Closed without it, when it did not come for a day: it is signed all the same. */
    if (!is_late &&
        lease_apply(core, lease, LEASE_EVENT_FINAL, LEASE_ACTOR_HOST) != LEASE_ACTION_CLOSE) {
        return;
    }
    struct lease_row *row = &lease->row;
    row->final = *verified_id(record);
    row->final_uusd = final.amount_uusd;
    row->run_ms = final.run_ms;
    row->reason = final.reason;
    row->exit_code = final.exit_code;
    row->exit_signal = final.exit_signal;
    row->ended_at_ms = (uint64_t)core->now.wall.ms;
    say_receipt(core, link, record, &receipt);
    say_store_evidence(core, &row->hold, EVIDENCE_FINAL, &receipt);
    ledger_post(core, lease, final.amount_uusd, &row->final);
    ledger_count_lease(core, &row->peer);
    lease_store(core, lease);
    say_charge(core, lease);
}

/* What is left of the notice, when it was on its way for a while; by the host's clock, so not by more than
 * clocks agree. */
static uint32_t
notice_left_s(const struct core *core, const struct reclaim *reclaim)
{
    const uint64_t now_ms = (uint64_t)core->now.wall.ms;
    const uint64_t gone_s = now_ms > reclaim->at_ms ? (now_ms - reclaim->at_ms) / 1000 : 0;
    return gone_s < reclaim->notice_s ? reclaim->notice_s - (uint32_t)gone_s : 0;
}

void
renter_take_reclaim(struct core *core, struct link_state *link,
                    const struct verified_record *record)
{
    struct reclaim reclaim;
    if (verified_body(record, RECORD_RECLAIM, &reclaim) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &reclaim.lease);
    if (!renter_has_open(lease, link)) {
        return;
    }
    if (lease_apply(core, lease, LEASE_EVENT_RECLAIM, LEASE_ACTOR_HOST) == LEASE_ACTION_WARN_JOB) {
        lease->row.reason = END_RECLAIMED;
        say_store_evidence(core, &lease->row.hold, EVIDENCE_RECLAIM, record);
        lease_store(core, lease);
        say_note(core, lease->client, NOTE_WARNING,
                 "the owner takes the card back in %u s; the interval in progress is not charged",
                 notice_left_s(core, &reclaim));
    }
    /* Until it hears so, the host says it again. */
    const struct lease_state_message heard = {.lease = reclaim.lease, .state = lease->row.state};
    say_message(core, link->link, &lease_state_message_schema, &heard);
}

void
renter_take_state(struct core *core, struct link_state *link,
                  const struct lease_state_message *message)
{
    struct lease *lease = lease_by_id(core, &message->lease);
    if (!renter_has_open(lease, link) || message->state != LEASE_VOID) {
        return;
    }
    const bool never_ran = lease->row.state <= LEASE_STARTING ||
                           (lease->row.state == LEASE_ENDING && lease->row.started_at_ms == 0);
    if (never_ran &&
        lease_apply(core, lease, LEASE_EVENT_REFUSED, LEASE_ACTOR_HOST) == LEASE_ACTION_FREE) {
        lease->row.reason = END_NOT_STARTED;
        lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
        say_done(core, lease->client, STATUS_REFUSED,
                 "the host did not start it in time; nothing is owed");
        lease->client = (struct client){0};
        lease_store(core, lease);
    }
}

void
renter_extend(struct core *core, struct client client, struct lease *lease, uint32_t by_s,
              bool dry_run)
{
    struct amount total;
    struct amount more;
    const char *why;
    if (lease->row.is_host || lease->row.state != LEASE_ACTIVE) {
        say_done(core, client, STATUS_NOT_NOW, "only a running lease that you rent gets longer");
        return;
    }
    struct extension extension = {.lease = lease_id_of(lease)};
    if (by_s == 0 || __builtin_add_overflow(lease->row.duration_s, by_s, &extension.duration_s) ||
        codec_check(&extension_schema, &extension) != STATUS_OK ||
        price_charge(lease->row.ask_uusd_per_hour, lease->row.slots, extension.duration_s * 1000ull,
                     &total) != STATUS_OK ||
        amount_subtract(total, lease_charge(lease, lease->row.duration_s * 1000ull), &more) !=
            STATUS_OK) {
        say_done(core, client, STATUS_OUT_OF_RANGE,
                 "a lease is at least a second longer, and at most a year long");
        return;
    }
    if (ledger_may_extend(core, total, more, &why) != STATUS_OK) {
        say_done(core, client, STATUS_LIMIT, "%s", why);
        return;
    }
    struct link_state *link = links_to_peer(core, &lease->row.peer);
    if (link == NULL) {
        say_done(core, client, STATUS_DISCONNECTED, "the host is not reachable just now");
        return;
    }
    if (dry_run) {
        say_done(core, client, STATUS_OK, "%s", "");
        return;
    }
    /* Not kept before the host has signed: it would take the place of one that both have signed. */
    const struct seal_order order = {.kind = RECORD_EXTENSION, .seq = extension.duration_s};
    const struct verified_record record = say_seal(core, order, &extension);
    say_signed(core, link->link, verified_bytes(&record));
    say_note(core, client, NOTE_TALK, "asked the host; `gpulet leases` shows the new end");
    say_done(core, client, STATUS_OK, "%s", "");
}

void
renter_take_extension(struct core *core, struct link_state *link, struct bytes cosigned)
{
    struct verified_record record;
    struct extension extension;
    if (record_open_cosigned(cosigned, &core->options.network, &link->peer, &record) != STATUS_OK ||
        !peer_id_equal(&verified_envelope(&record)->author, &core->options.keypair.identity) ||
        verified_body(&record, RECORD_EXTENSION, &extension) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &extension.lease);
    if (!renter_has_open(lease, link) || extension.duration_s <= lease->row.duration_s) {
        return;
    }
    const uint64_t more_ms = (extension.duration_s - lease->row.duration_s) * 1000ull;
    lease->row.duration_s = extension.duration_s;
    lease->row.end_at_ms += more_ms;
    lease->row.end_at_boot_ms += more_ms;
    say_store_evidence(core, &lease->row.hold, EVIDENCE_EXTENSION, &record);
    lease_store(core, lease);
}
