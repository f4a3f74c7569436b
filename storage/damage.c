#include "storage/damage.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/check_sum.h"
#include "storage/migration.h"

/* What the child says by its exit code; schema versions are added to EXIT_SOUND. */
enum {
    EXIT_DAMAGED = 1,
    EXIT_NEWER = 2,
    EXIT_NO_MEMORY = 3,
    EXIT_UNREADABLE = 4,
    EXIT_SOUND = 16,
    EXIT_SCHEMA_MAX = 200
};

struct look {
    MDB_env *env;
    MDB_txn *txn;
    enum environment_name name;
    uint64_t pages;      /* in use by trees */
    uint64_t pages_file; /* that the file has */
    uint32_t schema;
};

static int
row_look(enum table table, const MDB_val *key, const MDB_val *value)
{
    struct row_key decoded;
    enum status status = key_decode(table, bytes_of(key->mv_data, key->mv_size), &decoded);
    if (status == STATUS_OK && table != TABLE_RECORDS) {
        const struct encoded_key encoded = key_encode(table, &decoded);
        struct bytes row;
        status = check_sum_strip(table, &encoded, bytes_of(value->mv_data, value->mv_size), &row);
    }
    return status == STATUS_OK ? 0 : MDB_CORRUPTED;
}

/* Reads a tree from end to end. `table` is TABLE_COUNT for the trees that hold no rows. */
static int
cursor_look(MDB_cursor *cursor, enum table table, uint64_t entries)
{
    MDB_val key;
    MDB_val value;
    uint8_t last_memory[KEY_LENGTH_MAX];
    struct buffer last;
    buffer_init(&last, last_memory, sizeof last_memory);
    uint64_t count = 0;
    int answer = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; answer == 0; answer = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        const struct bytes bytes = bytes_of(key.mv_data, key.mv_size);
        if (++count > entries || bytes.length > KEY_LENGTH_MAX ||
            (count > 1 && bytes_compare(buffer_bytes(&last), bytes) >= 0)) {
            return MDB_CORRUPTED;
        }
        last.length = 0;
        buffer_append(&last, bytes.data, bytes.length);
        if (table != TABLE_COUNT && row_look(table, &key, &value) != 0) {
            return MDB_CORRUPTED;
        }
    }
    return answer == MDB_NOTFOUND && count == entries ? 0 : MDB_CORRUPTED;
}

static int
tree_look(struct look *look, const char *name, enum table table, uint64_t *ret_entries)
{
    MDB_dbi tree = 0;
    *ret_entries = 0;
    int answer = mdb_dbi_open(look->txn, name, 0, &tree);
    if (answer != 0) {
        return answer == MDB_NOTFOUND ? 0 : answer; /* a new environment has no trees yet */
    }
    MDB_stat stat;
    answer = mdb_stat(look->txn, tree, &stat);
    MDB_cursor *cursor = NULL;
    if (answer == 0) {
        answer = mdb_cursor_open(look->txn, tree, &cursor);
    }
    if (answer != 0) {
        return answer;
    }
    look->pages += (uint64_t)stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    *ret_entries = stat.ms_entries;
    answer = cursor_look(cursor, table, stat.ms_entries);
    mdb_cursor_close(cursor);
    return answer;
}

static int
schema_look(struct look *look)
{
    MDB_dbi meta = 0;
    int answer = mdb_dbi_open(look->txn, TREE_META, 0, &meta);
    if (answer == MDB_NOTFOUND) {
        return 0;
    }
    if (answer == 0) {
        answer = schema_version_read(look->txn, meta, &look->schema);
    }
    return answer;
}

static int
trees_look(struct look *look)
{
    uint64_t entries = 0;
    int answer = tree_look(look, TREE_META, TABLE_COUNT, &entries);
    uint64_t records = 0;
    for (unsigned i = 0; answer == 0 && i < TABLE_COUNT; i++) {
        const enum table table = (enum table)i;
        if (table_layout(table)->environment == look->name) {
            answer = tree_look(look, table_layout(table)->name, table, &entries);
            records = table == TABLE_RECORDS ? entries : records;
        }
    }
    uint64_t ids = 0;
    uint64_t expiries = 0;
    if (answer == 0 && look->name == ENVIRONMENT_CACHE) {
        answer = tree_look(look, TREE_RECORD_IDS, TABLE_COUNT, &ids);
    }
    if (answer == 0 && look->name == ENVIRONMENT_CACHE) {
        answer = tree_look(look, TREE_RECORD_EXPIRY, TABLE_COUNT, &expiries);
    }
    return answer == 0 && (ids != records || expiries != records) ? MDB_CORRUPTED : answer;
}

/* Marks a page as free; one that lies outside the file or is free twice is damage. */
static int
free_page_mark(struct look *look, uint8_t *marks, size_t page)
{
    const uint8_t bit = (uint8_t)(1U << (page % CHAR_BIT));
    if (page < 2 || page >= look->pages_file || (marks[page / CHAR_BIT] & bit) != 0) {
        return MDB_CORRUPTED;
    }
    marks[page / CHAR_BIT] |= bit;
    look->pages++;
    return 0;
}

/* An entry of LMDB's free tree: how many pages, and their numbers, as size_t. */
static int
free_entry_look(struct look *look, uint8_t *marks, const MDB_val *value)
{
    const size_t *list = value->mv_data;
    if (value->mv_size < sizeof *list || list[0] > value->mv_size / sizeof *list - 1) {
        return MDB_CORRUPTED;
    }
    for (size_t i = 1; i <= list[0]; i++) {
        const int answer = free_page_mark(look, marks, list[i]);
        if (answer != 0) {
            return answer;
        }
    }
    return 0;
}

