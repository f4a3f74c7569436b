/* The local socket of the command line: a ROUTER on a Unix socket in a directory of our own.
 *
 * Both sides beat with CONTROL_PING every second; a client that was not heard for 3 s is gone. The path
 * is written to <data>/control, because one that is too long for the kernel lives elsewhere. */
#ifndef GPULET_NODE_IO_CONTROL_SOCKET_H
#define GPULET_NODE_IO_CONTROL_SOCKET_H

#include "node/io/sink.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

enum { CONTROL_BEAT_MS = 1000, CONTROL_GONE_MS = 3000 };

struct control;

/* Binds. STATUS_SYSTEM, STATUS_PERMISSION, STATUS_NO_MEMORY. Owned. */
enum status control_open(void *zmq, const char *data_dir, struct control **ret_control) MUST_USE;

/* Also removes the socket and <data>/control. NULL is allowed. */
void control_close(struct control *control);

/* The socket's path in the file system. */
const char *control_path(const struct control *control);

void control_add_to_poll(struct control *control, struct poll_set *set);

/* Gives EVENT_CONTROL for every frame but a beat, stream frames too, and EVENT_CONTROL_GONE; a
 * bounded number at a time. True when more may wait. */
bool control_receive(struct control *control, const struct poll_set *set, const struct sink *sink);

/* STATUS_BUSY: the client does not read, its queue is full; STATUS_DISCONNECTED: it is gone. */
enum status control_send(struct control *control, struct client client, struct bytes frame)
    MUST_USE;

/* Answers CONTROL_DONE to every question that has no answer yet: the core that knew it is no more. */
void control_fail_all(struct control *control, enum status status, const char *why);

int64_t control_deadline_ms(const struct control *control);

#endif
