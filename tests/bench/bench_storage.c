/* Durable writes: what the store adds to LMDB itself, measured beside it on the same disk. */
#include <assert.h>
#include <ftw.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/record.h"
#include "storage/transaction.h"
#include "tests/bench/bench.h"
#include "tests/support/sealed.h"

enum { VALUE_BYTES = 300, GROUP = 1000, GROUPS = 30, SINGLES = 400, LISTINGS = 20000, BATCH = 256 };

static int
remove_one(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

static void
must(bool is_right)
{
    if (!is_right) {
        (void)fputs("bench: storage failed\n", stderr);
        abort();
    }
}

/* Commits `commits` times `group` rows with random keys into a bare environment; answers rows a second. */
static double
bare_rate(const char *directory, uint64_t commits, uint64_t group)
{
    MDB_env *env = NULL;
    must(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, 256 << 20) == 0 &&
         mdb_env_open(env, directory, MDB_NOTLS, 0600) == 0);
    const uint64_t start = bench_now_ns();
    for (uint64_t i = 0; i < commits; i++) {
        MDB_txn *txn = NULL;
        MDB_dbi tree = 0;
        must(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &tree) == 0);
        for (uint64_t k = 0; k < group; k++) {
            static uint8_t bytes[VALUE_BYTES];
            uint64_t key_parts[4] = {(i * group + k) * 0x9e3779b97f4a7c15u, i, k, 0};
            MDB_val key = {.mv_size = sizeof key_parts, .mv_data = key_parts};
            MDB_val value = {.mv_size = sizeof bytes, .mv_data = bytes};
            must(mdb_put(txn, tree, &key, &value, 0) == 0);
        }
        must(mdb_txn_commit(txn) == 0);
    }
    const double rate = bench_rate(commits * group, start);
    mdb_env_close(env);
    return rate;
}

/* The same through the store, into the leases. */
static double
store_rate(struct store *store, uint64_t commits, uint64_t group)
{
    const uint64_t start = bench_now_ns();
    for (uint64_t i = 0; i < commits; i++) {
        struct transaction *transaction = transaction_begin(store);
        for (uint64_t k = 0; k < group; k++) {
            static uint8_t bytes[VALUE_BYTES - 8]; /* the check sum makes it as long */
            struct row row = {.table = TABLE_LEASES, .value = bytes_of(bytes, sizeof bytes)};
            const uint64_t key_parts[4] = {(i * group + k) * 0x9e3779b97f4a7c15u, i, k, group};
            memcpy(row.key.id, key_parts, sizeof key_parts);
            transaction_put(transaction, &row);
        }
        must(transaction_commit(transaction, NULL) == STATUS_OK);
    }
    return bench_rate(commits * group, start);
}

static void
rates_measure(struct bench *bench, struct store *store, const char *bare)
{
    /* In turns, so that a disk that changes its mood does so to both. */
    double bare_single = 0;
    double store_single = 0;
    double bare_group = 0;
    double store_group = 0;
    for (unsigned round = 0; round < 3; round++) {
        bare_single += bare_rate(bare, SINGLES, 1) / 3;
        store_single += store_rate(store, SINGLES, 1) / 3;
        bare_group += bare_rate(bare, GROUPS, GROUP) / 3;
        store_group += store_rate(store, GROUPS, GROUP) / 3;
    }
    const struct bench_row rows[] = {
        {.name = "storage: durable commits of one row",
         .value = store_single,
         .unit = "1/s",
         .reference = "bare LMDB",
         .reference_value = bare_single},
        {.name = "storage: durable rows in commits of 1000",
         .value = store_group,
         .unit = "1/s",
         .target = 0.6 * bare_group,
         .reference = "bare LMDB",
         .reference_value = bare_group},
    };
    bench_add(bench, &rows[0]);
    bench_add(bench, &rows[1]);
}

/* A listing as a gamer's machine would have it, issued at that second. */
static void
listing_seal(struct sealed_record *record, const struct keypair *host, uint64_t number,
             uint64_t issued_at_s)
{
    struct listing listing = {
        .slots_total = 1,
        .gpu_class = 12,
        .gpu_name = bytes_of_text("NVIDIA GeForce RTX 4090"),
        .vram_mib = 24564,
        .fp16_gflops = 100000 + (uint32_t)number, /* makes each another record */
        .bandwidth_mb_s = 1008000,
        .driver = bytes_of_text("550.54.14"),
        .cuda = 1204,
        .capability = 809,
        .pcie_mb_s = 31500,
        .up_mbit_s = 40,
        .down_mbit_s = 250,
        .region = REGION_EU,
        .cpu_threads = 16,
        .ram_mib = 32768,
        .disk_mib = 200000,
        .lease_min_s = 600,
        .lease_max_s = 86400,
        .notice_s = 30,
        .reclaims_per_day = 4,
        .interval_s = 60,
        .meter_s = 10,
        .works = 15,
        .isolation = ISOLATION_PROCESS,
        .flags = LISTING_BF16 | LISTING_FP8,
    };
    must(amount_of_micro(320000, &listing.ask_uusd_per_hour) == STATUS_OK &&
         amount_of_micro(190000, &listing.interruptible_ask_uusd_per_hour) == STATUS_OK);
    struct buffer body;
    buffer_init(&body, record->body, sizeof record->body);
    must(codec_encode(&listing_schema, &listing, &body) == STATUS_OK);
    struct envelope envelope = sealed_envelope(RECORD_LISTING, host, buffer_bytes(&body));
    envelope.issued_at_s = issued_at_s;
    envelope.seq = issued_at_s * 1000 + number % 1000;
    buffer_init(&record->sealed, record->bytes, sizeof record->bytes);
    must(record_seal(&envelope, host, &record->sealed) == STATUS_OK);
}

