/* Everything that is printed from the command table: help, manual pages, completion, the catalogue. */
#ifndef GPULET_CLI_MANUAL_H
#define GPULET_CLI_MANUAL_H

#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"

/* The list of commands; with `command`, all about it. */
void manual_overview(FILE *file);
void manual_command(FILE *file, const struct command *command);

/* The manual pages gpulet(1) and gpuletd(1), as roff. */
void manual_page(FILE *file);
void manual_daemon_page(FILE *file);

/* A completion script for bash. */
void manual_completion(FILE *file);

/* The catalogue: commands, options, fields of rows, exit codes. New reference. */
json_t *manual_catalogue(void);

/* The words "--vram 24GiB" of an option. */
void manual_option_words(const struct option *option, struct buffer *out);

#endif
