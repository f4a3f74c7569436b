#include "protocol/price.h"

#include <criterion/criterion.h>

static struct amount
micro(int64_t number)
{
    struct amount amount = amount_zero();
    cr_assert_eq(amount_of_micro(number, &amount), STATUS_OK);
    return amount;
}

static int64_t
charge(int64_t ask, uint32_t slots, uint64_t run_ms)
{
    struct amount result = amount_zero();
    cr_assert_eq(price_charge(micro(ask), slots, run_ms, &result), STATUS_OK);
    return amount_micro(result);
}

/* A fixed sequence: the same cases on every machine. */
static uint64_t
next_number(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

Test(price, an_hour_costs_the_ask_and_is_floored)
{
    cr_assert_eq(charge(350000, 1, 3600000), 350000);
    cr_assert_eq(charge(350000, 4, 3600000), 1400000);
    cr_assert_eq(charge(350000, 1, 0), 0);
    cr_assert_eq(charge(0, 64, UINT64_MAX), 0);
    cr_assert_eq(charge(1, 1, 3599999), 0);
    cr_assert_eq(charge(1, 1, 3600000), 1);
    cr_assert_eq(charge(1000000, 1, 1), 0);
    cr_assert_eq(charge(1000000, 1, 4), 1);
}

Test(price, the_parts_of_a_run_add_up_to_the_whole)
{
    uint64_t state = 1;
    for (int round = 0; round < 2000; round++) {
        const int64_t ask = (int64_t)(next_number(&state) % 100000000);
        const uint32_t slots = (uint32_t)(next_number(&state) % 64 + 1);
        uint64_t at = 0;
        int64_t sum = 0;
        for (int part = 0; part < 12; part++) {
            const uint64_t to = at + next_number(&state) % 100000;
            struct amount increment = amount_zero();
            cr_assert_eq(price_charge_between(micro(ask), slots, at, to, &increment), STATUS_OK);
            cr_assert_not(amount_is_negative(increment));
            sum += amount_micro(increment);
            at = to;
        }
        cr_assert_eq(sum, charge(ask, slots, at));
    }
}

Test(price, more_of_anything_never_costs_less)
{
    uint64_t state = 2;
    for (int round = 0; round < 2000; round++) {
        const int64_t ask = (int64_t)(next_number(&state) % 1000000000);
        const uint32_t slots = (uint32_t)(next_number(&state) % 64);
        const uint64_t run_ms = next_number(&state) % 1000000000;
        const int64_t base = charge(ask, slots, run_ms);
        cr_assert_leq(base, charge(ask + 1, slots, run_ms));
        cr_assert_leq(base, charge(ask, slots + 1, run_ms));
        cr_assert_leq(base, charge(ask, slots, run_ms + 1));
    }
}

Test(price, what_does_not_fit_is_refused_and_writes_nothing)
{
    struct amount result = micro(7);
    cr_assert_eq(price_charge(micro(AMOUNT_MICRO_MAX), 1, 3600001, &result), STATUS_OVERFLOW);
    cr_assert_eq(price_charge(micro(AMOUNT_MICRO_MAX), UINT32_MAX, UINT64_MAX, &result),
                 STATUS_OVERFLOW);
    cr_assert_eq(price_charge(micro(-1), 1, 1, &result), STATUS_OUT_OF_RANGE);
    cr_assert_eq(price_charge_between(micro(1), 1, 2, 1, &result), STATUS_OUT_OF_RANGE);
    cr_assert_eq(price_charge_between(micro(AMOUNT_MICRO_MAX), 64, 0, UINT64_MAX, &result),
                 STATUS_OVERFLOW);
    cr_assert_eq(amount_micro(result), 7);
    cr_assert_eq(charge(AMOUNT_MICRO_MAX, 1, 3600000), AMOUNT_MICRO_MAX);
}

Test(price, a_budget_buys_the_longest_run_it_covers)
{
    uint64_t state = 3;
    for (int round = 0; round < 2000; round++) {
        const int64_t ask = (int64_t)(next_number(&state) % 10000000 + 1);
        const uint32_t slots = (uint32_t)(next_number(&state) % 64 + 1);
        const int64_t budget = (int64_t)(next_number(&state) % 100000000);
        const uint64_t run_ms = price_run_ms_for(micro(ask), slots, micro(budget));
        cr_assert_leq(charge(ask, slots, run_ms), budget);
        cr_assert_gt(charge(ask, slots, run_ms + 1), budget);
    }
    cr_assert_eq(price_run_ms_for(micro(0), 1, micro(5)), UINT64_MAX);
    cr_assert_eq(price_run_ms_for(micro(1), 1, micro(-5)), 0u);
    cr_assert_eq(price_run_ms_for(micro(1), 0, micro(5)), 0u);
    cr_assert_eq(price_run_ms_for(micro(1), 1, micro(AMOUNT_MICRO_MAX)), UINT64_MAX);
}

Test(price, a_budget_admits_the_highest_ask_it_covers)
{
    uint64_t state = 5;
    for (int round = 0; round < 2000; round++) {
        const uint32_t slots = (uint32_t)(next_number(&state) % 64 + 1);
        const uint64_t run_ms = next_number(&state) % 100000000 + 1;
        const int64_t budget = (int64_t)(next_number(&state) % 100000000);
        const int64_t ask = price_ask_for(micro(budget), slots, run_ms);
        cr_assert_leq(charge(ask, slots, run_ms), budget);
        cr_assert_gt(charge(ask + 1, slots, run_ms), budget);
    }
    cr_assert_eq(price_ask_for(micro(-1), 1, 1), -1);
    cr_assert_eq(price_ask_for(micro(0), 0, 1), AMOUNT_MICRO_MAX);
    cr_assert_eq(price_ask_for(micro(AMOUNT_MICRO_MAX), 1, 1), AMOUNT_MICRO_MAX);
}

Test(price, the_effective_price_weighs_worth_and_reliability)
{
    cr_assert_eq(price_effective(2000000, H100E_UNIT, RELIABILITY_BP_MAX), 2000000u);
    cr_assert_eq(price_effective(2000000, H100E_UNIT / 2, RELIABILITY_BP_MAX), 4000000u);
    cr_assert_eq(price_effective(2000000, H100E_UNIT, 0), 4000000u);
    cr_assert_eq(price_effective(2000000, H100E_UNIT, 5000), 3000000u);
    /* One floor at the end: two would give 3. */
    cr_assert_eq(price_effective(3, H100E_UNIT - 1, 5000), 4u);
    cr_assert_eq(price_effective(-5, H100E_UNIT, 0), 0u);
    cr_assert_eq(price_effective(5, 0, RELIABILITY_BP_MAX), 5u * H100E_UNIT);
    cr_assert_eq(price_effective(AMOUNT_MICRO_MAX, 1, 0), UINT64_MAX);
    cr_assert_eq(price_effective(2000000, H100E_UNIT, UINT16_MAX), 2000000u);
    cr_assert_eq(price_effective(AMOUNT_MICRO_MAX, UINT32_MAX, 0), UINT64_C(274877907007));
    /* All ways of dividing agree where they meet. */
    cr_assert_eq(price_effective(UINT32_MAX, H100E_UNIT, 0), 2 * (uint64_t)UINT32_MAX);
    cr_assert_eq(price_effective(INT64_C(1) << 32, H100E_UNIT, 0), UINT64_C(1) << 33);
}

Test(price, an_effective_price_admits_the_highest_ask_within_it)
{
    uint64_t state = 6;
    for (int round = 0; round < 4000; round++) {
        const uint32_t unit = (uint32_t)(next_number(&state) % (4 * H100E_UNIT));
        const uint16_t reliability_bp = (uint16_t)(next_number(&state) % 11000);
        const uint64_t limit = next_number(&state) >> (20 + round % 40);
        const int64_t ask = price_ask_of_effective(limit, unit, reliability_bp);
        cr_assert_leq(price_effective(ask, unit, reliability_bp), limit);
        cr_assert_gt(price_effective(ask + 1, unit, reliability_bp), limit);
    }
    cr_assert_eq(price_ask_of_effective(UINT64_MAX, UINT32_MAX, 0), INT64_MAX);
}

Test(price, a_limit_per_unit_is_the_largest_ask_within_it)
{
    uint64_t state = 4;
    for (int round = 0; round < 2000; round++) {
        const uint32_t unit = (uint32_t)(next_number(&state) % (4 * H100E_UNIT) + 1);
        const uint64_t limit = next_number(&state) % 50000000;
        const int64_t ask = price_of_unit(limit, unit);
        cr_assert_leq(price_per_unit(ask, unit), limit);
        const uint64_t lowest = price_per_unit_up(ask, unit);
        cr_assert_geq(price_of_unit(lowest, unit), ask);
        cr_assert(lowest == 0 || price_of_unit(lowest - 1, unit) < ask);
    }
    cr_assert_eq(price_of_unit(2000000, H100E_UNIT), 2000000);
    cr_assert_eq(price_of_unit(UINT64_MAX, UINT32_MAX), AMOUNT_MICRO_MAX);
}

Test(price, the_halfway_price_lies_between_without_overflow)
{
    cr_assert_eq(price_halfway(10, 20), 15u);
    cr_assert_eq(price_halfway(20, 11), 15u);
    cr_assert_eq(price_halfway(UINT64_MAX, UINT64_MAX), UINT64_MAX);
}

Test(price, what_a_card_draws_is_paid_in_full)
{
    cr_assert_eq(amount_micro(price_of_current(450, micro(300000))), 135000);
    cr_assert_eq(amount_micro(price_of_current(1, micro(1))), 1, "rounded up");
    cr_assert_eq(amount_micro(price_of_current(0, micro(300000))), 0);
    cr_assert_eq(amount_micro(price_of_current(450, amount_zero())), 0, "not known");
    cr_assert_eq(amount_micro(price_of_current(450, micro(-1))), 0);
    cr_assert_eq(amount_micro(price_of_current(UINT16_MAX, micro(AMOUNT_MICRO_MAX))),
                 AMOUNT_MICRO_MAX);
}
