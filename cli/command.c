#include "cli/command.h"

#include <assert.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/nearest.h"
#include "protocol/quantity.h"

/* The place of the reader in the command line. */
struct line {
    int argc;
    char *const *argv;
    int at;
    bool wants_help;
    struct buffer *why;
};

static enum status
fail(struct buffer *why, const char *before, const char *about, const char *after)
{
    buffer_append_format(why, "%s%s%s", before, about, after);
    return STATUS_BAD_INPUT;
}

const struct command *
command_find(struct bytes name)
{
    for (size_t i = 0; i < command_count(); i++) {
        if (bytes_are_text(name, command_at(i)->name)) {
            return command_at(i);
        }
    }
    return NULL;
}

static bool
option_is(const struct option *option, struct bytes name, bool is_letter)
{
    return is_letter
               ? name.length == 1 && option->letter != 0 && name.data[0] == (uint8_t)option->letter
               : bytes_are_text(name, option->name);
}

static const struct option *
find_in_list(const struct option_list *list, struct bytes name, bool is_letter)
{
    for (size_t i = 0; i < list->count; i++) {
        if (option_is(&list->options[i], name, is_letter)) {
            return &list->options[i];
        }
    }
    return NULL;
}

static const struct option *
find_option(const struct command *command, struct bytes name, bool is_letter)
{
    const struct option *option = find_in_list(&global_options, name, is_letter);
    for (size_t i = 0; command != NULL && option == NULL && i < OPTION_LISTS_MAX; i++) {
        if (command->lists[i] != NULL) {
            option = find_in_list(command->lists[i], name, is_letter);
        }
    }
    return option;
}

struct option
option_of_setting(const struct setting *setting)
{
    return (struct option){
        .name = setting->name,
        .kind = VALUE_TEXT,
        .repeats = setting->may_repeat,
        .shown = setting_kind_shown(setting->kind),
        .help = setting->help,
        .fallback = setting->initial[0] == '\0' ? NULL : setting->initial,
    };
}

static void
offer_names(struct nearest *nearest, const struct option_list *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        nearest_offer(nearest, list->options[i].name);
    }
}

static enum status
refuse_option(const struct command *command, struct bytes name, bool is_letter, struct buffer *why)
{
    struct nearest nearest = nearest_start(name);
    offer_names(&nearest, &global_options);
    for (size_t i = 0; command != NULL && i < OPTION_LISTS_MAX; i++) {
        offer_names(&nearest, command->lists[i]);
    }
    for (size_t i = 0; command != NULL && command->takes_settings && i < setting_count(); i++) {
        nearest_offer(&nearest, setting_at(i)->name);
    }
    const char *likely = is_letter ? NULL : nearest_result(&nearest);
    const char *owner = command == NULL ? "gpulet" : command->name;
    buffer_append_format(why, "%s has no option %s%.*s", owner, is_letter ? "-" : "--",
                         (int)name.length, (const char *)name.data);
    if (likely != NULL) {
        buffer_append_format(why, "; did you mean --%s?", likely);
    }
    return STATUS_BAD_INPUT;
}

/* The name of an option word, and the value after "=" if there is one. */
static struct bytes
split_option(const char *word, const char **ret_value, bool *ret_is_letter)
{
    *ret_is_letter = word[1] != '-';
    const char *name = word + (*ret_is_letter ? 1 : 2);
    const char *equals = strchr(name, '=');
    *ret_value = equals == NULL ? NULL : equals + 1;
    return equals == NULL ? bytes_of_text(name) : bytes_of(name, (size_t)(equals - name));
}

static bool
is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static enum status
note_given(struct line *line, struct invocation *invocation, const struct option *option,
           struct given given)
{
    if (!option->repeats && option_is_given(invocation, option->name)) {
        return fail(line->why, "--", option->name, " is given twice");
    }
    if (invocation->given_count == GIVEN_MAX) {
        return fail(line->why, "there are too many options", "", "");
    }
    invocation->given[invocation->given_count++] = given;
    return STATUS_OK;
}

static enum status
note_option(struct line *line, struct invocation *invocation, const struct option *option,
            const char *value)
{
    if (value != NULL && value_check(option->kind, value, line->why) != STATUS_OK) {
        buffer_append_format(line->why, " (option --%s)", option->name);
        return STATUS_BAD_INPUT;
    }
    return note_given(line, invocation, option, (struct given){option->name, value, false});
}

static enum status
note_setting(struct line *line, struct invocation *invocation, const struct setting *setting,
             const char *value)
{
    const struct option option = option_of_setting(setting);
    if (setting_check(setting, bytes_of_text(value), line->why) != STATUS_OK) {
        buffer_append_format(line->why, " (option --%s)", setting->name);
        return STATUS_BAD_INPUT;
    }
    return note_given(line, invocation, &option, (struct given){setting->name, value, true});
}

