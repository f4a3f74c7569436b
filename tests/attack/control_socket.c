/* Hostile input for the local socket: control_socket PATH COUNT.
 *
 * Random bytes over plain connections, frames of garbage over ZeroMQ, questions that are cut, bent or never
 * made before, a message of many parts, frames over the limit, and clients that leave in the middle of an
 * answer. Ends with 0 when all of it could be sent. */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"
#include "tests/support/sample.h"
#include "tests/support/schemas.h"

enum { RANDOM_BYTES = 3000, FRAMES_A_CLIENT = 20, PARTS = 100000, WAIT_MS = 2000 };

struct attack {
    const char *path;
    uint32_t count;
    struct sample random;
    uint8_t memory[65536];
    uint8_t frame[FRAME_BYTES_MAX];
};

static int
connect_plain(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (length >= sizeof at.sun_path || fd < 0) {
        return -1;
    }
    memcpy(at.sun_path, path, length + 1);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static uint32_t
send_random(struct attack *attack)
{
    uint32_t sent = 0;
    for (uint32_t i = 0; i < attack->count; i++) {
        const int fd = connect_plain(attack->path);
        if (fd < 0) {
            continue;
        }
        const size_t length = 1 + (size_t)sample_below(&attack->random, RANDOM_BYTES);
        for (size_t k = 0; k < length; k++) {
            attack->frame[k] = (uint8_t)sample_next(&attack->random);
        }
        if (i % 2 == 1 && length > 10) {
            memcpy(attack->frame, "\xff\0\0\0\0\0\0\0\x01\x7f", 10);
        }
        sent += send(fd, attack->frame, length, MSG_NOSIGNAL) > 0;
        close(fd);
    }
    return sent;
}

/* What an owner may well want: such a question is only sent with its end cut off. */
static bool
changes_the_node(uint8_t type)
{
    static const uint8_t types[] = {CONTROL_HOST,    CONTROL_UNHOST,  CONTROL_PAUSE,
                                    CONTROL_RECLAIM, CONTROL_SETTING, CONTROL_PEER_ADD,
                                    CONTROL_STOP,    CONTROL_STANDING};
    return memchr(types, type, sizeof types) != NULL;
}

/* A question of a random type, whole or bent. */
static struct bytes
bent_question(struct attack *attack)
{
    alignas(max_align_t) static uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    const uint8_t type = (uint8_t)sample_below(&attack->random, 256);
    const struct schema *schema = control_schema(type);
    struct buffer buffer;
    buffer_init(&buffer, attack->frame, sizeof attack->frame);
    sample_reuse(&attack->random);
    if (schema == NULL || schema->struct_size > sizeof value) {
        const size_t length = (size_t)sample_below(&attack->random, 300);
        for (size_t i = 0; i < length; i++) {
            buffer_append_byte(&buffer, (uint8_t)sample_next(&attack->random));
        }
        return buffer_bytes(&buffer);
    }
    sample_value(&attack->random, schema, value);
    if (message_encode(schema, value, &buffer) != STATUS_OK || buffer.length < 3) {
        buffer_init(&buffer, attack->frame, sizeof attack->frame);
        return buffer_bytes(&buffer);
    }
    switch (changes_the_node(type) ? 0 : sample_below(&attack->random, 3)) {
    case 0:
        buffer.length = 1 + (size_t)sample_below(&attack->random, buffer.length - 1);
        break;
    case 1:
        attack->frame[buffer.length - 1 - sample_below(&attack->random, buffer.length - 2)] ^= 0x40;
        break;
    default:
        break;
    }
    return buffer_bytes(&buffer);
}

static void *
open_client(void *zmq, const char *path)
{
    char endpoint[256];
    const int wait_ms = WAIT_MS;
    const int linger_ms = 0;
    void *socket = zmq_socket(zmq, ZMQ_DEALER);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    if (socket == NULL || zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms) != 0 ||
        zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) != 0 ||
        zmq_connect(socket, endpoint) != 0) {
        return NULL;
    }
    return socket;
}

static uint32_t
send_questions(struct attack *attack, void *zmq)
{
    uint32_t sent = 0;
    for (uint32_t i = 0; i < attack->count; i += FRAMES_A_CLIENT) {
        void *socket = open_client(zmq, attack->path);
        for (uint32_t k = 0; socket != NULL && k < FRAMES_A_CLIENT; k++) {
            const struct bytes question = bent_question(attack);
            sent += zmq_send(socket, question.data, question.length, 0) >= 0;
        }
        usleep(20000); /* some answers are under way when it leaves */
        zmq_close(socket);
    }
    return sent;
}

static uint32_t
send_parts(struct attack *attack, void *zmq)
{
    uint32_t sent = 0;
    void *socket = open_client(zmq, attack->path);
    while (socket != NULL && sent < PARTS && zmq_send(socket, "\x91\x80", 2, ZMQ_SNDMORE) >= 0) {
        sent++;
    }
    (void)zmq_send(socket, "", 0, 0);
    usleep(500000);
    zmq_close(socket);
    return sent;
}

static uint32_t
send_oversized(struct attack *attack, void *zmq)
{
    uint8_t *large = calloc(2, FRAME_BYTES_MAX);
    void *socket = open_client(zmq, attack->path);
    const bool is_sent = large != NULL && socket != NULL &&
                         zmq_send(socket, large, 2 * (size_t)FRAME_BYTES_MAX, 0) >= 0;
    usleep(200000);
    zmq_close(socket);
    free(large);
    return is_sent;
}

int
main(int argc, char **argv)
{
    static struct attack attack;
    if (argc != 3) {
        fprintf(stderr, "usage: control_socket PATH COUNT\n");
        return 2;
    }
    attack.path = argv[1];
    attack.count = (uint32_t)strtoul(argv[2], NULL, 10);
    sample_init(&attack.random, 78, attack.memory, sizeof attack.memory);
    void *zmq = zmq_ctx_new();
    const uint32_t plain = send_random(&attack);
    const uint32_t questions = send_questions(&attack, zmq);
    const uint32_t parts = send_parts(&attack, zmq);
    const uint32_t oversized = send_oversized(&attack, zmq);
    zmq_ctx_term(zmq);
    printf("local socket: %u random connections, %u questions, %u parts, %u oversized\n", plain,
           questions, parts, oversized);
    return plain > 0 && questions > 0 && parts > 0 && oversized > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
