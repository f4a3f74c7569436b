#include "node/io/zap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A User-Id is the key in hex, then the handshake's number in hex. */
enum {
    JUDGES_MAX = 4,
    FRAME_SIZE = 256,
    QUESTION_FRAMES = 7,
    KEY_DIGITS = ID_HEX_SIZE - 1,
    USER_SIZE = KEY_DIGITS + 16 + 1
};

struct zap {
    void *socket;
    struct zap_judge judges[JUDGES_MAX];
    size_t judge_count;
    uint64_t handshakes;
};

/* The parts of a question in their order. */
enum part {
    PART_VERSION,
    PART_TOKEN,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_ROUTING,
    PART_MECHANISM,
    PART_KEY
};

struct question {
    uint8_t data[QUESTION_FRAMES][FRAME_SIZE];
    struct bytes parts[QUESTION_FRAMES];
};

enum status
zap_open(void *zmq, struct zap **ret_zap)
{
    struct zap *zap = calloc(1, sizeof *zap);
    if (zap == NULL) {
        return STATUS_NO_MEMORY;
    }
    const int linger = 0;
    zap->socket = zmq_socket(zmq, ZMQ_REP);
    if (zap->socket == NULL ||
        zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_bind(zap->socket, "inproc://zeromq.zap.01") != 0) {
        zap_close(zap);
        return STATUS_SYSTEM;
    }
    *ret_zap = zap;
    return STATUS_OK;
}

void
zap_close(struct zap *zap)
{
    if (zap == NULL) {
        return;
    }
    if (zap->socket != NULL) {
        zmq_close(zap->socket);
    }
    free(zap);
}

void
zap_add_judge(struct zap *zap, const struct zap_judge *judge)
{
    if (zap->judge_count < JUDGES_MAX) {
        zap->judges[zap->judge_count++] = *judge;
    }
}

void
zap_add_to_poll(struct zap *zap, struct poll_set *set)
{
    (void)poll_set_add_socket(set, zap->socket);
}

static bool
more_follows(void *socket)
{
    int more = 0;
    size_t size = sizeof more;
    return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more != 0;
}

/* False when none waits. A question of another form leaves `parts` empty. */
static bool
read_question(void *socket, struct question *ret)
{
    size_t count = 0;
    bool is_sound = true;
    do {
        uint8_t rest[FRAME_SIZE];
        uint8_t *memory = count < QUESTION_FRAMES ? ret->data[count] : rest;
        const int length = zmq_recv(socket, memory, FRAME_SIZE, ZMQ_DONTWAIT);
        if (length < 0) {
            return false;
        }
        if (count < QUESTION_FRAMES && length <= FRAME_SIZE) {
            ret->parts[count] = bytes_of(memory, (size_t)length);
        } else {
            is_sound = false;
        }
        count++;
    } while (more_follows(socket));
    if (!is_sound || count != QUESTION_FRAMES) {
        ret->parts[PART_KEY] = bytes_of(NULL, 0);
    }
    return true;
}

static bool
is_admitted(const struct zap *zap, const struct question *question, struct channel_key *ret_key)
{
    const struct bytes key = question->parts[PART_KEY];
    if (!bytes_are_text(question->parts[PART_VERSION], "1.0") ||
        !bytes_are_text(question->parts[PART_MECHANISM], "CURVE") || key.length != ID_LENGTH) {
        return false;
    }
    struct zap_question asked = {.address = question->parts[PART_ADDRESS],
                                 .handshake = zap->handshakes};
    memcpy(asked.key.bytes, key.data, ID_LENGTH);
    *ret_key = asked.key;
    for (size_t i = 0; i < zap->judge_count; i++) {
        const struct zap_judge *judge = &zap->judges[i];
        if (bytes_are_text(question->parts[PART_DOMAIN], judge->domain)) {
            return judge->admits(judge->context, &asked);
        }
    }
    return false;
}

void
zap_answer(struct zap *zap)
{
    struct question question;
    memset(&question, 0, sizeof question);
    while (read_question(zap->socket, &question)) {
        struct channel_key key = {{0}};
        char user[USER_SIZE] = "";
        zap->handshakes++;
        const bool admitted = is_admitted(zap, &question, &key);
        if (admitted) {
            id_to_hex(key.bytes, user);
            snprintf(user + KEY_DIGITS, sizeof user - KEY_DIGITS, "%016llx",
                     (unsigned long long)zap->handshakes);
        }
        const struct bytes token = question.parts[PART_TOKEN];
        /* The requester is ZeroMQ itself; when it is gone meanwhile, nobody misses the answer. */
        zmq_send(zap->socket, "1.0", 3, ZMQ_SNDMORE);
        zmq_send(zap->socket, token.data, token.length, ZMQ_SNDMORE);
        zmq_send(zap->socket, admitted ? "200" : "400", 3, ZMQ_SNDMORE);
        zmq_send(zap->socket, "", 0, ZMQ_SNDMORE);
        zmq_send(zap->socket, user, strlen(user), ZMQ_SNDMORE);
        zmq_send(zap->socket, "", 0, 0);
        memset(&question, 0, sizeof question);
    }
}

bool
zap_origin(zmq_msg_t *message, struct channel_key *ret_key, uint64_t *ret_handshake)
{
    const char *user = zmq_msg_gets(message, "User-Id");
    char key[ID_HEX_SIZE];
    if (user == NULL || strlen(user) != USER_SIZE - 1) {
        return false;
    }
    memcpy(key, user, KEY_DIGITS);
    key[KEY_DIGITS] = '\0';
    if (id_from_hex(key, ret_key->bytes) != STATUS_OK) {
        return false;
    }
    *ret_handshake = strtoull(user + KEY_DIGITS, NULL, 16);
    return true;
}

bool
zap_key_of(zmq_msg_t *message, struct channel_key *ret_key)
{
    uint64_t handshake;
    return zap_origin(message, ret_key, &handshake);
}
