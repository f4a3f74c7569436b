#include "node/io/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "crypto/digest.h"

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

uint64_t
clock_boot_id(void)
{
    char text[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file != NULL) {
        if (fgets(text, sizeof text, file) == NULL) {
            text[0] = '\0';
        }
        fclose(file);
    }
    if (text[0] == '\0') {
        /* No /proc: the second at which the machine came up is nearly as good. */
        const struct moment now = clock_now();
        snprintf(text, sizeof text, "%lld", (long long)((now.wall.ms - now.boot.ms) / 10000));
    }
    uint8_t digest[ID_LENGTH];
    digest_make("gpulet boot id", bytes_of_text(text), digest);
    uint64_t id = 0;
    memcpy(&id, digest, sizeof id);
    return id >> 1; /* rows keep it as a number of a signed kind */
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
