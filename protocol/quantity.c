#include "protocol/quantity.h"

#include <string.h>

#include "protocol/ascii.h"

enum { UNITS_MAX = 8, SHOWN_MAX = 40 };

/* A unit that may follow a number: how many of the smallest steps it is worth. */
struct unit {
    const char *name; /* "" for a bare number; NULL ends a table */
    uint64_t steps;
};

/* What a table of units parses: the words for messages, and the bounds. */
struct scale {
    const char *what;    /* "a size" */
    const char *example; /* "24GiB" */
    uint64_t maximum;    /* in steps */
    struct unit units[UNITS_MAX];
};

static enum status
refuse(enum status status, struct buffer *why, struct bytes text, const struct scale *scale)
{
    if (why != NULL) {
        const size_t shown = text.length < SHOWN_MAX ? text.length : SHOWN_MAX;
        buffer_append_format(why, "'%.*s' is %s %s; write it like '%s'", (int)shown,
                             text.length == 0 ? "" : (const char *)text.data,
                             status == STATUS_OUT_OF_RANGE ? "too large for" : "not", scale->what,
                             scale->example);
    }
    return status;
}

static struct bytes
rest_of(struct bytes text, size_t from)
{
    return bytes_of(text.data + from, text.length - from);
}

/* Takes the digits at *at into *value; STATUS_BAD_INPUT when there are none. */
static enum status
take_digits(struct bytes text, size_t *at, uint64_t *value)
{
    const size_t start = *at;
    uint64_t result = 0;
    while (*at < text.length && ascii_is_digit(text.data[*at])) {
        if (__builtin_mul_overflow(result, 10u, &result) ||
            __builtin_add_overflow(result, (uint64_t)(text.data[*at] - '0'), &result)) {
            return STATUS_OUT_OF_RANGE;
        }
        (*at)++;
    }
    if (*at == start) {
        return STATUS_BAD_INPUT;
    }
    *value = result;
    return STATUS_OK;
}

/* A number before it has a unit: whole + fraction / divisor. */
struct decimal {
    uint64_t whole;
    uint64_t fraction;
    uint64_t divisor;
};

/* Takes "12" or "12.34" at *at; at most nine decimals. */
static enum status
take_decimal(struct bytes text, size_t *at, struct decimal *ret_decimal)
{
    struct decimal decimal = {.divisor = 1};
    enum status status = take_digits(text, at, &decimal.whole);
    if (status != STATUS_OK || *at == text.length || text.data[*at] != '.') {
        *ret_decimal = decimal;
        return status;
    }
    const size_t start = ++*at;
    status = take_digits(text, at, &decimal.fraction);
    if (status != STATUS_OK || *at - start > 9) {
        return STATUS_BAD_INPUT;
    }
    for (size_t i = start; i < *at; i++) {
        decimal.divisor *= 10;
    }
    *ret_decimal = decimal;
    return STATUS_OK;
}

/* Counts a decimal in steps; STATUS_BAD_INPUT when it is no whole number of them. */
static enum status
decimal_in_steps(const struct decimal *decimal, uint64_t steps, uint64_t *ret_count)
{
    uint64_t count;
    uint64_t part;
    if (__builtin_mul_overflow(decimal->whole, steps, &count) ||
        __builtin_mul_overflow(decimal->fraction, steps, &part)) {
        return STATUS_OUT_OF_RANGE;
    }
    if (part % decimal->divisor != 0) {
        return STATUS_BAD_INPUT;
    }
    if (__builtin_add_overflow(count, part / decimal->divisor, &count)) {
        return STATUS_OUT_OF_RANGE;
    }
    *ret_count = count;
    return STATUS_OK;
}

static const struct unit *
find_unit(const struct scale *scale, struct bytes name)
{
    for (const struct unit *unit = scale->units; unit->name != NULL; unit++) {
        if (bytes_are_text(name, unit->name)) {
            return unit;
        }
    }
    return NULL;
}

/* "NUMBER UNIT" by a table, one space allowed between, to a count of steps. */
static enum status
parse_scaled(struct bytes text, const struct scale *scale, uint64_t *ret_count, struct buffer *why)
{
    struct decimal decimal;
    uint64_t count = 0;
    size_t at = 0;
    enum status status = take_decimal(text, &at, &decimal);
    if (status != STATUS_OK) {
        return refuse(status, why, text, scale);
    }
    if (at + 1 < text.length && text.data[at] == ' ') {
        at++;
    }
    const struct unit *unit = find_unit(scale, rest_of(text, at));
    if (unit == NULL) {
        return refuse(STATUS_BAD_INPUT, why, text, scale);
    }
    status = decimal_in_steps(&decimal, unit->steps, &count);
    if (status == STATUS_OK && count > scale->maximum) {
        status = STATUS_OUT_OF_RANGE;
    }
    if (status != STATUS_OK) {
        return refuse(status, why, text, scale);
    }
    *ret_count = count;
    return STATUS_OK;
}

