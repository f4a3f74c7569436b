#include <stdio.h>

#include "crypto/merkle.h"
#include "node/core/gang_state.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/standing.h"

/* Well before the first lease is void for want of a start. */
enum { READY_WAIT_MS = 10000, SPARES_WAIT_MS = 1500 };

static bool
stands(const struct seat *seat)
{
    return seat->phase == SEAT_HELD || seat->phase == SEAT_CERTIFIED || seat->phase == SEAT_READY ||
           (seat->phase == SEAT_STARTED && !seat->is_lost);
}

static size_t
leaf_of(const struct gang *gang, const struct record_id *held)
{
    size_t index = 0;
    while (index < gang->leaf_count && !record_id_equal(&gang->leaves[index], held)) {
        index++;
    }
    return index;
}

/* The certificate over all that stand; kept with the gang. */
static struct verified_record
seal_certificate(struct core *core, struct gang *gang)
{
    gang->leaf_count = 0;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        if (stands(&gang->seats[i])) {
            gang->leaves[gang->leaf_count++] = gang->seats[i].held;
        }
    }
    gang->generation++;
    struct gang_certificate body = {.gang = gang->id,
                                    .count = gang->leaf_count,
                                    .gang_min = gang->least,
                                    .generation = gang->generation};
    merkle_root(gang->leaves, gang->leaf_count, body.root);
    const struct seal_order order = {.kind = RECORD_GANG, .seq = gang->generation};
    const struct verified_record record = say_seal(core, order, &body);
    paper_put(gang->certificate, sizeof gang->certificate, verified_bytes(&record),
              &gang->certificate_length);
    return record;
}

void
gang_certify(struct core *core, struct gang *gang)
{
    const struct verified_record certificate = seal_certificate(core, gang);
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        struct lease *lease = seat->phase == SEAT_HELD ? gang_lease(core, seat) : NULL;
        if (lease == NULL) {
            continue;
        }
        const struct verified_record signed_lease = hire_sign(core, lease);
        (void)signed_lease; /* it is in the lease's papers */
        say_store_evidence(core, &seat->hold, EVIDENCE_GANG, &certificate);
        seat->phase = SEAT_CERTIFIED;
        seat->generation = gang->generation;
    }
    if (gang->phase == GANG_GATHERING) {
        gang->phase = GANG_CONFIRMING;
        gang->patience_until = boot_add(core->now.boot, duration_of_ms(READY_WAIT_MS));
        gang->next_try_at = boot_add(core->now.boot, duration_of_ms(SPARES_WAIT_MS));
    }
    gang_store(core, gang); /* with all its leases in one commit: this is the commit point */
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        const struct lease *lease = seat->phase == SEAT_CERTIFIED ? gang_lease(core, seat) : NULL;
        const struct link_state *link =
            lease == NULL ? NULL : links_to_peer(core, &lease->row.peer);
        if (link != NULL && seat->generation == gang->generation) {
            gang_say_confirm(core, lease, link->link);
        }
    }
}

void
gang_say_confirm(struct core *core, const struct lease *lease, struct link link)
{
    struct gang *gang = gang_by_id(core, &lease->gang);
    const struct seat *seat = gang == NULL ? NULL : gang_seat_of(gang, &lease->row.hold);
    const size_t index = seat == NULL ? 0 : leaf_of(gang, &seat->held);
    if (seat == NULL || lease->papers == NULL || index == gang->leaf_count) {
        return; /* after a restart: it is given back */
    }
    struct merkle_proof proof;
    merkle_prove(gang->leaves, gang->leaf_count, index, &proof);
    const struct gang_confirm_message message = {
        .certificate = bytes_of(gang->certificate, gang->certificate_length),
        .index = (uint16_t)index,
        .path = bytes_of(proof.path, proof.length * ID_LENGTH),
        .lease = bytes_of(lease->papers->lease, lease->papers->lease_length)};
    say_message(core, link, &gang_confirm_message_schema, &message);
}

unsigned
gang_tend_certified(struct core *core, struct gang *gang)
{
    unsigned awaited = 0;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        if (seat->phase != SEAT_CERTIFIED && seat->phase != SEAT_READY) {
            continue;
        }
        const struct lease *lease = gang_lease(core, seat);
        if (lease == NULL || !lease_state_is_open(lease_state(lease))) {
            seat->phase = SEAT_OVER;
            seat->is_lost = true;
            seat->is_told = true; /* it owes nothing */
            seat->lost_at = core->now.boot;
        } else if (lease->row.state == LEASE_LEASED) {
            seat->phase = SEAT_READY;
        } else {
            awaited++;
        }
    }
    return awaited;
}

/* Go: ranks in the order of the seats, which is that of the offers; what is left over are spares. */
static void
go(struct core *core, struct gang *gang)
{
    gang->phase = GANG_RUNNING;
    gang->world = 0;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        if (seat->phase == SEAT_READY && gang->world < gang->request.hosts) {
            seat->rank = gang->world++;
        }
    }
    say_log(core, LOG_INFO, "a gang of %u hosts is admitted", gang->world);
    say_note(core, gang->client, NOTE_PROGRESS, "%u hosts are ready", gang->world);
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        if (gang->seats[i].phase == SEAT_READY && gang->seats[i].rank != GANG_NO_RANK) {
            gang_start_seat(core, gang, &gang->seats[i]);
        }
    }
    gang_store(core, gang);
    const struct client client = gang->client;
    if ((client.number & STANDING_CLIENT) != 0) {
        gang->client = (struct client){0}; /* the request is served, in the same commit */
        standing_fulfilled(core, client);
    }
}

void
gang_confirm_tick(struct core *core, struct gang *gang)
{
    const unsigned awaited = gang_tend_certified(core, gang);
    const unsigned ready = gang_count(gang, SEAT_READY);
    const bool is_full = ready >= gang->request.hosts && core_is_due(core, gang->next_try_at);
    const bool is_late = core_is_due(core, gang->patience_until);
    if (awaited > 0 && !is_full && !is_late) {
        return;
    }
    if (ready >= gang->least) {
        go(core, gang);
        return;
    }
    char why[120];
    snprintf(why, sizeof why, "%u of at least %u hosts got ready", ready, gang->least);
    snprintf(gang->last_why, sizeof gang->last_why, "%s", why);
    gang_try_failed(core, gang, why);
}
