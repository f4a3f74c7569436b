/* For the benches of running nodes: a small test network, its processes, and questions to its nodes. */
#ifndef GPULET_TESTS_BENCH_DAEMON_NETWORK_H
#define GPULET_TESTS_BENCH_DAEMON_NETWORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/connection.h"
#include "cli/output.h"

enum { NETWORK_PATH_SIZE = 512, NETWORK_WORDS_MAX = 24 };

struct daemon_network {
    char directory[NETWORK_PATH_SIZE]; /* of its own, in /tmp */
    char programs[NETWORK_PATH_SIZE];  /* gpulet and gpuletd */
    char tests[NETWORK_PATH_SIZE];     /* programs of the tests */
};

/* What the file "ready" of a node says. */
struct daemon_node {
    pid_t pid;
    char endpoint[128];
    char control[NETWORK_PATH_SIZE];
};

/* One host with a single simulated card, one renter. BIN and TESTS of the environment say where the
 * programs are. False, with a word on stderr, when it does not come up. */
bool daemon_network_up(struct daemon_network *network);

/* Ends all of it and removes its directory. */
void daemon_network_down(struct daemon_network *network);

/* The node's process and places; ends the program when it is not ready. */
struct daemon_node daemon_network_node(const struct daemon_network *network, const char *name);

/* Runs a program to its end, its output to a file descriptor (-1: nowhere). Its exit code, 128 + n
 * for a signal. */
int daemon_network_run(const char *const *words, int output);

/* Asks one question without fields and keeps the rows; ends the program when no answer comes. */
void daemon_network_ask(struct connection *connection, uint8_t question, struct answer *answer);

/* The node's own account of itself. */
struct status_view daemon_network_status(struct connection *connection);

/* A line of /proc/PID/smaps_rollup in KiB: "Anonymous:", "Rss:". 0 when there is none. */
long daemon_network_kib(pid_t pid, const char *what);

#endif
