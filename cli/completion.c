#include <string.h>

#include "cli/manual.h"

static void
print_options(FILE *file, const struct option_list *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        fprintf(file, " --%s", list->options[i].name);
    }
}

/* The first words of commands, each once. */
static void
print_first_words(FILE *file)
{
    for (size_t i = 0; i < command_count(); i++) {
        const char *name = command_at(i)->name;
        const size_t length = strcspn(name, " ");
        const char *before = i == 0 ? "" : command_at(i - 1)->name;
        const bool is_repeated =
            strcspn(before, " ") == length && strncmp(before, name, length) == 0;
        if (!is_repeated) {
            fprintf(file, " %.*s", (int)length, name);
        }
    }
}

static void
print_second_words(FILE *file)
{
    for (size_t i = 0; i < command_count(); i++) {
        const char *name = command_at(i)->name;
        const size_t length = strcspn(name, " ");
        if (name[length] == ' ') {
            fprintf(file, "    '%.*s') words=\"$words %s\" ;;&\n", (int)length, name,
                    name + length + 1);
        }
    }
}

void
manual_completion(FILE *file)
{
    fputs("# bash completion of gpulet, printed by: gpulet help --completion bash\n"
          "_gpulet() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} first= pair= word words=\n"
          "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
          "        case $word in --) return ;; -*) continue ;; esac\n"
          "        if [ -z \"$first\" ]; then first=$word\n"
          "        elif [ -z \"$pair\" ]; then pair=\"$first $word\"; fi\n"
          "    done\n"
          "    if [ -z \"$first\" ]; then words=\"",
          file);
    print_first_words(file);
    fputs("\"; fi\n    case $first in\n", file);
    print_second_words(file);
    fputs("    esac\n    if [ \"${current#-}\" != \"$current\" ]; then\n        words=\"", file);
    print_options(file, &global_options);
    fputs("\"\n", file);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        if (command->lists[0] == NULL) {
            continue;
        }
        const char *variable = strchr(command->name, ' ') != NULL ? "pair" : "first";
        fprintf(file, "        [ \"$%s\" != '%s' ] || words=\"$words", variable, command->name);
        for (size_t n = 0; n < OPTION_LISTS_MAX; n++) {
            print_options(file, command->lists[n]);
        }
        for (size_t n = 0; command->takes_settings && n < setting_count(); n++) {
            fprintf(file, " --%s", setting_at(n)->name);
        }
        fputs("\"\n", file);
    }
    fputs("    fi\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "}\n"
          "complete -o default -F _gpulet gpulet\n",
          file);
}
