/* Signature checks of public records, by a few threads, with the results in the order of the orders. */
#ifndef GPULET_NODE_IO_CHECKS_H
#define GPULET_NODE_IO_CHECKS_H

#include "node/io/sink.h"
#include "protocol/id.h"

struct checks;

/* `threads` 0: all checks are done by the calls that start and collect them. NULL when memory or
 * threads are missing. Owned. */
struct checks *checks_new(const struct network_id *network, unsigned threads);
void checks_free(struct checks *checks);

/* Takes a copy of the record's bytes. Dropped when memory is missing, as if it had never come. */
void checks_add(struct checks *checks, struct link link, struct bytes sealed);

/* Lets the threads begin with what was added. */
void checks_start(struct checks *checks);

void checks_add_to_poll(struct checks *checks, struct poll_set *set);

/* Gives EVENT_RECORD_VERIFIED or EVENT_RECORD_REFUSED for each finished check, in the order in which
 * they were added, never past an unfinished one. What the events point at stays until
 * checks_release. True when finished ones are left. */
bool checks_collect(struct checks *checks, const struct sink *sink);

/* True when checks_collect has something to give now. */
bool checks_are_ready(struct checks *checks);

/* True while so many wait that no more should be read from peers. */
bool checks_are_many(const struct checks *checks);

/* Forgets the records that were given. */
void checks_release(struct checks *checks);

#endif
