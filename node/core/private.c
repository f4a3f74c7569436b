#include "node/core/private.h"

#include "node/core/auction.h"
#include "node/core/gang.h"
#include "node/core/host.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/serve.h"
#include "protocol/codec.h"

/* Bodies that begin with the lease that they are about. */
union about_lease {
    struct lease_id lease;
    struct meter meter;
    struct voucher voucher;
    struct final final;
    struct reclaim reclaim;
    struct extension extension;
};

/* Whether it is worth a signature check: most of these records are about a lease that both sides know. */
static bool
is_worth_checking(struct core *core, const struct link_state *link, const struct envelope *envelope)
{
    union about_lease about;
    switch (envelope->kind) {
    case RECORD_METER:
    case RECORD_VOUCHER:
    case RECORD_FINAL:
    case RECORD_RECLAIM:
    case RECORD_EXTENSION:
        break;
    default:
        return true;
    }
    if (codec_decode(record_schema(envelope->kind), envelope->body, &about) != STATUS_OK) {
        return false;
    }
    const struct lease *lease = lease_by_id(core, &about.lease);
    return lease != NULL && peer_id_equal(&lease->row.peer, &link->peer);
}

/* A private record speaks for its author alone, and the link proves who that is; HOLD and the rest are
 * refused from anybody else before a signature check is paid for. */
static void
take_signed(struct core *core, struct link_state *link, struct bytes sealed)
{
    struct record_view view;
    struct verified_record record;
    if (record_parse(sealed, &core->options.network, &view) != STATUS_OK ||
        !peer_id_equal(&view.envelope.author, &link->peer)) {
        links_drop(core, link, "it sent a private record that is not its own, or cannot be read");
        return;
    }
    if (!is_worth_checking(core, link, &view.envelope)) {
        return;
    }
    if (record_open(sealed, &core->options.network, &record) != STATUS_OK) {
        links_drop(core, link, "it sent a record whose signature is not valid");
        return;
    }
    switch (view.envelope.kind) {
    case RECORD_HOLD:
        host_take_hold(core, link, &record);
        break;
    case RECORD_LEASE:
        host_take_confirm(core, link, &record);
        break;
    case RECORD_VOUCHER:
        host_take_voucher(core, link, &record);
        break;
    case RECORD_EXTENSION:
        host_take_extension(core, link, &record);
        break;
    case RECORD_HELD:
        renter_take_held(core, link, &record);
        break;
    case RECORD_METER:
        renter_take_meter(core, link, &record);
        break;
    case RECORD_FINAL:
        renter_take_final(core, link, &record);
        break;
    case RECORD_COMMITMENT:
        auction_take_commitment(core, link, &record);
        break;
    case RECORD_BID:
        auction_take_bid(core, link, &record);
        break;
    case RECORD_RECLAIM:
        renter_take_reclaim(core, link, &record);
        break;
    default: /* a byte from outside, not our enum */
        links_drop(core, link, "it sent a record of a kind that has no place here");
        break;
    }
}

static void
take_cosigned(struct core *core, struct link_state *link, struct bytes cosigned)
{
    struct record_view view;
    if (record_parse_cosigned(cosigned, &core->options.network, &view) != STATUS_OK) {
        links_drop(core, link, "it sent a doubly signed record that cannot be read");
        return;
    }
    if (view.envelope.kind == RECORD_LEASE) {
        renter_take_lease(core, link, cosigned);
    } else if (view.envelope.kind == RECORD_EXTENSION) {
        renter_take_extension(core, link, cosigned);
    } else {
        host_take_receipt(core, link, cosigned);
    }
}

