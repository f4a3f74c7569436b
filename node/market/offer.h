/* An offer: a slice of a listing that fits a request, its price, and the one order of all offers. */
#ifndef GPULET_NODE_MARKET_OFFER_H
#define GPULET_NODE_MARKET_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/market/filter.h"
#include "node/market/market_row.h"
#include "protocol/amount.h"
#include "protocol/status.h"

struct offer {
    uint64_t effective_uusd; /* for one H100e-hour, weighed by reliability: what is compared */
    uint64_t spread;         /* decides between equal ones; other for each seed */
    struct host_key host;
    uint8_t slot_group;
    uint16_t gpu_class;
    uint16_t reliability_bp;
    uint32_t ask_uusd_per_hour;
    uint32_t unit; /* worth of one GPU for this work, in 1/65536 H100 */
};

struct offer offer_make(const struct filter *filter, const struct market_row *row, uint64_t seed);

/* Total order: (effective price, higher reliability class, spread, host, slot group), <0, 0, >0.
 * Zero only for the same slot group. */
int offer_compare(const struct offer *a, const struct offer *b);

/* Steps of five per cent, so that noise in the score does not undo the spread. */
unsigned offer_reliability_class(uint16_t reliability_bp);

/* A fixed 64-bit mixing (SplitMix64's finaliser over three words), not cryptographic: a seed of the
 * request's own makes equal hosts share the demand, and keeps anyone from grinding a key that always
 * comes first. */
uint64_t offer_spread(uint64_t seed, const struct host_key *host, uint8_t slot_group);

/* First eight bytes of an id as a number, for a seed. */
uint64_t offer_seed(const struct record_id *id);

/* What `slots` GPUs cost for the whole duration, all in: what the receipts will sum up to.
 * STATUS_OVERFLOW. */
enum status offer_total(const struct offer *offer, uint32_t slots, uint32_t duration_s,
                        struct amount *ret_total) MUST_USE;

#endif
