/* What people want, as text: "vram>=24GiB ask<0.40 reliability>=95 gpu=rtx4090,rtx3090". One table of
 * fields serves the strict grammar, the command line's flags and the help. */
#ifndef GPULET_NODE_MARKET_WHERE_H
#define GPULET_NODE_MARKET_WHERE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/record.h"
#include "protocol/status.h"

/* A field as the help shows it; static texts. */
struct where_field {
    const char *name;      /* "vram" */
    const char *operators; /* ">= >" */
    const char *example;   /* "24GiB" */
    const char *help;
};

size_t where_field_count(void);
struct where_field where_field_at(size_t position);

/* A request that grows by conditions. Begin with where_start, end with where_finish. */
struct where {
    struct request request_private;
    uint64_t given_private; /* fields that have their condition */
    uint64_t now_s_private;
};

/* Starts from a request with nothing wanted yet (request_default, or with other fields of one's own). */
struct where where_start(const struct request *request, uint64_t now_s);

/* Adds one condition. STATUS_NOT_FOUND for an unknown field; STATUS_BAD_INPUT for an operator the
 * field does not know or a value that cannot be read; STATUS_OUT_OF_RANGE; STATUS_EXISTS when the
 * field was given before. One plain sentence, with the nearest name where there is one, is appended
 * to `why` (may be NULL). */
enum status where_add(struct where *where, struct bytes field, struct bytes operation,
                      struct bytes value, struct buffer *why) MUST_USE;

/* Adds every condition of a text: FIELD OPERATOR VALUE, spaces between conditions, and allowed around
 * an operator; values have none. As where_add; STATUS_BAD_INPUT for anything else. */
enum status where_parse(struct where *where, struct bytes text, struct buffer *why) MUST_USE;

/* The request. STATUS_REFUSED with a sentence when its conditions contradict each other: no card can
 * ever meet them. */
enum status where_finish(const struct where *where, struct request *ret_request, struct buffer *why)
    MUST_USE;

#endif
