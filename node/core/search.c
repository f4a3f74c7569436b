#include "node/core/search.h"

#include <string.h>

#include "node/core/gossip.h"
#include "node/core/quote.h"
#include "node/core/reputation.h"
#include "node/core/say.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"

enum { SEARCH_LIMIT_DEFAULT = 16, SEARCH_LIMIT_MAX = 256 };

void
search_say_offer(struct core *core, struct client client, const struct shown_offer *shown)
{
    const struct found *found = shown->found;
    const struct request *request = shown->request;
    const struct offer_view view = {
        .rank = shown->rank,
        .pick = shown->pick,
        .listing = found->listing,
        .host = found->host,
        .host_label = gossip_label_of(core, &found->host),
        .model = found->body.gpu_name,
        .slots = request->count,
        .vram_mib = found->body.vram_mib,
        .ask_uusd_per_hour = found->ask_uusd_per_hour,
        .unit_uusd_per_hour = quote_amount(
            price_per_unit((int64_t)found->offer.ask_uusd_per_hour, found->offer.unit)),
        .total_uusd = found->total_uusd,
        .duration_s = request->duration_s,
        .region = found->body.region,
        .reliability_bp = found->offer.reliability_bp,
        .notice_s = found->body.notice_s,
    };
    say_row(core, client, ROW_OFFER, &view);
}

void
search_explain(struct core *core, struct client client, const struct request *request)
{
    struct reject_report report;
    const struct filter filter = filter_compile(request, (uint64_t)core->now.wall.ms / 1000);
    match_explain(core->book, &filter, &report);
    for (unsigned i = 0; i < CLAUSE_COUNT; i++) {
        const struct reject *reject = &report.clauses[i];
        char text[128];
        struct buffer nearest;
        buffer_init(&nearest, text, sizeof text);
        if (reject->rejected == 0) {
            continue;
        }
        match_print_nearest(&nearest, (enum clause)i, reject);
        char clause[128];
        struct buffer words;
        buffer_init(&words, clause, sizeof clause);
        buffer_append_format(&words, "%s: %s", clause_name((enum clause)i),
                             clause_sentence((enum clause)i));
        const struct reject_view view = {
            .clause = buffer_bytes(&words),
            .rejected = reject->rejected,
            .only_this = reject->only_this,
            .nearest = nearest.overflowed ? bytes_of(NULL, 0) : buffer_bytes(&nearest),
        };
        say_row(core, client, ROW_REJECT, &view);
    }
    if (report.rows == 0) {
        say_note(core, client, NOTE_TALK,
                 "this node knows no listing at all; `gpulet peers` shows whom it is connected to");
    }
}

void
search_question(struct core *core, struct client client, const struct control_search *ask)
{
    struct request request;
    const char *why = "";
    if (codec_decode(&request_schema, ask->request, &request) != STATUS_OK ||
        request_check(&request, &why) != STATUS_OK) {
        say_done(core, client, STATUS_BAD_INPUT, "the request cannot be read: %s", why);
        return;
    }
    if (ask->quote) {
        quote_answer(core, client, &request);
        say_done(core, client, STATUS_OK, "%s", "");
        return;
    }
    struct offer offers[SEARCH_LIMIT_MAX];
    const struct filter filter = filter_compile(&request, (uint64_t)core->now.wall.ms / 1000);
    const size_t limit = ask->limit == 0                 ? SEARCH_LIMIT_DEFAULT
                         : ask->limit < SEARCH_LIMIT_MAX ? ask->limit
                                                         : SEARCH_LIMIT_MAX;
    const uint64_t seed = core->rent_serial + 1; /* of the next rent: it would take the same one */
    const size_t count = match_top(core->book, &filter, seed, limit, offers);
    const size_t pick = count > 0 ? match_pick(offers, count, seed) : 0;
    uint16_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        struct found found;
        if (find_resolve(core, &offers[i], &request, &found)) {
            rank++;
            const struct shown_offer shown = {&found, &request, rank, i == pick};
            search_say_offer(core, client, &shown);
        }
    }
    if (ask->explain || rank == 0) {
        search_explain(core, client, &request);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static bool
entry_listing(struct core *core, const struct shelf_entry *entry, struct listing *ret_listing)
{
    return shelf_is_live(entry, core->now.wall) && find_listing(core, entry, ret_listing);
}

void
search_say_listing(struct core *core, struct client client, const struct shelf_entry *entry,
                   const struct listing *listing)
{
    struct listing_view view = {
        .listing = entry->id,
        .host = entry->author,
        .host_label = gossip_label_of(core, &entry->author),
        .model = listing->gpu_name,
        .gpu_class = listing->gpu_class,
        .slot_group = listing->slot_group,
        .slots_total = listing->slots_total,
        .vram_mib = listing->vram_mib,
        .ask_uusd_per_hour = listing->ask_uusd_per_hour,
        .interruptible_ask_uusd_per_hour = listing->interruptible_ask_uusd_per_hour,
        .region = listing->region,
        .up_mbit_s = listing->up_mbit_s,
        .down_mbit_s = listing->down_mbit_s,
        .lease_min_s = listing->lease_min_s,
        .lease_max_s = listing->lease_max_s,
        .notice_s = listing->notice_s,
        .minimum_run_s = listing->minimum_run_s,
        .reclaims_per_day = listing->reclaims_per_day,
        .isolation = listing->isolation,
        .works = listing->works,
        .flags = listing->flags,
        .reliability_bp = reputation_of(core, &entry->author),
        .issued_at_s = entry->issued_at_s,
        .expires_at_s = entry->expires_at_s,
        .own = peer_id_equal(&entry->author, &core->options.keypair.identity),
    };
    memcpy(view.week_hours, listing->week_hours, WEEK_HOURS_BYTES);
    say_row(core, client, ROW_LISTING, &view);
}

void
search_listings(struct core *core, struct client client, const struct control_listings *ask)
{
    enum { SHOWN_MAX = 512 };
    size_t shown = 0;
    for (size_t i = 0; i < core->shelf.used; i++) {
        const struct shelf_entry *entry = &core->shelf.entries[i];
        struct listing listing;
        if (!entry_listing(core, entry, &listing)) {
            continue;
        }
        const bool own = peer_id_equal(&entry->author, &core->options.keypair.identity);
        if (ask->mine && !own) {
            continue;
        }
        if (shown == SHOWN_MAX) {
            say_note(core, client, NOTE_WARNING,
                     "there are more than %d listings; `gpulet search` finds the best ones",
                     (int)SHOWN_MAX);
            break;
        }
        search_say_listing(core, client, entry, &listing);
        shown++;
    }
    say_done(core, client, STATUS_OK, "%s", "");
}
