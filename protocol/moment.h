/* Points in time and durations, as distinct types, in milliseconds. */
#ifndef GPULET_PROTOCOL_MOMENT_H
#define GPULET_PROTOCOL_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC; can jump. Records and leases' ends use it. */
struct wall {
    int64_t ms;
};

/* Milliseconds of CLOCK_BOOTTIME; never jumps, counts sleep, means nothing after a reboot. */
struct boot {
    int64_t ms;
};

struct duration {
    int64_t ms;
};

/* Now, on both clocks, read once for an event. */
struct moment {
    struct wall wall;
    struct boot boot;
};

struct duration duration_of_ms(int64_t ms);
struct duration duration_of_s(int64_t s);

/* Saturating: a sum never wraps, so a far deadline stays far. */
struct wall wall_add(struct wall at, struct duration by);
struct boot boot_add(struct boot at, struct duration by);

/* later - earlier; negative when `later` is the earlier one. */
struct duration wall_between(struct wall earlier, struct wall later);
struct duration boot_between(struct boot earlier, struct boot later);

bool wall_is_before(struct wall a, struct wall b);
bool boot_is_before(struct boot a, struct boot b);

#endif
