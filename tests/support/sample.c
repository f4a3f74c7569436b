#include "tests/support/sample.h"

#include <assert.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/codec.h"

/* Long texts are rare enough when most lengths stay below this. */
enum { USUAL_LENGTH_MAX = 40, USUAL_COUNT_MAX = 5 };

void
sample_init(struct sample *sample, uint64_t seed, void *memory, size_t capacity)
{
    sample->state = seed;
    buffer_init(&sample->arena, memory, capacity);
}

void
sample_reuse(struct sample *sample)
{
    sample->arena.length = 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t
sample_next(struct sample *sample)
{
    sample->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = sample->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint64_t
sample_below(struct sample *sample, uint64_t limit)
{
    return limit == 0 ? 0 : sample_next(sample) % limit;
}

static uint64_t
clamp(uint64_t number, uint64_t minimum, uint64_t maximum)
{
    return number < minimum ? minimum : number > maximum ? maximum : number;
}

/* At the limits, beside a power of two (where encodings change their form), small, or anywhere. */
static uint64_t
sample_number(struct sample *sample, uint64_t minimum, uint64_t maximum)
{
    const uint64_t power = UINT64_C(1) << sample_below(sample, 64);
    switch (sample_below(sample, 8)) {
    case 0:
        return minimum;
    case 1:
        return maximum;
    case 2:
        return clamp(power - sample_below(sample, 2), minimum, maximum);
    case 3:
        return clamp(sample_below(sample, 130), minimum, maximum);
    default:
        return maximum - minimum == UINT64_MAX
                   ? sample_next(sample)
                   : minimum + sample_below(sample, maximum - minimum + 1);
    }
}

static void
store_number(const struct field *field, uint64_t number, uint8_t *ret_member)
{
    const uint8_t byte = (uint8_t)number;
    const uint16_t half = (uint16_t)number;
    const uint32_t word = (uint32_t)number;
    const void *from = field->size == 1   ? (const void *)&byte
                       : field->size == 2 ? (const void *)&half
                       : field->size == 4 ? (const void *)&word
                                          : (const void *)&number;
    memcpy(ret_member, from, field->size);
}

static struct amount
sample_amount(struct sample *sample, bool may_be_negative)
{
    struct amount amount;
    const int64_t micro = (int64_t)sample_number(sample, 0, (uint64_t)AMOUNT_MICRO_MAX);
    const enum status status = amount_of_micro(micro, &amount);
    assert(status == STATUS_OK);
    (void)status;
    return may_be_negative && sample_below(sample, 2) == 1 ? amount_negated(amount) : amount;
}

/* Appends one character of at most `room` bytes (room > 0), of one to four bytes in UTF-8. */
static void
append_character(struct sample *sample, size_t room)
{
    static const char *const long_ones[] = {"\xc3\xa9", "\xe2\x82\xac", "\xed\x9f\xbf",
                                            "\xf0\x9f\x8e\xae", "\xf4\x8f\xbf\xbf"};
    const char *pick = long_ones[sample_below(sample, sizeof long_ones / sizeof long_ones[0])];
    if (sample_below(sample, 8) == 0 && strlen(pick) <= room) {
        buffer_append(&sample->arena, pick, strlen(pick));
    } else {
        buffer_append_byte(&sample->arena, (uint8_t)(1 + sample_below(sample, 127)));
    }
}

static struct bytes
sample_bytes(struct sample *sample, const struct field *field, uint64_t maximum)
{
    const uint64_t usual = maximum < USUAL_LENGTH_MAX ? maximum : USUAL_LENGTH_MAX;
    const bool is_long = sample_below(sample, 16) == 0;
    uint64_t length = clamp(sample_number(sample, 0, is_long ? maximum : usual), field->minimum,
                            maximum < field->minimum ? field->minimum : maximum);
    struct buffer *arena = &sample->arena;
    if (length > (arena->capacity - arena->length) / 2) {
        length = field->minimum; /* something is left for the fields that follow */
    }
    assert(length <= arena->capacity - arena->length);
    const size_t start = arena->length;
    const bool is_text = field->type == FIELD_TEXT || field->type == FIELD_TEXT_LIST;
    while (arena->length - start < length) {
        if (is_text) {
            append_character(sample, (size_t)length - (arena->length - start));
        } else {
            buffer_append_byte(arena, (uint8_t)sample_next(sample));
        }
    }
    return bytes_of(arena->data + start, (size_t)length);
}

static void
sample_list(struct sample *sample, const struct field *field, struct bytes_list *ret_list)
{
    const bool is_long = sample_below(sample, 8) == 0;
    const size_t count =
        (size_t)sample_number(sample, 0, is_long ? LIST_ITEMS_MAX : USUAL_COUNT_MAX);
    uint64_t room = field_total(field);
    ret_list->count = 0;
    const struct buffer *arena = &sample->arena;
    while (ret_list->count < count && room >= field->minimum &&
           arena->capacity - arena->length > arena->capacity / 8) {
        const uint64_t most = room < field->maximum ? room : field->maximum;
        const struct bytes item = sample_bytes(sample, field, most);
        ret_list->items[ret_list->count++] = item;
        room -= item.length;
    }
}

static void
sample_fixed(struct sample *sample, const struct field *field, uint8_t *ret_member)
{
    const bool is_zero = sample_below(sample, 8) == 0;
    for (size_t i = 0; i < field->size; i++) {
        ret_member[i] = is_zero ? 0 : (uint8_t)sample_next(sample);
    }
}

static void
sample_member(struct sample *sample, const struct field *field, uint8_t *ret_member)
{
    struct bytes_list list = {0};
    struct bytes bytes;
    struct amount amount;
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_FLAG:
    case FIELD_ENUM:
    case FIELD_SET:
        store_number(field, sample_number(sample, field->minimum, field_greatest(field)),
                     ret_member);
        break;
    case FIELD_AMOUNT:
    case FIELD_BALANCE:
        amount = sample_amount(sample, field->type == FIELD_BALANCE);
        memcpy(ret_member, &amount, sizeof amount);
        break;
    case FIELD_FIXED:
        sample_fixed(sample, field, ret_member);
        break;
    case FIELD_BYTES:
    case FIELD_TEXT:
        bytes = sample_bytes(sample, field, field->maximum);
        memcpy(ret_member, &bytes, sizeof bytes);
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        sample_list(sample, field, &list);
        memcpy(ret_member, &list, sizeof list);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

void
sample_value(struct sample *sample, const struct schema *schema, void *ret_value)
{
    memset(ret_value, 0, schema->struct_size);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        sample_member(sample, field, (uint8_t *)ret_value + field->offset);
    }
}
