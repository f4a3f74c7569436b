/* How listings and offers are shown, for every command that shows some. */
#ifndef GPULET_CLI_MARKET_COLUMNS_H
#define GPULET_CLI_MARKET_COLUMNS_H

#include "cli/command.h"
#include "cli/output.h"

extern const struct column listing_columns[];
extern const size_t listing_column_count;

/* Prints offers and, with --explain, why others do not fit. Returns an exit code. */
int offers_print(const struct invocation *invocation, const struct answer *answer);

#endif
