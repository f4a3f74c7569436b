#include "node/market/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "node/market/scenario_inside.h"
#include "protocol/price.h"

struct scenario *
scenario_new(const struct scenario_options *options)
{
    if (options->listings == 0 || options->listings > SCENARIO_LISTINGS_MAX ||
        options->cloud_uusd_per_hour == 0 || options->cards >= SCENARIO_CARDS_COUNT) {
        return NULL;
    }
    struct scenario *scenario = calloc(1, sizeof *scenario);
    if (scenario == NULL) {
        return NULL;
    }
    scenario->options = *options;
    scenario->listings = calloc(options->listings, sizeof *scenario->listings);
    if (scenario->listings == NULL) {
        scenario_free(scenario);
        return NULL;
    }
    scenario_make_bids(scenario);
    return scenario;
}

static void
end_market(struct scenario *scenario)
{
    clear_free(scenario->work);
    free(scenario->listing_of);
    free(scenario->asks);
    scenario->work = NULL;
    scenario->listing_of = NULL;
    scenario->asks = NULL;
}

void
scenario_free(struct scenario *scenario)
{
    if (scenario != NULL) {
        end_market(scenario);
        free(scenario->listings);
        free(scenario);
    }
}

static uint32_t
unit_of(const struct gpu_class *gpu_class, enum work work)
{
    return gpu_unit(work, gpu_class->fp16_gflops, gpu_class->bandwidth_mb_s);
}

/* True for each class that can do a part of the work. */
static void
find_able(enum work work, bool able[SCENARIO_CLASSES_MAX])
{
    memset(able, 0, SCENARIO_CLASSES_MAX * sizeof able[0]);
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        for (size_t k = 0; k < scenario_want_count(); k++) {
            const struct scenario_want *want = scenario_want_at(k);
            if (want->work == work && scenario_can_do(want, gpu_class)) {
                able[gpu_class->number] = true;
            }
        }
    }
}

/* A clearing knows no condition but memory and reliability: a card shows less memory than it has where it
 * lacks something else that a want needs. */
static uint32_t
vram_shown(const struct gpu_class *gpu_class, enum work work)
{
    uint32_t vram_mib = gpu_class->vram_mib;
    for (size_t i = 0; i < scenario_want_count(); i++) {
        const struct scenario_want *want = scenario_want_at(i);
        if (want->work == work && !scenario_can_do(want, gpu_class) &&
            vram_mib >= want->vram_min_mib) {
            vram_mib = want->vram_min_mib - 1;
        }
    }
    return vram_mib;
}

static size_t
count_asks(const struct scenario *scenario, const bool able[SCENARIO_CLASSES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < scenario->options.listings; i++) {
        const struct scenario_listing *listing = &scenario->listings[i];
        count += able[listing->gpu_class] && listing->slots_sold < listing->slots;
    }
    return count;
}

static void
take_asks(struct scenario *scenario, enum work work, const bool able[SCENARIO_CLASSES_MAX])
{
    struct scenario_market *market = &scenario->markets[work];
    uint32_t vram_of[SCENARIO_CLASSES_MAX] = {0};
    size_t count = 0;
    for (size_t i = 0; i < gpu_class_count(); i++) {
        vram_of[gpu_class_at(i)->number] = vram_shown(gpu_class_at(i), work);
    }
    for (size_t i = 0; i < scenario->options.listings; i++) {
        const struct scenario_listing *listing = &scenario->listings[i];
        const uint16_t left = (uint16_t)(listing->slots - listing->slots_sold);
        if (!able[listing->gpu_class] || left == 0) {
            continue;
        }
        const struct gpu_class *gpu_class = gpu_class_by_number(listing->gpu_class);
        scenario->listing_of[count] = (uint32_t)i;
        scenario->asks[count] = (struct clear_ask){
            .ask_uusd_per_hour = listing->ask_uusd_per_hour,
            .unit = unit_of(gpu_class, work),
            .vram_mib = vram_of[listing->gpu_class],
            .reliability_bp = listing->reliability_bp,
            .slots = left,
        };
        market->cards += left;
        market->units += (uint64_t)left * scenario->asks[count].unit;
        count++;
    }
}

enum status
scenario_offer(struct scenario *scenario, enum work work)
{
    bool able[SCENARIO_CLASSES_MAX];
    find_able(work, able);
    scenario->markets[work] = (struct scenario_market){.asks = count_asks(scenario, able)};
    const size_t room = scenario->markets[work].asks + 1;
    scenario->asks = calloc(room, sizeof *scenario->asks);
    scenario->listing_of = calloc(room, sizeof *scenario->listing_of);
    if (scenario->asks == NULL || scenario->listing_of == NULL) {
        end_market(scenario);
        return STATUS_NO_MEMORY;
    }
    take_asks(scenario, work, able);
    return STATUS_OK;
}

