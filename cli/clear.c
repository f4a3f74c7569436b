#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clear_files.h"
#include "cli/commands.h"
#include "cli/place.h"
#include "cli/talk.h"
#include "crypto/clearing.h"
#include "node/market/auction.h"
#include "protocol/price.h"
#include "protocol/quantity.h"

/* A file, what stands in it, and what it should say. */
struct check {
    uint8_t *memory; /* CLEARING_BYTES_MAX and one more, so that a longer file shows */
    struct clearing_book *book;
    struct market_row *rows;
    struct auction_work *work;
    struct auction_outcome outcome;
    uint8_t fills[AUCTION_FILLS_BYTES_MAX];
    struct buffer right_fills;
    unsigned differences;
};

enum { FILL_BYTES = 6 };

static struct check *
check_new(void)
{
    struct check *check = calloc(1, sizeof *check);
    if (check != NULL) {
        check->memory = malloc(CLEARING_BYTES_MAX + 1);
        check->book = malloc(sizeof *check->book);
        check->rows = calloc(AUCTION_ASKS_MAX, sizeof *check->rows);
        check->work = auction_new();
        buffer_init(&check->right_fills, check->fills, sizeof check->fills);
    }
    return check;
}

static void
check_free(struct check *check)
{
    if (check != NULL) {
        auction_free(check->work);
        free(check->rows);
        free(check->book);
        free(check->memory);
        free(check);
    }
}

/* ---- Computing it anew ---- */

static enum status
compute(struct check *check)
{
    const struct clearing_book *book = check->book;
    const struct auction_book orders = {.rows = check->rows,
                                        .row_count = book->listing_count,
                                        .bids = book->bids,
                                        .bid_count = book->bid_count,
                                        .seed = book->seed,
                                        .now_s = book->close.closed_at_s,
                                        .work = book->close.work,
                                        .pricing = (enum auction_rule)book->close.rule};
    auction_rows(book->listings, book->listing_count, check->rows);
    const enum status status = auction_clear(check->work, &orders, &check->outcome);
    if (status == STATUS_OK) {
        auction_write_fills(&check->outcome, &check->right_fills);
    }
    return status;
}

static void
say_figure(struct check *check, const char *what, uint64_t said, uint64_t right)
{
    if (said != right) {
        talk_say("the file says %s %llu; its bids and listings make it %llu", what,
                 (unsigned long long)said, (unsigned long long)right);
        check->differences++;
    }
}

static unsigned
number_at(struct bytes fills, size_t at)
{
    return at + 1 < fills.length ? (unsigned)(fills.data[at] << 8 | fills.data[at + 1]) : 0;
}

/* The first fill that is another one. */
static void
say_fills(struct check *check)
{
    const struct bytes said = check->book->fills;
    const struct bytes right = buffer_bytes(&check->right_fills);
    if (bytes_equal(said, right)) {
        return;
    }
    size_t at = 0;
    while (at + FILL_BYTES <= said.length && at + FILL_BYTES <= right.length &&
           memcmp(said.data + at, right.data + at, FILL_BYTES) == 0) {
        at += FILL_BYTES;
    }
    talk_say(
        "fill %zu: the file gives bid %u %u cards of listing %u; right is: bid %u, %u cards of "
        "listing %u",
        at / FILL_BYTES + 1, number_at(said, at) + 1, number_at(said, at + 4),
        number_at(said, at + 2) + 1, number_at(right, at) + 1, number_at(right, at + 4),
        number_at(right, at + 2) + 1);
    check->differences++;
}

static void
compare(struct check *check)
{
    const struct clearing_record *said = &check->book->clearing;
    const struct auction_outcome *right = &check->outcome;
    say_figure(check, "the price is", (uint64_t)amount_micro(said->price_uusd_per_hour),
               right->price_uusd);
    say_figure(check, "the surplus is", (uint64_t)amount_micro(said->surplus_uusd_per_hour),
               right->surplus_uusd);
    say_figure(check, "the units are", said->units, right->units);
    say_figure(check, "the number of fills is", said->fills, right->fill_count);
    say_fills(check);
}

/* ---- Showing it ---- */

static json_t *
hex_json(const uint8_t bytes[ID_LENGTH])
{
    char hex[ID_HEX_SIZE];
    id_to_hex(bytes, hex);
    return json_string(hex);
}

