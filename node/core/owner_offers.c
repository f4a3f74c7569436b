#include <string.h>

#include "node/core/ask.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "node/core/search.h"
#include "node/core/share.h"
#include "protocol/codec.h"

enum { NOTICE_DEFAULT_S = 10, LEASE_MIN_DEFAULT_S = 600, LEASE_MAX_DEFAULT_S = 43200 };
enum { RECLAIMS_DEFAULT = 3, ALL_WORKS = (1 << WORK_COUNT) - 1 };

static void
store_offer(struct core *core, const struct offer_state *offer)
{
    const struct row_key key = row_key_of_number(offer->row.slot_group);
    say_store(core, TABLE_LISTINGS, &key, &offer_row_schema, &offer->row);
}

/* What the person said over what stood before over the defaults. */
static void
merge(const struct core *core, struct offer_row *row, const struct control_host *ask, bool is_new)
{
    const bool test = core->options.is_test_network;
    if (is_new) {
        row->lease_min_s = test ? 1 : LEASE_MIN_DEFAULT_S;
        row->lease_max_s = LEASE_MAX_DEFAULT_S;
        row->notice_s = test ? 0 : NOTICE_DEFAULT_S;
        row->reclaims_per_day = RECLAIMS_DEFAULT;
        row->works = ALL_WORKS;
        row->ask_is_auto = true;
        memset(row->week_hours, 0xFF, WEEK_HOURS_BYTES);
    }
    if (ask->ask_is_auto || !amount_is_zero(ask->ask_uusd_per_hour)) {
        row->ask_is_auto = ask->ask_is_auto;
        row->ask_uusd_per_hour = ask->ask_uusd_per_hour;
    }
    if (!amount_is_zero(ask->interruptible_ask_uusd_per_hour)) {
        row->interruptible_ask_uusd_per_hour = ask->interruptible_ask_uusd_per_hour;
    }
    row->lease_min_s = ask->lease_min_s != 0 ? ask->lease_min_s : row->lease_min_s;
    row->lease_max_s = ask->lease_max_s != 0 ? ask->lease_max_s : row->lease_max_s;
    row->notice_s = ask->notice_given ? ask->notice_s : row->notice_s;
    row->minimum_run_s = ask->minimum_run_s != 0 ? ask->minimum_run_s : row->minimum_run_s;
    row->reclaims_per_day =
        ask->reclaims_per_day != 0 ? ask->reclaims_per_day : row->reclaims_per_day;
    row->reclaim_owed_intervals = ask->reclaim_owed_intervals != 0 ? ask->reclaim_owed_intervals
                                                                   : row->reclaim_owed_intervals;
    if (ask->week_hours_given) {
        memcpy(row->week_hours, ask->week_hours, WEEK_HOURS_BYTES);
    }
    row->works = ask->works != 0 ? ask->works : row->works;
    row->reliability_min_bp =
        ask->reliability_min_bp != 0 ? ask->reliability_min_bp : row->reliability_min_bp;
    row->valid_until_s = ask->valid_until_s != 0 ? ask->valid_until_s : row->valid_until_s;
    row->paused = false;
}

static uint64_t
group_mask(const struct core *core, uint16_t slot_group)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < core->gpu_count; i++) {
        if (core->gpus[i].slot_group == slot_group) {
            mask |= UINT64_C(1) << core->gpus[i].number;
        }
    }
    return mask;
}

static uint64_t
all_gpus(const struct core *core)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < core->gpu_count; i++) {
        mask |= UINT64_C(1) << core->gpus[i].number;
    }
    return mask;
}

/* The sentence why an offer cannot be made, or NULL. */
static const char *
host_refusal(const struct core *core, const struct control_host *ask)
{
    if (core->gpu_count == 0) {
        return "this machine has no card that gpulet can let; on a test network start gpuletd with "
               "--simulate rtx4090 (see `gpulet gpus` and `gpulet doctor`)";
    }
    if ((ask->gpu_mask & ~all_gpus(core)) != 0) {
        return "there is no card of that number; `gpulet gpus` lists them";
    }
    if (ask->lease_max_s != 0 && ask->lease_min_s > ask->lease_max_s) {
        return "the shortest lease is longer than the longest; lower --min or raise --max";
    }
    if (amount_compare(ask->interruptible_ask_uusd_per_hour, ask->ask_uusd_per_hour) > 0 &&
        !amount_is_zero(ask->ask_uusd_per_hour)) {
        return "the interruptible ask is over the ask; nobody would take it";
    }
    if (core->space != DISK_NORMAL) {
        return "the disk is full; free some space first";
    }
    return NULL;
}

/* The listing that an offer makes, as it stands in the book, or as it would. */
static void
say_offer(struct core *core, struct client client, const struct offer_state *offer)
{
    const struct gpu *gpu = listing_card(core, offer->row.slot_group);
    struct shelf_entry entry = {.author = core->options.keypair.identity};
    const struct listing listing = listing_of_offer(core, &offer->row, gpu);
    if (offer->published) {
        entry.id = offer->listing;
        entry.issued_at_s = (uint64_t)core->now.wall.ms / 1000;
        entry.expires_at_s = entry.issued_at_s + LISTING_TTL_S;
    }
    search_say_listing(core, client, &entry, &listing);
}