/* `a_second` of them are issued in one second; 0: all in one. */
struct series {
    const char *name_ingest;
    const char *name_size;
    uint64_t first;
    uint64_t a_second;
    double target_bytes;
};

struct batch {
    struct verified_record records[BATCH];
    struct sealed_record memory[BATCH];
};

static uint64_t
batch_fill(struct batch *batch, const struct keypair *host, const struct series *series,
           uint64_t first)
{
    const struct network_id network = sealed_network("test");
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < BATCH; i++) {
        const uint64_t number = first + i;
        const uint64_t second = series->a_second == 0 ? 0 : number / series->a_second;
        listing_seal(&batch->memory[i], host, series->first + number, SEALED_NOW_S + second);
        const struct bytes sealed = sealed_bytes(&batch->memory[i]);
        must(record_open(sealed, &network, &batch->records[i]) == STATUS_OK);
        bytes += sealed.length;
    }
    return bytes;
}

static bool
row_count(void *context, const struct row *row)
{
    (void)row;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t
used_bytes(struct store *store)
{
    struct store_space space;
    store_space(store, &space);
    return space.cache_used_bytes;
}

static void
listings_measure(struct bench *bench, struct store *store, const struct series *series)
{
    struct batch *batch = calloc(1, sizeof *batch);
    must(batch != NULL);
    const struct keypair host = sealed_keypair("bench");
    const uint64_t used_before = used_bytes(store);
    uint64_t count = 0;
    uint64_t bytes = 0;
    uint64_t busy_ns = 0;
    for (; count < LISTINGS; count += BATCH) {
        bytes += batch_fill(batch, &host, series, count);
        const uint64_t start = bench_now_ns();
        struct transaction *transaction = transaction_begin(store);
        for (size_t i = 0; i < BATCH; i++) {
            transaction_put_record(transaction, &batch->records[i]);
        }
        enum status cache_status = STATUS_OK;
        must(transaction_commit(transaction, &cache_status) == STATUS_OK &&
             cache_status == STATUS_OK);
        busy_ns += bench_now_ns() - start;
    }
    free(batch);
    const struct bench_row ingest = {
        .name = series->name_ingest, .value = (double)count * 1e9 / (double)busy_ns, .unit = "1/s"};
    bench_add(bench, &ingest);
    const struct bench_row size = {.name = series->name_size,
                                   .value =
                                       (double)(used_bytes(store) - used_before) / (double)count,
                                   .unit = "B",
                                   .lower_is_better = true,
                                   .target = series->target_bytes,
                                   .reference = "sealed bytes",
                                   .reference_value = (double)bytes / (double)count};
    bench_add(bench, &size);
}

static void
scan_measure(struct bench *bench, struct store *store)
{
    const uint64_t start = bench_now_ns();
    struct store_scan scan;
    store_scan_init(&scan, TABLE_RECORDS);
    uint64_t seen = 0;
    uint64_t count = 0;
    while (!scan.is_done) {
        must(store_scan_next(store, &scan, row_count, &seen) == STATUS_OK);
    }
    const struct bench_row read = {.name = "storage: listings read back in order",
                                   .value = bench_rate(seen, start),
                                   .unit = "1/s"};
    must(store_count(store, TABLE_RECORDS, &count) == STATUS_OK && seen == count &&
         count >= 2 * LISTINGS);
    bench_add(bench, &read);
}

static void
start_measure(struct bench *bench, const char *data_dir, const struct store_options *options)
{
    const uint64_t start = bench_now_ns();
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    must(store_open(data_dir, options, &store, why) == STATUS_OK);
    const struct bench_row row = {.name = "storage: start, with both stores read through",
                                  .value = (double)(bench_now_ns() - start) / 1e6,
                                  .unit = "ms",
                                  .lower_is_better = true};
    bench_add(bench, &row);
    store_close(store);
}

void
bench_storage(struct bench *bench)
{
    must(crypto_start() == STATUS_OK);
    const char *base = getenv("TMPDIR");
    char directory[512];
    char data_dir[600];
    char bare[600];
    (void)snprintf(directory, sizeof directory, "%s/gpulet-bench-XXXXXX",
                   base == NULL ? "/var/tmp" : base);
    must(mkdtemp(directory) != NULL);
    (void)snprintf(data_dir, sizeof data_dir, "%s/data", directory);
    (void)snprintf(bare, sizeof bare, "%s/bare", directory);
    must(mkdir(bare, 0700) == 0);
    const struct store_options options = {0};
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    must(store_open(data_dir, &options, &store, why) == STATUS_OK);
    rates_measure(bench, store, bare);
    static const struct series series[] = {
        {"storage: listings to the disk in commits of 256", "storage: bytes on the disk a listing",
         0, 50, 640},
        {"storage: the same, all issued in one second",
         "storage: bytes a listing, all issued in one second", 1 << 20, 0, 0},
    };
    listings_measure(bench, store, &series[0]);
    listings_measure(bench, store, &series[1]);
    scan_measure(bench, store);
    store_close(store);
    start_measure(bench, data_dir, &options);
    (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
