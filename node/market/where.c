#include "node/market/where.h"

#include <assert.h>
#include <string.h>

#include "node/market/filter.h"
#include "node/market/where_field.h"
#include "protocol/gpu_class.h"
#include "protocol/nearest.h"

enum { SAID_SIZE = 256 };

size_t
where_field_count(void)
{
    return where_rule_count;
}

struct where_field
where_field_at(size_t position)
{
    assert(position < where_rule_count);
    return where_rules[position].field;
}

struct where
where_start(const struct request *request, uint64_t now_s)
{
    return (struct where){.request_private = *request, .now_s_private = now_s};
}

/* A condition as it should be written, after what is wrong with the one at hand. */
static enum status
refuse(enum status status, struct buffer *why, const struct where_rule *rule, const char *sentence)
{
    if (why != NULL) {
        buffer_append_format(why, "%s: %s, like '%s%.*s%s'", rule->field.name, sentence,
                             rule->field.name, (int)strcspn(rule->field.operators, " "),
                             rule->field.operators, rule->field.example);
    }
    return status;
}

static const struct where_rule *
find_rule(struct bytes name, struct buffer *why)
{
    struct nearest nearest = nearest_start(name);
    for (size_t i = 0; i < where_rule_count; i++) {
        if (bytes_are_text(name, where_rules[i].field.name)) {
            return &where_rules[i];
        }
        nearest_offer(&nearest, where_rules[i].field.name);
    }
    where_say_nearest(why, name, "field", nearest_result(&nearest));
    return NULL;
}

/* True when the operator excludes the value itself. */
static bool
is_strict(struct bytes operation)
{
    return bytes_are_text(operation, ">") || bytes_are_text(operation, "<");
}

static bool
knows_operator(const struct where_rule *rule, struct bytes operation)
{
    const char *rest = rule->field.operators;
    while (*rest != '\0') {
        const size_t length = strcspn(rest, " ");
        if (bytes_equal(operation, bytes_of(rest, length))) {
            return true;
        }
        rest += length;
        rest += *rest == ' ';
    }
    return false;
}

/* The bounds of the request's own schema. */
static void
limits_of(const struct where_rule *rule, uint64_t *ret_minimum, uint64_t *ret_maximum)
{
    const struct field *field = schema_field(&request_schema, rule->member);
    assert(field != NULL);
    *ret_minimum = 0;
    *ret_maximum = UINT32_MAX;
    if (field->type == FIELD_NUMBER) {
        *ret_minimum = field->minimum;
        *ret_maximum = field->maximum;
    } else if (field->type == FIELD_AMOUNT) {
        *ret_minimum = 1; /* 0 would mean "any" */
        *ret_maximum = (uint64_t)AMOUNT_MICRO_MAX;
    } else if (field->type == FIELD_ENUM) {
        *ret_maximum = field->names->count - 1;
    }
}

/* Makes the bound inclusive, and checks that the request can hold it. */
static enum status
make_bound(const struct where_rule *rule, bool strict, uint64_t *value, struct buffer *why)
{
    uint64_t minimum;
    uint64_t maximum;
    limits_of(rule, &minimum, &maximum);
    if (strict && rule->bound == BOUND_AT_MOST && *value == 0) {
        return refuse(STATUS_OUT_OF_RANGE, why, rule, "nothing is below 0; write a limit");
    }
    if (strict) {
        *value = rule->bound == BOUND_AT_MOST ? *value - 1 : *value + 1;
    }
    if (*value < minimum || *value > maximum) {
        return refuse(STATUS_OUT_OF_RANGE, why, rule, "the value is out of range; write one");
    }
    return STATUS_OK;
}

static enum status
add_value(struct where *where, const struct where_rule *rule, bool strict, struct bytes value,
          struct buffer *why)
{
    char memory[SAID_SIZE];
    struct buffer said;
    uint64_t number = 0;
    enum status status;
    buffer_init(&said, memory, sizeof memory);
    if (rule->kind == WHERE_CLASSES) {
        status = where_parse_classes(value, where->request_private.classes, &said);
    } else {
        status = where_parse_value(rule, value, &number, &said);
    }
    if (status != STATUS_OK) {
        if (why != NULL) {
            buffer_append_format(why, "%s: %.*s", rule->field.name, (int)said.length, memory);
        }
        return status;
    }
    if (rule->kind == WHERE_CLASSES) {
        return STATUS_OK;
    }
    if (rule->kind == WHERE_FROM_NOW) {
        number += where->now_s_private;
    }
    status = make_bound(rule, strict, &number, why);
    if (status == STATUS_OK) {
        where_store(&where->request_private, rule, number);
    }
    return status;
}

