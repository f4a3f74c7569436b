#include "node/io/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t
milliseconds(clockid_t clock)
{
    struct timespec time = {0};
    if (clock_gettime(clock, &time) != 0) {
        abort();
    }
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

struct moment
clock_now(void)
{
    return (struct moment){.wall = {milliseconds(CLOCK_REALTIME)},
                           .boot = {milliseconds(CLOCK_BOOTTIME)}};
}

int64_t
clock_boot_ms(void)
{
    return milliseconds(CLOCK_BOOTTIME);
}

void
random_fill(void *memory, size_t length)
{
    uint8_t *at = memory;
    while (length > 0) {
        const ssize_t got = getrandom(at, length > 256 ? 256 : length, 0);
        if (got <= 0) {
            abort();
        }
        at += got;
        length -= (size_t)got;
    }
}

uint64_t
random_below(uint64_t limit)
{
    uint64_t number = 0;
    random_fill(&number, sizeof number);
    return number % limit;
}
