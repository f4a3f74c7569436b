#include <string.h>

#include "node/market/book_inside.h"
#include "protocol/price.h"

static struct rank_basis
basis_of(const struct book *book, uint16_t gpu_class)
{
    const struct class_info *class_info = &book->classes[gpu_class];
    const struct class_zones *zones = &book->class_zones;
    if (class_info->blocks == 0) {
        return (struct rank_basis){.has_rows = false};
    }
    return (struct rank_basis){
        .has_rows = true,
        .least_key = book->infos[book->order[class_info->first]].least_key,
        .interruptible_least = zones->least[ZONE_INTERRUPTIBLE][gpu_class],
        .reliability_greatest = zones->greatest[ZONE_RELIABILITY][gpu_class],
        .fp16_greatest = zones->greatest[ZONE_FP16][gpu_class],
        .bandwidth_greatest = zones->greatest[ZONE_BANDWIDTH][gpu_class],
    };
}

static bool
is_same(const struct rank_basis *a, const struct rank_basis *b)
{
    return a->has_rows == b->has_rows && a->least_key == b->least_key &&
           a->interruptible_least == b->interruptible_least &&
           a->reliability_greatest == b->reliability_greatest &&
           a->fp16_greatest == b->fp16_greatest && a->bandwidth_greatest == b->bandwidth_greatest;
}

static uint64_t
least_price(const struct rank_basis *basis, enum lane lane, enum measure measure)
{
    const enum work work = measure == MEASURE_BANDWIDTH ? WORK_INFER : WORK_TRAIN;
    const uint32_t unit_max =
        gpu_unit(work, (uint32_t)basis->fp16_greatest, (uint32_t)basis->bandwidth_greatest);
    return lane == LANE_ASK ? price_effective_of_weighed(basis->least_key, unit_max)
                            : price_effective(basis->interruptible_least, unit_max,
                                              (uint16_t)basis->reliability_greatest);
}

static uint16_t
rank_find(const struct class_rank *rank, uint16_t gpu_class)
{
    uint16_t at = 0;
    while (at < rank->count && rank->order[at] != gpu_class) {
        at++;
    }
    return at;
}

static void
rank_drop(struct class_rank *rank, uint16_t gpu_class)
{
    const uint16_t at = rank_find(rank, gpu_class);
    if (at < rank->count) {
        rank->count--;
        memmove(&rank->order[at], &rank->order[at + 1],
                (size_t)(rank->count - at) * sizeof rank->order[0]);
    }
}

/* Moves a class to its place, from the end when it is new. */
static void
rank_place(struct class_rank *rank, uint16_t gpu_class, uint64_t least_uusd, bool is_new)
{
    if (!is_new && rank->least_uusd[gpu_class] == least_uusd) {
        return;
    }
    uint16_t at = is_new ? rank->count++ : rank_find(rank, gpu_class);
    for (; at > 0 && rank->least_uusd[rank->order[at - 1]] > least_uusd; at--) {
        rank->order[at] = rank->order[at - 1];
    }
    for (; at + 1 < rank->count && rank->least_uusd[rank->order[at + 1]] < least_uusd; at++) {
        rank->order[at] = rank->order[at + 1];
    }
    rank->order[at] = gpu_class;
    rank->least_uusd[gpu_class] = least_uusd;
}

void
rank_update(struct book *book, uint16_t gpu_class)
{
    const struct rank_basis basis = basis_of(book, gpu_class);
    const bool was_there = book->rank_bases[gpu_class].has_rows;
    if (is_same(&basis, &book->rank_bases[gpu_class])) {
        return;
    }
    book->rank_bases[gpu_class] = basis;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        for (int measure = 0; measure < MEASURE_COUNT; measure++) {
            struct class_rank *rank = &book->ranks[lane][measure];
            if (basis.has_rows) {
                rank_place(rank, gpu_class,
                           least_price(&basis, (enum lane)lane, (enum measure)measure), !was_there);
            } else {
                rank_drop(rank, gpu_class);
            }
        }
    }
}
