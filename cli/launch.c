#include "cli/launch.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/place.h"
#include "cli/talk.h"
#include "cli/word_list.h"
#include "protocol/codec.h"

enum {
    READY_MS = 20000,
    POLL_MS = 25,
    ANSWER_MS = 2000,
    LOG_TAIL_BYTES = 2000,
    LOG_TAIL_LINES = 6
};

/* One question without talk: bounded, and silent when nobody is there. With `process`, not longer
 * than that one runs: a daemon that ends may do so before its last word is through. */
static bool
ask_quietly(const char *data, uint8_t question, const void *value, const struct process *process,
            struct answer *answer)
{
    char path[PLACE_SIZE];
    struct connection *connection;
    if (place_socket(data, path) != STATUS_OK || connection_open(path, &connection) != STATUS_OK) {
        return false;
    }
    const int64_t end_ms = connection_clock_ms() + ANSWER_MS;
    enum status status = connection_send(connection, control_schema(question), value);
    bool is_done = false;
    while (!is_done && status == STATUS_OK && connection_clock_ms() < end_ms &&
           (process == NULL || process_runs(process))) {
        struct bytes frame;
        struct control_row row;
        uint8_t type;
        status = connection_wait(connection, NULL, 0, POLL_MS);
        while (status == STATUS_OK && connection_receive(connection, &frame) == STATUS_OK &&
               message_type(frame, &type) == STATUS_OK) {
            is_done = is_done || type == CONTROL_DONE;
            if (type == CONTROL_ROW &&
                message_decode(control_schema(type), frame, &row) == STATUS_OK) {
                status = answer_keep(answer, row.row, row.value);
            }
        }
    }
    connection_close(connection);
    return is_done;
}

bool
launch_status(const char *data, struct answer *answer)
{
    const struct control_plain question = {0};
    return ask_quietly(data, CONTROL_STATUS, &question, NULL, answer) &&
           answer_count(answer, ROW_STATUS) > 0;
}

/* The log's last lines: what a daemon that ended had to say. */
static void
print_log_tail(const char *log_path)
{
    char tail[LOG_TAIL_BYTES + 1];
    FILE *log = fopen(log_path, "re");
    if (log == NULL) {
        return;
    }
    if (fseek(log, -LOG_TAIL_BYTES, SEEK_END) != 0) {
        rewind(log);
    }
    const size_t length = fread(tail, 1, LOG_TAIL_BYTES, log);
    fclose(log);
    tail[length] = '\0';
    size_t start = length;
    for (int lines = 0; start > 0; start--) {
        lines += tail[start - 1] == '\n' && start < length ? 1 : 0;
        if (lines == LOG_TAIL_LINES) {
            break;
        }
    }
    fputs(tail + start, stderr);
}

int
launch_wait(const char *data, const char *log_path, const struct process *process, int timeout_ms,
            struct answer *answer)
{
    const int64_t end_ms = connection_clock_ms() + timeout_ms;
    while (!launch_status(data, answer)) {
        answer_clear(answer);
        if (!process_runs(process)) {
            talk_say("gpuletd did not start; its log (%s) ends with:", log_path);
            print_log_tail(log_path);
            return EXIT_REFUSED;
        }
        if (connection_clock_ms() >= end_ms) {
            talk_say("gpuletd (pid %ld) does not answer after %d s; its log is %s",
                     (long)process->pid, timeout_ms / 1000, log_path);
            return EXIT_REFUSED;
        }
        process_sleep_ms(POLL_MS);
    }
    return EXIT_DONE;
}

void
launch_ask_stop(const char *data, const struct process *process)
{
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    if (!ask_quietly(data, CONTROL_STOP, &question, process, &answer)) {
        process_signal(process, SIGTERM);
    }
    answer_clear(&answer);
}

bool
launch_wait_stopped(const struct process *process, int timeout_ms, bool may_kill)
{
    if (process_wait_gone(process, timeout_ms)) {
        return true;
    }
    if (!may_kill) {
        return false;
    }
    process_signal(process, SIGKILL);
    return process_wait_gone(process, ANSWER_MS);
}

/* What is gpuletd's own to judge. */
static bool
is_passed_on(const struct given *given)
{
    return given->is_setting || strcmp(given->name, "config") == 0;
}

/* gpuletd's own arguments: the data directory, then what was given to `up`. */
static enum status
collect_arguments(const struct invocation *invocation, const char *program, const char *data,
                  struct word_list *words)
{
    word_list_append(words, "%s", program);
    word_list_append(words, "--data");
    word_list_append(words, "%s", data);
    for (size_t i = 0; i < invocation->given_count; i++) {
        const struct given *given = &invocation->given[i];
        if (is_passed_on(given)) {
            word_list_append(words, "--%s", given->name);
            word_list_append(words, "%s", given->value);
        }
    }
    return word_list_status(words);
}

static int
print_running(const struct invocation *invocation, const struct answer *answer)
{
    union row_view view;
    if (option_is_given(invocation, "json")) {
        return talk_single(invocation, answer, ROW_STATUS);
    }
    if (answer_row(answer, ROW_STATUS, 0, &view) != STATUS_OK) {
        talk_say("gpuletd's answer cannot be read; are gpulet and gpuletd of one version?");
        return EXIT_REFUSED;
    }
    const struct status_view *status = &view.status;
    char identity[ID_HEX_SIZE];
    id_to_hex(status->identity.bytes, identity);
    printf("gpuletd %.*s runs (pid %u)\n  network   %.*s%s\n  identity  %s\n  listens   %.*s\n"
           "  data      %.*s\n",
           (int)status->version.length, (const char *)status->version.data, status->pid,
           (int)status->network.length, (const char *)status->network.data,
           status->test_network ? " (a test network)" : "", identity, (int)status->listen.length,
           (const char *)status->listen.data, (int)status->data_dir.length,
           (const char *)status->data_dir.data);
    return talk_flush();
}

