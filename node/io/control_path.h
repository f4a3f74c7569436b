/* Where the control socket lies, and the file that tells the command line. */
#ifndef GPULET_NODE_IO_CONTROL_PATH_H
#define GPULET_NODE_IO_CONTROL_PATH_H

#include <stdbool.h>

#include "protocol/status.h"

enum { CONTROL_PATH_SIZE = 108, DATA_PATH_SIZE = 4096 }; /* sun_path; with the final NUL */

struct control_path {
    char socket[CONTROL_PATH_SIZE];
    char told_in[DATA_PATH_SIZE]; /* <data>/control */
    bool is_elsewhere;            /* in a directory made for it alone */
};

/* Makes the directory (0700): <data>/run, or, when that path is too long for a socket's address, a
 * new one below XDG_RUNTIME_DIR or /tmp. STATUS_SYSTEM, STATUS_PERMISSION, STATUS_LIMIT. */
enum status control_path_make(const char *data_dir, struct control_path *ret_path) MUST_USE;

/* Writes the socket's path into <data>/control, whole or not at all. */
enum status control_path_tell(const struct control_path *path) MUST_USE;

/* Removes socket, file and a directory that was made for it. */
void control_path_remove(const struct control_path *path);

#endif
