#include "node/core/listing.h"

#include <assert.h>
#include <string.h>

#include "node/core/ask.h"
#include "node/core/gossip.h"
#include "node/core/say.h"
#include "node/core/search.h"
#include "node/core/share.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/week_hours.h"

struct offer_state *
listing_offer(struct core *core, uint16_t slot_group)
{
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        if (core->offers[i].used && core->offers[i].row.slot_group == slot_group) {
            return &core->offers[i];
        }
    }
    return NULL;
}

struct offer_state *
listing_offer_by_id(struct core *core, const struct record_id *id)
{
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        struct offer_state *offer = &core->offers[i];
        if (offer->used && offer->published && record_id_equal(&offer->listing, id)) {
            return offer;
        }
    }
    return NULL;
}

struct offer_state *
listing_offer_for(struct core *core, uint16_t slot_group)
{
    struct offer_state *offer = listing_offer(core, slot_group);
    for (size_t i = 0; i < SLOT_GROUPS_MAX && offer == NULL; i++) {
        if (!core->offers[i].used) {
            offer = &core->offers[i];
            memset(offer, 0, sizeof *offer);
            offer->used = true;
            offer->row.slot_group = slot_group;
        }
    }
    return offer;
}

/* A slot has the number of its card: a card that comes or goes moves no other lease's slot to another card. */
uint64_t
listing_slots_offered(const struct core *core, const struct offer_row *offer)
{
    uint64_t slots = 0;
    for (size_t i = 0; i < core->gpu_count; i++) {
        const struct gpu *gpu = &core->gpus[i];
        const uint64_t bit = UINT64_C(1) << gpu->number;
        const bool held_back = ((core->owner_mask | core->pause_mask) & bit) != 0;
        if (gpu->slot_group == offer->slot_group && (offer->gpu_mask & bit) != 0 && !held_back) {
            slots |= bit;
        }
    }
    return slots;
}

uint64_t
listing_gpu_mask(const struct core *core, uint16_t slot_group, uint64_t slot_mask)
{
    uint64_t gpus = 0;
    for (size_t i = 0; i < core->gpu_count; i++) {
        if (core->gpus[i].slot_group == slot_group) {
            gpus |= UINT64_C(1) << core->gpus[i].number;
        }
    }
    return gpus & slot_mask;
}

bool
listing_is_open(const struct core *core, const struct offer_state *offer)
{
    const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
    const bool ended = offer->row.valid_until_s != 0 && now_s >= offer->row.valid_until_s;
    return !core->paused && !offer->row.paused && !ended &&
           listing_slots_offered(core, &offer->row) != 0 &&
           week_hours_has(offer->row.week_hours, week_hours_of(now_s));
}

struct amount
listing_price(const struct listing *listing, bool interruptible)
{
    return interruptible ? listing->interruptible_ask_uusd_per_hour : listing->ask_uusd_per_hour;
}

void
listing_set_paused(struct core *core, uint64_t gpu_mask)
{
    const struct row_key key = row_key_of_number(SETTING_PAUSE_MASK);
    const struct setting_row row = {.value = gpu_mask};
    if (gpu_mask != core->pause_mask) {
        core->pause_mask = gpu_mask;
        say_store(core, TABLE_SETTINGS, &key, &setting_row_schema, &row);
    }
}

const struct gpu *
listing_card(const struct core *core, uint16_t slot_group)
{
    for (size_t i = 0; i < core->gpu_count; i++) {
        if (core->gpus[i].slot_group == slot_group) {
            return &core->gpus[i];
        }
    }
    return NULL;
}

static uint16_t
bit_count(uint64_t mask)
{
    return (uint16_t)__builtin_popcountll(mask);
}