static size_t
collect_bids(struct scenario *scenario, enum work work)
{
    size_t count = 0;
    for (size_t i = 0; i < scenario->bid_count; i++) {
        const struct scenario_bid *bid = &scenario->bids[i];
        if (bid->want->work == work && bid->units_wanted > 0 && scenario_has_card(scenario, i)) {
            scenario->bid_of[count] = i;
            scenario->clear_bids[count] = (struct clear_bid){
                .bid_uusd = bid->bid_uusd,
                .units_wanted = bid->units_wanted,
                .vram_min_mib = bid->want->vram_min_mib,
                .reliability_min_bp = bid->want->reliability_min_bp,
                .count = 1,
            };
            count++;
        }
    }
    return count;
}

enum status
scenario_clear(struct scenario *scenario, enum work work)
{
    struct scenario_market *market = &scenario->markets[work];
    scenario->orders = (struct clear_orders){
        .asks = scenario->asks,
        .ask_count = market->asks,
        .bids = scenario->clear_bids,
        .bid_count = collect_bids(scenario, work),
    };
    scenario->result = (struct clear_result){.fills = NULL};
    if (scenario->orders.ask_count == 0 || scenario->orders.bid_count == 0) {
        return STATUS_OK;
    }
    scenario->work = clear_new((uint32_t)market->asks, (uint32_t)scenario->orders.bid_count);
    if (scenario->work == NULL) {
        return STATUS_NO_MEMORY;
    }
    return clear_market(scenario->work, &scenario->orders, &scenario->result);
}

static void
count_fill(struct scenario *scenario, const struct clear_fill *fill, uint64_t price_uusd)
{
    const struct clear_ask *ask = &scenario->asks[fill->ask];
    struct scenario_listing *listing = &scenario->listings[scenario->listing_of[fill->ask]];
    const size_t number = scenario->bid_of[fill->bid];
    struct scenario_bid *bid = &scenario->bids[number];
    struct scenario_class *gpu_class = &scenario->classes[listing->gpu_class];
    const uint64_t price =
        price_uusd == 0 ? ask->ask_uusd_per_hour : (uint64_t)price_of_unit(price_uusd, ask->unit);
    bid->units_served += (uint64_t)fill->slots * ask->unit;
    bid->cards += fill->slots;
    bid->paid_uusd += price * fill->slots;
    gpu_class->sold += fill->slots;
    gpu_class->earned_uusd += price * fill->slots;
    listing->slots_sold = (uint8_t)(listing->slots_sold + fill->slots);
    scenario->cards_of[number][listing->gpu_class] += fill->slots;
}

enum status
scenario_account(struct scenario *scenario, enum work work)
{
    struct scenario_market *market = &scenario->markets[work];
    const struct clear_result *result = &scenario->result;
    if (scenario->work != NULL && !clear_is_valid(scenario->work, &scenario->orders, result)) {
        end_market(scenario);
        return STATUS_BAD_INPUT;
    }
    for (size_t i = 0; i < result->fill_count; i++) {
        count_fill(scenario, &result->fills[i], result->price_uusd);
    }
    market->fills = result->fill_count;
    market->price_uusd = result->price_uusd;
    market->surplus_uusd = result->surplus_uusd;
    market->bound_uusd = scenario->work == NULL ? 0 : clear_bound_uusd(&scenario->orders);
    scenario_say_why(scenario, work);
    end_market(scenario);
    return STATUS_OK;
}

const struct scenario_bid *
scenario_bids(const struct scenario *scenario, size_t *ret_count)
{
    *ret_count = scenario->bid_count;
    return scenario->bids;
}

const struct scenario_market *
scenario_market(const struct scenario *scenario, enum work work)
{
    return &scenario->markets[work];
}

const struct scenario_class *
scenario_class(const struct scenario *scenario, uint16_t gpu_class)
{
    return &scenario->classes[gpu_class % SCENARIO_CLASSES_MAX];
}

const struct scenario_supply *
scenario_supply(const struct scenario *scenario)
{
    return &scenario->supply;
}

uint32_t
scenario_cards_of(const struct scenario *scenario, size_t bid, uint16_t gpu_class)
{
    return scenario->cards_of[bid][gpu_class % SCENARIO_CLASSES_MAX];
}

const struct scenario_listing *
scenario_listings(const struct scenario *scenario)
{
    return scenario->listings;
}
