#include <assert.h>

#include "node/market/scenario_inside.h"
#include "protocol/price.h"

/* Steele, Lea, Flood: SplitMix64, as a hash. */
static uint64_t
mixed(uint64_t word)
{
    word += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

static uint64_t
bid_price(const struct scenario *scenario, const struct scenario_want *want)
{
    const uint64_t draw = mixed(scenario->options.seed ^ mixed(scenario->bid_count + 1));
    const uint64_t steps = (uint64_t)(want->bid_most_percent - want->bid_least_percent) * 10 + 1;
    const uint64_t permille = want->bid_least_percent * UINT64_C(10) + draw % steps;
    return scenario->options.cloud_uusd_per_hour * permille / 1000;
}

void
scenario_make_bids(struct scenario *scenario)
{
    scenario->bid_count = 0;
    for (size_t i = 0; i < scenario_buyer_count(); i++) {
        const struct scenario_buyer *buyer = scenario_buyer_at(i);
        for (size_t k = 0; k < scenario_want_count(); k++) {
            const struct scenario_want *want = scenario_want_at(k);
            const uint64_t percent = (uint64_t)buyer->percent[want->work] * want->percent;
            assert(scenario->bid_count < SCENARIO_BIDS_MAX);
            struct scenario_bid *bid = &scenario->bids[scenario->bid_count];
            *bid = (struct scenario_bid){
                .buyer = buyer,
                .want = want,
                .bid_uusd = bid_price(scenario, want),
                .units_wanted = (uint64_t)buyer->h100_wanted * H100E_UNIT * percent / 10000,
                .why = SCENARIO_SERVED,
            };
            scenario->bid_count++;
        }
    }
}

bool
scenario_has_card(const struct scenario *scenario, size_t bid)
{
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        if (scenario->classes[gpu_class->number].cards > 0 &&
            scenario_can_do(scenario->bids[bid].want, gpu_class)) {
            return true;
        }
    }
    return false;
}

/* The cheapest of the cards left with the memory for a want, and the smallest of them. */
struct rest {
    uint64_t price_uusd;          /* of an H100e-hour; UINT64_MAX: nothing left */
    uint64_t reliable_price_uusd; /* of those that are reliable enough */
    uint32_t smallest_unit;       /* of those that the bid would pay */
};

static struct rest
find_rest(const struct scenario *scenario, const struct scenario_bid *bid)
{
    struct rest rest = {UINT64_MAX, UINT64_MAX, UINT32_MAX};
    for (size_t i = 0; i < scenario->orders.ask_count; i++) {
        const struct clear_ask *ask = &scenario->asks[i];
        const struct scenario_listing *listing = &scenario->listings[scenario->listing_of[i]];
        if (listing->slots_sold == listing->slots || ask->vram_mib < bid->want->vram_min_mib) {
            continue;
        }
        const uint64_t price = price_per_unit_up(ask->ask_uusd_per_hour, ask->unit);
        const bool is_reliable = ask->reliability_bp >= bid->want->reliability_min_bp;
        rest.price_uusd = price < rest.price_uusd ? price : rest.price_uusd;
        if (is_reliable && price < rest.reliable_price_uusd) {
            rest.reliable_price_uusd = price;
        }
        if (is_reliable && price <= bid->bid_uusd && ask->unit < rest.smallest_unit) {
            rest.smallest_unit = ask->unit;
        }
    }
    return rest;
}

static enum scenario_why
why_of(const struct scenario *scenario, size_t number)
{
    const struct scenario_bid *bid = &scenario->bids[number];
    if (bid->units_served == bid->units_wanted) {
        return SCENARIO_SERVED;
    }
    if (!scenario_has_card(scenario, number)) {
        return SCENARIO_NO_CARD;
    }
    const struct rest rest = find_rest(scenario, bid);
    if (rest.smallest_unit != UINT32_MAX) {
        return SCENARIO_SMALL_REST;
    }
    if (rest.reliable_price_uusd != UINT64_MAX) {
        return SCENARIO_TOO_DEAR;
    }
    return rest.price_uusd == UINT64_MAX ? SCENARIO_SOLD_OUT : SCENARIO_UNRELIABLE;
}

void
scenario_say_why(struct scenario *scenario, enum work work)
{
    for (size_t i = 0; i < scenario->bid_count; i++) {
        if (scenario->bids[i].want->work == work) {
            scenario->bids[i].why = why_of(scenario, i);
        }
    }
}

const char *
scenario_why_text(enum scenario_why why)
{
    static const char *const texts[SCENARIO_WHY_COUNT] = {
        [SCENARIO_SERVED] = "served",
        [SCENARIO_NO_CARD] = "no gaming card can do it",
        [SCENARIO_SOLD_OUT] = "sold out",
        [SCENARIO_UNRELIABLE] = "sold out, but for cards that fail too often",
        [SCENARIO_TOO_DEAR] = "what is left asks more than the bid",
        [SCENARIO_SMALL_REST] = "a rest smaller than the cards next in line",
    };
    return why < SCENARIO_WHY_COUNT ? texts[why] : "";
}