static json_t *
fills_json(const struct check *check)
{
    json_t *list = json_array();
    for (size_t i = 0; i < check->outcome.fill_count; i++) {
        const struct auction_fill *fill = &check->outcome.fills[i];
        const struct auction_bid *bid = &check->book->bids[fill->bid];
        const struct auction_listing *listing = &check->book->listings[fill->row];
        json_t *object = json_pack(
            "{s:o, s:o, s:o, s:o, s:I, s:I}", "renter", hex_json(bid->renter.bytes), "commitment",
            hex_json(bid->commitment.bytes), "host", hex_json(listing->host.bytes), "listing",
            hex_json(listing->id.bytes), "slots", (json_int_t)fill->slots, "paid_uusd_per_hour",
            (json_int_t)fill->paid_uusd_per_hour);
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *
check_json(const struct check *check)
{
    const struct clearing_book *book = check->book;
    const struct auction_close *close = &book->close;
    return json_pack(
        "{s:b, s:o, s:o, s:o, s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "valid",
        1, "clearing", hex_json(book->id.bytes), "auctioneer", hex_json(book->auctioneer.bytes),
        "network", hex_json(book->network.bytes), "epoch", (json_int_t)close->epoch, "closed_at_s",
        (json_int_t)close->closed_at_s, "work", name_table_name(&work_names, close->work), "region",
        name_table_name(&region_names, close->region), "rule",
        name_table_name(&auction_rule_names, close->rule), "commitments",
        (json_int_t)close->commitments, "bids", (json_int_t)book->bid_count, "listings",
        (json_int_t)book->listing_count, "price_uusd_per_hour",
        (json_int_t)check->outcome.price_uusd, "surplus_uusd_per_hour",
        (json_int_t)check->outcome.surplus_uusd, "units", (json_int_t)check->outcome.units, "fills",
        fills_json(check));
}

static void
print_price(const char *before, uint64_t uusd_per_hour, const char *after)
{
    char memory[CELL_SIZE];
    struct buffer text;
    struct amount price;
    buffer_init(&text, memory, sizeof memory);
    if (amount_of_micro((int64_t)uusd_per_hour, &price) == STATUS_OK) {
        quantity_print_price(&text, price);
    }
    printf("%s%.*s%s", before, (int)text.length, memory, after);
}

static void
print_check(const struct check *check)
{
    const struct clearing_book *book = check->book;
    const struct auction_outcome *outcome = &check->outcome;
    char hex[ID_HEX_SIZE];
    id_to_hex(book->auctioneer.bytes, hex);
    printf("valid: every signature and digest, and the clearing computed anew\n");
    printf("auctioneer  %s\n", hex);
    id_to_hex(book->id.bytes, hex);
    printf("clearing    %s\n", hex);
    printf(
        "market      %s, region %s, epoch %llu\n", name_table_name(&work_names, book->close.work),
        name_table_name(&region_names, book->close.region), (unsigned long long)book->close.epoch);
    printf("bids        %zu of %u commitments opened, %zu listings\n", book->bid_count,
           book->close.commitments, book->listing_count);
    if (outcome->price_uusd > 0) {
        print_price("price       ", outcome->price_uusd, " for the speed of one H100, for all\n");
    } else {
        printf("price       the ask of each card (under %d traders on a side)\n",
               CLEAR_TRADERS_MIN);
    }
    for (size_t i = 0; i < outcome->fill_count; i++) {
        const struct auction_fill *fill = &outcome->fills[i];
        char renter[ID_HEX_SIZE];
        id_to_hex(book->bids[fill->bid].renter.bytes, renter);
        id_to_hex(book->listings[fill->row].host.bytes, hex);
        printf("fill        renter %.8s gets %u of host %.8s", renter, fill->slots, hex);
        print_price(" at ", fill->paid_uusd_per_hour, "\n");
    }
}

static int
verify(const struct invocation *invocation, struct check *check, const char *path)
{
    struct clearing_fault fault;
    size_t length = 0;
    enum status status = place_read_bytes(path, check->memory, CLEARING_BYTES_MAX + 1, &length);
    if (status != STATUS_OK) {
        talk_say("cannot read %s: %s", path, status_text(status));
        return EXIT_REFUSED;
    }
    status = clearing_open(bytes_of(check->memory, length), check->book, &fault);
    if (status != STATUS_OK && fault.number > 0) {
        talk_say("%s is no valid clearing: %s %zu: %s", path, fault.list, fault.number, fault.why);
        return EXIT_REFUSED;
    }
    status = status == STATUS_OK ? compute(check) : status;
    if (status != STATUS_OK) {
        talk_say("%s is no valid clearing: %s", path,
                 fault.why != NULL ? fault.why : status_text(status));
        return EXIT_REFUSED;
    }
    compare(check);
    if (check->differences > 0) {
        talk_say("%s is no valid clearing: the auctioneer computed it wrongly", path);
        return EXIT_REFUSED;
    }
    if (option_is_given(invocation, "json")) {
        return talk_document(check_json(check));
    }
    print_check(check);
    return talk_flush();
}

static int
run_verify(const struct invocation *invocation, const char *path)
{
    struct check *check = check_new();
    int code = EXIT_REFUSED;
    if (check == NULL || check->memory == NULL || check->book == NULL || check->rows == NULL ||
        check->work == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
    } else {
        code = verify(invocation, check, path);
    }
    check_free(check);
    return code;
}

int
run_clear(const struct invocation *invocation)
{
    const char *path = option_value(invocation, "verify");
    const char *id = option_value(invocation, "export");
    if (path != NULL && id != NULL) {
        talk_say("give --verify or --export, not both");
        return EXIT_USAGE;
    }
    if (path != NULL) {
        return run_verify(invocation, path);
    }
    return id != NULL ? clear_export(invocation, id) : clear_list(invocation);
}
