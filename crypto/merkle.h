/* A tree of digests over a list of record ids: one signature over its root speaks for all of them. */
#ifndef GPULET_CRYPTO_MERKLE_H
#define GPULET_CRYPTO_MERKLE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/id.h"

/* The shape of RFC 9162, section 2.1: leaves and inner nodes are hashed under different first bytes (0
 * and 1), so that no inner node passes for a leaf. The digest is crypto/digest.h's with the label
 * "gpulet merkle 1". */
enum { MERKLE_LEAVES_MAX = 128, MERKLE_PATH_MAX = 7 };

/* What shows that a leaf stands at `index` of `count` leaves: the siblings from the leaf upwards. */
struct merkle_proof {
    size_t index;
    size_t count;
    size_t length;
    uint8_t path[MERKLE_PATH_MAX][ID_LENGTH];
};

/* The root over `count` leaves, 1 to MERKLE_LEAVES_MAX (asserted). */
void merkle_root(const struct record_id *leaves, size_t count, uint8_t ret_root[ID_LENGTH]);

/* The proof for the leaf at `index`, below `count` (asserted). */
void merkle_prove(const struct record_id *leaves, size_t count, size_t index,
                  struct merkle_proof *ret_proof);

/* True when the leaf is at that place under the root; false for any other path, place or count. */
bool merkle_holds(const struct merkle_proof *proof, const struct record_id *leaf,
                  const uint8_t root[ID_LENGTH]);

#endif
