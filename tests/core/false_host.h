/* A host whose every frame is made by the test: it keeps the protocol as far as the test wants. */
#ifndef GPULET_TESTS_CORE_FALSE_HOST_H
#define GPULET_TESTS_CORE_FALSE_HOST_H

#include "protocol/limits.h"
#include "tests/core/node_fixture.h"

struct false_host {
    struct stranger self;
    struct listing listing;
    uint8_t listing_bytes[COSIGNED_BYTES_MAX];
    size_t listing_length;
    struct record_id listing_id;
    struct record_id hold;
    struct lease_terms terms; /* what HELD will say */
    uint8_t lease_bytes[COSIGNED_BYTES_MAX];
    size_t lease_length;
    struct lease_id lease;
    struct voucher voucher; /* the last one that came */
    struct record_id meter;
    uint32_t meter_number;
};

/* Connects, and tells the node of one card at 360,000 uUSD an hour: 100 a second. */
void false_host_init(struct false_host *host, struct node *node, const char *name);

/* Publishes host->listing as it stands now. */
void false_host_lists(struct false_host *host, struct node *node);

/* Asks the node to rent the one card, as that client. */
void false_host_is_rented(struct node *node, uint64_t client, uint32_t duration_s, bool attached);

/* Finds the HOLD that came, and prepares the terms that it asks for. False when none came. */
bool false_host_sees_hold(struct false_host *host, struct node *node);

/* HELD with host->terms. */
void false_host_holds(struct false_host *host, struct node *node);

/* Cosigns the CONFIRM that came. False when none came. */
bool false_host_leases(struct false_host *host, struct node *node);

/* Notes the voucher of the START that came. False when none came. */
bool false_host_sees_start(struct false_host *host, struct node *node);
void false_host_starts(struct false_host *host, struct node *node);

/* All of the above, one after the other; asserts that it went well. */
void false_host_runs(struct false_host *host, struct node *node, uint64_t client,
                     uint32_t duration_s, bool attached);

/* The next METER of the chain. */
void false_host_meters(struct false_host *host, struct node *node, uint64_t run_ms);

/* The last voucher that came, if any, is noted; true when it came since node_forget_sent. */
bool false_host_sees_voucher(struct false_host *host, struct node *node);
void false_host_ends(struct false_host *host, struct node *node, const struct final *final);

/* The node's row of the lease. */
struct lease_row false_host_row(const struct false_host *host, const struct node *node);

#endif
