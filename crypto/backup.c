#include "crypto/backup.h"

#include <sodium.h>
#include <string.h>

#include "crypto/backup_words.h"
#include "crypto/digest.h"
#include "protocol/ascii.h"
#include "protocol/nearest.h"

enum { CHECKSUM_LENGTH = BACKUP_BYTES - SEED_LENGTH, WORDS_A_LINE = 6, HEX_GROUP = 2 };

static void
checksum_make(const uint8_t seed[SEED_LENGTH], bool is_test, uint8_t ret_checksum[CHECKSUM_LENGTH])
{
    uint8_t digest[ID_LENGTH];
    digest_make(is_test ? "gpulet backup test 1" : "gpulet backup live 1",
                bytes_of(seed, SEED_LENGTH), digest);
    memcpy(ret_checksum, digest, CHECKSUM_LENGTH);
    sodium_memzero(digest, sizeof digest);
}

static void
payload_make(const uint8_t seed[SEED_LENGTH], bool is_test, uint8_t ret_payload[BACKUP_BYTES])
{
    memcpy(ret_payload, seed, SEED_LENGTH);
    checksum_make(seed, is_test, ret_payload + SEED_LENGTH);
}

enum status
backup_write_words(const uint8_t seed[SEED_LENGTH], bool is_test, struct buffer *buffer)
{
    uint8_t payload[BACKUP_BYTES];
    payload_make(seed, is_test, payload);
    for (size_t i = 0; i < BACKUP_BYTES; i++) {
        const struct bytes word = bytes_of_text(backup_words[payload[i]]);
        const bool line_ends = (i + 1) % WORDS_A_LINE == 0 || i + 1 == BACKUP_BYTES;
        buffer_append(buffer, word.data, word.length);
        buffer_append_byte(buffer, line_ends ? '\n' : ' ');
    }
    sodium_memzero(payload, sizeof payload);
    return buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
}

enum status
backup_write_hex(const uint8_t seed[SEED_LENGTH], bool is_test, struct buffer *buffer)
{
    uint8_t payload[BACKUP_BYTES];
    char hex[2 * BACKUP_BYTES + 1];
    payload_make(seed, is_test, payload);
    sodium_bin2hex(hex, sizeof hex, payload, sizeof payload);
    for (size_t i = 0; i < BACKUP_BYTES; i += HEX_GROUP) {
        const bool ends = i + HEX_GROUP == BACKUP_BYTES;
        buffer_append(buffer, hex + 2 * i, 2 * HEX_GROUP);
        buffer_append_byte(buffer, ends ? '\n' : ' ');
    }
    sodium_memzero(payload, sizeof payload);
    sodium_memzero(hex, sizeof hex);
    return buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
}

/* The next run of letters and digits at or behind *position, which moves behind it; empty at the end. */
static struct bytes
token_next(struct bytes text, size_t *position)
{
    size_t start = *position;
    while (start < text.length && !ascii_is_letter(text.data[start]) &&
           !ascii_is_digit(text.data[start])) {
        start++;
    }
    size_t end = start;
    while (end < text.length &&
           (ascii_is_letter(text.data[end]) || ascii_is_digit(text.data[end]))) {
        end++;
    }
    *position = end;
    return end == start ? bytes_of(NULL, 0) : bytes_of(text.data + start, end - start);
}

static void
explain_word(struct buffer *why, size_t place, struct bytes word)
{
    if (why == NULL) {
        return;
    }
    const char *nearest = nearest_name(word, backup_words, BACKUP_WORD_COUNT);
    const int shown =
        word.length > 2 * BACKUP_WORD_LENGTH_MAX ? 2 * BACKUP_WORD_LENGTH_MAX : (int)word.length;
    buffer_append_format(why, "word %zu, \"%.*s\", is not one of the backup words", place, shown,
                         (const char *)word.data);
    if (nearest != NULL) {
        buffer_append_format(why, "; did you mean \"%s\"?", nearest);
    }
}

/* True when the token is the word, or its beginning of at least four letters. */
static bool
word_fits(const char *word, struct bytes token)
{
    if (token.length < BACKUP_WORD_LENGTH_MIN || token.length > strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < token.length; i++) {
        if ((uint8_t)word[i] != ascii_lower(token.data[i])) {
            return false;
        }
    }
    return true;
}

