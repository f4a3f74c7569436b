#include <assert.h>
#include <string.h>

#include "node/market/scenario_inside.h"

enum { PLACES_MAX = 16384 };

/* Cards of one class on every place, as many as its share: a draw is one look. */
struct lottery {
    uint32_t places;
    uint8_t gpu_class[PLACES_MAX];
};

/* Steele, Lea, Flood: SplitMix64. */
static uint64_t
next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number below the bound, of 32 bits of a draw. */
static uint32_t
below(uint64_t draw, uint32_t bound)
{
    return (uint32_t)((draw & UINT32_MAX) * bound >> 32);
}

static void
make_lottery(enum scenario_cards cards, struct lottery *ret_lottery)
{
    static_assert(GPU_CLASS_NUMBER_MAX <= UINT8_MAX, "a class number is one byte");
    ret_lottery->places = 0;
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        const uint32_t share = scenario_share(cards, gpu_class);
        assert(ret_lottery->places + share <= PLACES_MAX);
        memset(ret_lottery->gpu_class + ret_lottery->places, gpu_class->number, share);
        ret_lottery->places += share;
    }
    assert(ret_lottery->places > 0);
}

/* What the current costs that a card draws at work. Tariffs of households lie between these nearly
 * everywhere, in uUSD a kWh: a guess, evenly spread. */
static uint32_t
current_uusd_per_hour(const struct gpu_class *gpu_class, uint64_t draw)
{
    enum { TARIFF_MIN = 80000, TARIFF_MAX = 350000 };
    const uint32_t tariff = TARIFF_MIN + below(draw, TARIFF_MAX - TARIFF_MIN + 1);
    return (uint32_t)((uint64_t)gpu_class->watts * tariff / 1000);
}

/* Guesses, all of them: one owner in thirty has more than one card, most machines fail seldom, and a card
 * idles from a fifth of the week to nearly all of it. */
static struct scenario_listing
make_listing(const struct lottery *lottery, uint64_t seed, uint32_t number)
{
    uint64_t state = seed ^ (uint64_t)number * UINT64_C(0xd1342543de82ef95);
    const uint64_t card = next_random(&state);
    const uint64_t price = next_random(&state);
    const uint64_t owner = next_random(&state);
    const struct gpu_class *gpu_class =
        gpu_class_by_number(lottery->gpu_class[below(card, lottery->places)]);
    const uint32_t permille = scenario_ask_permille((uint32_t)(price & 0xFFFF));
    const uint32_t wanted = (uint32_t)((uint64_t)gpu_class->ask_uusd_per_hour * permille / 1000);
    const uint32_t current = current_uusd_per_hour(gpu_class, price >> 32);
    const uint32_t many = below(card >> 32, 100);
    const uint32_t fails = (uint32_t)((owner & 0xFF) * (owner >> 8 & 0xFF) / 26);
    return (struct scenario_listing){
        .ask_uusd_per_hour = wanted > current ? wanted : current,
        .gpu_class = gpu_class->number,
        .reliability_bp = (uint16_t)(10000 - fails),
        .slots = (uint8_t)(many < 97   ? 1
                           : many < 99 ? 2
                                       : 4),
        .idle_hours = (uint8_t)(32 + below(owner >> 32, 129)),
    };
}

void
scenario_generate(struct scenario *scenario)
{
    struct lottery lottery;
    make_lottery(scenario->options.cards, &lottery);
    memset(scenario->classes, 0, sizeof scenario->classes);
    scenario->supply = (struct scenario_supply){.cards = 0};
    for (uint32_t i = 0; i < scenario->options.listings; i++) {
        const struct scenario_listing listing = make_listing(&lottery, scenario->options.seed, i);
        scenario->listings[i] = listing;
        scenario->classes[listing.gpu_class].cards += listing.slots;
        scenario->supply.cards += listing.slots;
        scenario->supply.idle_hours += listing.idle_hours;
    }
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        for (int work = 0; work < WORK_COUNT; work++) {
            scenario->supply.units[work] +=
                scenario->classes[gpu_class->number].cards *
                gpu_unit((enum work)work, gpu_class->fp16_gflops, gpu_class->bandwidth_mb_s);
        }
    }
}
