/* What people see of many cards at once: prices and depth by class, and what so many would cost. */
#ifndef GPULET_CLI_OVERVIEW_H
#define GPULET_CLI_OVERVIEW_H

#include "cli/command.h"
#include "cli/output.h"

/* Asks a question that rests on which cards are taken: the node asks connected hosts first, which takes
 * a moment. As talk_once. */
int overview_ask(const struct invocation *invocation, uint8_t question, const void *value,
                 struct answer *answer);

/* Prints a cost curve, and when more cards free up. */
int quote_print(const struct invocation *invocation, const struct answer *answer);

#endif
