#include "node/io/decide.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/clock.h"

enum { ANSWERS_MAX = 64 };

struct answers {
    size_t count;
    uint64_t tokens[ANSWERS_MAX];
    bool accepted[ANSWERS_MAX];
    char texts[ANSWERS_MAX][300];
};

static struct answers answers;

static void
take(void *context, const struct event *event)
{
    struct answers *told = context;
    cr_assert_eq(event->type, EVENT_DECIDED);
    told->tokens[told->count] = event->as.decided.token;
    told->accepted[told->count] = event->as.decided.accepted;
    snprintf(told->texts[told->count], sizeof told->texts[0], "%.*s",
             (int)event->as.decided.text.length, (const char *)event->as.decided.text.data);
    told->count++;
}

static char program[64];

static void
write_program(const char *script)
{
    snprintf(program, sizeof program, "/tmp/gpulet-decide-XXXXXX");
    const int file = mkstemp(program);
    FILE *stream = fdopen(file, "w");
    fprintf(stream, "#!/bin/sh\n%s\n", script);
    fchmod(file, 0700);
    fclose(stream);
}

static void
run_until(struct decide *decide, size_t expected, int64_t most_ms)
{
    const struct sink sink = {.take = take, .context = &answers};
    const int64_t until = clock_boot_ms() + most_ms;
    zmq_pollitem_t items[ANSWERS_MAX];
    while (answers.count < expected && clock_boot_ms() < until) {
        struct poll_set set = {.items = items, .capacity = ANSWERS_MAX};
        decide_add_to_poll(decide, &set);
        zmq_poll(items, (int)set.count, 5);
        decide_receive(decide, &sink);
    }
}

/* Asks once and gives the answer's place, which is 0. */
static void
ask_once(const char *script, const char *question)
{
    memset(&answers, 0, sizeof answers);
    write_program(script);
    struct decide *decide = decide_new(program);
    decide_ask(decide, 77, bytes_of_text(question));
    run_until(decide, 1, 4000);
    cr_assert_eq(answers.count, 1);
    cr_assert_eq(answers.tokens[0], 77);
    decide_free(decide);
    unlink(program);
}

Test(decide, the_programs_word_and_reason_are_handed_on)
{
    ask_once("echo '{\"accept\": true}'", "{}");
    cr_assert(answers.accepted[0]);
    ask_once("echo '{\"accept\": false, \"reason\": \"not at night\"}'", "{}");
    cr_assert(!answers.accepted[0]);
    cr_assert_str_eq(answers.texts[0], "not at night");
}

Test(decide, the_question_stands_on_the_programs_input)
{
    ask_once("read q; case $q in *good*) echo '{\"accept\": true}';; *) echo '{\"accept\": "
             "false}';; esac",
             "{\"renter\": \"good\"}");
    cr_assert(answers.accepted[0]);
    ask_once("read q; case $q in *good*) echo '{\"accept\": true}';; *) echo '{\"accept\": "
             "false}';; esac",
             "{\"renter\": \"bad\"}");
    cr_assert(!answers.accepted[0]);
}

Test(decide, anything_but_one_clear_answer_is_a_refusal)
{
    static const char *const scripts[] = {
        "exit 0",
        "echo yes",
        "echo '{\"accept\": \"true\"}'",
        "echo '{\"accept\": 1}'",
        "echo '[true]'",
        "echo '{\"accept\": true, \"accept\": true}'",
        "echo '{\"accept\": true} trailing'",
        ("printf '{\"accept\": true, \"reason\": \"'; head -c 5000 /dev/zero | tr '\\0' x; "
         "echo '\"}'"),
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        ask_once(scripts[i], "{}");
        cr_assert(!answers.accepted[0], "%s", scripts[i]);
    }
}

Test(decide, a_program_that_takes_too_long_is_killed_with_its_children)
{
    char marker[96];
    char script[256];
    snprintf(marker, sizeof marker, "/tmp/gpulet-decide-marker-%d", getpid());
    snprintf(script, sizeof script, "(sleep 3; touch %s) & sleep 60", marker);
    const int64_t since = clock_boot_ms();
    ask_once(script, "{}");
    cr_assert(!answers.accepted[0]);
    cr_assert_lt(clock_boot_ms() - since, 3000);
    sleep(2);
    cr_assert_neq(access(marker, F_OK), 0, "a child lived on");
}

Test(decide, a_missing_program_refuses_and_too_many_questions_are_all_answered)
{
    memset(&answers, 0, sizeof answers);
    struct decide *decide = decide_new("/nonexistent/program");
    decide_ask(decide, 1, bytes_of_text("{}"));
    run_until(decide, 1, 3000);
    cr_assert_eq(answers.count, 1);
    cr_assert(!answers.accepted[0]);
    decide_free(decide);

    memset(&answers, 0, sizeof answers);
    write_program("echo '{\"accept\": true}'");
    decide = decide_new(program);
    for (uint64_t i = 0; i < 30; i++) {
        decide_ask(decide, i, bytes_of_text("{}"));
    }
    run_until(decide, 30, 5000);
    cr_assert_eq(answers.count, 30);
    bool seen[30] = {false};
    for (size_t i = 0; i < 30; i++) {
        cr_assert_lt(answers.tokens[i], 30);
        cr_assert(!seen[answers.tokens[i]]);
        seen[answers.tokens[i]] = true;
    }
    decide_free(decide);
    unlink(program);
}
