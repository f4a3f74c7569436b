#include "cli/field_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/output.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/quantity.h"
#include "protocol/week_hours.h"

enum { SHORT_ID_DIGITS = 10, TITLE_SIZE = 64 };

static const char *
unit_ending(enum field_unit unit)
{
    static const char *const endings[UNIT_COUNT] = {
        [UNIT_SECONDS] = "_s",
        [UNIT_MILLISECONDS] = "_ms",
        [UNIT_UNIX_SECONDS] = "_s",
        [UNIT_UNIX_MILLISECONDS] = "_ms",
        [UNIT_MIB] = "_mib",
        [UNIT_UUSD] = "_uusd",
        [UNIT_UUSD_PER_HOUR] = "_uusd_per_hour",
        [UNIT_BASIS_POINTS] = "_bp",
        [UNIT_MB_PER_S] = "_mb_s",
        [UNIT_MBIT_PER_S] = "_mbit_s",
        [UNIT_GFLOPS] = "_gflops",
    };
    return endings[unit] == NULL ? "" : endings[unit];
}

void
field_title(const struct field *field, char *title, size_t size)
{
    const char *ending = unit_ending(field->unit);
    size_t length = strlen(field->name);
    const size_t tail = strlen(ending);
    if (tail > 0 && length > tail && strcmp(field->name + length - tail, ending) == 0) {
        length -= tail;
    }
    length = length < size ? length : size - 1;
    for (size_t i = 0; i < length; i++) {
        title[i] = field->name[i] == '_' ? ' ' : field->name[i];
    }
    title[length] = '\0';
}

size_t
field_title_length(const struct field *field)
{
    char title[TITLE_SIZE];
    field_title(field, title, sizeof title);
    return strlen(title);
}

void
output_clean(struct buffer *out, struct bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        const bool is_control =
            text.data[i] < 0x20 || text.data[i] == 0x7f ||
            (text.data[i] == 0xc2 && i + 1 < text.length && text.data[i + 1] < 0xa0);
        buffer_append_byte(out, is_control ? '?' : text.data[i]);
        i += text.data[i] == 0xc2 && is_control ? 1 : 0;
    }
}

static void
print_time(struct buffer *out, uint64_t unix_s)
{
    const time_t at = (time_t)unix_s;
    struct tm local;
    char text[64];
    if (unix_s == 0 || localtime_r(&at, &local) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local) == 0) {
        buffer_append_format(out, "-");
    } else {
        buffer_append_format(out, "%s", text);
    }
}

static void
print_class(struct buffer *out, uint64_t number)
{
    const struct gpu_class *class = gpu_class_by_number((uint16_t)number);
    buffer_append_format(out, "%s", class == NULL ? "-" : class->name);
}

static void
print_number(struct buffer *out, enum field_unit unit, uint64_t number)
{
    switch (unit) {
    case UNIT_SECONDS:
        quantity_print_duration(out, duration_of_s((int64_t)number));
        break;
    case UNIT_MILLISECONDS:
        quantity_print_duration(out, duration_of_ms((int64_t)number));
        break;
    case UNIT_UNIX_SECONDS:
        print_time(out, number);
        break;
    case UNIT_UNIX_MILLISECONDS:
        print_time(out, number / 1000);
        break;
    case UNIT_MIB:
        quantity_print_size(out, (uint32_t)number);
        break;
    case UNIT_BASIS_POINTS:
        quantity_print_share(out, (uint16_t)number);
        break;
    case UNIT_MB_PER_S:
        quantity_print_bandwidth(out, (uint32_t)number);
        break;
    case UNIT_MBIT_PER_S:
        quantity_print_network_rate(out, (uint32_t)number);
        break;
    case UNIT_GFLOPS:
        quantity_print_speed(out, (uint32_t)number);
        break;
    case UNIT_VERSION:
        quantity_print_version(out, (uint16_t)number);
        break;
    case UNIT_GPU_CLASS:
        print_class(out, number);
        break;
    case UNIT_NONE:
    case UNIT_BYTES:
    case UNIT_UUSD:
    case UNIT_UUSD_PER_HOUR:
    case UNIT_WEEK_HOURS:
    case UNIT_COUNT:
        buffer_append_format(out, "%" PRIu64, number);
        break;
    }
}

static void
print_money(struct buffer *out, const struct field *field, const void *value)
{
    const struct amount amount = field_amount(field, value);
    if (field->unit == UNIT_UUSD_PER_HOUR && amount_is_zero(amount)) {
        buffer_append_format(out, "-");
    } else if (amount_micro(amount) == AMOUNT_MICRO_MAX) {
        buffer_append_format(out, "no limit");
    } else if (field->unit == UNIT_UUSD_PER_HOUR) {
        quantity_print_price(out, amount);
    } else {
        quantity_print_amount(out, amount);
    }
}

static void
append_hex(struct buffer *out, struct bytes bytes, size_t digits)
{
    for (size_t i = 0; i < bytes.length && 2 * i < digits; i++) {
        buffer_append_format(out, "%02x", bytes.data[i]);
    }
}

