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

/* Whatever stands in a damaged file: the store opens with every row as it was, or refuses; it
 * neither dies nor answers with other rows. */
Test(damage, anywhere_in_the_truth_is_refused_or_harmless)
{
    char saved[SCRATCH_PATH_SIZE];
    scratch_path(dir, "saved", saved);
    copy_file(truth_data, saved);
    const long pages = size_of(truth_data) / PAGE;
    uint64_t random = 12345;
    unsigned refused = 0;
    for (unsigned i = 0; i < 150; i++) {
        copy_file(saved, truth_data);
        random = random * 6364136223846793005u + 1442695040888963407u;
        const long page = (long)(random >> 33) % pages;
        const bool whole_page = i % 3 == 0;
        const long offset = whole_page ? 0 : (long)(random >> 20) % PAGE;
        scratch_damage(truth_data, page * PAGE + offset, whole_page ? PAGE : 1 + i % 8,
                       (uint8_t)(random >> 12));
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
    cr_assert_gt(refused, 30);
    cr_assert_lt(refused, 150);
}
