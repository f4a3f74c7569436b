#include "cli/manual.h"

#include <string.h>

#include "protocol/version.h"

enum { WORDS_SIZE = 128, WORDS_WIDTH = 30 };

void
manual_option_words(const struct option *option, struct buffer *out)
{
    if (option->letter != 0) {
        buffer_append_format(out, "-%c, ", option->letter);
    }
    buffer_append_format(out, "--%s", option->name);
    if (option->kind != VALUE_NONE) {
        buffer_append_format(
            out, " %s", option->shown != NULL ? option->shown : value_kind_shown(option->kind));
    }
}

static void
print_option(FILE *file, const struct option *option)
{
    char memory[WORDS_SIZE];
    struct buffer words;
    buffer_init(&words, memory, sizeof memory);
    manual_option_words(option, &words);
    const bool is_long = words.length > WORDS_WIDTH;
    fprintf(file, "  %-*.*s%s", WORDS_WIDTH, (int)words.length, memory, is_long ? "\n" : "");
    fprintf(file, "%*s %s", is_long ? WORDS_WIDTH + 2 : 0, "", option->help);
    if (option->fallback != NULL) {
        fprintf(file, " (default: %s)", option->fallback);
    }
    fputs(option->repeats ? "; may be repeated\n" : "\n", file);
}

static void
print_options(FILE *file, const struct option_list *list)
{
    fprintf(file, "\n%s:\n", list->title);
    for (size_t i = 0; i < list->count; i++) {
        print_option(file, &list->options[i]);
    }
}

static void
print_settings(FILE *file)
{
    fputs("\nOptions of gpuletd:\n", file);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct option option = option_of_setting(setting_at(i));
        print_option(file, &option);
    }
}

static void
print_indented(FILE *file, const char *lines)
{
    while (*lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        fprintf(file, "  %.*s\n", (int)length, lines);
        lines += length + (lines[length] == '\n' ? 1 : 0);
    }
}

static void
print_synopsis(FILE *file, const struct command *command)
{
    const bool has_options = command->lists[0] != NULL;
    fprintf(file, "gpulet %s%s%s%s%s", command->name, has_options ? " [OPTION...]" : "",
            command->operands[0] != '\0' ? " " : "", command->operands,
            command->job == JOB_NEEDED ? " -- COMMAND [ARGUMENT...]" : "");
}

void
manual_overview(FILE *file)
{
    fputs("gpulet lets GPUs and rents them, with no company in the middle.\n\n"
          "Usage: gpulet COMMAND [OPTION...]\n\nCommands:\n",
          file);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        if (!command->hidden) {
            fprintf(file, "  %-18s %s\n", command->name, command->summary);
        }
    }
    print_options(file, &global_options);
    fputs("\nAll about a command: gpulet help COMMAND\n\nExit codes:\n", file);
    print_indented(file, exit_codes_text);
}

void
manual_command(FILE *file, const struct command *command)
{
    fputs("Usage: ", file);
    print_synopsis(file, command);
    fprintf(file, "\n\n%s.\n", command->summary);
    if (command->details != NULL) {
        fprintf(file, "%s\n", command->details);
    }
    for (size_t i = 0; i < OPTION_LISTS_MAX && command->lists[i] != NULL; i++) {
        print_options(file, command->lists[i]);
    }
    if (command->takes_settings) {
        print_settings(file);
    }
    print_options(file, &global_options);
    if (command->examples != NULL) {
        fputs("\nExamples:\n", file);
        print_indented(file, command->examples);
    }
    fputs("\nExit codes:\n", file);
    print_indented(file, exit_codes_text);
}

/* Text of roff: a dash is a minus, a backslash an escape, a leading dot or quote a request. */
static void
print_roff(FILE *file, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        const bool begins = at == text || at[-1] == '\n';
        if (begins && (*at == '.' || *at == '\'')) {
            fputs("\\&", file);
        }
        if (*at == '-') {
            fputs("\\-", file);
        } else if (*at == '\\') {
            fputs("\\e", file);
        } else {
            fputc(*at, file);
        }
    }
}

static void
print_roff_option(FILE *file, const struct option *option)
{
    char memory[WORDS_SIZE];
    struct buffer words;
    buffer_init(&words, memory, sizeof memory - 1);
    manual_option_words(option, &words);
    memory[words.length] = '\0';
    fputs(".TP\n.B ", file);
    print_roff(file, memory);
    fputc('\n', file);
    print_roff(file, option->help);
    if (option->fallback != NULL) {
        fputs(" (default: ", file);
        print_roff(file, option->fallback);
        fputc(')', file);
    }
    fputs(option->repeats ? "; may be repeated.\n" : ".\n", file);
}

static void
print_roff_options(FILE *file, const struct option_list *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        print_roff_option(file, &list->options[i]);
    }
}

static void
print_roff_literal(FILE *file, const char *lines)
{
    fputs(".RS\n.nf\n", file);
    print_roff(file, lines);
    fputs(".fi\n.RE\n", file);
}

