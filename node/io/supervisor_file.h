/* Small files of a job's directory, and facts of /proc. */
#ifndef GPULET_NODE_IO_SUPERVISOR_FILE_H
#define GPULET_NODE_IO_SUPERVISOR_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/bytes.h"
#include "protocol/status.h"

enum file_mode {
    FILE_REPLACE_FAST,    /* atomic for readers; after a power cut old or new */
    FILE_REPLACE_DURABLE, /* atomic, and on the disk on return */
    FILE_CREATE_DURABLE,  /* STATUS_EXISTS when it is there already */
};

/* Writes the file `name` (mode 0600) of the directory through "<name>.tmp".
 * STATUS_EXISTS, STATUS_DISK_FULL, STATUS_SYSTEM. */
enum status file_write(int directory, const char *name, struct bytes content, enum file_mode mode)
    MUST_USE;

/* Appends the file's whole content. STATUS_NOT_FOUND, STATUS_NO_SPACE, STATUS_SYSTEM. */
enum status file_read(int directory, const char *name, struct buffer *buffer) MUST_USE;

/* When a process started, in clock ticks after boot; with its pid this names it for good.
 * STATUS_NOT_FOUND: there is no such process, or it is a zombie. */
enum status process_start_time(pid_t pid, uint64_t *ret) MUST_USE;

/* The pid of a process's parent; 0 when there is no such process. */
pid_t process_parent(pid_t pid);

/* True while the very process runs. */
bool process_is_alive(pid_t pid, uint64_t start_time);

/* SIGKILL to the very process, if it still runs. */
void process_kill(pid_t pid, uint64_t start_time);

/* Milliseconds of CLOCK_MONOTONIC, which stands still while the machine sleeps. */
int64_t clock_monotonic_ms(void);

/* STATUS for errno as it stands. */
enum status status_from_errno(void) MUST_USE;

#endif
