/* The names of things: distinct 32-byte types, so that one cannot be passed for another. */
#ifndef GPULET_PROTOCOL_ID_H
#define GPULET_PROTOCOL_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/status.h"

enum { ID_LENGTH = 32, SIGNATURE_LENGTH = 64, ID_HEX_SIZE = 2 * ID_LENGTH + 1 };

/* A node: its Ed25519 public key. */
struct peer_id {
    uint8_t bytes[ID_LENGTH];
};

/* A sealed record: keyed BLAKE2b-256 of its bytes without the signatures. */
struct record_id {
    uint8_t bytes[ID_LENGTH];
};

/* A lease: the record id of its lease record. */
struct lease_id {
    uint8_t bytes[ID_LENGTH];
};

/* A network: BLAKE2b-256 of label, name, live or test, and the issuer's key or zeros. */
struct network_id {
    uint8_t bytes[ID_LENGTH];
};

/* An X25519 public key, as CURVE uses it. */
struct channel_key {
    uint8_t bytes[ID_LENGTH];
};

/* An Ed25519 signature (RFC 8032). */
struct signature {
    uint8_t bytes[SIGNATURE_LENGTH];
};

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b);
bool record_id_equal(const struct record_id *a, const struct record_id *b);
bool lease_id_equal(const struct lease_id *a, const struct lease_id *b);
bool network_id_equal(const struct network_id *a, const struct network_id *b);
bool channel_key_equal(const struct channel_key *a, const struct channel_key *b);

bool record_id_is_zero(const struct record_id *id);
bool peer_id_is_zero(const struct peer_id *id);

/* A lease is named by its record. */
struct lease_id lease_id_of_record(const struct record_id *id);
struct record_id record_id_of_lease(const struct lease_id *id);

/* Writes 64 lower-case hex digits and a NUL. */
void id_to_hex(const uint8_t bytes[ID_LENGTH], char ret_hex[ID_HEX_SIZE]);

/* Reads exactly 64 hex digits of either case; STATUS_BAD_INPUT otherwise. */
enum status id_from_hex(const char *hex, uint8_t ret_bytes[ID_LENGTH]) MUST_USE;

/* True when `prefix` (1 to 64 hex digits of either case) begins the id's hex form. */
bool id_has_prefix(const uint8_t bytes[ID_LENGTH], const char *prefix, size_t length);

#endif
