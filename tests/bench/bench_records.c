/* How fast records are written, read and taken in, beside what the libraries alone would need. */
#include <assert.h>
#include <msgpack.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/record.h"
#include "node/core/core.h"
#include "protocol/codec.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "tests/bench/bench.h"
#include "tests/support/sealed.h"

enum { RECORDS = 2000, BLOCK = 50, ROUNDS = 9, CODEC_PASSES = 20 };

/* A node has its network's id from the start: it is not made for each record. */
static const struct network_id *
bench_network(void)
{
    static struct network_id network;
    static bool is_made;
    if (!is_made) {
        network = sealed_network("test");
        is_made = true;
    }
    return &network;
}

static struct listing
plain_listing(unsigned number)
{
    struct listing listing = {
        .slot_group = 0,
        .slots_total = 1,
        .gpu_class = 1,
        .gpu_name = bytes_of_text("NVIDIA GeForce RTX 4090"),
        .driver = bytes_of_text("550.54.14"),
        .vram_mib = 24564,
        .fp16_gflops = 165200,
        .bandwidth_mb_s = 1008000,
        .cuda = 1204,
        .capability = 809,
        .lease_min_s = 60,
        .lease_max_s = 43200,
        .interval_s = 60,
        .meter_s = 10,
        .works = 15,
        .isolation = ISOLATION_PROCESS,
        .region = REGION_EU,
        .flags = LISTING_SIMULATED,
    };
    memset(listing.week_hours, 0xFF, sizeof listing.week_hours);
    const enum status status =
        amount_of_micro(300000 + (int64_t)number, &listing.ask_uusd_per_hour);
    assert(status == STATUS_OK);
    return listing;
}

/* One listing of each of so many hosts. */
static struct sealed_record *
make_records(void)
{
    struct sealed_record *records = calloc(RECORDS, sizeof *records);
    assert(records != NULL);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct keypair keys;
        keypair_for_test(i, bytes_of_text("bench"), &keys);
        const struct listing listing = plain_listing(i);
        sealed_body(&records[i], RECORD_LISTING, &keys, &listing);
    }
    return records;
}

static double
encode_round(void)
{
    uint8_t memory[1024];
    const uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < RECORDS * CODEC_PASSES; i++) {
        struct buffer buffer;
        const struct listing listing = plain_listing(i);
        buffer_init(&buffer, memory, sizeof memory);
        const enum status status = codec_encode(&listing_schema, &listing, &buffer);
        assert(status == STATUS_OK);
    }
    return bench_rate(RECORDS * CODEC_PASSES, start);
}

static double
decode_round(struct bytes body)
{
    const uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < RECORDS * CODEC_PASSES; i++) {
        struct listing listing;
        const enum status status = codec_decode(&listing_schema, body, &listing);
        assert(status == STATUS_OK);
    }
    return bench_rate(RECORDS * CODEC_PASSES, start);
}

static double
msgpack_round(struct bytes body)
{
    const uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < RECORDS * CODEC_PASSES; i++) {
        msgpack_unpacked result;
        size_t offset = 0;
        msgpack_unpacked_init(&result);
        const msgpack_unpack_return answer =
            msgpack_unpack_next(&result, (const char *)body.data, body.length, &offset);
        assert(answer == MSGPACK_UNPACK_SUCCESS);
        msgpack_unpacked_destroy(&result);
    }
    return bench_rate(RECORDS * CODEC_PASSES, start);
}

/* libsodium alone: one check for each of the same records, nothing else. Answers the nanoseconds. */
static uint64_t
verify_block(const struct sealed_record *records)
{
    unsigned char message[80] = {0};
    unsigned refused = 0;
    struct keypair keys;
    keypair_for_test(0, bytes_of_text("bench"), &keys);
    const uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < BLOCK; i++) {
        const struct bytes sealed = sealed_bytes(&records[i]);
        refused += crypto_sign_verify_detached(sealed.data + sealed.length - SIGNATURE_LENGTH,
                                               message, sizeof message, keys.identity.bytes) != 0;
    }
    const uint64_t spent = bench_now_ns() - start;
    assert(refused == BLOCK);
    return spent;
}

