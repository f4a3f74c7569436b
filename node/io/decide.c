#include "node/io/decide.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/clock.h"
#include "node/io/log.h"

enum { ASKED_MAX = 16, QUESTION_BYTES_MAX = 32768, REASON_SIZE = 256 };

extern char **environ;

/* One run of the program. */
struct asked {
    bool is_used;
    uint64_t token;
    pid_t pid; /* 0: it could not be started */
    int output;
    int64_t until_ms;
    size_t place;
    size_t length;
    char bytes[DECIDE_BYTES_MAX];
};

struct decide {
    const char *program;
    struct poll_set *set; /* of the last poll */
    struct asked list[ASKED_MAX];
    uint64_t refused[ASKED_MAX]; /* tokens for which there was no place */
    size_t refused_count;
};

struct decide *
decide_new(const char *program)
{
    struct decide *decide = calloc(1, sizeof *decide);
    if (decide != NULL) {
        decide->program = program;
    }
    return decide;
}

static void
end_run(struct asked *asked)
{
    if (asked->pid > 0) {
        kill(-asked->pid, SIGKILL);
        while (waitpid(asked->pid, NULL, 0) < 0 && errno == EINTR) {
            continue; /* it was killed: this takes no time */
        }
    }
    if (asked->output >= 0) {
        close(asked->output);
    }
    asked->is_used = false;
}

void
decide_free(struct decide *decide)
{
    if (decide == NULL) {
        return;
    }
    for (size_t i = 0; i < ASKED_MAX; i++) {
        if (decide->list[i].is_used) {
            end_run(&decide->list[i]);
        }
    }
    free(decide);
}

/* A plain process group of its own, without what we block, ignore or hold open. */
static pid_t
spawn(const char *program, int input, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    sigset_t none;
    sigset_t ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    char *name = strdup(program);
    char *const arguments[] = {name, NULL};
    pid_t pid = 0;
    if (name == NULL ||
        posix_spawn(&pid, program, &actions, &attributes, arguments, environ) != 0) {
        pid = 0;
    }
    free(name);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return pid;
}

/* The pipe takes the question whole, so that nobody waits for the program to read it. */
static bool
start(const char *program, struct bytes question, struct asked *asked)
{
    int in[2];
    int out[2];
    if (question.length > QUESTION_BYTES_MAX || pipe2(in, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    const bool written = write(in[1], question.data, question.length) == (ssize_t)question.length;
    close(in[1]);
    asked->pid = written ? spawn(program, in[0], out[1]) : 0;
    asked->output = out[0];
    close(in[0]);
    close(out[1]);
    return asked->pid > 0;
}

void
decide_ask(struct decide *decide, uint64_t token, struct bytes json)
{
    struct asked *asked = NULL;
    for (size_t i = 0; i < ASKED_MAX && asked == NULL; i++) {
        asked = decide->list[i].is_used ? NULL : &decide->list[i];
    }
    if (asked == NULL || decide->program[0] == '\0') {
        if (decide->refused_count < ASKED_MAX) {
            decide->refused[decide->refused_count++] = token;
        }
        return;
    }
    memset(asked, 0, sizeof *asked);
    asked->is_used = true;
    asked->token = token;
    asked->output = -1;
    asked->place = POLL_PLACE_NONE;
    const bool runs = start(decide->program, json, asked);
    asked->until_ms = runs ? clock_boot_ms() + DECIDE_MS_MAX : 0;
    if (!runs) {
        log_line(LOG_WARNING, "the deciding program %s cannot be started", decide->program);
    }
}

void
decide_add_to_poll(struct decide *decide, struct poll_set *set)
{
    decide->set = set;
    for (size_t i = 0; i < ASKED_MAX; i++) {
        struct asked *asked = &decide->list[i];
        asked->place = asked->is_used && asked->output >= 0
                           ? poll_set_add_fd(set, asked->output, ZMQ_POLLIN)
                           : POLL_PLACE_NONE;
    }
}

static void
give(const struct sink *sink, uint64_t token, bool accepted, const char *reason)
{
    const struct event event = {
        .type = EVENT_DECIDED,
        .as.decided = {.token = token, .accepted = accepted, .text = bytes_of_text(reason)}};
    sink->take(sink->context, &event);
}

/* Reads {"accept": ..., "reason": ...}; whatever else it says is a refusal. */
static void
give_answer(const struct asked *asked, const struct sink *sink)
{
    char reason[REASON_SIZE] = "the host's own program did not answer as it should";
    bool accepted = false;
    json_error_t error;
    json_t *answer = json_loadb(asked->bytes, asked->length, JSON_REJECT_DUPLICATES, &error);
    const json_t *accept = json_object_get(answer, "accept");
    const char *text = json_string_value(json_object_get(answer, "reason"));
    if (json_is_boolean(accept)) {
        accepted = json_is_true(accept);
        reason[0] = '\0';
        if (text != NULL) {
            (void)snprintf(reason, sizeof reason, "%s", text);
        }
    }
    json_decref(answer);
    give(sink, asked->token, accepted, reason);
}

/* True when there will be no more: its end, too much, or an error. */
static bool
read_output(struct asked *asked)
{
    while (asked->length < sizeof asked->bytes) {
        const ssize_t got =
            read(asked->output, asked->bytes + asked->length, sizeof asked->bytes - asked->length);
        if (got <= 0) {
            return got == 0 || errno != EAGAIN;
        }
        asked->length += (size_t)got;
    }
    asked->length = 0; /* over the limit: no answer at all */
    return true;
}

void
decide_receive(struct decide *decide, const struct sink *sink)
{
    const int64_t now_ms = clock_boot_ms();
    while (decide->refused_count > 0) {
        give(sink, decide->refused[--decide->refused_count], false, "the host is busy deciding");
    }
    for (size_t i = 0; i < ASKED_MAX; i++) {
        struct asked *asked = &decide->list[i];
        if (!asked->is_used) {
            continue;
        }
        const bool is_ready = decide->set != NULL && poll_set_is_ready(decide->set, asked->place);
        const bool is_over = is_ready && read_output(asked);
        const bool is_late = asked->until_ms <= now_ms;
        if (is_over || is_late) {
            asked->length = is_over ? asked->length : 0;
            end_run(asked);
            give_answer(asked, sink);
        }
    }
}

int64_t
decide_deadline_ms(const struct decide *decide)
{
    int64_t due = decide->refused_count > 0 ? 0 : INT64_MAX;
    for (size_t i = 0; i < ASKED_MAX; i++) {
        const struct asked *asked = &decide->list[i];
        due = asked->is_used && asked->until_ms < due ? asked->until_ms : due;
    }
    return due;
}
