/* Gangs: one job on many hosts, all of them or none. The renter's node leads; members are ordinary leases. */
#ifndef GPULET_NODE_CORE_GANG_H
#define GPULET_NODE_CORE_GANG_H

#include "node/core/state.h"
#include "protocol/control.h"

/* CONTROL_RENT or CONTROL_REQUEST for more than one host. What is wrong with it is told to `asker`, and
 * false returned. */
bool gang_take(struct core *core, struct client client, struct client asker,
               const struct control_rent *ask, const struct request *request);

/* Only says which offers it would take. */
void gang_dry_run(struct core *core, struct client client, const struct request *request);

/* The gang that answers that client, or NULL. */
struct gang *gang_of(struct core *core, struct client client);

/* A gang that was not admitted yet is no longer wanted; nothing when there is none. */
void gang_cancel(struct core *core, struct client client);

/* Nobody reads it any more. */
void gang_client_gone(struct core *core, struct client client);

/* Ends the gang whose hex id begins so. STATUS_NOT_FOUND, STATUS_AMBIGUOUS. */
enum status gang_end(struct core *core, struct bytes prefix) MUST_USE;

void gang_tick(struct core *core);

/* Something happened that a gang may wait for: it is looked at with this step. */
void gang_wake(struct core *core);

/* True while one exists: time matters to it. */
bool gang_is_any(const struct core *core);

/* Recovery: rows come after those of the leases. */
void gang_recover(struct core *core, const struct row *row);
void gang_recovered(struct core *core);

/* gang_hold.c: a host's promise to a gang. `record` is verified and by the link's peer. */
void gang_take_held(struct core *core, struct link_state *link, struct lease *lease,
                    const struct verified_record *record);

/* A member's host refuses, before the lease is forgotten. */
void gang_note_refusal(struct core *core, const struct lease *lease, const char *why);

/* gang_commit.c: the confirmation of a member that its host has not answered yet. */
void gang_say_confirm(struct core *core, const struct lease *lease, struct link link);

/* gang_host.c, as a host: the certificate, the way to its root, and the lease. */
void host_take_gang_confirm(struct core *core, struct link_state *link,
                            const struct gang_confirm_message *message);

#endif