static void
fill_from_card(struct core *core, const struct gpu *gpu, struct listing *listing)
{
    const struct gpu_class *class = gpu_class_by_number(gpu->gpu_class);
    const uint32_t gpus = core->gpu_count > 0 ? (uint32_t)core->gpu_count : 1;
    listing->gpu_class = gpu->gpu_class;
    memcpy(listing->class_table, core->class_table, sizeof listing->class_table);
    listing->gpu_name = say_cut(bytes_of_text(gpu->model), sizeof gpu->model);
    listing->vram_mib = gpu->vram_mib;
    listing->fp16_gflops = gpu->fp16_gflops;
    listing->bandwidth_mb_s = gpu->bandwidth_mb_s;
    listing->driver = say_cut(bytes_of_text(gpu->driver), sizeof gpu->driver);
    listing->cuda = gpu->cuda;
    listing->capability = gpu->capability;
    listing->pcie_mb_s = gpu->pcie_mb_s;
    listing->nvlink_mb_s = gpu->nvlink_mb_s;
    listing->cpu_threads = (uint16_t)(core->options.cpu_threads / gpus);
    listing->ram_mib = core->options.ram_mib / gpus;
    listing->disk_mib = core->options.disk_mib / gpus;
    if (class != NULL) {
        listing->flags |= (class->flags & GPU_ECC) != 0 ? LISTING_ECC : 0u;
        listing->flags |= (class->flags & GPU_FP8) != 0 ? LISTING_FP8 : 0u;
        listing->flags |= (class->flags & GPU_BF16) != 0 ? LISTING_BF16 : 0u;
    }
    listing->flags |= gpu->simulated ? LISTING_SIMULATED : 0u;
}

struct listing
listing_of_offer(struct core *core, const struct offer_row *row, const struct gpu *gpu)
{
    const bool test = core->options.is_test_network;
    struct listing listing = {
        .slot_group = row->slot_group,
        .slots_total = bit_count(listing_slots_offered(core, row)),
        .up_mbit_s = core->options.up_mbit_s,
        .down_mbit_s = core->options.down_mbit_s,
        .region = core->options.region,
        .ask_uusd_per_hour =
            row->ask_is_auto ? ask_suggested(core, gpu->gpu_class) : row->ask_uusd_per_hour,
        .interruptible_ask_uusd_per_hour = row->interruptible_ask_uusd_per_hour,
        .lease_min_s = row->lease_min_s,
        .lease_max_s = row->lease_max_s,
        .notice_s = row->notice_s,
        .minimum_run_s = row->minimum_run_s,
        .reclaims_per_day = row->reclaims_per_day,
        .reclaim_owed_intervals = row->reclaim_owed_intervals,
        .interval_s = test ? TEST_INTERVAL_S : INTERVAL_S,
        .meter_s = test ? TEST_METER_S : METER_S,
        .valid_until_s = row->valid_until_s,
        .works = row->works,
        .reliability_min_bp = row->reliability_min_bp,
        .image_policy = row->image_policy,
        .isolation = ISOLATION_PROCESS,
        .flags = core->options.limits_lack ? LISTING_LIMITS_LACK : 0u,
    };
    memcpy(listing.week_hours, row->week_hours, WEEK_HOURS_BYTES);
    fill_from_card(core, gpu, &listing);
    return listing;
}

void
listing_withdraw(struct core *core, struct offer_state *offer)
{
    const uint64_t seq = say_next_seq(core, RECORD_LISTING, offer->row.slot_group);
    /* After a clock was far ahead, the next seq is lower than the listing's. */
    const struct withdrawal withdrawal = {
        .victim_kind = RECORD_LISTING,
        .victim_detail = offer->row.slot_group,
        .victim_seq = offer->listing_seq < seq ? offer->listing_seq : seq - 1};
    const struct seal_order order = {.kind = RECORD_WITHDRAWAL,
                                     .detail = offer->row.slot_group,
                                     .ttl_s = LISTING_TTL_S,
                                     .seq = seq};
    const struct verified_record record = say_seal(core, order, &withdrawal);
    gossip_publish(core, &record);
    offer->published = false;
    offer->dirty = false;
}

