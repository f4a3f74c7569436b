#include "cli/text_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

void
text_table_init(struct text_table *table, const struct text_column *columns, size_t count)
{
    *table = (struct text_table){.columns = columns, .column_count = count};
}

void
text_table_clear(struct text_table *table)
{
    free(table->rows);
    table->rows = NULL;
    table->count = 0;
    table->capacity = 0;
}

void
text_table_row(struct text_table *table)
{
    if (table->count == table->capacity) {
        const size_t capacity = table->capacity == 0 ? 32 : 2 * table->capacity;
        struct text_row *rows = realloc(table->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            table->lacks_memory = true;
            return;
        }
        table->rows = rows;
        table->capacity = capacity;
    }
    memset(&table->rows[table->count++], 0, sizeof table->rows[0]);
}

void
text_table_set(struct text_table *table, size_t column, const char *format, ...)
{
    if (table->count == 0 || table->lacks_memory || column >= table->column_count) {
        return;
    }
    va_list values;
    va_start(values, format);
    vsnprintf(table->rows[table->count - 1].cells[column], TEXT_CELL_SIZE, format, values);
    va_end(values);
}

static void
print_cell(FILE *file, const struct text_table *table, size_t column, const char *text, int width)
{
    const bool is_last = column + 1 == table->column_count;
    if (table->columns[column].is_right) {
        fprintf(file, "%*s", width, text);
    } else {
        fprintf(file, "%-*s", is_last ? 0 : width, text);
    }
    fputs(is_last ? "\n" : "  ", file);
}

bool
text_table_print(FILE *file, const struct text_table *table)
{
    int widths[TEXT_COLUMNS_MAX];
    for (size_t c = 0; c < table->column_count; c++) {
        size_t width = strlen(table->columns[c].title);
        for (size_t i = 0; i < table->count; i++) {
            const size_t length = strlen(table->rows[i].cells[c]);
            width = length > width ? length : width;
        }
        widths[c] = (int)width;
    }
    if (table->lacks_memory) {
        return false;
    }
    const bool has_colour = output_has_colour(file);
    fputs(has_colour ? "\033[1m" : "", file);
    for (size_t c = 0; c < table->column_count; c++) {
        print_cell(file, table, c, table->columns[c].title, widths[c]);
    }
    fputs(has_colour ? "\033[0m" : "", file);
    for (size_t i = 0; i < table->count; i++) {
        for (size_t c = 0; c < table->column_count; c++) {
            print_cell(file, table, c, table->rows[i].cells[c], widths[c]);
        }
    }
    return true;
}

void
text_print_count(struct buffer *out, uint64_t count)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < length; i++) {
        buffer_append_format(out, i > 0 && (length - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
    }
}
