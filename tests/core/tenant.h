/* A renter made by hand, against a host under test: each step of a lease as one call. */
#ifndef GPULET_TESTS_CORE_TENANT_H
#define GPULET_TESTS_CORE_TENANT_H

#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "tests/core/node_fixture.h"

enum { TENANT_ASK = 360000, TENANT_INTERVAL_MS = 10000 };
/* At that ask a slot costs 100 micro-units a second; an interval of a test network 1000. */

struct tenant {
    struct stranger stranger;
    struct record_id listing;
    uint8_t hold_bytes[RECORD_BYTES_MAX];
    size_t hold_length;
    struct record_id hold;
    uint8_t held_bytes[RECORD_BYTES_MAX];
    size_t held_length;
    struct lease_terms terms;
    uint8_t lease_bytes[RECORD_BYTES_MAX];
    size_t lease_length;
    struct lease_id lease;
};

/* A hosting node with so many cards, and a connected renter that knows its listing. */
struct node *tenant_node(size_t gpus, struct tenant *ret_tenant);
void tenant_arrive(struct node *node, struct tenant *tenant, const char *name);

/* Learns the listing as it stands now. */
void tenant_look(struct node *node, struct tenant *tenant);

/* The hold that fits the listing, to be changed before tenant_say_hold. */
struct hold tenant_hold(const struct node *node, const struct tenant *tenant);
void tenant_say_hold(struct node *node, struct tenant *tenant, const struct hold *hold);
void tenant_repeat_hold(struct node *node, struct tenant *tenant);

/* Reads HELD; false when the last private record to this renter is none. */
bool tenant_take_held(struct node *node, struct tenant *tenant);

/* Signs `terms` and sends them. */
void tenant_confirm(struct node *node, struct tenant *tenant);
void tenant_repeat_confirm(struct node *node, struct tenant *tenant);

/* How often both signatures came; the last one is in ret_bytes, when not NULL. */
unsigned tenant_leases_got(struct node *node, struct tenant *tenant, struct bytes *ret_bytes);

void tenant_start(struct node *node, struct tenant *tenant, int64_t voucher_micro);
void tenant_pay(struct node *node, struct tenant *tenant, uint32_t number, int64_t voucher_micro);
void tenant_end(struct node *node, struct tenant *tenant);

/* Hold, confirm, start with a voucher for one interval, and a job that runs. */
void tenant_run(struct node *node, struct tenant *tenant);

/* The supervisor's word on the job. */
void tenant_job(struct node *node, struct tenant *tenant, enum job_state state, uint64_t run_ms);

/* The reason of the last REFUSED; REFUSAL_NONE when there was none. */
enum refusal tenant_refusal(struct node *node, struct tenant *tenant, uint32_t *ret_wait_ms);

/* The last FINAL; false when there was none. Its sealed bytes are borrowed from the outbox. */
bool tenant_final(struct node *node, struct tenant *tenant, struct final *ret_final,
                  struct bytes *ret_sealed);

/* Sends the receipt; `rightly` false: with a signature that is spoilt. */
void tenant_sign_final(struct node *node, struct tenant *tenant, bool rightly);

/* What the host's disk says of the lease. False when there is no row. Its label is not to be used. */
bool tenant_row(const struct node *node, const struct tenant *tenant, struct lease_row *ret_row);
enum lease_state tenant_state(const struct node *node, const struct tenant *tenant);

#endif
