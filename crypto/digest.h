/* Digests: keyed BLAKE2b-256 (RFC 7693), the key being a label, so that no digest serves two purposes. */
#ifndef GPULET_CRYPTO_DIGEST_H
#define GPULET_CRYPTO_DIGEST_H

#include "protocol/bytes.h"
#include "protocol/id.h"

/* `label` is a C string of 1 to 64 bytes. */
void digest_make(const char *label, struct bytes bytes, uint8_t ret_digest[ID_LENGTH]);

/* Names a network. `issuer` is NULL on a network without one. */
void network_id_make(struct bytes name, bool is_test, const struct peer_id *issuer,
                     struct network_id *ret_network);

/* Digest of protocol/gpu_class.h's table: what a listing's class number refers to. */
void class_table_digest(uint8_t ret_digest[ID_LENGTH]);

#endif
