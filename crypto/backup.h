/* A seed on paper: 34 words, or the same 34 bytes as hex digits. */
#ifndef GPULET_CRYPTO_BACKUP_H
#define GPULET_CRYPTO_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/keypair.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

/* The seed and two bytes of checksum. A test key's checksum is another one, so its mark survives. */
enum { BACKUP_BYTES = SEED_LENGTH + 2, BACKUP_TEXT_MAX = 512 };

/* Appends the words, six a line, each line ended. Secret: wipe the buffer's memory. STATUS_NO_SPACE. */
enum status backup_write_words(const uint8_t seed[SEED_LENGTH], bool is_test, struct buffer *buffer)
    MUST_USE;

/* Appends 17 groups of four hex digits on one line, ended. Secret. STATUS_NO_SPACE. */
enum status backup_write_hex(const uint8_t seed[SEED_LENGTH], bool is_test, struct buffer *buffer)
    MUST_USE;

/* Reads either form. Letters' case does not matter; anything but letters and digits separates; words
 * may be cut after the fourth letter. A digit anywhere, or no letter beyond
 * f, makes it hex. On failure `why`, when not
 * NULL, gets a sentence for people, with the wrong word, its place and the nearest right one.
 * STATUS_BAD_INPUT: not a word, not a digit, too few or too many.
 * STATUS_BAD_CHECKSUM: all words exist, but one is another's or two changed places. */
enum status backup_read(struct bytes text, uint8_t ret_seed[SEED_LENGTH], bool *ret_is_test,
                        struct buffer *why) MUST_USE;

#endif
