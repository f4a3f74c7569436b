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

static inline bool
widen(struct zone_view zones, enum zone zone, uint32_t value)
{
    const int32_t number = clamped(value);
    const size_t at = zone * zones.stride;
    const bool is_wider = number < zones.least[at] || number > zones.greatest[at];
    if (is_wider) {
        zones.least[at] = number < zones.least[at] ? number : zones.least[at];
        zones.greatest[at] = number > zones.greatest[at] ? number : zones.greatest[at];
    }
    return is_wider;
}

bool
zones_widen(struct zone_view zones, const struct market_row *row)
{
    const uint32_t values[ZONE_COUNT] = {
        [ZONE_ASK] = row->ask_uusd_per_hour,
        [ZONE_INTERRUPTIBLE] = row->interruptible_ask_uusd_per_hour,
        [ZONE_VRAM] = row->vram_mib,
        [ZONE_FP16] = row->fp16_gflops,
        [ZONE_BANDWIDTH] = row->bandwidth_mb_s,
        [ZONE_UP] = row->up_mbit_s,
        [ZONE_DOWN] = row->down_mbit_s,
        [ZONE_RAM] = row->ram_mib,
        [ZONE_DISK] = row->disk_mib,
        [ZONE_RELIABILITY] = row->reliability_bp,
        [ZONE_CPU] = row->cpu_threads,
        [ZONE_SLOTS] = row->slots_total,
        [ZONE_FREE] = (uint32_t)(row->slots_total - row->slots_held),
        [ZONE_CUDA] = row->terms.cuda,
        [ZONE_NVLINK] = row->terms.nvlink_mb_s,
        [ZONE_PCIE] = row->terms.pcie_mb_s,
        [ZONE_LEASE_MAX] = row->terms.lease_max_s,
        [ZONE_LEASE_MIN] = row->terms.lease_min_s,
        [ZONE_NOTICE] = row->terms.notice_s,
        [ZONE_MINIMUM_RUN] = row->terms.minimum_run_s,
        [ZONE_RECLAIMS] = row->terms.reclaims_per_day,
    };
    const int32_t features = (int32_t)row->features;
    bool is_wider =
        (features & ~*zones.features_any) != 0 || (*zones.features_all & ~features) != 0;
    for (int zone = 0; zone < ZONE_COUNT; zone++) {
        /* An ask of 0 is none: it says nothing about how cheap the others are. */
        if (values[zone] != 0 || zone > ZONE_INTERRUPTIBLE) {
            is_wider |= widen(zones, (enum zone)zone, values[zone]);
        }
    }
    *zones.features_any |= features;
    *zones.features_all &= features;
    return is_wider;
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
