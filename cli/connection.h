/* The local connection to gpuletd; connection.c is the only file here that knows the socket library. */
#ifndef GPULET_CLI_CONNECTION_H
#define GPULET_CLI_CONNECTION_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/schema.h"
#include "protocol/status.h"

struct connection;

/* Reaches the daemon that listens at a local socket's path. Owned by the caller.
 * STATUS_DISCONNECTED: nobody listens there; STATUS_PERMISSION; STATUS_SYSTEM. */
enum status connection_open(const char *path, struct connection **ret_connection) MUST_USE;

/* Reaches a daemon anew in place of one that went silent; the connection stays as it was when that
 * fails. Errors as connection_open. */
enum status connection_reopen(struct connection *connection, const char *path) MUST_USE;

/* NULL is allowed. */
void connection_close(struct connection *connection);

/* Encodes and sends one message. STATUS_BUSY when the queue is full: nothing was sent. */
enum status connection_send(struct connection *connection, const struct schema *schema,
                            const void *value) MUST_USE;

/* The next frame, if one is there; borrowed until the next call. Beats of the other side are not
 * shown. STATUS_NOT_NOW: none is there. STATUS_DISCONNECTED: silent for 3 s. */
enum status connection_receive(struct connection *connection, struct bytes *ret_frame) MUST_USE;

/* Waits until a frame may be there, one of `others` has something (its revents are set), or
 * `timeout_ms` passed; never longer than to the next beat, which it sends. At most 8 others. */
enum status connection_wait(struct connection *connection, struct pollfd *others, size_t count,
                            int timeout_ms) MUST_USE;

/* Milliseconds of a clock that does not jump. */
int64_t connection_clock_ms(void);

#endif
