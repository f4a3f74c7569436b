#include <string.h>

#include "node/core/avoid.h"
#include "node/core/find.h"
#include "node/core/ledger.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/serve.h"
#include "node/core/standing.h"
#include "protocol/codec.h"

/* What was offered is not wanted, or no longer: the host has its slots back at once. */
static void
give_back(struct core *core, const struct link_state *link, const struct record_id *hold)
{
    const struct cancel_message cancel = {.hold = *hold};
    say_message(core, link->link, &cancel_message_schema, &cancel);
}

/* The offered listing, when it stands in our own book and fits the request. */
static bool
find_offered(struct core *core, const struct rent *rent, const struct lease_terms *terms,
             struct found *ret_found)
{
    struct record_view view;
    char hex[ID_HEX_SIZE];
    if (record_parse(terms->listing, &core->options.network, &view) != STATUS_OK) {
        return false;
    }
    id_to_hex(view.id.bytes, hex);
    const struct pick_order order = {
        .request = &rent->request, .seed = rent->serial, .only = bytes_of_text(hex)};
    return find_pick(core, &order, ret_found) == STATUS_OK;
}

/* The request that waits for an offer: one lease at a time, so the first that fits is taken, and whoever
 * comes later gets its slots back. */
static struct rent *
rent_that_waits(struct core *core, const struct record_id *request)
{
    struct client client;
    struct rent *rent = standing_client(core, request, &client) ? rent_of(core, client) : NULL;
    return rent != NULL && rent->waiting && !rent->dialling ? rent : NULL;
}

void
offered_take(struct core *core, struct link_state *link, const struct offer_message *message)
{
    struct verified_record record;
    struct held held;
    struct lease_terms terms;
    struct found found;
    const char *why;
    if (record_open(message->held, &core->options.network, &record) != STATUS_OK ||
        !peer_id_equal(&verified_envelope(&record)->author, &link->peer) ||
        verified_body(&record, RECORD_HELD, &held) != STATUS_OK) {
        links_drop(core, link, "it sent an offer whose signature is not valid");
        return;
    }
    if (lease_by_hold(core, &held.hold) != NULL) {
        return; /* repeated, or not its own */
    }
    struct rent *rent = rent_that_waits(core, &message->request);
    if (rent == NULL || codec_decode(&lease_terms_schema, held.terms, &terms) != STATUS_OK ||
        avoid_has(core, &link->peer) || !find_offered(core, rent, &terms, &found) ||
        !peer_id_equal(&found.host, &link->peer) || !ledger_has_room(core, &found.host) ||
        ledger_may_spend(core, found.total_uusd, &why) != STATUS_OK) {
        give_back(core, link, &held.hold);
        return;
    }
    rent_takes(rent, &found);
    const struct hold_order asked = {
        .request = &rent->request, .listing = rent->listing, .body = &found.body};
    if (hire_belongs(core, hire_expect(core, link, &asked, &held.hold), rent)) {
        renter_take_held(core, link, &record);
    } else {
        give_back(core, link, &held.hold);
    }
}
