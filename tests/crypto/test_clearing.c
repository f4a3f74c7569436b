#include "crypto/clearing.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/clearing_sample.h"

static uint8_t memory[CLEARING_SAMPLE_BYTES];
static struct clearing_book book;

static struct bytes
file_of(enum clearing_lie lie)
{
    static const uint8_t fills[] = {0, 0, 0, 1, 0, 1};
    const struct clearing_figures figures = {
        .price_uusd = 5, .fills = 1, .fill_bytes = bytes_of(fills, sizeof fills)};
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    clearing_sample(lie, AUCTION_HALFWAY, &figures, &buffer);
    return buffer_bytes(&buffer);
}

Test(clearing, an_honest_file_opens_with_everything_that_was_said)
{
    const struct bytes file = file_of(CLEARING_HONEST);
    const struct keypair auctioneer = sealed_keypair("auctioneer");
    struct clearing_fault fault;
    cr_assert_eq(clearing_open(file, &book, &fault), STATUS_OK, "%s", fault.why);
    cr_assert_null(fault.why);
    cr_assert(peer_id_equal(&book.auctioneer, &auctioneer.identity));
    cr_assert_eq(book.bid_count, (size_t)CLEARING_SAMPLE_BIDS);
    cr_assert_eq(book.listing_count, (size_t)CLEARING_SAMPLE_LISTINGS);
    cr_assert_eq(book.close.commitments, CLEARING_SAMPLE_BIDS + 1);
    cr_assert_eq(book.close.epoch, 7u);
    cr_assert_eq(book.clearing.fills, 1u);
    cr_assert_eq(book.fills.length, 6u);
    for (size_t i = 0; i < book.bid_count; i++) {
        cr_assert_eq(book.bids[i].units_wanted % 500, 0u);
        cr_assert_geq(amount_micro(book.bids[i].request.unit_max_uusd_per_hour), 1700000);
    }
}

Test(clearing, every_lie_is_refused_with_a_sentence)
{
    for (int lie = CLEARING_HONEST + 1; lie < CLEARING_LIE_COUNT; lie++) {
        const struct bytes file = file_of((enum clearing_lie)lie);
        struct clearing_fault fault;
        const enum status status = clearing_open(file, &book, &fault);
        cr_assert_eq(status, STATUS_REFUSED, "lie %d: %s", lie, status_name(status));
        cr_assert_not_null(fault.why);
        cr_assert(fault.number == 0 || fault.list != NULL);
    }
}

Test(clearing, every_changed_byte_is_noticed)
{
    const struct bytes file = file_of(CLEARING_HONEST);
    /* All of the frame and the ends; a sample of the long lists. */
    for (size_t i = 0; i < file.length; i += i < 1200 || i + 200 > file.length ? 1 : 7) {
        struct clearing_fault fault;
        memory[i] ^= (uint8_t)(1u << i % 8);
        cr_assert_neq(clearing_open(file, &book, &fault), STATUS_OK, "byte %zu", i);
        cr_assert_not_null(fault.why);
        memory[i] ^= (uint8_t)(1u << i % 8);
    }
    struct clearing_fault fault;
    cr_assert_eq(clearing_open(file, &book, &fault), STATUS_OK);
    for (size_t length = 0; length < file.length; length += 97) {
        cr_assert_neq(clearing_open(bytes_of(file.data, length), &book, &fault), STATUS_OK);
    }
}

Test(clearing, a_promise_is_of_one_renter_and_one_bid)
{
    const struct keypair a = sealed_keypair("renter-0");
    const struct keypair b = sealed_keypair("renter-1");
    const struct bytes terms = bytes_of_text("terms");
    const struct record_id one = clearing_bid_digest(&a.identity, terms);
    struct record_id other = clearing_bid_digest(&b.identity, terms);
    cr_assert_not(record_id_equal(&one, &other));
    other = clearing_bid_digest(&a.identity, bytes_of_text("termt"));
    cr_assert_not(record_id_equal(&one, &other));
}

Test(clearing, the_seed_follows_from_every_nonce)
{
    struct record_id nonces[3] = {{{1}}, {{2}}, {{3}}};
    const struct record_id close = {{9}};
    const uint64_t seed = clearing_seed(&close, nonces, 3);
    cr_assert_eq(clearing_seed(&close, nonces, 3), seed);
    cr_assert_neq(clearing_seed(&close, nonces, 2), seed);
    for (size_t i = 0; i < 3; i++) {
        nonces[i].bytes[31] ^= 1;
        cr_assert_neq(clearing_seed(&close, nonces, 3), seed);
        nonces[i].bytes[31] ^= 1;
    }
    const struct record_id other = {{8}};
    cr_assert_neq(clearing_seed(&other, nonces, 3), seed);
}
