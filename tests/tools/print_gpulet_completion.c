/* Prints docs/man/gpulet.bash, the completion for bash, from the table of commands. */
#include "cli/manual.h"

int
main(void)
{
    manual_completion(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
