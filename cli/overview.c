#include "cli/overview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/chart.h"
#include "cli/commands.h"
#include "cli/scenario.h"
#include "cli/talk.h"
#include "cli/text_table.h"
#include "protocol/gpu_class.h"
#include "protocol/quantity.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* Connected hosts answer within this, or not in time for this question. */
enum { HOSTS_ANSWER_MS = 300 };

/* Lets the node ask hosts which of their cards are taken, and waits until they can have answered. */
static int
ask_hosts(struct connection *connection)
{
    static const struct control_plain plain = {0};
    struct answer answer = {NULL, 0, 0};
    char asked[CELL_SIZE] = "";
    const int code = talk_ask(connection, CONTROL_OCCUPANCY, &plain, &answer, asked);
    answer_clear(&answer);
    if (code == EXIT_DONE && strcmp(asked, "0") != 0) {
        const struct timespec wait = {.tv_nsec = HOSTS_ANSWER_MS * 1000000L};
        (void)nanosleep(&wait, NULL);
    }
    return code;
}

int
overview_ask(const struct invocation *invocation, uint8_t question, const void *value,
             struct answer *answer)
{
    struct connection *connection;
    int code = talk_open(invocation, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    code = ask_hosts(connection);
    if (code == EXIT_DONE) {
        code = talk_ask(connection, question, value, answer, NULL);
    }
    connection_close(connection);
    return code;
}

/* A printed value, in memory of its own. */
struct words {
    char text[64];
};

static struct words
price_words(struct amount amount)
{
    struct words words = {""};
    struct buffer out;
    buffer_init(&out, words.text, sizeof words.text - 1);
    quantity_print_price(&out, amount);
    words.text[out.overflowed ? 0 : out.length] = '\0';
    return words;
}

/* "5s ago". */
static struct words
age_words(uint64_t at_s)
{
    struct words words = {"-"};
    struct buffer out;
    const uint64_t now_s = (uint64_t)time(NULL);
    if (at_s != 0) {
        buffer_init(&out, words.text, sizeof words.text - 1);
        quantity_print_duration(&out, duration_of_s(now_s > at_s ? (int64_t)(now_s - at_s) : 0));
        buffer_append_format(&out, " ago");
        words.text[out.overflowed ? 0 : out.length] = '\0';
    }
    return words;
}

static struct words
clean_words(struct bytes text)
{
    struct words words = {""};
    struct buffer out;
    buffer_init(&out, words.text, sizeof words.text - 1);
    output_clean(&out, bytes_of(text.data, text.length < 48 ? text.length : 48));
    words.text[out.overflowed ? 0 : out.length] = '\0';
    return words;
}

/* ---- gpulet market ---- */

static void
print_classes(const struct answer *answer)
{
    static const struct text_column columns[] = {
        {"CLASS", false},  {"MODEL", false},     {"LISTINGS", true},
        {"CARDS", true},   {"LOWEST ASK", true}, {"MIDDLE", true},
        {"HIGHEST", true}, {"RENTED", true},     {"TOLD", true},
    };
    struct text_table table;
    union row_view view;
    text_table_init(&table, columns, COUNT_OF(columns));
    for (size_t place = 0; answer_next(answer, ROW_MARKET, &place, &view);) {
        const struct market_view *market = &view.market;
        const struct gpu_class *gpu_class = gpu_class_by_number(market->gpu_class);
        text_table_row(&table);
        text_table_set(&table, 0, "%s", gpu_class == NULL ? "-" : gpu_class->name);
        text_table_set(&table, 1, "%s", clean_words(market->model).text);
        text_table_set(&table, 2, "%" PRIu32, market->listings);
        text_table_set(&table, 3, "%" PRIu32, market->slots);
        text_table_set(&table, 4, "%s", price_words(market->ask_min_uusd_per_hour).text);
        text_table_set(&table, 5, "%s", price_words(market->ask_median_uusd_per_hour).text);
        text_table_set(&table, 6, "%s", price_words(market->ask_max_uusd_per_hour).text);
        if (market->slots_told > 0) {
            text_table_set(&table, 7, "%" PRIu32 "%% of %" PRIu32,
                           market->slots_taken * 100 / market->slots_told, market->slots_told);
        } else {
            text_table_set(&table, 7, "not told");
        }
        text_table_set(&table, 8, "%s", age_words(market->told_at_s).text);
    }
    (void)text_table_print(stdout, &table);
    text_table_clear(&table);
}

/* What the charts of all classes have in common. */
struct bounds {
    uint64_t least_uusd;
    uint64_t most_uusd;
    uint64_t cards;
    int title; /* longest */
};

static struct bounds
bounds_of(const struct answer *answer)
{
    struct bounds bounds = {.least_uusd = UINT64_MAX};
    union row_view view;
    for (size_t place = 0; answer_next(answer, ROW_MARKET, &place, &view);) {
        const uint64_t least = (uint64_t)amount_micro(view.market.ask_min_uusd_per_hour);
        const uint64_t most = (uint64_t)amount_micro(view.market.ask_max_uusd_per_hour);
        const int title = (int)strlen(clean_words(view.market.model).text);
        bounds.least_uusd = least < bounds.least_uusd ? least : bounds.least_uusd;
        bounds.most_uusd = most > bounds.most_uusd ? most : bounds.most_uusd;
        bounds.cards = view.market.slots > bounds.cards ? view.market.slots : bounds.cards;
        bounds.title = title > bounds.title ? title : bounds.title;
    }
    return bounds;
}

static uint64_t
uusd_of(struct amount amount)
{
    const int64_t uusd = amount_micro(amount);
    return uusd > 0 ? (uint64_t)uusd : 1;
}

static void
print_class_chart(const struct chart *chart, const struct bounds *bounds,
                  const struct market_view *market)
{
    char memory[2 * CHART_LINE_SIZE];
    struct buffer line;
    const struct chart_spread spread = {
        .least = uusd_of(market->ask_min_uusd_per_hour),
        .quarter = uusd_of(market->ask_quarter_uusd_per_hour),
        .middle = uusd_of(market->ask_median_uusd_per_hour),
        .three_quarters = uusd_of(market->ask_three_quarters_uusd_per_hour),
        .most = uusd_of(market->ask_max_uusd_per_hour),
    };
    buffer_init(&line, memory, sizeof memory);
    chart_spread(&line, chart, &spread, bounds->least_uusd > 0 ? bounds->least_uusd : 1,
                 bounds->most_uusd);
    buffer_append_format(&line, "  ");
    chart_bar(&line, chart, market->slots_taken, market->slots, bounds->cards);
    printf("%-*s  %.*s\n", bounds->title, clean_words(market->model).text, (int)line.length,
           memory);
}

static void
print_charts(const struct answer *answer)
{
    const struct chart chart = chart_of(stdout);
    const struct bounds bounds = bounds_of(answer);
    struct amount low = amount_zero();
    struct amount high = amount_zero();
    union row_view view;
    if (answer_count(answer, ROW_MARKET) == 0 ||
        amount_of_micro((int64_t)bounds.least_uusd, &low) != STATUS_OK ||
        amount_of_micro((int64_t)bounds.most_uusd, &high) != STATUS_OK) {
        return;
    }
    const struct words least = price_words(low);
    const struct words most = price_words(high);
    printf("\n%-*s  %s%*s  %s\n", bounds.title, "asks and cards", least.text,
           CHART_WIDTH - (int)strlen(least.text), most.text,
           chart.is_plain ? "# rented  . free, or not told" : "█ rented  ░ free, or not told");
    for (size_t place = 0; answer_next(answer, ROW_MARKET, &place, &view);) {
        print_class_chart(&chart, &bounds, &view.market);
    }
}

int
run_market(const struct invocation *invocation)
{
    static const char *const of_scenarios[] = {"seed", "cards", "cloud-price"};
    if (option_is_given(invocation, "scenario")) {
        return run_scenario(invocation);
    }
    for (size_t i = 0; i < COUNT_OF(of_scenarios); i++) {
        if (option_is_given(invocation, of_scenarios[i])) {
            talk_say("--%s goes with --scenario", of_scenarios[i]);
            return EXIT_USAGE;
        }
    }
    struct answer answer = {NULL, 0, 0};
    const char *class = invocation->operand_count > 0 ? invocation->operands[0] : "";
    const struct control_market question = {bytes_of_text(class)};
    int code = overview_ask(invocation, CONTROL_MARKET, &question, &answer);
    if (code == EXIT_DONE && option_is_given(invocation, "json")) {
        code = talk_list(invocation, &answer, ROW_MARKET, NULL, 0);
    } else if (code == EXIT_DONE) {
        if (answer_count(&answer, ROW_MARKET) == 0) {
            talk_say("nobody offers such cards here");
        }
        print_classes(&answer);
        print_charts(&answer);
        code = talk_flush();
    }
    answer_clear(&answer);
    return code;
}

/* ---- gpulet quote ---- */

static void
print_curve(const struct answer *answer)
{
    static const struct column columns[] = {
        {"gpus", "CARDS", NULL},
        {"hosts", "HOSTS", NULL},
        {"last_ask_uusd_per_hour", "ASK OF THE LAST", NULL},
        {"total_uusd_per_hour", "ALL OF THEM", NULL},
    };
    const struct chart chart = chart_of(stdout);
    uint64_t most = 0;
    union row_view view;
    output_table(stdout, answer, ROW_QUOTE, columns, COUNT_OF(columns));
    for (size_t place = 0; answer_next(answer, ROW_QUOTE, &place, &view);) {
        const uint64_t ask = uusd_of(view.quote.last_ask_uusd_per_hour);
        most = ask > most ? ask : most;
    }
    if (answer_count(answer, ROW_QUOTE) < 2) {
        return;
    }
    fputs("\nask of the last of so many, best offers first\n", stdout);
    for (size_t place = 0; answer_next(answer, ROW_QUOTE, &place, &view);) {
        char memory[CHART_LINE_SIZE];
        struct buffer line;
        const uint64_t ask = uusd_of(view.quote.last_ask_uusd_per_hour);
        buffer_init(&line, memory, sizeof memory);
        chart_bar(&line, &chart, ask, ask, most);
        printf("%6" PRIu32 "  %.*s %s\n", view.quote.gpus, (int)line.length, memory,
               price_words(view.quote.last_ask_uusd_per_hour).text);
    }
}

static void
print_freeing(const struct answer *answer)
{
    static const struct text_column columns[] = {
        {"AT THE LATEST", false}, {"CARDS", true}, {"MODEL", false}, {"HOST", false}, {"ASK", true},
        {"WHY", false},           {"TOLD", false}};
    struct text_table table;
    union row_view view;
    text_table_init(&table, columns, COUNT_OF(columns));
    for (size_t place = 0; answer_next(answer, ROW_FREEING, &place, &view);) {
        const struct freeing_view *freeing = &view.freeing;
        const time_t at = (time_t)freeing->at_s;
        struct tm local;
        char when[32] = "-";
        if (localtime_r(&at, &local) != NULL) {
            (void)strftime(when, sizeof when, "%a %Y-%m-%d %H:%M", &local);
        }
        text_table_row(&table);
        text_table_set(&table, 0, "%s", when);
        text_table_set(&table, 1, "%" PRIu32, freeing->gpus);
        text_table_set(&table, 2, "%s", clean_words(freeing->model).text);
        text_table_set(&table, 3, "%s", clean_words(freeing->host_label).text);
        text_table_set(&table, 4, "%s", price_words(freeing->ask_uusd_per_hour).text);
        text_table_set(&table, 5, "%s", clean_words(freeing->why).text);
        text_table_set(&table, 6, "%s", age_words(freeing->told_at_s).text);
    }
    if (table.count > 0) {
        fputs("\nmore that may be had later (hints, no promises)\n", stdout);
        (void)text_table_print(stdout, &table);
    }
    text_table_clear(&table);
}

int
quote_print(const struct invocation *invocation, const struct answer *answer)
{
    if (option_is_given(invocation, "json")) {
        json_t *document = json_object();
        json_object_set_new(document, "quotes", output_array(answer, ROW_QUOTE));
        json_object_set_new(document, "freeing", output_array(answer, ROW_FREEING));
        return talk_document(document);
    }
    if (answer_count(answer, ROW_QUOTE) == 0) {
        talk_say("no offer fits");
    }
    print_curve(answer);
    print_freeing(answer);
    return talk_flush();
}
