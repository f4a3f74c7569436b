#include "protocol/moment.h"

static int64_t
add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

static int64_t
subtract_saturating(int64_t a, int64_t b)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return b < 0 ? INT64_MAX : INT64_MIN;
    }
    return difference;
}

struct duration
duration_of_ms(int64_t ms)
{
    return (struct duration){.ms = ms};
}

struct duration
duration_of_s(int64_t s)
{
    int64_t ms;
    if (__builtin_mul_overflow(s, INT64_C(1000), &ms)) {
        ms = s > 0 ? INT64_MAX : INT64_MIN;
    }
    return (struct duration){.ms = ms};
}

struct wall
wall_add(struct wall at, struct duration by)
{
    return (struct wall){.ms = add_saturating(at.ms, by.ms)};
}

struct boot
boot_add(struct boot at, struct duration by)
{
    return (struct boot){.ms = add_saturating(at.ms, by.ms)};
}

struct duration
wall_between(struct wall earlier, struct wall later)
{
    return (struct duration){.ms = subtract_saturating(later.ms, earlier.ms)};
}

struct duration
boot_between(struct boot earlier, struct boot later)
{
    return (struct duration){.ms = subtract_saturating(later.ms, earlier.ms)};
}

bool
wall_is_before(struct wall a, struct wall b)
{
    return a.ms < b.ms;
}

bool
boot_is_before(struct boot a, struct boot b)
{
    return a.ms < b.ms;
}