static bool
has_daemon_options(const struct invocation *invocation)
{
    for (size_t i = 0; i < invocation->given_count; i++) {
        if (is_passed_on(&invocation->given[i])) {
            return true;
        }
    }
    return false;
}

/* An absolute path, so that the daemon finds it wherever it stands. Makes the directory. */
static enum status
prepare_data(const struct invocation *invocation, char data[PLACE_SIZE], struct buffer *why)
{
    char given[PLACE_SIZE];
    enum status status = place_data(invocation, given, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (place_make(given) != STATUS_OK || realpath(given, data) == NULL) {
        buffer_append_format(why, "cannot make the data directory %s", given);
        return STATUS_SYSTEM;
    }
    return STATUS_OK;
}

/* What a person told the node once holds after a reboot too: it goes into the node's file. Of a
 * --config of one's own nothing is changed. */
static void
keep_settings(const struct invocation *invocation, const char *data)
{
    for (size_t i = 0; i < invocation->given_count; i++) {
        const struct given *given = &invocation->given[i];
        const struct setting *setting = setting_find(bytes_of_text(given->name));
        struct answer answer = {NULL, 0, 0};
        if (!given->is_setting || setting == NULL || setting->may_repeat ||
            option_is_given(invocation, "config")) {
            continue;
        }
        const struct control_setting question = {
            .name = bytes_of_text(given->name), .value = bytes_of_text(given->value), .set = true};
        if (!ask_quietly(data, CONTROL_SETTING, &question, NULL, &answer)) {
            talk_say("warning: --%s holds until gpuletd ends only", given->name);
        }
        answer_clear(&answer);
    }
}

static int
start(const struct invocation *invocation, const char *data, struct answer *answer)
{
    char program[PLACE_SIZE];
    char log_path[PLACE_SIZE];
    struct word_list words = {.count = 0};
    struct process process;
    if (place_daemon(program) != STATUS_OK) {
        talk_say("gpuletd is neither beside gpulet nor in PATH; install both");
        return EXIT_REFUSED;
    }
    enum status status = place_format(log_path, "%s/gpuletd.log", data);
    if (status == STATUS_OK) {
        status = collect_arguments(invocation, program, data, &words);
    }
    if (status == STATUS_OK) {
        status = process_spawn(words.words, log_path, &process);
    }
    word_list_clear(&words);
    if (status != STATUS_OK) {
        talk_say("cannot start %s: %s", program, status_text(status));
        return EXIT_REFUSED;
    }
    const int code = launch_wait(data, log_path, &process, READY_MS, answer);
    if (code == EXIT_DONE) {
        keep_settings(invocation, data);
    }
    return code;
}

int
run_up(const struct invocation *invocation)
{
    char data[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    struct answer answer = {NULL, 0, 0};
    int code;
    buffer_init(&why, memory, sizeof memory);
    enum status status = prepare_data(invocation, data, &why);
    if (status != STATUS_OK) {
        return talk_refuse(status == STATUS_BAD_INPUT ? EXIT_USAGE : EXIT_REFUSED, &why);
    }
    if (!launch_status(data, &answer)) {
        answer_clear(&answer);
        code = start(invocation, data, &answer);
    } else if (has_daemon_options(invocation)) {
        talk_say("gpuletd runs already on %s; to start it with other options: gpulet down", data);
        code = EXIT_REFUSED;
    } else {
        talk_say("gpuletd runs already");
        code = EXIT_DONE;
    }
    if (code == EXIT_DONE) {
        code = print_running(invocation, &answer);
    }
    answer_clear(&answer);
    return code;
}

int
run_down(const struct invocation *invocation)
{
    char data[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    struct answer answer = {NULL, 0, 0};
    struct process process;
    union row_view view;
    buffer_init(&why, memory, sizeof memory);
    enum status status = place_data(invocation, data, &why);
    if (status != STATUS_OK) {
        return talk_refuse(status == STATUS_BAD_INPUT ? EXIT_USAGE : EXIT_REFUSED, &why);
    }
    const struct control_plain question = {0};
    int code = talk_once(invocation, CONTROL_STATUS, &question, &answer);
    if (code == EXIT_DONE && answer_row(&answer, ROW_STATUS, 0, &view) != STATUS_OK) {
        talk_say("gpuletd did not say its process");
        code = EXIT_REFUSED;
    }
    bool is_gone = true;
    if (code == EXIT_DONE && process_find((pid_t)view.status.pid, &process) == STATUS_OK) {
        const uint32_t wait_s = option_seconds(invocation, "wait", 15);
        launch_ask_stop(data, &process);
        is_gone = launch_wait_stopped(&process, (int)wait_s * 1000, false);
    }
    if (!is_gone) {
        talk_say("gpuletd (pid %ld) was asked to stop, but still runs; see %s/gpuletd.log",
                 (long)process.pid, data);
        code = EXIT_REFUSED;
    }
    answer_clear(&answer);
    if (code == EXIT_DONE && option_is_given(invocation, "json")) {
        json_t *document = json_pack("{s:b}", "done", 1);
        return talk_document(document);
    }
    if (code == EXIT_DONE) {
        talk_say("stopped");
    }
    return code;
}
