/* The only file that rounds money: what running costs, and what a price is worth. */
#ifndef GPULET_PROTOCOL_PRICE_H
#define GPULET_PROTOCOL_PRICE_H

#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/status.h"

/* One H100 SXM in units of `gpu_unit` (protocol/gpu_class.h). */
#define H100E_UNIT UINT32_C(65536)

/* Reliability in basis points: 10,000 is a host that never failed. */
#define RELIABILITY_BP_MAX UINT16_C(10000)

/* Cumulative charge of a run: floor(ask * slots * run_ms / 3,600,000). The cumulative figure is
 * rounded, never an increment, so the parts of a run always add up to the whole.
 * STATUS_OUT_OF_RANGE for a negative ask; STATUS_OVERFLOW when it is over AMOUNT_MICRO_MAX. */
enum status price_charge(struct amount ask_uusd_per_hour, uint32_t slots, uint64_t run_ms,
                         struct amount *ret_charge) MUST_USE;

/* What the run from one cumulative time to a later one adds to the charge.
 * STATUS_OUT_OF_RANGE when to_ms < from_ms; else as price_charge. */
enum status price_charge_between(struct amount ask_uusd_per_hour, uint32_t slots, uint64_t from_ms,
                                 uint64_t to_ms, struct amount *ret_charge) MUST_USE;

/* The longest run whose charge is not over `budget`, in ms; UINT64_MAX when the ask is zero or no
 * run of 2^63 ms reaches the budget; 0 for a negative budget or no slots. */
uint64_t price_run_ms_for(struct amount ask_uusd_per_hour, uint32_t slots, struct amount budget);

/* The highest ask whose charge for slots * run_ms is not over `budget`, at most AMOUNT_MICRO_MAX;
 * -1 for a negative budget: no ask is that low. */
int64_t price_ask_for(struct amount budget, uint32_t slots, uint64_t run_ms);

/* The order offers stand in: floor(ask * 65536 / unit * (20000 - reliability) / 10000), floored
 * once, in uUSD per H100e-hour. An unreliable host is up to twice as dear as a perfect one.
 * unit 0 counts as 1, reliability over 10,000 as 10,000; a negative ask as 0. Never overflows:
 * the largest result is below 2^70 and saturates at UINT64_MAX. */
uint64_t price_effective(int64_t ask_uusd_per_hour, uint32_t unit, uint16_t reliability_bp);

/* The same of an ask weighed already, ask * (20000 - reliability); saturates. */
uint64_t price_effective_of_weighed(uint64_t weighed_ask, uint32_t unit);

/* The highest ask whose price_effective is not over `effective`; at most INT64_MAX. */
int64_t price_ask_of_effective(uint64_t effective, uint32_t unit, uint16_t reliability_bp);

/* floor(ask * 65536 / unit): uUSD per H100e-hour; saturates like price_effective. */
uint64_t price_per_unit(int64_t ask_uusd_per_hour, uint32_t unit);

/* The same rounded up: the lowest price per H100e-hour whose price_of_unit reaches the ask. */
uint64_t price_per_unit_up(int64_t ask_uusd_per_hour, uint32_t unit);

/* floor(price * unit / 65536): the ask per GPU-hour that costs `price` per H100e-hour. The largest
 * ask a limit per H100e-hour admits; saturates at AMOUNT_MICRO_MAX. */
int64_t price_of_unit(uint64_t price_uusd_per_unit_hour, uint32_t unit);

/* The uniform price of a clearing: halfway between the marginal bid and ask, floored. */
uint64_t price_halfway(uint64_t bid, uint64_t ask);

/* What a board of so many watts costs an hour when a kWh costs so much, rounded up; zero for a price that
 * is not positive; saturates at AMOUNT_MICRO_MAX. */
struct amount price_of_current(uint16_t watts, struct amount uusd_per_kwh);

#endif
