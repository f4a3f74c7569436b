/* How listings and offers are shown, for every command that shows some. */
#ifndef GPULET_CLI_MARKET_COLUMNS_H
#define GPULET_CLI_MARKET_COLUMNS_H

#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"

extern const struct column listing_columns[];
extern const size_t listing_column_count;

/* Prints offers and, with --explain, why others do not fit. Returns an exit code. */
/* Why listings do not fit, as a table; nothing when all do. */
void rejects_print(FILE *file, const struct answer *answer);

int offers_print(const struct invocation *invocation, const struct answer *answer);

#endif
