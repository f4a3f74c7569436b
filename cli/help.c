#include <string.h>

#include "cli/commands.h"
#include "cli/manual.h"
#include "cli/talk.h"
#include "protocol/nearest.h"

static int
refuse_choice(const char *what, const char *value, const char *choices)
{
    talk_say("there is no %s \"%s\"; there is: %s", what, value, choices);
    return EXIT_USAGE;
}

static int
help_about(const struct invocation *invocation)
{
    char memory[128];
    struct buffer name;
    buffer_init(&name, memory, sizeof memory);
    for (size_t i = 0; i < invocation->operand_count; i++) {
        buffer_append_format(&name, "%s%s", i == 0 ? "" : " ", invocation->operands[i]);
    }
    const struct command *command = name.overflowed ? NULL : command_find(buffer_bytes(&name));
    if (command != NULL) {
        manual_command(stdout, command);
        return talk_flush();
    }
    bool is_known = false;
    for (size_t i = 0; i < command_count() && invocation->operand_count == 1; i++) {
        const char *other = command_at(i)->name;
        const size_t length = strlen(invocation->operands[0]);
        if (strncmp(other, invocation->operands[0], length) == 0 && other[length] == ' ') {
            printf("  gpulet %-18s %s\n", other, command_at(i)->summary);
            is_known = true;
        }
    }
    if (!is_known) {
        talk_say("there is no command \"%.*s\"; the list is: gpulet help", (int)name.length,
                 memory);
        return EXIT_USAGE;
    }
    return talk_flush();
}

int
run_help(const struct invocation *invocation)
{
    const char *page = option_value(invocation, "man");
    const char *shell = option_value(invocation, "completion");
    if (page != NULL && strcmp(page, "gpulet") != 0 && strcmp(page, "gpuletd") != 0) {
        return refuse_choice("manual page", page, "gpulet, gpuletd");
    }
    if (shell != NULL && strcmp(shell, "bash") != 0) {
        return refuse_choice("completion for", shell, "bash");
    }
    if (page != NULL) {
        if (strcmp(page, "gpulet") == 0) {
            manual_page(stdout);
        } else {
            manual_daemon_page(stdout);
        }
        return talk_flush();
    }
    if (shell != NULL) {
        manual_completion(stdout);
        return talk_flush();
    }
    if (option_is_given(invocation, "json")) {
        return talk_document(manual_catalogue());
    }
    if (invocation->operand_count > 0) {
        return help_about(invocation);
    }
    manual_overview(stdout);
    return talk_flush();
}
