/* The host's side of a lease. hold.c: promising slots; job.c: running, metering,
 * ending; reclaim.c: the owner takes cards back; final.c: settling. */
#ifndef GPULET_NODE_CORE_HOST_H
#define GPULET_NODE_CORE_HOST_H

#include "node/core/lease.h"
#include "node/core/links.h"

/* hold.c: HOLD -> HELD, BUSY or REFUSED. `record` is verified and by the link's peer. */
void host_take_hold(struct core *core, struct link_state *link,
                    const struct verified_record *record);
void host_decided(struct core *core, const struct event *event);

/* hold.c: slots kept for a renter under an id, whoever has asked for it. */
struct promise {
    struct record_id id;
    const struct hold *hold;
    uint64_t slot_mask;
};

/* Whether nothing stands against such a hold just now, and which slots it would get. */
bool host_would_hold(struct core *core, const struct peer_id *renter,
                     const struct offer_state *offer, const struct hold *hold,
                     uint64_t *ret_slot_mask);

/* Keeps the slots and seals HELD, into the papers; NULL when too many leases are open. */
struct lease *host_promise(struct core *core, const struct peer_id *renter,
                           const struct offer_state *offer, const struct promise *promise);

/* hold.c: the renter's lease record (CONFIRM) -> LEASE; host_confirm: when it is confirmed for its gang,
 * or has none. */
void host_confirm(struct core *core, struct link_state *link, const struct verified_record *record);
void host_take_confirm(struct core *core, struct link_state *link,
                       const struct verified_record *record);
void host_take_cancel(struct core *core, struct link_state *link, const struct record_id *hold);

/* extend.c: a running lease gets longer, when both sign it. */
void host_take_extension(struct core *core, struct link_state *link,
                         const struct verified_record *record);

/* hold.c: a hold, or a lease that was never started, whose time is over. */
void host_lapse(struct core *core, struct lease *lease);

/* Tells the renter that something is refused. */
void host_refuse(struct core *core, struct link link, const struct record_id *about,
                 enum refusal reason, const char *text);

/* job.c */
void host_take_start(struct core *core, struct link_state *link,
                     const struct start_message *message);
void host_take_voucher(struct core *core, struct link_state *link,
                       const struct verified_record *record);
void host_workload(struct core *core, struct lease *lease, const struct event_workload *workload);
void host_workload_lost(struct core *core, struct lease *lease);

/* Ends a lease for that reason: kills what runs, frees what does not. */
void host_end(struct core *core, struct lease *lease, enum end_reason reason,
              enum lease_actor actor);

/* The owner wants these cards (GPU numbers, one bit each) back now. Returns how many leases that ends. */
uint32_t host_reclaim(struct core *core, uint64_t gpu_mask);

/* reclaim.c: whether leases on these cards may be reclaimed now by their own terms; else why not, as a
 * sentence. An owner that is back all the same owes the whole lease. */
bool host_may_reclaim(struct core *core, uint64_t gpu_mask, char *ret_why, size_t size);

/* The signed RECLAIM again, until the renter has said that it knows. */
void host_say_reclaim(struct core *core, struct lease *lease);
void host_draining_tick(struct core *core, struct lease *lease);
void host_take_state(struct core *core, struct link_state *link,
                     const struct lease_state_message *message);

/* An order to the lease's job, to be completed. */
struct effect_job *host_order_job(struct core *core, const struct lease *lease,
                                  enum effect_type type);

/* After a restart: what to make of leases as they stood. */
void host_recovered(struct core *core);
void host_lease_tick(struct core *core, struct lease *lease);

/* host_streams.c: lets the renter at this link fetch the streams of its lease, until LOG_KEEP_S after the
 * lease's end. */
void host_allow_streams(struct core *core, struct lease *lease, const struct link_state *link);
void host_forbid_streams(struct core *core, struct lease *lease);

/* An earlier core may have let renters in. */
void host_streams_recovered(struct core *core);
void host_streams_tick(struct core *core);

/* Repeats what the renter may have missed. */
void host_peer_up(struct core *core, struct link_state *link);

/* final.c: nothing runs any more: states the final amount and frees the slots. */
void host_settle(struct core *core, struct lease *lease);
void host_say_final(struct core *core, const struct lease *lease);
void host_take_receipt(struct core *core, struct link_state *link, struct bytes cosigned);

#endif
