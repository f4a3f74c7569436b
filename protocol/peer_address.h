/* How people tell a node of another one: `id@host:port#channel-key`, keys in hex, the id optional. */
#ifndef GPULET_PROTOCOL_PEER_ADDRESS_H
#define GPULET_PROTOCOL_PEER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/status.h"

enum {
    PEER_HOST_LENGTH_MAX = 253, /* of a name in the DNS (RFC 1035) */
    PEER_ADDRESS_TEXT_MAX = 2 * 64 + PEER_HOST_LENGTH_MAX + sizeof "@:65535#" - 1
};

struct peer_address {
    struct peer_id peer_id; /* zeros without one */
    bool has_id;            /* an identity to insist on: else whoever holds the channel key */
    uint16_t port;          /* 1 to 65535 */
    struct channel_key channel_key; /* never zeros: CURVE dials nobody without it */
    uint8_t host_length;
    char host[PEER_HOST_LENGTH_MAX]; /* an IPv4 address, a name, or an IPv6 address in brackets */
};

/* Strict: all parts in their place, 64 hex digits a key, no spaces, port without leading zeros. The
 * host is a name or IPv4 address (letters, digits, dots, dashes, underscores; an all-digit last label
 * makes it an IPv4 address, which is then checked), or "[...]" with an IPv6 address's characters.
 * Names are kept in lower case. STATUS_BAD_INPUT; then `ret_why`, when not NULL, is a static
 * sentence that names the part. */
enum status peer_address_parse(struct bytes text, struct peer_address *ret_address,
                               const char **ret_why) MUST_USE;

/* The host, borrowed from the address. */
struct bytes peer_address_host(const struct peer_address *address);

/* Appends the text that parses back to the same; at most PEER_ADDRESS_TEXT_MAX bytes. */
void peer_address_print(const struct peer_address *address, struct buffer *buffer);

/* Appends "tcp://host:port", as sockets are dialled. */
void peer_address_endpoint(const struct peer_address *address, struct buffer *buffer);

bool peer_address_equal(const struct peer_address *a, const struct peer_address *b);

#endif
