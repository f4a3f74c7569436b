/* Which environment variables a renter may set for a job; read by the command line and by hosts. */
#ifndef GPULET_PROTOCOL_ENVIRONMENT_H
#define GPULET_PROTOCOL_ENVIRONMENT_H

#include "protocol/bytes.h"
#include "protocol/status.h"

/* A "NAME=VALUE". STATUS_BAD_INPUT without a name, STATUS_REFUSED for loader and driver settings and
 * for what the host sets itself; then one sentence is appended to `why`, which may be NULL. */
enum status environment_check(struct bytes entry, struct buffer *why) MUST_USE;

#endif
