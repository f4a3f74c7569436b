#include "protocol/codec.h"

#include <string.h>

#include "protocol/amount.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

/* Bytes of a struct that decode makes aside: those of every record but the ones with lists. */
enum { DECODE_SMALL_MAX = 512 };

static const void *
member_of(const struct field *field, const void *value)
{
    return (const uint8_t *)value + field->offset;
}

static uint64_t
load_number(const void *member, size_t size)
{
    uint8_t byte;
    uint16_t half;
    uint32_t word;
    uint64_t number = 0;
    switch (size) {
    case sizeof byte:
        memcpy(&byte, member, sizeof byte);
        return byte;
    case sizeof half:
        memcpy(&half, member, sizeof half);
        return half;
    case sizeof word:
        memcpy(&word, member, sizeof word);
        return word;
    default:
        memcpy(&number, member, sizeof number);
        return number;
    }
}

static void
store_number(void *member, size_t size, uint64_t number)
{
    const uint8_t byte = (uint8_t)number;
    const uint16_t half = (uint16_t)number;
    const uint32_t word = (uint32_t)number;
    switch (size) {
    case sizeof byte:
        memcpy(member, &byte, sizeof byte);
        break;
    case sizeof half:
        memcpy(member, &half, sizeof half);
        break;
    case sizeof word:
        memcpy(member, &word, sizeof word);
        break;
    default:
        memcpy(member, &number, sizeof number);
        break;
    }
}

static struct amount
load_amount(const void *member)
{
    struct amount amount;
    memcpy(&amount, member, sizeof amount);
    return amount;
}

static struct bytes
load_bytes(const void *member)
{
    struct bytes bytes;
    memcpy(&bytes, member, sizeof bytes);
    return bytes;
}

uint64_t
field_number(const struct field *field, const void *value)
{
    return load_number(member_of(field, value), field->size);
}

struct amount
field_amount(const struct field *field, const void *value)
{
    return load_amount(member_of(field, value));
}

struct bytes
field_bytes(const struct field *field, const void *value)
{
    const void *member = member_of(field, value);
    return field->type == FIELD_FIXED ? bytes_of(member, field->size) : load_bytes(member);
}

const struct bytes_list *
field_list(const struct field *field, const void *value)
{
    return member_of(field, value);
}

static enum status
check_bounds(uint64_t number, uint64_t minimum, uint64_t maximum)
{
    return number >= minimum && number <= maximum ? STATUS_OK : STATUS_OUT_OF_RANGE;
}

uint64_t
field_greatest(const struct field *field)
{
    if (field->type == FIELD_ENUM) {
        return field->names->count - 1;
    }
    if (field->type == FIELD_SET) {
        return (UINT64_C(1) << field->names->count) - 1;
    }
    return field->maximum;
}

static enum status
check_text(const struct field *field, struct bytes bytes)
{
    const enum status status = check_bounds(bytes.length, field->minimum, field->maximum);
    if (status != STATUS_OK) {
        return status;
    }
    const bool is_text = field->type == FIELD_TEXT || field->type == FIELD_TEXT_LIST;
    return is_text && !text_is_valid(bytes) ? STATUS_BAD_TEXT : STATUS_OK;
}

static enum status
check_list(const struct field *field, const struct bytes_list *list)
{
    uint64_t total = 0;
    if (list->count > LIST_ITEMS_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < list->count; i++) {
        const enum status status = check_text(field, list->items[i]);
        if (status != STATUS_OK) {
            return status;
        }
        total += list->items[i].length;
    }
    return check_bounds(total, 0, field_total(field));
}

/* Limits that a member of the struct can break; the wire's own rules are the reader's. */
static enum status
check_member(const struct field *field, const void *value)
{
    int64_t micro = 0;
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
        return check_bounds(field_number(field, value), field->minimum, field_greatest(field));
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        micro = amount_micro(field_amount(field, value));
        return micro >= (field->type == FIELD_AMOUNT ? 0 : -AMOUNT_MICRO_MAX) &&
                       micro <= AMOUNT_MICRO_MAX
                   ? STATUS_OK
                   : STATUS_OUT_OF_RANGE;
    case FIELD_BYTES:
    case FIELD_TEXT:
        return check_text(field, field_bytes(field, value));
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        return check_list(field, field_list(field, value));
    case FIELD_FLAG:
    case FIELD_FIXED:
    case FIELD_TYPE_COUNT:
        break;
    }
    return STATUS_OK;
}

