/* The identity file: a node's seed on disk, private to its owner, under a passphrase when one is wanted. */
#ifndef GPULET_CRYPTO_KEY_FILE_H
#define GPULET_CRYPTO_KEY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/keypair.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

enum { KEY_FILE_BYTES_MAX = 512, PASSPHRASE_BYTES_MAX = 1024 };

/* What the file keeps. Secret: wipe with key_file_wipe when done. */
struct identity_key {
    uint8_t seed[SEED_LENGTH];
    bool is_test;                /* seeded from a test network's number: anyone can make the same */
    uint32_t channel_generation; /* how often the channel key was rotated */
};

/* All functions with `ret_why` set it on failure, when it is not NULL, to a static sentence for
 * people that says what to do. An empty passphrase is none. The path names the file itself. */

/* Writes a new file, mode 0600, whole or not at all, and durable when this returns.
 * STATUS_EXISTS when there is one already: an identity is never overwritten by a new one.
 * STATUS_DISK_FULL, STATUS_PERMISSION, STATUS_NOT_FOUND (its directory), STATUS_NO_MEMORY. */
enum status key_file_create(const char *path, const struct identity_key *key,
                            struct bytes passphrase, const char **ret_why) MUST_USE;

/* The same over an existing file: another passphrase, another channel key, a restored identity. */
enum status key_file_replace(const char *path, const struct identity_key *key,
                             struct bytes passphrase, const char **ret_why) MUST_USE;

/* Reads and unlocks. STATUS_NOT_FOUND; STATUS_PERMISSION when others may read or write the file, or
 * it is not ours or no plain file; STATUS_BAD_PASSPHRASE when it is wrong or missing;
 * STATUS_CORRUPT; STATUS_NEWER_SCHEMA; STATUS_NO_MEMORY (a passphrase takes 256 MiB for a second). */
enum status key_file_read(const char *path, struct bytes passphrase, struct identity_key *ret_key,
                          const char **ret_why) MUST_USE;

/* The file's bytes, appended; draws salt and nonce when there is a passphrase. */
enum status key_file_encode(const struct identity_key *key, struct bytes passphrase,
                            struct buffer *buffer) MUST_USE;
enum status key_file_decode(struct bytes bytes, struct bytes passphrase,
                            struct identity_key *ret_key, const char **ret_why) MUST_USE;

/* STATUS_REFUSED for a test key on a network that is none: whoever knows the seed owns its money. */
enum status key_file_check_network(const struct identity_key *key, bool network_is_test,
                                   const char **ret_why) MUST_USE;

/* Both key pairs, the channel's of its generation. */
void key_file_keypair(const struct identity_key *key, struct keypair *ret_keypair);

void key_file_wipe(struct identity_key *key);

#endif
