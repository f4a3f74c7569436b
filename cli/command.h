/* The one table of commands, and the command line read by it. */
#ifndef GPULET_CLI_COMMAND_H
#define GPULET_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/value.h"
#include "protocol/bytes.h"
#include "protocol/setting.h"
#include "protocol/status.h"

/* What gpulet's own exit codes mean; `rent` answers with the job's. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_DAEMON = 3,
    EXIT_ENDED = 125
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* "-n"; 0: none */
    enum value_kind kind;
    bool repeats;      /* may be given many times */
    const char *shown; /* placeholder in help; NULL: the kind's */
    const char *help;
    const char *fallback; /* what stands when it is not given, for people; NULL: nothing to say */
};

struct option_list {
    const char *title;
    const struct option *options;
    size_t count;
};

/* Whether words after "--" are a job's command. */
enum job_words { JOB_NONE, JOB_NEEDED };

enum { OPTION_LISTS_MAX = 4, OPERANDS_MAX = 16, GIVEN_MAX = 256 };

struct invocation;

struct command {
    const char *name;     /* "listings", "lease show" */
    const char *operands; /* "ID", "[CLASS]"; "" */
    const char *summary;  /* one line */
    const char *details;  /* a paragraph, or NULL */
    const struct option_list *lists[OPTION_LISTS_MAX];
    size_t operands_min;
    size_t operands_max;
    bool last_may_be_empty; /* the last operand is a value, and '' is one */
    bool takes_settings;    /* every setting of gpuletd is an option too */
    enum job_words job;
    const char *noun;     /* plural noun of the JSON document, or NULL */
    const char *examples; /* lines, or NULL */
    bool hidden;
    int (*run)(const struct invocation *invocation);
};

struct given {
    const char *name;
    const char *value; /* NULL for a flag */
    bool is_setting;   /* of gpuletd, to be passed on */
};

/* One command line. Everything is borrowed from argv and the table. */
struct invocation {
    const struct command *command; /* NULL: none was named */
    struct given given[GIVEN_MAX];
    size_t given_count;
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
    char *const *job; /* words after "--" */
    size_t job_count;
};

size_t command_count(void);
const struct command *command_at(size_t position);

/* By name, "lease show"; NULL. */
const struct command *command_find(struct bytes name);

/* A setting of gpuletd as an option. */
struct option option_of_setting(const struct setting *setting);

/* Options before or after any command. */
extern const struct option_list global_options;

/* What exit codes mean, a line each. */
extern const char *const exit_codes_text;

/* Reads a command line (argv[0] is skipped). STATUS_BAD_INPUT with one sentence in `why`; then the
 * command is set in the result when it was recognised. With --help among the options, operands and
 * missing values are no errors. */
enum status invocation_read(int argc, char *const *argv, struct invocation *ret_invocation,
                            struct buffer *why) MUST_USE;

bool option_is_given(const struct invocation *invocation, const char *name);

/* The last value given, or NULL. */
const char *option_value(const struct invocation *invocation, const char *name);

/* Values that were checked when the line was read: the fallback when the option was not given. */
uint32_t option_seconds(const struct invocation *invocation, const char *name, uint32_t fallback);
uint64_t option_count(const struct invocation *invocation, const char *name, uint64_t fallback);

#endif
