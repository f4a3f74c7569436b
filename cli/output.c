#include "cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/field_text.h"
#include "protocol/codec.h"
#include "protocol/control.h"

enum { COLUMNS_MAX = 16 };

enum status
answer_keep(struct answer *answer, uint8_t row, struct bytes value)
{
    if (answer->count == answer->capacity) {
        const size_t capacity = answer->capacity == 0 ? 64 : 2 * answer->capacity;
        struct kept_row *rows = realloc(answer->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            return STATUS_NO_MEMORY;
        }
        answer->rows = rows;
        answer->capacity = capacity;
    }
    uint8_t *copy = malloc(value.length + 1);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (value.length > 0) {
        memcpy(copy, value.data, value.length);
    }
    answer->rows[answer->count++] = (struct kept_row){row, bytes_of(copy, value.length)};
    return STATUS_OK;
}

void
answer_clear(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        void *memory;
        memcpy(&memory, &answer->rows[i].value.data, sizeof memory);
        free(memory);
    }
    free(answer->rows);
    *answer = (struct answer){NULL, 0, 0};
}

size_t
answer_count(const struct answer *answer, uint8_t row)
{
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++) {
        count += answer->rows[i].row == row ? 1 : 0;
    }
    return count;
}

static enum status
decode_row(const struct kept_row *kept, union row_view *ret_view)
{
    const struct schema *schema = control_row_schema(kept->row);
    return schema == NULL || schema->struct_size > sizeof *ret_view
               ? STATUS_UNKNOWN_KIND
               : codec_decode(schema, kept->value, ret_view);
}

enum status
answer_row(const struct answer *answer, uint8_t row, size_t number, union row_view *ret_view)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->rows[i].row == row && number-- == 0) {
            return decode_row(&answer->rows[i], ret_view);
        }
    }
    return STATUS_NOT_FOUND;
}

bool
answer_next(const struct answer *answer, uint8_t row, size_t *place, union row_view *ret_view)
{
    while (*place < answer->count) {
        const struct kept_row *kept = &answer->rows[(*place)++];
        if (kept->row == row && decode_row(kept, ret_view) == STATUS_OK) {
            return true;
        }
    }
    return false;
}

bool
output_is_terminal(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

bool
output_has_colour(FILE *file)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return output_is_terminal(file) && (no_colour == NULL || no_colour[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

/* Columns of text on a terminal: UTF-8 continuation bytes take none. */
static size_t
text_width(struct bytes text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.length; i++) {
        width += (text.data[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

static bool
goes_right(const struct field *field)
{
    return field->type == FIELD_AMOUNT || field->type == FIELD_BALANCE ||
           (field->type == FIELD_NUMBER && field->unit != UNIT_UNIX_SECONDS &&
            field->unit != UNIT_UNIX_MILLISECONDS && field->unit != UNIT_GPU_CLASS);
}

static void
print_cell(struct buffer *out, const struct schema *schema, const struct column *column,
           const void *view)
{
    if (column->label != NULL) {
        const struct field *label = schema_field(schema, column->label);
        if (label != NULL && field_bytes(label, view).length > 0) {
            output_field(out, label, view, false);
            return;
        }
    }
    const struct field *field = schema_field(schema, column->field);
    if (field != NULL) {
        output_field(out, field, view, false);
    }
}

/* A table under way: what a column takes. */
struct layout {
    const struct schema *schema;
    const struct column *columns;
    size_t count;
    size_t widths[COLUMNS_MAX];
    bool right[COLUMNS_MAX];
};

static void
print_padded(FILE *file, const struct layout *layout, size_t column, struct bytes text)
{
    const size_t width = text_width(text);
    const size_t blanks = layout->widths[column] > width ? layout->widths[column] - width : 0;
    const bool is_last = column + 1 == layout->count;
    const int before = layout->right[column] ? (int)blanks : 0;
    const int after = layout->right[column] || is_last ? 0 : (int)blanks;
    fprintf(file, "%*s%.*s%*s%s", before, "", (int)text.length, (const char *)text.data, after, "",
            is_last ? "\n" : "  ");
}

static void
measure(struct layout *layout, const struct answer *answer, uint8_t row)
{
    union row_view view;
    char memory[CELL_SIZE];
    struct buffer cell;
    for (size_t c = 0; c < layout->count; c++) {
        const struct field *field = schema_field(layout->schema, layout->columns[c].field);
        layout->widths[c] = text_width(bytes_of_text(layout->columns[c].title));
        layout->right[c] = field != NULL && layout->columns[c].label == NULL && goes_right(field);
    }
    for (size_t place = 0; answer_next(answer, row, &place, &view);) {
        for (size_t c = 0; c < layout->count; c++) {
            buffer_init(&cell, memory, sizeof memory);
            print_cell(&cell, layout->schema, &layout->columns[c], &view);
            const size_t width = text_width(buffer_bytes(&cell));
            layout->widths[c] = width > layout->widths[c] ? width : layout->widths[c];
        }
    }
}

void
output_table(FILE *file, const struct answer *answer, uint8_t row, const struct column *columns,
             size_t count)
{
    struct layout layout = {.schema = control_row_schema(row), .columns = columns, .count = count};
    if (layout.schema == NULL || count > COLUMNS_MAX || answer_count(answer, row) == 0) {
        return;
    }
    measure(&layout, answer, row);
    const bool has_colour = output_has_colour(file);
    fputs(has_colour ? "\033[1m" : "", file);
    for (size_t c = 0; c < count; c++) {
        print_padded(file, &layout, c, bytes_of_text(columns[c].title));
    }
    fputs(has_colour ? "\033[0m" : "", file);
    union row_view view;
    char memory[CELL_SIZE];
    struct buffer cell;
    for (size_t place = 0; answer_next(answer, row, &place, &view);) {
        for (size_t c = 0; c < count; c++) {
            buffer_init(&cell, memory, sizeof memory);
            print_cell(&cell, layout.schema, &columns[c], &view);
            print_padded(file, &layout, c, buffer_bytes(&cell));
        }
    }
}

void
output_fields(FILE *file, const struct schema *schema, const void *value)
{
    int width = 0;
    for (size_t i = 0; i < schema->field_count; i++) {
        const int length = (int)field_title_length(&schema->fields[i]);
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        char memory[CELL_SIZE];
        char title[CELL_SIZE];
        struct buffer cell;
        buffer_init(&cell, memory, sizeof memory);
        output_field(&cell, field, value, true);
        field_title(field, title, sizeof title);
        fprintf(file, "%-*s  %.*s\n", width, title, (int)cell.length, memory);
    }
}

json_t *
output_array(const struct answer *answer, uint8_t row)
{
    const struct schema *schema = control_row_schema(row);
    json_t *array = json_array();
    union row_view view;
    for (size_t place = 0; array != NULL && answer_next(answer, row, &place, &view);) {
        if (json_array_append_new(array, output_object(schema, &view)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

enum status
output_document(FILE *file, json_t *document)
{
    if (document == NULL) {
        return STATUS_NO_MEMORY;
    }
    const int result = json_dumpf(document, file, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(document);
    return result == 0 && fputc('\n', file) != EOF && fflush(file) == 0 ? STATUS_OK : STATUS_SYSTEM;
}
