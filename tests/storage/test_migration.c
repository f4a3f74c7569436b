#include "storage/migration.h"

#include <criterion/criterion.h>
#include <string.h>

#include "storage/store.h"
#include "tests/storage/scratch.h"

static char dir[SCRATCH_PATH_SIZE];
static char truth[SCRATCH_PATH_SIZE];

static void
set_up(void)
{
    scratch_make(dir);
    scratch_path(dir, "truth", truth);
    store_close(scratch_open(dir));
}

static void
tear_down(void)
{
    scratch_remove(dir);
}

TestSuite(migration, .init = set_up, .fini = tear_down);

static struct environment
truth_open(void)
{
    struct environment environment;
    cr_assert_eq(environment_open(&environment, ENVIRONMENT_TRUTH, truth, 64 << 20), STATUS_OK);
    return environment;
}

static uint32_t
version_of(struct environment *environment)
{
    MDB_txn *txn = NULL;
    uint32_t version = 0;
    cr_assert_eq(environment_read(environment, &txn), STATUS_OK);
    cr_assert_eq(schema_version_read(txn, environment->meta, &version), 0);
    mdb_txn_abort(txn);
    return version;
}

static int
setting_put(const struct environment *environment, MDB_txn *txn, uint64_t number, const char *text)
{
    const struct row_key row_key = {.number = number};
    const struct encoded_key encoded = key_encode(TABLE_SETTINGS, &row_key);
    MDB_val key = value_of_key(&encoded);
    MDB_val value = value_of(text, strlen(text));
    return mdb_put(txn, environment->trees[TABLE_SETTINGS], &key, &value, 0);
}

static bool
setting_is(struct environment *environment, uint64_t number, const char *text)
{
    const struct row_key row_key = {.number = number};
    const struct encoded_key encoded = key_encode(TABLE_SETTINGS, &row_key);
    MDB_val key = value_of_key(&encoded);
    MDB_val value;
    MDB_txn *txn = NULL;
    cr_assert_eq(environment_read(environment, &txn), STATUS_OK);
    const bool is = mdb_get(txn, environment->trees[TABLE_SETTINGS], &key, &value) == 0 &&
                    bytes_are_text(bytes_of(value.mv_data, value.mv_size), text);
    mdb_txn_abort(txn);
    return is;
}

static int
one_to_two(const struct environment *environment, MDB_txn *txn)
{
    return setting_put(environment, txn, 1, "two");
}

/* Needs the step before. */
static int
two_to_three(const struct environment *environment, MDB_txn *txn)
{
    const struct row_key row_key = {.number = 1};
    const struct encoded_key encoded = key_encode(TABLE_SETTINGS, &row_key);
    MDB_val key = value_of_key(&encoded);
    MDB_val value;
    const int answer = mdb_get(txn, environment->trees[TABLE_SETTINGS], &key, &value);
    return answer != 0 ? answer : setting_put(environment, txn, 2, "three");
}

static int
big_step(const struct environment *environment, MDB_txn *txn)
{
    static char text[60000];
    memset(text, 'x', sizeof text - 1);
    int answer = 0;
    for (uint64_t i = 0; answer == 0 && i < 100; i++) {
        answer = setting_put(environment, txn, i, text);
    }
    return answer;
}

static int
broken_step(const struct environment *environment, MDB_txn *txn)
{
    const int answer = setting_put(environment, txn, 3, "half done");
    return answer != 0 ? answer : MDB_CORRUPTED;
}

Test(migration, a_new_store_has_the_version_of_this_program)
{
    struct environment environment = truth_open();
    cr_assert_eq(version_of(&environment), SCHEMA_VERSION);
    cr_assert_eq(migration_run(&environment, &migration_plan), STATUS_OK);
    cr_assert_eq(version_of(&environment), SCHEMA_VERSION);
    environment_close(&environment);
}

