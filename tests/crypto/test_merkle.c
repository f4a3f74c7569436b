#include "crypto/merkle.h"

#include <criterion/criterion.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/keypair.h"

static void
make_leaves(struct record_id *leaves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t number[2] = {(uint8_t)i, (uint8_t)count};
        digest_make("test leaf", bytes_of(number, sizeof number), leaves[i].bytes);
    }
}

static void
hash(uint8_t prefix, const uint8_t *left, const uint8_t *right, uint8_t ret_hash[ID_LENGTH])
{
    uint8_t bytes[1 + 2 * ID_LENGTH] = {prefix};
    size_t length = 1 + ID_LENGTH;
    memcpy(bytes + 1, left, ID_LENGTH);
    if (right != NULL) {
        memcpy(bytes + 1 + ID_LENGTH, right, ID_LENGTH);
        length += ID_LENGTH;
    }
    digest_make("gpulet merkle 1", bytes_of(bytes, length), ret_hash);
}

/* RFC 9162, 2.1.1, for three leaves: H(1, H(1, leaf 0, leaf 1), leaf 2). */
Test(merkle, the_root_is_that_of_rfc_9162)
{
    struct record_id leaves[3];
    uint8_t hashes[3][ID_LENGTH];
    uint8_t inner[ID_LENGTH];
    uint8_t wanted[ID_LENGTH];
    uint8_t root[ID_LENGTH];
    cr_assert_eq(crypto_start(), STATUS_OK);
    make_leaves(leaves, 3);
    for (size_t i = 0; i < 3; i++) {
        hash(0, leaves[i].bytes, NULL, hashes[i]);
    }
    merkle_root(leaves, 1, root);
    cr_assert_arr_eq(root, hashes[0], ID_LENGTH);
    hash(1, hashes[0], hashes[1], inner);
    merkle_root(leaves, 2, root);
    cr_assert_arr_eq(root, inner, ID_LENGTH);
    hash(1, inner, hashes[2], wanted);
    merkle_root(leaves, 3, root);
    cr_assert_arr_eq(root, wanted, ID_LENGTH);
}

Test(merkle, every_leaf_of_every_size_is_proved)
{
    struct record_id leaves[MERKLE_LEAVES_MAX];
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t count = 1; count <= MERKLE_LEAVES_MAX; count++) {
        uint8_t root[ID_LENGTH];
        make_leaves(leaves, count);
        merkle_root(leaves, count, root);
        for (size_t i = 0; i < count; i++) {
            struct merkle_proof proof;
            merkle_prove(leaves, count, i, &proof);
            cr_assert_leq(proof.length, (size_t)MERKLE_PATH_MAX);
            cr_assert(merkle_holds(&proof, &leaves[i], root), "%zu of %zu", i, count);
        }
    }
}

Test(merkle, another_leaf_place_count_path_or_root_is_refused)
{
    struct record_id leaves[20];
    uint8_t root[ID_LENGTH];
    struct merkle_proof proof;
    cr_assert_eq(crypto_start(), STATUS_OK);
    make_leaves(leaves, 20);
    merkle_root(leaves, 20, root);
    for (size_t i = 0; i < 20; i++) {
        merkle_prove(leaves, 20, i, &proof);
        for (size_t k = 0; k < 20; k++) {
            cr_assert_eq(merkle_holds(&proof, &leaves[k], root), k == i);
            struct merkle_proof moved = proof;
            moved.index = k;
            cr_assert_eq(merkle_holds(&moved, &leaves[i], root), k == i, "%zu as %zu", i, k);
        }
        for (size_t count = 0; count <= i; count++) {
            struct merkle_proof small = proof;
            small.count = count;
            cr_assert_not(merkle_holds(&small, &leaves[i], root));
        }
        struct merkle_proof cut = proof;
        cut.length--;
        cr_assert_not(merkle_holds(&cut, &leaves[i], root));
        cut.length += 2;
        cr_assert_not(merkle_holds(&cut, &leaves[i], root));
        cut.length = MERKLE_PATH_MAX + 1;
        cr_assert_not(merkle_holds(&cut, &leaves[i], root));
        struct merkle_proof spoilt = proof;
        spoilt.path[i % proof.length][i] ^= 1;
        cr_assert_not(merkle_holds(&spoilt, &leaves[i], root));
        root[i] ^= 0x80;
        cr_assert_not(merkle_holds(&proof, &leaves[i], root));
        root[i] ^= 0x80;
    }
}

/* Or somebody could sell the inner node of two holds as a hold. */
Test(merkle, an_inner_node_is_no_leaf)
{
    struct record_id leaves[4];
    struct record_id inner;
    uint8_t hashes[2][ID_LENGTH];
    uint8_t root[ID_LENGTH];
    struct merkle_proof proof;
    cr_assert_eq(crypto_start(), STATUS_OK);
    make_leaves(leaves, 4);
    merkle_root(leaves, 4, root);
    hash(0, leaves[0].bytes, NULL, hashes[0]);
    hash(0, leaves[1].bytes, NULL, hashes[1]);
    hash(1, hashes[0], hashes[1], inner.bytes);
    merkle_prove(leaves, 4, 0, &proof);
    proof.count = 2;
    memcpy(proof.path[0], proof.path[1], ID_LENGTH);
    proof.length = 1;
    cr_assert_not(merkle_holds(&proof, &inner, root));
}
