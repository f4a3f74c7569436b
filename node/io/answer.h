/* Answers to the command line that the io room gives by itself. */
#ifndef GPULET_NODE_IO_ANSWER_H
#define GPULET_NODE_IO_ANSWER_H

#include "node/io/control_socket.h"
#include "protocol/control.h"

/* A row by its type and view; a view out of its limits is logged, not sent. */
void answer_row(struct control *control, struct client client, uint8_t type, const void *view);
void answer_note(struct control *control, struct client client, enum note_level level,
                 const char *text);
void answer_done(struct control *control, struct client client, enum status status,
                 const char *text);

#endif
