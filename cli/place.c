#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/network_file.h"

enum status
place_format(char ret_path[PLACE_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(ret_path, PLACE_SIZE, format, arguments);
    va_end(arguments);
    return length >= 0 && length < PLACE_SIZE ? STATUS_OK : STATUS_OUT_OF_RANGE;
}

enum status
place_read(const char *path, char *memory, size_t size)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_SYSTEM;
    }
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length < size) {
        got = read(file, memory + length, size - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(file);
    if (got < 0) {
        return STATUS_SYSTEM;
    }
    if (length == size) {
        return STATUS_OUT_OF_RANGE;
    }
    memory[length] = '\0';
    return STATUS_OK;
}

enum status
place_read_bytes(const char *path, uint8_t *memory, size_t size, size_t *ret_length)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        return STATUS_NOT_FOUND;
    }
    const size_t length = fread(memory, 1, size, file);
    const bool failed = ferror(file) != 0;
    if (file != stdin) {
        fclose(file);
    }
    if (failed) {
        return STATUS_SYSTEM;
    }
    *ret_length = length;
    return length == size ? STATUS_OUT_OF_RANGE : STATUS_OK;
}

enum status
place_write(const char *path, struct bytes content)
{
    char draft[PLACE_SIZE];
    enum status status = place_format(draft, "%s.new-%ld", path, (long)getpid());
    if (status != STATUS_OK) {
        return status;
    }
    const int file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return STATUS_SYSTEM;
    }
    size_t written = 0;
    while (written < content.length) {
        const ssize_t wrote = write(file, content.data + written, content.length - written);
        if (wrote <= 0) {
            break;
        }
        written += (size_t)wrote;
    }
    const bool is_whole = written == content.length && fsync(file) == 0;
    if (close(file) != 0 || !is_whole || rename(draft, path) != 0) {
        unlink(draft);
        return STATUS_SYSTEM;
    }
    return STATUS_OK;
}

enum status
place_make(const char *path)
{
    char part[PLACE_SIZE];
    enum status status = place_format(part, "%s", path);
    if (status != STATUS_OK) {
        return status;
    }
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const int made = mkdir(part, 0700);
        if (made != 0 && errno != EEXIST) {
            return STATUS_SYSTEM;
        }
        *slash = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST ? STATUS_OK : STATUS_SYSTEM;
}

enum status
place_data_default(char ret_path[PLACE_SIZE])
{
    if (geteuid() == 0) {
        return place_format(ret_path, "/var/lib/gpulet");
    }
    const char *data_home = getenv("XDG_DATA_HOME");
    if (data_home != NULL && data_home[0] == '/') {
        return place_format(ret_path, "%s/gpulet", data_home);
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/') {
        return STATUS_NOT_FOUND;
    }
    return place_format(ret_path, "%s/.local/share/gpulet", home);
}

enum status
place_socket(const char *data, char ret_path[PLACE_SIZE])
{
    char note[PLACE_SIZE];
    char held[PLACE_SIZE];
    enum status status = place_format(note, "%s/control", data);
    if (status == STATUS_OK && place_read(note, held, sizeof held) == STATUS_OK) {
        held[strcspn(held, "\n")] = '\0';
        return place_format(ret_path, "%s", held);
    }
    return status != STATUS_OK ? status : place_format(ret_path, "%s/run/control", data);
}

static bool
is_program(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0;
}

enum status
place_daemon(char ret_path[PLACE_SIZE])
{
    char own[PLACE_SIZE];
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length > 0) {
        own[length] = '\0';
        char *slash = strrchr(own, '/');
        *(slash == NULL ? own : slash) = '\0';
        if (place_format(ret_path, "%s/gpuletd", own) == STATUS_OK && is_program(ret_path)) {
            return STATUS_OK;
        }
    }
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        const size_t part = strcspn(path, ":");
        if (part > 0 && place_format(ret_path, "%.*s/gpuletd", (int)part, path) == STATUS_OK &&
            is_program(ret_path)) {
            return STATUS_OK;
        }
        path += part + (path[part] == ':' ? 1 : 0);
    }
    return STATUS_NOT_FOUND;
}

/* In a shared directory somebody else may have made it first. */
static enum status
make_own(const char *path)
{
    struct stat found;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return STATUS_SYSTEM;
    }
    if (lstat(path, &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
        (found.st_mode & 077) != 0) {
        return STATUS_PERMISSION;
    }
    return STATUS_OK;
}

enum status
place_notes(char ret_path[PLACE_SIZE])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    enum status status = runtime != NULL && runtime[0] == '/' && access(runtime, W_OK) == 0
                             ? place_format(ret_path, "%s/gpulet", runtime)
                             : place_format(ret_path, "/tmp/gpulet-%ld", (long)geteuid());
    return status != STATUS_OK ? status : make_own(ret_path);
}

static enum status
place_last_testnet(char ret_path[PLACE_SIZE])
{
    enum status status = place_notes(ret_path);
    if (status == STATUS_OK && strlen(ret_path) + sizeof "/testnet" > PLACE_SIZE) {
        status = STATUS_OUT_OF_RANGE;
    }
    if (status == STATUS_OK) {
        memcpy(ret_path + strlen(ret_path), "/testnet", sizeof "/testnet");
    }
    return status;
}

enum status
place_testnet(const struct invocation *invocation, char ret_path[PLACE_SIZE], struct buffer *why)
{
    const char *directory = option_value(invocation, "dir");
    char note[PLACE_SIZE];
    if (directory != NULL) {
        if (realpath(directory, note) != NULL) {
            return place_format(ret_path, "%s", note);
        }
        buffer_append_format(why, "there is no test network in %s", directory);
        return STATUS_NOT_FOUND;
    }
    if (place_last_testnet(note) != STATUS_OK ||
        place_read(note, ret_path, PLACE_SIZE) != STATUS_OK) {
        buffer_append_format(why, "no test network runs; start one with: gpulet testnet up");
        return STATUS_NOT_FOUND;
    }
    ret_path[strcspn(ret_path, "\n")] = '\0';
    return STATUS_OK;
}

enum status
place_testnet_remember(const char *path)
{
    char note[PLACE_SIZE];
    enum status status = place_last_testnet(note);
    return status != STATUS_OK ? status : place_write(note, bytes_of_text(path));
}

void
place_testnet_forget(const char *path)
{
    char note[PLACE_SIZE];
    char held[PLACE_SIZE];
    if (place_last_testnet(note) == STATUS_OK && place_read(note, held, sizeof held) == STATUS_OK &&
        strcmp(held, path) == 0) {
        unlink(note);
    }
}

enum status
place_data(const struct invocation *invocation, char ret_path[PLACE_SIZE], struct buffer *why)
{
    const char *data = option_value(invocation, "data");
    const char *node = option_value(invocation, "node");
    if (data != NULL && node != NULL) {
        buffer_append_format(why, "--data and --node both name a node; give one of them");
        return STATUS_BAD_INPUT;
    }
    enum status status;
    if (node != NULL) {
        char directory[PLACE_SIZE];
        status = place_testnet(invocation, directory, why);
        return status != STATUS_OK ? status : network_file_data(directory, node, ret_path, why);
    }
    status = data != NULL ? place_format(ret_path, "%s", data) : place_data_default(ret_path);
    if (status != STATUS_OK) {
        buffer_append_format(why, "there is no data directory: set HOME, or use --data");
    }
    return status;
}
