/* gpulet-job: holds one job, outside the sandbox as its supervisor and inside as its first process. */
#include <stdio.h>
#include <string.h>

#include "node/io/supervisor.h"
#include "protocol/version.h"

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--supervise") == 0) {
        return supervisor_main(argc, argv);
    }
    fprintf(stderr, "gpulet-job %s is started by gpuletd, once for each job\n", GPULET_VERSION);
    return 2;
}
