#include "node/io/job_program.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
job_program_open_near(const char *directory)
{
    static const char *const places[] = {"gpulet-job", "../libexec/gpulet/gpulet-job"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_MAX];
        struct stat file;
        const int length = snprintf(path, sizeof path, "%s/%s", directory, places[i]);
        if (length < 0 || (size_t)length >= sizeof path || access(path, X_OK) != 0) {
            continue;
        }
        const int program = open(path, O_PATH | O_CLOEXEC);
        if (program >= 0 && fstat(program, &file) == 0 && S_ISREG(file.st_mode)) {
            return program;
        }
        if (program >= 0) {
            close(program);
        }
    }
    return -1;
}

int
job_program_open(void)
{
    char own[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0) {
        return -1;
    }
    own[length] = '\0';
    char *end = strrchr(own, '/');
    if (end == NULL) {
        return -1;
    }
    *end = '\0';
    return job_program_open_near(own);
}
