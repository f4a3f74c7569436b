#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/storage/scratch.h"

static char disk[SCRATCH_PATH_SIZE]; /* a file system of 16 MiB */
static char dir[SCRATCH_PATH_SIZE];  /* the data directory on it */
static char filler[SCRATCH_PATH_SIZE];

static bool
file_write(const char *path, const char *text)
{
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    const bool is_written =
        descriptor >= 0 && write(descriptor, text, strlen(text)) == (ssize_t)strlen(text);
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return is_written;
}

/* A mount of our own: as root, or as root of a user namespace. */
static bool
disk_mount(void)
{
    char map[64];
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)getuid());
    if (unshare(CLONE_NEWNS) != 0 &&
        (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !file_write("/proc/self/uid_map", map))) {
        return false;
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", disk, "tmpfs", 0, "size=16m") == 0;
}

static void
set_up(void)
{
    scratch_make(disk);
    if (!disk_mount()) {
        (void)rmdir(disk);
        cr_skip_test("no mount namespace here: %s", strerror(errno));
    }
    scratch_path(disk, "data", dir);
    scratch_path(disk, "filler", filler);
}

static void
tear_down(void)
{
    (void)umount2(disk, MNT_DETACH);
    (void)rmdir(disk);
}

TestSuite(disk_full, .init = set_up, .fini = tear_down);

static uint64_t
disk_free(void)
{
    struct statvfs found;
    cr_assert_eq(statvfs(disk, &found), 0);
    return (uint64_t)found.f_bavail * found.f_frsize;
}

/* Fills the disk but for `left` bytes. */
static void
disk_fill(uint64_t left)
{
    const int descriptor = open(filler, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(descriptor, 0);
    const uint64_t length = disk_free() - left;
    cr_assert_eq(posix_fallocate(descriptor, 0, (off_t)length), 0);
    (void)close(descriptor);
    cr_assert_leq(disk_free(), left);
}

static enum status
put_rows(struct store *store, uint64_t first, uint64_t count)
{
    static uint8_t value[3000];
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < count; i++) {
        const struct row row = {.table = TABLE_LEDGER,
                                .key = {.number = first + i},
                                .value = bytes_of(value, sizeof value)};
        transaction_put(transaction, &row);
    }
    return transaction_commit(transaction, NULL);
}

static uint64_t
rows_of(struct store *store)
{
    uint64_t count = 0;
    cr_assert_eq(store_count(store, TABLE_LEDGER, &count), STATUS_OK);
    return count;
}

static enum store_state
state_of(struct store *store)
{
    struct store_space space;
    store_space(store, &space);
    return space.state;
}

static const struct store_options small = {.disk_low_bytes = 4 << 20};

Test(disk_full, at_the_start_is_told_and_passes_when_space_is_back)
{
    for (uint64_t left = 0; left <= 1400 * 1024; left += left < 80 * 1024 ? 4096 : 65536) {
        cr_assert_eq(mkdir(dir, 0700), 0);
        disk_fill(left);
        struct store *store = NULL;
        char why[STORE_WHY_SIZE];
        const enum status status = store_open(dir, &small, &store, why);
        if (status == STATUS_OK) {
            cr_assert_gt(left, 1 << 20); /* the ballast at least */
            store_close(store);
        } else {
            cr_assert_eq(status, STATUS_DISK_FULL, "%lu left: %s: %s", (unsigned long)left,
                         status_name(status), why);
            cr_assert_null(store);
            cr_assert_not_null(strstr(why, dir), "%s", why);
            cr_assert_not_null(strstr(why, "full"), "%s", why);
        }
        cr_assert_eq(unlink(filler), 0);
        store = scratch_open_with(dir, &small);
        cr_assert_eq(put_rows(store, 0, 10), STATUS_OK);
        cr_assert_eq(state_of(store), STORE_NORMAL);
        store_close(store);
        scratch_remove(dir);
    }
}

