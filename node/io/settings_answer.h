/* CONTROL_SETTING: what the settings are and where they come from, and writing one into the file. */
#ifndef GPULET_NODE_IO_SETTINGS_ANSWER_H
#define GPULET_NODE_IO_SETTINGS_ANSWER_H

#include "node/io/control_socket.h"
#include "node/io/options.h"

/* Answers with rows, or writes the file; always ends with CONTROL_DONE. A value that is written holds
 * from the next start on. */
void settings_answer(struct control *control, const struct options *options, struct client client,
                     struct bytes question);

#endif
