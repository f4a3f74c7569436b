/* The daemon's log: one line an event, to stderr or a file; never a key, a command or its environment. */
#ifndef GPULET_NODE_IO_LOG_H
#define GPULET_NODE_IO_LOG_H

#include "node/core/effect.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

/* Where lines go from now on; NULL: stderr. Below `least` nothing is written. Lines before the call
 * go to stderr. STATUS_SYSTEM: the file cannot be opened; the log stays as it is. */
enum status log_open(const char *path, enum log_level least) MUST_USE;

/* One line: time, level, text; of many lines within a few seconds only the first ones and errors. Control characters become '?', so that no peer can forge lines. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a text without a final NUL. */
void log_text(enum log_level level, struct bytes text);

#endif
