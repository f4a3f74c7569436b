/* Prints docs/man/gpuletd.1, the manual page of the daemon, from the table of settings. */
#include "cli/manual.h"

int
main(void)
{
    manual_daemon_page(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
