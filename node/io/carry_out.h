/* Carries out what the core decided. The write-ahead rule stands here and nowhere else: everything that
 * a batch stores is on the disk before anything of it is sent or started. */
#ifndef GPULET_NODE_IO_CARRY_OUT_H
#define GPULET_NODE_IO_CARRY_OUT_H

#include "node/core/effect.h"
#include "node/io/checks.h"
#include "node/io/control_socket.h"
#include "node/io/decide.h"
#include "node/io/jobs.h"
#include "node/io/peers_socket.h"
#include "node/io/streams.h"
#include "storage/store.h"

/* All that effects act upon. Borrowed from the loop; NULL for what a test does without. */
struct world {
    struct store *store;
    struct peers *peers;
    struct control *control;
    struct streams *streams;
    struct jobs *jobs;
    struct checks *checks;
    struct decide *decide;
    struct network_id network;
    bool should_stop; /* set by EFFECT_STOP */
};

/* Carries out a batch, in order. On any status but OK nothing of it was done and nothing of it is on
 * the disk: the core that decided it knows things that are not true, and must be rebuilt. STATUS_DISK_FULL,
 * STATUS_CORRUPT, STATUS_NO_MEMORY, STATUS_SYSTEM. */
enum status carry_out(struct world *world, const struct effects *effects) MUST_USE;

#endif
