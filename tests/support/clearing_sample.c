#include "tests/support/clearing_sample.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/clearing.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "protocol/record.h"

enum { COMMITMENTS = CLEARING_SAMPLE_BIDS + 1 };

struct kept {
    struct sealed_record record;
    struct record_id id;
};

struct draft {
    enum clearing_lie lie;
    struct keypair auctioneer;
    struct keypair renters[COMMITMENTS];
    uint8_t terms[COMMITMENTS][BID_BYTES_MAX];
    size_t terms_lengths[COMMITMENTS];
    struct kept commitments[COMMITMENTS];
    size_t order[COMMITMENTS]; /* of the commitments, by id */
    struct kept listings[CLEARING_SAMPLE_LISTINGS];
    struct kept bids[CLEARING_SAMPLE_BIDS];
    size_t bid_count;
    struct kept close;
    struct kept clearing;
};

static struct amount
micro(uint64_t value)
{
    struct amount amount = amount_zero();
    const enum status status = amount_of_micro((int64_t)value, &amount);
    assert(status == STATUS_OK);
    (void)status;
    return amount;
}

static void
encode(const struct schema *schema, const void *value, struct buffer *buffer)
{
    const enum status status = codec_encode(schema, value, buffer);
    assert(status == STATUS_OK);
    (void)status;
}

static struct keypair
numbered(const char *name, size_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%s-%zu", name, number);
    return sealed_keypair(text);
}

static void
seal(struct kept *kept, uint8_t kind, const struct keypair *author, const void *body)
{
    const struct network_id network = sealed_network("test");
    struct record_view view;
    sealed_body(&kept->record, kind, author, body);
    const enum status status = record_parse(sealed_bytes(&kept->record), &network, &view);
    assert(status == STATUS_OK);
    (void)status;
    kept->id = view.id;
}

static void
write_terms(struct draft *draft, size_t at, uint64_t bid_uusd)
{
    uint8_t memory[512];
    struct request request = request_default();
    struct bid_terms terms = {.units_wanted = 19000 + 500 * at,
                              .units_min = at % 3 == 0 ? 8000 : 0};
    struct buffer encoded;
    struct buffer buffer;
    request.unit_max_uusd_per_hour = micro(bid_uusd);
    request.vram_min_mib = at % 4 == 0 ? 16384 : 0;
    buffer_init(&encoded, memory, sizeof memory);
    encode(&request_schema, &request, &encoded);
    memset(terms.nonce.bytes, (int)(at + 1), ID_LENGTH);
    terms.request = buffer_bytes(&encoded);
    buffer_init(&buffer, draft->terms[at], sizeof draft->terms[at]);
    encode(&bid_terms_schema, &terms, &buffer);
    draft->terms_lengths[at] = buffer.length;
}

static int
by_id(const void *a, const void *b)
{
    return memcmp(((const struct kept *)a)->id.bytes, ((const struct kept *)b)->id.bytes,
                  ID_LENGTH);
}

static void
make_commitments(struct draft *draft)
{
    for (size_t i = 0; i < COMMITMENTS; i++) {
        draft->renters[i] = numbered("renter", i);
        write_terms(draft, i, 2600000 - 90000 * i);
        const struct bytes terms = bytes_of(draft->terms[i], draft->terms_lengths[i]);
        struct commitment commitment = {
            .auctioneer = draft->auctioneer.identity,
            .work = WORK_INFER,
            .bid = clearing_bid_digest(&draft->renters[i].identity, terms),
        };
        if (i == 1 && draft->lie == CLEARING_COMMITMENT_FOREIGN) {
            commitment.auctioneer = draft->renters[0].identity;
        }
        if (i == 1 && draft->lie == CLEARING_BID_COPIED) {
            commitment.bid = clearing_bid_digest(
                &draft->renters[0].identity, bytes_of(draft->terms[0], draft->terms_lengths[0]));
            memcpy(draft->terms[1], draft->terms[0], draft->terms_lengths[0]);
            draft->terms_lengths[1] = draft->terms_lengths[0];
        }
        seal(&draft->commitments[i], RECORD_COMMITMENT, &draft->renters[i], &commitment);
    }
    for (size_t i = 0; i < COMMITMENTS; i++) {
        size_t at = i;
        while (at > 0 &&
               by_id(&draft->commitments[draft->order[at - 1]], &draft->commitments[i]) > 0) {
            draft->order[at] = draft->order[at - 1];
            at--;
        }
        draft->order[at] = i;
    }
}

