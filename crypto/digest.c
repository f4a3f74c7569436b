#include "crypto/digest.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "protocol/gpu_class.h"

/* A class takes under 100 bytes, and there are at most GPU_CLASS_NUMBER_MAX of them. */
enum { CLASS_TABLE_BYTES_MAX = 32768 };

static crypto_generichash_state
digest_begin(const char *label)
{
    const size_t length = strlen(label);
    assert(length > 0 && length <= crypto_generichash_KEYBYTES_MAX);
    crypto_generichash_state state;
    const int failed =
        crypto_generichash_init(&state, (const unsigned char *)label, length, ID_LENGTH);
    assert(failed == 0);
    return state;
}

static void
digest_add(crypto_generichash_state *state, const void *data, size_t length)
{
    if (length > 0) {
        const int failed = crypto_generichash_update(state, data, length);
        assert(failed == 0);
    }
}

static void
digest_end(crypto_generichash_state *state, uint8_t ret_digest[ID_LENGTH])
{
    const int failed = crypto_generichash_final(state, ret_digest, ID_LENGTH);
    assert(failed == 0);
}

void
digest_make(const char *label, struct bytes bytes, uint8_t ret_digest[ID_LENGTH])
{
    crypto_generichash_state state = digest_begin(label);
    digest_add(&state, bytes.data, bytes.length);
    digest_end(&state, ret_digest);
    sodium_memzero(&state, sizeof state); /* seeds of test keys pass through here */
}

void
network_id_make(struct bytes name, bool is_test, const struct peer_id *issuer,
                struct network_id *ret_network)
{
    static const struct peer_id nobody = {{0}};
    const uint8_t test = is_test ? 1 : 0;
    crypto_generichash_state state = digest_begin("gpulet network 1");
    digest_add(&state, &test, 1);
    digest_add(&state, issuer != NULL ? issuer->bytes : nobody.bytes, ID_LENGTH);
    /* The name comes last: it alone has no fixed length, so no two networks share their bytes. */
    digest_add(&state, name.data, name.length);
    digest_end(&state, ret_network->bytes);
}

void
class_table_digest(uint8_t ret_digest[ID_LENGTH])
{
    uint8_t memory[CLASS_TABLE_BYTES_MAX];
    struct buffer table;
    buffer_init(&table, memory, sizeof memory);
    gpu_class_table_bytes(&table);
    assert(!table.overflowed);
    digest_make("gpulet class table 1", buffer_bytes(&table), ret_digest);
}
