/* Play money: <data>/grant holds the issuer's signed word that this node has so much to spend. */
#ifndef GPULET_NODE_IO_GRANT_H
#define GPULET_NODE_IO_GRANT_H

#include "crypto/record.h"
#include "protocol/limits.h"

/* Reads the file into `memory` and checks its signature; the record borrows the memory.
 * STATUS_NOT_FOUND: there is none, as on most nodes; STATUS_SYSTEM; and what record_open says. */
enum status grant_read(const char *data_dir, const struct network_id *network,
                       uint8_t memory[RECORD_BYTES_MAX], struct verified_record *ret_grant)
    MUST_USE;

#endif
