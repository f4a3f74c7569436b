/* Rows for people and for programs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/field_text.h"
#include "cli/output.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"

static char printed[65536];

static struct amount
micro(int64_t value)
{
    struct amount amount;
    cr_assert_eq(amount_of_micro(value, &amount), STATUS_OK);
    return amount;
}

static void
keep(struct answer *answer, uint8_t row, const void *view)
{
    static uint8_t memory[65536];
    struct buffer bytes;
    buffer_init(&bytes, memory, sizeof memory);
    cr_assert_eq(codec_encode(control_row_schema(row), view, &bytes), STATUS_OK);
    cr_assert_eq(answer_keep(answer, row, buffer_bytes(&bytes)), STATUS_OK);
}

static struct listing_view
listing(const char *model, uint32_t vram_mib, int64_t ask)
{
    struct listing_view view = {
        .host_label = bytes_of_text("host-1"),
        .model = bytes_of_text(model),
        .slots_total = 2,
        .vram_mib = vram_mib,
        .ask_uusd_per_hour = micro(ask),
        .region = REGION_EU,
        .works = 1u << WORK_INFER | 1u << WORK_RENDER,
        .reliability_bp = 9950,
        .own = true,
    };
    memset(view.listing.bytes, 0xab, sizeof view.listing.bytes);
    memset(view.week_hours, 0xff, sizeof view.week_hours);
    return view;
}

static void
print_table(const struct answer *answer, const struct column *columns, size_t count)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    output_table(file, answer, ROW_LISTING, columns, count);
    rewind(file);
    const size_t length = fread(printed, 1, sizeof printed - 1, file);
    printed[length] = '\0';
    fclose(file);
}

Test(output, columns_are_aligned_numbers_to_the_right_and_no_blanks_end_a_line)
{
    static const struct column columns[] = {{"listing", "LISTING", NULL},
                                            {"host", "HOST", "host_label"},
                                            {"ask_uusd_per_hour", "ASK", NULL},
                                            {"model", "MODEL", NULL}};
    struct answer answer = {NULL, 0, 0};
    struct listing_view view = listing("RTX 4090", 24576, 350000);
    keep(&answer, ROW_LISTING, &view);
    view = listing("RTX 3060", 12288, 12500000);
    view.host_label = bytes_of_text("a-longer-name");
    keep(&answer, ROW_LISTING, &view);
    print_table(&answer, columns, 4);
    cr_assert_str_eq(printed, "LISTING     HOST                   ASK  MODEL\n"
                              "ababababab  host-1          0.35 USD/h  RTX 4090\n"
                              "ababababab  a-longer-name  12.50 USD/h  RTX 3060\n");
    answer_clear(&answer);
}

Test(output, a_table_without_rows_is_nothing_and_a_file_gets_no_colour)
{
    static const struct column columns[] = {{"model", "MODEL", NULL}};
    struct answer answer = {NULL, 0, 0};
    print_table(&answer, columns, 1);
    cr_assert_str_eq(printed, "");
    const struct listing_view view = listing("RTX 4090", 24576, 350000);
    keep(&answer, ROW_LISTING, &view);
    print_table(&answer, columns, 1);
    cr_assert_null(strchr(printed, '\033'));
    answer_clear(&answer);
}

Test(output, names_that_others_chose_cannot_drive_the_terminal)
{
    static const struct column columns[] = {{"model", "MODEL", NULL}};
    struct answer answer = {NULL, 0, 0};
    const struct listing_view view = listing("\033[2Jgone\r\n\x7f\xc2\x9b"
                                             "31m",
                                             1024, 1);
    keep(&answer, ROW_LISTING, &view);
    print_table(&answer, columns, 1);
    cr_assert_str_eq(printed, "MODEL\n?[2Jgone????31m\n");
    answer_clear(&answer);
}

Test(output, a_label_that_is_missing_gives_way_to_the_id)
{
    static const struct column columns[] = {{"host", "HOST", "host_label"}};
    struct answer answer = {NULL, 0, 0};
    struct listing_view view = listing("RTX 4090", 24576, 350000);
    view.host_label = bytes_of(NULL, 0);
    memset(view.host.bytes, 0x12, sizeof view.host.bytes);
    keep(&answer, ROW_LISTING, &view);
    print_table(&answer, columns, 1);
    cr_assert_str_eq(printed, "HOST\n1212121212\n");
    answer_clear(&answer);
}

Test(output, json_keeps_amounts_whole_ids_in_hex_and_sets_as_lists)
{
    const struct gpu_class *class;
    struct listing_view view = listing("RTX 4090", 24576, 350000);
    cr_assert_eq(gpu_class_find(bytes_of_text("rtx4090"), &class), STATUS_OK);
    view.gpu_class = class->number;
    json_t *object = output_object(control_row_schema(ROW_LISTING), &view);
    cr_assert_not_null(object);
    cr_assert_eq(json_integer_value(json_object_get(object, "ask_uusd_per_hour")), 350000);
    cr_assert_eq(strlen(json_string_value(json_object_get(object, "listing"))), 64);
    cr_assert_str_eq(json_string_value(json_object_get(object, "region")), "eu");
    cr_assert_str_eq(json_string_value(json_object_get(object, "gpu_class")), "rtx4090");
    cr_assert_str_eq(json_string_value(json_object_get(object, "week_hours")), "always");
    cr_assert(json_is_true(json_object_get(object, "own")));
    const json_t *works = json_object_get(object, "works");
    cr_assert_eq(json_array_size(works), 2);
    cr_assert_str_eq(json_string_value(json_array_get(works, 0)), "infer");
    cr_assert_str_eq(json_string_value(json_array_get(works, 1)), "render");
    json_decref(object);
}

/* Every row has a JSON form with just its schema's fields, and every field a text. */
Test(output, every_row_of_the_protocol_can_be_printed)
{
    static union row_view zeros;
    for (unsigned row = 1; row <= UINT8_MAX; row++) {
        const struct schema *schema = control_row_schema((uint8_t)row);
        if (schema == NULL) {
            continue;
        }
        cr_assert(schema->struct_size <= sizeof zeros, "%s", schema->name);
        json_t *object = output_object(schema, &zeros);
        cr_assert_eq(json_object_size(object), schema->field_count, "%s", schema->name);
        json_decref(object);
        for (size_t i = 0; i < schema->field_count; i++) {
            char memory[CELL_SIZE];
            struct buffer text;
            buffer_init(&text, memory, sizeof memory);
            output_field(&text, &schema->fields[i], &zeros, true);
            cr_assert(!text.overflowed, "%s.%s", schema->name, schema->fields[i].name);
            cr_assert(text.length > 0 || schema->fields[i].type == FIELD_TEXT, "%s.%s",
                      schema->name, schema->fields[i].name);
        }
    }
}

