#include "storage/store.h"

#include <criterion/criterion.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/scratch.h"

static char dir[SCRATCH_PATH_SIZE];

static void
set_up(void)
{
    scratch_make(dir);
}

static void
tear_down(void)
{
    scratch_remove(dir);
}

TestSuite(store, .init = set_up, .fini = tear_down);

static bool
holds_own_rows(enum table table)
{
    return table != TABLE_RECORDS && table != TABLE_EVIDENCE;
}

Test(store, keeps_rows_of_every_table_over_a_restart)
{
    struct store *store = scratch_open(dir);
    const struct row_key key = scratch_key(9);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        if (holds_own_rows((enum table)i)) {
            scratch_put(store, (enum table)i, &key, bytes_of(&i, sizeof i));
        }
    }
    store_close(store);
    store = scratch_open(dir);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        if (!holds_own_rows((enum table)i)) {
            continue;
        }
        uint8_t memory[64];
        struct buffer value;
        buffer_init(&value, memory, sizeof memory);
        cr_assert_eq(store_get(store, (enum table)i, &key, &value), STATUS_OK);
        cr_assert(bytes_equal(buffer_bytes(&value), bytes_of(&i, sizeof i)));
        uint64_t count = 0;
        cr_assert_eq(store_count(store, (enum table)i, &count), STATUS_OK);
        cr_assert_eq(count, 1);
        const struct row_key other = scratch_key(10);
        cr_assert_eq(store_get(store, (enum table)i, &other, &value), STATUS_NOT_FOUND);
    }
    store_close(store);
}

Test(store, keeps_empty_values_and_the_longest_ones)
{
    static uint8_t longest[ROW_VALUE_BYTES_MAX];
    memset(longest, 0xa5, sizeof longest);
    static const size_t lengths[] = {0, 1, 1999, 2048, 4096, 40000, sizeof longest};
    struct store *store = scratch_open(dir);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const struct row_key key = scratch_key(i);
        scratch_put(store, TABLE_LEASES, &key, bytes_of(longest, lengths[i]));
        static uint8_t memory[ROW_VALUE_BYTES_MAX];
        struct buffer value;
        buffer_init(&value, memory, lengths[i]);
        cr_assert_eq(store_get(store, TABLE_LEASES, &key, &value), STATUS_OK);
        cr_assert(bytes_equal(buffer_bytes(&value), bytes_of(longest, lengths[i])));
        if (lengths[i] > 0) {
            buffer_init(&value, memory, lengths[i] - 1);
            cr_assert_eq(store_get(store, TABLE_LEASES, &key, &value), STATUS_NO_SPACE);
        }
    }
    store_close(store);
}

Test(store, directories_are_for_the_owner_alone)
{
    store_close(scratch_open(dir));
    static const char *const names[] = {"truth", "cache", "truth/data.mdb", "lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[SCRATCH_PATH_SIZE];
        scratch_path(dir, names[i], path);
        struct stat found;
        cr_assert_eq(stat(path, &found), 0);
        cr_assert_eq(found.st_mode & 077, 0, "%s", path);
    }
}

Test(store, a_second_opener_of_this_process_is_refused)
{
    struct store *first = scratch_open(dir);
    const struct store_options options = {0};
    struct store *second = NULL;
    char why[STORE_WHY_SIZE];
    cr_assert_eq(store_open(dir, &options, &second, why), STATUS_IN_USE);
    cr_assert_null(second);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld ", (long)getpid());
    cr_assert_not_null(strstr(why, pid), "%s", why);
    cr_assert_not_null(strstr(why, dir), "%s", why);
    /* The refusal took nothing from the first. */
    const struct row_key key = scratch_key(1);
    scratch_put(first, TABLE_LEDGER, &key, bytes_of_text("still mine"));
    cr_assert_eq(store_open(dir, &options, &second, why), STATUS_IN_USE);
    store_close(first);
    store_close(scratch_open(dir));
}

Test(store, a_second_process_is_refused_and_told_the_first_ones_pid)
{
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        const struct store_options options = {0};
        const enum status status = store_open(dir, &options, &store, why);
        (void)!write(ready[1], &status, sizeof status);
        pause();
        _exit(0);
    }
    enum status status = STATUS_SYSTEM;
    cr_assert_eq(read(ready[0], &status, sizeof status), (ssize_t)sizeof status);
    cr_assert_eq(status, STATUS_OK);
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    const struct store_options options = {0};
    cr_assert_eq(store_open(dir, &options, &store, why), STATUS_IN_USE);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld ", (long)child);
    cr_assert_not_null(strstr(why, pid), "%s", why);
    /* A dead one holds nothing. */
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    store_close(scratch_open(dir));
}

Test(store, says_which_directory_cannot_be_made)
{
    char missing[SCRATCH_PATH_SIZE];
    scratch_path(dir, "no/such/parent", missing);
    const struct store_options options = {0};
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    cr_assert_neq(store_open(missing, &options, &store, why), STATUS_OK);
    cr_assert_null(store);
    cr_assert_not_null(strstr(why, missing), "%s", why);
    static char endless[4000];
    memset(endless, 'a', sizeof endless - 1);
    cr_assert_eq(store_open(endless, &options, &store, why), STATUS_OUT_OF_RANGE);
    cr_assert_not_null(strstr(why, "too long"));
}

static int
reader_count(const char *message, void *context)
{
    int *lines = context;
    *lines += strstr(message, "no active readers") == NULL && strstr(message, "pid") == NULL;
    return 0;
}

static int
readers_of(const char *environment)
{
    MDB_env *env = NULL;
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_open(env, environment, MDB_RDONLY | MDB_NOTLS, 0600), 0);
    int lines = 0;
    (void)mdb_reader_list(env, reader_count, &lines);
    mdb_env_close(env);
    return lines;
}

/* A reader that was killed would pin its pages for ever, and the file would grow without end. */
Test(store, readers_of_dead_processes_are_cleared)
{
    store_close(scratch_open(dir));
    char truth[SCRATCH_PATH_SIZE];
    scratch_path(dir, "truth", truth);
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        MDB_env *env = NULL;
        MDB_txn *txn = NULL;
        const bool is_open = mdb_env_create(&env) == 0 &&
                             mdb_env_open(env, truth, MDB_RDONLY | MDB_NOTLS, 0600) == 0 &&
                             mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0;
        (void)!write(ready[1], &is_open, sizeof is_open);
        pause();
        _exit(0);
    }
    bool is_open = false;
    cr_assert_eq(read(ready[0], &is_open, sizeof is_open), (ssize_t)sizeof is_open);
    cr_assert(is_open);
    cr_assert_eq(readers_of(truth), 1);
    /* Someone else keeps the lock file alive, as a backup program would; else LMDB starts it anew. */
    MDB_env *other = NULL;
    cr_assert_eq(mdb_env_create(&other), 0);
    cr_assert_eq(mdb_env_open(other, truth, MDB_RDONLY | MDB_NOTLS, 0600), 0);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    int stale = 0;
    (void)mdb_reader_list(other, reader_count, &stale);
    cr_assert_eq(stale, 1, "the dead reader still stands in the table");
    const pid_t opener = fork();
    if (opener == 0) {
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        const struct store_options options = {0};
        _exit(store_open(dir, &options, &store, why) == STATUS_OK ? 0 : 1);
    }
    int state = 1;
    cr_assert_eq(waitpid(opener, &state, 0), opener);
    cr_assert_eq(state, 0);
    stale = 0;
    (void)mdb_reader_list(other, reader_count, &stale);
    cr_assert_eq(stale, 0);
    mdb_env_close(other);
}
