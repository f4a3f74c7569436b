/* Prints docs/control.md: what a program may ask of gpuletd over its local socket. */
#include <stdio.h>

#include "protocol/control.h"
#include "tests/support/print_schema.h"

static const char head[] =
    "# The local socket\n"
    "\n"
    "Printed by `make docs` from `protocol/control.c` and `protocol/control_row.c`; do not edit.\n"
    "\n"
    "`gpulet` talks to `gpuletd` over a ZeroMQ ROUTER on `ipc://`, in a directory that only its "
    "owner may enter. Values are\n"
    "encoded as on the wire ([wire.md](wire.md)). A message is one frame: an array of its type and "
    "its fields.\n"
    "\n"
    "A question (types 128 to 191) is answered by any number of `row` and `note` messages, then "
    "one "
    "`done`. A row's `value` is\n"
    "an encoded struct of the row's type; in JSON, tables and scripts its fields have these names. "
    "Messages of streams (64 to 95)\n"
    "pass over the same socket.\n"
    "\n"
    "## Messages\n"
    "\n";

int
main(void)
{
    (void)fputs(head, stdout);
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        const struct schema *schema = control_schema((uint8_t)type);
        if (schema != NULL) {
            (void)printf("### %u %s\n\n", type, schema->name);
            print_schema(stdout, schema, 1);
        }
    }
    (void)puts("## Rows\n");
    for (unsigned row = 0; row <= UINT8_MAX; row++) {
        const struct schema *schema = control_row_schema((uint8_t)row);
        if (schema != NULL) {
            (void)printf("### Row %u %s\n\n", row, schema->name);
            print_schema(stdout, schema, 0);
        }
    }
    (void)puts("## Receipt bundle\n");
    print_schema(stdout, &receipt_bundle_schema, 0);
    return 0;
}
