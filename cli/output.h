/* Rows for people and for programs, by the rows' schemas: aligned tables, or one JSON document. */
#ifndef GPULET_CLI_OUTPUT_H
#define GPULET_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/bytes.h"
#include "protocol/control.h"
#include "protocol/schema.h"
#include "protocol/status.h"

enum { CELL_SIZE = 512 };

/* A kept row: its type, and its encoded value. */
struct kept_row {
    uint8_t row;
    struct bytes value; /* owned by the answer */
};

/* Rows of an answer, in the order they came. */
struct answer {
    struct kept_row *rows;
    size_t count;
    size_t capacity;
};

/* Copies a row. STATUS_NO_MEMORY. */
enum status answer_keep(struct answer *answer, uint8_t row, struct bytes value) MUST_USE;
void answer_clear(struct answer *answer);
size_t answer_count(const struct answer *answer, uint8_t row);

/* Any view of protocol/control.h. */
union row_view {
    struct status_view status;
    struct gpu_view gpu;
    struct listing_view listing;
    struct offer_view offer;
    struct reject_view reject;
    struct rented_view rented;
    struct lease_view lease;
    struct ledger_view ledger;
    struct money_view money;
    struct receipt_view receipt;
    struct peer_view peer;
    struct market_view market;
    struct setting_view setting;
    struct request_view request;
    struct quote_view quote;
    struct charge_view charge;
    struct member_view member;
    struct freeing_view freeing;
    struct clearing_view clearing;
};

/* Decodes the n-th row of a type (from 0) into its view struct, which borrows from the answer.
 * STATUS_NOT_FOUND when there are fewer. */
enum status answer_row(const struct answer *answer, uint8_t row, size_t number,
                       union row_view *ret_view) MUST_USE;

/* The next row of a type from `*place` on (0 at first), which moves behind it; false at the end.
 * Rows that cannot be read are passed over. */
bool answer_next(const struct answer *answer, uint8_t row, size_t *place, union row_view *ret_view);

/* A column of a table: a field's name and its title. With `label`, the text of that field is shown
 * instead when it is not empty. */
struct column {
    const char *field;
    const char *title;
    const char *label;
};

/* One field for people: "0.35 USD/h", "24 GiB", "2h30m", "ab12cd34"; ids in full when `is_long`. */
void output_field(struct buffer *out, const struct field *field, const void *value, bool is_long);

/* A table with aligned columns; numbers to the right. Nothing but the header's own line is bold, and
 * only on a terminal that takes colours. No rows: no header either. */
void output_table(FILE *file, const struct answer *answer, uint8_t row,
                  const struct column *columns, size_t count);

/* All fields of one row, a line each. */
void output_fields(FILE *file, const struct schema *schema, const void *value);

/* A row as an object: names of the schema, amounts as integers, ids in hex, sets as lists. New
 * reference; NULL when memory is missing. */
json_t *output_object(const struct schema *schema, const void *value);

/* All rows of a type as an array. */
json_t *output_array(const struct answer *answer, uint8_t row);

/* Prints one document and a line feed; takes the reference. STATUS_SYSTEM. */
enum status output_document(FILE *file, json_t *document) MUST_USE;

/* True when the stream is a terminal; and when it may have colours. */
bool output_is_terminal(FILE *file);
bool output_has_colour(FILE *file);

/* Appends text of others' making for a terminal: control characters become "?". */
void output_clean(struct buffer *out, struct bytes text);

#endif
