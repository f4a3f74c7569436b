/* The command line: what is read, and what is refused with which words. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

enum { WORDS_MAX_HERE = 24 };

static char sentence[1024];
static struct invocation invocation;

/* Reads a line of words parted by blanks; a word '' is empty. */
static enum status
read_line(const char *line)
{
    static char memory[1024];
    static char *words[WORDS_MAX_HERE];
    int count = 0;
    words[count++] = "gpulet";
    snprintf(memory, sizeof memory, "%s", line);
    for (char *at = memory; *at != '\0';) {
        const size_t length = strcspn(at, " ");
        if (length > 0) {
            words[count++] = at;
        }
        at += length;
        while (*at == ' ') {
            *at++ = '\0';
        }
    }
    struct buffer why;
    buffer_init(&why, sentence, sizeof sentence - 1);
    const enum status status = invocation_read(count, words, &invocation, &why);
    sentence[why.length] = '\0';
    return status;
}

Test(command, names_are_unique_and_every_command_is_explained)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        cr_assert(command->summary[0] != '\0', "%s", command->name);
        cr_assert_not_null(command->run, "%s", command->name);
        cr_assert(command->operands_min <= command->operands_max, "%s", command->name);
        cr_assert((command->operands[0] == '\0') == (command->operands_max == 0), "%s",
                  command->name);
        for (size_t k = i + 1; k < command_count(); k++) {
            cr_assert_str_neq(command->name, command_at(k)->name);
        }
    }
}

static bool
list_has(const struct option_list *list, const struct option *wanted)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct option *option = &list->options[i];
        if (option != wanted && (strcmp(option->name, wanted->name) == 0 ||
                                 (option->letter != 0 && option->letter == wanted->letter))) {
            return true;
        }
    }
    return false;
}

Test(command, no_option_of_a_command_hides_another_one)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        for (size_t a = 0; a < OPTION_LISTS_MAX && command->lists[a] != NULL; a++) {
            for (size_t o = 0; o < command->lists[a]->count; o++) {
                const struct option *option = &command->lists[a]->options[o];
                cr_assert(option->help[0] != '\0', "%s --%s", command->name, option->name);
                cr_assert(!list_has(&global_options, option), "%s --%s", command->name,
                          option->name);
                cr_assert(!command->takes_settings ||
                              setting_find(bytes_of_text(option->name)) == NULL,
                          "%s --%s", command->name, option->name);
                for (size_t b = 0; b < OPTION_LISTS_MAX && command->lists[b] != NULL; b++) {
                    cr_assert(!list_has(command->lists[b], option), "%s --%s", command->name,
                              option->name);
                }
            }
        }
    }
}

/* A line that is right for the command, so that one wrong word more is all that is wrong. */
static void
write_right_line(const struct command *command, char *line, size_t size)
{
    int length = snprintf(line, size, "%s", command->name);
    for (size_t i = 0; i < command->operands_min; i++) {
        length += snprintf(line + length, size - (size_t)length, " word");
    }
    if (command->job == JOB_NEEDED) {
        snprintf(line + length, size - (size_t)length, " -- true");
    }
}

Test(command, every_command_reads_its_plain_line)
{
    char line[256];
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        write_right_line(command, line, sizeof line);
        cr_assert_eq(read_line(line), STATUS_OK, "%s: %s", line, sentence);
        cr_assert_eq(invocation.command, command, "%s", line);
        cr_assert_eq(invocation.operand_count, command->operands_min, "%s", line);
        cr_assert_eq(invocation.job_count, command->job == JOB_NEEDED ? 1 : 0, "%s", line);
    }
}

Test(command, every_command_refuses_what_it_does_not_know)
{
    char line[256];
    char wrong[512];
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        write_right_line(command, line, sizeof line);

        snprintf(wrong, sizeof wrong, "%s --no-such-thing-here", command->name);
        cr_assert_eq(read_line(wrong), STATUS_BAD_INPUT, "%s", wrong);
        cr_assert_not_null(strstr(sentence, "--no-such-thing-here"), "%s: %s", wrong, sentence);

        snprintf(wrong, sizeof wrong, "%s -Z", command->name);
        cr_assert_eq(read_line(wrong), STATUS_BAD_INPUT, "%s", wrong);

        int length = snprintf(wrong, sizeof wrong, "%s", command->name);
        for (size_t n = 0; n <= command->operands_max && n < OPERANDS_MAX; n++) {
            length += snprintf(wrong + length, sizeof wrong - (size_t)length, " more");
        }
        cr_assert_eq(read_line(wrong), STATUS_BAD_INPUT, "%s", wrong);

        if (command->operands_min > 0) {
            cr_assert_eq(read_line(command->name), STATUS_BAD_INPUT, "%s", command->name);
            cr_assert_not_null(strstr(sentence, command->operands), "%s: %s", wrong, sentence);
        }
        if (command->job == JOB_NONE) {
            snprintf(wrong, sizeof wrong, "%s -- true", line);
            cr_assert_eq(read_line(wrong), STATUS_BAD_INPUT, "%s", wrong);
        }
    }
}

