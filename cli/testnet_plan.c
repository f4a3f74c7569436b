#include <stdio.h>
#include <string.h>

#include "cli/testnet.h"
#include "protocol/gpu_class.h"
#include "protocol/record.h"

/* The next of a sequence that a seed fixes (Steele, Lea, Flood: SplitMix64). */
static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t
random_below(uint64_t *state, uint64_t bound)
{
    return next_random(state) % bound;
}

/* What gamers and small farms have. The first one is what host-1 gets. */
static const char *const usual_cards[] = {"rtx4090", "rtx3060", "rtx3090", "rtx4080",
                                          "rtx3080", "rtx4070", "rtx3070", "rx7900xtx"};
static const char *const varied_cards[] = {"rtx3060",   "rtx5090",       "gtx1080ti", "rx7900xtx",
                                           "rtx4060ti", "a100-sxm-80gb", "rtx2080ti", "rtxa6000",
                                           "l40s",      "arcb580",       "rtx3090",   "h100-sxm"};

static void
give_card(struct network_node *node, const char *name, size_t count, uint64_t *state)
{
    const struct gpu_class *class = NULL;
    uint64_t ask = 200000;
    if (gpu_class_find(bytes_of_text(name), &class) == STATUS_OK && class->ask_uusd_per_hour > 0) {
        ask = class->ask_uusd_per_hour;
    }
    const char *known = class != NULL ? class->name : name;
    if (count > 1) {
        snprintf(node->cards, sizeof node->cards, "%sx%zu", known, count);
    } else {
        snprintf(node->cards, sizeof node->cards, "%s", known);
    }
    /* Up to a fifth below and above the usual ask, in whole thousandths of a dollar. */
    const uint64_t share = 80 + random_below(state, 41);
    node->ask_uusd_per_hour = (ask * share / 100 + 999) / 1000 * 1000;
}

static void
plan_host(const struct testnet_plan *plan, struct network_node *node, size_t number,
          uint64_t *state)
{
    const size_t usual = sizeof usual_cards / sizeof usual_cards[0];
    const size_t varied = sizeof varied_cards / sizeof varied_cards[0];
    const size_t count = number == 0 ? 1 : 1 + (size_t)random_below(state, 3) / 2;
    const char *card = number == 0 || !plan->varied ? usual_cards[number % usual]
                                                    : varied_cards[(number - 1) % varied];
    give_card(node, card, count, state);
    if (plan->varied) {
        static const uint32_t notices[] = {0, 10, 30};
        node->notice_s = notices[random_below(state, 3)];
        node->region = (uint8_t)(1 + random_below(state, REGION_COUNT - 1));
        node->up_mbit_s = (uint32_t)(20 + 10 * random_below(state, 50));
        node->down_mbit_s = (uint32_t)(100 + 50 * random_below(state, 20));
    }
}

enum status
testnet_plan(const struct testnet_plan *plan, struct network *network, struct buffer *why)
{
    uint64_t state = plan->seed;
    if (plan->hosts + plan->renters > NETWORK_NODES_MAX) {
        buffer_append_format(why, "at most %d nodes make a test network", NETWORK_NODES_MAX);
        return STATUS_LIMIT;
    }
    network->seed = plan->seed;
    network->count = 0;
    if (plan->offers != NULL) {
        enum status status = testnet_read_offers(plan->offers, plan->hosts, network, why);
        if (status != STATUS_OK) {
            return status;
        }
    } else {
        for (size_t i = 0; i < plan->hosts; i++) {
            plan_host(plan, &network->nodes[network->count++], i, &state);
        }
    }
    for (size_t i = 0; i < network->count; i++) {
        network->nodes[i].is_host = true;
        snprintf(network->nodes[i].name, NETWORK_NAME_SIZE, "host-%zu", i + 1);
    }
    for (size_t i = 0; i < plan->renters; i++) {
        struct network_node *node = &network->nodes[network->count++];
        snprintf(node->name, NETWORK_NAME_SIZE, "renter-%zu", i + 1);
    }
    return STATUS_OK;
}
