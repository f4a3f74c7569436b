/* Reads any bytes as an identity file, as they are and with a right checksum around them: what is
 * accepted is written back as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bytes no_passphrase = {NULL, 0};

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static enum status
try_file(struct bytes file)
{
    struct identity_key key;
    const char *why = NULL;
    memset(&key, 0xa5, sizeof key);
    const enum status status = key_file_decode(file, no_passphrase, &key, &why);
    require((status == STATUS_OK) == (why == NULL));
    if (status != STATUS_OK) {
        require(key.seed[0] == 0xa5 && key.seed[SEED_LENGTH - 1] == 0xa5);
        return status;
    }
    uint8_t memory[KEY_FILE_BYTES_MAX];
    struct buffer buffer;
    struct identity_key again;
    buffer_init(&buffer, memory, sizeof memory);
    require(key_file_encode(&key, no_passphrase, &buffer) == STATUS_OK);
    require(key_file_decode(buffer_bytes(&buffer), no_passphrase, &again, NULL) == STATUS_OK);
    require(memcmp(key.seed, again.seed, sizeof key.seed) == 0 && key.is_test == again.is_test &&
            key.channel_generation == again.channel_generation);
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(crypto_start() == STATUS_OK);
    (void)try_file(bytes_of(data, size));
    uint8_t memory[2 * KEY_FILE_BYTES_MAX];
    uint8_t checksum[ID_LENGTH];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    buffer_append_format(&buffer, "gpulet identity 1\n");
    buffer_append(&buffer, data, size);
    if (buffer.overflowed) {
        return 0;
    }
    digest_make("gpulet key file 1", buffer_bytes(&buffer), checksum);
    buffer_append(&buffer, checksum, 16);
    const enum status status = try_file(buffer_bytes(&buffer));
    require(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_BAD_PASSPHRASE);
    return 0;
}
