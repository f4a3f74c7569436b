#include "storage/migration.h"

const struct migration_plan migration_plan = {.steps = NULL, .count = 0, .target = SCHEMA_VERSION};

static const char version_key[] = "schema version";

struct migration {
    const struct environment *environment;
    const struct migration_plan *plan;
    bool is_newer;
};

int
schema_version_read(MDB_txn *txn, MDB_dbi meta, uint32_t *ret_version)
{
    MDB_val key = value_of(version_key, sizeof version_key);
    MDB_val value;
    const int answer = mdb_get(txn, meta, &key, &value);
    if (answer == MDB_NOTFOUND) {
        *ret_version = 0;
        return 0;
    }
    if (answer != 0) {
        return answer;
    }
    if (value.mv_size != KEY_NUMBER_LENGTH) {
        return MDB_CORRUPTED;
    }
    const uint64_t version = number_read(value.mv_data);
    if (version == 0) {
        return MDB_CORRUPTED;
    }
    *ret_version = version > UINT32_MAX ? UINT32_MAX : (uint32_t)version;
    return 0;
}

static int
schema_version_write(MDB_txn *txn, MDB_dbi meta, uint32_t version)
{
    uint8_t bytes[KEY_NUMBER_LENGTH];
    number_write(version, bytes);
    MDB_val key = value_of(version_key, sizeof version_key);
    MDB_val value = value_of(bytes, sizeof bytes);
    return mdb_put(txn, meta, &key, &value, 0);
}

/* A version is written in the same commit as the first rows can follow, so rows without one mean that
 * the version row was lost. */
static int
tables_must_be_empty(const struct environment *environment, MDB_txn *txn)
{
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        if (table_layout((enum table)i)->environment != environment->name) {
            continue;
        }
        MDB_stat stat;
        const int answer = mdb_stat(txn, environment->trees[i], &stat);
        if (answer != 0 || stat.ms_entries != 0) {
            return answer != 0 ? answer : MDB_CORRUPTED;
        }
    }
    return 0;
}

static const struct migration_step *
step_from(const struct migration_plan *plan, uint32_t version)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].from == version) {
            return &plan->steps[i];
        }
    }
    return NULL;
}

static int
steps_take(const struct migration *migration, MDB_txn *txn, uint32_t version)
{
    for (; version < migration->plan->target; version++) {
        const struct migration_step *step = step_from(migration->plan, version);
        const int answer =
            step == NULL ? MDB_CORRUPTED : step->upgrade(migration->environment, txn);
        if (answer != 0) {
            return answer;
        }
    }
    return 0;
}

static int
migration_apply(void *context, MDB_txn *txn)
{
    struct migration *migration = context;
    uint32_t version = 0;
    int answer = schema_version_read(txn, migration->environment->meta, &version);
    if (answer != 0 || version == migration->plan->target) {
        return answer;
    }
    if (version > migration->plan->target) {
        migration->is_newer = true;
        return 0;
    }
    answer = version == 0 ? tables_must_be_empty(migration->environment, txn)
                          : steps_take(migration, txn, version);
    if (answer != 0) {
        return answer;
    }
    return schema_version_write(txn, migration->environment->meta, migration->plan->target);
}

enum status
migration_run(struct environment *environment, const struct migration_plan *plan)
{
    struct migration migration = {.environment = environment, .plan = plan};
    const enum status status = environment_write(environment, migration_apply, &migration);
    return status == STATUS_OK && migration.is_newer ? STATUS_NEWER_SCHEMA : status;
}
