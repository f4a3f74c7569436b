#include "node/market/book_inside.h"

static int32_t
clamped(uint32_t value)
{
    return value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

struct zones
zones_empty(void)
{
    struct zones zones = {.features_any = 0, .features_all = UINT32_MAX};
    for (int zone = 0; zone < ZONE_COUNT; zone++) {
        zones.least[zone] = INT32_MAX;
        zones.greatest[zone] = -1;
    }
    return zones;
}

static void
widen(struct zones *zones, enum zone zone, uint32_t value)
{
    const int32_t number = clamped(value);
    if (number < zones->least[zone]) {
        zones->least[zone] = number;
    }
    if (number > zones->greatest[zone]) {
        zones->greatest[zone] = number;
    }
}

/* An ask of 0 is none: it says nothing about how cheap the others are. */
static void
widen_ask(struct zones *zones, enum zone zone, uint32_t ask)
{
    if (ask != 0) {
        widen(zones, zone, ask);
    }
}

void
zones_widen(struct zones *zones, const struct market_row *row)
{
    widen_ask(zones, ZONE_ASK, row->ask_uusd_per_hour);
    widen_ask(zones, ZONE_INTERRUPTIBLE, row->interruptible_ask_uusd_per_hour);
    widen(zones, ZONE_VRAM, row->vram_mib);
    widen(zones, ZONE_FP16, row->fp16_gflops);
    widen(zones, ZONE_BANDWIDTH, row->bandwidth_mb_s);
    widen(zones, ZONE_UP, row->up_mbit_s);
    widen(zones, ZONE_DOWN, row->down_mbit_s);
    widen(zones, ZONE_RAM, row->ram_mib);
    widen(zones, ZONE_DISK, row->disk_mib);
    widen(zones, ZONE_RELIABILITY, row->reliability_bp);
    widen(zones, ZONE_CPU, row->cpu_threads);
    widen(zones, ZONE_SLOTS, row->slots_total);
    widen(zones, ZONE_FREE, (uint32_t)(row->slots_total - row->slots_held));
    widen(zones, ZONE_CUDA, row->terms.cuda);
    widen(zones, ZONE_NVLINK, row->terms.nvlink_mb_s);
    widen(zones, ZONE_PCIE, row->terms.pcie_mb_s);
    widen(zones, ZONE_LEASE_MAX, row->terms.lease_max_s);
    widen(zones, ZONE_LEASE_MIN, row->terms.lease_min_s);
    widen(zones, ZONE_NOTICE, row->terms.notice_s);
    widen(zones, ZONE_MINIMUM_RUN, row->terms.minimum_run_s);
    widen(zones, ZONE_RECLAIMS, row->terms.reclaims_per_day);
    zones->features_any |= row->features;
    zones->features_all &= row->features;
}

void
zones_join(struct zones *zones, const struct zones *other)
{
    for (int zone = 0; zone < ZONE_COUNT; zone++) {
        if (other->least[zone] < zones->least[zone]) {
            zones->least[zone] = other->least[zone];
        }
        if (other->greatest[zone] > zones->greatest[zone]) {
            zones->greatest[zone] = other->greatest[zone];
        }
    }
    zones->features_any |= other->features_any;
    zones->features_all &= other->features_all;
}
