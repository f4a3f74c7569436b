/* Prints docs/man/gpulet.1, the manual page of the command line, from the table of commands. */
#include "cli/manual.h"

int
main(void)
{
    manual_page(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
