/* What a job's workspace holds, measured each second by a thread of its own: a tree of a million
 * files must not delay a freeze or a kill. */
#ifndef GPULET_NODE_IO_SUPERVISOR_DISK_H
#define GPULET_NODE_IO_SUPERVISOR_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/status.h"

struct disk_use {
    uint64_t bytes;   /* as allocated on the disk */
    uint64_t files;   /* files, directories and links */
    bool is_too_deep; /* more than 200 levels: not measured further */
    bool is_low;      /* the file system has less than 2 % or 256 MiB left for everybody */
};

struct disk_watch;

/* Measures the directory (kept, not owned) from now on. STATUS_NO_MEMORY, STATUS_SYSTEM. */
enum status disk_watch_start(int directory, struct disk_watch **ret) MUST_USE;
/* What was measured last. */
struct disk_use disk_watch_last(struct disk_watch *watch);
/* Ends the thread; NULL is allowed. */
void disk_watch_stop(struct disk_watch *watch);

/* One measurement. STATUS_SYSTEM when the directory itself cannot be read. */
enum status disk_measure(int directory, struct disk_use *ret) MUST_USE;

#endif