static enum status
word_find(struct bytes token, uint8_t *ret_value)
{
    /* All words are looked at, found or not. */
    enum status status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < BACKUP_WORD_COUNT; i++) {
        if (word_fits(backup_words[i], token)) {
            *ret_value = (uint8_t)i;
            status = STATUS_OK;
        }
    }
    return status;
}

static enum status
words_read(struct bytes text, uint8_t ret_payload[BACKUP_BYTES], struct buffer *why)
{
    size_t count = 0;
    size_t position = 0;
    for (struct bytes token = token_next(text, &position); token.length > 0;
         token = token_next(text, &position)) {
        uint8_t value;
        if (word_find(token, &value) != STATUS_OK) {
            explain_word(why, count + 1, token);
            return STATUS_BAD_INPUT;
        }
        if (count < BACKUP_BYTES) {
            ret_payload[count] = value;
        }
        count++;
    }
    if (count != BACKUP_BYTES) {
        if (why != NULL) {
            buffer_append_format(why, "a backup has %d words, these are %zu", BACKUP_BYTES, count);
        }
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

static int
hex_value(uint8_t c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    const uint8_t letter = ascii_lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static enum status
hex_read(struct bytes text, uint8_t ret_payload[BACKUP_BYTES], struct buffer *why)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!ascii_is_letter(text.data[i]) && !ascii_is_digit(text.data[i])) {
            continue;
        }
        const int value = hex_value(text.data[i]);
        if (value < 0) {
            if (why != NULL) {
                buffer_append_format(why, "'%c', at place %zu, is not a hex digit (0-9, a-f)",
                                     text.data[i], count + 1);
            }
            return STATUS_BAD_INPUT;
        }
        if (count < (size_t)2 * BACKUP_BYTES) {
            /* Zeros before the first digit are the caller's. */
            ret_payload[count / 2] |= (uint8_t)(count % 2 == 0 ? value << 4 : value);
        }
        count++;
    }
    if (count != (size_t)2 * BACKUP_BYTES) {
        if (why != NULL) {
            buffer_append_format(why, "a backup has %d hex digits, these are %zu", 2 * BACKUP_BYTES,
                                 count);
        }
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

/* A digit, or nothing but the letters a to f: no word of the list is written with these alone, but the
 * hex form of a rare seed is. */
static bool
is_hex(struct bytes text)
{
    size_t digits = 0;
    size_t hex_letters = 0;
    size_t letters = 0;
    for (size_t i = 0; i < text.length; i++) {
        digits += ascii_is_digit(text.data[i]) ? 1 : 0;
        letters += ascii_is_letter(text.data[i]) ? 1 : 0;
        hex_letters += ascii_is_letter(text.data[i]) && hex_value(text.data[i]) >= 0 ? 1 : 0;
    }
    return digits > 0 || (letters > 0 && letters == hex_letters);
}

static enum status
checksum_check(const uint8_t payload[BACKUP_BYTES], bool *ret_is_test, struct buffer *why)
{
    for (int is_test = 0; is_test <= 1; is_test++) {
        uint8_t checksum[CHECKSUM_LENGTH];
        checksum_make(payload, is_test == 1, checksum);
        if (sodium_memcmp(checksum, payload + SEED_LENGTH, CHECKSUM_LENGTH) == 0) {
            *ret_is_test = is_test == 1;
            return STATUS_OK;
        }
    }
    if (why != NULL) {
        buffer_append_format(why, "the checksum does not fit: something is written wrongly, or two "
                                  "changed places; compare with your copy");
    }
    return STATUS_BAD_CHECKSUM;
}

enum status
backup_read(struct bytes text, uint8_t ret_seed[SEED_LENGTH], bool *ret_is_test, struct buffer *why)
{
    uint8_t payload[BACKUP_BYTES] = {0};
    bool is_test = false;
    enum status status =
        is_hex(text) ? hex_read(text, payload, why) : words_read(text, payload, why);
    if (status == STATUS_OK) {
        status = checksum_check(payload, &is_test, why);
    }
    if (status == STATUS_OK) {
        memcpy(ret_seed, payload, SEED_LENGTH);
        *ret_is_test = is_test;
    }
    sodium_memzero(payload, sizeof payload);
    return status;
}