static void
step(struct core *core, struct event *event, struct effects *effects)
{
    effects_clear(effects);
    event->now = (struct moment){{(int64_t)SEALED_NOW_S * 1000}, {1000}};
    core_step(core, event, effects);
}

static struct core *
started_core(struct effects *effects)
{
    struct core_options options = {.is_test_network = true, .shelf_records_max = RECORDS * 2};
    keypair_for_test(1, bytes_of_text("bench-node"), &options.keypair);
    options.network = *bench_network();
    struct core *core = core_new(&options);
    assert(core != NULL);
    struct event event = {.type = EVENT_STARTED};
    step(core, &event, effects);
    event = (struct event){.type = EVENT_RECOVERED};
    step(core, &event, effects);
    return core;
}

/* From sealed bytes to the book: the same signature check, and all that the node does around it. */
static uint64_t
ingest_block(struct core *core, struct effects *effects, const struct sealed_record *records)
{
    const uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < BLOCK; i++) {
        struct event event = {.type = EVENT_RECORD_VERIFIED};
        const enum status status =
            record_open(sealed_bytes(&records[i]), bench_network(), &event.as.checked.record);
        assert(status == STATUS_OK);
        step(core, &event, effects);
    }
    return bench_now_ns() - start;
}

/* In turns of a few milliseconds, so that a machine that changes its pace does so to both. */
static void
ingest_round(const struct sealed_record *records, double *ret_verify, double *ret_ingest)
{
    struct effects *effects = effects_new();
    assert(effects != NULL);
    struct core *core = started_core(effects);
    uint64_t verify_ns = 0;
    uint64_t ingest_ns = 0;
    for (unsigned i = 0; i < RECORDS; i += BLOCK) {
        verify_ns += verify_block(&records[i]);
        ingest_ns += ingest_block(core, effects, &records[i]);
    }
    *ret_verify = RECORDS * 1e9 / (double)verify_ns;
    *ret_ingest = RECORDS * 1e9 / (double)ingest_ns;
    core_free(core);
    effects_free(effects);
}

static void
bench_codec(struct bench *bench, struct bytes body)
{
    double encode[ROUNDS];
    double decode[ROUNDS];
    double library[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        encode[i] = encode_round();
        decode[i] = decode_round(body);
        library[i] = msgpack_round(body);
    }
    const double reference = bench_median(library, ROUNDS);
    bench_add(bench, &(struct bench_row){.name = "records encoded",
                                         .value = bench_median(encode, ROUNDS),
                                         .unit = "1/s"});
    bench_add(bench, &(struct bench_row){.name = "records decoded and checked",
                                         .value = bench_median(decode, ROUNDS),
                                         .unit = "1/s",
                                         .target = reference,
                                         .reference = "msgpack_unpack_next, same bytes",
                                         .reference_value = reference});
}

void
bench_records(struct bench *bench)
{
    assert(crypto_start() == STATUS_OK);
    struct sealed_record *records = make_records();
    struct record_view view;
    assert(record_parse(sealed_bytes(&records[0]), bench_network(), &view) == STATUS_OK);
    bench_codec(bench, view.envelope.body);
    double verify[ROUNDS];
    double ingest[ROUNDS];
    double ratio[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        ingest_round(records, &verify[i], &ingest[i]);
        ratio[i] = ingest[i] / verify[i];
    }
    bench_add(bench, &(struct bench_row){.name = "verified ingest to the book, one thread",
                                         .value = bench_median(ingest, ROUNDS),
                                         .unit = "1/s",
                                         .reference = "libsodium verify alone",
                                         .reference_value = bench_median(verify, ROUNDS)});
    bench_add(bench, &(struct bench_row){.name = "verified ingest against bare verify",
                                         .value = bench_median(ratio, ROUNDS),
                                         .unit = "ratio",
                                         .target = 0.93});
    free(records);
}