/* The offer of a group as it would be with what the person says. */
static struct offer_row
merged_offer(struct core *core, uint16_t group, const struct control_host *ask, uint64_t wanted)
{
    const struct offer_state *before = listing_offer(core, group);
    struct offer_row row = {.slot_group = group};
    if (before != NULL) {
        row = before->row;
    }
    merge(core, &row, ask, before == NULL);
    row.gpu_mask |= group_mask(core, group) & wanted;
    return row;
}

/* Takes over one group's offer; false when there is no place for it. */
static bool
take_offer(struct core *core, struct client client, const struct offer_row *row)
{
    struct offer_state *offer = listing_offer_for(core, row->slot_group);
    if (offer == NULL) {
        return false;
    }
    offer->row = *row;
    offer->dirty = true;
    store_offer(core, offer);
    listing_tick(core);
    say_offer(core, client, offer);
    const int64_t wait_ms = share_own_wait(core, offer->row.slot_group).ms;
    if (offer->dirty && wait_ms > 0) {
        say_note(core, client, NOTE_TALK,
                 "this offer has changed often: others hear of the last change in %lld s",
                 (long long)(wait_ms + 999) / 1000);
    }
    return true;
}

/* The first card of its group among those wanted: each group is offered once. */
static bool
begins_group(const struct core *core, size_t at, uint64_t wanted)
{
    const struct gpu *gpu = &core->gpus[at];
    const uint64_t cards = group_mask(core, gpu->slot_group) & wanted;
    return cards != 0 && (cards & -cards) == UINT64_C(1) << gpu->number;
}

/* The sentence why no listing can say what is wanted, or NULL. */
static const char *
offer_refusal(struct core *core, const struct offer_row *row)
{
    const struct gpu *gpu = listing_card(core, row->slot_group);
    if (row->lease_min_s > row->lease_max_s) {
        return "the shortest lease would be longer than the longest; give --min and --max";
    }
    if (gpu == NULL) {
        return "there is no such card";
    }
    if (row->valid_until_s != 0 && row->valid_until_s <= (uint64_t)core->now.wall.ms / 1000) {
        return "the offer would be over already";
    }
    struct listing listing = listing_of_offer(core, row, gpu);
    listing.slots_total = 1; /* cards that are held back just now count, too */
    if (codec_check(&listing_schema, &listing) != STATUS_OK) {
        return "a figure is out of range: a lease is at most a year, a notice at most a day, and "
               "at most 1440 intervals are owed";
    }
    const char *why = NULL;
    return listing_check(&listing, &why) == STATUS_OK ? NULL : why;
}

void
listing_host(struct core *core, struct client client, const struct control_host *ask)
{
    const char *why = host_refusal(core, ask);
    if (why != NULL) {
        say_done(core, client, STATUS_REFUSED, "%s", why);
        return;
    }
    const uint64_t wanted = ask->gpu_mask == 0 ? all_gpus(core) : ask->gpu_mask;
    for (size_t i = 0; i < core->gpu_count; i++) {
        if (!begins_group(core, i, wanted)) {
            continue;
        }
        const struct offer_row row = merged_offer(core, core->gpus[i].slot_group, ask, wanted);
        why = offer_refusal(core, &row);
        if (why != NULL) {
            say_done(core, client, STATUS_REFUSED, "%s", why);
            return;
        }
        if (row.ask_is_auto) {
            ask_explain(core, client, core->gpus[i].gpu_class);
        }
        if (ask->dry_run) {
            const struct offer_state offer = {.row = row};
            say_offer(core, client, &offer);
        }
    }
    if (!ask->dry_run) {
        listing_set_paused(core, core->pause_mask & ~wanted);
    }
    for (size_t i = 0; i < core->gpu_count && !ask->dry_run; i++) {
        if (!begins_group(core, i, wanted)) {
            continue;
        }
        const struct offer_row row = merged_offer(core, core->gpus[i].slot_group, ask, wanted);
        if (!take_offer(core, client, &row)) {
            say_done(core, client, STATUS_LIMIT, "too many different kinds of cards");
            return;
        }
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

void
listing_unhost(struct core *core, struct client client, const struct control_cards *cards)
{
    const uint64_t wanted = cards->gpu_mask == 0 ? UINT64_MAX : cards->gpu_mask;
    bool any = false;
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        struct offer_state *offer = &core->offers[i];
        if (!offer->used || (offer->row.gpu_mask & wanted) == 0) {
            continue;
        }
        any = true;
        if (cards->dry_run) {
            continue;
        }
        offer->row.gpu_mask &= ~wanted;
        offer->dirty = true;
        listing_tick(core);
        if (offer->row.gpu_mask == 0) {
            if (offer->published) {
                listing_withdraw(core, offer); /* before the cards are known, too */
            }
            const struct row_key key = row_key_of_number(offer->row.slot_group);
            say_delete(core, TABLE_LISTINGS, &key);
            offer->used = false;
        } else {
            store_offer(core, offer);
        }
    }
    if (!any) {
        say_done(core, client, STATUS_NOT_FOUND, "none of these cards is offered");
        return;
    }
    say_done(core, client, STATUS_OK, "%s", "");
}