Test(disk_full, while_running_refuses_the_batch_and_keeps_what_was_there)
{
    struct store *store = scratch_open_with(dir, &small);
    disk_fill(3 << 20);
    cr_assert_eq(state_of(store), STORE_LOW);
    uint64_t rows = 0;
    enum status status = STATUS_OK;
    while ((status = put_rows(store, rows, 20)) == STATUS_OK) {
        rows += 20;
        cr_assert_lt(rows, 100000);
    }
    cr_assert_eq(status, STATUS_DISK_FULL, "%s", status_name(status));
    cr_assert_eq(rows_of(store), rows);
    cr_assert_eq(state_of(store), STORE_FULL);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(put_rows(store, rows, 400), STATUS_DISK_FULL);
        cr_assert_eq(rows_of(store), rows);
    }
    cr_assert_eq(store_restore_ballast(store), STATUS_OK); /* was never released */
    /* The ballast lets leases end. */
    store_release_ballast(store);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(put_rows(store, rows, 1), STATUS_OK);
        rows++;
    }
    cr_assert_eq(state_of(store), STORE_FULL);
    cr_assert_eq(store_restore_ballast(store), STATUS_DISK_FULL);
    /* Space comes back, and with it everything. */
    cr_assert_eq(unlink(filler), 0);
    cr_assert_eq(put_rows(store, rows, 20), STATUS_OK);
    cr_assert_eq(store_restore_ballast(store), STATUS_OK);
    cr_assert_eq(state_of(store), STORE_NORMAL);
    store_close(store);
    store = scratch_open_with(dir, &small);
    cr_assert_eq(rows_of(store), rows + 20);
    store_close(store);
}

/* Leases may have to end just when the disk is full: the daemon must start. */
Test(disk_full, does_not_keep_an_existing_store_from_starting)
{
    struct store *store = scratch_open_with(dir, &small);
    cr_assert_eq(put_rows(store, 0, 100), STATUS_OK);
    store_close(store);
    static const char *const gone[] = {"truth/ballast", "truth/lock.mdb", "cache/lock.mdb"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        /* First with all files in place, then with one gone and its space taken. */
        if (i > 0) {
            char path[SCRATCH_PATH_SIZE];
            scratch_path(dir, gone[i - 1], path);
            cr_assert_eq(unlink(path), 0);
        }
        disk_fill(0);
        store = scratch_open_with(dir, &small);
        cr_assert_eq(rows_of(store), 100);
        cr_assert_eq(state_of(store), STORE_FULL);
        store_close(store);
        cr_assert_eq(unlink(filler), 0);
        store = scratch_open_with(dir, &small);
        cr_assert_eq(state_of(store), STORE_NORMAL); /* and it has its ballast again */
        store_close(store);
    }
}

Test(disk_full, of_the_cache_alone_does_not_stop_the_truth)
{
    const struct store_options never_low = {.disk_low_bytes = 1};
    struct store *store = scratch_open_with(dir, &never_low);
    disk_fill(64 * 1024); /* enough for a row, not for forty guards */
    static uint8_t value[3000];
    struct transaction *transaction = transaction_begin(store);
    for (uint64_t i = 0; i < 40; i++) {
        const struct row row = {
            .table = TABLE_GUARDS, .key = scratch_key(i), .value = bytes_of(value, sizeof value)};
        transaction_put(transaction, &row);
    }
    const struct row promise = {
        .table = TABLE_LEDGER, .key = {.number = 3}, .value = bytes_of_text("kept")};
    transaction_put(transaction, &promise);
    enum status cache_status = STATUS_OK;
    const enum status status = transaction_commit(transaction, &cache_status);
    cr_assert_eq(status, STATUS_OK, "%s", status_name(status));
    cr_assert_eq(cache_status, STATUS_DISK_FULL);
    uint64_t guards = 1;
    cr_assert_eq(store_count(store, TABLE_GUARDS, &guards), STATUS_OK);
    cr_assert_eq(guards, 0);
    store_close(store);
}