/* The same into 32 bits; the scale's maximum is within them. */
static enum status
parse_scaled_32(struct bytes text, const struct scale *scale, uint32_t *ret_count,
                struct buffer *why)
{
    uint64_t count = 0;
    const enum status status = parse_scaled(text, scale, &count, why);
    if (status == STATUS_OK) {
        *ret_count = (uint32_t)count;
    }
    return status;
}

/* Appends count / steps with its decimals, `least` to six of them; steps is a power of ten. */
static void
print_decimal(struct buffer *out, uint64_t count, uint64_t steps, unsigned least)
{
    uint64_t rest = count % steps;
    uint64_t divisor = steps;
    buffer_append_format(out, "%llu", (unsigned long long)(count / steps));
    for (unsigned shown = 0; divisor > 1 && (rest > 0 || shown < least); shown++) {
        divisor /= 10;
        buffer_append_format(out, "%s%c", shown == 0 ? "." : "", (char)('0' + rest / divisor));
        rest %= divisor;
    }
}

static enum status
parse_money(struct bytes text, const struct scale *scale, struct amount *ret_amount,
            struct buffer *why)
{
    uint64_t micro = 0;
    const bool has_sign = text.length > 0 && text.data[0] == '$';
    const enum status status = parse_scaled(has_sign ? rest_of(text, 1) : text, scale, &micro, why);
    if (status != STATUS_OK) {
        return status;
    }
    return amount_of_micro((int64_t)micro, ret_amount);
}

enum status
quantity_parse_price(struct bytes text, struct amount *ret_uusd_per_hour, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a price per GPU-hour",
        .example = "0.35/h",
        .maximum = (uint64_t)AMOUNT_MICRO_MAX,
        .units = {{"/h", 1000000}, {"", 1000000}, {"USD/h", 1000000}, {"USD", 1000000}, {NULL, 0}}};
    return parse_money(text, &scale, ret_uusd_per_hour, why);
}

enum status
quantity_parse_amount(struct bytes text, struct amount *ret_amount, struct buffer *why)
{
    static const struct scale scale = {.what = "an amount of money",
                                       .example = "12.50",
                                       .maximum = (uint64_t)AMOUNT_MICRO_MAX,
                                       .units = {{"", 1000000}, {"USD", 1000000}, {NULL, 0}}};
    return parse_money(text, &scale, ret_amount, why);
}

static void
print_money(struct buffer *out, struct amount amount)
{
    const int64_t micro = amount_micro(amount);
    buffer_append_format(out, "%s", micro < 0 ? "-" : "");
    print_decimal(out, (uint64_t)(micro < 0 ? -micro : micro), 1000000, 2);
}

void
quantity_print_price(struct buffer *out, struct amount uusd_per_hour)
{
    print_money(out, uusd_per_hour);
    buffer_append_format(out, " USD/h");
}

void
quantity_print_amount(struct buffer *out, struct amount amount)
{
    print_money(out, amount);
    buffer_append_format(out, " USD");
}

static const struct unit duration_units[] = {{"w", 604800000}, {"d", 86400000}, {"h", 3600000},
                                             {"m", 60000},     {"s", 1000},     {"ms", 1}};
enum {
    DURATION_UNITS = sizeof duration_units / sizeof duration_units[0],
    DURATION_DAY = 1 /* printing starts here: "14d" is read more easily than "2w" */
};

/* Ten years: beyond it a number is a mistake. */
static const struct scale duration_scale = {
    .what = "a duration", .example = "2h30m", .maximum = 315360000000, .units = {{NULL, 0}}};

/* Takes the letters at *at: the position in duration_units, which must come after `after`. */
static enum status
take_duration_unit(struct bytes text, size_t *at, size_t after, size_t *ret_unit)
{
    const size_t start = *at;
    while (*at < text.length && !ascii_is_digit(text.data[*at])) {
        (*at)++;
    }
    const struct bytes name = bytes_of(text.data + start, *at - start);
    for (size_t i = after; i < DURATION_UNITS; i++) {
        if (bytes_are_text(name, duration_units[i].name)) {
            *ret_unit = i;
            return STATUS_OK;
        }
    }
    return STATUS_BAD_INPUT;
}

