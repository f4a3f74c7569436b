#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/keypair.h"
#include "protocol/gpu_class.h"

static bool
digests_equal(const uint8_t a[ID_LENGTH], const uint8_t b[ID_LENGTH])
{
    return memcmp(a, b, ID_LENGTH) == 0;
}

Test(digest, it_is_blake2b_keyed_with_the_label)
{
    static const char label[] = "gpulet record id";
    uint8_t message[300];
    uint8_t ours[ID_LENGTH];
    uint8_t theirs[ID_LENGTH];
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t length = 0; length <= sizeof message; length++) {
        if (length > 0) {
            message[length - 1] = (uint8_t)(7 * length);
        }
        digest_make(label, bytes_of(message, length), ours);
        cr_assert_eq(crypto_generichash(theirs, sizeof theirs, message, length,
                                        (const unsigned char *)label, strlen(label)),
                     0);
        cr_assert(digests_equal(ours, theirs), "%zu", length);
    }
}

Test(digest, another_label_or_another_byte_is_another_digest)
{
    static const char *const labels[] = {
        "a",
        "b",
        "aa",
        "a ",
        "gpulet record id",
        "0123456789012345678901234567890123456789012345678901234567890123"};
    enum { COUNT = sizeof labels / sizeof labels[0] };
    uint8_t digests[2 * COUNT][ID_LENGTH];
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t i = 0; i < COUNT; i++) {
        digest_make(labels[i], bytes_of_text("x"), digests[2 * i]);
        digest_make(labels[i], bytes_of(NULL, 0), digests[2 * i + 1]);
    }
    for (size_t a = 0; a < 2 * COUNT; a++) {
        for (size_t b = 0; b < a; b++) {
            cr_assert(!digests_equal(digests[a], digests[b]), "%zu %zu", a, b);
        }
    }
}

Test(digest, a_network_is_its_name_its_kind_and_its_issuer)
{
    struct keypair issuer;
    struct keypair other;
    struct network_id ids[8];
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_for_test(1, bytes_of_text("issuer"), &issuer);
    keypair_for_test(1, bytes_of_text("other"), &other);
    network_id_make(bytes_of_text("main"), false, NULL, &ids[0]);
    network_id_make(bytes_of_text("main"), true, NULL, &ids[1]);
    network_id_make(bytes_of_text("main"), true, &issuer.identity, &ids[2]);
    network_id_make(bytes_of_text("main"), true, &other.identity, &ids[3]);
    network_id_make(bytes_of_text("main2"), true, NULL, &ids[4]);
    network_id_make(bytes_of_text("mai"), true, NULL, &ids[5]);
    network_id_make(bytes_of(NULL, 0), true, NULL, &ids[6]);
    /* A name that holds an issuer's bytes is not that issuer's network. */
    network_id_make(bytes_of(issuer.identity.bytes, ID_LENGTH), true, NULL, &ids[7]);
    for (size_t a = 0; a < 8; a++) {
        for (size_t b = 0; b < a; b++) {
            cr_assert(!network_id_equal(&ids[a], &ids[b]), "%zu %zu", a, b);
        }
    }
    struct network_id again;
    network_id_make(bytes_of_text("main"), true, &issuer.identity, &again);
    cr_assert(network_id_equal(&again, &ids[2]));
}

Test(digest, the_class_table_has_one_digest)
{
    static uint8_t memory[65536];
    struct buffer table;
    uint8_t first[ID_LENGTH];
    uint8_t again[ID_LENGTH];
    cr_assert_eq(crypto_start(), STATUS_OK);
    class_table_digest(first);
    class_table_digest(again);
    cr_assert(digests_equal(first, again));
    buffer_init(&table, memory, sizeof memory);
    gpu_class_table_bytes(&table);
    cr_assert(!table.overflowed);
    digest_make("gpulet class table 1", buffer_bytes(&table), again);
    cr_assert(digests_equal(first, again));
    memory[table.length / 2] ^= 1;
    digest_make("gpulet class table 1", buffer_bytes(&table), again);
    cr_assert(!digests_equal(first, again));
}
