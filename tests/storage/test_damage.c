#include "storage/damage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/storage/scratch.h"

enum { PAGE = 4096, ROWS = 200 };

static char dir[SCRATCH_PATH_SIZE];
static char truth_data[SCRATCH_PATH_SIZE];
static char cache_data[SCRATCH_PATH_SIZE];

static void
set_up(void)
{
    scratch_make(dir);
    scratch_path(dir, "truth/data.mdb", truth_data);
    scratch_path(dir, "cache/data.mdb", cache_data);
    struct store *store = scratch_open(dir);
    static struct scratch_record record;
    for (uint64_t batch = 0; batch < 4; batch++) {
        struct transaction *transaction = transaction_begin(store);
        for (uint64_t i = batch * ROWS / 4; i < (batch + 1) * ROWS / 4; i++) {
            struct row row = {
                .table = TABLE_LEDGER, .key = {.number = i}, .value = bytes_of_text("an entry")};
            transaction_put(transaction, &row);
            row.table = TABLE_LEASES;
            row.key = scratch_key(i);
            transaction_put(transaction, &row);
            scratch_record(&record, i, 1000 + i, 600);
            transaction_put_record(transaction, &record.record);
        }
        cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    }
    store_close(store);
}

static void
tear_down(void)
{
    scratch_remove(dir);
}

TestSuite(damage, .init = set_up, .fini = tear_down);

static long
size_of(const char *path)
{
    struct stat found;
    cr_assert_eq(stat(path, &found), 0);
    return (long)found.st_size;
}

/* How many caches were set aside. */
static unsigned
caches_aside(void)
{
    DIR *directory = opendir(dir);
    cr_assert_not_null(directory);
    unsigned count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += strncmp(entry->d_name, "cache.damaged-", 14) == 0;
    }
    closedir(directory);
    return count;
}

static void
must_refuse(const char *what)
{
    const struct store_options options = {0};
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    const enum status status = store_open(dir, &options, &store, why);
    cr_assert_eq(status, STATUS_CORRUPT, "%s: %s: %s", what, status_name(status), why);
    cr_assert_null(store);
    cr_assert_not_null(strstr(why, truth_data), "%s", why);
}

static bool
count_row(void *context, const struct row *row)
{
    (void)row;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t
rows_read(struct store *store, enum table table)
{
    struct store_scan scan;
    store_scan_init(&scan, table);
    uint64_t count = 0;
    while (!scan.is_done) {
        cr_assert_eq(store_scan_next(store, &scan, count_row, &count), STATUS_OK);
    }
    return count;
}

Test(damage, a_sound_store_passes)
{
    char truth[SCRATCH_PATH_SIZE];
    char cache[SCRATCH_PATH_SIZE];
    scratch_path(dir, "truth", truth);
    scratch_path(dir, "cache", cache);
    uint32_t schema = 0;
    cr_assert_eq(damage_look(truth, ENVIRONMENT_TRUTH, &schema), STATUS_OK);
    cr_assert_eq(schema, 1);
    cr_assert_eq(damage_look(cache, ENVIRONMENT_CACHE, &schema), STATUS_OK);
    cr_assert_eq(schema, 1);
    cr_assert_eq(damage_look(dir, ENVIRONMENT_CACHE, &schema), STATUS_OK); /* no data there */
    cr_assert_eq(schema, 0);
}

Test(damage, of_the_truth_stops_the_start_and_names_the_file)
{
    scratch_damage(truth_data, 0, 2 * PAGE, 0);
    must_refuse("both meta pages");
    must_refuse("again");
    cr_assert_gt(size_of(truth_data), 2 * PAGE); /* nothing was removed */
}

Test(damage, a_truth_that_was_cut_off_is_refused)
{
    const long whole = size_of(truth_data);
    static const long lengths[] = {PAGE * 5, PAGE * 2, PAGE + 100, 100, 0};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        cr_assert_lt(lengths[i], whole);
        cr_assert_eq(truncate(truth_data, lengths[i]), 0);
        must_refuse("cut off");
        cr_assert_eq(size_of(truth_data), lengths[i]);
    }
    cr_assert_eq(unlink(truth_data), 0);
    must_refuse("gone");
}

