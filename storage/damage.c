#include "storage/damage.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/check_sum.h"
#include "storage/directory.h"
#include "storage/migration.h"
#include "storage/pages.h"
#include "storage/records.h"

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
    struct environment environment; /* its name, and the trees of the records */
    uint32_t schema;
};

struct tree {
    MDB_dbi handle;
    uint64_t entries;
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
tree_look(struct look *look, const char *name, enum table table, struct tree *ret_tree)
{
    MDB_dbi tree = 0;
    *ret_tree = (struct tree){.entries = 0};
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
    *ret_tree = (struct tree){.handle = tree, .entries = stat.ms_entries};
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

/* The three trees of the records, which must tell the same. */
static int
record_trees_look(struct look *look, const struct tree *records)
{
    struct tree ids;
    struct tree expiries;
    int answer = tree_look(look, TREE_RECORD_IDS, TABLE_COUNT, &ids);
    if (answer == 0) {
        answer = tree_look(look, TREE_RECORD_EXPIRY, TABLE_COUNT, &expiries);
    }
    if (answer != 0) {
        return answer;
    }
    if (ids.entries != records->entries || expiries.entries != records->entries) {
        return MDB_CORRUPTED;
    }
    if (records->entries == 0) {
        return 0; /* in a new environment the trees are not there */
    }
    look->environment.trees[TABLE_RECORDS] = records->handle;
    look->environment.record_ids = ids.handle;
    look->environment.record_expiry = expiries.handle;
    return records_look(&look->environment, look->txn);
}

static int
trees_look(struct look *look)
{
    struct tree tree;
    struct tree records = {.entries = 0};
    int answer = tree_look(look, TREE_META, TABLE_COUNT, &tree);
    for (unsigned i = 0; answer == 0 && i < TABLE_COUNT; i++) {
        const enum table table = (enum table)i;
        if (table_layout(table)->environment == look->environment.name) {
            answer = tree_look(look, table_layout(table)->name, table, &tree);
            records = table == TABLE_RECORDS ? tree : records;
        }
    }
    if (answer == 0 && look->environment.name == ENVIRONMENT_CACHE) {
        answer = record_trees_look(look, &records);
    }
    return answer;
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
file_look(const char *directory)
{
    char path[DIRECTORY_PATH_SIZE];
    if (path_join(directory, "data.mdb", path) != STATUS_OK) {
        return MDB_CORRUPTED;
    }
    const enum status status = pages_look(path);
    return status == STATUS_NO_MEMORY ? ENOMEM : status == STATUS_OK ? 0 : MDB_CORRUPTED;
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
        answer = mdb_txn_begin(look->env, NULL, MDB_RDONLY, &look->txn);
    }
    if (answer == 0) {
        answer = schema_look(look);
    }
    if (answer != 0 || look->schema > SCHEMA_VERSION) {
        return answer;
    }
    answer = file_look(directory);
    if (answer != 0 || (look->schema != 0 && look->schema != SCHEMA_VERSION)) {
        return answer; /* rows of an older version are for the migration to judge */
    }
    return trees_look(look);
}

static int
child_look(const char *directory, enum environment_name name)
{
    /* The store's lock among them: were we to outlive a parent that is killed, the next start would
     * find the directory in use. */
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    /* Dying here is an answer: no core file, and no sanitizer's or parent's handler. */
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        (void)signal(deadly[i], SIG_DFL);
    }
    struct look look = {.environment = {.name = name}};
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
    char path[DIRECTORY_PATH_SIZE];
    struct stat file;
    const enum status status = path_join(directory, "data.mdb", path);
    if (status != STATUS_OK) {
        return status;
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
