/* Asks the host's own program whether to accept a renter: JSON in, JSON out, bounded in time and size. */
#ifndef GPULET_NODE_IO_DECIDE_H
#define GPULET_NODE_IO_DECIDE_H

#include "node/io/sink.h"
#include "protocol/bytes.h"

enum { DECIDE_MS_MAX = 2000, DECIDE_BYTES_MAX = 4096 };

struct decide;

/* `program` is kept: a path, or empty when there is none (then nobody is accepted). NULL when memory is
 * missing. Owned. */
struct decide *decide_new(const char *program);
void decide_free(struct decide *decide);

/* Starts the program with the question on its standard input. The answer is one JSON object,
 * {"accept": true|false, "reason": "..."}; anything else, or none within 2 s, is a refusal. */
void decide_ask(struct decide *decide, uint64_t token, struct bytes json);

void decide_add_to_poll(struct decide *decide, struct poll_set *set);

/* Gives EVENT_DECIDED. */
void decide_receive(struct decide *decide, const struct sink *sink);

int64_t decide_deadline_ms(const struct decide *decide);

#endif