enum status
codec_check(const struct schema *schema, const void *value)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const enum status status = check_member(&schema->fields[i], value);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static void
write_list(const struct field *field, const struct bytes_list *list, struct buffer *buffer)
{
    writer_array(buffer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        if (field->type == FIELD_TEXT_LIST) {
            writer_text(buffer, list->items[i]);
        } else {
            writer_bin(buffer, list->items[i]);
        }
    }
}

static void
write_member(const struct field *field, const void *value, struct buffer *buffer)
{
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
        writer_unsigned(buffer, field_number(field, value));
        break;
    case FIELD_FLAG:
        writer_flag(buffer, field_number(field, value) != 0);
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        writer_signed(buffer, amount_micro(field_amount(field, value)));
        break;
    case FIELD_FIXED:
    case FIELD_BYTES:
        writer_bin(buffer, field_bytes(field, value));
        break;
    case FIELD_TEXT:
        writer_text(buffer, field_bytes(field, value));
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        write_list(field, field_list(field, value), buffer);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

static enum status
encode(const struct schema *schema, const void *value, bool with_number, struct buffer *buffer)
{
    const enum status status = codec_check(schema, value);
    if (status != STATUS_OK) {
        return status;
    }
    writer_array(buffer, schema->field_count + (with_number ? 1 : 0));
    if (with_number) {
        writer_unsigned(buffer, schema->number);
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        write_member(&schema->fields[i], value, buffer);
    }
    return buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
}

static void
read_number(struct reader *reader, const struct field *field, void *ret_member)
{
    const uint64_t number = reader_unsigned(reader);
    if (number < field->minimum || number > field_greatest(field)) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    if (ret_member != NULL) {
        store_number(ret_member, field->size, number);
    }
}

static void
read_amount(struct reader *reader, const struct field *field, void *ret_member)
{
    struct amount amount = amount_zero();
    const int64_t micro = reader_signed(reader);
    if ((field->type == FIELD_AMOUNT && micro < 0) ||
        amount_of_micro(micro, &amount) != STATUS_OK) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    if (ret_member != NULL) {
        memcpy(ret_member, &amount, sizeof amount);
    }
}

static struct bytes
read_item(struct reader *reader, const struct field *field)
{
    const bool is_text = field->type == FIELD_TEXT || field->type == FIELD_TEXT_LIST;
    const struct bytes bytes = is_text ? reader_text(reader) : reader_bin(reader);
    const bool is_fixed = field->type == FIELD_FIXED;
    if (bytes.length < (is_fixed ? field->size : field->minimum) ||
        bytes.length > (is_fixed ? field->size : field->maximum)) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    return bytes;
}

static void
read_bytes(struct reader *reader, const struct field *field, void *ret_member)
{
    const struct bytes bytes = read_item(reader, field);
    if (ret_member == NULL || reader->status != STATUS_OK) {
        return;
    }
    if (field->type == FIELD_FIXED) {
        memcpy(ret_member, bytes.data, field->size);
    } else {
        memcpy(ret_member, &bytes, sizeof bytes);
    }
}

static void
read_list(struct reader *reader, const struct field *field, struct bytes_list *ret_list)
{
    const size_t count = reader_array(reader);
    uint64_t total = 0;
    if (count > LIST_ITEMS_MAX) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    for (size_t i = 0; i < count && reader->status == STATUS_OK; i++) {
        const struct bytes item = read_item(reader, field);
        total += item.length;
        if (ret_list != NULL) {
            ret_list->items[i] = item;
        }
    }
    if (total > field_total(field)) {
        reader_fail(reader, STATUS_OUT_OF_RANGE);
    }
    if (ret_list != NULL) {
        ret_list->count = count;
    }
}

/* `ret_member` is NULL in the pass that only looks. */
static void
read_member(struct reader *reader, const struct field *field, void *ret_member)
{
    bool flag = false;
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_ENUM:
    case FIELD_SET:
        read_number(reader, field, ret_member);
        break;
    case FIELD_FLAG:
        flag = reader_flag(reader);
        if (ret_member != NULL) {
            memcpy(ret_member, &flag, sizeof flag);
        }
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        read_amount(reader, field, ret_member);
        break;
    case FIELD_FIXED:
    case FIELD_BYTES:
    case FIELD_TEXT:
        read_bytes(reader, field, ret_member);
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        read_list(reader, field, ret_member);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

static enum status
read_value(const struct schema *schema, struct bytes bytes, bool with_number, uint8_t *ret_value)
{
    struct reader reader;
    reader_init(&reader, bytes);
    if (reader_array(&reader) != schema->field_count + (with_number ? 1 : 0)) {
        reader_fail(&reader, STATUS_OUT_OF_RANGE);
    }
    if (with_number && reader_unsigned(&reader) != schema->number) {
        reader_fail(&reader, STATUS_UNKNOWN_KIND);
    }
    for (size_t i = 0; i < schema->field_count && reader.status == STATUS_OK; i++) {
        const struct field *field = &schema->fields[i];
        read_member(&reader, field, ret_value == NULL ? NULL : ret_value + field->offset);
    }
    return reader_finish(&reader);
}

/* Nothing is written on an error: a small struct is made beside the caller's and copied; for a large
 * one, the bytes are looked through first and written in a second pass. Padding is zeroed: equal values
 * are equal bytes. */
static enum status
decode(const struct schema *schema, struct bytes bytes, bool with_number, void *ret_value)
{
    _Alignas(max_align_t) uint8_t small[DECODE_SMALL_MAX];
    const bool is_small = schema->struct_size <= sizeof small;
    if (is_small) {
        memset(small, 0, schema->struct_size);
    }
    const enum status status = read_value(schema, bytes, with_number, is_small ? small : NULL);
    if (status != STATUS_OK) {
        return status;
    }
    if (is_small) {
        memcpy(ret_value, small, schema->struct_size);
        return STATUS_OK;
    }
    memset(ret_value, 0, schema->struct_size);
    return read_value(schema, bytes, with_number, ret_value);
}

enum status
codec_encode(const struct schema *schema, const void *value, struct buffer *buffer)
{
    return encode(schema, value, false, buffer);
}

enum status
codec_decode(const struct schema *schema, struct bytes bytes, void *ret_value)
{
    return decode(schema, bytes, false, ret_value);
}

enum status
message_encode(const struct schema *schema, const void *value, struct buffer *buffer)
{
    return encode(schema, value, true, buffer);
}

enum status
message_decode(const struct schema *schema, struct bytes bytes, void *ret_value)
{
    return decode(schema, bytes, true, ret_value);
}

enum status
message_type(struct bytes bytes, uint8_t *ret_type)
{
    struct reader reader;
    reader_init(&reader, bytes);
    if (reader_array(&reader) == 0) {
        reader_fail(&reader, STATUS_OUT_OF_RANGE);
    }
    const uint64_t type = reader_unsigned(&reader);
    if (type > UINT8_MAX) {
        reader_fail(&reader, STATUS_UNKNOWN_KIND);
    }
    if (reader.status == STATUS_OK) {
        *ret_type = (uint8_t)type;
    }
    return reader.status;
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
compare_lists(const struct bytes_list *a, const struct bytes_list *b)
{
    const size_t common = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < common; i++) {
        const int order = bytes_compare(a->items[i], b->items[i]);
        if (order != 0) {
            return order;
        }
    }
    return compare_numbers(a->count, b->count);
}

static int
compare_member(const struct field *field, const void *a, const void *b)
{
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_FLAG:
    case FIELD_ENUM:
    case FIELD_SET:
        return compare_numbers(field_number(field, a), field_number(field, b));
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        return amount_compare(field_amount(field, a), field_amount(field, b));
    case FIELD_FIXED:
    case FIELD_BYTES:
    case FIELD_TEXT:
        return bytes_compare(field_bytes(field, a), field_bytes(field, b));
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        return compare_lists(field_list(field, a), field_list(field, b));
    case FIELD_TYPE_COUNT:
        break;
    }
    return 0;
}

int
codec_compare(const struct schema *schema, const void *a, const void *b)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const int order = compare_member(&schema->fields[i], a, b);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}
