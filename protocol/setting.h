/* The settings of gpuletd: one table of names, kinds, defaults and words, read by both programs.
 *
 * On the command line a setting is --NAME VALUE, in the file NAME = VALUE. */
#ifndef GPULET_PROTOCOL_SETTING_H
#define GPULET_PROTOCOL_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/schema.h"
#include "protocol/status.h"

/* X(name, what people write) */
#define SETTING_KIND_TABLE(X)                                                                      \
    X(TEXT, "TEXT")                                                                                \
    X(PATH, "PATH")                                                                                \
    X(COUNT, "N")                                                                                  \
    X(AMOUNT, "12.50")                                                                             \
    X(SIZE, "24GiB")                                                                               \
    X(RATE, "100Mbit/s")                                                                           \
    X(REGION, "REGION")                                                                            \
    X(RULE, "RULE")                                                                                \
    X(LEVEL, "LEVEL")                                                                              \
    X(ENDPOINT, "tcp://IP:PORT")                                                                   \
    X(KEY, "HEX")                                                                                  \
    X(PEER, "ID@HOST:PORT#KEY")

enum setting_kind {
#define SETTING_KIND_ENUM(name, shown) SETTING_KIND_##name,
    SETTING_KIND_TABLE(SETTING_KIND_ENUM)
#undef SETTING_KIND_ENUM
};

struct setting {
    const char *name;
    enum setting_kind kind;
    const char *initial; /* what holds when nobody says otherwise; "" for nothing */
    uint64_t maximum;    /* of a COUNT; longest TEXT or PATH in bytes */
    bool may_repeat;
    bool is_for_tests; /* refused outside test networks */
    const char *help;  /* one line */
};

size_t setting_count(void);

/* The setting at a position of the table, 0 .. count - 1. */
const struct setting *setting_at(size_t position);

/* NULL when there is no such setting. */
const struct setting *setting_find(struct bytes name);

/* The name that was meant by one that does not exist, or NULL. */
const char *setting_nearest(struct bytes name);

/* "N", "24GiB": for help texts. */
const char *setting_kind_shown(enum setting_kind kind);

/* STATUS_OK when the text is a value of the setting; else STATUS_BAD_INPUT or STATUS_OUT_OF_RANGE,
 * and `why` (may be NULL) gets one sentence. */
enum status setting_check(const struct setting *setting, struct bytes value, struct buffer *why)
    MUST_USE;

/* True for the names of test networks: they begin with "test". */
bool network_name_is_test(struct bytes name);

/* "debug", "info", "warning", "error". */
extern const struct name_table log_level_names;

#endif
