#include "node/core/search.h"

#include <string.h>

#include "node/core/gossip.h"
#include "node/core/say.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"

enum { SEARCH_LIMIT_DEFAULT = 16, SEARCH_LIMIT_MAX = 256, QUOTE_OFFERS_MAX = 256 };

static struct amount
amount_or_zero(uint64_t micro)
{
    struct amount amount = amount_zero();
    return micro <= (uint64_t)AMOUNT_MICRO_MAX &&
                   amount_of_micro((int64_t)micro, &amount) == STATUS_OK
               ? amount
               : amount_zero();
}

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
        .unit_uusd_per_hour = amount_or_zero(
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

/* How the price grows with the number of GPUs: one row for each step of the ask. */
static void
say_quote(struct core *core, struct client client, const struct request *request)
{
    struct offer offers[QUOTE_OFFERS_MAX];
    const uint32_t wanted = (uint32_t)request->count * (request->hosts > 0 ? request->hosts : 1);
    struct request single = *request;
    single.count = 1;
    single.hosts = 1;
    const struct filter filter = filter_compile(&single, (uint64_t)core->now.wall.ms / 1000);
    const size_t count =
        match_top(core->book, &filter, core->rent_serial, QUOTE_OFFERS_MAX, offers);
    struct quote_view view = {.gpus = 0};
    uint64_t total = 0;
    for (size_t i = 0; i < count && view.gpus < wanted; i++) {
        struct found found;
        if (!find_resolve(core, &offers[i], &single, &found)) {
            continue;
        }
        const uint32_t left = wanted - view.gpus;
        const uint32_t slots = found.body.slots_total < left ? found.body.slots_total : left;
        view.gpus += slots;
        view.hosts++;
        total += (uint64_t)offers[i].ask_uusd_per_hour * slots;
        view.last_ask_uusd_per_hour = found.ask_uusd_per_hour;
        view.total_uusd_per_hour = amount_or_zero(total);
        say_row(core, client, ROW_QUOTE, &view);
    }
    if (view.gpus < wanted) {
        say_note(core, client, NOTE_TALK, "only %u of %u GPUs are offered just now", view.gpus,
                 wanted);
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
        say_quote(core, client, &request);
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
        .reliability_bp = RELIABILITY_UNKNOWN_BP,
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

/* Asks of one class, in order. */
struct class_asks {
    size_t count;
    uint32_t slots;
    uint64_t *asks; /* room for every record of the shelf */
};

static void
note_ask(struct class_asks *asks, uint64_t ask, uint16_t slots)
{
    size_t low = 0;
    size_t high = asks->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (asks->asks[middle] > ask) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    memmove(&asks->asks[low + 1], &asks->asks[low], (asks->count - low) * sizeof asks->asks[0]);
    asks->asks[low] = ask;
    asks->count++;
    asks->slots += slots;
}

/* `classes` has the class of each entry of the shelf, or 0. */
static void
say_class(struct core *core, struct client client, const struct gpu_class *class,
          const uint8_t *classes)
{
    const size_t used = core->effects->arena_used;
    struct class_asks asks = {
        .asks = effects_take(core->effects, core->shelf.used * sizeof asks.asks[0])};
    for (size_t i = 0; i < core->shelf.used; i++) {
        struct listing listing;
        if (classes[i] == class->number && entry_listing(core, &core->shelf.entries[i], &listing)) {
            note_ask(&asks, (uint64_t)amount_micro(listing.ask_uusd_per_hour), listing.slots_total);
        }
    }
    const size_t count = asks.count;
    if (count > 0) {
        const struct market_view view = {
            .gpu_class = class->number,
            .model = bytes_of_text(class->title),
            .listings = (uint32_t)asks.count,
            .slots = asks.slots,
            .ask_min_uusd_per_hour = amount_or_zero(asks.asks[0]),
            .ask_median_uusd_per_hour = amount_or_zero(asks.asks[(asks.count - 1) / 2]),
            .ask_max_uusd_per_hour = amount_or_zero(asks.asks[asks.count - 1]),
        };
        core->effects->arena_used = used; /* the view has copies */
        say_row(core, client, ROW_MARKET, &view);
    }
}

void
search_market(struct core *core, struct client client, const struct control_market *ask)
{
    uint8_t wanted[CLASS_SET_BYTES];
    uint8_t present[CLASS_SET_BYTES] = {0};
    memset(wanted, ask->gpu_class.length == 0 ? 0xFF : 0, sizeof wanted);
    if (ask->gpu_class.length > 0 && gpu_class_find_family(ask->gpu_class, wanted) != STATUS_OK) {
        const char *nearest = gpu_class_nearest(ask->gpu_class);
        say_done(core, client, STATUS_NOT_FOUND, "no such GPU class%s%s%s",
                 nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
                 nearest == NULL ? "" : "?");
        return;
    }
    uint8_t *classes = effects_take(core->effects, core->shelf.used * sizeof *classes);
    for (size_t i = 0; i < core->shelf.used; i++) {
        struct listing listing;
        classes[i] = 0;
        if (entry_listing(core, &core->shelf.entries[i], &listing)) {
            classes[i] = (uint8_t)listing.gpu_class; /* a set of them has 256 bits */
            gpu_class_set_add(present, listing.gpu_class);
        }
    }
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *class = gpu_class_at(i);
        if (gpu_class_set_has(wanted, class->number) && gpu_class_set_has(present, class->number)) {
            say_class(core, client, class, classes);
        }
    }
    say_done(core, client, STATUS_OK, "%s", "");
}
