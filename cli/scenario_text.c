#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/scenario.h"
#include "cli/talk.h"
#include "cli/text_table.h"
#include "protocol/price.h"

enum { NUMBER_SIZE = 48, CLASSES_SHOWN = 16, MOSTLY_SHOWN = 2 };

/* A number as text, in memory of its own. */
struct number {
    char text[NUMBER_SIZE];
};

static struct number
grouped(uint64_t count)
{
    struct number number;
    struct buffer out;
    buffer_init(&out, number.text, sizeof number.text - 1);
    text_print_count(&out, count);
    number.text[out.length] = '\0';
    return number;
}

/* Units as whole H100, to the nearest. */
static struct number
h100(uint64_t units)
{
    return grouped((units + H100E_UNIT / 2) / H100E_UNIT);
}

static struct number
dollars(uint64_t uusd)
{
    struct number number;
    snprintf(number.text, sizeof number.text, "%" PRIu64 ".%03" PRIu64, uusd / 1000000,
             uusd % 1000000 / 1000);
    return number;
}

/* A share of a whole, to the nearest of one digit behind the point. */
static struct number
share(uint64_t part, uint64_t whole)
{
    struct number number;
    const uint64_t permille = whole == 0 ? 0 : (part * 1000 + whole / 2) / whole;
    snprintf(number.text, sizeof number.text, "%" PRIu64 ".%" PRIu64 "%%", permille / 10,
             permille % 10);
    return number;
}

/* What was paid for an H100e-hour, on average. */
static uint64_t
average_price(uint64_t paid_uusd, uint64_t units)
{
    return price_per_unit((int64_t)paid_uusd, 1) / (units == 0 ? 1 : units);
}

static void
print_supply(const struct scenario_run *run)
{
    const struct scenario_supply *supply = scenario_supply(run->scenario);
    const uint64_t listings = run->options.listings;
    uint64_t demand = 0;
    for (size_t i = 0; i < scenario_buyer_count(); i++) {
        demand += scenario_buyer_at(i)->h100_wanted;
    }
    printf(
        "What %zu buyers wanted in August 2023, %s H100, cleared over %s listings of gamers.\n\n",
        scenario_buyer_count(), grouped(demand).text, grouped(listings).text);
    printf("  cards      %s idle ones, shares of the Steam survey of %s, seed %" PRIu64 "\n",
           grouped(supply->cards).text, scenario_cards_name(run->options.cards), run->options.seed);
    const uint64_t cards = supply->cards == 0 ? 1 : supply->cards;
    const uint64_t compute = supply->units[WORK_TRAIN] * 1000 / H100E_UNIT / cards;
    const uint64_t bandwidth = supply->units[WORK_INFER] * 1000 / H100E_UNIT / cards;
    printf("  worth      the average card is 0.%03" PRIu64 " H100 by fp16 compute, 0.%03" PRIu64
           " by memory bandwidth\n",
           compute, bandwidth);
    printf(
        "  prices     asks as spread on a public marketplace, never below the current's price; a "
        "cloud's H100: %s USD/h\n",
        dollars(run->options.cloud_uusd_per_hour).text);
    const uint64_t owners = supply->idle_hours == 0 ? 0 : listings * 168 * listings;
    printf("  owners     a card idles %s of the week: so many at any hour take about %s owners\n\n",
           share(supply->idle_hours, listings * 168).text,
           grouped(supply->idle_hours == 0 ? 0 : owners / supply->idle_hours).text);
}

/* The sum of a buyer's bids for a kind of work: they are those of the places from first on. */
struct sum {
    size_t first;
    size_t count;
    uint64_t wanted;
    uint64_t served;
    uint64_t cards;
    uint64_t paid_uusd;
};

static struct sum
sum_bids(const struct scenario *scenario, const struct scenario_buyer *buyer, int work)
{
    size_t count;
    const struct scenario_bid *bids = scenario_bids(scenario, &count);
    struct sum sum = {.first = count};
    for (size_t i = 0; i < count; i++) {
        if ((buyer != NULL && bids[i].buyer != buyer) ||
            (work != WORK_COUNT && (int)bids[i].want->work != work)) {
            continue;
        }
        sum.first = sum.count == 0 ? i : sum.first;
        sum.count++;
        sum.wanted += bids[i].units_wanted;
        sum.served += bids[i].units_served;
        sum.cards += bids[i].cards;
        sum.paid_uusd += bids[i].paid_uusd;
    }
    return sum;
}

