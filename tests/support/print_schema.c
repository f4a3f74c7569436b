#include "tests/support/print_schema.h"

#include <inttypes.h>

#include "protocol/amount.h"
#include "protocol/codec.h"

static const char *
unit_text(enum field_unit unit)
{
    static const char *const texts[UNIT_COUNT] = {
        [UNIT_NONE] = "",
        [UNIT_SECONDS] = "s",
        [UNIT_MILLISECONDS] = "ms",
        [UNIT_UNIX_SECONDS] = "unix s",
        [UNIT_UNIX_MILLISECONDS] = "unix ms",
        [UNIT_MIB] = "MiB",
        [UNIT_BYTES] = "bytes",
        [UNIT_UUSD] = "uUSD",
        [UNIT_UUSD_PER_HOUR] = "uUSD/h",
        [UNIT_BASIS_POINTS] = "1/10,000",
        [UNIT_MB_PER_S] = "MB/s",
        [UNIT_MBIT_PER_S] = "Mbit/s",
        [UNIT_GFLOPS] = "GFLOPS",
        [UNIT_VERSION] = "major * 100 + minor",
        [UNIT_WEEK_HOURS] = "hours of the week",
        [UNIT_GPU_CLASS] = "GPU class",
    };
    return texts[unit];
}

void
print_large(FILE *file, uint64_t number)
{
    for (unsigned power = 32; power <= 63; power++) {
        if (number == (UINT64_C(1) << power) - 1) {
            (void)fprintf(file, "2^%u - 1", power);
            return;
        }
    }
    if (number == UINT64_MAX) {
        (void)fputs("2^64 - 1", file);
    } else {
        (void)fprintf(file, "%" PRIu64, number);
    }
}

static void
print_type(FILE *file, const struct field *field)
{
    switch (field->type) {
    case FIELD_NUMBER:
    case FIELD_AMOUNT:
        (void)fputs("uint", file);
        break;
    case FIELD_ENUM:
        (void)fputs("uint, one of", file);
        break;
    case FIELD_SET:
        (void)fputs("uint, bits", file);
        break;
    case FIELD_FLAG:
        (void)fputs("bool", file);
        break;
    case FIELD_BALANCE:
        (void)fputs("int", file);
        break;
    case FIELD_FIXED:
    case FIELD_BYTES:
        (void)fputs("bin", file);
        break;
    case FIELD_TEXT:
        (void)fputs("str", file);
        break;
    case FIELD_BYTES_LIST:
        (void)fputs("array of bin", file);
        break;
    case FIELD_TEXT_LIST:
        (void)fputs("array of str", file);
        break;
    case FIELD_TYPE_COUNT:
        break;
    }
}

static void
print_range(FILE *file, uint64_t minimum, uint64_t maximum, const char *what)
{
    print_large(file, minimum);
    (void)fputs(" to ", file);
    print_large(file, maximum);
    (void)fputs(what, file);
}

static void
print_names(FILE *file, const struct name_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        (void)fprintf(file, "%s%zu %s", i == 0 ? "" : ", ", i, table->names[i]);
    }
}

static void
print_limits(FILE *file, const struct field *field)
{
    switch (field->type) {
    case FIELD_NUMBER:
        print_range(file, field->minimum, field->maximum, "");
        break;
    case FIELD_ENUM:
    case FIELD_SET:
        print_names(file, field->names);
        break;
    case FIELD_AMOUNT:
        print_range(file, 0, (uint64_t)AMOUNT_MICRO_MAX, "");
        break;
    case FIELD_BALANCE:
        (void)fputs("-(2^53 - 1) to 2^53 - 1", file);
        break;
    case FIELD_FIXED:
        (void)fprintf(file, "%zu bytes", field->size);
        break;
    case FIELD_BYTES:
    case FIELD_TEXT:
        print_range(file, field->minimum, field->maximum, " bytes");
        break;
    case FIELD_BYTES_LIST:
    case FIELD_TEXT_LIST:
        (void)fprintf(file, "0 to %u items of ", (unsigned)LIST_ITEMS_MAX);
        print_range(file, field->minimum, field->maximum, " bytes");
        if (field->total > 0) {
            (void)fprintf(file, ", together at most %" PRIu64, field->total);
        }
        break;
    case FIELD_FLAG:
    case FIELD_TYPE_COUNT:
        break;
    }
}

void
print_schema(FILE *file, const struct schema *schema, unsigned first)
{
    (void)fprintf(file, "%s\n\n", schema->help);
    (void)fputs("| # | field | type | limits | unit | meaning |\n|---|---|---|---|---|---|\n",
                file);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        (void)fprintf(file, "| %zu | `%s` | ", i + first, field->name);
        print_type(file, field);
        (void)fputs(" | ", file);
        print_limits(file, field);
        (void)fprintf(file, " | %s | %s |\n", unit_text(field->unit), field->help);
    }
    (void)fputs("\n", file);
}
