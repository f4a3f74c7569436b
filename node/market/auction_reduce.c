#include <string.h>

#include "node/market/auction_work.h"
#include "protocol/price.h"

/* The lowest bid and the dearest ask that trade, and the cheapest ask over it that does not. */
struct margin {
    uint64_t lowest_bid;
    uint64_t dearest_ask;
    uint64_t next_ask;
};

static struct margin
margin_of(struct auction_work *work, const struct clear_orders *orders,
          const struct clear_result *result)
{
    struct margin margin = {.lowest_bid = UINT64_MAX, .next_ask = UINT64_MAX};
    memset(work->traded, 0, sizeof work->traded);
    for (size_t i = 0; i < result->fill_count; i++) {
        const struct clear_ask *ask = &orders->asks[result->fills[i].ask];
        const uint64_t bid = orders->bids[result->fills[i].bid].bid_uusd;
        const uint64_t price = price_per_unit_up(ask->ask_uusd_per_hour, ask->unit);
        work->traded[result->fills[i].ask] = true;
        margin.lowest_bid = bid < margin.lowest_bid ? bid : margin.lowest_bid;
        margin.dearest_ask = price > margin.dearest_ask ? price : margin.dearest_ask;
    }
    for (size_t i = 0; i < orders->ask_count; i++) {
        const struct clear_ask *ask = &orders->asks[i];
        const uint64_t price = price_per_unit_up(ask->ask_uusd_per_hour, ask->unit);
        if (!work->traded[i] && ask->slots > 0 && price >= margin.dearest_ask &&
            price < margin.next_ask) {
            margin.next_ask = price;
        }
    }
    return margin;
}

/* Hosts that take the price stand equal, so that the seed draws among them; those that do not, and bids
 * that are not over it, are out. */
static void
set_price(struct auction_work *work, const struct clear_orders *orders, uint64_t price_uusd)
{
    for (size_t i = 0; i < orders->ask_count; i++) {
        struct clear_ask *ask = &work->asks[i];
        if (price_per_unit_up(ask->ask_uusd_per_hour, ask->unit) > price_uusd) {
            ask->slots = 0;
        }
        ask->ask_uusd_per_hour = 0;
    }
    for (size_t i = 0; i < orders->bid_count; i++) {
        if (work->orders[i].bid_uusd <= price_uusd) {
            work->orders[i] = (struct clear_bid){.count = 1};
        }
    }
}

enum status
auction_reduce(struct auction_work *work, const struct clear_orders *orders,
               struct clear_result *result)
{
    if (result->price_uusd == 0) {
        return STATUS_OK; /* too thin: the asks are paid */
    }
    const struct margin margin = margin_of(work, orders, result);
    if (margin.next_ask <= margin.lowest_bid) {
        result->price_uusd = margin.next_ask;
        return STATUS_OK;
    }
    set_price(work, orders, margin.lowest_bid);
    const enum status status = clear_market(work->clear, orders, result);
    if (status == STATUS_OK) {
        result->price_uusd = margin.lowest_bid;
    }
    return status;
}
