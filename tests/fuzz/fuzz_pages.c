/* Judges any bytes as an LMDB file. What is found sound is given to LMDB, which then reads and rewrites
 * every tree of it: a page that was let through must not make it touch foreign memory. */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TREES_MAX = 64, NAME_MAX_LENGTH = 32 };

struct names {
    char list[TREES_MAX][NAME_MAX_LENGTH];
    size_t count;
};

/* Keys out of order are found by storage/damage.c, and are not for LMDB to meet. */
static bool
tree_is_in_order(MDB_txn *txn, MDB_dbi tree, struct names *names)
{
    MDB_cursor *cursor = NULL;
    if (mdb_cursor_open(txn, tree, &cursor) != 0) {
        return false;
    }
    MDB_val key;
    MDB_val value;
    MDB_val last = {.mv_size = 0};
    int answer = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    bool is_good = true;
    while (answer == 0 && is_good) {
        is_good = (last.mv_size == 0 || mdb_cmp(txn, tree, &last, &key) < 0) &&
                  (names == NULL || (key.mv_size < NAME_MAX_LENGTH && names->count < TREES_MAX));
        if (is_good && names != NULL) {
            memcpy(names->list[names->count], key.mv_data, key.mv_size);
            is_good = strlen(names->list[names->count++]) == key.mv_size;
        }
        last = key;
        answer = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return is_good;
}

/* Copies every page of a tree that holds a row: half of the rows go, half of them get another length. */
static void
tree_rewrite(MDB_txn *txn, MDB_dbi tree)
{
    MDB_cursor *cursor = NULL;
    if (mdb_cursor_open(txn, tree, &cursor) != 0) {
        return;
    }
    MDB_val key;
    MDB_val value;
    int answer = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (unsigned i = 0; answer == 0; i++) {
        if (i % 2 == 0) {
            answer = mdb_cursor_del(cursor, 0);
        } else {
            uint8_t copy[511];
            uint8_t other[700] = {0};
            MDB_val copied = {.mv_size = key.mv_size, .mv_data = copy};
            MDB_val changed = {.mv_size = value.mv_size % sizeof other, .mv_data = other};
            memcpy(copy, key.mv_data, key.mv_size);
            answer = mdb_cursor_put(cursor, &copied, &changed, 0);
        }
        if (answer == 0) {
            answer = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
}

static void
trees_rewrite(MDB_env *env)
{
    MDB_txn *txn = NULL;
    MDB_dbi main_tree = 0;
    struct names *names = calloc(1, sizeof *names);
    if (names == NULL || mdb_txn_begin(env, NULL, 0, &txn) != 0) {
        free(names);
        return;
    }
    bool is_good =
        mdb_dbi_open(txn, NULL, 0, &main_tree) == 0 && tree_is_in_order(txn, main_tree, names);
    MDB_dbi trees[TREES_MAX];
    for (size_t i = 0; is_good && i < names->count; i++) {
        is_good = mdb_dbi_open(txn, names->list[i], 0, &trees[i]) == 0 &&
                  tree_is_in_order(txn, trees[i], NULL);
    }
    for (size_t i = 0; is_good && i < names->count; i++) {
        tree_rewrite(txn, trees[i]);
    }
    if (is_good) {
        (void)!mdb_txn_commit(txn);
    } else {
        mdb_txn_abort(txn);
    }
    free(names);
}

static void
give_to_lmdb(const uint8_t *data, size_t size)
{
    char directory[] = "/tmp/gpulet-fuzz-XXXXXX";
    char path[64];
    if (mkdtemp(directory) == NULL) {
        abort();
    }
    (void)snprintf(path, sizeof path, "%s/data.mdb", directory);
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size) {
        abort();
    }
    (void)close(descriptor);
    MDB_env *env = NULL;
    if (mdb_env_create(&env) == 0) {
        if (mdb_env_set_maxdbs(env, TREES_MAX) == 0 && mdb_env_set_mapsize(env, 4 << 20) == 0 &&
            mdb_env_open(env, directory, MDB_NOLOCK | MDB_NOSYNC, 0600) == 0) {
            trees_rewrite(env);
            trees_rewrite(env); /* takes the pages that the first one freed */
        }
        mdb_env_close(env);
    }
    (void)unlink(path);
    (void)rmdir(directory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (pages_judge(bytes_of(data, size)) == STATUS_OK) {
        give_to_lmdb(data, size);
    }
    return 0;
}