static void
take_query(struct core *core, struct link_state *link, const struct lease_query_message *query)
{
    struct lease *lease = lease_by_id(core, &query->lease);
    struct lease_state_message answer = {.lease = query->lease, .state = LEASE_VOID};
    if (lease != NULL && (!peer_id_equal(&lease->row.peer, &link->peer) || !lease->row.is_host)) {
        return;
    }
    if (lease != NULL) {
        answer.state = lease->row.state;
        answer.run_ms = lease->row.run_ms;
        answer.meter_number = lease->row.meter_number;
        answer.voucher_number = lease->row.voucher_number;
    }
    if (lease != NULL && lease->row.state == LEASE_SETTLING) {
        host_say_final(core, lease);
    }
    if (lease != NULL && lease->row.started_at_ms != 0) {
        host_allow_streams(core, lease, link); /* what it wrote may be read long after its end */
    }
    if (lease != NULL && lease->row.started_at_ms != 0 && lease->row.state < LEASE_SETTLING) {
        const struct started_message started = {.lease = query->lease,
                                                .started_at_ms = lease->row.started_at_ms};
        say_message(core, link->link, &started_message_schema, &started);
    }
    say_message(core, link->link, &lease_state_message_schema, &answer);
}

static void
take_end(struct core *core, struct link_state *link, const struct end_message *end)
{
    struct lease *lease = lease_by_id(core, &end->lease);
    if (lease == NULL || lease->row.state == LEASE_VOID) {
        const struct lease_query_message query = {.lease = end->lease};
        take_query(core, link, &query); /* there is nothing to end: says so */
        return;
    }
    if (!peer_id_equal(&lease->row.peer, &link->peer) || !lease->row.is_host) {
        return;
    }
    if (lease->row.state == LEASE_SETTLING) {
        host_say_final(core, lease);
    } else if (lease->row.state == LEASE_LEASED) {
        host_take_cancel(core, link, &lease->row.hold);
    } else {
        host_end(core, lease, END_RENTER, LEASE_ACTOR_RENTER);
    }
}

/* One of each: only the one of the frame's type is used. */
union private_body {
    struct signed_message sealed;
    struct cosigned_message cosigned;
    struct busy_message busy;
    struct refused_message refused;
    struct cancel_message cancel;
    struct start_message start;
    struct started_message started;
    struct end_message end;
    struct lease_query_message query;
    struct lease_state_message state;
    struct offer_message offer;
    struct gang_confirm_message gang_confirm;
};

static bool
is_private(uint8_t type)
{
    return type >= MESSAGE_SIGNED && type <= MESSAGE_GANG_CONFIRM && type != MESSAGE_PING &&
           type != MESSAGE_PONG;
}

void
private_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes)
{
    union private_body body;
    const struct schema *schema = message_schema(type);
    if (schema == NULL || !is_private(type) || message_decode(schema, bytes, &body) != STATUS_OK) {
        links_drop(core, link, "it sent a message that cannot be read");
        return;
    }
    switch (type) {
    case MESSAGE_SIGNED:
        take_signed(core, link, body.sealed.record);
        break;
    case MESSAGE_COSIGNED:
        take_cosigned(core, link, body.cosigned.record);
        break;
    case MESSAGE_BUSY:
        renter_take_busy(core, link, &body.busy);
        break;
    case MESSAGE_REFUSED:
        if (!bidding_take_refused(core, link, &body.refused)) {
            renter_take_refused(core, link, &body.refused);
        }
        break;
    case MESSAGE_CANCEL:
        host_take_cancel(core, link, &body.cancel.hold);
        break;
    case MESSAGE_START:
        host_take_start(core, link, &body.start);
        break;
    case MESSAGE_STARTED:
        renter_take_started(core, link, &body.started);
        break;
    case MESSAGE_END:
        take_end(core, link, &body.end);
        break;
    case MESSAGE_LEASE_QUERY:
        take_query(core, link, &body.query);
        break;
    case MESSAGE_GANG_CONFIRM:
        host_take_gang_confirm(core, link, &body.gang_confirm);
        break;
    case MESSAGE_OFFER:
        offered_take(core, link, &body.offer);
        break;
    default: /* MESSAGE_LEASE_STATE */
        renter_take_state(core, link, &body.state);
        host_take_state(core, link, &body.state);
        break;
    }
}
