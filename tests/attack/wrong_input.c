/* Wrong input for every command: wrong_input GPULET NETWORK-DIRECTORY NODE STRIDE <help.json
 *
 * Reads the catalogue of `gpulet help --json` and runs every command with unknown options, values that
 * are none, values missing, words too many or too few. Each run must end by itself with exit code 1 or 2, a
 * sentence on stderr and nothing on stdout. Runs that do otherwise are printed; any makes this program
 * fail. With a STRIDE of n only every n-th command line is run, another part of them each time. */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 32, LONG_BYTES = 5000, OUTPUT_SIZE = 16384, TIMEOUT_MS = 10000 };

struct line {
    const char *words[WORDS_MAX + 1];
    size_t count;
};

struct attack {
    const char *program;
    const char *directory;
    const char *node;
    char long_word[LONG_BYTES + 1];
    unsigned stride;
    unsigned lines;
    unsigned runs;
    unsigned bad;
};

struct result {
    int code; /* 128 + n for a signal */
    char out[OUTPUT_SIZE];
    char err[OUTPUT_SIZE];
};

static void
add(struct line *line, const char *word)
{
    if (line->count < WORDS_MAX) {
        line->words[line->count++] = word;
        line->words[line->count] = NULL;
    }
}

/* Adds the words of a text, cut at its spaces; `memory` keeps them. */
static void
add_words(struct line *line, const char *text, char *memory, size_t size)
{
    snprintf(memory, size, "%s", text);
    for (char *at = memory; *at != '\0';) {
        char *space = strchr(at, ' ');
        add(line, at);
        if (space == NULL) {
            return;
        }
        *space = '\0';
        at = space + 1;
    }
}

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _Noreturn void
become(const struct line *line, int out, int err)
{
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    closefrom(3);
    char *words[WORDS_MAX + 1];
    memcpy(words, line->words, sizeof words); /* execv takes them as its own, and changes nothing */
    execv(words[0], words);
    _exit(127);
}

static bool
collect(int file, char *text, size_t *length)
{
    char rest[OUTPUT_SIZE];
    const bool is_full = *length == OUTPUT_SIZE - 1;
    const ssize_t got = read(file, is_full ? rest : text + *length,
                             is_full ? sizeof rest : OUTPUT_SIZE - 1 - *length);
    if (got > 0 && !is_full) {
        *length += (size_t)got;
        text[*length] = '\0';
    }
    return got > 0;
}

