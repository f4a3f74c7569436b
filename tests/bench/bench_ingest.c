/* From sealed bytes to the disk on two cores, as the daemon goes about it: threads check signatures, the
 * loop's thread steps the core and commits. Beside it, two threads that do nothing but check. */
#include <assert.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/core/core.h"
#include "node/io/checks.h"
#include "protocol/record.h"
#include "storage/transaction.h"
#include "tests/bench/bench.h"
#include "tests/support/sealed.h"

enum { RECORDS = 6000, FRAME = 128, WAITING_MAX = 2048, ROUNDS = 5, CORES = 2 };

struct ingest {
    struct core *core;
    struct effects *effects;
    struct store *store;
    struct checks *checks;
    uint64_t taken;
};

struct kept_record {
    size_t length;
    uint8_t bytes[LISTING_BYTES_MAX];
};

static void
must(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "bench: %s\n", what);
        abort();
    }
}

static int
remove_one(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

/* One listing of each of so many hosts. */
static struct kept_record *
make_records(void)
{
    struct kept_record *records = calloc(RECORDS, sizeof *records);
    must(records != NULL, "no memory");
    for (unsigned i = 0; i < RECORDS; i++) {
        struct keypair keys;
        struct sealed_record sealed;
        keypair_for_test(i, bytes_of_text("ingest"), &keys);
        struct listing listing = {.slots_total = 1,
                                  .gpu_class = 1,
                                  .gpu_name = bytes_of_text("NVIDIA GeForce RTX 4090"),
                                  .driver = bytes_of_text("550.54.14"),
                                  .vram_mib = 24564,
                                  .fp16_gflops = 165200,
                                  .bandwidth_mb_s = 1008000,
                                  .lease_min_s = 60,
                                  .lease_max_s = 43200,
                                  .interval_s = 60,
                                  .meter_s = 10,
                                  .works = 15,
                                  .flags = LISTING_SIMULATED};
        memset(listing.week_hours, 0xFF, sizeof listing.week_hours);
        must(amount_of_micro(300000 + (int64_t)i, &listing.ask_uusd_per_hour) == STATUS_OK,
             "no amount");
        sealed_body(&sealed, RECORD_LISTING, &keys, &listing);
        const struct bytes bytes = sealed_bytes(&sealed);
        must(bytes.length <= sizeof records[i].bytes, "a listing is too long");
        records[i].length = bytes.length;
        memcpy(records[i].bytes, bytes.data, bytes.length);
    }
    return records;
}

/* ---- The bare checks ------------------------------------------------------------------------- */

static void *
check_share(void *argument)
{
    const struct kept_record *records = argument;
    unsigned char message[80] = {0};
    struct keypair keys;
    keypair_for_test(0, bytes_of_text("ingest"), &keys);
    uintptr_t refused = 0;
    for (unsigned i = 0; i < RECORDS / CORES; i++) {
        refused +=
            crypto_sign_verify_detached(records[i].bytes + records[i].length - SIGNATURE_LENGTH,
                                        message, sizeof message, keys.identity.bytes) != 0;
    }
    return (void *)refused;
}

static double
bare_rate(struct kept_record *records)
{
    pthread_t threads[CORES];
    const uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < CORES; i++) {
        must(pthread_create(&threads[i], NULL, check_share, records + i * (RECORDS / CORES)) == 0,
             "no thread");
    }
    uintptr_t refused = 0;
    for (unsigned i = 0; i < CORES; i++) {
        void *answer = NULL;
        must(pthread_join(threads[i], &answer) == 0, "no thread");
        refused += (uintptr_t)answer;
    }
    must(refused == RECORDS, "a signature over nothing was taken");
    return bench_rate(RECORDS, start);
}

/* ---- The node's way -------------------------------------------------------------------------- */

static void
step(struct ingest *ingest, const struct event *given)
{
    struct event event = *given;
    event.now = (struct moment){{(int64_t)SEALED_NOW_S * 1000}, {1000}};
    core_step(ingest->core, &event, ingest->effects);
}

static void
take(void *context, const struct event *event)
{
    struct ingest *ingest = context;
    must(event->type == EVENT_RECORD_VERIFIED, "a good record was refused");
    step(ingest, event);
    ingest->taken++;
}

