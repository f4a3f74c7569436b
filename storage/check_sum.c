#include "storage/check_sum.h"

#include <string.h>

#include "crypto/digest.h"

static const char row_label[] = "gpulet stored row";

void
check_sum_make(enum table table, const struct encoded_key *key, struct bytes value,
               uint8_t ret_sum[CHECK_SUM_LENGTH])
{
    /* The name, not the number: tables may be inserted into the enum. */
    uint8_t memory[32 + KEY_LENGTH_MAX + ID_LENGTH];
    struct buffer input;
    buffer_init(&input, memory, sizeof memory);
    const char *name = table_layout(table)->name;
    buffer_append(&input, name, strlen(name) + 1);
    buffer_append(&input, key->bytes, key->length);
    uint8_t digest[ID_LENGTH];
    digest_make(row_label, value, digest);
    buffer_append(&input, digest, sizeof digest);
    digest_make(row_label, buffer_bytes(&input), digest);
    memcpy(ret_sum, digest, CHECK_SUM_LENGTH);
}

enum status
check_sum_strip(enum table table, const struct encoded_key *key, struct bytes stored,
                struct bytes *ret_value)
{
    if (stored.length < CHECK_SUM_LENGTH) {
        return STATUS_CORRUPT;
    }
    const struct bytes value = bytes_of(stored.data, stored.length - CHECK_SUM_LENGTH);
    uint8_t sum[CHECK_SUM_LENGTH];
    check_sum_make(table, key, value, sum);
    if (!bytes_equal(bytes_of(sum, sizeof sum),
                     bytes_of(stored.data + value.length, CHECK_SUM_LENGTH))) {
        return STATUS_CORRUPT;
    }
    *ret_value = value;
    return STATUS_OK;
}
