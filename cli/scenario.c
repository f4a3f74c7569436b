#include "cli/scenario.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli/talk.h"
#include "node/market/market_row.h"
#include "protocol/quantity.h"

/* What 4 clouds of 7 with a public price asked for one H100 on demand is this or less, the others more:
 * list prices of 2025, from 0.69 to 10 USD. */
enum { CLOUD_UUSD_PER_HOUR = 4400000, LISTINGS_DEFAULT = 1000000 };

const enum work scenario_order[WORK_COUNT] = {WORK_TRAIN, WORK_FINETUNE, WORK_INFER, WORK_RENDER};

static uint64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t
peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* "250000", "250k", "10M". */
static enum status
read_listings(const char *text, uint32_t *ret_listings)
{
    size_t length = strlen(text);
    uint64_t times = 1;
    uint64_t count;
    if (length > 0 && strchr("kKmM", text[length - 1]) != NULL) {
        times = text[length - 1] == 'k' || text[length - 1] == 'K' ? 1000 : 1000000;
        length--;
    }
    if (quantity_parse_count(bytes_of(text, length), SCENARIO_LISTINGS_MAX, &count, NULL) !=
            STATUS_OK ||
        count == 0 || count * times > SCENARIO_LISTINGS_MAX) {
        return STATUS_BAD_INPUT;
    }
    *ret_listings = (uint32_t)(count * times);
    return STATUS_OK;
}

static enum status
read_cards(const char *text, enum scenario_cards *ret_cards)
{
    for (int cards = 0; cards < SCENARIO_CARDS_COUNT; cards++) {
        const char *name = scenario_cards_name((enum scenario_cards)cards);
        if (strcmp(text, name) == 0 || (strlen(text) == 4 && strncmp(text, name, 4) == 0)) {
            *ret_cards = (enum scenario_cards)cards;
            return STATUS_OK;
        }
    }
    return STATUS_BAD_INPUT;
}

static enum status
read_options(const struct invocation *invocation, struct scenario_options *ret_options)
{
    const char *listings = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *cards = option_value(invocation, "cards");
    const char *price = option_value(invocation, "cloud-price");
    struct amount cloud = amount_zero();
    *ret_options = (struct scenario_options){.listings = LISTINGS_DEFAULT,
                                             .seed = option_count(invocation, "seed", 1),
                                             .cards = SCENARIO_CARDS_2023,
                                             .cloud_uusd_per_hour = CLOUD_UUSD_PER_HOUR};
    if (listings != NULL && read_listings(listings, &ret_options->listings) != STATUS_OK) {
        talk_say("\"%s\" is no number of listings, 1 to %" PRIu32 "; write 250000, 250k or 10M",
                 listings, SCENARIO_LISTINGS_MAX);
        return STATUS_BAD_INPUT;
    }
    if (cards != NULL && read_cards(cards, &ret_options->cards) != STATUS_OK) {
        talk_say("--cards takes %s or %s, not \"%s\"", scenario_cards_name(SCENARIO_CARDS_2023),
                 scenario_cards_name(SCENARIO_CARDS_2026), cards);
        return STATUS_BAD_INPUT;
    }
    if (price != NULL && (quantity_parse_price(bytes_of_text(price), &cloud, NULL) != STATUS_OK ||
                          amount_is_zero(cloud) || amount_micro(cloud) > MARKET_ASK_MAX)) {
        talk_say("--cloud-price takes a price up to 2147/h, not \"%s\"", price);
        return STATUS_BAD_INPUT;
    }
    if (price != NULL) {
        ret_options->cloud_uusd_per_hour = (uint32_t)amount_micro(cloud);
    }
    return STATUS_OK;
}

static void
end_stage(struct scenario_run *run, const char *name, const char *work, uint64_t *since)
{
    const uint64_t now = now_us();
    run->stages[run->stage_count++] = (struct scenario_stage){name, work, now - *since};
    run->took_us += now - *since;
    *since = now;
}

static enum status
run_stages(struct scenario_run *run)
{
    uint64_t since = now_us();
    scenario_generate(run->scenario);
    end_stage(run, "generate", "", &since);
    for (int i = 0; i < WORK_COUNT; i++) {
        const enum work work = scenario_order[i];
        const char *name = name_table_name(&work_names, work);
        enum status status = scenario_offer(run->scenario, work);
        end_stage(run, "offer", name, &since);
        if (status == STATUS_OK) {
            status = scenario_clear(run->scenario, work);
            end_stage(run, "clear", name, &since);
        }
        if (status == STATUS_OK) {
            status = scenario_account(run->scenario, work);
            end_stage(run, "check and count", name, &since);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    run->peak_bytes = peak_bytes();
    return STATUS_OK;
}

int
run_scenario(const struct invocation *invocation)
{
    struct scenario_run run = {.stage_count = 0};
    if (read_options(invocation, &run.options) != STATUS_OK) {
        return EXIT_USAGE;
    }
    run.scenario = scenario_new(&run.options);
    const enum status status = run.scenario == NULL ? STATUS_NO_MEMORY : run_stages(&run);
    int code = EXIT_REFUSED;
    if (status == STATUS_NO_MEMORY) {
        talk_say("there is too little memory for %" PRIu32 " listings; name fewer",
                 run.options.listings);
    } else if (status != STATUS_OK) {
        talk_say("the clearing broke its own rules: %s", status_text(status));
    } else {
        code =
            option_is_given(invocation, "json") ? scenario_print_json(&run) : scenario_print(&run);
    }
    scenario_free(run.scenario);
    return code;
}