Test(damage, a_creation_that_was_cut_off_begins_again)
{
    char created[SCRATCH_PATH_SIZE];
    scratch_path(dir, "truth/created", created);
    cr_assert_eq(unlink(created), 0);
    /* Without the mark, but with more inside than a first commit: someone's backup, not ours to remove. */
    scratch_damage(truth_data, 0, 2 * PAGE, 0);
    cr_assert_gt(size_of(truth_data), 65536);
    must_refuse("without its mark");
    cr_assert_eq(truncate(truth_data, PAGE + 7), 0);
    struct store *store = scratch_open(dir);
    cr_assert_eq(rows_read(store, TABLE_LEDGER), 0);
    store_close(store);
}

Test(damage, of_the_cache_sets_it_aside_and_keeps_the_truth)
{
    for (unsigned round = 0; round < 3; round++) {
        scratch_damage(cache_data, 0, 2 * PAGE, 0xee);
        const struct store_options options = {0};
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        cr_assert_eq(store_open(dir, &options, &store, why), STATUS_OK, "%s", why);
        cr_assert_not_null(strstr(why, "cache.damaged-"), "%s", why);
        cr_assert_eq(rows_read(store, TABLE_LEDGER), ROWS);
        cr_assert_eq(rows_read(store, TABLE_RECORDS), 0);
        scratch_put(store, TABLE_GUARDS, &(struct row_key){.id = {1}}, bytes_of_text("new"));
        store_close(store);
        cr_assert_eq(caches_aside(), 1); /* the latest only */
        store = scratch_open(dir);
        cr_assert_eq(rows_read(store, TABLE_GUARDS), 1);
        store_close(store);
    }
}

static void
copy_file(const char *from, const char *to)
{
    FILE *source = fopen(from, "rb");
    FILE *target = fopen(to, "wb");
    cr_assert(source != NULL && target != NULL);
    static char bytes[1 << 20];
    const size_t length = fread(bytes, 1, sizeof bytes, source);
    cr_assert(feof(source) != 0);
    cr_assert_eq(fwrite(bytes, 1, length, target), length);
    cr_assert_eq(fclose(source), 0);
    cr_assert_eq(fclose(target), 0);
}

static uint64_t
random_next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 12;
}

/* Writes over some bytes, or a whole page, of a good copy. */
static void
damage_somewhere(const char *good, const char *data, unsigned round, uint64_t *random)
{
    copy_file(good, data);
    const long page = (long)(random_next(random) % (uint64_t)(size_of(data) / PAGE));
    const bool whole_page = round % 3 == 0;
    const long offset = whole_page ? 0 : (long)(random_next(random) % (PAGE - 8));
    scratch_damage(data, page * PAGE + offset, whole_page ? PAGE : 1 + round % 8,
                   (uint8_t)random_next(random));
}

/* Rows come, change their length and go, as they may in a year of a node's life. */
static void
random_batch(struct store *store, uint64_t *random)
{
    static uint8_t value[ROW_VALUE_BYTES_MAX];
    static const size_t lengths[] = {8, 100, 700, 1990, 2100, 5000, 30000};
    static const enum table tables[] = {TABLE_LEDGER, TABLE_LEASES, TABLE_EVIDENCE, TABLE_GUARDS,
                                        TABLE_SETTINGS};
    static struct scratch_record record;
    struct transaction *transaction = transaction_begin(store);
    const uint64_t count = 1 + random_next(random) % (random_next(random) % 16 == 0 ? 400 : 12);
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t number = random_next(random) % 900;
        struct row row = {.table = tables[random_next(random) % 5], .key = scratch_key(number)};
        const uint64_t choice = random_next(random) % 16;
        row.value = bytes_of(value, random_next(random) % lengths[choice < 7 ? choice : 1]);
        if (row.table == TABLE_EVIDENCE || choice == 15) {
            scratch_record(&record, number, 1000 + number, 600);
            transaction_put_record(transaction, &record.record);
        } else if (choice < 10) {
            transaction_put(transaction, &row);
        } else {
            transaction_delete(transaction, row.table, &row.key);
        }
    }
    enum status cache_status = STATUS_SYSTEM;
    cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
    cr_assert_eq(cache_status, STATUS_OK);
    uint32_t removed = 0;
    const uint64_t now_s = 1600 + random_next(random) % 900;
    cr_assert_eq(store_expire_records(store, now_s, 50, &removed), STATUS_OK);
}

