#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/place.h"
#include "crypto/clearing.h"
#include "node/market/auction.h"
#include "tests/support/clearing_sample.h"

static uint8_t memory[CLEARING_SAMPLE_BYTES];
static uint8_t fills[AUCTION_FILLS_BYTES_MAX];
static struct clearing_book book;
static struct market_row rows[AUCTION_ASKS_MAX];
static char path[] = "/tmp/gpulet-test-clear-XXXXXX";

static struct bytes
file_of(enum auction_rule rule, const struct clearing_figures *figures)
{
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    clearing_sample(CLEARING_HONEST, rule, figures, &buffer);
    return buffer_bytes(&buffer);
}

/* What an honest auctioneer would say. */
static struct clearing_figures
right_figures(enum auction_rule rule)
{
    const struct clearing_figures none = {.fills = 0};
    struct auction_work *work = auction_new();
    struct auction_outcome outcome;
    struct clearing_fault fault;
    struct buffer buffer;
    cr_assert_not_null(work);
    cr_assert_eq(clearing_open(file_of(rule, &none), &book, &fault), STATUS_OK, "%s", fault.why);
    auction_rows(book.listings, book.listing_count, rows);
    const struct auction_book orders = {.rows = rows,
                                        .row_count = book.listing_count,
                                        .bids = book.bids,
                                        .bid_count = book.bid_count,
                                        .seed = book.seed,
                                        .now_s = book.close.closed_at_s,
                                        .work = book.close.work,
                                        .pricing = rule};
    cr_assert_eq(auction_clear(work, &orders, &outcome), STATUS_OK);
    buffer_init(&buffer, fills, sizeof fills);
    auction_write_fills(&outcome, &buffer);
    cr_assert_gt(outcome.fill_count, 7u);
    cr_assert_neq(outcome.price_uusd, 0u);
    const struct clearing_figures figures = {.price_uusd = outcome.price_uusd,
                                             .surplus_uusd = outcome.surplus_uusd,
                                             .units = outcome.units,
                                             .fills = (uint16_t)outcome.fill_count,
                                             .fill_bytes = buffer_bytes(&buffer)};
    auction_free(work);
    return figures;
}

static int
verified(struct bytes file)
{
    char *arguments[] = {"gpulet", "clear", "--verify", path, NULL};
    struct invocation invocation;
    char words[256];
    struct buffer why;
    buffer_init(&why, words, sizeof words);
    cr_assert_eq(place_write(path, file), STATUS_OK);
    cr_assert_eq(invocation_read(4, arguments, &invocation, &why), STATUS_OK);
    return run_clear(&invocation);
}

static void
start(void)
{
    const int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
    cr_redirect_stdout();
    cr_redirect_stderr();
}

static void
end(void)
{
    (void)unlink(path);
}

Test(clear_command, an_honest_clearing_is_valid_by_either_rule, .init = start, .fini = end)
{
    for (int rule = 0; rule < AUCTION_RULE_COUNT; rule++) {
        const struct clearing_figures figures = right_figures((enum auction_rule)rule);
        cr_assert_eq(verified(file_of((enum auction_rule)rule, &figures)), EXIT_DONE);
    }
}

Test(clear_command, an_auctioneer_that_computes_wrongly_is_found_out, .init = start, .fini = end)
{
    const struct clearing_figures right = right_figures(AUCTION_HALFWAY);
    struct clearing_figures wrong = right;
    wrong.price_uusd++;
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &wrong)), EXIT_REFUSED);
    wrong = right;
    wrong.surplus_uusd--;
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &wrong)), EXIT_REFUSED);
    wrong = right;
    wrong.units++;
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &wrong)), EXIT_REFUSED);
    wrong = right;
    wrong.fills++;
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &wrong)), EXIT_REFUSED);
    wrong = right;
    wrong.fill_bytes.length -= 6;
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &wrong)), EXIT_REFUSED);
    fills[9] ^= 1; /* another listing in the second fill */
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &right)), EXIT_REFUSED);
    fills[9] ^= 1;
    cr_assert_eq(verified(file_of(AUCTION_HALFWAY, &right)), EXIT_DONE);
    /* The same book by another rule has other figures. */
    cr_assert_eq(verified(file_of(AUCTION_REDUCED, &right)), EXIT_REFUSED);
}

Test(clear_command, what_is_no_file_of_a_clearing_is_refused, .init = start, .fini = end)
{
    const struct clearing_figures figures = right_figures(AUCTION_HALFWAY);
    const struct bytes file = file_of(AUCTION_HALFWAY, &figures);
    cr_assert_eq(verified(bytes_of(file.data, 0)), EXIT_REFUSED);
    cr_assert_eq(verified(bytes_of(file.data, file.length - 1)), EXIT_REFUSED);
    memory[file.length / 2] ^= 1;
    cr_assert_eq(verified(file), EXIT_REFUSED);
}
