#include "cli/value.h"

#include <string.h>

#include "protocol/environment.h"
#include "protocol/gpu_class.h"
#include "protocol/limits.h"
#include "protocol/nearest.h"
#include "protocol/quantity.h"
#include "protocol/record.h"
#include "protocol/week_hours.h"

const char *
value_kind_shown(enum value_kind kind)
{
    static const char *const shown[] = {
#define VALUE_SHOWN(name, shown) shown,
        VALUE_TABLE(VALUE_SHOWN)
#undef VALUE_SHOWN
    };
    return shown[kind];
}

const char *
value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {
#define VALUE_NAME(name, shown) #name,
        VALUE_TABLE(VALUE_NAME)
#undef VALUE_NAME
    };
    return names[kind];
}

static struct bytes
trimmed(struct bytes text)
{
    while (text.length > 0 && text.data[0] == ' ') {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && text.data[text.length - 1] == ' ') {
        text.length--;
    }
    return text;
}

bool
value_next_item(struct bytes *rest, struct bytes *ret_item)
{
    if (rest->data == NULL) {
        return false;
    }
    const uint8_t *comma = memchr(rest->data, ',', rest->length);
    const size_t length = comma == NULL ? rest->length : (size_t)(comma - rest->data);
    *ret_item = trimmed(bytes_of(rest->data, length));
    *rest = comma == NULL ? bytes_of(NULL, 0) : bytes_of(comma + 1, rest->length - length - 1);
    return true;
}

static void
append_names(struct buffer *why, const struct name_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        buffer_append_format(why, "%s%s", i == 0 ? "" : ", ", table->names[i]);
    }
}

enum status
value_read_name(const struct name_table *table, const char *what, struct bytes text,
                uint8_t *ret_value, struct buffer *why)
{
    if (name_table_find(table, text, ret_value) == STATUS_OK) {
        return STATUS_OK;
    }
    const char *nearest = nearest_name(text, table->names, table->count);
    buffer_append_format(why, "there is no %s \"%.*s\"", what, (int)text.length,
                         (const char *)text.data);
    if (nearest != NULL) {
        buffer_append_format(why, "; did you mean %s?", nearest);
    } else {
        buffer_append_format(why, "; there are: ");
        append_names(why, table);
    }
    return STATUS_BAD_INPUT;
}

enum status
value_read_set(const struct name_table *table, const char *what, const char *text,
               uint32_t *ret_set, struct buffer *why)
{
    struct bytes rest = bytes_of_text(text);
    struct bytes item;
    uint32_t set = 0;
    while (value_next_item(&rest, &item)) {
        uint8_t value;
        enum status status = value_read_name(table, what, item, &value, why);
        if (status != STATUS_OK) {
            return status;
        }
        set |= UINT32_C(1) << value;
    }
    *ret_set = set;
    return STATUS_OK;
}

static enum status
read_card_range(struct bytes item, uint64_t *mask, struct buffer *why)
{
    const uint8_t *dash = memchr(item.data, '-', item.length);
    const size_t length = dash == NULL ? item.length : (size_t)(dash - item.data);
    uint64_t first;
    uint64_t last;
    enum status status = quantity_parse_count(bytes_of(item.data, length), 63, &first, why);
    if (status != STATUS_OK) {
        return status;
    }
    last = first;
    if (dash != NULL) {
        status = quantity_parse_count(bytes_of(dash + 1, item.length - length - 1), 63, &last, why);
    }
    if (status == STATUS_OK && last < first) {
        buffer_append_format(why, "%.*s ends before it begins", (int)item.length,
                             (const char *)item.data);
        status = STATUS_BAD_INPUT;
    }
    for (uint64_t card = first; status == STATUS_OK && card <= last; card++) {
        *mask |= UINT64_C(1) << card;
    }
    return status;
}

