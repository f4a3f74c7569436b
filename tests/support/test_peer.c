#include "tests/support/test_peer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "node/io/curve.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/record.h"

struct test_peer {
    struct test_peer_options options;
    void *zmq;
    void *socket;
    zmq_msg_t frame;
};

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec now;
    const int result = clock_gettime(clock, &now);
    assert(result == 0);
    (void)result;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct test_peer *
test_peer_open(const struct test_peer_options *options)
{
    struct test_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return NULL;
    }
    peer->options = *options;
    zmq_msg_init(&peer->frame);
    peer->zmq = zmq_ctx_new();
    if (peer->zmq != NULL) {
        const struct curve_options curve = {.zmq = peer->zmq,
                                            .keypair = &peer->options.keypair,
                                            .send_frames_max = 1000,
                                            .receive_frames_max = 1000,
                                            .server = &peer->options.server_key};
        peer->socket = curve_open_dealer(&curve);
    }
    if (peer->socket == NULL || zmq_connect(peer->socket, options->endpoint) != 0) {
        test_peer_close(peer);
        return NULL;
    }
    return peer;
}

void
test_peer_close(struct test_peer *peer)
{
    if (peer == NULL) {
        return;
    }
    zmq_msg_close(&peer->frame);
    curve_close(peer->socket);
    if (peer->zmq != NULL) {
        zmq_ctx_term(peer->zmq);
    }
    free(peer);
}

