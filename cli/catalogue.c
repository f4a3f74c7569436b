#include <string.h>

#include "cli/manual.h"
#include "protocol/control.h"
#include "protocol/version.h"

static json_t *
describe_option(const struct option *option)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(option->name));
    if (option->letter != 0) {
        json_object_set_new(object, "letter", json_stringn(&option->letter, 1));
    }
    json_object_set_new(object, "takes_value", json_boolean(option->kind != VALUE_NONE));
    if (option->kind != VALUE_NONE) {
        json_object_set_new(
            object, "value",
            json_string(option->shown != NULL ? option->shown : value_kind_shown(option->kind)));
    }
    json_object_set_new(object, "repeats", json_boolean(option->repeats));
    json_object_set_new(object, "help", json_string(option->help));
    json_object_set_new(object, "default",
                        option->fallback == NULL ? json_null() : json_string(option->fallback));
    return object;
}

static void
append_options(json_t *array, const struct option_list *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        json_array_append_new(array, describe_option(&list->options[i]));
    }
}

static json_t *
describe_command(const struct command *command)
{
    json_t *object = json_object();
    json_t *options = json_array();
    for (size_t i = 0; i < OPTION_LISTS_MAX; i++) {
        append_options(options, command->lists[i]);
    }
    for (size_t i = 0; command->takes_settings && i < setting_count(); i++) {
        const struct option option = option_of_setting(setting_at(i));
        json_array_append_new(options, describe_option(&option));
    }
    json_object_set_new(object, "name", json_string(command->name));
    json_object_set_new(object, "operands", json_string(command->operands));
    json_object_set_new(object, "runs_job", json_boolean(command->job == JOB_NEEDED));
    json_object_set_new(object, "summary", json_string(command->summary));
    json_object_set_new(object, "list",
                        command->noun == NULL ? json_null() : json_string(command->noun));
    json_object_set_new(object, "options", options);
    return object;
}

static const char *
type_name(const struct field *field)
{
    static const char *const names[FIELD_TYPE_COUNT] = {
        [FIELD_NUMBER] = "integer",      [FIELD_FLAG] = "boolean",
        [FIELD_ENUM] = "name",           [FIELD_SET] = "names",
        [FIELD_AMOUNT] = "integer",      [FIELD_BALANCE] = "integer",
        [FIELD_FIXED] = "hex",           [FIELD_BYTES] = "hex",
        [FIELD_TEXT] = "text",           [FIELD_BYTES_LIST] = "hex list",
        [FIELD_TEXT_LIST] = "text list",
    };
    if (field->unit == UNIT_GPU_CLASS || field->unit == UNIT_WEEK_HOURS) {
        return "text";
    }
    return names[field->type];
}

static json_t *
describe_field(const struct field *field)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(field->name));
    json_object_set_new(object, "type", json_string(type_name(field)));
    json_object_set_new(object, "help", json_string(field->help));
    if (field->names != NULL) {
        json_t *names = json_array();
        for (size_t i = 0; i < field->names->count; i++) {
            json_array_append_new(names, json_string(field->names->names[i]));
        }
        json_object_set_new(object, "names", names);
    }
    return object;
}

static json_t *
describe_rows(void)
{
    json_t *rows = json_object();
    for (unsigned number = 1; number <= UINT8_MAX; number++) {
        const struct schema *schema = control_row_schema((uint8_t)number);
        if (schema == NULL) {
            continue;
        }
        json_t *fields = json_array();
        for (size_t i = 0; i < schema->field_count; i++) {
            json_array_append_new(fields, describe_field(&schema->fields[i]));
        }
        json_object_set_new(rows, schema->name, fields);
    }
    return rows;
}

json_t *
manual_catalogue(void)
{
    json_t *document = json_object();
    json_t *commands = json_array();
    json_t *globals = json_array();
    if (document == NULL || commands == NULL || globals == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < command_count(); i++) {
        json_array_append_new(commands, describe_command(command_at(i)));
    }
    append_options(globals, &global_options);
    json_object_set_new(document, "version", json_string(GPULET_VERSION));
    json_object_set_new(document, "commands", commands);
    json_object_set_new(document, "global_options", globals);
    json_object_set_new(document, "rows", describe_rows());
    json_object_set_new(document, "exit_codes",
                        json_pack("{s:s, s:s, s:s, s:s, s:s}", "0", "done", "1",
                                  "refused or failed", "2", "the command line is wrong", "3",
                                  "no gpuletd runs on the data directory", "125",
                                  "rent: gpulet, the host or the owner ended the job"));
    return document;
}
