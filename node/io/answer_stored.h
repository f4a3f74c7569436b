/* Answers to the command line that are read from the disk and need no decision. */
#ifndef GPULET_NODE_IO_ANSWER_STORED_H
#define GPULET_NODE_IO_ANSWER_STORED_H

#include "node/io/carry_out.h"

/* EFFECT_ANSWER_LEDGER: rows after a number, oldest first, then CONTROL_DONE. */
void answer_ledger(struct world *world, const struct effect *effect);

/* EFFECT_ANSWER_RECEIPT: one row with what both sides signed, then CONTROL_DONE. */
void answer_receipt(struct world *world, const struct effect *effect);

#endif
