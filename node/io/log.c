#include "node/io/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, WINDOW_S = 10, LINES_A_WINDOW = 200 };

/* The log is one of the two places that may keep something for the whole process. */
static int log_fd = STDERR_FILENO;
static enum log_level log_least = LOG_INFO;
static time_t window_start;
static unsigned window_lines; /* written, and then left out, since */

enum status
log_open(const char *path, enum log_level least)
{
    if (path != NULL && path[0] != '\0') {
        const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0) {
            return STATUS_SYSTEM;
        }
        log_fd = fd;
    }
    log_least = least;
    return STATUS_OK;
}

static const char *
level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_WARNING:
        return "warning";
    case LOG_ERROR:
        return "error";
    }
    return "?";
}

static void
write_line(enum log_level level, struct bytes text, struct timespec now)
{
    struct tm parts = {0};
    gmtime_r(&now.tv_sec, &parts);
    char line[LINE_MAX_BYTES];
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &parts);
    const int head = snprintf(line + used, sizeof line - used, ".%03ldZ %s ", now.tv_nsec / 1000000,
                              level_name(level));
    used += head > 0 ? (size_t)head : 0;
    for (size_t i = 0; i < text.length && used < sizeof line - 1; i++) {
        const uint8_t byte = text.data[i];
        line[used++] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    line[used++] = '\n';
    /* One write a line: lines of several processes on one file do not mix. A full disk loses lines. */
    if (write(log_fd, line, used) < 0) {
        return;
    }
}

void
log_text(enum log_level level, struct bytes text)
{
    struct timespec now = {0};
    if (level < log_least) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec < window_start || now.tv_sec >= window_start + WINDOW_S) {
        if (window_lines > LINES_A_WINDOW) {
            char left_out[64];
            const int length = snprintf(left_out, sizeof left_out, "%u lines were left out",
                                        window_lines - LINES_A_WINDOW);
            write_line(LOG_WARNING, bytes_of(left_out, (size_t)length), now);
        }
        window_start = now.tv_sec;
        window_lines = 0;
    }
    /* Whoever makes us write lines must not fill the disk with them. Errors are our own. */
    if (window_lines++ < LINES_A_WINDOW || level == LOG_ERROR) {
        write_line(level, text, now);
    }
}

void
log_line(enum log_level level, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0) {
        const size_t fits = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
        log_text(level, bytes_of(text, fits));
    }
}
