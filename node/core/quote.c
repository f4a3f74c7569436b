#include "node/core/quote.h"

#include <string.h>

#include "node/core/ask.h"
#include "node/core/find.h"
#include "node/core/gossip.h"
#include "node/core/occupancy.h"
#include "node/core/say.h"
#include "node/market/opening.h"
#include "protocol/gpu_class.h"

enum { QUOTE_OFFERS_MAX = 256, FREEING_MAX = 64, FREEING_SHOWN = 16 };

struct amount
quote_amount(uint64_t micro)
{
    struct amount amount = amount_zero();
    return micro <= (uint64_t)AMOUNT_MICRO_MAX &&
                   amount_of_micro((int64_t)micro, &amount) == STATUS_OK
               ? amount
               : amount_zero();
}

/* ---- The cost curve ---- */

/* Cards of an offer's host that are not known to be taken. */
static uint32_t
slots_left(const struct core *core, const struct found *found)
{
    struct market_row row;
    struct occupancy_note note;
    const uint32_t slots = found->body.slots_total;
    if (book_find(core->book, &found->host, found->body.slot_group, &row) != STATUS_OK ||
        !occupancy_of(core, &row, &note)) {
        return slots;
    }
    const uint32_t told = note.slots_total < slots ? note.slots_total : slots;
    return told > note.slots_taken ? told - note.slots_taken : 0;
}

static void
say_curve(struct core *core, struct client client, const struct request *single, uint32_t wanted)
{
    struct offer offers[QUOTE_OFFERS_MAX];
    const struct filter filter = filter_compile(single, (uint64_t)core->now.wall.ms / 1000);
    const size_t count =
        match_top(core->book, &filter, core->rent_serial, QUOTE_OFFERS_MAX, offers);
    struct quote_view view = {.gpus = 0};
    uint64_t total = 0;
    for (size_t i = 0; i < count && view.gpus < wanted; i++) {
        struct found found;
        if (!find_resolve(core, &offers[i], single, &found)) {
            continue;
        }
        const uint32_t left = wanted - view.gpus;
        const uint32_t free = slots_left(core, &found);
        const uint32_t slots = free < left ? free : left;
        if (slots == 0) {
            continue;
        }
        view.gpus += slots;
        view.hosts++;
        total += (uint64_t)offers[i].ask_uusd_per_hour * slots;
        view.last_ask_uusd_per_hour = found.ask_uusd_per_hour;
        view.total_uusd_per_hour = quote_amount(total);
        say_row(core, client, ROW_QUOTE, &view);
    }
    if (view.gpus < wanted) {
        say_note(core, client, NOTE_TALK, "only %u of %u GPUs are offered just now", view.gpus,
                 wanted);
    }
}

/* ---- When more free up ---- */

/* A listing's cards that may be had later. */
struct freeing {
    uint64_t at_s;
    uint64_t told_at_s; /* 0: from the listing itself */
    uint32_t gpus;
    uint32_t ask_uusd_per_hour;
    struct host_key host;
    uint16_t slot_group;
};

struct freeing_list {
    size_t count;
    struct freeing items[FREEING_MAX];
};

static bool
is_before(const struct freeing *a, const struct freeing *b)
{
    if (a->at_s != b->at_s) {
        return a->at_s < b->at_s;
    }
    if (a->ask_uusd_per_hour != b->ask_uusd_per_hour) {
        return a->ask_uusd_per_hour < b->ask_uusd_per_hour;
    }
    const int by_host = host_key_compare(&a->host, &b->host);
    return by_host != 0 ? by_host < 0 : a->slot_group < b->slot_group;
}

/* Sorted in; the last one gives way when there is no room. */
static void
put_freeing(struct freeing_list *list, const struct freeing *freeing)
{
    size_t at = list->count;
    if (at == FREEING_MAX) {
        if (!is_before(freeing, &list->items[at - 1])) {
            return;
        }
        at--;
    } else {
        list->count++;
    }
    while (at > 0 && is_before(freeing, &list->items[at - 1])) {
        list->items[at] = list->items[at - 1];
        at--;
    }
    list->items[at] = *freeing;
}

/* What a row will offer later that it does not offer now; false: nothing that is known. */
static bool
will_free(const struct core *core, const struct filter *filter, const struct market_row *row,
          struct freeing *ret_freeing)
{
    const clause_set closed = UINT64_C(1) << CLAUSE_AVAILABLE;
    const clause_set failing = filter_failing(filter, row);
    struct occupancy_note note;
    *ret_freeing = (struct freeing){.gpus = row->slots_total,
                                    .ask_uusd_per_hour = filter_ask(filter, row),
                                    .host = row->host,
                                    .slot_group = row->slot_group};
    if (failing == closed) {
        ret_freeing->at_s = opening_s(filter, row);
        return ret_freeing->at_s != 0;
    }
    if (failing != 0 || !occupancy_of(core, row, &note)) {
        return false;
    }
    ret_freeing->gpus = note.slots_taken;
    ret_freeing->at_s = note.free_at_s;
    ret_freeing->told_at_s = note.told_at_s;
    return note.slots_taken > 0 && note.free_at_s > filter->now_s;
}

