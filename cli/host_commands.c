#include <assert.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/market_columns.h"
#include "cli/talk.h"
#include "protocol/quantity.h"
#include "protocol/week_hours.h"

static struct amount
price_of(const struct invocation *invocation, const char *name)
{
    const char *value = option_value(invocation, name);
    struct amount price = amount_zero();
    const enum status status =
        value == NULL ? STATUS_OK : quantity_parse_price(bytes_of_text(value), &price, NULL);
    assert(status == STATUS_OK);
    return price;
}

static int
zone_minutes(void)
{
    const time_t now = time(NULL);
    struct tm local;
    return localtime_r(&now, &local) == NULL ? 0 : (int)(local.tm_gmtoff / 60);
}

static enum status
read_hours(const struct invocation *invocation, struct control_host *host, struct buffer *why)
{
    const char *when = option_value(invocation, "when");
    if (when == NULL) {
        return STATUS_OK;
    }
    host->week_hours_given = true;
    return week_hours_parse(bytes_of_text(when), zone_minutes(), host->week_hours, why);
}

static enum status
read_sets(const struct invocation *invocation, struct control_host *host, struct buffer *why)
{
    const char *works = option_value(invocation, "works");
    const char *share = option_value(invocation, "renter-reliability");
    const char *cards = option_value(invocation, "gpu");
    enum status status = STATUS_OK;
    if (works != NULL) {
        status = value_read_set(&work_names, "kind of work", works, &host->works, why);
    }
    if (status == STATUS_OK && share != NULL) {
        status = quantity_parse_share(bytes_of_text(share), &host->reliability_min_bp, why);
    }
    if (status == STATUS_OK && cards != NULL) {
        status = value_read_cards(cards, &host->gpu_mask, why);
    }
    return status == STATUS_OK ? read_hours(invocation, host, why) : status;
}

static enum status
read_host(const struct invocation *invocation, struct control_host *ret_host, struct buffer *why)
{
    const char *ask = option_value(invocation, "ask");
    const uint32_t for_s = option_seconds(invocation, "for", 0);
    *ret_host = (struct control_host){
        .interruptible_ask_uusd_per_hour = price_of(invocation, "interruptible-ask"),
        .lease_min_s = option_seconds(invocation, "min", 0),
        .lease_max_s = option_seconds(invocation, "max", 0),
        .notice_s = option_seconds(invocation, "notice", 0),
        .notice_given = option_is_given(invocation, "notice"),
        .minimum_run_s = option_seconds(invocation, "minimum-run", 0),
        .reclaims_per_day = (uint16_t)option_count(invocation, "reclaims-per-day", 0),
        .reclaim_owed_intervals = (uint16_t)option_count(invocation, "owed", 0),
        .valid_until_s = for_s == 0 ? 0 : (uint64_t)time(NULL) + for_s,
        .dry_run = option_is_given(invocation, "dry-run"),
    };
    ret_host->ask_is_auto = ask != NULL && bytes_are_text(bytes_of_text(ask), "auto");
    if (ask != NULL && !ret_host->ask_is_auto) {
        ret_host->ask_uusd_per_hour = price_of(invocation, "ask");
        if (amount_is_zero(ret_host->ask_uusd_per_hour)) {
            buffer_append_format(why, "an ask of nothing gives the card away; use --ask auto");
            return STATUS_BAD_INPUT;
        }
    }
    if (ret_host->lease_max_s > 0 && ret_host->lease_min_s > ret_host->lease_max_s) {
        buffer_append_format(why, "the shortest lease (--min) is longer than the longest (--max)");
        return STATUS_BAD_INPUT;
    }
    return read_sets(invocation, ret_host, why);
}

/* Offers the cards, then asks what is offered now. */
static int
offer(const struct invocation *invocation, const struct control_host *host, struct answer *answer)
{
    struct connection *connection;
    const struct control_listings mine = {.mine = true};
    int code = talk_open(invocation, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    code = talk_ask(connection, CONTROL_HOST, host, answer, NULL);
    if (code == EXIT_DONE && !host->dry_run && answer_count(answer, ROW_LISTING) == 0) {
        code = talk_ask(connection, CONTROL_LISTINGS, &mine, answer, NULL);
    }
    connection_close(connection);
    return code;
}

int
run_host(const struct invocation *invocation)
{
    struct control_host host;
    struct answer answer = {NULL, 0, 0};
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    if (read_host(invocation, &host, &why) != STATUS_OK) {
        return talk_refuse(EXIT_USAGE, &why);
    }
    if (option_is_given(invocation, "image-allow")) {
        talk_say("this host runs commands of its own system and no images; leave --image-allow "
                 "away");
        return EXIT_REFUSED;
    }
    int code = offer(invocation, &host, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_LISTING, listing_columns, listing_column_count);
    }
    answer_clear(&answer);
    return code;
}

static int
order_cards(const struct invocation *invocation, uint8_t question)
{
    struct control_cards cards = {.dry_run = option_is_given(invocation, "dry-run")};
    const char *mask = option_value(invocation, "gpu");
    const enum status status =
        mask == NULL ? STATUS_OK : value_read_cards(mask, &cards.gpu_mask, NULL);
    assert(status == STATUS_OK);
    return talk_order(invocation, question, &cards);
}

int
run_unhost(const struct invocation *invocation)
{
    return order_cards(invocation, CONTROL_UNHOST);
}

int
run_pause(const struct invocation *invocation)
{
    return order_cards(invocation, CONTROL_PAUSE);
}

int
run_resume(const struct invocation *invocation)
{
    return order_cards(invocation, CONTROL_RESUME);
}

int
run_reclaim(const struct invocation *invocation)
{
    return order_cards(invocation, CONTROL_RECLAIM);
}
