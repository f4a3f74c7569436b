/* Decodes any bytes by any schema: what is accepted is within its limits and encodes to just the
 * same bytes, so a value has one encoding. First byte: group of schemas; second: number in it. */
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/message.h"
#include "tests/support/schemas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENCODED_MAX = 1 << 20 };

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_value(const struct schema *schema, bool has_number, struct bytes bytes)
{
    static _Alignas(max_align_t) uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    static _Alignas(max_align_t) uint8_t again[SCHEMA_STRUCT_BYTES_MAX];
    static uint8_t memory[ENCODED_MAX];
    memset(value, 0xa5, sizeof value);
    memset(again, 0x5a, sizeof again);
    const enum status status =
        has_number ? message_decode(schema, bytes, value) : codec_decode(schema, bytes, value);
    if (status != STATUS_OK) {
        require(value[0] == 0xa5 && value[schema->struct_size - 1] == 0xa5);
        return;
    }
    require(codec_check(schema, value) == STATUS_OK);
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    require((has_number ? message_encode(schema, value, &buffer)
                        : codec_encode(schema, value, &buffer)) == STATUS_OK);
    require(bytes_equal(buffer_bytes(&buffer), bytes));
    require(buffer.length <= schema_encoded_max(schema));
    const struct bytes copy = buffer_bytes(&buffer);
    require((has_number ? message_decode(schema, copy, again)
                        : codec_decode(schema, copy, again)) == STATUS_OK);
    require(codec_compare(schema, value, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const enum schema_group group = (enum schema_group)(data[0] % (GROUP_OWN_ROW + 1u));
    const struct schema *schema = schema_of(group, data[1]);
    const struct bytes bytes = bytes_of(data + 2, size - 2);
    uint8_t type = 0;
    const enum status typed = message_type(bytes, &type);
    if (schema != NULL) {
        check_value(schema, schema_group_has_number(group), bytes);
    }
    if (typed == STATUS_OK && message_schema(type) != NULL) {
        check_value(message_schema(type), true, bytes);
    }
    return 0;
}
