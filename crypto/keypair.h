/* A node's keys: one 32-byte seed, and what is derived from it. */
#ifndef GPULET_CRYPTO_KEYPAIR_H
#define GPULET_CRYPTO_KEYPAIR_H

#include "protocol/bytes.h"
#include "protocol/id.h"

enum { SEED_LENGTH = 32 };

/* Secret. Wipe with keypair_wipe when done; never print, never log. */
struct keypair {
    uint8_t seed[SEED_LENGTH];
    uint8_t sign_secret[64];    /* Ed25519, libsodium's form: seed and public key */
    uint8_t channel_secret[32]; /* X25519, for CURVE */
    struct peer_id identity;
    struct channel_key channel_key;
};

/* Must be called once before anything else of this room; STATUS_UNAVAILABLE. */
enum status crypto_start(void) MUST_USE;

/* Derives both pairs with crypto_kdf (BLAKE2b, RFC 7693; context "gpuletid", sub-keys 1 and 2). Same seed: same keys. */
void keypair_from_seed(const uint8_t seed[SEED_LENGTH], struct keypair *ret_keypair);

/* A new random seed; the only function of the room that uses randomness, beside key files' salts. */
void keypair_generate(struct keypair *ret_keypair);

/* The keys of a test network's node: derived from the network's seed and the node's name. */
void keypair_for_test(uint64_t seed, struct bytes name, struct keypair *ret_keypair);

/* Derives the channel pair anew: generation g is sub-key 2 + g. The identity stays; the node record
 * tells the others. */
void keypair_set_channel(struct keypair *keypair, uint32_t generation);

/* Keeps a long-lived pair's memory out of swap and core dumps for good; false when the system's limit
 * on locked memory does not admit it, which is no reason to stop. */
bool keypair_protect(struct keypair *keypair);

void keypair_wipe(struct keypair *keypair);

#endif
