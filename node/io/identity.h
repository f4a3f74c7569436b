/* Who this node is: the identity file of the data directory, made at the first start. */
#ifndef GPULET_NODE_IO_IDENTITY_H
#define GPULET_NODE_IO_IDENTITY_H

#include "crypto/keypair.h"
#include "node/io/options.h"

/* Makes the data directory (0700) and reads, or makes, <data>/identity. With a seed (test networks)
 * the keys are those of seed and label, and the file is marked. `why` gets one sentence on failure.
 * Wipe the result. STATUS_PERMISSION, STATUS_BAD_PASSPHRASE, STATUS_CORRUPT, STATUS_REFUSED: a test
 * key on a network that is none, or a file of another seed. */
enum status identity_load(const struct options *options, struct keypair *ret_keypair,
                          struct buffer *why) MUST_USE;

#endif
