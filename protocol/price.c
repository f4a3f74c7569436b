#include "protocol/price.h"

#include <assert.h>

__extension__ typedef unsigned __int128 wide;

enum { MS_PER_HOUR = 3600000 };

/* A non-negative number of micro-units as an amount, within AMOUNT_MICRO_MAX. */
static enum status
amount_of_wide(wide micro, struct amount *ret_amount)
{
    if (micro > (wide)AMOUNT_MICRO_MAX) {
        return STATUS_OVERFLOW;
    }
    return amount_of_micro((int64_t)micro, ret_amount);
}

enum status
price_charge(struct amount ask_uusd_per_hour, uint32_t slots, uint64_t run_ms,
             struct amount *ret_charge)
{
    if (amount_is_negative(ask_uusd_per_hour)) {
        return STATUS_OUT_OF_RANGE;
    }
    /* 2^53 * 2^32 fits 85 bits; times 2^64 would not fit 128, so the first product is checked. */
    const wide per_hour = (wide)amount_micro(ask_uusd_per_hour) * slots;
    wide product;
    if (__builtin_mul_overflow(per_hour, (wide)run_ms, &product)) {
        return STATUS_OVERFLOW;
    }
    return amount_of_wide(product / MS_PER_HOUR, ret_charge);
}

enum status
price_charge_between(struct amount ask_uusd_per_hour, uint32_t slots, uint64_t from_ms,
                     uint64_t to_ms, struct amount *ret_charge)
{
    struct amount before;
    struct amount after;
    if (to_ms < from_ms) {
        return STATUS_OUT_OF_RANGE;
    }
    enum status status = price_charge(ask_uusd_per_hour, slots, to_ms, &after);
    if (status != STATUS_OK) {
        return status;
    }
    status = price_charge(ask_uusd_per_hour, slots, from_ms, &before);
    if (status != STATUS_OK) {
        return status;
    }
    return amount_subtract(after, before, ret_charge);
}

uint64_t
price_run_ms_for(struct amount ask_uusd_per_hour, uint32_t slots, struct amount budget)
{
    if (amount_is_negative(budget) || slots == 0) {
        return 0;
    }
    if (amount_is_zero(ask_uusd_per_hour) || amount_is_negative(ask_uusd_per_hour)) {
        return UINT64_MAX;
    }
    /* charge(t) <= b  <=>  rate * t < (b + 1) * hour, the greatest such t. */
    const wide rate = (wide)amount_micro(ask_uusd_per_hour) * slots;
    const wide room = ((wide)amount_micro(budget) + 1) * MS_PER_HOUR - 1;
    const wide run_ms = room / rate;
    return run_ms >> 63 != 0 ? UINT64_MAX : (uint64_t)run_ms;
}

int64_t
price_ask_for(struct amount budget, uint32_t slots, uint64_t run_ms)
{
    if (amount_is_negative(budget)) {
        return -1;
    }
    /* charge(a) <= b  <=>  a * slot_ms < (b + 1) * hour, the greatest such a. */
    const wide slot_ms = (wide)slots * run_ms;
    const wide room = ((wide)amount_micro(budget) + 1) * MS_PER_HOUR - 1;
    if (slot_ms == 0 || room / slot_ms > (wide)AMOUNT_MICRO_MAX) {
        return AMOUNT_MICRO_MAX;
    }
    return (int64_t)(room / slot_ms);
}

static uint64_t
saturated(wide value)
{
    return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

static uint32_t
reliability_weight(uint16_t reliability_bp)
{
    return 20000u - (reliability_bp > RELIABILITY_BP_MAX ? RELIABILITY_BP_MAX : reliability_bp);
}

static uint64_t
unit_divisor(uint32_t unit)
{
    return (uint64_t)(unit == 0 ? 1 : unit) * 10000;
}

uint64_t
price_effective(int64_t ask_uusd_per_hour, uint32_t unit, uint16_t reliability_bp)
{
    const uint64_t ask = ask_uusd_per_hour < 0 ? 0 : (uint64_t)ask_uusd_per_hour;
    const uint32_t weight = reliability_weight(reliability_bp);
    if (ask <= UINT64_MAX / weight) {
        return price_effective_of_weighed(ask * weight, unit);
    }
    return saturated((wide)ask * weight * H100E_UNIT / unit_divisor(unit));
}

uint64_t
price_effective_of_weighed(uint64_t weighed_ask, uint32_t unit)
{
    /* Asks of the book fit 32 bits and are fast: one division of 64 bits. */
    if (weighed_ask <= UINT64_MAX / H100E_UNIT) {
        return weighed_ask * H100E_UNIT / unit_divisor(unit);
    }
    return saturated((wide)weighed_ask * H100E_UNIT / unit_divisor(unit));
}

int64_t
price_ask_of_effective(uint64_t effective, uint32_t unit, uint16_t reliability_bp)
{
    /* effective(a) <= e  <=>  a * weight * 65536 < (e + 1) * unit * 10000, the greatest such a. */
    const wide weight = (wide)reliability_weight(reliability_bp) * H100E_UNIT;
    const wide room = ((wide)effective + 1) * (unit == 0 ? 1 : unit) * 10000 - 1;
    const wide ask = room / weight;
    return ask > (wide)INT64_MAX ? INT64_MAX : (int64_t)ask;
}

uint64_t
price_per_unit(int64_t ask_uusd_per_hour, uint32_t unit)
{
    return price_effective(ask_uusd_per_hour, unit, RELIABILITY_BP_MAX);
}

uint64_t
price_per_unit_up(int64_t ask_uusd_per_hour, uint32_t unit)
{
    const uint64_t ask = ask_uusd_per_hour < 0 ? 0 : (uint64_t)ask_uusd_per_hour;
    const uint32_t divisor = unit == 0 ? 1 : unit;
    if (ask <= UINT32_MAX) {
        return (ask * H100E_UNIT + divisor - 1) / divisor;
    }
    return saturated(((wide)ask * H100E_UNIT + divisor - 1) / divisor);
}

int64_t
price_of_unit(uint64_t price_uusd_per_unit_hour, uint32_t unit)
{
    if (price_uusd_per_unit_hour <= UINT32_MAX) {
        /* Below 2^48: within AMOUNT_MICRO_MAX. */
        return (int64_t)(price_uusd_per_unit_hour * unit / H100E_UNIT);
    }
    const wide ask = (wide)price_uusd_per_unit_hour * unit / H100E_UNIT;
    return ask > (wide)AMOUNT_MICRO_MAX ? AMOUNT_MICRO_MAX : (int64_t)ask;
}

uint64_t
price_halfway(uint64_t bid, uint64_t ask)
{
    return (uint64_t)(((wide)bid + ask) / 2);
}

struct amount
price_of_current(uint16_t watts, struct amount uusd_per_kwh)
{
    const int64_t tariff = amount_micro(uusd_per_kwh);
    struct amount price = amount_zero();
    if (tariff > 0) {
        const wide cost = ((wide)tariff * watts + 999) / 1000;
        const wide most = (wide)AMOUNT_MICRO_MAX;
        const enum status status = amount_of_wide(cost > most ? most : cost, &price);
        assert(status == STATUS_OK);
    }
    return price;
}
