/* Finds out whether an environment can be trusted, before the process maps it for good.
 *
 * LMDB reads its trees without check sums and may stop, fault or loop on damaged pages. So a child
 * process reads everything once: whatever a damaged file does, it does to the child. */
#ifndef GPULET_STORAGE_DAMAGE_H
#define GPULET_STORAGE_DAMAGE_H

#include "protocol/status.h"
#include "storage/keys.h"

/* STATUS_OK: every page fits LMDB's format (storage/pages.h), keys are in order, rows fit their check
 * sums, and records and their indexes tell the same. A directory without data is sound. STATUS_CORRUPT;
 * STATUS_NEWER_SCHEMA (nothing else was judged); STATUS_PERMISSION; STATUS_NO_MEMORY; STATUS_SYSTEM
 * when there was no child. ret_schema (may be NULL) is the schema's version, 0 when nothing was
 * written yet. Nobody may write meanwhile. */
enum status damage_look(const char *directory, enum environment_name name, uint32_t *ret_schema)
    MUST_USE;

#endif
