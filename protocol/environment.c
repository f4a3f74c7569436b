#include "protocol/environment.h"

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
name_fits(struct bytes name, const char *pattern)
{
    const size_t length = strlen(pattern);
    if (pattern[length - 1] == '*') {
        return name.length >= length - 1 && memcmp(name.data, pattern, length - 1) == 0;
    }
    return bytes_are_text(name, pattern);
}

static void
explain(struct buffer *why, struct bytes name, const char *reason)
{
    enum { SHOWN = 40 };
    if (why != NULL) {
        buffer_append_format(why, "%.*s may not be set: %s",
                             (int)(name.length < SHOWN ? name.length : SHOWN),
                             (const char *)name.data, reason);
    }
}

enum status
environment_check(struct bytes entry, struct buffer *why)
{
    struct bytes name = {entry.data, 0};
    while (name.length < entry.length && entry.data[name.length] != '=') {
        name.length++;
    }
    if (name.length == 0 || name.length == entry.length) {
        if (why != NULL) {
            buffer_append_format(why, "an environment entry must be NAME=VALUE with a name");
        }
        return STATUS_BAD_INPUT;
    }
    if (name_fits(name, "GPULET_GANG_*")) {
        return STATUS_OK; /* the renter's node says to a member of a gang which one it is */
    }
    for (size_t i = 0; i < sizeof refused_names / sizeof refused_names[0]; i++) {
        if (name_fits(name, refused_names[i].name)) {
            explain(why, name, refused_names[i].why);
            return STATUS_REFUSED;
        }
    }
    return STATUS_OK;
}
