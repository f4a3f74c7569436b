/* Filters of the command line, compiled to the request that the matcher reads. */
#ifndef GPULET_CLI_REQUEST_OPTIONS_H
#define GPULET_CLI_REQUEST_OPTIONS_H

#include "cli/command.h"
#include "protocol/record.h"

/* Compiles FILTERS and the options about price and time, by the table of node/market/where.h.
 * STATUS_BAD_INPUT with one sentence when something is unknown or no card at all can fit all of it. */
enum status request_of_options(const struct invocation *invocation, struct request *ret_request,
                               struct buffer *why) MUST_USE;

/* STATUS_BAD_INPUT with a sentence when no class of the table can fit the request: filters that
 * contradict each other. */
enum status request_check_classes(const struct request *request, struct buffer *why) MUST_USE;

#endif