bool
test_peer_send(struct test_peer *peer, struct bytes frame, bool more, int timeout_ms)
{
    static const uint8_t nothing = 0;
    const void *data = frame.data == NULL ? &nothing : frame.data;
    zmq_setsockopt(peer->socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    return zmq_send(peer->socket, data, frame.length, more ? ZMQ_SNDMORE : 0) >= 0;
}

bool
test_peer_receive(struct test_peer *peer, struct bytes *ret_frame, int timeout_ms)
{
    zmq_msg_close(&peer->frame);
    zmq_msg_init(&peer->frame);
    zmq_setsockopt(peer->socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    if (zmq_msg_recv(&peer->frame, peer->socket, 0) < 0) {
        return false;
    }
    *ret_frame = bytes_of(zmq_msg_data(&peer->frame), zmq_msg_size(&peer->frame));
    return true;
}

bool
test_peer_await(struct test_peer *peer, uint8_t type, struct bytes *ret_frame, int timeout_ms)
{
    const int64_t end_ms = clock_ms(CLOCK_MONOTONIC) + timeout_ms;
    for (int64_t left = timeout_ms; left > 0; left = end_ms - clock_ms(CLOCK_MONOTONIC)) {
        uint8_t found;
        if (test_peer_receive(peer, ret_frame, (int)left) &&
            message_type(*ret_frame, &found) == STATUS_OK && found == type) {
            return true;
        }
    }
    return false;
}

bool
test_peer_say(struct test_peer *peer, const struct schema *schema, const void *value,
              int timeout_ms)
{
    uint8_t *memory = malloc(FRAME_BYTES_MAX);
    assert(memory != NULL);
    struct buffer buffer;
    buffer_init(&buffer, memory, FRAME_BYTES_MAX);
    const enum status status = message_encode(schema, value, &buffer);
    assert(status == STATUS_OK);
    (void)status;
    const bool sent = test_peer_send(peer, buffer_bytes(&buffer), false, timeout_ms);
    free(memory);
    return sent;
}

/* Seals a body of a kind under the keys, issued now. */
static void
seal_now(struct envelope envelope, const struct keypair *keypair, const void *body,
         struct buffer *buffer)
{
    uint8_t memory[RECORD_BODY_MAX];
    struct buffer encoded;
    buffer_init(&encoded, memory, sizeof memory);
    enum status status = codec_encode(record_schema(envelope.kind), body, &encoded);
    assert(status == STATUS_OK);
    const int64_t now_ms = clock_ms(CLOCK_REALTIME);
    envelope.version = RECORD_VERSION;
    envelope.author = keypair->identity;
    envelope.seq = (uint64_t)now_ms;
    envelope.issued_at_s = (uint64_t)now_ms / 1000;
    envelope.body = buffer_bytes(&encoded);
    status = record_seal(&envelope, keypair, buffer);
    assert(status == STATUS_OK);
    (void)status;
}

bool
test_peer_introduce(struct test_peer *peer, int timeout_ms)
{
    uint8_t hello_memory[RECORD_BYTES_MAX];
    uint8_t node_memory[RECORD_BYTES_MAX];
    struct buffer hello_bytes;
    struct buffer node_bytes;
    struct bytes frame;
    const struct test_peer_options *options = &peer->options;
    const struct hello hello = {
        .sender_key = options->keypair.channel_key,
        .receiver_key = options->server_key,
        .protocol_min = 1,
        .protocol_max = 1,
        .nonce = 1,
        .time_ms = (uint64_t)clock_ms(CLOCK_REALTIME),
    };
    const struct node_record node = {
        .channel_key = options->keypair.channel_key,
        .boot_nonce = 1,
        .software = bytes_of_text("a test"),
        .label = bytes_of_text("test-peer"),
    };
    buffer_init(&hello_bytes, hello_memory, sizeof hello_memory);
    buffer_init(&node_bytes, node_memory, sizeof node_memory);
    seal_now((struct envelope){.kind = RECORD_HELLO, .network = options->network},
             &options->keypair, &hello, &hello_bytes);
    seal_now(
        (struct envelope){.kind = RECORD_NODE, .network = options->network, .ttl_s = NODE_TTL_S},
        &options->keypair, &node, &node_bytes);
    const struct hello_message message = {.hello = buffer_bytes(&hello_bytes),
                                          .node = buffer_bytes(&node_bytes)};
    return test_peer_say(peer, &hello_message_schema, &message, timeout_ms) &&
           test_peer_await(peer, MESSAGE_HELLO, &frame, timeout_ms);
}

void
test_peer_listing(const struct network_id *network, uint64_t seed, uint32_t number,
                  struct buffer *buffer)
{
    char name[32];
    struct keypair keypair;
    const int length = snprintf(name, sizeof name, "listing-%u", (unsigned)number);
    keypair_for_test(seed, bytes_of(name, (size_t)length), &keypair);
    const struct gpu_class *class = NULL;
    uint8_t table[ID_LENGTH];
    enum status status = gpu_class_find(bytes_of_text("rtx4090"), &class);
    assert(status == STATUS_OK);
    class_table_digest(table);
    struct listing listing = {
        .slots_total = 1,
        .gpu_class = class->number,
        .gpu_name = bytes_of_text("NVIDIA GeForce RTX 4090"),
        .driver = bytes_of_text("550.54.14"),
        .vram_mib = class->vram_mib,
        .fp16_gflops = class->fp16_gflops,
        .bandwidth_mb_s = class->bandwidth_mb_s,
        .cuda = 1204,
        .capability = class->capability,
        .cpu_threads = 8,
        .ram_mib = 16384,
        .disk_mib = 65536,
        .up_mbit_s = 40 + number % 100,
        .down_mbit_s = 200 + number % 800,
        .lease_min_s = 60,
        .lease_max_s = 43200,
        .interval_s = TEST_INTERVAL_S,
        .meter_s = TEST_METER_S,
        .works = 15,
        .isolation = ISOLATION_PROCESS,
        .region = REGION_EU,
        .flags = LISTING_SIMULATED,
    };
    memset(listing.week_hours, 0xFF, sizeof listing.week_hours);
    memcpy(listing.class_table, table, sizeof listing.class_table);
    status = amount_of_micro(9000000 + (int64_t)number, &listing.ask_uusd_per_hour);
    assert(status == STATUS_OK);
    (void)status;
    const struct envelope envelope = {
        .kind = RECORD_LISTING, .network = *network, .ttl_s = LISTING_TTL_S};
    seal_now(envelope, &keypair, &listing, buffer);
    keypair_wipe(&keypair);
}
