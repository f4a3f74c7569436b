/* What the shortage is made of: buyers, kinds of work, cards, asks. Figures of others have their source
 * beside them, and what is a guess says so. */
#ifndef GPULET_NODE_MARKET_SCENARIO_TABLE_H
#define GPULET_NODE_MARKET_SCENARIO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/gpu_class.h"
#include "protocol/record.h"

/* Whose cards: gamers' in the month of the demand, or of the class table's shares. */
enum scenario_cards { SCENARIO_CARDS_2023, SCENARIO_CARDS_2026, SCENARIO_CARDS_COUNT };

struct scenario_buyer {
    const char *name;
    uint32_t h100_wanted;
    bool is_inferred;            /* not named by the source beside its figure */
    uint8_t percent[WORK_COUNT]; /* of the figure by kind of work; 100 in all */
};

/* A part of the work of a kind, by what it needs of one card. */
struct scenario_want {
    enum work work;
    const char *title;
    uint8_t percent; /* of the kind; 100 in all */
    uint32_t vram_min_mib;
    uint32_t link_min_mb_s; /* between the cards of one host */
    uint16_t reliability_min_bp;
    uint8_t bid_least_percent; /* of what a cloud's H100 costs */
    uint8_t bid_most_percent;
};

struct scenario_share {
    uint16_t gpu_class; /* number */
    uint16_t share;     /* weight */
};

size_t scenario_buyer_count(void);
const struct scenario_buyer *scenario_buyer_at(size_t position);
size_t scenario_want_count(void);
const struct scenario_want *scenario_want_at(size_t position);

/* The share of a class among gamers, as a weight; 0: none. */
uint32_t scenario_share(enum scenario_cards cards, const struct gpu_class *gpu_class);

/* True when a card can do such work: memory, links, and what its makers' libraries still run on. */
bool scenario_can_do(const struct scenario_want *want, const struct gpu_class *gpu_class);

/* An ask in 1/1000 of the class's typical one, for a place of 0 .. 65535 among all owners. */
uint32_t scenario_ask_permille(uint32_t place);

const char *scenario_cards_name(enum scenario_cards cards); /* "2023-08" */

#endif
