#include "protocol/schema.h"

#include <string.h>

#include "protocol/ascii.h"

/* Longest headers: array, str and bin of msgpack with a 32-bit length; a 64-bit integer. */
enum { HEADER_BYTES_MAX = 5, INTEGER_BYTES_MAX = 9 };

uint64_t
field_total(const struct field *field)
{
    return field->total > 0 ? field->total : LIST_ITEMS_MAX * field->maximum;
}

static size_t
field_encoded_max(const struct field *field)
{
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        return INTEGER_BYTES_MAX;
    case FIELD_FLAG:
        return 1;
    case FIELD_FIXED:
        return HEADER_BYTES_MAX + field->size;
    case FIELD_BYTES:
    case FIELD_TEXT:
        return HEADER_BYTES_MAX + (size_t)field->maximum;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        return HEADER_BYTES_MAX * (1 + LIST_ITEMS_MAX) + (size_t)field_total(field);
    case FIELD_TYPE_COUNT:
        break;
    }
    return 0;
}

size_t
schema_encoded_max(const struct schema *schema)
{
    size_t sum = HEADER_BYTES_MAX + INTEGER_BYTES_MAX; /* the array, a message's number */
    for (size_t i = 0; i < schema->field_count; i++) {
        sum += field_encoded_max(&schema->fields[i]);
    }
    return sum;
}

const struct field *
schema_field(const struct schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return &schema->fields[i];
        }
    }
    return NULL;
}

static bool
is_same_word(struct bytes word, const char *name)
{
    if (strlen(name) != word.length) {
        return false;
    }
    for (size_t i = 0; i < word.length; i++) {
        if (ascii_lower(word.data[i]) != ascii_lower((uint8_t)name[i])) {
            return false;
        }
    }
    return true;
}

enum status
name_table_find(const struct name_table *table, struct bytes name, uint8_t *ret_value)
{
    for (size_t i = 0; i < table->count; i++) {
        if (is_same_word(name, table->names[i])) {
            *ret_value = (uint8_t)i;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

const char *
name_table_name(const struct name_table *table, uint64_t value)
{
    return value < table->count ? table->names[value] : "?";
}
