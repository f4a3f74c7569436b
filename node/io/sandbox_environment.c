#include "node/io/sandbox.h"

#include <stdio.h>
#include <string.h>

/* Names a renter may not set, and why. A name ending in '*' stands for all that begin so. */
static const struct {
    const char *name;
    const char *why;
} refused_names[] = {
    {"LD_*", "it steers the loader, which also loads the sandbox's own first process"},
    {"GLIBC_TUNABLES", "it steers the loader, which also loads the sandbox's own first process"},
    {"NVIDIA_*", "it steers the driver's container tools, which decide what a sandbox sees"},
    {"GPULET_*", "the host sets it"},
    {"CUDA_VISIBLE_DEVICES", "the host sets it to the rented GPUs"},
    {"HIP_VISIBLE_DEVICES", "the host sets it to the rented GPUs"},
    {"ROCR_VISIBLE_DEVICES", "the host sets it to the rented GPUs"},
    {"ZE_AFFINITY_MASK", "the host sets it to the rented GPUs"},
};

static bool
name_fits(const char *name, size_t length, const char *pattern)
{
    const size_t pattern_length = strlen(pattern);
    if (pattern[pattern_length - 1] == '*') {
        return length >= pattern_length - 1 && memcmp(name, pattern, pattern_length - 1) == 0;
    }
    return length == pattern_length && memcmp(name, pattern, length) == 0;
}

enum status
sandbox_check_environment(const char *entry, char ret_reason[SANDBOX_REASON_SIZE])
{
    enum { SHOWN = 40 };
    const size_t length = strcspn(entry, "=");
    if (length == 0 || entry[length] == '\0') {
        snprintf(ret_reason, SANDBOX_REASON_SIZE,
                 "an environment entry must be NAME=VALUE with a name");
        return STATUS_BAD_INPUT;
    }
    for (size_t i = 0; i < sizeof refused_names / sizeof refused_names[0]; i++) {
        if (name_fits(entry, length, refused_names[i].name)) {
            snprintf(ret_reason, SANDBOX_REASON_SIZE, "%.*s may not be set: %s",
                     (int)(length < SHOWN ? length : SHOWN), entry, refused_names[i].why);
            return STATUS_REFUSED;
        }
    }
    return STATUS_OK;
}
