#include "protocol/id.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

#define DEFINE_EQUAL(name)                                                                         \
    bool name##_equal(const struct name *a, const struct name *b)                                  \
    {                                                                                              \
        return memcmp(a->bytes, b->bytes, ID_LENGTH) == 0;                                         \
    }
DEFINE_EQUAL(peer_id)
DEFINE_EQUAL(record_id)
DEFINE_EQUAL(lease_id)
DEFINE_EQUAL(network_id)
DEFINE_EQUAL(channel_key)
#undef DEFINE_EQUAL

static const uint8_t zeros[ID_LENGTH];

bool
record_id_is_zero(const struct record_id *id)
{
    return memcmp(id->bytes, zeros, ID_LENGTH) == 0;
}

bool
peer_id_is_zero(const struct peer_id *id)
{
    return memcmp(id->bytes, zeros, ID_LENGTH) == 0;
}

struct lease_id
lease_id_of_record(const struct record_id *id)
{
    struct lease_id lease;
    memcpy(lease.bytes, id->bytes, ID_LENGTH);
    return lease;
}

struct record_id
record_id_of_lease(const struct lease_id *id)
{
    struct record_id record;
    memcpy(record.bytes, id->bytes, ID_LENGTH);
    return record;
}

void
id_to_hex(const uint8_t bytes[ID_LENGTH], char ret_hex[ID_HEX_SIZE])
{
    for (size_t i = 0; i < ID_LENGTH; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[ID_HEX_SIZE - 1] = '\0';
}

/* -1 when the character is no hex digit. */
static int
digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

enum status
id_from_hex(const char *hex, uint8_t ret_bytes[ID_LENGTH])
{
    uint8_t bytes[ID_LENGTH];
    if (strlen(hex) != ID_HEX_SIZE - 1) {
        return STATUS_BAD_INPUT;
    }
    for (size_t i = 0; i < ID_LENGTH; i++) {
        const int high = digit_value(hex[2 * i]);
        const int low = digit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return STATUS_BAD_INPUT;
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    memcpy(ret_bytes, bytes, ID_LENGTH);
    return STATUS_OK;
}

bool
id_has_prefix(const uint8_t bytes[ID_LENGTH], const char *prefix, size_t length)
{
    if (length == 0 || length > 2 * ID_LENGTH) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        const int nibble = i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15;
        if (digit_value(prefix[i]) != nibble) {
            return false;
        }
    }
    return true;
}
