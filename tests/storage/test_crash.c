#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/storage/scratch.h"

enum { ROUNDS = 12, ROWS_PER_BATCH = 5 };

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

TestSuite(crash, .init = set_up, .fini = tear_down);

/* One promise: rows in three tables of the truth and a record of the cache, all of one number. */
static void
batch_put(struct transaction *transaction, uint64_t number)
{
    uint8_t text[600];
    memset(text, (int)(number % 251), sizeof text);
    static const enum table tables[] = {TABLE_LEDGER, TABLE_LEASES, TABLE_BALANCES, TABLE_GUARDS};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct row row = {.table = tables[i],
                                .key = scratch_key(number),
                                .value = bytes_of(text, 1 + number * 7 % sizeof text)};
        transaction_put(transaction, &row);
    }
    static struct scratch_record record;
    scratch_record(&record, number, 1000 + number, 600);
    transaction_put_record(transaction, &record.record);
}

/* Commits number after number and says each one on the pipe, until it is killed. */
static void
child_commit(int out, uint64_t first)
{
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    const struct store_options options = {0};
    if (store_open(dir, &options, &store, why) != STATUS_OK) {
        _exit(1);
    }
    for (uint64_t number = first;; number++) {
        struct transaction *transaction = transaction_begin(store);
        batch_put(transaction, number);
        if (transaction_commit(transaction, NULL) != STATUS_OK) {
            _exit(2);
        }
        if (write(out, &number, sizeof number) != (ssize_t)sizeof number) {
            _exit(3);
        }
    }
}

/* Lets a child commit from `first` on, kills it after some acknowledgements and a moment more; answers the
 * last number it acknowledged. */
static uint64_t
run_and_kill(uint64_t first, unsigned round)
{
    int acknowledged[2];
    cr_assert_eq(pipe(acknowledged), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)close(acknowledged[0]);
        child_commit(acknowledged[1], first);
    }
    (void)close(acknowledged[1]);
    uint64_t number = 0;
    for (unsigned i = 0; i < 20 + 3 * round; i++) {
        cr_assert_eq(read(acknowledged[0], &number, sizeof number), (ssize_t)sizeof number);
    }
    const struct timespec moment = {.tv_nsec = (long)round * 137000};
    (void)nanosleep(&moment, NULL);
    cr_assert_eq(kill(child, SIGKILL), 0);
    int state = 0;
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_assert(WIFSIGNALED(state), "the child ended by itself: %d", WEXITSTATUS(state));
    uint64_t more = 0;
    while (read(acknowledged[0], &more, sizeof more) == (ssize_t)sizeof more) {
        number = more;
    }
    (void)close(acknowledged[0]);
    return number;
}

static bool
is_there(struct store *store, enum table table, uint64_t number)
{
    uint8_t memory[1024];
    struct buffer value;
    buffer_init(&value, memory, sizeof memory);
    const struct row_key key = scratch_key(number);
    const enum status status = store_get(store, table, &key, &value);
    cr_assert(status == STATUS_OK || status == STATUS_NOT_FOUND, "%s", status_name(status));
    cr_assert(status != STATUS_OK || (value.length == 1 + number * 7 % 600 &&
                                      value.data[value.length - 1] == number % 251));
    return status == STATUS_OK;
}

Test(crash, every_acknowledged_batch_is_there_and_none_is_there_by_halves)
{
    uint64_t last = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint64_t acknowledged = run_and_kill(last + 1, round);
        struct store *store = scratch_open(dir);
        for (uint64_t number = 1; number <= acknowledged; number++) {
            cr_assert(is_there(store, TABLE_LEDGER, number), "%u: %lu", round,
                      (unsigned long)number);
            cr_assert(is_there(store, TABLE_LEASES, number));
            cr_assert(is_there(store, TABLE_BALANCES, number));
            cr_assert(is_there(store, TABLE_GUARDS, number));
        }
        /* The one that was under way: all of the truth or nothing, and no cache without the truth. */
        const uint64_t next = acknowledged + 1;
        const bool is_whole = is_there(store, TABLE_LEDGER, next);
        cr_assert_eq(is_there(store, TABLE_LEASES, next), is_whole);
        cr_assert_eq(is_there(store, TABLE_BALANCES, next), is_whole);
        cr_assert(is_whole || !is_there(store, TABLE_GUARDS, next));
        cr_assert(!is_there(store, TABLE_LEDGER, next + 1));
        uint64_t records = 0;
        uint64_t guards = 0;
        cr_assert_eq(store_count(store, TABLE_RECORDS, &records), STATUS_OK);
        cr_assert_eq(store_count(store, TABLE_GUARDS, &guards), STATUS_OK);
        cr_assert_eq(records, guards);
        /* Its cache's part may be missing; the next round writes it again. */
        last = is_there(store, TABLE_GUARDS, next) ? next : acknowledged;
        store_close(store);
    }
    cr_assert_gt(last, ROUNDS * 20);
}

/* Killed at any moment of its creation, a store is made by the next start. */
Test(crash, while_a_store_is_created_does_no_harm)
{
    for (unsigned i = 0; i < 40; i++) {
        const pid_t child = fork();
        if (child == 0) {
            struct store *store = NULL;
            char why[STORE_WHY_SIZE];
            const struct store_options options = {0};
            (void)!store_open(dir, &options, &store, why);
            pause();
            _exit(0);
        }
        const struct timespec moment = {.tv_nsec = (long)i * 250000};
        (void)nanosleep(&moment, NULL);
        cr_assert_eq(kill(child, SIGKILL), 0);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        const struct store_options options = {0};
        enum status status = store_open(dir, &options, &store, why);
        while (status == STATUS_IN_USE) { /* the dead one's child that looks for damage ends soon */
            const struct timespec wait = {.tv_nsec = 1000000};
            (void)nanosleep(&wait, NULL);
            status = store_open(dir, &options, &store, why);
        }
        cr_assert_eq(status, STATUS_OK, "%u: %s", i, why);
        store_close(store);
        scratch_remove(dir);
    }
}
