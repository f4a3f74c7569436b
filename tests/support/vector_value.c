#include "tests/support/vector_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"

json_t *
vector_of_number(uint64_t number)
{
    char text[24];
    if (number <= INT64_MAX) {
        return json_integer((json_int_t)number);
    }
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    return json_string(text);
}

json_t *
vector_of_hex(struct bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * bytes.length + 1);
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < bytes.length; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[2 * bytes.length] = '\0';
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *
of_item(enum field_type type, struct bytes bytes)
{
    const bool is_text = type == FIELD_TEXT || type == FIELD_TEXT_LIST;
    return is_text ? json_stringn(bytes.length == 0 ? "" : (const char *)bytes.data, bytes.length)
                   : vector_of_hex(bytes);
}

static json_t *
of_list(const struct field *field, const struct bytes_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        (void)json_array_append_new(array, of_item(field->type, list->items[i]));
    }
    return array;
}

static json_t *
of_member(const struct field *field, const void *value)
{
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
        return vector_of_number(field_number(field, value));
    case FIELD_FLAG:
        return json_boolean(field_number(field, value) != 0);
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        return json_integer(amount_micro(field_amount(field, value)));
    case FIELD_FIXED:
    case FIELD_BYTES:
    case FIELD_TEXT:
        return of_item(field->type, field_bytes(field, value));
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        return of_list(field, field_list(field, value));
    case FIELD_TYPE_COUNT:
        break;
    }
    return NULL;
}

json_t *
vector_of_value(const struct schema *schema, const void *value)
{
    json_t *object = json_object();
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        (void)json_object_set_new(object, field->name, of_member(field, value));
    }
    return object;
}

bool
vector_to_number(const json_t *json, uint64_t *ret_number)
{
    if (json_is_integer(json) && json_integer_value(json) >= 0) {
        *ret_number = (uint64_t)json_integer_value(json);
        return true;
    }
    const char *text = json_string_value(json);
    char *end = NULL;
    if (text == NULL) {
        return false;
    }
    *ret_number = strtoull(text, &end, 10);
    return *end == '\0' && end != text;
}

static int
digit_of(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = letter == '\0' ? NULL : strchr(digits, letter);
    return found == NULL ? -1 : (int)(found - digits);
}

struct bytes
vector_to_bytes(const json_t *json, struct buffer *arena)
{
    const char *text = json_string_value(json);
    const size_t start = arena->length;
    if (text == NULL || json_string_length(json) % 2 != 0) {
        return (struct bytes){0};
    }
    for (const char *at = text; *at != '\0'; at += 2) {
        const int high = digit_of(at[0]);
        const int low = digit_of(at[1]);
        if (high < 0 || low < 0) {
            return (struct bytes){0};
        }
        buffer_append_byte(arena, (uint8_t)(high << 4 | low));
    }
    return arena->overflowed ? (struct bytes){0}
                             : bytes_of(arena->data + start, arena->length - start);
}

static bool
to_item(const json_t *json, enum field_type type, struct buffer *arena, struct bytes *ret_bytes)
{
    if (type == FIELD_TEXT || type == FIELD_TEXT_LIST) {
        *ret_bytes = bytes_of(json_string_value(json), json_string_length(json));
        return json_is_string(json);
    }
    *ret_bytes = vector_to_bytes(json, arena);
    return ret_bytes->data != NULL;
}

static bool
to_list(const json_t *json, enum field_type type, struct buffer *arena, struct bytes_list *ret_list)
{
    if (!json_is_array(json) || json_array_size(json) > LIST_ITEMS_MAX) {
        return false;
    }
    ret_list->count = json_array_size(json);
    bool holds = true;
    for (size_t i = 0; i < ret_list->count; i++) {
        holds = holds && to_item(json_array_get(json, i), type, arena, &ret_list->items[i]);
    }
    return holds;
}

static bool
to_number(const json_t *json, const struct field *field, uint8_t *ret_member)
{
    uint64_t number = 0;
    if (field->type == FIELD_FLAG) {
        number = json_is_true(json);
    } else if (!vector_to_number(json, &number)) {
        return false;
    }
    const uint8_t byte = (uint8_t)number;
    const uint16_t half = (uint16_t)number;
    const uint32_t word = (uint32_t)number;
    const void *from = field->size == 1   ? (const void *)&byte
                       : field->size == 2 ? (const void *)&half
                       : field->size == 4 ? (const void *)&word
                                          : (const void *)&number;
    memcpy(ret_member, from, field->size);
    return true;
}

static bool
to_member(const json_t *json, const struct field *field, struct buffer *arena, uint8_t *ret_member)
{
    struct bytes bytes = {0};
    struct bytes_list list = {0};
    struct amount amount;
    bool holds = false;
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_FLAG:
    case FIELD_ENUM:
    case FIELD_SET:
        return to_number(json, field, ret_member);
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        holds = json_is_integer(json) &&
                amount_of_micro(json_integer_value(json), &amount) == STATUS_OK;
        if (holds) {
            memcpy(ret_member, &amount, sizeof amount);
        }
        return holds;
    case FIELD_FIXED:
        bytes = vector_to_bytes(json, arena);
        holds = bytes.data != NULL && bytes.length == field->size;
        if (holds) {
            memcpy(ret_member, bytes.data, bytes.length);
        }
        return holds;
    case FIELD_BYTES:
    case FIELD_TEXT:
        holds = to_item(json, field->type, arena, &bytes);
        memcpy(ret_member, &bytes, sizeof bytes);
        return holds;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        holds = to_list(json, field->type, arena, &list);
        memcpy(ret_member, &list, sizeof list);
        return holds;
    case FIELD_TYPE_COUNT:
        break;
    }
    return false;
}

bool
vector_to_value(const json_t *object, const struct schema *schema, struct buffer *arena,
                void *ret_value)
{
    memset(ret_value, 0, schema->struct_size);
    if (json_object_size(object) != schema->field_count) {
        return false;
    }
    bool holds = true;
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        const json_t *member = json_object_get(object, field->name);
        holds = holds && member != NULL &&
                to_member(member, field, arena, (uint8_t *)ret_value + field->offset);
    }
    return holds;
}
