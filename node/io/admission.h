/* Whom we let in: open connections by descriptor, limits by address, keys that are refused for a time. */
#ifndef GPULET_NODE_IO_ADMISSION_H
#define GPULET_NODE_IO_ADMISSION_H

#include "node/io/zap.h"
#include "protocol/id.h"

/* 0: no limit. */
struct admission_limits {
    uint32_t inbound_max;      /* connections in all */
    uint32_t per_address_max;  /* of one IPv4 address */
    uint32_t per_net_max;      /* of one /24 */
    uint32_t handshakes_per_s; /* of one address; twice as many at once */
};

struct admission;

/* NULL when memory is missing. Owned. */
struct admission *admission_new(const struct admission_limits *limits);
void admission_free(struct admission *admission);

/* Decides about a handshake and counts it. now_ms is boot time. */
bool admission_admits(struct admission *admission, const struct zap_question *question,
                      int64_t now_ms);

/* From the socket's monitor. */
void admission_accepted(struct admission *admission, int fd, int64_t now_ms);
void admission_gone(struct admission *admission, int fd);

/* Shuts a connection down; what is left of it is no longer open. */
void admission_cut(struct admission *admission, int fd);

/* True while the descriptor belongs to the connection that made this handshake, and it was not cut. A
 * message may be read when its connection is gone and a newcomer, who has yet to make a handshake, has
 * its descriptor: what the one said must not be held against the other. */
bool admission_is_open(const struct admission *admission, int fd, uint64_t handshake);

/* This key broke the rules: no handshake for 10 s, doubling with each time up to 10 min. */
void admission_refuse_key(struct admission *admission, const struct channel_key *key,
                          int64_t now_ms);

/* The connection, which is open, has sent its first message. False when there is no place for it any more. */
bool admission_link(struct admission *admission, int fd, int64_t now_ms);

/* So many bytes came out of it as a message. */
void admission_delivered(struct admission *admission, int fd, size_t length);

/* To be called a few times a second: cuts connections that say nothing for 9 s (4 of them for the
 * handshake), and those that sent far more bytes than came out as messages: ZeroMQ holds an endless multipart
 * message in memory, whatever its limits say, and shows it to nobody. */
void admission_sweep(struct admission *admission, int64_t now_ms);

/* Connections that have said something. */
uint32_t admission_count(const struct admission *admission);

#endif
