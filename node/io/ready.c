#include "node/io/ready.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/io/log.h"

enum { LINE_SIZE = 1024 };

static void
write_file(const char *data_dir, const char *line, size_t length)
{
    char path[OPTION_PATH_SIZE + 16];
    char fresh[OPTION_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/ready", data_dir);
    snprintf(fresh, sizeof fresh, "%s/ready.new", data_dir);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_line(LOG_WARNING, "cannot write %s", fresh);
        return;
    }
    const bool written = write(fd, line, length) == (ssize_t)length;
    close(fd);
    if (!written || rename(fresh, path) != 0) {
        log_line(LOG_WARNING, "cannot write %s", path);
    }
}

/* The protocol of sd_notify(3): one datagram. */
static void
tell_service_manager(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    static const char text[] = "READY=1";
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof at.sun_path) {
        return;
    }
    memcpy(at.sun_path, path, strlen(path));
    if (path[0] == '@') {
        at.sun_path[0] = '\0';
    }
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    if (sendto(fd, text, sizeof text - 1, MSG_NOSIGNAL, (const struct sockaddr *)&at, size) < 0) {
        log_line(LOG_WARNING, "the service manager could not be told");
    }
    close(fd);
}

void
ready_tell(const struct options *options, const struct loop *loop)
{
    char line[LINE_SIZE];
    const int length =
        snprintf(line, sizeof line, "ready %ld %s %s %s\n", (long)getpid(), loop_endpoint(loop),
                 loop_stream_endpoint(loop), loop_control_path(loop));
    const size_t bytes = length < (int)sizeof line ? (size_t)length : sizeof line - 1;
    write_file(options->data_dir, line, bytes);
    if (options->ready_fd >= 0) {
        if (write(options->ready_fd, line, bytes) < 0) {
            log_line(LOG_WARNING, "nobody waits on descriptor %d", options->ready_fd);
        }
        close(options->ready_fd);
    }
    tell_service_manager();
    log_line(LOG_INFO, "gpuletd %.*s", (int)bytes - 1, line);
}

void
ready_forget(const struct options *options)
{
    char path[OPTION_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/ready", options->data_dir);
    unlink(path);
}