enum status
quantity_parse_duration(struct bytes text, struct duration *ret_duration, struct buffer *why)
{
    uint64_t total = 0;
    size_t at = 0;
    size_t next_unit = 0;
    enum status status = text.length == 0 ? STATUS_BAD_INPUT : STATUS_OK;
    while (status == STATUS_OK && at < text.length) {
        uint64_t number = 0;
        size_t unit = 0;
        status = take_digits(text, &at, &number);
        if (status == STATUS_OK) {
            status = take_duration_unit(text, &at, next_unit, &unit);
        }
        if (status == STATUS_OK &&
            (__builtin_mul_overflow(number, duration_units[unit].steps, &number) ||
             __builtin_add_overflow(total, number, &total) || total > duration_scale.maximum)) {
            status = STATUS_OUT_OF_RANGE;
        }
        next_unit = unit + 1;
    }
    if (status != STATUS_OK) {
        return refuse(status, why, text, &duration_scale);
    }
    *ret_duration = duration_of_ms((int64_t)total);
    return STATUS_OK;
}

enum status
quantity_parse_seconds(struct bytes text, uint32_t *ret_seconds, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a duration in whole seconds", .example = "90s", .units = {{NULL, 0}}};
    struct duration duration;
    const enum status status = quantity_parse_duration(text, &duration, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (duration.ms % 1000 != 0) {
        return refuse(STATUS_BAD_INPUT, why, text, &scale);
    }
    /* Ten years of seconds are within 32 bits. */
    *ret_seconds = (uint32_t)(duration.ms / 1000);
    return STATUS_OK;
}

void
quantity_print_duration(struct buffer *out, struct duration duration)
{
    const bool is_negative = duration.ms < 0;
    uint64_t rest = is_negative ? 0 - (uint64_t)duration.ms : (uint64_t)duration.ms;
    if (rest == 0) {
        buffer_append_format(out, "0s");
        return;
    }
    buffer_append_format(out, "%s", is_negative ? "-" : "");
    for (size_t i = DURATION_DAY; i < DURATION_UNITS; i++) {
        const uint64_t number = rest / duration_units[i].steps;
        rest %= duration_units[i].steps;
        if (number > 0) {
            buffer_append_format(out, "%llu%s", (unsigned long long)number, duration_units[i].name);
        }
    }
}

enum status
quantity_parse_size(struct bytes text, uint32_t *ret_mib, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a size",
        .example = "24GiB",
        .maximum = UINT32_MAX,
        .units = {{"MiB", 1}, {"GiB", 1024}, {"TiB", 1048576}, {NULL, 0}}};
    return parse_scaled_32(text, &scale, ret_mib, why);
}

void
quantity_print_size(struct buffer *out, uint32_t mib)
{
    static const struct unit units[] = {{"TiB", 1048576}, {"GiB", 1024}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const uint64_t hundredths = (uint64_t)mib * 100;
        if (mib >= units[i].steps && hundredths % units[i].steps == 0) {
            print_decimal(out, hundredths / units[i].steps, 100, 0);
            buffer_append_format(out, " %s", units[i].name);
            return;
        }
    }
    buffer_append_format(out, "%lu MiB", (unsigned long)mib);
}

enum status
quantity_parse_share(struct bytes text, uint16_t *ret_basis_points, struct buffer *why)
{
    static const struct scale scale = {.what = "a percentage",
                                       .example = "95%",
                                       .maximum = 10000,
                                       .units = {{"", 100}, {"%", 100}, {NULL, 0}}};
    uint64_t basis_points = 0;
    const enum status status = parse_scaled(text, &scale, &basis_points, why);
    if (status == STATUS_OK) {
        *ret_basis_points = (uint16_t)basis_points;
    }
    return status;
}

void
quantity_print_share(struct buffer *out, uint16_t basis_points)
{
    print_decimal(out, basis_points, 100, 0);
    buffer_append_format(out, " %%");
}

enum status
quantity_parse_bandwidth(struct bytes text, uint32_t *ret_mb_s, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a bandwidth",
        .example = "800GB/s",
        .maximum = UINT32_MAX,
        .units = {{"", 1000}, {"GB/s", 1000}, {"MB/s", 1}, {"TB/s", 1000000}, {NULL, 0}}};
    return parse_scaled_32(text, &scale, ret_mb_s, why);
}