static struct listing
listing_of(size_t number)
{
    const struct gpu_class *gpu_class = gpu_class_at(2 + number % 4);
    const uint32_t unit = gpu_unit(WORK_INFER, gpu_class->fp16_gflops, gpu_class->bandwidth_mb_s);
    struct listing listing = {
        .slots_total = (uint16_t)(1 + number % 2),
        .gpu_class = gpu_class->number,
        .gpu_name = bytes_of_text("card"),
        .vram_mib = gpu_class->vram_mib,
        .fp16_gflops = gpu_class->fp16_gflops,
        .bandwidth_mb_s = gpu_class->bandwidth_mb_s,
        .ask_uusd_per_hour = micro((uint64_t)price_of_unit(800000 + 60000 * number, unit)),
        .lease_min_s = 60,
        .lease_max_s = 86400,
        .interval_s = 60,
        .meter_s = 10,
        .works = 15,
    };
    memset(listing.week_hours, 0xff, sizeof listing.week_hours);
    return listing;
}

static void
make_listings(struct draft *draft)
{
    struct keypair hosts[CLEARING_SAMPLE_LISTINGS];
    for (size_t i = 0; i < CLEARING_SAMPLE_LISTINGS; i++) {
        const struct keypair host = numbered("host", i);
        size_t at = i;
        while (at > 0 && memcmp(hosts[at - 1].identity.bytes, host.identity.bytes, ID_LENGTH) > 0) {
            hosts[at] = hosts[at - 1];
            at--;
        }
        hosts[at] = host;
    }
    if (draft->lie == CLEARING_LISTINGS_UNORDERED) {
        const struct keypair host = hosts[3];
        hosts[3] = hosts[4];
        hosts[4] = host;
    }
    if (draft->lie == CLEARING_LISTING_TWICE) {
        hosts[5] = hosts[4];
    }
    for (size_t i = 0; i < CLEARING_SAMPLE_LISTINGS; i++) {
        const struct listing listing = listing_of(i);
        seal(&draft->listings[i], RECORD_LISTING, &hosts[i], &listing);
    }
}

static void
make_close(struct draft *draft, enum auction_rule rule)
{
    struct record_id ids[COMMITMENTS];
    struct record_id listings[CLEARING_SAMPLE_LISTINGS];
    const struct keypair *author =
        draft->lie == CLEARING_CLOSE_FOREIGN ? &draft->renters[0] : &draft->auctioneer;
    for (size_t i = 0; i < COMMITMENTS; i++) {
        ids[i] = draft->commitments[draft->order[i]].id;
    }
    for (size_t i = 0; i < CLEARING_SAMPLE_LISTINGS; i++) {
        listings[i] = draft->listings[i].id;
    }
    const size_t count = COMMITMENTS - (draft->lie == CLEARING_COMMITMENT_ADDED);
    const struct auction_close close = {
        .work = WORK_INFER,
        .rule = (uint8_t)rule,
        .epoch = 7,
        .closed_at_s = SEALED_NOW_S + 10,
        .commitments = (uint16_t)count,
        .commitments_digest = clearing_ids_digest(CLEARING_COMMITMENTS, ids, count),
        .listings = CLEARING_SAMPLE_LISTINGS,
        .listings_digest =
            clearing_ids_digest(CLEARING_LISTINGS, listings, CLEARING_SAMPLE_LISTINGS)};
    seal(&draft->close, RECORD_AUCTION_CLOSE, author, &close);
}

