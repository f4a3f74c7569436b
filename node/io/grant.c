#include "node/io/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "node/io/options.h"

enum status
grant_read(const char *data_dir, const struct network_id *network, uint8_t memory[RECORD_BYTES_MAX],
           struct verified_record *ret_grant)
{
    char path[OPTION_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/grant", data_dir);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_SYSTEM;
    }
    const ssize_t length = read(fd, memory, RECORD_BYTES_MAX);
    close(fd);
    if (length < 0) {
        return STATUS_SYSTEM;
    }
    return record_open(bytes_of(memory, (size_t)length), network, ret_grant);
}
