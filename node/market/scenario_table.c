#include "node/market/scenario_table.h"

#include <assert.h>

/* Who wanted how many H100 in August 2023: GPU Utils (Clay Pascal), "Nvidia H100 GPUs: Supply and
 * Demand", which states 432,000 in all. The eleven named with a figure sum to 332,000; the twelfth is
 * the difference, and others who wrote of the same list name Meta for it.
 * The split by kind of work is our guess: no buyer has published one. In the order of enum work: infer,
 * train, finetune, render. */
static const struct scenario_buyer buyers[] = {
    {"OpenAI", 50000, false, {35, 60, 5, 0}},
    {"Inflection", 22000, false, {20, 75, 5, 0}},
    {"Microsoft Azure", 30000, false, {38, 45, 15, 2}},
    {"Google Cloud", 30000, false, {35, 45, 15, 5}},
    {"AWS", 30000, false, {35, 45, 15, 5}},
    {"Oracle", 30000, false, {25, 60, 10, 5}},
    {"Private clouds", 100000, false, {20, 50, 20, 10}}, /* Lambda, CoreWeave and others */
    {"Anthropic", 10000, false, {25, 70, 5, 0}},
    {"Helsing", 10000, false, {20, 60, 20, 0}},
    {"Mistral", 10000, false, {15, 75, 10, 0}},
    {"Character", 10000, false, {55, 40, 5, 0}},
    {"Meta", 100000, true, {30, 65, 5, 0}},
};

enum { GIB = 1024, FAST_LINK_MB_S = 300000 };

/* What the parts of a kind need of a card: by the memory that weights, activations and caches of such
 * models take; shares of the parts and of a cloud's price are guesses. Training from scratch, whole
 * fine-tuning and models over many cards pass gradients or activations at every step: they need cards of
 * 80 GB with links of their own, as an H100 has, and never land on a gaming card. */
static const struct scenario_want wants[] = {
    {WORK_INFER, "models over many cards", 45, 80 * GIB, FAST_LINK_MB_S, 0, 50, 95},
    {WORK_INFER, "models of 13 to 34 billion", 20, 20 * GIB, 0, 9000, 50, 90},
    {WORK_INFER, "models of 7 to 13 billion", 20, 12 * GIB, 0, 9000, 45, 85},
    {WORK_INFER, "small models, speech, pictures", 15, 8 * GIB, 0, 8000, 40, 80},
    {WORK_FINETUNE, "all weights", 50, 80 * GIB, FAST_LINK_MB_S, 0, 55, 95},
    {WORK_FINETUNE, "adapters, up to 34 billion", 25, 24 * GIB, 0, 9500, 50, 90},
    {WORK_FINETUNE, "adapters, up to 13 billion", 25, 16 * GIB, 0, 9500, 50, 90},
    {WORK_RENDER, "large scenes", 40, 16 * GIB, 0, 9000, 40, 75},
    {WORK_RENDER, "usual scenes", 60, 8 * GIB, 0, 8000, 35, 70},
    {WORK_TRAIN, "from scratch", 100, 80 * GIB, FAST_LINK_MB_S, 0, 60, 100},
};

/* The Steam hardware survey of August 2023, in 1/10,000 of the machines asked. Cards without memory of
 * their own and those not in the class table (a quarter of the answers) are left out. Where the survey
 * does not tell sizes of memory apart, they stand as in the class table's shares. */
