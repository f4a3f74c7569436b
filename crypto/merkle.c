#include "crypto/merkle.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "crypto/digest.h"

static const char merkle_label[] = "gpulet merkle 1";

enum { PREFIX_LEAF = 0, PREFIX_NODE = 1 };

static void
hash_leaf(const struct record_id *leaf, uint8_t ret_hash[ID_LENGTH])
{
    uint8_t bytes[1 + ID_LENGTH] = {PREFIX_LEAF};
    memcpy(bytes + 1, leaf->bytes, ID_LENGTH);
    digest_make(merkle_label, bytes_of(bytes, sizeof bytes), ret_hash);
}

/* `ret_hash` may be one of the two. */
static void
hash_node(const uint8_t left[ID_LENGTH], const uint8_t right[ID_LENGTH],
          uint8_t ret_hash[ID_LENGTH])
{
    uint8_t bytes[1 + 2 * ID_LENGTH] = {PREFIX_NODE};
    memcpy(bytes + 1, left, ID_LENGTH);
    memcpy(bytes + 1 + ID_LENGTH, right, ID_LENGTH);
    digest_make(merkle_label, bytes_of(bytes, sizeof bytes), ret_hash);
}

/* One level up, in place: pairs are joined, a last one without a partner rises as it is. That is the
 * tree that splits at the largest power of two. Returns how many are left. */
static size_t
rise(uint8_t level[][ID_LENGTH], size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        hash_node(level[i], level[i + 1], level[i / 2]);
    }
    if (count % 2 == 1) {
        memmove(level[count / 2], level[count - 1], ID_LENGTH);
    }
    return (count + 1) / 2;
}

void
merkle_root(const struct record_id *leaves, size_t count, uint8_t ret_root[ID_LENGTH])
{
    struct merkle_proof proof;
    merkle_prove(leaves, count, 0, &proof);
    uint8_t hash[ID_LENGTH];
    hash_leaf(&leaves[0], hash);
    for (size_t i = 0; i < proof.length; i++) {
        hash_node(hash, proof.path[i], hash);
    }
    memcpy(ret_root, hash, ID_LENGTH);
}

void
merkle_prove(const struct record_id *leaves, size_t count, size_t index,
             struct merkle_proof *ret_proof)
{
    uint8_t level[MERKLE_LEAVES_MAX][ID_LENGTH];
    assert(count > 0 && count <= MERKLE_LEAVES_MAX && index < count);
    *ret_proof = (struct merkle_proof){.index = index, .count = count};
    for (size_t i = 0; i < count; i++) {
        hash_leaf(&leaves[i], level[i]);
    }
    while (count > 1) {
        const size_t sibling = index ^ 1;
        if (sibling < count) {
            memcpy(ret_proof->path[ret_proof->length++], level[sibling], ID_LENGTH);
        }
        count = rise(level, count);
        index /= 2;
    }
}

bool
merkle_holds(const struct merkle_proof *proof, const struct record_id *leaf,
             const uint8_t root[ID_LENGTH])
{
    uint8_t hash[ID_LENGTH];
    size_t used = 0;
    size_t index = proof->index;
    if (proof->count == 0 || proof->count > MERKLE_LEAVES_MAX || index >= proof->count ||
        proof->length > MERKLE_PATH_MAX) {
        return false;
    }
    hash_leaf(leaf, hash);
    for (size_t count = proof->count; count > 1; count = (count + 1) / 2, index /= 2) {
        if ((index ^ 1) >= count) {
            continue;
        }
        if (used == proof->length) {
            return false;
        }
        if (index % 2 == 1) {
            hash_node(proof->path[used], hash, hash);
        } else {
            hash_node(hash, proof->path[used], hash);
        }
        used++;
    }
    return used == proof->length && sodium_memcmp(hash, root, ID_LENGTH) == 0;
}
