/* What was rented, in words. */
#ifndef GPULET_CLI_RENTED_TEXT_H
#define GPULET_CLI_RENTED_TEXT_H

#include "protocol/bytes.h"
#include "protocol/control.h"

/* Appends "RTX 3090 x2 of host-1 at 0.35 USD/h, at most 0.7 USD"; a host without a label is named by its
 * key. */
void rented_print(struct buffer *text, const struct rented_view *rented);

#endif