enum status
value_read_cards(const char *text, uint64_t *ret_mask, struct buffer *why)
{
    struct bytes rest = bytes_of_text(text);
    struct bytes item;
    uint64_t mask = 0;
    while (value_next_item(&rest, &item)) {
        enum status status = read_card_range(item, &mask, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *ret_mask = mask;
    return STATUS_OK;
}

enum status
value_read_classes(const char *text, uint8_t *classes, struct buffer *why)
{
    struct bytes rest = bytes_of_text(text);
    struct bytes item;
    while (value_next_item(&rest, &item)) {
        if (gpu_class_find_family(item, classes) == STATUS_OK) {
            continue;
        }
        const char *nearest = gpu_class_nearest(item);
        buffer_append_format(why, "no GPU class is called \"%.*s\"", (int)item.length,
                             (const char *)item.data);
        if (nearest != NULL) {
            buffer_append_format(why, "; did you mean %s?", nearest);
        }
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

static enum status
check_filled(struct bytes text, struct buffer *why)
{
    if (text.length == 0) {
        buffer_append_format(why, "the value is empty");
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

static enum status
check_ask(struct bytes text, struct buffer *why)
{
    struct amount price;
    return bytes_are_text(text, "auto") ? STATUS_OK : quantity_parse_price(text, &price, why);
}

static enum status
check_number(enum value_kind kind, struct bytes text, struct buffer *why)
{
    struct amount amount;
    uint64_t count;
    uint32_t word;
    uint16_t half;
    switch ((int)kind) {
    case VALUE_PRICE:
        return quantity_parse_price(text, &amount, why);
    case VALUE_AMOUNT:
        return quantity_parse_amount(text, &amount, why);
    case VALUE_DURATION:
        return quantity_parse_seconds(text, &word, why);
    case VALUE_SIZE:
        return quantity_parse_size(text, &word, why);
    case VALUE_SHARE:
        return quantity_parse_share(text, &half, why);
    case VALUE_BANDWIDTH:
        return quantity_parse_bandwidth(text, &word, why);
    case VALUE_RATE:
        return quantity_parse_network_rate(text, &word, why);
    case VALUE_SPEED:
        return quantity_parse_speed(text, &word, why);
    case VALUE_VERSION:
        return quantity_parse_version(text, &half, why);
    case VALUE_CAPABILITY:
        return quantity_parse_capability(text, &half, why);
    case VALUE_NUMBER:
        return quantity_parse_count(text, COUNT_MAX, &count, why);
    case VALUE_COUNT:
        return quantity_parse_count(text, UINT16_MAX, &count, why);
    default:
        return STATUS_OK;
    }
}

enum status
value_check(enum value_kind kind, const char *text, struct buffer *why)
{
    const struct bytes bytes = bytes_of_text(text);
    uint32_t set;
    uint64_t mask;
    uint8_t name;
    uint8_t classes[CLASS_SET_BYTES] = {0};
    uint8_t hours[WEEK_HOURS_BYTES];
    switch ((int)kind) {
    case VALUE_TEXT:
    case VALUE_PATH:
    case VALUE_NAME:
    case VALUE_WHERE:
        return check_filled(bytes, why);
    case VALUE_ASK:
        return check_ask(bytes, why);
    case VALUE_WORK:
        return value_read_name(&work_names, "kind of work", bytes, &name, why);
    case VALUE_WORKS:
        return value_read_set(&work_names, "kind of work", text, &set, why);
    case VALUE_REGIONS:
        return value_read_set(&region_names, "region", text, &set, why);
    case VALUE_VENDORS:
        return value_read_set(&vendor_names, "vendor", text, &set, why);
    case VALUE_ISOLATION:
        return value_read_name(&isolation_names, "isolation", bytes, &name, why);
    case VALUE_CLASSES:
        return value_read_classes(text, classes, why);
    case VALUE_CARDS:
        return value_read_cards(text, &mask, why);
    case VALUE_HOURS:
        return week_hours_parse(bytes, 0, hours, why);
    case VALUE_ENVIRONMENT:
        return environment_check(bytes, why);
    default:
        return check_number(kind, bytes, why);
    }
}
