/* One spot lease between two running nodes, beside the bare chain of what it cannot do without. */
#ifndef GPULET_TESTS_BENCH_DAEMON_LEASE_H
#define GPULET_TESTS_BENCH_DAEMON_LEASE_H

#include "tests/bench/bench.h"
#include "tests/bench/daemon_network.h"

/* Rents /bin/true often, one after the other. */
void bench_lease(struct bench *bench, const struct daemon_network *network);

#endif
