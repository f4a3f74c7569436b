/* Reads any text as a backup; what is accepted is written in both forms and read back. The same
 * bytes as a seed come back from both forms too. */
#include <stdlib.h>
#include <string.h>

#include "crypto/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SENTENCE_MAX = 256 };

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
read_back(struct bytes text, const uint8_t seed[SEED_LENGTH], bool is_test)
{
    uint8_t back[SEED_LENGTH];
    bool back_is_test = !is_test;
    require(backup_read(text, back, &back_is_test, NULL) == STATUS_OK);
    require(memcmp(seed, back, sizeof back) == 0 && is_test == back_is_test);
}

/* One checksum in 65,536 fits both marks, and live wins; then the mark is lost, but not the seed. */
static bool
is_ambiguous(const uint8_t seed[SEED_LENGTH])
{
    char live[BACKUP_TEXT_MAX];
    char test[BACKUP_TEXT_MAX];
    struct buffer a;
    struct buffer b;
    buffer_init(&a, live, sizeof live);
    buffer_init(&b, test, sizeof test);
    require(backup_write_hex(seed, false, &a) == STATUS_OK);
    require(backup_write_hex(seed, true, &b) == STATUS_OK);
    return bytes_equal(buffer_bytes(&a), buffer_bytes(&b));
}

static void
round_trip(const uint8_t seed[SEED_LENGTH], bool is_test)
{
    char memory[BACKUP_TEXT_MAX];
    struct buffer text;
    if (is_ambiguous(seed)) {
        return;
    }
    buffer_init(&text, memory, sizeof memory);
    require(backup_write_words(seed, is_test, &text) == STATUS_OK);
    read_back(buffer_bytes(&text), seed, is_test);
    text.length = 0;
    require(backup_write_hex(seed, is_test, &text) == STATUS_OK);
    read_back(buffer_bytes(&text), seed, is_test);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t seed[SEED_LENGTH];
    bool is_test = false;
    char sentence[SENTENCE_MAX];
    struct buffer why;
    require(crypto_start() == STATUS_OK);
    buffer_init(&why, sentence, sizeof sentence);
    const enum status status = backup_read(bytes_of(data, size), seed, &is_test, &why);
    require(!why.overflowed && (status == STATUS_OK) == (why.length == 0));
    if (status == STATUS_OK) {
        round_trip(seed, is_test);
    }
    if (size > SEED_LENGTH) {
        memcpy(seed, data, SEED_LENGTH);
        round_trip(seed, data[SEED_LENGTH] % 2 == 1);
    }
    return 0;
}
