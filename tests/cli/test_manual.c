/* What is printed from the command table: help, manual pages, completion, catalogue. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/manual.h"
#include "protocol/control.h"

static char *
taken(FILE *file)
{
    const long length = ftell(file);
    char *text = calloc(1, (size_t)length + 1);
    rewind(file);
    cr_assert_eq(fread(text, 1, (size_t)length, file), (size_t)length);
    fclose(file);
    return text;
}

Test(manual, help_of_a_command_names_each_of_its_options)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        FILE *file = tmpfile();
        manual_command(file, command);
        char *text = taken(file);
        cr_assert_not_null(strstr(text, command->name), "%s", command->name);
        for (size_t a = 0; a < OPTION_LISTS_MAX && command->lists[a] != NULL; a++) {
            for (size_t o = 0; o < command->lists[a]->count; o++) {
                char option[64];
                snprintf(option, sizeof option, "--%s", command->lists[a]->options[o].name);
                cr_assert_not_null(strstr(text, option), "%s %s", command->name, option);
            }
        }
        free(text);
    }
}

Test(manual, the_overview_lists_every_command_that_is_not_hidden)
{
    FILE *file = tmpfile();
    manual_overview(file);
    char *text = taken(file);
    for (size_t i = 0; i < command_count(); i++) {
        char line[128];
        snprintf(line, sizeof line, "\n  %s ", command_at(i)->name);
        cr_assert_eq(strstr(text, line) == NULL, command_at(i)->hidden, "%s", command_at(i)->name);
    }
    free(text);
}

/* Only what roff knows begins a line with a dot. */
static void
check_roff(const char *text)
{
    static const char *const requests[] = {".TH", ".SH", ".SS", ".TP", ".B ", ".BR",
                                           ".I ", ".PP", ".RS", ".RE", ".nf", ".fi"};
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += line == text ? 0 : 1;
        if (line[0] != '.') {
            cr_assert_neq(line[0], '\'', "%.40s", line);
            continue;
        }
        bool is_known = false;
        for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
            is_known = is_known || strncmp(line, requests[i], strlen(requests[i])) == 0;
        }
        cr_assert(is_known, "%.40s", line);
    }
}

Test(manual, the_pages_are_plain_roff_and_name_every_command_and_setting)
{
    FILE *file = tmpfile();
    manual_page(file);
    char *text = taken(file);
    check_roff(text);
    for (size_t i = 0; i < command_count(); i++) {
        cr_assert_not_null(strstr(text, command_at(i)->summary), "%s", command_at(i)->name);
    }
    cr_assert_not_null(strstr(text, ".SH EXIT STATUS"));
    free(text);

    file = tmpfile();
    manual_daemon_page(file);
    text = taken(file);
    check_roff(text);
    for (size_t i = 0; i < setting_count(); i++) {
        char help[32];
        snprintf(help, sizeof help, "%.12s", setting_at(i)->help);
        cr_assert_not_null(strstr(text, help), "%s", setting_at(i)->name);
    }
    free(text);
}

Test(manual, the_catalogue_has_commands_options_rows_and_exit_codes)
{
    json_t *document = manual_catalogue();
    cr_assert_not_null(document);
    const json_t *commands = json_object_get(document, "commands");
    cr_assert_eq(json_array_size(commands), command_count());
    for (size_t i = 0; i < command_count(); i++) {
        const json_t *object = json_array_get(commands, i);
        cr_assert_str_eq(json_string_value(json_object_get(object, "name")), command_at(i)->name);
        const json_t *options = json_object_get(object, "options");
        for (size_t o = 0; o < json_array_size(options); o++) {
            const json_t *option = json_array_get(options, o);
            cr_assert_not_null(json_object_get(option, "name"));
            cr_assert(json_is_boolean(json_object_get(option, "takes_value")));
        }
    }
    const json_t *rows = json_object_get(document, "rows");
    const json_t *fields = json_object_get(rows, "listing");
    cr_assert_eq(json_array_size(fields), control_row_schema(ROW_LISTING)->field_count);
    const json_t *codes = json_object_get(document, "exit_codes");
    cr_assert_not_null(json_object_get(codes, "3"));
    json_decref(document);
}

Test(manual, completion_offers_every_first_and_second_word)
{
    FILE *file = tmpfile();
    manual_completion(file);
    char *text = taken(file);
    for (size_t i = 0; i < command_count(); i++) {
        char word[64];
        const char *name = command_at(i)->name;
        const char *second = strchr(name, ' ');
        if (second != NULL) {
            snprintf(word, sizeof word, "$words %s\"", second + 1);
        } else {
            snprintf(word, sizeof word, " %s", name);
        }
        cr_assert_not_null(strstr(text, word), "%s", name);
    }
    free(text);
}