static unsigned
rounds_wanted(void)
{
    const char *text = getenv("DAMAGE_ROUNDS");
    return text == NULL ? 150 : (unsigned)strtoul(text, NULL, 10);
}

static uint64_t
seed_wanted(void)
{
    const char *text = getenv("SEED");
    return text == NULL ? 12345 : strtoull(text, NULL, 10);
}

Test(damage, is_never_seen_in_a_store_that_was_only_used)
{
    char truth[SCRATCH_PATH_SIZE];
    char cache[SCRATCH_PATH_SIZE];
    scratch_path(dir, "truth", truth);
    scratch_path(dir, "cache", cache);
    uint64_t random = seed_wanted();
    struct store *store = scratch_open(dir);
    for (unsigned i = 0; i < rounds_wanted() * 2; i++) {
        random_batch(store, &random);
        if (i % 5 == 0) {
            cr_assert_eq(damage_look(truth, ENVIRONMENT_TRUTH, NULL), STATUS_OK, "%u", i);
            cr_assert_eq(damage_look(cache, ENVIRONMENT_CACHE, NULL), STATUS_OK, "%u", i);
        }
    }
    store_close(store);
    store = scratch_open(dir);
    store_close(store);
}

/* Whatever stands in a damaged file: the store opens with every row as it was, or refuses; it
 * neither dies nor answers with other rows. */
Test(damage, anywhere_in_the_truth_is_refused_or_harmless)
{
    char good[SCRATCH_PATH_SIZE];
    scratch_path(dir, "good", good);
    copy_file(truth_data, good);
    uint64_t random = seed_wanted();
    const unsigned rounds = rounds_wanted();
    unsigned refused = 0;
    for (unsigned i = 0; i < rounds; i++) {
        damage_somewhere(good, truth_data, i, &random);
        const struct store_options options = {0};
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        const enum status status = store_open(dir, &options, &store, why);
        cr_assert(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_NEWER_SCHEMA,
                  "%u: %s: %s", i, status_name(status), why);
        refused += status != STATUS_OK;
        if (status == STATUS_OK) {
            cr_assert_eq(rows_read(store, TABLE_LEDGER), ROWS, "%u", i);
            cr_assert_eq(rows_read(store, TABLE_LEASES), ROWS, "%u", i);
            scratch_put(store, TABLE_LEDGER, &(struct row_key){.number = 1}, bytes_of_text("new"));
            cr_assert_eq(rows_read(store, TABLE_LEDGER), ROWS, "%u", i);
            store_close(store);
        }
    }
    cr_assert_gt(refused, rounds / 10);
    cr_assert_lt(refused, rounds);
}

Test(damage, anywhere_in_the_cache_does_not_keep_the_store_from_working)
{
    char good[SCRATCH_PATH_SIZE];
    scratch_path(dir, "good", good);
    copy_file(cache_data, good);
    static struct scratch_record record;
    scratch_record(&record, ROWS, 1000, 600);
    uint64_t random = seed_wanted();
    const unsigned rounds = rounds_wanted();
    unsigned renewed = 0;
    for (unsigned i = 0; i < rounds; i++) {
        damage_somewhere(good, cache_data, i, &random);
        const struct store_options options = {0};
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        const enum status status = store_open(dir, &options, &store, why);
        cr_assert_eq(status, STATUS_OK, "%u: %s: %s", i, status_name(status), why);
        renewed += why[0] != '\0';
        cr_assert_eq(rows_read(store, TABLE_RECORDS), why[0] != '\0' ? 0 : ROWS, "%u", i);
        struct transaction *transaction = transaction_begin(store);
        transaction_put_record(transaction, &record.record);
        enum status cache_status = STATUS_SYSTEM;
        cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
        cr_assert_eq(cache_status, STATUS_OK, "%u: %s", i, status_name(cache_status));
        uint32_t removed = 0;
        cr_assert_eq(store_expire_records(store, UINT64_MAX, 1000, &removed), STATUS_OK, "%u", i);
        cr_assert_eq(removed, why[0] != '\0' ? 1 : ROWS + 1, "%u", i);
        store_close(store);
    }
    cr_assert_gt(renewed, rounds / 10);
    cr_assert_lt(renewed, rounds);
}
