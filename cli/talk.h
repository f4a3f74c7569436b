/* A conversation with the daemon: one question, the rows of its answer, its talk on stderr. */
#ifndef GPULET_CLI_TALK_H
#define GPULET_CLI_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "protocol/control.h"

/* Says one sentence on stderr, "gpulet: ...". */
void talk_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a buffer that holds a reason; returns the exit code for convenience. */
int talk_refuse(enum exit_code code, const struct buffer *why);

/* Reaches the daemon of this command line; says why not on stderr. Returns an exit code. */
int talk_open(const struct invocation *invocation, struct connection **ret_connection);

/* The same for a data directory. */
int talk_open_data(const char *data, struct connection **ret_connection);

/* Prints a note: progress only on a terminal. */
void talk_note(const struct control_note *note);

/* Says how an answer ended when it ended badly; returns the exit code. */
int talk_done(const struct control_done *done);

/* Sends the question and collects the rows until the answer is done. Says errors on stderr. Returns
 * an exit code; the rows stay the caller's to clear in any case. `ret_done`, of CELL_SIZE, gets the
 * closing text of a good answer; it may be NULL. */
int talk_ask(struct connection *connection, uint8_t question, const void *value,
             struct answer *answer, char *ret_done);

/* Opens, asks, closes. */
int talk_once(const struct invocation *invocation, uint8_t question, const void *value,
              struct answer *answer);

/* Prints the rows of a type: a JSON document {noun: [...]} or a table, or `nothing` on stderr. */
int talk_list(const struct invocation *invocation, const struct answer *answer, uint8_t row,
              const struct column *columns, size_t count);

/* Prints the first row of a type, as a JSON object or a line a field. */
int talk_single(const struct invocation *invocation, const struct answer *answer, uint8_t row);

/* Asks something that has no rows to show: {"done": true} or the closing text. */
int talk_order(const struct invocation *invocation, uint8_t question, const void *value);

/* EXIT_DONE, or EXIT_REFUSED with a sentence when standard output did not take everything. */
int talk_flush(void);

/* The same for a JSON document, whose reference it takes. */
int talk_document(json_t *document);

#endif
