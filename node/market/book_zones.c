#include "node/market/book_inside.h"

static int32_t
clamped(uint32_t value)
{
    return value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

struct zone_view
zones_of_block(struct block_info *info)
{
    struct zones *zones = &info->zones;
    return (struct zone_view){.least = zones->least,
                              .greatest = zones->greatest,
                              .features_any = &zones->features_any,
                              .features_all = &zones->features_all,
                              .stride = 1};
}

struct zone_view
zones_of_class(struct book *book, uint16_t gpu_class)
{
    struct class_zones *zones = &book->class_zones;
    return (struct zone_view){.least = &zones->least[0][gpu_class],
                              .greatest = &zones->greatest[0][gpu_class],
                              .features_any = &zones->features_any[gpu_class],
                              .features_all = &zones->features_all[gpu_class],
                              .stride = CLASSES};
}

void
zones_clear(struct zone_view zones)
{
    for (size_t zone = 0; zone < ZONE_COUNT; zone++) {
        zones.least[zone * zones.stride] = INT32_MAX;
        zones.greatest[zone * zones.stride] = -1;
    }
    *zones.features_any = 0;
    *zones.features_all = -1;
}

bool
zones_widen(struct zone_view zones, const struct market_row *row)
{
    const int32_t values[ZONE_COUNT] = {
        [ZONE_ASK] = ask_word(row->ask_uusd_per_hour),
        [ZONE_INTERRUPTIBLE] = ask_word(row->interruptible_ask_uusd_per_hour),
        [ZONE_VRAM] = clamped(row->vram_mib),
        [ZONE_FP16] = clamped(row->fp16_gflops),
        [ZONE_BANDWIDTH] = clamped(row->bandwidth_mb_s),
        [ZONE_UP] = clamped(row->up_mbit_s),
        [ZONE_DOWN] = clamped(row->down_mbit_s),
        [ZONE_RAM] = clamped(row->ram_mib),
        [ZONE_DISK] = clamped(row->disk_mib),
        [ZONE_RELIABILITY] = row->reliability_bp,
        [ZONE_CPU] = row->cpu_threads,
        [ZONE_SLOTS] = row->slots_total,
        [ZONE_FREE] = row->slots_total - row->slots_held,
        [ZONE_CUDA] = row->terms.cuda,
        [ZONE_NVLINK] = clamped(row->terms.nvlink_mb_s),
        [ZONE_PCIE] = clamped(row->terms.pcie_mb_s),
        [ZONE_LEASE_MAX] = clamped(row->terms.lease_max_s),
        [ZONE_LEASE_MIN] = clamped(row->terms.lease_min_s),
        [ZONE_NOTICE] = clamped(row->terms.notice_s),
        [ZONE_MINIMUM_RUN] = clamped(row->terms.minimum_run_s),
        [ZONE_RECLAIMS] = row->terms.reclaims_per_day,
    };
    const int32_t features = (int32_t)row->features;
    /* Most rows widen nothing: that is found out without a branch for each value. */
    int is_wider = (features & ~*zones.features_any) != 0 || (*zones.features_all & ~features) != 0;
    for (size_t zone = 0; zone < ZONE_COUNT; zone++) {
        is_wider |= (values[zone] < zones.least[zone * zones.stride]) |
                    (values[zone] > zones.greatest[zone * zones.stride]);
    }
    if (is_wider == 0) {
        return false;
    }
    for (size_t zone = 0; zone < ZONE_COUNT; zone++) {
        int32_t *least = &zones.least[zone * zones.stride];
        int32_t *greatest = &zones.greatest[zone * zones.stride];
        *least = values[zone] < *least ? values[zone] : *least;
        *greatest = values[zone] > *greatest ? values[zone] : *greatest;
    }
    *zones.features_any |= features;
    *zones.features_all &= features;
    return true;
}

void
zones_join(struct zone_view zones, struct zone_view other)
{
    for (size_t zone = 0; zone < ZONE_COUNT; zone++) {
        const size_t at = zone * zones.stride;
        const int32_t least = other.least[zone * other.stride];
        const int32_t greatest = other.greatest[zone * other.stride];
        zones.least[at] = least < zones.least[at] ? least : zones.least[at];
        zones.greatest[at] = greatest > zones.greatest[at] ? greatest : zones.greatest[at];
    }
    *zones.features_any |= *other.features_any;
    *zones.features_all &= *other.features_all;
}