static void
publish(struct core *core, struct offer_state *offer)
{
    const struct gpu *gpu = listing_card(core, offer->row.slot_group);
    if (gpu == NULL) {
        return;
    }
    const struct listing listing = listing_of_offer(core, &offer->row, gpu);
    const char *why = "a figure is out of range";
    if (codec_check(&listing_schema, &listing) != STATUS_OK ||
        listing_check(&listing, &why) != STATUS_OK) {
        say_log(core, LOG_ERROR, "cards %llx cannot be listed: %s",
                (unsigned long long)offer->row.gpu_mask, why);
        offer->dirty = false;
        offer->unlistable = true;
        if (offer->published) {
            listing_withdraw(core, offer); /* what stands is not what the offer says */
        }
        return;
    }
    const struct seal_order order = {.kind = RECORD_LISTING,
                                     .detail = offer->row.slot_group,
                                     .ttl_s = LISTING_TTL_S,
                                     .seq =
                                         say_next_seq(core, RECORD_LISTING, offer->row.slot_group)};
    const struct verified_record record = say_seal(core, order, &listing);
    const struct bytes sealed = verified_bytes(&record);
    assert(sealed.length <= LISTING_BYTES_MAX);
    memcpy(offer->listing_bytes, sealed.data, sealed.length);
    offer->listing_length = (uint16_t)sealed.length;
    offer->listing = *verified_id(&record);
    offer->listing_seq = order.seq;
    struct record_view view;
    enum status status = record_parse(bytes_of(offer->listing_bytes, offer->listing_length),
                                      &core->options.network, &view);
    assert(status == STATUS_OK);
    status = codec_decode(&listing_schema, view.envelope.body, &offer->body);
    assert(status == STATUS_OK);
    offer->published = true;
    offer->unlistable = false;
    offer->dirty = false;
    offer->refresh_at = wall_add(core->now.wall, duration_of_s(LISTING_TTL_S / 2));
    gossip_publish(core, &record);
}

/* Whether the listing should stand in the book now: an offer outside its hours keeps standing, as
 * renters plan; a paused one, or one whose cards are all taken back, does not. */
static bool
should_be_published(const struct core *core, const struct offer_state *offer)
{
    const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
    const bool ended = offer->row.valid_until_s != 0 && now_s >= offer->row.valid_until_s;
    return !core->paused && !offer->row.paused && !ended &&
           listing_card(core, offer->row.slot_group) != NULL &&
           listing_slots_offered(core, &offer->row) != 0;
}

void
listing_tick(struct core *core)
{
    const int64_t clock_error_ms = links_clock_error_ms(core);
    const bool clock_is_sound = clock_error_ms < 120000 && clock_error_ms > -120000;
    for (size_t i = 0; i < SLOT_GROUPS_MAX && core->recovered && core->cards_known; i++) {
        struct offer_state *offer = &core->offers[i];
        if (!offer->used) {
            continue;
        }
        const bool wanted = should_be_published(core, offer);
        const bool stands_not = !offer->published && !offer->unlistable;
        const bool old = offer->published && !wall_is_before(core->now.wall, offer->refresh_at);
        const bool is_early = share_own_wait(core, offer->row.slot_group).ms > 0;
        if (wanted && clock_is_sound && !is_early && (stands_not || offer->dirty || old)) {
            publish(core, offer);
        } else if (!wanted && offer->published) {
            listing_withdraw(core, offer);
        }
    }
}

void
listing_exceed(struct core *core, uint16_t slot_group, uint64_t seq)
{
    struct offer_state *offer = listing_offer(core, slot_group);
    if (offer == NULL) {
        struct offer_state gone = {.row = {.slot_group = slot_group}, .listing_seq = seq};
        listing_withdraw(core, &gone);
        return;
    }
    if (!offer->published) {
        offer->published = true; /* by the older life: the next tick replaces or withdraws it */
        offer->listing_seq = seq;
        offer->listing = (struct record_id){{0}};
    }
    offer->dirty = true;
}

void
listing_refresh_all(struct core *core)
{
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        core->offers[i].dirty = true;
    }
}

void
listing_recover(struct core *core, const struct row *row)
{
    struct offer_row stored;
    if (codec_decode(&offer_row_schema, row->value, &stored) != STATUS_OK) {
        return;
    }
    struct offer_state *offer = listing_offer_for(core, stored.slot_group);
    if (offer != NULL) {
        offer->row = stored;
        /* What stood in the book before the restart is replaced or withdrawn by the first tick. */
        offer->listing_seq = say_last_seq(core, RECORD_LISTING, stored.slot_group);
        offer->published = offer->listing_seq != 0;
        offer->dirty = true;
    }
}

void
listing_gpus(struct core *core, const struct event *event)
{
    const size_t count = event->as.gpus.count < GPUS_MAX ? event->as.gpus.count : GPUS_MAX;
    core->cards_known = true;
    core->gpu_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct gpu *gpu = &event->as.gpus.list[i];
        if (gpu->simulated && !core->options.is_test_network) {
            say_log(core, LOG_ERROR, "simulated cards are for test networks only; card %u ignored",
                    gpu->number);
            continue;
        }
        core->gpus[core->gpu_count] = *gpu;
        core->gpu_count++;
    }
    listing_refresh_all(core);
}