static bool
is_zero(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static void
print_fixed(struct buffer *out, const struct field *field, const void *value, bool is_long)
{
    const struct bytes bytes = field_bytes(field, value);
    if (field->unit == UNIT_WEEK_HOURS) {
        week_hours_print(out, bytes.data, 0);
    } else if (is_zero(bytes)) {
        buffer_append_format(out, "-");
    } else {
        append_hex(out, bytes, is_long ? 2 * bytes.length : SHORT_ID_DIGITS);
    }
}

static void
print_set(struct buffer *out, const struct field *field, const void *value)
{
    const uint64_t set = field_number(field, value);
    const char *before = "";
    for (size_t i = 0; i < field->names->count; i++) {
        if ((set >> i & 1) != 0) {
            buffer_append_format(out, "%s%s", before, field->names->names[i]);
            before = ",";
        }
    }
    buffer_append_format(out, "%s", *before == '\0' ? "-" : "");
}

static void
print_list(struct buffer *out, const struct field *field, const void *value)
{
    const struct bytes_list *list = field_list(field, value);
    if (field->type == FIELD_BYTES_LIST) {
        buffer_append_format(out, "%zu items", list->count);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        buffer_append_format(out, "%s", i == 0 ? "" : ",");
        output_clean(out, list->items[i]);
    }
}

void
output_field(struct buffer *out, const struct field *field, const void *value, bool is_long)
{
    switch (field->type) {
    case FIELD_NUMBER:
        print_number(out, field->unit, field_number(field, value));
        break;
    case FIELD_FLAG:
        buffer_append_format(out, "%s", field_number(field, value) != 0 ? "yes" : "no");
        break;
    case FIELD_ENUM:
        buffer_append_format(out, "%s", name_table_name(field->names, field_number(field, value)));
        break;
    case FIELD_SET:
        print_set(out, field, value);
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        print_money(out, field, value);
        break;
    case FIELD_FIXED:
        print_fixed(out, field, value, is_long);
        break;
    case FIELD_BYTES:
        buffer_append_format(out, "%zu bytes", field_bytes(field, value).length);
        break;
    case FIELD_TEXT:
        output_clean(out, field_bytes(field, value));
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        print_list(out, field, value);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

static json_t *
text_json(struct bytes text)
{
    return json_stringn(text.length == 0 ? "" : (const char *)text.data, text.length);
}

static json_t *
hex_json(struct bytes bytes)
{
    const size_t digits = 2 * bytes.length;
    char *memory = malloc(digits + 1);
    if (memory == NULL) {
        return NULL;
    }
    struct buffer hex;
    buffer_init(&hex, memory, digits + 1);
    append_hex(&hex, bytes, digits);
    json_t *text = text_json(buffer_bytes(&hex));
    free(memory);
    return text;
}

static json_t *
number_json(const struct field *field, const void *value)
{
    const uint64_t number = field_number(field, value);
    char memory[CELL_SIZE];
    struct buffer text;
    if (field->unit == UNIT_GPU_CLASS) {
        const struct gpu_class *class = gpu_class_by_number((uint16_t)number);
        return class == NULL ? json_null() : json_string(class->name);
    }
    if (number <= INT64_MAX) {
        return json_integer((json_int_t)number);
    }
    buffer_init(&text, memory, sizeof memory);
    buffer_append_format(&text, "%" PRIu64, number);
    return text_json(buffer_bytes(&text));
}

static json_t *
set_json(const struct field *field, const void *value)
{
    json_t *list = json_array();
    const uint64_t set = field_number(field, value);
    for (size_t i = 0; list != NULL && i < field->names->count; i++) {
        if ((set >> i & 1) != 0) {
            json_array_append_new(list, json_string(field->names->names[i]));
        }
    }
    return list;
}

static json_t *
list_json(const struct field *field, const void *value)
{
    const struct bytes_list *items = field_list(field, value);
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < items->count; i++) {
        json_array_append_new(list, field->type == FIELD_TEXT_LIST ? text_json(items->items[i])
                                                                   : hex_json(items->items[i]));
    }
    return list;
}

static json_t *
fixed_json(const struct field *field, const void *value)
{
    char memory[CELL_SIZE];
    struct buffer text;
    const struct bytes bytes = field_bytes(field, value);
    if (field->unit != UNIT_WEEK_HOURS) {
        return hex_json(bytes);
    }
    buffer_init(&text, memory, sizeof memory);
    week_hours_print(&text, bytes.data, 0);
    return text.overflowed ? hex_json(bytes) : text_json(buffer_bytes(&text));
}

static json_t *
field_json(const struct field *field, const void *value)
{
    switch (field->type) {
    case FIELD_NUMBER:
        return number_json(field, value);
    case FIELD_FLAG:
        return json_boolean(field_number(field, value) != 0);
    case FIELD_ENUM:
        return json_string(name_table_name(field->names, field_number(field, value)));
    case FIELD_SET:
        return set_json(field, value);
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        return json_integer((json_int_t)amount_micro(field_amount(field, value)));
    case FIELD_FIXED:
        return fixed_json(field, value);
    case FIELD_BYTES:
        return hex_json(field_bytes(field, value));
    case FIELD_TEXT:
        return text_json(field_bytes(field, value));
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        return list_json(field, value);
    case FIELD_TYPE_COUNT:
        break;
    }
    return json_null();
}

json_t *
output_object(const struct schema *schema, const void *value)
{
    json_t *object = json_object();
    for (size_t i = 0; object != NULL && i < schema->field_count; i++) {
        if (json_object_set_new(object, schema->fields[i].name,
                                field_json(&schema->fields[i], value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}
