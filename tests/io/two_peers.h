/* Two or more peer sockets in one test, driven by hand, with a book of what each was told. */
#ifndef GPULET_TESTS_IO_TWO_PEERS_H
#define GPULET_TESTS_IO_TWO_PEERS_H

#include <stdbool.h>

#include "node/io/peers_socket.h"

enum { TOLD_MAX = 4096, TOLD_BYTES = 64 };

/* One event, with the first bytes of its frame. */
struct told {
    enum event_type type;
    struct link link;
    struct channel_key key;
    bool outbound;
    size_t length;
    uint8_t bytes[TOLD_BYTES];
    char address[64];
};

struct test_node {
    void *zmq;
    struct zap *zap;
    struct peers *peers;
    struct keypair keypair;
    zmq_pollitem_t items[512];
    struct told told[TOLD_MAX];
    size_t told_count;
    bool drop_all; /* answers every first frame by a drop */
};

/* A node bound to a free port of `ip`; limits NULL: none. */
struct test_node *test_node_new(const char *ip, uint64_t seed,
                                const struct admission_limits *limits);
void test_node_free(struct test_node *node);

/* Answers handshakes for so long, and reads nothing. */
void test_node_only_admit(struct test_node *node, int milliseconds);

/* Handles what comes within so many milliseconds. */
void test_node_run(struct test_node *node, int milliseconds);

/* Runs both in turns until `node` was told `count` events of the type, 3 s at most. */
bool test_nodes_run_until(struct test_node *node, enum event_type type, size_t count,
                          struct test_node *other);

size_t test_node_count(const struct test_node *node, enum event_type type);
/* The number-th event of the type, from 0; NULL when there is none. */
const struct told *test_node_told(const struct test_node *node, enum event_type type,
                                  size_t number);

/* Lets the node tell its links again. */
void test_node_announce(struct test_node *node);

bool test_node_dial(struct test_node *node, const struct test_node *to);

#endif
