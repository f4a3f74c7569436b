/* Apart from the other clocks, which a program without the cryptographic library has too. */
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/io/clock.h"

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
