/* One attempt to get out of the sandbox, and the lists of them. */
#ifndef GPULET_TESTS_IO_HOSTILE_ATTEMPT_H
#define GPULET_TESTS_IO_HOSTILE_ATTEMPT_H

#include <errno.h>
#include <stddef.h>

struct hostile_attempt {
    const char *name;
    int (*attempt)(void); /* 0 when it got what it wanted, else the errno that stopped it */
};

struct hostile_list {
    const struct hostile_attempt *attempts;
    size_t count;
};

extern const struct hostile_list hostile_files;   /* the host's files and identities */
extern const struct hostile_list hostile_network; /* anybody outside */
extern const struct hostile_list hostile_kernel;  /* other processes, the kernel, the machine */

static inline int
hostile_outcome(long result)
{
    return result < 0 ? errno : 0;
}

#endif
