/* Clearings that a node has: the list, and their files. */
#ifndef GPULET_CLI_CLEAR_FILES_H
#define GPULET_CLI_CLEAR_FILES_H

#include "cli/command.h"

/* Both answer with an exit code, and say why on stderr. */
int clear_list(const struct invocation *invocation);
int clear_export(const struct invocation *invocation, const char *id);

#endif
