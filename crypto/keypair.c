#include "crypto/keypair.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "crypto/digest.h"

_Static_assert((size_t)SEED_LENGTH == (size_t)crypto_kdf_KEYBYTES, "a seed is a master key");
_Static_assert((size_t)SEED_LENGTH == (size_t)crypto_sign_SEEDBYTES, "sub-key 1 seeds Ed25519");
_Static_assert((size_t)ID_LENGTH == (size_t)crypto_scalarmult_BYTES, "X25519 keys are ids");

enum { SUBKEY_SIGN = 1, SUBKEY_CHANNEL = 2 };

static const char context[crypto_kdf_CONTEXTBYTES + 1] = "gpuletid";

void
keypair_from_seed(const uint8_t seed[SEED_LENGTH], struct keypair *ret_keypair)
{
    uint8_t sign_seed[crypto_sign_SEEDBYTES];
    struct keypair keypair;
    memcpy(keypair.seed, seed, SEED_LENGTH);
    int failed =
        crypto_kdf_derive_from_key(sign_seed, sizeof sign_seed, SUBKEY_SIGN, context, seed);
    failed |= crypto_sign_seed_keypair(keypair.identity.bytes, keypair.sign_secret, sign_seed);
    assert(failed == 0);
    keypair_set_channel(&keypair, 0);
    *ret_keypair = keypair;
    sodium_memzero(sign_seed, sizeof sign_seed);
    keypair_wipe(&keypair);
}

void
keypair_generate(struct keypair *ret_keypair)
{
    uint8_t seed[SEED_LENGTH];
    randombytes_buf(seed, sizeof seed);
    keypair_from_seed(seed, ret_keypair);
    sodium_memzero(seed, sizeof seed);
}

void
keypair_for_test(uint64_t seed, struct bytes name, struct keypair *ret_keypair)
{
    /* Names have any length, the seeded input has one. */
    uint8_t name_digest[ID_LENGTH];
    digest_make("gpulet test name 1", name, name_digest);
    uint8_t input[sizeof seed + ID_LENGTH];
    for (size_t i = 0; i < sizeof seed; i++) {
        input[i] = (uint8_t)(seed >> (8 * i));
    }
    memcpy(input + sizeof seed, name_digest, ID_LENGTH);
    uint8_t key_seed[SEED_LENGTH];
    digest_make("gpulet test key 1", bytes_of(input, sizeof input), key_seed);
    keypair_from_seed(key_seed, ret_keypair);
    sodium_memzero(key_seed, sizeof key_seed);
}

void
keypair_set_channel(struct keypair *keypair, uint32_t generation)
{
    int failed =
        crypto_kdf_derive_from_key(keypair->channel_secret, sizeof keypair->channel_secret,
                                   (uint64_t)SUBKEY_CHANNEL + generation, context, keypair->seed);
    failed |= crypto_scalarmult_base(keypair->channel_key.bytes, keypair->channel_secret);
    assert(failed == 0);
}

bool
keypair_protect(struct keypair *keypair)
{
    return sodium_mlock(keypair, sizeof *keypair) == 0;
}

void
keypair_wipe(struct keypair *keypair)
{
    sodium_memzero(keypair, sizeof *keypair);
}
