#include "cli/scenario.h"
#include "cli/talk.h"
#include "protocol/price.h"

/* Whole numbers alone, as everywhere: H100 in units of 1/65536, money in uUSD an hour. */
static void
set_number(json_t *object, const char *name, uint64_t number)
{
    json_object_set_new(object, name, json_integer((json_int_t)number));
}

static json_t *
options_json(const struct scenario_run *run)
{
    const struct scenario_supply *supply = scenario_supply(run->scenario);
    json_t *object = json_object();
    set_number(object, "listings", run->options.listings);
    set_number(object, "seed", run->options.seed);
    json_object_set_new(object, "cards", json_string(scenario_cards_name(run->options.cards)));
    set_number(object, "cloud_uusd_per_hour", run->options.cloud_uusd_per_hour);
    set_number(object, "unit_of_one_h100", H100E_UNIT);
    set_number(object, "slots", supply->cards);
    set_number(object, "units_by_compute", supply->units[WORK_TRAIN]);
    set_number(object, "units_by_bandwidth", supply->units[WORK_INFER]);
    set_number(object, "idle_hours_of_week", supply->idle_hours);
    return object;
}

static json_t *
buyers_json(void)
{
    json_t *array = json_array();
    for (size_t i = 0; i < scenario_buyer_count(); i++) {
        const struct scenario_buyer *buyer = scenario_buyer_at(i);
        json_t *object = json_object();
        json_object_set_new(object, "buyer", json_string(buyer->name));
        set_number(object, "h100_wanted", buyer->h100_wanted);
        json_object_set_new(object, "inferred", json_boolean(buyer->is_inferred));
        for (int work = 0; work < WORK_COUNT; work++) {
            char name[32];
            snprintf(name, sizeof name, "%s_percent", name_table_name(&work_names, (uint64_t)work));
            set_number(object, name, buyer->percent[work]);
        }
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *
cards_of_bid(const struct scenario *scenario, size_t bid)
{
    json_t *object = json_object();
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        const uint32_t cards = scenario_cards_of(scenario, bid, gpu_class->number);
        if (cards > 0) {
            set_number(object, gpu_class->name, cards);
        }
    }
    return object;
}

static json_t *
bids_json(const struct scenario *scenario)
{
    size_t count;
    const struct scenario_bid *bids = scenario_bids(scenario, &count);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct scenario_bid *bid = &bids[i];
        if (bid->units_wanted == 0) {
            continue;
        }
        json_t *object = json_object();
        json_object_set_new(object, "buyer", json_string(bid->buyer->name));
        json_object_set_new(object, "work",
                            json_string(name_table_name(&work_names, bid->want->work)));
        json_object_set_new(object, "want", json_string(bid->want->title));
        set_number(object, "vram_min_mib", bid->want->vram_min_mib);
        set_number(object, "bid_uusd_per_h100e_hour", bid->bid_uusd);
        set_number(object, "units_wanted", bid->units_wanted);
        set_number(object, "units_served", bid->units_served);
        set_number(object, "slots", bid->cards);
        set_number(object, "paid_uusd_per_hour", bid->paid_uusd);
        json_object_set_new(object, "why", json_string(scenario_why_text(bid->why)));
        json_object_set_new(object, "slots_by_class", cards_of_bid(scenario, i));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *
markets_json(const struct scenario *scenario)
{
    json_t *array = json_array();
    for (int i = 0; i < WORK_COUNT; i++) {
        const struct scenario_market *market = scenario_market(scenario, scenario_order[i]);
        json_t *object = json_object();
        json_object_set_new(object, "work",
                            json_string(name_table_name(&work_names, scenario_order[i])));
        set_number(object, "listings", market->asks);
        set_number(object, "slots", market->cards);
        set_number(object, "units", market->units);
        set_number(object, "fills", market->fills);
        set_number(object, "price_uusd_per_h100e_hour", market->price_uusd);
        set_number(object, "surplus_uusd_per_hour", market->surplus_uusd);
        set_number(object, "bound_uusd_per_hour", market->bound_uusd);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *
classes_json(const struct scenario *scenario)
{
    json_t *array = json_array();
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        const struct scenario_class *seen = scenario_class(scenario, gpu_class->number);
        if (seen->cards == 0) {
            continue;
        }
        json_t *object = json_object();
        json_object_set_new(object, "gpu_class", json_string(gpu_class->name));
        set_number(object, "slots", seen->cards);
        set_number(object, "slots_rented", seen->sold);
        set_number(object, "earned_uusd_per_hour", seen->earned_uusd);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *
stages_json(const struct scenario_run *run)
{
    json_t *array = json_array();
    for (size_t i = 0; i < run->stage_count; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "stage", json_string(run->stages[i].name));
        json_object_set_new(object, "work", json_string(run->stages[i].work));
        set_number(object, "took_us", run->stages[i].took_us);
        json_array_append_new(array, object);
    }
    return array;
}

int
scenario_print_json(const struct scenario_run *run)
{
    json_t *document = json_object();
    json_object_set_new(document, "scenario", options_json(run));
    json_object_set_new(document, "buyers", buyers_json());
    json_object_set_new(document, "bids", bids_json(run->scenario));
    json_object_set_new(document, "markets", markets_json(run->scenario));
    json_object_set_new(document, "classes", classes_json(run->scenario));
    json_object_set_new(document, "stages", stages_json(run));
    set_number(document, "took_us", run->took_us);
    set_number(document, "memory_peak_bytes", run->peak_bytes);
    return talk_document(document);
}