/* Pages both free and in use would be written over: found by their sum. */
static int
free_pages_look(struct look *look)
{
    uint8_t *marks = calloc(look->pages_file / CHAR_BIT + 1, 1);
    if (marks == NULL) {
        return ENOMEM;
    }
    MDB_cursor *cursor = NULL;
    int answer = mdb_cursor_open(look->txn, TREE_FREE, &cursor);
    MDB_val key;
    MDB_val value;
    while (answer == 0) {
        answer = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (answer == 0) {
            answer = free_entry_look(look, marks, &value);
        }
    }
    free(marks);
    if (answer != MDB_NOTFOUND) {
        return answer;
    }
    return look->pages > look->pages_file ? MDB_CORRUPTED : 0;
}

static int
own_pages_count(struct look *look)
{
    look->pages = 2;
    for (MDB_dbi tree = TREE_FREE; tree <= TREE_NAMES; tree++) {
        MDB_stat stat;
        const int answer = mdb_stat(look->txn, tree, &stat);
        if (answer != 0) {
            return answer;
        }
        look->pages += (uint64_t)stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    return 0;
}

/* A file that ends before its last page would fault under the map. */
static int
size_look(struct look *look)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    int descriptor = -1;
    if (mdb_env_info(look->env, &info) != 0 || mdb_env_stat(look->env, &stat) != 0 ||
        mdb_env_get_fd(look->env, &descriptor) != 0 || fstat(descriptor, &file) != 0) {
        return MDB_CORRUPTED;
    }
    look->pages_file = (uint64_t)info.me_last_pgno + 1;
    return (uint64_t)file.st_size / stat.ms_psize < look->pages_file ? MDB_CORRUPTED : 0;
}

/* LMDB found damage by an assertion. The child says no more than its verdict. */
static void
assertion_exit(MDB_env *env, const char *text)
{
    (void)env;
    (void)text;
    _exit(EXIT_DAMAGED);
}

static int
environment_look(struct look *look, const char *directory)
{
    int answer = mdb_env_create(&look->env);
    if (answer == 0) {
        answer = mdb_env_set_assert(look->env, assertion_exit);
    }
    if (answer == 0) {
        answer = mdb_env_set_maxdbs(look->env, TREES_MAX);
    }
    if (answer == 0) {
        answer = mdb_env_open(look->env, directory, MDB_RDONLY | MDB_NOLOCK, 0600);
        answer = answer == ENOMEM ? MDB_CORRUPTED : answer; /* it says it is immense */
    }
    if (answer == 0) {
        answer = size_look(look);
    }
    if (answer == 0) {
        answer = mdb_txn_begin(look->env, NULL, MDB_RDONLY, &look->txn);
    }
    if (answer == 0) {
        answer = schema_look(look);
    }
    if (answer != 0 || look->schema > SCHEMA_VERSION) {
        return answer;
    }
    answer = own_pages_count(look);
    if (answer == 0 && (look->schema == 0 || look->schema == SCHEMA_VERSION)) {
        answer = trees_look(look); /* rows of another version are for its migration to judge */
    }
    return answer == 0 ? free_pages_look(look) : answer;
}

static int
child_look(const char *directory, enum environment_name name)
{
    /* Dying here is an answer: no core file, and no sanitizer's or parent's handler. */
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        (void)signal(deadly[i], SIG_DFL);
    }
    struct look look = {.name = name};
    const int answer = environment_look(&look, directory);
    if (answer == ENOMEM) {
        return EXIT_NO_MEMORY;
    }
    if (answer == EACCES || answer == EPERM) {
        return EXIT_UNREADABLE;
    }
    if (answer != 0) {
        return EXIT_DAMAGED;
    }
    if (look.schema > SCHEMA_VERSION || look.schema > EXIT_SCHEMA_MAX) {
        return EXIT_NEWER;
    }
    return EXIT_SOUND + (int)look.schema;
}

static enum status
verdict_of(int state, uint32_t *ret_schema)
{
    const int code = WIFEXITED(state) ? WEXITSTATUS(state) : EXIT_DAMAGED;
    if (code == EXIT_NEWER) {
        return STATUS_NEWER_SCHEMA;
    }
    if (code == EXIT_NO_MEMORY) {
        return STATUS_NO_MEMORY;
    }
    if (code == EXIT_UNREADABLE) {
        return STATUS_PERMISSION;
    }
    if (code < EXIT_SOUND) {
        return STATUS_CORRUPT;
    }
    if (ret_schema != NULL) {
        *ret_schema = (uint32_t)(code - EXIT_SOUND);
    }
    return STATUS_OK;
}

enum status
damage_look(const char *directory, enum environment_name name, uint32_t *ret_schema)
{
    char path[PATH_MAX];
    const int length = snprintf(path, sizeof path, "%s/data.mdb", directory);
    struct stat file;
    if (length < 0 || (size_t)length >= sizeof path) {
        return STATUS_SYSTEM;
    }
    if (stat(path, &file) != 0 || file.st_size == 0) {
        if (ret_schema != NULL) {
            *ret_schema = 0;
        }
        return STATUS_OK;
    }
    const pid_t child = fork();
    if (child < 0) {
        return STATUS_SYSTEM;
    }
    if (child == 0) {
        _exit(child_look(directory, name));
    }
    int state = 0;
    while (waitpid(child, &state, 0) < 0) {
        if (errno != EINTR) {
            return STATUS_SYSTEM; /* someone else reaped it: nothing is known */
        }
    }
    return verdict_of(state, ret_schema);
}