static const struct scenario_share shares_2023[] = {
    {16, 76},  {19, 52},  {21, 80},  {23, 69},  {24, 37},  {26, 22},  {29, 19},  {30, 157},
    {31, 36},  {33, 59},  {34, 84},  {35, 158}, {36, 60},  {37, 145}, {38, 310}, {39, 343},
    {40, 378}, {41, 95},  {42, 254}, {45, 20},  {46, 42},  {47, 89},  {48, 416}, {49, 142},
    {50, 77},  {54, 45},  {55, 53},  {56, 48},  {57, 137}, {58, 118}, {59, 123}, {60, 360},
    {61, 22},  {62, 207}, {63, 250}, {64, 114}, {65, 61},  {66, 87},  {67, 496}, {70, 63},
    {71, 95},  {72, 46},  {73, 148}, {74, 311}, {75, 108}, {76, 317}, {77, 158}, {78, 55},
    {82, 58},  {83, 53},  {84, 50},  {90, 22},  {98, 24},  {99, 32},  {101, 24}, {102, 66},
    {104, 23}, {105, 44}, {106, 55}, {107, 20}, {108, 68}, {110, 24}, {111, 21}, {116, 138},
    {117, 73}, {118, 21}, {119, 34},
};

/* Asks of 850 offers of a public marketplace in June 2026, each against the median of its card: every
 * twentieth part, in 1/1000. The last is cut: beyond are offers that nobody takes. */
static const uint16_t ask_quantiles[] = {200,  400,  580,  620,  760,  808,  880,
                                         900,  944,  966,  1000, 1000, 1000, 1016,
                                         1100, 1111, 1200, 1320, 1500, 1724, 2500};

enum {
    BUYERS = sizeof buyers / sizeof buyers[0],
    WANTS = sizeof wants / sizeof wants[0],
    SHARES_2023 = sizeof shares_2023 / sizeof shares_2023[0],
    STEPS = sizeof ask_quantiles / sizeof ask_quantiles[0] - 1
};

size_t
scenario_buyer_count(void)
{
    return BUYERS;
}

const struct scenario_buyer *
scenario_buyer_at(size_t position)
{
    assert(position < BUYERS);
    return &buyers[position];
}

size_t
scenario_want_count(void)
{
    return WANTS;
}

const struct scenario_want *
scenario_want_at(size_t position)
{
    assert(position < WANTS);
    return &wants[position];
}

uint32_t
scenario_share(enum scenario_cards cards, const struct gpu_class *gpu_class)
{
    if (cards == SCENARIO_CARDS_2026) {
        return gpu_class->gamer_share;
    }
    for (size_t i = 0; i < SHARES_2023; i++) {
        if (shares_2023[i].gpu_class == gpu_class->number) {
            return shares_2023[i].share;
        }
    }
    return 0;
}

/* What the usual libraries still run on: tensor cores for models and bf16 for fine-tuning, GPU renderers
 * on whatever has a driver that is kept up. */
static bool
is_supported(enum work work, const struct gpu_class *gpu_class)
{
    const bool is_fine = (gpu_class->flags & GPU_BF16) != 0;
    bool is_recent = false;
    switch (gpu_class->vendor) {
    case GPU_VENDOR_NVIDIA:
        is_recent = gpu_class->arch >= (work == WORK_RENDER ? GPU_ARCH_PASCAL : GPU_ARCH_TURING);
        break;
    case GPU_VENDOR_AMD:
        is_recent = gpu_class->arch >= GPU_ARCH_RDNA2;
        break;
    case GPU_VENDOR_INTEL:
        is_recent = work != WORK_FINETUNE && work != WORK_TRAIN;
        break;
    case GPU_VENDOR_COUNT:
        break;
    }
    return is_recent && (is_fine || (work != WORK_FINETUNE && work != WORK_TRAIN));
}

bool
scenario_can_do(const struct scenario_want *want, const struct gpu_class *gpu_class)
{
    return gpu_class->vram_mib >= want->vram_min_mib &&
           gpu_class->nvlink_mb_s >= want->link_min_mb_s && is_supported(want->work, gpu_class);
}

uint32_t
scenario_ask_permille(uint32_t place)
{
    const uint32_t at = place % 65536 * STEPS;
    const uint32_t low = ask_quantiles[at / 65536];
    const uint32_t high = ask_quantiles[at / 65536 + 1];
    return low + (high - low) * (at % 65536) / 65536;
}

const char *
scenario_cards_name(enum scenario_cards cards)
{
    return cards == SCENARIO_CARDS_2023 ? "2023-08" : "2026-04";
}
