/* Peers by the names that people give them. */
#ifndef GPULET_CLI_PEER_NAME_H
#define GPULET_CLI_PEER_NAME_H

#include "cli/connection.h"
#include "protocol/id.h"

/* The whole id of a peer that is named by the beginning of its id, or by its label when just one peer
 * has it. A whole id needs not be known here. Returns an exit code, with a sentence on stderr. */
int peer_name_find(struct connection *connection, const char *text, char ret_hex[ID_HEX_SIZE]);

#endif
