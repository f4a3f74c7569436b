/* A table of words for people, where no schema has the rows: aligned columns, bold header. */
#ifndef GPULET_CLI_TEXT_TABLE_H
#define GPULET_CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/bytes.h"

enum { TEXT_COLUMNS_MAX = 12, TEXT_CELL_SIZE = 128 };

struct text_column {
    const char *title;
    bool is_right;
};

struct text_row {
    char cells[TEXT_COLUMNS_MAX][TEXT_CELL_SIZE];
};

/* Rows in the order they were added; columns are borrowed. */
struct text_table {
    const struct text_column *columns;
    size_t column_count;
    struct text_row *rows;
    size_t count;
    size_t capacity;
    bool lacks_memory; /* some row is missing: nothing is printed */
};

void text_table_init(struct text_table *table, const struct text_column *columns, size_t count);
void text_table_clear(struct text_table *table);

/* A new, empty row. Without memory one that is never printed. */
void text_table_row(struct text_table *table);

/* Sets a cell of the last row; what is too long is cut. */
void text_table_set(struct text_table *table, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints header and rows; false when memory was missing. */
bool text_table_print(FILE *file, const struct text_table *table);

/* Digits in groups of three: "432,000". */
void text_print_count(struct buffer *out, uint64_t count);

#endif
