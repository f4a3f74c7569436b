/* The options of a bid in the batch lane. */
#ifndef GPULET_CLI_BATCH_H
#define GPULET_CLI_BATCH_H

#include <stddef.h>

#include "cli/command.h"
#include "protocol/control.h"
#include "protocol/id.h"

/* What the rest of a standing request's question views. */
struct batch_text {
    char auctioneer[ID_HEX_SIZE];
    uint8_t request[1024];
};

/* Makes a bid of a standing request when --batch is given; its auctioneer is asked for at gpuletd when it
 * is not named in full. Returns an exit code, with a sentence on stderr. */
int batch_complete(const struct invocation *invocation, struct control_rent *rent,
                   struct batch_text *text);

#endif