/* What node/io/carry_out.c does with the records of a batch. */
static void
commit(struct ingest *ingest)
{
    struct transaction *transaction = NULL;
    enum status cache = STATUS_OK;
    for (size_t i = 0; i < ingest->effects->count; i++) {
        const struct effect *effect = &ingest->effects->list[i];
        if (effect->type == EFFECT_STORE_RECORD) {
            transaction = transaction != NULL ? transaction : transaction_begin(ingest->store);
            transaction_put_record(transaction, &effect->as.record);
        }
    }
    effects_clear(ingest->effects);
    must(transaction == NULL ||
             (transaction_commit(transaction, &cache) == STATUS_OK && cache == STATUS_OK),
         "a commit failed");
    checks_release(ingest->checks);
}

static void
wait_for_checks(struct ingest *ingest)
{
    zmq_pollitem_t items[1];
    struct poll_set set = {.items = items, .capacity = 1};
    checks_add_to_poll(ingest->checks, &set);
    struct pollfd wanted = {.fd = items[0].fd, .events = POLLIN};
    (void)poll(&wanted, 1, 1000);
}

static double
node_rate(struct ingest *ingest, const struct kept_record *records)
{
    const struct sink sink = {.take = take, .context = ingest};
    const uint64_t start = bench_now_ns();
    uint64_t added = 0;
    while (ingest->taken < RECORDS) {
        while (added < RECORDS && added - ingest->taken < WAITING_MAX) {
            for (unsigned i = 0; i < FRAME && added < RECORDS; i++, added++) {
                checks_add(ingest->checks, (struct link){1},
                           bytes_of(records[added].bytes, records[added].length));
            }
            checks_start(ingest->checks);
        }
        const uint64_t before = ingest->taken;
        const bool more = checks_collect(ingest->checks, &sink);
        if (ingest->taken > before) {
            commit(ingest);
        } else if (!more) {
            wait_for_checks(ingest);
        }
    }
    return bench_rate(RECORDS, start);
}

static void
ingest_open(struct ingest *ingest, const char *directory)
{
    const struct network_id network = sealed_network("test");
    const struct store_options store = {0};
    struct core_options options = {
        .is_test_network = true, .shelf_records_max = SHELF_RECORDS_DEFAULT, .network = network};
    char why[STORE_WHY_SIZE];
    keypair_for_test(1, bytes_of_text("bench-node"), &options.keypair);
    *ingest = (struct ingest){.core = core_new(&options),
                              .effects = effects_new(),
                              .checks = checks_new(&network, CORES)};
    must(ingest->core != NULL && ingest->effects != NULL && ingest->checks != NULL &&
             store_open(directory, &store, &ingest->store, why) == STATUS_OK,
         "no node");
    step(ingest, &(struct event){.type = EVENT_STARTED});
    step(ingest, &(struct event){.type = EVENT_RECOVERED});
    commit(ingest);
}

static double
node_round(const struct kept_record *records)
{
    struct ingest ingest;
    const char *base = getenv("TMPDIR");
    char directory[512];
    uint64_t count = 0;
    (void)snprintf(directory, sizeof directory, "%s/gpulet-bench-XXXXXX",
                   base == NULL ? "/var/tmp" : base);
    must(mkdtemp(directory) != NULL, "no directory");
    ingest_open(&ingest, directory);
    const double rate = node_rate(&ingest, records);
    must(store_count(ingest.store, TABLE_RECORDS, &count) == STATUS_OK && count >= RECORDS,
         "records are missing on the disk");
    checks_free(ingest.checks);
    store_close(ingest.store);
    core_free(ingest.core);
    effects_free(ingest.effects);
    (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return rate;
}

void
bench_ingest(struct bench *bench)
{
    double ratios[ROUNDS];
    double bare[ROUNDS];
    double node[ROUNDS];
    assert(crypto_start() == STATUS_OK);
    struct kept_record *records = make_records();
    for (unsigned i = 0; i < ROUNDS; i++) {
        /* One half before and one after: the machine's pace changes. */
        const double before = bare_rate(records);
        node[i] = node_round(records);
        const double after = bare_rate(records);
        bare[i] = 2 / (1 / before + 1 / after);
        ratios[i] = node[i] / bare[i];
    }
    free(records);
    bench_sort(ratios, ROUNDS);
    bench_sort(bare, ROUNDS);
    bench_sort(node, ROUNDS);
    bench_add(bench, &(struct bench_row){.name = "verified ingest to disk, two cores",
                                         .value = node[ROUNDS / 2],
                                         .unit = "1/s",
                                         .reference = "libsodium verify on two threads",
                                         .reference_value = bare[ROUNDS / 2]});
    bench_add(bench, &(struct bench_row){.name = "the same against bare verify on two threads",
                                         .value = ratios[ROUNDS / 2],
                                         .unit = "ratio",
                                         .target = 0.9});
}
