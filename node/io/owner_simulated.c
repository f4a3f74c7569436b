#include "node/io/owner_simulated.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/core/event.h"

enum { PATH_SIZE = 512, TEXT_SIZE = 256 };

static uint64_t
read_cards(const char *text)
{
    uint64_t mask = 0;
    while (*text != '\0') {
        unsigned number = 0;
        const char *digits = text;
        while (*text >= '0' && *text <= '9' && number < GPUS_MAX) {
            number = number * 10 + (unsigned)(*text - '0');
            text++;
        }
        if (text != digits && number < GPUS_MAX) {
            mask |= UINT64_C(1) << number;
        }
        text += text == digits || number >= GPUS_MAX;
    }
    return mask;
}

uint64_t
owner_simulated(const char *data_dir, size_t gpu_count)
{
    char path[PATH_SIZE];
    char text[TEXT_SIZE];
    const int length = snprintf(path, sizeof path, "%s/owner-uses", data_dir);
    if (length < 0 || (size_t)length >= sizeof path || gpu_count == 0) {
        return 0;
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return 0;
    }
    const ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    const uint64_t all = gpu_count >= GPUS_MAX ? UINT64_MAX : (UINT64_C(1) << gpu_count) - 1;
    return strncmp(text, "all", 3) == 0 ? all : read_cards(text) & all;
}
