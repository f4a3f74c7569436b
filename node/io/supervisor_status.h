/* A job's status as bytes: the payload of STATUS and EXIT frames, and the content of the file. */
#ifndef GPULET_NODE_IO_SUPERVISOR_STATUS_H
#define GPULET_NODE_IO_SUPERVISOR_STATUS_H

#include "node/io/workload.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

enum { SUPERVISOR_STATUS_BYTES_MAX = 512 };

/* Appends the status; SUPERVISOR_STATUS_BYTES_MAX bytes are always enough. */
void supervisor_status_encode(const struct workload_status *status, struct buffer *buffer);

/* STATUS_CORRUPT: these bytes are no status; STATUS_BAD_VERSION: of another version of gpulet. */
enum status supervisor_status_decode(struct bytes bytes, struct workload_status *ret) MUST_USE;

#endif
