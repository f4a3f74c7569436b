#include "tests/io/hostile.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/io/hostile_attempt.h"

/* Each in a process of its own: some end it. True when it was allowed. */
static bool
make_try(const char *name, int (*attempt)(void))
{
    int ended = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        _exit(attempt());
    }
    if (child < 0 || waitpid(child, &ended, 0) != child) {
        printf("%s: cannot be tried (%s)\n", name, strerror(errno));
        return true;
    }
    if (WIFSIGNALED(ended)) {
        printf("%s: killed (%s)\n", name, strsignal(WTERMSIG(ended)));
        return false;
    }
    const int error = WEXITSTATUS(ended);
    if (error == 0) {
        printf("%s: ALLOWED\n", name);
    } else {
        printf("%s: refused (%s)\n", name, strerror(error));
    }
    return error == 0;
}

static bool
is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return argc <= 2;
}

int
hostile_main(int argc, char **argv)
{
    static const struct hostile_list *const lists[] = {&hostile_files, &hostile_network,
                                                       &hostile_kernel};
    bool any_allowed = false;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            const struct hostile_attempt *one = &lists[i]->attempts[j];
            if (is_wanted(argc, argv, one->name)) {
                any_allowed = make_try(one->name, one->attempt) || any_allowed;
            }
        }
    }
    fflush(stdout);
    return any_allowed ? 1 : 0;
}
