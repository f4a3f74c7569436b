/* The field tables: one table per record, message or row drives encode, decode, limits, output and documents. */
#ifndef GPULET_PROTOCOL_SCHEMA_H
#define GPULET_PROTOCOL_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/status.h"

/* How a field stands on the wire (msgpack), and in the C struct. */
enum field_type {
    FIELD_NUMBER,     /* unsigned integer, shortest form; member uint8_t .. uint64_t           */
    FIELD_FLAG,       /* true or false; member bool                                            */
    FIELD_ENUM,       /* unsigned integer below the count of names; member uint8_t             */
    FIELD_SET,        /* unsigned integer, one bit a name; member uint32_t                     */
    FIELD_AMOUNT,     /* unsigned micro-USD up to AMOUNT_MICRO_MAX; member struct amount       */
    FIELD_BALANCE,    /* signed micro-USD; member struct amount                                */
    FIELD_FIXED,      /* bin of exactly the member's size; member an id or uint8_t[n]          */
    FIELD_BYTES,      /* bin of minimum to maximum bytes; member struct bytes                  */
    FIELD_TEXT,       /* str of minimum to maximum bytes, UTF-8 without NUL; struct bytes      */
    FIELD_BYTES_LIST, /* array of up to LIST_ITEMS_MAX bins of up to maximum bytes             */
    FIELD_TEXT_LIST,  /* array of up to LIST_ITEMS_MAX strs of up to maximum bytes             */
    FIELD_TYPE_COUNT
};

/* What a number counts, for people's tables and for the names of fields. */
enum field_unit {
    UNIT_NONE,
    UNIT_SECONDS,
    UNIT_MILLISECONDS,
    UNIT_UNIX_SECONDS,
    UNIT_UNIX_MILLISECONDS,
    UNIT_MIB,
    UNIT_BYTES,
    UNIT_UUSD,
    UNIT_UUSD_PER_HOUR,
    UNIT_BASIS_POINTS,
    UNIT_MB_PER_S,
    UNIT_MBIT_PER_S,
    UNIT_GFLOPS,
    UNIT_VERSION,    /* major * 100 + minor: 12.4 is 1204 */
    UNIT_WEEK_HOURS, /* 168 bits, bit 0 = Monday 00:00 UTC, bit n in byte n / 8, lowest first */
    UNIT_GPU_CLASS,  /* a class number of protocol/gpu_class.h */
    UNIT_COUNT
};

enum { LIST_ITEMS_MAX = 128 };

struct bytes_list {
    size_t count;
    struct bytes items[LIST_ITEMS_MAX]; /* borrowed from the decoded bytes */
};

/* Names of an enum's values (0 .. count - 1) or of a set's bits. */
struct name_table {
    const char *const *names;
    size_t count;
};

struct field {
    const char *name;
    const char *help;
    enum field_type type;
    enum field_unit unit;
    size_t offset;    /* of the member in the C struct */
    size_t size;      /* of the member in the C struct */
    uint64_t minimum; /* of a number, or of a length (an item's, of a list) in bytes */
    uint64_t maximum;
    uint64_t total; /* of a list: all items' bytes together; 0: LIST_ITEMS_MAX * maximum */
    const struct name_table *names; /* FIELD_ENUM and FIELD_SET only */
};

struct schema {
    const char *name;
    const char *help;
    uint8_t number; /* the kind of a record, the type of a message */
    size_t struct_size;
    size_t field_count;
    const struct field *fields;
};

/* Most bytes that all items of a list field have together. */
uint64_t field_total(const struct field *field);

/* Upper bound of the encoded size of any value that fits the schema, in bytes. */
size_t schema_encoded_max(const struct schema *schema);

/* The field of that name, or NULL. */
const struct field *schema_field(const struct schema *schema, const char *name);

/* The enum value or bit number of a name; STATUS_NOT_FOUND. Case matters not. */
enum status name_table_find(const struct name_table *table, struct bytes name, uint8_t *ret_value)
    MUST_USE;

/* The name of a value; "?" when the value is out of the table. */
const char *name_table_name(const struct name_table *table, uint64_t value);

/* For writing tables. T is the struct, m the member. */
/* clang-format off */
#define FIELD_MEMBER(T, m) .name = #m, .offset = offsetof(T, m), .size = sizeof(((T *)NULL)->m)
#define NUMBER_FIELD(T, m, least, most, measure, text)                                             \
    {FIELD_MEMBER(T, m), .type = FIELD_NUMBER, .unit = (measure), .minimum = (least),              \
     .maximum = (most), .help = (text)}
#define FLAG_FIELD(T, m, text) {FIELD_MEMBER(T, m), .type = FIELD_FLAG, .maximum = 1, .help = (text)}
#define ENUM_FIELD(T, m, table, text)                                                              \
    {FIELD_MEMBER(T, m), .type = FIELD_ENUM, .names = (table), .help = (text)}
#define SET_FIELD(T, m, table, text)                                                               \
    {FIELD_MEMBER(T, m), .type = FIELD_SET, .names = (table), .help = (text)}
#define AMOUNT_FIELD(T, m, measure, text)                                                          \
    {FIELD_MEMBER(T, m), .type = FIELD_AMOUNT, .unit = (measure), .help = (text)}
#define BALANCE_FIELD(T, m, measure, text)                                                         \
    {FIELD_MEMBER(T, m), .type = FIELD_BALANCE, .unit = (measure), .help = (text)}
#define FIXED_FIELD(T, m, text) {FIELD_MEMBER(T, m), .type = FIELD_FIXED, .help = (text)}
#define BYTES_FIELD(T, m, least, most, text)                                                       \
    {FIELD_MEMBER(T, m), .type = FIELD_BYTES, .minimum = (least), .maximum = (most), .help = (text)}
#define TEXT_FIELD(T, m, most, text)                                                               \
    {FIELD_MEMBER(T, m), .type = FIELD_TEXT, .maximum = (most), .help = (text)}
#define BYTES_LIST_FIELD(T, m, most, text)                                                         \
    {FIELD_MEMBER(T, m), .type = FIELD_BYTES_LIST, .maximum = (most), .help = (text)}
#define TEXT_LIST_FIELD(T, m, most, text)                                                          \
    {FIELD_MEMBER(T, m), .type = FIELD_TEXT_LIST, .maximum = (most), .help = (text)}
/* Lists whose items together stay within `most_total` bytes, each having at least one. */
#define BYTES_LIST_TOTAL_FIELD(T, m, most, most_total, text)                                       \
    {FIELD_MEMBER(T, m), .type = FIELD_BYTES_LIST, .minimum = 1, .maximum = (most),                \
     .total = (most_total), .help = (text)}
#define TEXT_LIST_TOTAL_FIELD(T, m, least, most, most_total, text)                                 \
    {FIELD_MEMBER(T, m), .type = FIELD_TEXT_LIST, .minimum = (least), .maximum = (most),           \
     .total = (most_total), .help = (text)}
#define SCHEMA(T, label, kind, table, text)                                                        \
    {.name = (label), .help = (text), .number = (kind), .struct_size = sizeof(T),                  \
     .field_count = sizeof(table) / sizeof((table)[0]), .fields = (table)}
/* clang-format on */

#endif
