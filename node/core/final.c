#include <string.h>

#include "node/core/host.h"
#include "node/core/ledger.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { FINAL_REPEAT_MS = 5000 };

static uint64_t
whole_intervals(const struct lease *lease, uint64_t run_ms)
{
    const uint64_t interval_ms = lease->row.interval_s * 1000ull;
    return interval_ms == 0 ? run_ms : run_ms / interval_ms * interval_ms;
}

/* How much of the run is charged: all of it, but when the host's side ended it, only whole intervals
 * before; and nothing when the owner broke the minimum run that it had signed. */
static uint64_t
charged_run_ms(struct core *core, const struct lease *lease)
{
    const uint64_t owed_ms = (uint64_t)lease->row.owed_intervals * lease->row.interval_s * 1000ull;
    struct listing listing;
    switch ((enum end_reason)lease->row.reason) {
    case END_RECLAIMED: {
        lease_listing(core, lease, &listing);
        if (lease->row.stopped_run_ms < listing.minimum_run_s * 1000ull) {
            return 0;
        }
        const uint64_t run_ms = whole_intervals(lease, lease->row.stopped_run_ms);
        return run_ms > owed_ms ? run_ms - owed_ms : 0;
    }
    case END_HOST:
    case END_HOST_FAILURE:
    case END_HOST_SILENT:
        return whole_intervals(lease, lease->row.run_ms);
    case END_NOT_STARTED:
        return 0;
    case END_NONE:
    case END_JOB_EXITED:
    case END_RENTER:
    case END_DURATION:
    case END_UNPAID:
    case END_LIMIT:
    case END_REASON_COUNT:
        break;
    }
    return lease->row.run_ms;
}

void
host_settle(struct core *core, struct lease *lease)
{
    const uint64_t run_ms = charged_run_ms(core, lease);
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    lease->row.final_uusd = amount_smaller(lease_charge(lease, run_ms), lease->row.voucher_uusd);
    const struct final final = {
        .lease = lease_id_of(lease),
        .amount_uusd = lease->row.final_uusd,
        .run_ms = run_ms,
        .started_at_s = lease->row.started_at_ms / 1000,
        .ended_at_s = lease->row.ended_at_ms / 1000,
        .reason = lease->row.reason,
        .exit_code = lease->row.exit_code,
        .exit_signal = lease->row.exit_signal,
        .meter_number = lease->row.meter_number,
        .meter = lease->row.meter,
    };
    const struct seal_order order = {.kind = RECORD_FINAL, .seq = lease->row.ended_at_ms};
    const struct verified_record record = say_seal(core, order, &final);
    lease->row.final = *verified_id(&record);
    paper_put(lease->papers->final, sizeof lease->papers->final, verified_bytes(&record),
              &lease->papers->final_length);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_FINAL, &record);
    lease_store(core, lease);
    lease->send_at = boot_add(core->now.boot, duration_of_ms(FINAL_REPEAT_MS));
    host_say_final(core, lease);
}

void
host_say_final(struct core *core, const struct lease *lease)
{
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    if (link != NULL && lease->papers != NULL && lease->papers->final_length > 0) {
        say_signed(core, link->link, bytes_of(lease->papers->final, lease->papers->final_length));
    }
}

void
host_take_receipt(struct core *core, struct link_state *link, struct bytes cosigned)
{
    struct record_view view;
    struct final final;
    if (record_parse_cosigned(cosigned, &core->options.network, &view) != STATUS_OK ||
        codec_decode(&final_schema, view.envelope.body, &final) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &final.lease);
    if (lease == NULL || !lease->row.is_host || lease->row.state != LEASE_SETTLING ||
        !peer_id_equal(&lease->row.peer, &link->peer) ||
        !record_id_equal(&view.id, &lease->row.final)) {
        return; /* late or repeated */
    }
    struct verified_record receipt;
    if (record_open_cosigned(cosigned, &core->options.network, &lease->row.peer, &receipt) !=
        STATUS_OK) {
        links_drop(core, link, "its signature under a final is not valid");
        return;
    }
    lease_apply(core, lease, LEASE_EVENT_RECEIPT, LEASE_ACTOR_RENTER);
    say_store_evidence(core, &lease->row.hold, EVIDENCE_FINAL, &receipt);
    ledger_post(core, lease, lease->row.final_uusd, &lease->row.final);
    ledger_count_lease(core, &lease->row.peer);
    lease_store(core, lease);
}