Test(output, a_document_is_one_json_value_and_a_line_feed)
{
    FILE *file = tmpfile();
    struct answer answer = {NULL, 0, 0};
    const struct listing_view view = listing("a \"quoted\" \\ name\xc3\xa9", 24576, 350000);
    keep(&answer, ROW_LISTING, &view);
    keep(&answer, ROW_LISTING, &view);
    json_t *document = json_object();
    json_object_set_new(document, "listings", output_array(&answer, ROW_LISTING));
    cr_assert_eq(output_document(file, document), STATUS_OK);
    cr_assert_eq(output_document(file, NULL), STATUS_NO_MEMORY);
    rewind(file);
    const size_t length = fread(printed, 1, sizeof printed - 1, file);
    cr_assert_eq(printed[length - 1], '\n');
    json_error_t error;
    json_t *read = json_loadb(printed, length, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(read, "%s", error.text);
    cr_assert_eq(json_array_size(json_object_get(read, "listings")), 2);
    json_decref(read);
    fclose(file);
    answer_clear(&answer);
}

Test(output, rows_of_other_types_and_broken_rows_are_not_counted_as_rows)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    const struct listing_view row = listing("RTX 4090", 24576, 350000);
    keep(&answer, ROW_LISTING, &row);
    cr_assert_eq(answer_keep(&answer, ROW_GPU, bytes_of_text("nonsense")), STATUS_OK);
    cr_assert_eq(answer_keep(&answer, 250, bytes_of_text("unknown")), STATUS_OK);
    cr_assert_eq(answer_count(&answer, ROW_LISTING), 1);
    cr_assert_eq(answer_row(&answer, ROW_LISTING, 1, &view), STATUS_NOT_FOUND);
    cr_assert_neq(answer_row(&answer, ROW_GPU, 0, &view), STATUS_OK);
    cr_assert_eq(answer_row(&answer, 250, 0, &view), STATUS_UNKNOWN_KIND);
    answer_clear(&answer);
    cr_assert_eq(answer.count, 0);
}

Test(output, titles_lose_their_units)
{
    static const struct {
        const char *field;
        const char *title;
    } cases[] = {
        {"ask_uusd_per_hour", "ask"},      {"vram_mib", "vram"}, {"slots_total", "slots total"},
        {"reliability_bp", "reliability"}, {"up_mbit_s", "up"},  {"issued_at_s", "issued at"}};
    const struct schema *schema = control_row_schema(ROW_LISTING);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char title[64];
        const struct field *field = schema_field(schema, cases[i].field);
        cr_assert_not_null(field, "%s", cases[i].field);
        field_title(field, title, sizeof title);
        cr_assert_str_eq(title, cases[i].title);
    }
}
