/* The control files of a cgroup directory. */
#ifndef GPULET_NODE_IO_CGROUP_FILE_H
#define GPULET_NODE_IO_CGROUP_FILE_H

#include <stddef.h>

#include "protocol/status.h"

/* Writes `text` in one write, as the kernel wants it. STATUS_NOT_FOUND, STATUS_PERMISSION,
 * STATUS_BUSY, STATUS_SYSTEM. */
enum status cgroup_file_write(const char *directory, const char *file, const char *text) MUST_USE;

/* Reads up to `size` bytes, without a final NUL; 0 when the file is empty or cannot be read. */
size_t cgroup_file_read(const char *directory, const char *file, char *ret_text, size_t size);

/* STATUS_EXISTS, STATUS_PERMISSION, STATUS_SYSTEM. */
enum status cgroup_directory_make(const char *path) MUST_USE;

#endif
