/* A workload's spec as bytes: how a daemon tells a supervisor what to run, in a file of mode 0600. */
#ifndef GPULET_NODE_IO_SUPERVISOR_SPEC_H
#define GPULET_NODE_IO_SUPERVISOR_SPEC_H

#include "node/io/workload.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

/* A decoded spec; its texts point into the bytes it was decoded from. */
struct supervisor_spec {
    struct workload_spec spec; /* its lists are the ones below; job_dir is NULL */
    const char *arguments[WORKLOAD_ARGUMENTS_MAX + 1]; /* ends with NULL */
    const char *environment[WORKLOAD_ENVIRONMENT_MAX + 1];
    const char *device_paths[WORKLOAD_DEVICES_MAX + 1];
    uint32_t gpu_indices[WORKLOAD_GPUS_MAX];
};

/* Appends the spec without job_dir and supervisor_program. Counts were checked. */
void supervisor_spec_encode(const struct workload_spec *spec, struct buffer *buffer);

/* STATUS_CORRUPT: these bytes are no spec; STATUS_BAD_VERSION. *ret is filled in place, since its
 * lists point into itself: it must not be copied. */
enum status supervisor_spec_decode(struct bytes bytes, struct supervisor_spec *ret) MUST_USE;

#endif
