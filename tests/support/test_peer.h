/* A peer that a test plays by hand: CURVE, HELLO, and then whatever bytes the test wants to send. */
#ifndef GPULET_TESTS_SUPPORT_TEST_PEER_H
#define GPULET_TESTS_SUPPORT_TEST_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/keypair.h"
#include "protocol/bytes.h"
#include "protocol/schema.h"

struct test_peer_options {
    const char *endpoint;          /* "tcp://127.1.2.3:7700" */
    struct channel_key server_key; /* of the node that listens there */
    struct network_id network;
    struct keypair keypair;
};

struct test_peer;

/* Connects; NULL when the library refuses. Owned. */
struct test_peer *test_peer_open(const struct test_peer_options *options);
void test_peer_close(struct test_peer *peer);

/* Says HELLO and waits for the node's. False: it did not come in time. */
bool test_peer_introduce(struct test_peer *peer, int timeout_ms);

/* One frame, or with `more` a part of a message. False: it could not be sent within the time. */
bool test_peer_send(struct test_peer *peer, struct bytes frame, bool more, int timeout_ms);

/* Encodes a message by its schema and sends it. Asserts that it can be encoded. */
bool test_peer_say(struct test_peer *peer, const struct schema *schema, const void *value,
                   int timeout_ms);

/* The next frame; borrowed until the next call. False: none came in time. */
bool test_peer_receive(struct test_peer *peer, struct bytes *ret_frame, int timeout_ms);

/* Waits for a frame of that type, passing over others. */
bool test_peer_await(struct test_peer *peer, uint8_t type, struct bytes *ret_frame, int timeout_ms);

/* A listing of its own host, as a node of the simulated kind would sign it now: number n of a seed.
 * Appends the sealed record. */
void test_peer_listing(const struct network_id *network, uint64_t seed, uint32_t number,
                       struct buffer *buffer);

#endif
