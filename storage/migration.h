/* The schema's version, and the steps that lead from an older one to ours. */
#ifndef GPULET_STORAGE_MIGRATION_H
#define GPULET_STORAGE_MIGRATION_H

#include "storage/environment.h"

/* Of both environments. Grows when a layout in storage/keys.h or a row's meaning changes. */
enum { SCHEMA_VERSION = 1 };

/* Leads the truth from version `from` to from + 1. Answers as LMDB does. */
struct migration_step {
    uint32_t from;
    int (*upgrade)(const struct environment *environment, MDB_txn *txn);
};

struct migration_plan {
    const struct migration_step *steps;
    size_t count;
    uint32_t target;
};

/* The plan of this version of gpulet. A cache is not migrated: one of another version is set aside. */
extern const struct migration_plan migration_plan;

/* The version written in an environment; 0 when none is, as in a new one. */
int schema_version_read(MDB_txn *txn, MDB_dbi meta, uint32_t *ret_version);

/* Writes the plan's target into a new environment, or takes every step to it, in one commit: after a crash the old version
 * stands. STATUS_NEWER_SCHEMA; STATUS_CORRUPT when rows exist without a version, or no step
 * leads on. */
enum status migration_run(struct environment *environment, const struct migration_plan *plan)
    MUST_USE;

#endif
