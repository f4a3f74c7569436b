#include <string.h>

#include "node/market/clear_work.h"
#include "protocol/price.h"

/* One fill against what its two sides said; counts its slots and units. */
static bool
fill_is_valid(struct clear_work *work, const struct clear_orders *orders,
              const struct clear_fill *fill, uint64_t price_uusd)
{
    if (fill->bid >= orders->bid_count || fill->ask >= orders->ask_count) {
        return false;
    }
    const struct clear_bid *bid = &orders->bids[fill->bid];
    const struct clear_ask *ask = &orders->asks[fill->ask];
    const int64_t value = price_of_unit(bid->bid_uusd, ask->unit);
    const int64_t paid =
        price_uusd == 0 ? (int64_t)ask->ask_uusd_per_hour : price_of_unit(price_uusd, ask->unit);
    if (fill->slots == 0 || fill->slots % bid->count != 0 ||
        fill->slots > work->line.left[fill->ask] || ask->vram_mib < bid->vram_min_mib ||
        ask->reliability_bp < bid->reliability_min_bp ||
        !clear_fits(orders->fits, orders->bid_count, fill->bid, fill->ask) ||
        paid < (int64_t)ask->ask_uusd_per_hour || paid > value) {
        return false;
    }
    work->line.left[fill->ask] = (uint16_t)(work->line.left[fill->ask] - fill->slots);
    work->got[fill->bid] += (uint64_t)fill->slots * ask->unit;
    return work->got[fill->bid] <= bid->units_wanted;
}

bool
clear_is_valid(struct clear_work *work, const struct clear_orders *orders,
               const struct clear_result *result)
{
    uint64_t surplus_uusd = 0;
    uint64_t units = 0;
    if (orders->ask_count > work->asks_max || orders->bid_count > work->bids_max) {
        return false;
    }
    memset(work->got, 0, orders->bid_count * sizeof *work->got);
    for (size_t i = 0; i < orders->ask_count; i++) {
        work->line.left[i] = orders->asks[i].slots;
    }
    for (size_t i = 0; i < result->fill_count; i++) {
        const struct clear_fill *fill = &result->fills[i];
        if (!fill_is_valid(work, orders, fill, result->price_uusd)) {
            return false;
        }
        const struct clear_ask *ask = &orders->asks[fill->ask];
        const int64_t value = price_of_unit(orders->bids[fill->bid].bid_uusd, ask->unit);
        surplus_uusd += (uint64_t)(value - (int64_t)ask->ask_uusd_per_hour) * fill->slots;
        units += (uint64_t)fill->slots * ask->unit;
    }
    for (size_t i = 0; i < orders->bid_count; i++) {
        if (work->got[i] != 0 && work->got[i] < orders->bids[i].units_min) {
            return false;
        }
    }
    return surplus_uusd == result->surplus_uusd && units == result->units;
}

/* By weak duality: whatever one price for all units is, no clearing gains more than what the asks gain
 * by selling at it plus what the bids gain by buying at it. Rounded up. */
static uint64_t
bound_at(const struct clear_orders *orders, uint64_t price_uusd)
{
    uint64_t bound_uusd = 0;
    for (size_t i = 0; i < orders->ask_count; i++) {
        const struct clear_ask *ask = &orders->asks[i];
        const int64_t paid = price_of_unit(price_uusd, ask->unit) + 1;
        if (paid > (int64_t)ask->ask_uusd_per_hour) {
            bound_uusd += (uint64_t)(paid - (int64_t)ask->ask_uusd_per_hour) * ask->slots;
        }
    }
    for (size_t i = 0; i < orders->bid_count; i++) {
        const struct clear_bid *bid = &orders->bids[i];
        if (bid->bid_uusd > price_uusd) {
            const uint64_t units = bid->units_wanted;
            const uint64_t gain = bid->bid_uusd - price_uusd;
            bound_uusd += units / H100E_UNIT * gain + 1 +
                          (uint64_t)price_of_unit(gain, (uint32_t)(units % H100E_UNIT));
        }
    }
    return bound_uusd;
}

uint64_t
clear_bound_uusd(const struct clear_orders *orders)
{
    uint64_t low = 0;
    uint64_t high = 0;
    for (size_t i = 0; i < orders->bid_count; i++) {
        high = orders->bids[i].bid_uusd > high ? orders->bids[i].bid_uusd : high;
    }
    /* Convex in the price, but for the rounding: any price gives a bound, the least one is told. */
    uint64_t least_uusd = bound_at(orders, high);
    while (low < high) {
        const uint64_t third = (high - low) / 3;
        const uint64_t left = low + third;
        const uint64_t right = high - third;
        const uint64_t at_left = bound_at(orders, left);
        const uint64_t at_right = bound_at(orders, right);
        const uint64_t better = at_left < at_right ? at_left : at_right;
        least_uusd = better < least_uusd ? better : least_uusd;
        if (at_left <= at_right) {
            high = right - 1;
        } else {
            low = left + 1;
        }
    }
    return least_uusd;
}