enum status
where_add(struct where *where, struct bytes field, struct bytes operation, struct bytes value,
          struct buffer *why)
{
    const struct where_rule *rule = find_rule(field, why);
    if (rule == NULL) {
        return STATUS_NOT_FOUND;
    }
    const uint64_t bit = UINT64_C(1) << (rule - where_rules);
    if (!knows_operator(rule, operation)) {
        return refuse(STATUS_BAD_INPUT, why, rule, "this field has other operators; write it");
    }
    if ((where->given_private & bit) != 0) {
        return refuse(STATUS_EXISTS, why, rule, "given twice; write it once");
    }
    if (value.length == 0) {
        return refuse(STATUS_BAD_INPUT, why, rule, "the value is missing; write one");
    }
    const enum status status = add_value(where, rule, is_strict(operation), value, why);
    if (status == STATUS_OK) {
        where->given_private |= bit;
    }
    return status;
}

/* The bytes at *at that are, or are not, in a set of ASCII characters. */
static struct bytes
take_span(struct bytes text, size_t *at, const char *set, bool is_in)
{
    const size_t start = *at;
    while (*at < text.length && text.data[*at] != 0 &&
           (strchr(set, text.data[*at]) != NULL) == is_in) {
        (*at)++;
    }
    return bytes_of(text.data + start, *at - start);
}

enum status
where_parse(struct where *where, struct bytes text, struct buffer *why)
{
    static const char spaces[] = " \t\n";
    static const char operators[] = "<>=!~";
    size_t at = 0;
    (void)take_span(text, &at, spaces, true);
    while (at < text.length) {
        const struct bytes field = take_span(text, &at, " \t\n<>=!~", false);
        (void)take_span(text, &at, spaces, true);
        const struct bytes operation = take_span(text, &at, operators, true);
        (void)take_span(text, &at, spaces, true);
        const struct bytes value = take_span(text, &at, " \t\n<>=!~", false);
        (void)take_span(text, &at, spaces, true);
        if (field.length == 0 || (at < text.length && text.data[at] == 0)) {
            if (why != NULL) {
                buffer_append_format(why, "write conditions like 'vram>=24GiB ask<0.40'");
            }
            return STATUS_BAD_INPUT;
        }
        const enum status status = where_add(where, field, operation, value, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* A figure of the class table that a listing's own never exceeds. */
typedef uint32_t (*figure_function)(const struct gpu_class *gpu_class);

static uint32_t
fp16_of(const struct gpu_class *gpu_class)
{
    return gpu_class->fp16_gflops;
}

static uint32_t
bandwidth_of(const struct gpu_class *gpu_class)
{
    return gpu_class->bandwidth_mb_s;
}

static uint32_t
any_of(const struct gpu_class *gpu_class)
{
    (void)gpu_class;
    return UINT32_MAX;
}

/* True when some wanted card has the figure, or no card is named. */
static bool
is_reachable(const struct filter *filter, figure_function figure, uint32_t minimum)
{
    if (filter->class_zero_fits) {
        return true;
    }
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *gpu_class = gpu_class_at(i);
        const uint64_t word = filter->classes[gpu_class->number / 64];
        if ((word >> (gpu_class->number % 64) & 1) != 0 && figure(gpu_class) >= minimum) {
            return true;
        }
    }
    return false;
}

enum status
where_finish(const struct where *where, struct request *ret_request, struct buffer *why)
{
    const struct request *request = &where->request_private;
    const struct filter filter = filter_compile(request, where->now_s_private);
    const char *sentence = NULL;
    if (!is_reachable(&filter, any_of, 0)) {
        sentence = "no wanted GPU is made by a wanted vendor";
    } else if (!is_reachable(&filter, fp16_of, request->fp16_min_gflops)) {
        sentence = "no wanted GPU is that fast; lower fp16 or name another gpu";
    } else if (!is_reachable(&filter, bandwidth_of, request->bandwidth_min_mb_s)) {
        sentence = "no wanted GPU's memory is that fast; lower bandwidth or name another gpu";
    } else if (request_check(request, &sentence) == STATUS_OK) {
        *ret_request = *request;
        return STATUS_OK;
    }
    if (why != NULL) {
        buffer_append_format(why, "%s", sentence == NULL ? "the request is not valid" : sentence);
    }
    return STATUS_REFUSED;
}
