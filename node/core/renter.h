/* The renter's side. rent.c: finding; hire.c: holding, starting; renter.c: paying; renter_time.c: ending. */
#ifndef GPULET_NODE_CORE_RENTER_H
#define GPULET_NODE_CORE_RENTER_H

#include "node/core/lease.h"
#include "node/core/links.h"
#include "protocol/control.h"

/* rent.c: CONTROL_RENT. */
void rent_begin(struct core *core, struct client client, const struct control_rent *ask);

/* Begins a rent that answers `client`; what is wrong with it is told to `asker`, and false returned. */
bool rent_take(struct core *core, struct client client, struct client asker,
               const struct control_rent *ask);

/* Slots of one listing that a clearing gave to a bid. */
struct cleared_part {
    struct record_id clearing;
    struct record_id listing;
    uint16_t slots;
    uint32_t price_uusd_per_hour; /* of one of them */
};

/* Begins a rent of just these, detached and at that price, with the command of `ask`. Nobody is told when
 * it comes to nothing within some seconds. */
void rent_take_cleared(struct core *core, struct client client, const struct control_rent *ask,
                       const struct cleared_part *part);
void rent_client_gone(struct core *core, struct client client);
void rent_tick(struct core *core);
void rent_peer_up(struct core *core, const struct peer_id *peer);

/* rent.c: the offer in hand failed; the next best is tried. */
void rent_next(struct core *core, struct client client, const char *why, uint64_t free_at_s);

/* The offer in hand may be taken a little later: it is tried again then, a few times at most. False when
 * it is not. */
bool rent_try_again(struct core *core, struct client client, uint32_t wait_ms);

/* This offer is the one in hand now. */
struct found;
void rent_takes(struct rent *rent, const struct found *found);

/* The rent under way of a client, or NULL. */
struct rent *rent_of(struct core *core, struct client client);
void rent_over(struct rent *rent);

/* What a hold asks for. `body` is the listing's; `gang` is zeros for a lease of its own. */
struct hold_order {
    const struct request *request;
    struct record_id listing;
    const struct listing *body; /* hire_ask only */
    struct record_id gang;
    struct record_id clearing; /* zeros: the ask is paid */
    struct amount cleared_uusd_per_hour;
};

/* hire.c: a lease in state ASKED, with its HOLD sent; NULL when too many are open. */
struct lease *hire_ask(struct core *core, struct link_state *link, const struct hold_order *asked);

/* Takes over what HELD promises; false when it is not what was asked. */
bool hire_take_terms(struct core *core, struct lease *lease, const struct held *held,
                     const struct hold_order *asked);

/* Signs the lease: CONFIRMED, stored. The record's bytes live in the effects of this step. */
struct verified_record hire_sign(struct core *core, struct lease *lease);

/* START with lease and first voucher filled in, kept to be sent; false when it cannot be said. */
bool hire_make_start(struct core *core, struct lease *lease, struct start_message *start) MUST_USE;

/* hire.c: from HOLD to STARTED. */
void hire_hold(struct core *core, struct link_state *link, struct rent *rent,
               const struct listing *listing);

/* A lease in ASKED that waits for HELD under that hold; NULL when there is no room. */
struct lease *hire_expect(struct core *core, const struct link_state *link,
                          const struct hold_order *asked, const struct record_id *hold);

/* The lease is what the rent has come to; without one the rent is over, and false is returned. */
bool hire_belongs(struct core *core, struct lease *lease, struct rent *rent);
void renter_take_held(struct core *core, struct link_state *link,
                      const struct verified_record *record);
void renter_take_lease(struct core *core, struct link_state *link, struct bytes cosigned);
void renter_take_started(struct core *core, struct link_state *link,
                         const struct started_message *message);
void renter_take_busy(struct core *core, struct link_state *link,
                      const struct busy_message *message);
void renter_take_refused(struct core *core, struct link_state *link,
                         const struct refused_message *message);

/* renter.c: paying, and the last word. */
void renter_take_meter(struct core *core, struct link_state *link,
                       const struct verified_record *record);
void renter_take_final(struct core *core, struct link_state *link,
                       const struct verified_record *record);
void renter_take_reclaim(struct core *core, struct link_state *link,
                         const struct verified_record *record);
void renter_take_state(struct core *core, struct link_state *link,
                       const struct lease_state_message *message);
void renter_take_extension(struct core *core, struct link_state *link, struct bytes cosigned);
void renter_extend(struct core *core, struct client client, struct lease *lease, uint32_t by_s,
                   bool dry_run);

/* True for a lease that we rent from the link's peer and whose papers are here. */
bool renter_has_open(const struct lease *lease, const struct link_state *link);

/* renter_time.c: ending, and what time alone brings. */
void renter_end(struct core *core, struct lease *lease);
void renter_recovered(struct core *core);
void renter_lease_tick(struct core *core, struct lease *lease);
void renter_peer_up(struct core *core, struct link_state *link);

/* Reaches for the streams of leases whose host is back: of as many as a step has room for. */
void renter_streams_tick(struct core *core);

/* The voucher that covers at least `run_ms`, in whole intervals; sealed, stored as evidence, noted in
 * the row. */
struct verified_record renter_make_voucher(struct core *core, struct lease *lease, uint64_t run_ms);

/* Sends START again, where we still know it. */
void hire_repeat(struct core *core, struct lease *lease, const struct link_state *link);

/* Tells where the streams of a lease are, and reminds the host of it, as after a restart nobody knows. */
void hire_reach_streams(struct core *core, struct lease *lease);

#endif
