/* The kinds of values that options take, and how each is checked and read. */
#ifndef GPULET_CLI_VALUE_H
#define GPULET_CLI_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/schema.h"
#include "protocol/status.h"

/* X(name, shown in help) */
#define VALUE_TABLE(X)                                                                             \
    X(NONE, "")                                                                                    \
    X(TEXT, "TEXT")                                                                                \
    X(PATH, "PATH")                                                                                \
    X(NAME, "NAME")                                                                                \
    X(PRICE, "0.35/h")                                                                             \
    X(ASK, "0.35/h|auto")                                                                          \
    X(AMOUNT, "12.50")                                                                             \
    X(DURATION, "2h30m")                                                                           \
    X(SIZE, "24GiB")                                                                               \
    X(SHARE, "95%")                                                                                \
    X(BANDWIDTH, "800GB/s")                                                                        \
    X(RATE, "100Mbit/s")                                                                           \
    X(SPEED, "100TFLOPS")                                                                          \
    X(VERSION, "12.4")                                                                             \
    X(CAPABILITY, "8.9")                                                                           \
    X(NUMBER, "N")                                                                                 \
    X(COUNT, "N")                                                                                  \
    X(WORK, "WORK")                                                                                \
    X(WORKS, "WORK,...")                                                                           \
    X(REGIONS, "REGION,...")                                                                       \
    X(VENDORS, "VENDOR,...")                                                                       \
    X(CLASSES, "GPU,...")                                                                          \
    X(ISOLATION, "LEVEL")                                                                          \
    X(CARDS, "N,...")                                                                              \
    X(HOURS, "'mon-fri 09:00-17:00'")                                                              \
    X(ENVIRONMENT, "NAME=VALUE")                                                                   \
    X(WHERE, "'FIELD OP VALUE ...'")

enum value_kind {
#define VALUE_ENUM(name, shown) VALUE_##name,
    VALUE_TABLE(VALUE_ENUM)
#undef VALUE_ENUM
        VALUE_KIND_COUNT
};

/* As a placeholder in help: "24GiB"; "" for VALUE_NONE. */
const char *value_kind_shown(enum value_kind kind);

/* "price", for the catalogue. */
const char *value_kind_name(enum value_kind kind);

/* STATUS_BAD_INPUT with one sentence in `why` when the text is no such value. */
enum status value_check(enum value_kind kind, const char *text, struct buffer *why) MUST_USE;

/* One bit a name of a comma-separated list, "infer,train". STATUS_BAD_INPUT, with the nearest name. */
enum status value_read_set(const struct name_table *table, const char *what, const char *text,
                           uint32_t *ret_set, struct buffer *why) MUST_USE;

/* One name. STATUS_BAD_INPUT, with the nearest name. */
enum status value_read_name(const struct name_table *table, const char *what, struct bytes text,
                            uint8_t *ret_value, struct buffer *why) MUST_USE;

/* A mask of card numbers below 64: "0,2,3" or "0-3". */
enum status value_read_cards(const char *text, uint64_t *ret_mask, struct buffer *why) MUST_USE;

/* Classes of a comma-separated list, added to the set. STATUS_BAD_INPUT, with the nearest name. */
enum status value_read_classes(const char *text, uint8_t *classes, struct buffer *why) MUST_USE;

/* Takes the next item of a comma-separated list off the front of `rest`; false at the end. Blanks
 * around items are cut. */
bool value_next_item(struct bytes *rest, struct bytes *ret_item);

#endif