/* "RTX 3060 41%, RTX 3080 20%": the classes that most of the cards are of. */
static struct number
mostly_on(const struct scenario *scenario, const struct sum *sum)
{
    struct number number = {""};
    size_t length = 0;
    uint64_t less_than = UINT64_MAX;
    for (int shown = 0; shown < MOSTLY_SHOWN; shown++) {
        const struct gpu_class *best = NULL;
        uint64_t most = 0;
        for (size_t i = 0; i < gpu_class_count(); i++) {
            const struct gpu_class *gpu_class = gpu_class_at(i);
            uint64_t cards = 0;
            for (size_t bid = sum->first; bid < sum->first + sum->count; bid++) {
                cards += scenario_cards_of(scenario, bid, gpu_class->number);
            }
            if (cards > most && cards < less_than) {
                best = gpu_class;
                most = cards;
            }
        }
        if (best != NULL) {
            const int added =
                snprintf(number.text + length, sizeof number.text - length, "%s%s %" PRIu64 "%%",
                         length == 0 ? "" : ", ", best->title, most * 100 / sum->cards);
            length += added > 0 && (size_t)added < sizeof number.text - length ? (size_t)added : 0;
        }
        less_than = most;
    }
    return number;
}

enum buyer_column {
    BUYER_NAME,
    BUYER_WORK,
    BUYER_WANTS,
    BUYER_SERVED,
    BUYER_SHARE,
    BUYER_CARDS,
    BUYER_ON,
    BUYER_PRICE,
    BUYER_OF_CLOUD,
    BUYER_MISSING,
    BUYER_WHY,
    BUYER_COLUMNS
};

static const struct text_column buyer_columns[BUYER_COLUMNS] = {
    {"BUYER", false},   {"WORK", false},      {"WANTS", true},      {"SERVED", true},
    {"SHARE", true},    {"CARDS", true},      {"MOSTLY ON", false}, {"USD/H100E-H", true},
    {"OF CLOUD", true}, {"NOT SERVED", true}, {"WHY", false},
};

/* A line for every part that is missing something. */
static void
add_missing(struct text_table *table, const struct scenario_bid *bids, const struct sum *sum)
{
    bool is_first = true;
    for (size_t i = sum->first; i < sum->first + sum->count; i++) {
        const uint64_t missing = bids[i].units_wanted - bids[i].units_served;
        /* A crumb that no card is small enough for is nothing to speak of. */
        if (missing / H100E_UNIT == 0) {
            continue;
        }
        if (!is_first) {
            text_table_row(table);
        }
        is_first = false;
        text_table_set(table, BUYER_MISSING, "%s", h100(missing).text);
        text_table_set(table, BUYER_WHY, "%s: %s", bids[i].want->title,
                       scenario_why_text(bids[i].why));
    }
}

static void
add_buyer(struct text_table *table, const struct scenario_run *run,
          const struct scenario_buyer *buyer)
{
    size_t count;
    const struct scenario_bid *bids = scenario_bids(run->scenario, &count);
    bool is_first = true;
    for (int i = 0; i < WORK_COUNT; i++) {
        const enum work work = scenario_order[i];
        const struct sum sum = sum_bids(run->scenario, buyer, (int)work);
        if (sum.wanted == 0) {
            continue;
        }
        text_table_row(table);
        if (is_first) {
            text_table_set(table, BUYER_NAME, "%s%s", buyer->name,
                           buyer->is_inferred ? " (inferred)" : "");
        }
        is_first = false;
        text_table_set(table, BUYER_WORK, "%s", name_table_name(&work_names, work));
        text_table_set(table, BUYER_WANTS, "%s", h100(sum.wanted).text);
        text_table_set(table, BUYER_SERVED, "%s", h100(sum.served).text);
        text_table_set(table, BUYER_SHARE, "%s", share(sum.served, sum.wanted).text);
        if (sum.cards > 0) {
            const uint64_t price = average_price(sum.paid_uusd, sum.served);
            text_table_set(table, BUYER_CARDS, "%s", grouped(sum.cards).text);
            text_table_set(table, BUYER_ON, "%s", mostly_on(run->scenario, &sum).text);
            text_table_set(table, BUYER_PRICE, "%s", dollars(price).text);
            text_table_set(table, BUYER_OF_CLOUD, "%s",
                           share(price, run->options.cloud_uusd_per_hour).text);
        }
        add_missing(table, bids, &sum);
    }
}

static void
print_buyers(const struct scenario_run *run)
{
    struct text_table table;
    text_table_init(&table, buyer_columns, BUYER_COLUMNS);
    for (size_t i = 0; i < scenario_buyer_count(); i++) {
        add_buyer(&table, run, scenario_buyer_at(i));
    }
    (void)text_table_print(stdout, &table);
    text_table_clear(&table);
    fputs("\n", stdout);
}