static void
say_freeing(struct core *core, struct client client, const struct freeing *freeing)
{
    const struct shelf_entry *entry =
        shelf_find_short(&core->shelf, freeing->host.bytes, RECORD_LISTING, freeing->slot_group);
    struct listing listing;
    if (entry == NULL || !find_listing(core, entry, &listing)) {
        return;
    }
    const struct freeing_view view = {
        .at_s = freeing->at_s,
        .gpus = freeing->gpus,
        .host = entry->author,
        .host_label = gossip_label_of(core, &entry->author),
        .model = listing.gpu_name,
        .ask_uusd_per_hour = quote_amount(freeing->ask_uusd_per_hour),
        .why = bytes_of_text(freeing->told_at_s == 0 ? "its hours begin" : "a lease ends"),
        .told_at_s = freeing->told_at_s == 0 ? entry->issued_at_s : freeing->told_at_s,
    };
    say_row(core, client, ROW_FREEING, &view);
}

static void
say_later(struct core *core, struct client client, const struct request *single)
{
    const struct filter filter = filter_compile(single, (uint64_t)core->now.wall.ms / 1000);
    struct freeing_list list = {.count = 0};
    struct book_cursor cursor = {0};
    struct market_row row;
    while (book_next(core->book, &cursor, &row)) {
        struct freeing freeing;
        if (will_free(core, &filter, &row, &freeing)) {
            put_freeing(&list, &freeing);
        }
    }
    for (size_t i = 0; i < list.count && i < FREEING_SHOWN; i++) {
        say_freeing(core, client, &list.items[i]);
    }
}

void
quote_answer(struct core *core, struct client client, const struct request *request)
{
    struct request single = *request;
    single.count = 1;
    single.hosts = 1;
    say_curve(core, client, &single,
              (uint32_t)request->count * (request->hosts > 0 ? request->hosts : 1));
    say_later(core, client, &single);
}

/* ---- Prices by class ---- */

/* What hosts told of the cards of a class. */
struct class_occupancy {
    uint32_t told; /* cards */
    uint32_t taken;
    uint64_t oldest_s;
};

static void
add_occupancy(const struct core *core, const struct peer_id *host, uint16_t slot_group,
              struct class_occupancy *classes)
{
    struct market_row row;
    struct occupancy_note note;
    if (book_find(core->book, host, slot_group, &row) != STATUS_OK ||
        row.gpu_class >= PRICE_CLASSES_MAX || !occupancy_of(core, &row, &note)) {
        return;
    }
    struct class_occupancy *class = &classes[row.gpu_class];
    class->told += row.slots_total;
    class->taken += note.slots_taken < row.slots_total ? note.slots_taken : row.slots_total;
    class->oldest_s =
        class->oldest_s == 0 || note.told_at_s < class->oldest_s ? note.told_at_s : class->oldest_s;
}

static void
sum_occupancy(const struct core *core, struct class_occupancy *ret_classes)
{
    memset(ret_classes, 0, PRICE_CLASSES_MAX * sizeof ret_classes[0]);
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        if (core->offers[i].used) {
            add_occupancy(core, &core->options.keypair.identity, core->offers[i].row.slot_group,
                          ret_classes);
        }
    }
    for (size_t i = 0; i < OCCUPANCY_MAX; i++) {
        const struct occupancy_note *note = &core->occupancy[i];
        if (note->told_at_s != 0) {
            add_occupancy(core, &note->host, note->slot_group, ret_classes);
        }
    }
}

static void
say_class(struct core *core, struct client client, const struct class_price *price,
          const struct class_occupancy *occupancy)
{
    const struct gpu_class *gpu_class = gpu_class_by_number(price->gpu_class);
    if (gpu_class == NULL) {
        return; /* of a newer table */
    }
    const struct market_view view = {
        .gpu_class = price->gpu_class,
        .model = bytes_of_text(gpu_class->title),
        .listings = price->listings,
        .slots = price->slots,
        .ask_min_uusd_per_hour = quote_amount(price->ask_least_uusd),
        .ask_quarter_uusd_per_hour = quote_amount(price->ask_quarter_uusd),
        .ask_median_uusd_per_hour = quote_amount(price->ask_median_uusd),
        .ask_three_quarters_uusd_per_hour = quote_amount(price->ask_three_quarters_uusd),
        .ask_max_uusd_per_hour = quote_amount(price->ask_most_uusd),
        .slots_told = occupancy->told,
        .slots_taken = occupancy->taken,
        .told_at_s = occupancy->oldest_s,
    };
    say_row(core, client, ROW_MARKET, &view);
}

void
quote_market(struct core *core, struct client client, const struct control_market *ask)
{
    uint8_t wanted[CLASS_SET_BYTES] = {0};
    const bool is_one = ask->gpu_class.length > 0;
    if (is_one && gpu_class_find_family(ask->gpu_class, wanted) != STATUS_OK) {
        const char *nearest = gpu_class_nearest(ask->gpu_class);
        say_done(core, client, STATUS_NOT_FOUND, "no such GPU class%s%s%s",
                 nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
                 nearest == NULL ? "" : "?");
        return;
    }
    struct class_price prices[PRICE_CLASSES_MAX];
    struct class_occupancy occupancy[PRICE_CLASSES_MAX];
    const size_t count = ask_prices(core, is_one ? wanted : NULL, true, prices);
    sum_occupancy(core, occupancy);
    for (size_t i = 0; i < count; i++) {
        say_class(core, client, &prices[i], &occupancy[prices[i].gpu_class]);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}