void
quantity_print_bandwidth(struct buffer *out, uint32_t mb_s)
{
    print_decimal(out, mb_s, 1000, 0);
    buffer_append_format(out, " GB/s");
}

enum status
quantity_parse_network_rate(struct bytes text, uint32_t *ret_mbit_s, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a network rate",
        .example = "100Mbit/s",
        .maximum = UINT32_MAX,
        .units = {{"", 1}, {"Mbit/s", 1}, {"Gbit/s", 1000}, {"Tbit/s", 1000000}, {NULL, 0}}};
    return parse_scaled_32(text, &scale, ret_mbit_s, why);
}

void
quantity_print_network_rate(struct buffer *out, uint32_t mbit_s)
{
    if (mbit_s < 1000) {
        buffer_append_format(out, "%lu Mbit/s", (unsigned long)mbit_s);
        return;
    }
    print_decimal(out, mbit_s, 1000, 0);
    buffer_append_format(out, " Gbit/s");
}

enum status
quantity_parse_speed(struct bytes text, uint32_t *ret_gflops, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a speed",
        .example = "100TFLOPS",
        .maximum = UINT32_MAX,
        .units = {{"", 1000}, {"TFLOPS", 1000}, {"GFLOPS", 1}, {"PFLOPS", 1000000}, {NULL, 0}}};
    return parse_scaled_32(text, &scale, ret_gflops, why);
}

void
quantity_print_speed(struct buffer *out, uint32_t gflops)
{
    print_decimal(out, gflops, 1000, 0);
    buffer_append_format(out, " TFLOPS");
}

static const struct scale version_scale = {
    .what = "a version", .example = "12.4", .units = {{NULL, 0}}};

enum status
quantity_parse_version(struct bytes text, uint16_t *ret_version, struct buffer *why)
{
    uint64_t major = 0;
    uint64_t minor = 0;
    size_t at = 0;
    enum status status = take_digits(text, &at, &major);
    if (status == STATUS_OK && at < text.length && text.data[at] == '.') {
        at++;
        status = take_digits(text, &at, &minor);
    }
    if (status == STATUS_OK && at != text.length) {
        status = STATUS_BAD_INPUT;
    }
    if (status == STATUS_OK && (major > UINT16_MAX / 100 - 1 || minor > 99)) {
        status = STATUS_OUT_OF_RANGE;
    }
    if (status != STATUS_OK) {
        return refuse(status, why, text, &version_scale);
    }
    *ret_version = (uint16_t)(major * 100 + minor);
    return STATUS_OK;
}

void
quantity_print_version(struct buffer *out, uint16_t version)
{
    buffer_append_format(out, "%u.%u", version / 100u, version % 100u);
}

/* The value of a small hexadecimal digit; 16 for anything else. */
static unsigned
hex_digit(uint8_t byte)
{
    if (ascii_is_digit(byte)) {
        return (unsigned)(byte - '0');
    }
    return byte >= 'a' && byte <= 'f' ? (unsigned)(byte - 'a') + 10 : 16;
}

enum status
quantity_parse_capability(struct bytes text, uint16_t *ret_capability, struct buffer *why)
{
    static const struct scale scale = {
        .what = "a compute capability", .example = "8.9' or 'gfx1100", .units = {{NULL, 0}}};
    const struct bytes start = bytes_of_text("gfx");
    if (text.length < start.length || !bytes_equal(bytes_of(text.data, start.length), start)) {
        return quantity_parse_version(text, ret_capability, why);
    }
    unsigned number = 0;
    bool is_number = text.length >= start.length + 3 && text.length <= start.length + 4;
    for (size_t i = start.length; is_number && i < text.length; i++) {
        const unsigned digit = hex_digit(text.data[i]);
        is_number = digit < 16;
        number = number * 16 + digit;
    }
    if (!is_number) {
        return refuse(STATUS_BAD_INPUT, why, text, &scale);
    }
    *ret_capability = (uint16_t)number;
    return STATUS_OK;
}

enum status
quantity_parse_count(struct bytes text, uint64_t maximum, uint64_t *ret_count, struct buffer *why)
{
    const struct scale scale = {.what = "a whole number",
                                .example = "4",
                                .maximum = maximum,
                                .units = {{"", 1}, {NULL, 0}}};
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '.') {
            return refuse(STATUS_BAD_INPUT, why, text, &scale);
        }
    }
    return parse_scaled(text, &scale, ret_count, why);
}
