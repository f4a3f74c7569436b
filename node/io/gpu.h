/* The cards of this machine, real or simulated. */
#ifndef GPULET_NODE_IO_GPU_H
#define GPULET_NODE_IO_GPU_H

#include "node/core/event.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

/* Cards that do not exist, from a list such as "rtx4090x2,rtx3060": a class each, "xN" for N of them.
 * Equal cards share a slot group; the same text gives the same cards everywhere. `why` gets a sentence:
 * STATUS_NOT_FOUND and STATUS_AMBIGUOUS (no such class, or several), STATUS_LIMIT (too many). */
enum status gpus_simulate(struct bytes list, struct gpu ret_list[GPUS_MAX], size_t *ret_count,
                          struct buffer *why) MUST_USE;

/* The real cards. None are found so far: `why` always says so, for the doctor. */
void gpus_find(struct gpu ret_list[GPUS_MAX], size_t *ret_count, struct buffer *why);

/* Lists both parts' hints of a GPU: libraries and device nodes that are there, one a call; NULL behind
 * the last one. For the doctor only. */
const char *gpu_hint(size_t position, bool *ret_is_there);

#endif
