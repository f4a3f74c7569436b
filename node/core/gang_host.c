#include <string.h>

#include "crypto/merkle.h"
#include "node/core/gang.h"
#include "node/core/host.h"
#include "node/core/say.h"

/* The certificate and the lease are the renter's own words; the link proves who that is. */
static bool
open_own(struct core *core, const struct link_state *link, struct bytes sealed,
         struct verified_record *ret_record)
{
    struct record_view view;
    return record_parse(sealed, &core->options.network, &view) == STATUS_OK &&
           peer_id_equal(&view.envelope.author, &link->peer) &&
           record_open(sealed, &core->options.network, ret_record) == STATUS_OK;
}

static bool
read_proof(const struct gang_confirm_message *message, const struct gang_certificate *certificate,
           struct merkle_proof *ret_proof)
{
    if (message->path.length % ID_LENGTH != 0 || message->path.length > sizeof ret_proof->path) {
        return false;
    }
    *ret_proof = (struct merkle_proof){.index = message->index,
                                       .count = certificate->count,
                                       .length = message->path.length / ID_LENGTH};
    if (message->path.length > 0) {
        memcpy(ret_proof->path, message->path.data, message->path.length);
    }
    return true;
}

/* Why the certificate does not confirm this hold, or NULL. */
static const char *
objection(const struct core *core, const struct lease *lease,
          const struct gang_confirm_message *message, const struct gang_certificate *certificate)
{
    struct record_view held;
    struct merkle_proof proof;
    if (certificate->count < certificate->gang_min) {
        return "fewer hosts than the gang's minimum are under the certificate";
    }
    if (!record_id_is_zero(&lease->gang) && !record_id_equal(&lease->gang, &certificate->gang)) {
        return "the certificate is another gang's";
    }
    if (record_parse(bytes_of(lease->papers->held, lease->papers->held_length),
                     &core->options.network, &held) != STATUS_OK ||
        !read_proof(message, certificate, &proof) ||
        !merkle_holds(&proof, &held.id, certificate->root)) {
        return "this hold is not under the certificate";
    }
    return NULL;
}

void
host_take_gang_confirm(struct core *core, struct link_state *link,
                       const struct gang_confirm_message *message)
{
    struct verified_record certificate;
    struct verified_record record;
    struct gang_certificate body;
    struct lease_terms terms;
    if (!open_own(core, link, message->certificate, &certificate) ||
        !open_own(core, link, message->lease, &record) ||
        verified_body(&certificate, RECORD_GANG, &body) != STATUS_OK ||
        verified_body(&record, RECORD_LEASE, &terms) != STATUS_OK) {
        links_drop(core, link, "it sent a gang's confirmation that is not its own");
        return;
    }
    struct lease *lease = lease_by_hold(core, &terms.hold);
    const bool is_held = lease != NULL && lease->row.is_host && lease->row.state == LEASE_HELD &&
                         peer_id_equal(&lease->row.peer, &link->peer);
    const char *why = is_held ? objection(core, lease, message, &body) : NULL;
    if (why != NULL) {
        host_refuse(core, link->link, &terms.hold, REFUSAL_NOT_YOURS, why);
        return;
    }
    host_confirm(core, link, &record);
    if (is_held && lease->row.state == LEASE_LEASED) {
        lease->gang = body.gang;
        say_store_evidence(core, &lease->row.hold, EVIDENCE_GANG, &certificate);
    }
}
