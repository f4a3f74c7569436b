/* Opens any bytes as the file of a clearing: every refusal has its sentence, and whatever opens can be
 * cleared, with nobody paying more than the bid or getting less than the ask. */
#include <stdlib.h>

#include "crypto/clearing.h"
#include "crypto/keypair.h"
#include "node/market/auction.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct clearing_book book;
static struct market_row rows[AUCTION_ASKS_MAX];
static struct auction_work *work;

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
clear_book(void)
{
    const struct auction_book orders = {.rows = rows,
                                        .row_count = book.listing_count,
                                        .bids = book.bids,
                                        .bid_count = book.bid_count,
                                        .seed = book.seed,
                                        .now_s = book.close.closed_at_s,
                                        .work = book.close.work,
                                        .pricing = (enum auction_rule)book.close.rule};
    struct auction_outcome outcome;
    auction_rows(book.listings, book.listing_count, rows);
    require(auction_clear(work, &orders, &outcome) == STATUS_OK);
    for (size_t i = 0; i < outcome.fill_count; i++) {
        const struct auction_fill *fill = &outcome.fills[i];
        const struct market_row *row = &rows[fill->row];
        const uint32_t unit =
            gpu_unit((enum work)book.close.work, row->fp16_gflops, row->bandwidth_mb_s);
        const uint64_t bid =
            (uint64_t)amount_micro(book.bids[fill->bid].request.unit_max_uusd_per_hour);
        require(fill->paid_uusd_per_hour >= row->ask_uusd_per_hour);
        require((int64_t)fill->paid_uusd_per_hour <= price_of_unit(bid, unit));
        require(fill->slots > 0 && fill->slots <= row->slots_total);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clearing_fault fault;
    require(crypto_start() == STATUS_OK);
    if (work == NULL) {
        work = auction_new();
        require(work != NULL);
    }
    const enum status status = clearing_open(bytes_of(data, size), &book, &fault);
    require((status == STATUS_OK) == (fault.why == NULL));
    if (status == STATUS_OK) {
        clear_book();
    }
    return 0;
}