static void
print_kinds(const struct scenario_run *run)
{
    static const struct text_column columns[] = {
        {"WORK", false},
        {"WANTS", true},
        {"SERVED", true},
        {"SHARE", true},
        {"ABLE CARDS", true},
        {"WORTH H100", true},
        {"RENTED", true},
        {"USD/H100E-H", true},
        {"OF CLOUD", true},
        {"PRICING", false},
        {"SURPLUS OF BOUND", true},
    };
    struct text_table table;
    text_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (int i = 0; i <= WORK_COUNT; i++) {
        const int work = i < WORK_COUNT ? (int)scenario_order[i] : WORK_COUNT;
        const struct sum sum = sum_bids(run->scenario, NULL, work);
        text_table_row(&table);
        text_table_set(&table, 0, "%s",
                       i < WORK_COUNT ? name_table_name(&work_names, (uint64_t)work) : "all");
        text_table_set(&table, 1, "%s", h100(sum.wanted).text);
        text_table_set(&table, 2, "%s", h100(sum.served).text);
        text_table_set(&table, 3, "%s", share(sum.served, sum.wanted).text);
        text_table_set(&table, 6, "%s", grouped(sum.cards).text);
        if (i == WORK_COUNT) {
            continue;
        }
        const struct scenario_market *market = scenario_market(run->scenario, (enum work)work);
        text_table_set(&table, 4, "%s", grouped(market->cards).text);
        text_table_set(&table, 5, "%s", h100(market->units).text);
        if (sum.cards > 0) {
            const uint64_t price = average_price(sum.paid_uusd, sum.served);
            text_table_set(&table, 7, "%s", dollars(price).text);
            text_table_set(&table, 8, "%s", share(price, run->options.cloud_uusd_per_hour).text);
            text_table_set(&table, 9, "%s",
                           market->price_uusd == 0 ? "each pays its ask" : "one price");
            text_table_set(&table, 10, "%s", share(market->surplus_uusd, market->bound_uusd).text);
        }
    }
    (void)text_table_print(stdout, &table);
    text_table_clear(&table);
    fputs("\n", stdout);
}

static void
add_class(struct text_table *table, const struct gpu_class *gpu_class,
          const struct scenario_class *seen)
{
    text_table_row(table);
    text_table_set(table, 0, "%s", gpu_class->title);
    text_table_set(table, 1, "%s", grouped(seen->cards).text);
    text_table_set(table, 2, "%s", grouped(seen->sold).text);
    text_table_set(table, 3, "%s", share(seen->sold, seen->cards).text);
    if (seen->sold > 0) {
        text_table_set(table, 4, "%s", dollars(seen->earned_uusd / seen->sold).text);
    }
}

/* The classes with most cards rented first; ties in the order of the class table. */
static void
print_classes(const struct scenario_run *run)
{
    static const struct text_column columns[] = {{"CARD", false},
                                                 {"OFFERED", true},
                                                 {"RENTED", true},
                                                 {"SHARE", true},
                                                 {"EARNS USD/H", true}};
    bool shown[SCENARIO_CLASSES_MAX] = {false};
    struct text_table table;
    text_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (int row = 0; row < CLASSES_SHOWN; row++) {
        const struct gpu_class *best = NULL;
        for (size_t i = 0; i < gpu_class_count(); i++) {
            const struct gpu_class *gpu_class = gpu_class_at(i);
            const uint64_t sold = scenario_class(run->scenario, gpu_class->number)->sold;
            if (!shown[gpu_class->number] && sold > 0 &&
                (best == NULL || sold > scenario_class(run->scenario, best->number)->sold)) {
                best = gpu_class;
            }
        }
        if (best != NULL) {
            shown[best->number] = true;
            add_class(&table, best, scenario_class(run->scenario, best->number));
        }
    }
    (void)text_table_print(stdout, &table);
    text_table_clear(&table);
    fputs("\n", stdout);
}

static void
print_limits(void)
{
    fputs(
        "What these figures do not hide\n"
        "  Training from scratch, fine-tuning of all weights and models over many cards need 80 GB "
        "a\n"
        "  card and links of their own. No gaming card has either, so none of it is served here.\n"
        "  An H100 of inference is counted by memory bandwidth, of fine-tuning and rendering by "
        "fp16\n"
        "  compute. It takes many requests at once, models that fit one card, and data that may "
        "leave\n"
        "  the house; answers take as long as a gamer's line and card make them.\n"
        "  Who wanted how many is the press's count; how a buyer's demand parts into kinds of "
        "work, what\n"
        "  it would bid, and when cards idle are guesses, written in "
        "node/market/scenario_table.c.\n"
        "\n",
        stdout);
}

static void
print_stages(const struct scenario_run *run)
{
    static const struct text_column columns[] = {{"STAGE", false}, {"WORK", false}, {"MS", true}};
    struct text_table table;
    text_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < run->stage_count; i++) {
        text_table_row(&table);
        text_table_set(&table, 0, "%s", run->stages[i].name);
        text_table_set(&table, 1, "%s", run->stages[i].work);
        text_table_set(&table, 2, "%" PRIu64, run->stages[i].took_us / 1000);
    }
    (void)text_table_print(stdout, &table);
    text_table_clear(&table);
    printf("\n%" PRIu64 " ms in all; at most %" PRIu64 " MiB of memory, %" PRIu64
           " bytes a listing\n",
           run->took_us / 1000, run->peak_bytes / 1048576, run->peak_bytes / run->options.listings);
}

int
scenario_print(const struct scenario_run *run)
{
    print_supply(run);
    print_buyers(run);
    print_kinds(run);
    print_classes(run);
    print_limits();
    print_stages(run);
    return talk_flush();
}
