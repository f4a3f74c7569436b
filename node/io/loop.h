/* The daemon's one thread of decisions: waits for the world, steps the core, carries out what follows. */
#ifndef GPULET_NODE_IO_LOOP_H
#define GPULET_NODE_IO_LOOP_H

#include "node/core/core.h"
#include "node/io/options.h"
#include "protocol/status.h"

struct loop;

struct loop_options {
    const struct options *options; /* kept */
    const struct keypair *keypair; /* kept */
    const struct gpu *gpus;        /* kept */
    size_t gpu_count;
    bool limits_lack;
};

/* Opens the store, replays what it holds, then binds the sockets. On failure `why` holds one sentence
 * for the person. Owned. Call it before other threads exist. */
enum status loop_open(const struct loop_options *options, struct loop **ret_loop,
                      struct buffer *why) MUST_USE;

/* Runs until SIGTERM, SIGINT or the command line's wish; then STATUS_OK. Any other status: the store
 * cannot be used any more. */
enum status loop_run(struct loop *loop) MUST_USE;

/* Jobs go on without us. NULL is allowed. */
void loop_close(struct loop *loop);

/* Where this node is reached, for the line that says it is ready. */
const char *loop_endpoint(const struct loop *loop);
const char *loop_stream_endpoint(const struct loop *loop);
const char *loop_control_path(const struct loop *loop);

#endif
