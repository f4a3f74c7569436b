/* Answers ZeroMQ's question whether a key may connect (ZAP, RFC 27), from memory. */
#ifndef GPULET_NODE_IO_ZAP_H
#define GPULET_NODE_IO_ZAP_H

#include "node/io/sink.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/status.h"

struct zap;

struct zap_question {
    struct bytes address; /* the other end's IP, as text */
    uint64_t handshake;   /* grows with every question of this context, from 1 */
    struct channel_key key;
};

/* Who decides for the sockets of one domain. */
struct zap_judge {
    const char *domain; /* kept: static text */
    bool (*admits)(void *context, const struct zap_question *question);
    void *context;
};

/* One a context. STATUS_SYSTEM. */
enum status zap_open(void *zmq, struct zap **ret_zap) MUST_USE;
void zap_close(struct zap *zap);

void zap_add_judge(struct zap *zap, const struct zap_judge *judge);

void zap_add_to_poll(struct zap *zap, struct poll_set *set);

/* Answers every question that waits. */
void zap_answer(struct zap *zap);

/* Which connection a message came by, from what ZAP calls User-Id: the key that it proved, and the number
 * of its handshake. Messages outlive their connection, whose descriptor may be another's by then; the
 * number may not. False when the message has none. */
bool zap_origin(zmq_msg_t *message, struct channel_key *ret_key, uint64_t *ret_handshake);

/* The same without the number. */
bool zap_key_of(zmq_msg_t *message, struct channel_key *ret_key);

#endif