Test(command, an_empty_word_is_no_name_but_may_be_a_value)
{
    static char *const words[][5] = {{"gpulet", "config", "get", ""},
                                     {"gpulet", "lease", "show", ""},
                                     {"gpulet", "config", "set", "", "x"},
                                     {"gpulet", "config", "set", "label", ""}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct buffer why;
        buffer_init(&why, sentence, sizeof sentence);
        cr_assert_eq(invocation_read(words[i][4] == NULL ? 4 : 5, words[i], &invocation, &why),
                     i == 3 ? STATUS_OK : STATUS_BAD_INPUT, "line %zu", i);
    }
}

Test(command, every_option_that_takes_a_value_wants_one_and_every_flag_none)
{
    char line[256];
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        for (size_t a = 0; a < OPTION_LISTS_MAX && command->lists[a] != NULL; a++) {
            for (size_t o = 0; o < command->lists[a]->count; o++) {
                const struct option *option = &command->lists[a]->options[o];
                const bool is_flag = option->kind == VALUE_NONE;
                snprintf(line, sizeof line, "%s --%s%s", command->name, option->name,
                         is_flag ? "=x" : "");
                cr_assert_eq(read_line(line), STATUS_BAD_INPUT, "%s", line);
                cr_assert_not_null(strstr(sentence, option->name), "%s: %s", line, sentence);
            }
        }
    }
}

Test(command, every_command_explains_itself_whatever_is_missing)
{
    char line[256];
    for (size_t i = 0; i < command_count(); i++) {
        snprintf(line, sizeof line, "%s --help", command_at(i)->name);
        cr_assert_eq(read_line(line), STATUS_OK, "%s: %s", line, sentence);
        cr_assert(option_is_given(&invocation, "help"), "%s", line);
    }
}

