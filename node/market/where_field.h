/* The table behind node/market/where.h: how each field is written, and which member it sets. Only the
 * two sources of where include this. */
#ifndef GPULET_NODE_MARKET_WHERE_FIELD_H
#define GPULET_NODE_MARKET_WHERE_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "node/market/where.h"
#include "protocol/schema.h"

/* How the value of a field is written. */
enum where_kind {
    WHERE_SIZE,
    WHERE_SPEED,
    WHERE_BANDWIDTH,
    WHERE_NETWORK_RATE,
    WHERE_VERSION,
    WHERE_CAPABILITY,
    WHERE_SHARE,
    WHERE_SECONDS,
    WHERE_FROM_NOW, /* a duration that becomes a time */
    WHERE_NUMBER,
    WHERE_PRICE,
    WHERE_AMOUNT,
    WHERE_CLASSES, /* a list of names with commas */
    WHERE_NAME,    /* one name of a table */
    WHERE_SET,     /* a list of names of a table */
    WHERE_YES_NO
};

/* How a condition bounds its field. */
enum where_bound { BOUND_AT_LEAST, BOUND_AT_MOST, BOUND_EQUAL };

struct where_rule {
    struct where_field field;
    enum where_kind kind;
    enum where_bound bound;
    const char *member; /* of struct request */
    size_t offset;
    size_t size;
    const struct name_table *names;
};

extern const struct where_rule where_rules[];
extern const size_t where_rule_count;

/* Reads a value that becomes one number (any kind but WHERE_CLASSES). STATUS_BAD_INPUT or
 * STATUS_OUT_OF_RANGE with a sentence. */
enum status where_parse_value(const struct where_rule *rule, struct bytes text, uint64_t *ret_value,
                              struct buffer *why) MUST_USE;

/* Reads a list of cards and their families. STATUS_BAD_INPUT with a sentence. */
enum status where_parse_classes(struct bytes text, uint8_t ret_classes[CLASS_SET_BYTES],
                                struct buffer *why) MUST_USE;

/* Sets the member; the value is within the schema's limits. */
void where_store(struct request *request, const struct where_rule *rule, uint64_t value);

/* Appends "there is no WHAT 'TEXT'" and the nearest name, when there is one. */
void where_say_nearest(struct buffer *why, struct bytes text, const char *what,
                       const char *nearest);

#endif
