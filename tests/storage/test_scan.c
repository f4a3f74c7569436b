#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "storage/store.h"
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

TestSuite(scan, .init = set_up, .fini = tear_down);

enum { SEEN_MAX = 4096 };

struct seen {
    struct row_key keys[SEEN_MAX];
    size_t count;
    size_t refuse_at; /* answer false once, at this row; SEEN_MAX: never */
    unsigned sleep_ms;
};

static bool
see(void *context, const struct row *row)
{
    struct seen *seen = context;
    if (seen->count == seen->refuse_at) {
        seen->refuse_at = SEEN_MAX;
        return false;
    }
    cr_assert_lt(seen->count, SEEN_MAX);
    seen->keys[seen->count++] = row->key;
    if (seen->sleep_ms > 0) {
        const struct timespec pause = {.tv_nsec = (long)seen->sleep_ms * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* Walks to the end and answers how many calls it took. */
static unsigned
walk(struct store *store, struct store_scan *scan, struct seen *seen)
{
    unsigned calls = 0;
    while (!scan->is_done) {
        cr_assert_eq(store_scan_next(store, scan, see, seen), STATUS_OK);
        cr_assert_lt(++calls, 10000);
    }
    return calls;
}

static void
fill_ledger(struct store *store, uint64_t count)
{
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < count; i++) {
        const struct row row = {
            .table = TABLE_LEDGER, .key = {.number = 10 * i}, .value = bytes_of_text("entry")};
        transaction_put(transaction, &row);
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
}

Test(scan, of_an_empty_table_is_done_at_once)
{
    struct store *store = scratch_open(dir);
    for (unsigned i = 0; i < TABLE_COUNT * 2; i++) {
        struct store_scan scan;
        store_scan_init(&scan, (enum table)(i / 2));
        scan.is_backwards = i % 2 == 1;
        static struct seen seen = {.refuse_at = SEEN_MAX};
        cr_assert_eq(walk(store, &scan, &seen), 1);
        cr_assert_eq(seen.count, 0);
    }
    store_close(store);
}

Test(scan, gives_every_row_once_in_order_in_both_directions_and_any_page_size)
{
    struct store *store = scratch_open(dir);
    fill_ledger(store, 100);
    static const uint32_t pages[] = {1, 7, 100, 101, 0};
    for (size_t i = 0; i < 10; i++) {
        struct store_scan scan;
        store_scan_init(&scan, TABLE_LEDGER);
        scan.rows_max = pages[i / 2];
        scan.is_backwards = i % 2 == 1;
        static struct seen seen;
        seen = (struct seen){.refuse_at = SEEN_MAX};
        const unsigned calls = walk(store, &scan, &seen);
        cr_assert_eq(seen.count, 100);
        for (size_t k = 0; k < 100; k++) {
            cr_assert_eq(seen.keys[k].number, 10 * (scan.is_backwards ? 99 - k : k));
        }
        cr_assert_geq(calls, scan.rows_max == 0 ? 1 : 100 / scan.rows_max);
    }
    store_close(store);
}

Test(scan, begins_at_the_position_asked_for)
{
    struct store *store = scratch_open(dir);
    fill_ledger(store, 100); /* 0, 10, ... 990 */
    static const struct {
        uint64_t from;
        bool is_backwards;
        size_t count;
        uint64_t first;
    } cases[] = {
        {500, false, 50, 500}, {501, false, 49, 510}, {991, false, 0, 0},     {500, true, 51, 500},
        {501, true, 51, 500},  {5, true, 1, 0},       {2000, true, 100, 990},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_scan scan;
        store_scan_init(&scan, TABLE_LEDGER);
        scan.is_backwards = cases[i].is_backwards;
        scan.position.number = cases[i].from;
        static struct seen seen;
        seen = (struct seen){.refuse_at = SEEN_MAX};
        (void)walk(store, &scan, &seen);
        cr_assert_eq(seen.count, cases[i].count, "case %zu", i);
        cr_assert(seen.count == 0 || seen.keys[0].number == cases[i].first, "case %zu", i);
    }
    store_close(store);
}

Test(scan, gives_a_row_again_that_was_not_taken)
{
    struct store *store = scratch_open(dir);
    fill_ledger(store, 10);
    for (size_t refuse_at = 0; refuse_at < 10; refuse_at++) {
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            struct store_scan scan;
            store_scan_init(&scan, TABLE_LEDGER);
            scan.is_backwards = backwards == 1;
            static struct seen seen;
            seen = (struct seen){.refuse_at = refuse_at};
            cr_assert_eq(store_scan_next(store, &scan, see, &seen), STATUS_OK);
            cr_assert_eq(seen.count, refuse_at);
            cr_assert(!scan.is_done);
            (void)walk(store, &scan, &seen);
            cr_assert_eq(seen.count, 10);
            for (size_t k = 0; k < 10; k++) {
                cr_assert_eq(seen.keys[k].number, 10 * (backwards == 1 ? 9 - k : k));
            }
        }
    }
    store_close(store);
}

Test(scan, survives_rows_that_go_and_come_between_its_pages)
{
    struct store *store = scratch_open(dir);
    fill_ledger(store, 100);
    struct store_scan scan;
    store_scan_init(&scan, TABLE_LEDGER);
    scan.rows_max = 10;
    static struct seen seen = {.refuse_at = SEEN_MAX};
    cr_assert_eq(store_scan_next(store, &scan, see, &seen), STATUS_OK);
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t number = 50; number <= 200; number += 10) {
        transaction_delete(transaction, TABLE_LEDGER, &(struct row_key){.number = number});
    }
    const struct row row = {.table = TABLE_LEDGER, .key = {.number = 995}};
    transaction_put(transaction, &row);
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    (void)walk(store, &scan, &seen);
    cr_assert_eq(seen.count, 10 + 79 + 1);
    cr_assert_eq(seen.keys[9].number, 90);
    cr_assert_eq(seen.keys[10].number, 210);
    cr_assert_eq(seen.keys[seen.count - 1].number, 995);
    store_close(store);
}

Test(scan, of_one_id_keeps_to_its_rows)
{
    struct store *store = scratch_open(dir);
    struct transaction *transaction = transaction_begin(store);
    for (uint8_t id = 1; id <= 3; id++) {
        for (uint64_t number = 0; number < 4; number++) {
            const struct row row = {
                .table = TABLE_GUARDS,
                .key = {.id = {id}, .number = number == 3 ? UINT64_MAX : number}};
            transaction_put(transaction, &row);
        }
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    for (uint8_t id = 0; id <= 4; id++) {
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            struct store_scan scan;
            store_scan_init(&scan, TABLE_GUARDS);
            scan.is_one_id = true;
            scan.is_backwards = backwards == 1;
            scan.rows_max = 3;
            scan.position.id[0] = id;
            static struct seen seen;
            seen = (struct seen){.refuse_at = SEEN_MAX};
            (void)walk(store, &scan, &seen);
            cr_assert_eq(seen.count, id >= 1 && id <= 3 ? 4 : 0);
            for (size_t k = 0; k < seen.count; k++) {
                const size_t place = backwards == 1 ? 3 - k : k;
                cr_assert_eq(seen.keys[k].id[0], id);
                cr_assert_eq(seen.keys[k].number, place == 3 ? UINT64_MAX : place);
            }
        }
    }
    store_close(store);
}

Test(scan, of_records_comes_in_order_of_issue)
{
    struct store *store = scratch_open(dir);
    static struct scratch_record record;
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < 50; i++) {
        scratch_record(&record, i, 5000 - i * 7, 600 + (uint32_t)i * 50);
        transaction_put_record(transaction, &record.record);
    }
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        struct store_scan scan;
        store_scan_init(&scan, TABLE_RECORDS);
        scan.rows_max = 9;
        scan.is_backwards = backwards == 1;
        static struct seen seen;
        seen = (struct seen){.refuse_at = SEEN_MAX};
        (void)walk(store, &scan, &seen);
        cr_assert_eq(seen.count, 50);
        for (size_t k = 0; k < 50; k++) {
            cr_assert_eq(seen.keys[k].number, 5000 - (backwards == 1 ? k : 49 - k) * 7);
        }
        uint8_t memory[SCRATCH_RECORD_BYTES];
        struct buffer value;
        buffer_init(&value, memory, sizeof memory);
        cr_assert_eq(store_get(store, TABLE_RECORDS, &seen.keys[20], &value), STATUS_OK);
    }
    struct store_scan scan;
    store_scan_init(&scan, TABLE_RECORDS);
    scan.position.number = 5000 - 10 * 7; /* issued then or later */
    static struct seen seen = {.refuse_at = SEEN_MAX};
    (void)walk(store, &scan, &seen);
    cr_assert_eq(seen.count, 11);
    store_close(store);
}

/* A reader that lives long pins every page written meanwhile. */
Test(scan, gives_up_its_read_transaction_in_time)
{
    struct store *store = scratch_open(dir);
    fill_ledger(store, 40);
    struct store_scan scan;
    store_scan_init(&scan, TABLE_LEDGER);
    static struct seen seen = {.refuse_at = SEEN_MAX, .sleep_ms = 4};
    cr_assert_eq(store_scan_next(store, &scan, see, &seen), STATUS_OK);
    cr_assert(!scan.is_done);
    cr_assert_leq(seen.count, 3);
    cr_assert_geq(seen.count, 1);
    seen.sleep_ms = 0;
    (void)walk(store, &scan, &seen);
    cr_assert_eq(seen.count, 40);
    store_close(store);
}