Test(command, wrong_lines_are_refused_with_the_nearest_right_word)
{
    static const struct {
        const char *line;
        const char *words; /* that the sentence has */
    } cases[] = {
        {"lisings", "listings"},
        {"testnte up", "no command \"testnte\""},
        {"lease shwo abc", "lease show"},
        {"lease", "lease extend"},
        {"--jsno status", "did you mean --json?"},
        {"status --jsn", "did you mean --json?"},
        {"rent --vran 24GiB -- x", "did you mean --vram?"},
        {"rent --vram 24GB -- x", "24GiB"},
        {"rent --vram -- x", "--"},
        {"rent --gpu rtx4009 -- x", "rtx4090"},
        {"rent --work infre -- x", "did you mean infer?"},
        {"rent --region eur -- x", "did you mean eu?"},
        {"rent --vendor nvidai -- x", "nvidia"},
        {"rent --isolation contaner -- x", "container"},
        {"rent --for 2x -- x", "--for"},
        {"rent --for -- x", "--for"},
        {"rent --max-price cheap -- x", "--max-price"},
        {"rent --max-price -1 -- x", "--max-price"},
        {"rent --count many -- x", "--count"},
        {"rent --count 99999999 -- x", "--count"},
        {"rent --env =value -- x", "NAME=VALUE"},
        {"rent --env NAME -- x", "NAME=VALUE"},
        {"rent --reliability 101% -- x", "--reliability"},
        {"rent --cuda twelve -- x", "--cuda"},
        {"rent --vram 24GiB --vram 8GiB -- x", "twice"},
        {"rent --json --json -- x", "twice"},
        {"rent sh -c true", "say what to run"},
        {"rent --", "say what to run"},
        {"host --ask free", "--ask"},
        {"host --gpu 0,64", "--gpu"},
        {"host --gpu 3-1", "ends before"},
        {"host --when someday", "--when"},
        {"host --works traim", "train"},
        {"host --min 1h30", "--min"},
        {"lease extend abc --by soon", "--by"},
        {"ledger --after first", "--after"},
        {"testnet up --hosts -1", "--hosts"},
        {"testnet up --seed x", "--seed"},
        {"up --netwrk test-a", "did you mean --network?"},
        {"up --listen here", "--listen"},
        {"up --simulate rtx4090 --simulate rtx3060", "twice"},
        {"--data", "--data needs a value"},
        {"--data= status", "--data"},
        {"config set only-a-name", "NAME VALUE"},
        {"status extra", "\"extra\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(read_line(cases[i].line), STATUS_BAD_INPUT, "%s", cases[i].line);
        cr_assert_not_null(strstr(sentence, cases[i].words), "%s: \"%s\" lacks \"%s\"",
                           cases[i].line, sentence, cases[i].words);
    }
}

Test(command, global_options_stand_anywhere_before_the_dashes)
{
    static const char *const lines[] = {
        "--json --data /tmp/x listings --mine",
        "listings --json --mine --data /tmp/x",
        "--data=/tmp/x listings --mine --json",
        "--json listings --mine --data=/tmp/x",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_assert_eq(read_line(lines[i]), STATUS_OK, "%s: %s", lines[i], sentence);
        cr_assert_str_eq(invocation.command->name, "listings");
        cr_assert_str_eq(option_value(&invocation, "data"), "/tmp/x");
        cr_assert(option_is_given(&invocation, "json"));
        cr_assert(option_is_given(&invocation, "mine"));
        cr_assert_eq(invocation.operand_count, 0);
    }
    cr_assert_eq(read_line("lease --json show --data /tmp/x abc"), STATUS_OK, "%s", sentence);
    cr_assert_str_eq(invocation.command->name, "lease show");
    cr_assert_str_eq(invocation.operands[0], "abc");
}

Test(command, what_stands_after_the_dashes_is_the_jobs_alone)
{
    cr_assert_eq(read_line("rent -n --for 2m -- sh --json -n -- --help"), STATUS_OK, "%s",
                 sentence);
    cr_assert_eq(invocation.job_count, 5);
    cr_assert_str_eq(invocation.job[0], "sh");
    cr_assert_str_eq(invocation.job[1], "--json");
    cr_assert_str_eq(invocation.job[3], "--");
    cr_assert_str_eq(invocation.job[4], "--help");
    cr_assert(!option_is_given(&invocation, "json"));
    cr_assert(!option_is_given(&invocation, "help"));
    cr_assert(option_is_given(&invocation, "no-input"));
    cr_assert_eq(option_seconds(&invocation, "for", 0), 120);
}

Test(command, options_that_repeat_are_all_kept)
{
    cr_assert_eq(read_line("rent --env A=1 -e B=2 --env=C=3 -- x"), STATUS_OK, "%s", sentence);
    cr_assert_eq(invocation.given_count, 3);
    cr_assert_str_eq(invocation.given[0].value, "A=1");
    cr_assert_str_eq(invocation.given[1].value, "B=2");
    cr_assert_str_eq(invocation.given[2].value, "C=3");
}

Test(command, up_takes_every_setting_of_the_daemon)
{
    cr_assert_eq(read_line("up --network test-me --simulate rtx4090 --label=me"), STATUS_OK, "%s",
                 sentence);
    cr_assert_eq(invocation.given_count, 3);
    cr_assert(invocation.given[0].is_setting);
    cr_assert_str_eq(option_value(&invocation, "network"), "test-me");
    cr_assert_eq(read_line("status --network test-me"), STATUS_BAD_INPUT);
}

Test(command, no_word_is_no_command_and_a_missing_option_has_its_fallback)
{
    cr_assert_eq(read_line(""), STATUS_OK);
    cr_assert_null(invocation.command);
    cr_assert_eq(read_line("search"), STATUS_OK);
    cr_assert_eq(option_count(&invocation, "limit", 20), 20);
    cr_assert_eq(option_seconds(&invocation, "for", 77), 77);
    cr_assert_null(option_value(&invocation, "vram"));
}

Test(command, too_many_words_and_options_are_refused_not_lost)
{
    static char *words[GIVEN_MAX * 2 + 8];
    char *const option = "--env";
    char *const value = "A=1";
    struct buffer why;
    int count = 0;
    words[count++] = "gpulet";
    words[count++] = "rent";
    for (int i = 0; i < GIVEN_MAX + 1; i++) {
        words[count++] = option;
        words[count++] = value;
    }
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(invocation_read(count, words, &invocation, &why), STATUS_BAD_INPUT);
    count = 2;
    for (int i = 0; i < OPERANDS_MAX + 1; i++) {
        words[count++] = "word";
    }
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(invocation_read(count, words, &invocation, &why), STATUS_BAD_INPUT);
}
