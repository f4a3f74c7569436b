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
least_price(const struct rank_basis *basis, enum lane lane, enum work work)
{
    const uint32_t unit_max =
        gpu_unit(work, (uint32_t)basis->fp16_greatest, (uint32_t)basis->bandwidth_greatest);
    return lane == LANE_ASK ? price_effective_of_weighed(basis->least_key, unit_max)
                            : price_effective(basis->interruptible_least, unit_max,
                                              (uint16_t)basis->reliability_greatest);
}

static void
rank_drop(struct class_rank *rank, uint16_t gpu_class)
{
    uint16_t kept = 0;
    for (uint16_t i = 0; i < rank->count; i++) {
        if (rank->order[i] != gpu_class) {
            rank->order[kept++] = rank->order[i];
        }
    }
    rank->count = kept;
}

static void
rank_add(struct class_rank *rank, uint16_t gpu_class, uint64_t least_uusd)
{
    uint16_t at = rank->count++;
    for (; at > 0 && rank->least_uusd[rank->order[at - 1]] > least_uusd; at--) {
        rank->order[at] = rank->order[at - 1];
    }
    rank->order[at] = gpu_class;
    rank->least_uusd[gpu_class] = least_uusd;
}

void
rank_update(struct book *book, uint16_t gpu_class)
{
    const struct rank_basis basis = basis_of(book, gpu_class);
    if (is_same(&basis, &book->rank_bases[gpu_class])) {
        return;
    }
    book->rank_bases[gpu_class] = basis;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        for (int work = 0; work < WORK_COUNT; work++) {
            struct class_rank *rank = &book->ranks[lane][work];
            rank_drop(rank, gpu_class);
            if (basis.has_rows) {
                rank_add(rank, gpu_class, least_price(&basis, (enum lane)lane, (enum work)work));
            }
        }
    }
}
