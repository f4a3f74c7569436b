#include "node/market/market_row.h"

#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/limits.h"

struct host_key
host_key_of(const struct peer_id *host)
{
    struct host_key key;
    memcpy(key.bytes, host->bytes, sizeof key.bytes);
    return key;
}

int
host_key_compare(const struct host_key *a, const struct host_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static uint32_t
features_of(const struct listing *listing)
{
    const uint32_t isolations = (UINT32_C(2) << listing->isolation) - 1;
    return UINT32_C(1) << (FEATURE_REGION_SHIFT + listing->region) |
           (listing->flags & 0xffu) << FEATURE_FLAG_SHIFT |
           (listing->works & 0xfu) << FEATURE_WORK_SHIFT | isolations << FEATURE_ISOLATION_SHIFT;
}

static struct terms
terms_of(const struct listing *listing)
{
    /* Terms are compared and hashed as bytes: they have no padding. */
    _Static_assert(sizeof(struct terms) == 2 + 2 + 3 * 4 + 8 + 4 * 4 + 2 + 1 + 21 + 2 * 8, "");
    struct terms terms;
    terms.capability = listing->capability;
    terms.cuda = listing->cuda;
    terms.nvlink_mb_s = listing->nvlink_mb_s;
    terms.pcie_mb_s = listing->pcie_mb_s;
    terms.fabric_mbit_s = listing->fabric_mbit_s;
    terms.fabric = listing->fabric;
    terms.lease_min_s = listing->lease_min_s;
    terms.lease_max_s = listing->lease_max_s;
    terms.notice_s = listing->notice_s;
    terms.minimum_run_s = listing->minimum_run_s;
    terms.reclaims_per_day = listing->reclaims_per_day;
    terms.image_policy = listing->image_policy;
    memcpy(terms.week_hours, listing->week_hours, sizeof terms.week_hours);
    terms.valid_from_s = listing->valid_from_s;
    terms.valid_until_s = listing->valid_until_s;
    return terms;
}

static bool
fits_the_book(const struct listing *listing)
{
    return amount_micro(listing->ask_uusd_per_hour) >= 0 &&
           amount_micro(listing->ask_uusd_per_hour) <= MARKET_ASK_MAX &&
           amount_micro(listing->interruptible_ask_uusd_per_hour) >= 0 &&
           amount_micro(listing->interruptible_ask_uusd_per_hour) <= MARKET_ASK_MAX &&
           listing->slot_group < SLOT_GROUPS_MAX && listing->slots_total >= 1 &&
           listing->slots_total <= SLOTS_PER_GROUP_MAX &&
           listing->gpu_class <= GPU_CLASS_NUMBER_MAX && listing->region < REGION_COUNT &&
           listing->isolation < ISOLATION_COUNT && listing->vram_mib <= INT32_MAX &&
           listing->fp16_gflops <= INT32_MAX && listing->bandwidth_mb_s <= INT32_MAX &&
           listing->up_mbit_s <= INT32_MAX && listing->down_mbit_s <= INT32_MAX &&
           listing->ram_mib <= INT32_MAX && listing->disk_mib <= INT32_MAX;
}

enum status
market_row_make(const struct listing *listing, const struct listing_facts *facts,
                struct market_row *ret_row)
{
    const struct gpu_class *gpu_class = gpu_class_by_number(listing->gpu_class);
    if (!fits_the_book(listing)) {
        return STATUS_OUT_OF_RANGE;
    }
    *ret_row = (struct market_row){
        .host = host_key_of(facts->host),
        .slot_group = (uint8_t)listing->slot_group,
        .slots_total = (uint8_t)listing->slots_total,
        .gpu_class = gpu_class == NULL ? 0 : gpu_class->number,
        .reliability_bp = facts->reliability_bp > 10000 ? 10000 : facts->reliability_bp,
        .cpu_threads = listing->cpu_threads,
        .expires_s = facts->expires_s > UINT32_MAX ? UINT32_MAX : (uint32_t)facts->expires_s,
        .ask_uusd_per_hour = (uint32_t)amount_micro(listing->ask_uusd_per_hour),
        .interruptible_ask_uusd_per_hour =
            (uint32_t)amount_micro(listing->interruptible_ask_uusd_per_hour),
        .vram_mib = listing->vram_mib,
        .fp16_gflops =
            gpu_class_capped(listing->fp16_gflops, gpu_class == NULL ? 0 : gpu_class->fp16_gflops),
        .bandwidth_mb_s = gpu_class_capped(listing->bandwidth_mb_s,
                                           gpu_class == NULL ? 0 : gpu_class->bandwidth_mb_s),
        .up_mbit_s = listing->up_mbit_s,
        .down_mbit_s = listing->down_mbit_s,
        .ram_mib = listing->ram_mib,
        .disk_mib = listing->disk_mib,
        .features = features_of(listing),
        .terms = terms_of(listing),
    };
    return STATUS_OK;
}