/* All but renter 4, who does not open. */
static void
make_bids(struct draft *draft)
{
    for (size_t i = 0; i < COMMITMENTS; i++) {
        const size_t renter = draft->order[i];
        if (renter == 4) {
            continue;
        }
        if (renter == 2 && draft->lie == CLEARING_BID_CHANGED) {
            write_terms(draft, renter, 9000000);
        }
        struct bid bid = {
            .commitment = draft->commitments[renter].id,
            .close = draft->close.id,
            .terms = bytes_of(draft->terms[renter], draft->terms_lengths[renter]),
        };
        if (renter == 2 && draft->lie == CLEARING_BID_OF_OTHER_EPOCH) {
            bid.close.bytes[0] ^= 1;
        }
        seal(&draft->bids[draft->bid_count], RECORD_BID, &draft->renters[renter], &bid);
        draft->bid_count++;
    }
}

static void
make_clearing(struct draft *draft, const struct clearing_figures *figures)
{
    struct record_id ids[CLEARING_SAMPLE_BIDS];
    for (size_t i = 0; i < draft->bid_count; i++) {
        ids[i] = draft->bids[i].id;
    }
    struct clearing_record clearing = {
        .close = draft->close.id,
        .bids = (uint16_t)draft->bid_count,
        .bids_digest = clearing_ids_digest(CLEARING_BIDS, ids, draft->bid_count),
        .fills_digest = clearing_fills_digest(figures->fill_bytes),
        .price_uusd_per_hour = micro(figures->price_uusd),
        .surplus_uusd_per_hour = micro(figures->surplus_uusd),
        .units = figures->units,
        .fills = figures->fills,
    };
    if (draft->lie == CLEARING_OTHER_CLOSE) {
        clearing.close.bytes[5] ^= 1;
    }
    if (draft->lie == CLEARING_FILLS_CHANGED) {
        clearing.fills_digest.bytes[5] ^= 1;
    }
    seal(&draft->clearing, RECORD_CLEARING, &draft->auctioneer, &clearing);
}

static void
write_file(const struct draft *draft, const struct clearing_figures *figures, struct buffer *buffer)
{
    static struct clearing_file file;
    static struct clearing_page page;
    static uint8_t page_memory[CLEARING_SAMPLE_BYTES];
    struct buffer pages;
    memset(&file, 0, sizeof file);
    memset(&page, 0, sizeof page);
    file.network = sealed_network("test");
    file.clearing = sealed_bytes(&draft->clearing.record);
    file.close = sealed_bytes(&draft->close.record);
    file.fills = figures->fill_bytes;
    for (size_t i = draft->lie == CLEARING_COMMITMENT_DROPPED; i < COMMITMENTS; i++) {
        file.commitments.items[file.commitments.count++] =
            sealed_bytes(&draft->commitments[draft->order[i]].record);
    }
    for (size_t i = draft->lie == CLEARING_BID_DROPPED; i < draft->bid_count; i++) {
        file.bids.items[file.bids.count++] = sealed_bytes(&draft->bids[i].record);
    }
    buffer_init(&pages, page_memory, sizeof page_memory);
    for (size_t i = draft->lie == CLEARING_LISTING_DROPPED; i < CLEARING_SAMPLE_LISTINGS; i++) {
        page.listings.items[page.listings.count++] = sealed_bytes(&draft->listings[i].record);
        if (page.listings.count == 5 || i + 1 == CLEARING_SAMPLE_LISTINGS) {
            const size_t start = pages.length;
            encode(&clearing_page_schema, &page, &pages);
            file.listings.items[file.listings.count++] =
                bytes_of(page_memory + start, pages.length - start);
            page.listings.count = 0;
        }
    }
    encode(&clearing_file_schema, &file, buffer);
}

void
clearing_sample(enum clearing_lie lie, enum auction_rule rule,
                const struct clearing_figures *figures, struct buffer *buffer)
{
    static struct draft draft;
    memset(&draft, 0, sizeof draft);
    draft.lie = lie;
    draft.auctioneer = sealed_keypair("auctioneer");
    make_commitments(&draft);
    make_listings(&draft);
    make_close(&draft, rule);
    make_bids(&draft);
    make_clearing(&draft, figures);
    write_file(&draft, figures, buffer);
}