/* The value of an option, after "=" or in the next word. */
static enum status
take_value(struct line *line, const struct option *option, const char **value)
{
    if (*value == NULL && line->at < line->argc) {
        *value = line->argv[line->at++];
    }
    if (*value == NULL) {
        buffer_append_format(line->why, "--%s needs a value: %s", option->name,
                             option->shown != NULL ? option->shown
                                                   : value_kind_shown(option->kind));
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

static enum status
read_setting(struct line *line, struct invocation *invocation, struct bytes name, const char *value)
{
    const struct setting *setting = setting_find(name);
    if (setting == NULL) {
        return refuse_option(invocation->command, name, false, line->why);
    }
    const struct option option = option_of_setting(setting);
    line->at++;
    enum status status = take_value(line, &option, &value);
    return status == STATUS_OK ? note_setting(line, invocation, setting, value) : status;
}

/* Reads the option at the place, with its value. */
static enum status
read_option(struct line *line, struct invocation *invocation)
{
    const struct command *command = invocation->command;
    const char *value;
    bool is_letter;
    struct bytes name = split_option(line->argv[line->at], &value, &is_letter);
    const struct option *option = find_option(command, name, is_letter);
    if (option == NULL && command != NULL && command->takes_settings && !is_letter) {
        return read_setting(line, invocation, name, value);
    }
    if (option == NULL) {
        return refuse_option(command, name, is_letter, line->why);
    }
    line->at++;
    if (option->kind == VALUE_NONE) {
        return value != NULL ? fail(line->why, "--", option->name, " takes no value")
                             : note_option(line, invocation, option, NULL);
    }
    enum status status = take_value(line, option, &value);
    return status == STATUS_OK ? note_option(line, invocation, option, value) : status;
}

/* The words that name commands: where the next one is, skipping global options. 0: none. */
static int
find_word(const struct line *line, int from)
{
    for (int at = from; at < line->argc; at++) {
        const char *word = line->argv[at];
        if (!is_option(word)) {
            return at;
        }
        const char *value;
        bool is_letter;
        struct bytes name = split_option(word, &value, &is_letter);
        const struct option *option = find_in_list(&global_options, name, is_letter);
        if (strcmp(word, "--") == 0 || option == NULL) {
            return 0;
        }
        if (option->kind != VALUE_NONE && value == NULL) {
            at++;
        }
    }
    return 0;
}

static bool
begins_a_pair(struct bytes word)
{
    for (size_t i = 0; i < command_count(); i++) {
        const char *name = command_at(i)->name;
        if (strlen(name) > word.length && memcmp(name, word.data, word.length) == 0 &&
            name[word.length] == ' ') {
            return true;
        }
    }
    return false;
}

static enum status
refuse_command(struct bytes name, struct buffer *why)
{
    struct nearest nearest = nearest_start(name);
    for (size_t i = 0; i < command_count(); i++) {
        if (!command_at(i)->hidden) {
            nearest_offer(&nearest, command_at(i)->name);
        }
    }
    const char *likely = nearest_result(&nearest);
    buffer_append_format(why, "there is no command \"%.*s\"", (int)name.length,
                         (const char *)name.data);
    if (likely != NULL) {
        buffer_append_format(why, "; did you mean gpulet %s?", likely);
    }
    return STATUS_BAD_INPUT;
}

static enum status
refuse_half_command(struct bytes word, struct buffer *why)
{
    const char *before = "";
    buffer_append_format(why, "say which: ");
    for (size_t i = 0; i < command_count(); i++) {
        const char *name = command_at(i)->name;
        if (strncmp(name, (const char *)word.data, word.length) == 0 && name[word.length] == ' ') {
            buffer_append_format(why, "%sgpulet %s", before, name);
            before = ", ";
        }
    }
    return STATUS_BAD_INPUT;
}

/* Finds the command in one or two words; `ret_words` says where they are (0: none). */
static enum status
find_command(const struct line *line, const struct command **ret_command, int ret_words[2])
{
    ret_words[0] = find_word(line, 1);
    ret_words[1] = 0;
    *ret_command = NULL;
    if (ret_words[0] == 0) {
        return STATUS_OK;
    }
    const struct bytes first = bytes_of_text(line->argv[ret_words[0]]);
    const bool may_be_pair = begins_a_pair(first);
    const int second = may_be_pair ? find_word(line, ret_words[0] + 1) : 0;
    if (second != 0) {
        char memory[64];
        struct buffer name;
        buffer_init(&name, memory, sizeof memory);
        buffer_append_format(&name, "%s %s", line->argv[ret_words[0]], line->argv[second]);
        *ret_command = name.overflowed ? NULL : command_find(buffer_bytes(&name));
        if (*ret_command != NULL) {
            ret_words[1] = second;
            return STATUS_OK;
        }
        if (command_find(first) == NULL) {
            return refuse_command(name.overflowed ? first : buffer_bytes(&name), line->why);
        }
    }
    *ret_command = command_find(first);
    if (*ret_command != NULL || (line->wants_help && may_be_pair)) {
        return STATUS_OK;
    }
    return may_be_pair ? refuse_half_command(first, line->why) : refuse_command(first, line->why);
}

static enum status
read_word(struct line *line, struct invocation *invocation)
{
    const struct command *command = invocation->command;
    if (command != NULL && command->job == JOB_NEEDED && !line->wants_help) {
        buffer_append_format(line->why, "say what to run after dashes: gpulet %s ... -- %s ...",
                             command->name, line->argv[line->at]);
        return STATUS_BAD_INPUT;
    }
    if (invocation->operand_count == OPERANDS_MAX) {
        return fail(line->why, "there are too many words", "", "");
    }
    invocation->operands[invocation->operand_count++] = line->argv[line->at++];
    return STATUS_OK;
}

static enum status
read_words(struct line *line, struct invocation *invocation, const int words[2])
{
    enum status status = STATUS_OK;
    for (line->at = 1; status == STATUS_OK && line->at < line->argc;) {
        const char *word = line->argv[line->at];
        if (line->at == words[0] || line->at == words[1]) {
            line->at++;
        } else if (strcmp(word, "--") == 0) {
            line->at++;
            invocation->job = line->argv + line->at;
            invocation->job_count = (size_t)(line->argc - line->at);
            line->at = line->argc;
        } else {
            status = is_option(word) ? read_option(line, invocation) : read_word(line, invocation);
        }
    }
    return status;
}

static enum status
check_words(const struct invocation *invocation, struct buffer *why)
{
    const struct command *command = invocation->command;
    if (command == NULL || option_is_given(invocation, "help")) {
        return STATUS_OK;
    }
    if (command->job == JOB_NEEDED && invocation->job_count == 0) {
        buffer_append_format(why, "say what to run: gpulet %s ... -- COMMAND", command->name);
        return STATUS_BAD_INPUT;
    }
    if (command->job == JOB_NONE && invocation->job_count > 0) {
        return fail(why, command->name, " runs no job, so nothing may stand after --", "");
    }
    if (invocation->operand_count < command->operands_min) {
        buffer_append_format(why, "%s needs %s", command->name, command->operands);
        return STATUS_BAD_INPUT;
    }
    for (size_t i = 0; i < invocation->operand_count; i++) {
        const bool may_be_empty = command->last_may_be_empty && i + 1 == command->operands_max;
        if (invocation->operands[i][0] == '\0' && !may_be_empty) {
            return fail(why, command->name, " does not take an empty word; it needs ",
                        command->operands);
        }
    }
    if (invocation->operand_count > command->operands_max) {
        buffer_append_format(why, "%s does not know what to do with \"%s\"", command->name,
                             invocation->operands[command->operands_max]);
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

static bool
asks_for_help(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

enum status
invocation_read(int argc, char *const *argv, struct invocation *ret_invocation, struct buffer *why)
{
    struct line line = {argc, argv, 1, asks_for_help(argc, argv), why};
    int words[2];
    *ret_invocation = (struct invocation){.command = NULL};
    enum status status = find_command(&line, &ret_invocation->command, words);
    if (status == STATUS_OK) {
        status = read_words(&line, ret_invocation, words);
    }
    if (status == STATUS_OK) {
        status = check_words(ret_invocation, why);
    }
    return status;
}

bool
option_is_given(const struct invocation *invocation, const char *name)
{
    for (size_t i = 0; i < invocation->given_count; i++) {
        if (strcmp(invocation->given[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *
option_value(const struct invocation *invocation, const char *name)
{
    for (size_t i = invocation->given_count; i > 0; i--) {
        if (strcmp(invocation->given[i - 1].name, name) == 0) {
            return invocation->given[i - 1].value;
        }
    }
    return NULL;
}

uint32_t
option_seconds(const struct invocation *invocation, const char *name, uint32_t fallback)
{
    const char *value = option_value(invocation, name);
    uint32_t seconds = fallback;
    const enum status status =
        value == NULL ? STATUS_OK : quantity_parse_seconds(bytes_of_text(value), &seconds, NULL);
    assert(status == STATUS_OK);
    return seconds;
}

uint64_t
option_count(const struct invocation *invocation, const char *name, uint64_t fallback)
{
    const char *value = option_value(invocation, name);
    uint64_t count = fallback;
    const enum status status =
        value == NULL ? STATUS_OK
                      : quantity_parse_count(bytes_of_text(value), COUNT_MAX, &count, NULL);
    assert(status == STATUS_OK);
    return count;
}