Test(migration, takes_every_step_in_order_once)
{
    static const struct migration_step steps[] = {{2, two_to_three}, {1, one_to_two}};
    const struct migration_plan plan = {steps, 2, 3};
    struct environment environment = truth_open();
    cr_assert_eq(migration_run(&environment, &plan), STATUS_OK);
    cr_assert_eq(version_of(&environment), 3);
    cr_assert(setting_is(&environment, 1, "two"));
    cr_assert(setting_is(&environment, 2, "three"));
    static const struct migration_step never[] = {{3, broken_step}};
    const struct migration_plan same = {never, 1, 3};
    cr_assert_eq(migration_run(&environment, &same), STATUS_OK);
    environment_close(&environment);
}

Test(migration, that_needs_a_bigger_map_gets_one)
{
    static const struct migration_step steps[] = {{1, big_step}};
    const struct migration_plan plan = {steps, 1, 2};
    struct environment environment = truth_open();
    cr_assert_eq(migration_run(&environment, &plan), STATUS_OK);
    cr_assert_eq(version_of(&environment), 2);
    environment_close(&environment);
}

Test(migration, that_fails_leaves_the_older_version_whole)
{
    static const struct migration_step steps[] = {{1, one_to_two}, {2, broken_step}};
    const struct migration_plan plan = {steps, 2, 3};
    const struct migration_plan gap = {steps, 1, 3};
    struct environment environment = truth_open();
    cr_assert_eq(migration_run(&environment, &plan), STATUS_CORRUPT);
    cr_assert_eq(migration_run(&environment, &gap), STATUS_CORRUPT); /* no step from 2 */
    cr_assert_eq(version_of(&environment), 1);
    cr_assert(!setting_is(&environment, 1, "two"));
    cr_assert(!setting_is(&environment, 3, "half done"));
    environment_close(&environment);
}

static void
become_newer(enum environment_name name, const char *directory)
{
    struct environment environment;
    cr_assert_eq(environment_open(&environment, name, directory, 64 << 20), STATUS_OK);
    MDB_txn *txn = NULL;
    cr_assert_eq(mdb_txn_begin(environment.env, NULL, 0, &txn), 0);
    uint8_t bytes[KEY_NUMBER_LENGTH];
    number_write(SCHEMA_VERSION + 1, bytes);
    MDB_val key = value_of("schema version", sizeof "schema version");
    MDB_val value = value_of(bytes, sizeof bytes);
    cr_assert_eq(mdb_put(txn, environment.meta, &key, &value, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    environment_close(&environment);
}

Test(migration, a_newer_truth_is_refused_and_left_alone)
{
    become_newer(ENVIRONMENT_TRUTH, truth);
    const struct store_options options = {0};
    for (unsigned i = 0; i < 2; i++) {
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        cr_assert_eq(store_open(dir, &options, &store, why), STATUS_NEWER_SCHEMA);
        cr_assert_null(store);
        cr_assert_not_null(strstr(why, truth), "%s", why);
    }
    struct environment environment = truth_open();
    cr_assert_eq(version_of(&environment), SCHEMA_VERSION + 1);
    cr_assert_eq(migration_run(&environment, &migration_plan), STATUS_NEWER_SCHEMA);
    environment_close(&environment);
}

Test(migration, a_newer_cache_is_set_aside)
{
    char cache[SCRATCH_PATH_SIZE];
    scratch_path(dir, "cache", cache);
    become_newer(ENVIRONMENT_CACHE, cache);
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    const struct store_options options = {0};
    cr_assert_eq(store_open(dir, &options, &store, why), STATUS_OK);
    cr_assert_not_null(strstr(why, "cache.damaged-"), "%s", why);
    store_close(store);
}

Test(migration, rows_without_a_version_are_damage)
{
    struct store *store = scratch_open(dir);
    scratch_put(store, TABLE_LEDGER, &(struct row_key){.number = 1}, bytes_of_text("money"));
    store_close(store);
    struct environment environment = truth_open();
    MDB_txn *txn = NULL;
    cr_assert_eq(mdb_txn_begin(environment.env, NULL, 0, &txn), 0);
    MDB_val key = value_of("schema version", sizeof "schema version");
    cr_assert_eq(mdb_del(txn, environment.meta, &key, NULL), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    cr_assert_eq(migration_run(&environment, &migration_plan), STATUS_CORRUPT);
    environment_close(&environment);
}
