#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "crypto/keypair.h"

static bool
keypairs_equal(const struct keypair *a, const struct keypair *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

Test(keypair, starting_twice_is_fine)
{
    cr_assert_eq(crypto_start(), STATUS_OK);
    cr_assert_eq(crypto_start(), STATUS_OK);
}

Test(keypair, a_seed_gives_the_same_keys_for_ever)
{
    /* Fixed by the format: a change here would lose every identity there is. */
    static const char identity[] =
        "90c3c57130c1cea41a12d21441c179d76e4b77ca001d3917b5672240ed8e0eef";
    static const char channel[] =
        "5f74e5fb90cf58db25ad19411c6e48aed3bf3ab15d6a2e3e9e22c5eafb332c04";
    uint8_t seed[SEED_LENGTH];
    char hex[ID_HEX_SIZE];
    struct keypair first;
    struct keypair second;
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)i;
    }
    keypair_from_seed(seed, &first);
    keypair_from_seed(seed, &second);
    cr_assert(keypairs_equal(&first, &second));
    cr_assert(memcmp(first.seed, seed, sizeof seed) == 0);
    id_to_hex(first.identity.bytes, hex);
    cr_assert_str_eq(hex, identity);
    id_to_hex(first.channel_key.bytes, hex);
    cr_assert_str_eq(hex, channel);
}

Test(keypair, any_other_bit_of_the_seed_gives_other_keys)
{
    uint8_t seed[SEED_LENGTH] = {0};
    struct keypair first;
    struct keypair other;
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_from_seed(seed, &first);
    for (size_t bit = 0; bit < 8 * sizeof seed; bit++) {
        seed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        keypair_from_seed(seed, &other);
        seed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(!peer_id_equal(&first.identity, &other.identity));
        cr_assert(!channel_key_equal(&first.channel_key, &other.channel_key));
    }
}

Test(keypair, the_parts_belong_together_and_differ)
{
    struct keypair keypair;
    uint8_t public_key[32];
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_generate(&keypair);
    cr_assert_eq(crypto_scalarmult_base(public_key, keypair.channel_secret), 0);
    cr_assert(memcmp(public_key, keypair.channel_key.bytes, sizeof public_key) == 0);
    cr_assert_eq(crypto_sign_ed25519_sk_to_pk(public_key, keypair.sign_secret), 0);
    cr_assert(memcmp(public_key, keypair.identity.bytes, sizeof public_key) == 0);
    /* Neither secret is the seed, and neither is the other. */
    cr_assert(memcmp(keypair.seed, keypair.sign_secret, SEED_LENGTH) != 0);
    cr_assert(memcmp(keypair.seed, keypair.channel_secret, SEED_LENGTH) != 0);
    cr_assert(memcmp(keypair.sign_secret, keypair.channel_secret, SEED_LENGTH) != 0);
}

Test(keypair, generated_keys_differ)
{
    struct keypair a;
    struct keypair b;
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_generate(&a);
    keypair_generate(&b);
    cr_assert(!peer_id_equal(&a.identity, &b.identity));
}

Test(keypair, test_keys_follow_from_number_and_name)
{
    struct keypair first;
    struct keypair again;
    struct keypair other;
    char name[] = "host-1";
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_for_test(1, bytes_of_text("host-1"), &first);
    keypair_for_test(1, bytes_of_text(name), &again);
    cr_assert(keypairs_equal(&first, &again));
    keypair_for_test(2, bytes_of_text("host-1"), &other);
    cr_assert(!peer_id_equal(&first.identity, &other.identity));
    for (unsigned bit = 1; bit < 64; bit++) {
        keypair_for_test(1 | UINT64_C(1) << bit, bytes_of_text("host-1"), &other);
        cr_assert(!peer_id_equal(&first.identity, &other.identity), "bit %u", bit);
    }
    keypair_for_test(1, bytes_of_text("host-2"), &other);
    cr_assert(!peer_id_equal(&first.identity, &other.identity));
    keypair_for_test(1, bytes_of(NULL, 0), &other);
    cr_assert(!peer_id_equal(&first.identity, &other.identity));
}

Test(keypair, another_channel_generation_changes_the_channel_alone)
{
    struct keypair first;
    struct keypair rotated;
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_generate(&first);
    rotated = first;
    keypair_set_channel(&rotated, 0);
    cr_assert(keypairs_equal(&first, &rotated));
    for (uint32_t generation = 1; generation != 0; generation *= 2) {
        const struct channel_key before = rotated.channel_key;
        keypair_set_channel(&rotated, generation);
        cr_assert(!channel_key_equal(&before, &rotated.channel_key));
        cr_assert(!channel_key_equal(&first.channel_key, &rotated.channel_key));
        cr_assert(peer_id_equal(&first.identity, &rotated.identity));
        cr_assert(memcmp(first.sign_secret, rotated.sign_secret, sizeof first.sign_secret) == 0);
    }
    keypair_set_channel(&rotated, 0);
    cr_assert(keypairs_equal(&first, &rotated));
}

Test(keypair, wiping_leaves_nothing)
{
    static const struct keypair nothing;
    struct keypair keypair;
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_generate(&keypair);
    cr_assert(!keypairs_equal(&keypair, &nothing));
    keypair_wipe(&keypair);
    cr_assert(keypairs_equal(&keypair, &nothing));
}

Test(keypair, protecting_changes_no_byte)
{
    struct keypair keypair;
    struct keypair copy;
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_generate(&keypair);
    copy = keypair;
    (void)keypair_protect(&keypair); /* the system may refuse */
    cr_assert(keypairs_equal(&keypair, &copy));
}