static void
print_roff_command(FILE *file, const struct command *command)
{
    fputs(".SS \"", file);
    print_roff(file, "gpulet ");
    print_roff(file, command->name);
    fprintf(file, "%s%s%s\"\n", command->operands[0] != '\0' ? " " : "", command->operands,
            command->job == JOB_NEEDED ? " \\-\\- COMMAND" : "");
    print_roff(file, command->summary);
    fputs(".\n", file);
    if (command->details != NULL) {
        print_roff(file, command->details);
        fputc('\n', file);
    }
    for (size_t i = 0; i < OPTION_LISTS_MAX && command->lists[i] != NULL; i++) {
        if (strcmp(command->lists[i]->title, "Filters") == 0) {
            fputs(".PP\nTakes the filters (see FILTERS).\n", file);
        } else {
            print_roff_options(file, command->lists[i]);
        }
    }
    if (command->takes_settings) {
        fputs(".PP\nTakes the settings of\n.BR gpuletd (1).\n", file);
    }
    if (command->examples != NULL) {
        fputs(".PP\nExamples:\n", file);
        print_roff_literal(file, command->examples);
    }
}

static const struct option_list *
find_filters(void)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct option_list *list = command_at(i)->lists[0];
        if (list != NULL && strcmp(list->title, "Filters") == 0) {
            return list;
        }
    }
    return NULL;
}

void
manual_page(FILE *file)
{
    fprintf(
        file,
        ".TH GPULET 1 \"\" \"gpulet %s\" \"User Commands\"\n"
        ".SH NAME\ngpulet \\- let GPUs and rent them, peer to peer\n"
        ".SH SYNOPSIS\n.B gpulet\n.I COMMAND\n[\\fIOPTION\\fR...]\n"
        ".SH DESCRIPTION\n"
        "Talks to the\n.BR gpuletd (1)\nof the same data directory. Data goes to standard output "
        "and talk to\nstandard error, so that every command can be scripted; with\n.B "
        "\\-\\-json\nthere is one JSON document, whose amounts are integers in millionths of a "
        "US dollar.\nIds can be shortened to any unique prefix.\n",
        GPULET_VERSION);
    fputs(".SH GLOBAL OPTIONS\nBefore or after the command.\n", file);
    print_roff_options(file, &global_options);
    fputs(".SH COMMANDS\n", file);
    for (size_t i = 0; i < command_count(); i++) {
        if (!command_at(i)->hidden) {
            print_roff_command(file, command_at(i));
        }
    }
    fputs(".SH FILTERS\n", file);
    print_roff_options(file, find_filters());
    fputs(".SH EXIT STATUS\n", file);
    print_roff_literal(file, exit_codes_text);
    fputs(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colours when it is set.\n"
          ".TP\n.B XDG_DATA_HOME\nHolds the data directory of an ordinary user.\n"
          ".SH SEE ALSO\n.BR gpuletd (1)\n",
          file);
}

void
manual_daemon_page(FILE *file)
{
    static const struct option plain_table[] = {
        {.name = "data",
         .kind = VALUE_PATH,
         .shown = "DIR",
         .help = "data directory",
         .fallback = "$XDG_DATA_HOME/gpulet; /var/lib/gpulet for root"},
        {.name = "config",
         .kind = VALUE_PATH,
         .shown = "FILE",
         .help = "file of settings",
         .fallback = "<data>/gpuletd.conf"},
        {.name = "check", .help = "say what this machine has and lacks, and end"},
        {.name = "json", .help = "the answer of --check as JSON"},
        {.name = "version", .help = "print the version"},
        {.name = "help", .help = "print the options"},
    };
    static const struct option_list plain_options = {"Options", plain_table,
                                                     sizeof plain_table / sizeof plain_table[0]};
    fprintf(file,
            ".TH GPULETD 1 \"\" \"gpulet %s\" \"User Commands\"\n"
            ".SH NAME\ngpuletd \\- a node of the market for GPUs\n"
            ".SH SYNOPSIS\n.B gpuletd\n[\\fIOPTION\\fR...]\n"
            ".SH DESCRIPTION\n"
            "Runs one node: keeps the book, makes and honours leases, runs renters' jobs in a "
            "sandbox.\nThe first start makes the node's identity. A second daemon on the same data "
            "directory is\nrefused. Ordinary use starts it with\n.B gpulet up\nor the service "
            "manager.\n.SH OPTIONS\n",
            GPULET_VERSION);
    print_roff_options(file, &plain_options);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct option option = option_of_setting(setting_at(i));
        print_roff_option(file, &option);
    }
    fputs(".SH FILES\n.TP\n.I <data>/gpuletd.conf\nThe settings, NAME = VALUE a line; see\n"
          ".BR \"gpulet config explain\" .\n"
          ".SH SEE ALSO\n.BR gpulet (1)\n",
          file);
}
