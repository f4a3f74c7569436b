/* Fields of rows as people and programs read them. */
#ifndef GPULET_CLI_FIELD_TEXT_H
#define GPULET_CLI_FIELD_TEXT_H

#include <stddef.h>

#include "protocol/schema.h"

/* The field's name without its unit and with blanks, "ask" for ask_uusd_per_hour; a C string. */
void field_title(const struct field *field, char *title, size_t size);
size_t field_title_length(const struct field *field);

#endif
