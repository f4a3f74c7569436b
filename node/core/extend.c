#include "node/core/host.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "protocol/codec.h"
#include "protocol/price.h"
#include "protocol/week_hours.h"

void
host_take_extension(struct core *core, struct link_state *link,
                    const struct verified_record *record)
{
    struct extension extension;
    const struct record_id *id = verified_id(record);
    if (verified_body(record, RECORD_EXTENSION, &extension) != STATUS_OK) {
        return;
    }
    struct lease *lease = lease_by_id(core, &extension.lease);
    if (lease == NULL || !lease->row.is_host || !peer_id_equal(&lease->row.peer, &link->peer)) {
        host_refuse(core, link->link, id, REFUSAL_NOT_YOURS, "there is no such lease");
        return;
    }
    const bool runs = lease->row.state == LEASE_ACTIVE || lease->row.state == LEASE_FROZEN;
    const struct offer_state *offer = listing_offer(core, lease->row.slot_group);
    const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
    const uint32_t more_s = extension.duration_s > lease->row.duration_s
                                ? extension.duration_s - lease->row.duration_s
                                : 0;
    struct amount total;
    const bool priced = price_charge(lease->row.ask_uusd_per_hour, lease->row.slots,
                                     extension.duration_s * 1000ull, &total) == STATUS_OK;
    if (!runs || !priced || extension.duration_s < lease->row.duration_s) {
        host_refuse(core, link->link, id, REFUSAL_DURATION, "only a running lease gets longer");
        return;
    }
    const uint64_t left_s =
        lease->row.end_at_ms / 1000 > now_s ? lease->row.end_at_ms / 1000 - now_s : 0;
    const uint64_t until_s = offer == NULL ? 0 : offer->row.valid_until_s;
    if (offer == NULL || extension.duration_s > offer->row.lease_max_s ||
        (until_s != 0 && more_s > 0 && until_s < now_s + left_s + more_s) ||
        (more_s > 0 && week_hours_left_s(offer->row.week_hours, now_s) < left_s + more_s)) {
        host_refuse(core, link->link, id, REFUSAL_HOURS,
                    "the host does not let for so long, or its hours end before");
        return;
    }
    lease->row.duration_s = extension.duration_s;
    lease->row.end_at_ms += more_s * 1000ull;
    lease->row.end_at_boot_ms += more_s * 1000ull;
    struct verified_record cosigned;
    struct buffer buffer;
    if (!say_make_cosigned(core, record, &buffer, &cosigned)) {
        return;
    }
    say_store_evidence(core, &lease->row.hold, EVIDENCE_EXTENSION, &cosigned);
    lease_store(core, lease);
    lease->paid_run_ms = 0; /* tells the supervisor the new end with the next payment */
    say_cosigned(core, link->link, buffer_bytes(&buffer));
}
