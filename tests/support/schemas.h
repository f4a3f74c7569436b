/* Every schema there is, for tests that hold for all of them. */
#ifndef GPULET_TESTS_SUPPORT_SCHEMAS_H
#define GPULET_TESTS_SUPPORT_SCHEMAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/schema.h"

enum schema_group { GROUP_RECORD, GROUP_MESSAGE, GROUP_CONTROL, GROUP_CONTROL_ROW, GROUP_OWN_ROW };

struct schema_entry {
    const struct schema *schema;
    enum schema_group group;
};

/* Room for the largest struct of them all. */
enum { SCHEMA_STRUCT_BYTES_MAX = 8192 };

/* Entry number `position`; false behind the last one. */
bool schema_at(size_t position, struct schema_entry *ret_entry);

/* The schema of a number in a group, or NULL. Own rows have no numbers: they are counted. */
const struct schema *schema_of(enum schema_group group, uint8_t number);

/* True for what goes over a socket as a frame, with its number first. */
bool schema_group_has_number(enum schema_group group);

#endif
