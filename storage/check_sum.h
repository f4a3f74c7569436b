/* The check sum of a row: a disk that answers with other bytes than it was given is found out, and a row
 * never answers under another row's key. LMDB itself has none. */
#ifndef GPULET_STORAGE_CHECK_SUM_H
#define GPULET_STORAGE_CHECK_SUM_H

#include "storage/keys.h"

enum { CHECK_SUM_LENGTH = 8 };

/* The first bytes of BLAKE2b-256 over table, key and the value's digest. Finds accidents, not forgers. */
void check_sum_make(enum table table, const struct encoded_key *key, struct bytes value,
                    uint8_t ret_sum[CHECK_SUM_LENGTH]);

/* Splits what is stored into value and sum; `ret_value` borrows. STATUS_CORRUPT when they do not fit. */
enum status check_sum_strip(enum table table, const struct encoded_key *key, struct bytes stored,
                            struct bytes *ret_value) MUST_USE;

#endif