/* Reads both ends until they close or the time is over. */
static void
watch(pid_t child, int out, int err, struct result *result)
{
    struct pollfd ends[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    size_t lengths[2] = {0, 0};
    char *const texts[2] = {result->out, result->err};
    const int64_t end_ms = now_ms() + TIMEOUT_MS;
    while ((ends[0].fd >= 0 || ends[1].fd >= 0) && now_ms() < end_ms) {
        if (poll(ends, 2, 100) <= 0) {
            continue;
        }
        for (size_t i = 0; i < 2; i++) {
            if (ends[i].revents != 0 && !collect(ends[i].fd, texts[i], &lengths[i])) {
                ends[i].fd = -1;
            }
        }
    }
    if (now_ms() >= end_ms) {
        kill(child, SIGKILL);
    }
}

static struct result
run(const struct line *line)
{
    struct result result = {.code = 127};
    int out[2];
    int err[2];
    int status;
    if (pipe(out) != 0 || pipe(err) != 0) {
        return result;
    }
    const pid_t child = fork();
    if (child == 0) {
        become(line, out[1], err[1]);
    }
    close(out[1]);
    close(err[1]);
    if (child > 0) {
        watch(child, out[0], err[0], &result);
        waitpid(child, &status, 0);
        result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    close(out[0]);
    close(err[0]);
    return result;
}

static void
print_line(const struct line *line, const struct result *result, const char *complaint)
{
    printf("%s:", complaint);
    for (size_t i = 0; i < line->count; i++) {
        printf(strlen(line->words[i]) > 60 ? " '%.60s...'" : " '%s'", line->words[i]);
    }
    printf("\n  exit code %d, stdout \"%.100s\", stderr \"%.200s\"\n", result->code, result->out,
           result->err);
}

/* The rule of all of them. `usage` insists on exit code 2. */
static void
expect(struct attack *attack, const struct line *line, bool usage)
{
    attack->lines++;
    if (attack->lines % attack->stride != 0) {
        return;
    }
    const struct result result = run(line);
    const size_t length = strlen(result.err);
    const char *complaint = NULL;
    if (result.code != 2 && (usage || result.code != 1)) {
        complaint = usage ? "not exit code 2" : "neither exit code 1 nor 2";
    } else if (result.out[0] != '\0') {
        complaint = "something on stdout";
    } else if (length < 10 || result.err[length - 1] != '\n' || strchr(result.err, ' ') == NULL) {
        complaint = "no sentence on stderr";
    }
    attack->runs++;
    if (complaint != NULL) {
        attack->bad++;
        print_line(line, &result, complaint);
    }
}

/* gpulet, the network, the command; operands so that only the rest can be wrong. */
static struct line
begin(const struct attack *attack, const json_t *command, bool with_operands, char *memory,
      size_t size)
{
    struct line line = {.count = 0};
    const char *operands = json_string_value(json_object_get(command, "operands"));
    const char *name = json_string_value(json_object_get(command, "name"));
    add(&line, attack->program);
    add(&line, "--dir");
    add(&line, attack->directory);
    if (strncmp(name, "testnet", 7) != 0) {
        add(&line, "--node");
        add(&line, attack->node);
    }
    add_words(&line, name, memory, size);
    for (const char *at = operands; with_operands && *at != '\0' && *at != '[';) {
        add(&line, "00");
        at = strchr(at, ' ');
        at = at == NULL ? "" : at + 1;
    }
    return line;
}

static void
end(struct line *line, const json_t *command)
{
    if (json_is_true(json_object_get(command, "runs_job"))) {
        add(line, "--");
        add(line, "true");
    }
}

/* Any word is a value of these; what is wrong with it shows later, or never. */
static bool
takes_any_word(const char *shown)
{
    static const char *const kinds[] = {"TEXT", "FILE", "DIR", "PATH", "sha256:..."};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(shown, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void
attack_option(struct attack *attack, const json_t *command, const json_t *option)
{
    const char *const values[] = {"",
                                  "nonsense!",
                                  "-1",
                                  "1e99",
                                  "99999999999999999999999999",
                                  "0x10",
                                  "1;2",
                                  "\xff\xfe",
                                  "NaN",
                                  "\x1b[2J",
                                  "%n%s%n",
                                  attack->long_word};
    char memory[128];
    char name[80];
    const char *shown = json_string_value(json_object_get(option, "value"));
    snprintf(name, sizeof name, "--%s", json_string_value(json_object_get(option, "name")));
    struct line line = begin(attack, command, true, memory, sizeof memory);
    if (shown == NULL) {
        char with_value[96];
        snprintf(with_value, sizeof with_value, "%s=yes", name);
        add(&line, with_value);
        end(&line, command);
        expect(attack, &line, true);
        return;
    }
    add(&line, name);
    expect(attack, &line, true); /* the value is missing */
    for (size_t i = 0; i < sizeof values / sizeof values[0] && !takes_any_word(shown); i++) {
        line = begin(attack, command, true, memory, sizeof memory);
        add(&line, name);
        add(&line, values[i]);
        end(&line, command);
        expect(attack, &line, false);
    }
}

static void
attack_words(struct attack *attack, const json_t *command)
{
    static const char *const words[] = {"--no-such-option", "--no-such=3", "-Z", "---", "--=", "-"};
    const char *operands = json_string_value(json_object_get(command, "operands"));
    char memory[128];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct line line = begin(attack, command, true, memory, sizeof memory);
        add(&line, words[i]);
        end(&line, command);
        expect(attack, &line, i < 3);
    }
    struct line line = begin(attack, command, true, memory, sizeof memory);
    for (unsigned i = 0; i < 4; i++) {
        add(&line, "surplus");
    }
    end(&line, command);
    expect(attack, &line, strncmp(operands, "[", 1) != 0);
    if (operands[0] != '\0' && operands[0] != '[') {
        line = begin(attack, command, false, memory, sizeof memory);
        expect(attack, &line, true);
    }
    if (json_is_true(json_object_get(command, "runs_job"))) {
        line = begin(attack, command, false, memory, sizeof memory);
        expect(attack, &line, true);
    }
}

static void
attack_operands(struct attack *attack, const json_t *command)
{
    const char *const values[] = {"",   "nonsense!", "..",     "00",
                                  "zz", "\xff\xfe",  "%n%s%n", attack->long_word};
    const char *operands = json_string_value(json_object_get(command, "operands"));
    char memory[128];
    if (operands[0] == '\0' || operands[0] == '[') {
        return;
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct line line = begin(attack, command, false, memory, sizeof memory);
        add(&line, values[i]);
        if (strchr(operands, ' ') != NULL) {
            add(&line, values[i]);
        }
        expect(attack, &line, false);
    }
}

static void
attack_command(struct attack *attack, const json_t *command)
{
    const json_t *options = json_object_get(command, "options");
    attack_words(attack, command);
    attack_operands(attack, command);
    for (size_t i = 0; i < json_array_size(options); i++) {
        attack_option(attack, command, json_array_get(options, i));
    }
}

int
main(int argc, char **argv)
{
    static struct attack attack;
    json_t *document = json_loadf(stdin, 0, NULL);
    const json_t *commands = json_object_get(document, "commands");
    const unsigned long stride = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    if (stride == 0 || stride > 100 || json_array_size(commands) == 0) {
        fprintf(stderr, "usage: wrong_input GPULET NETWORK-DIRECTORY NODE STRIDE <help.json\n");
        json_decref(document);
        return 2;
    }
    attack.program = argv[1];
    attack.directory = argv[2];
    attack.node = argv[3];
    attack.stride = (unsigned)stride;
    attack.lines = (unsigned)getpid() % attack.stride; /* another part each time */
    memset(attack.long_word, 'a', LONG_BYTES);
    for (size_t i = 0; i < json_array_size(commands); i++) {
        attack_command(&attack, json_array_get(commands, i));
    }
    printf("%u wrong command lines of %zu commands, %u of them not refused as they should be\n",
           attack.runs, json_array_size(commands), attack.bad);
    json_decref(document);
    return attack.bad == 0 && attack.lines > 500 ? EXIT_SUCCESS : EXIT_FAILURE;
}
