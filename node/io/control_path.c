#include "node/io/control_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char socket_name[] = "/control";
static const char pattern[] = "/gpulet-XXXXXX";

/* A directory that nobody else can enter, even when it was there before. */
static enum status
make_private_directory(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return errno == EACCES ? STATUS_PERMISSION : STATUS_SYSTEM;
    }
    struct stat entry;
    if (lstat(path, &entry) != 0 || !S_ISDIR(entry.st_mode) || entry.st_uid != geteuid()) {
        return STATUS_PERMISSION;
    }
    return chmod(path, 0700) == 0 ? STATUS_OK : STATUS_PERMISSION;
}

static enum status
make_elsewhere(struct control_path *path)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *const places[] = {runtime, "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char directory[CONTROL_PATH_SIZE];
        if (places[i] == NULL || places[i][0] != '/' ||
            strlen(places[i]) + sizeof pattern + sizeof socket_name > sizeof directory) {
            continue;
        }
        snprintf(directory, sizeof directory, "%s%s", places[i], pattern);
        if (mkdtemp(directory) != NULL) {
            const int length =
                snprintf(path->socket, sizeof path->socket, "%s%s", directory, socket_name);
            path->is_elsewhere = true;
            return length < (int)sizeof path->socket ? STATUS_OK : STATUS_LIMIT;
        }
    }
    return STATUS_SYSTEM;
}

/* A daemon that was killed left its directory behind. */
static void
remove_predecessor(const char *told_in)
{
    char old[CONTROL_PATH_SIZE] = "";
    const int fd = open(told_in, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const ssize_t length = read(fd, old, sizeof old - 1);
    close(fd);
    char *slash = length > 0 ? strrchr(old, '/') : NULL;
    if (slash == NULL || strcmp(slash, socket_name) != 0 || strstr(old, "/gpulet-") == NULL) {
        return;
    }
    struct stat entry;
    if (lstat(old, &entry) == 0 && S_ISSOCK(entry.st_mode) && entry.st_uid == geteuid()) {
        unlink(old);
        *slash = '\0';
        rmdir(old);
    }
}

enum status
control_path_make(const char *data_dir, struct control_path *ret_path)
{
    struct control_path path = {.is_elsewhere = false};
    const int told = snprintf(path.told_in, sizeof path.told_in, "%s/control", data_dir);
    char directory[DATA_PATH_SIZE];
    const int run = snprintf(directory, sizeof directory, "%s/run", data_dir);
    if (told >= (int)sizeof path.told_in || run >= (int)sizeof directory) {
        return STATUS_LIMIT;
    }
    remove_predecessor(path.told_in);
    enum status status = make_private_directory(directory);
    if (status != STATUS_OK) {
        return status;
    }
    if (strlen(directory) + sizeof socket_name <= sizeof path.socket) {
        memcpy(path.socket, directory, (size_t)run);
        memcpy(path.socket + run, socket_name, sizeof socket_name);
    } else {
        status = make_elsewhere(&path);
    }
    if (status == STATUS_OK) {
        *ret_path = path;
    }
    return status;
}

enum status
control_path_tell(const struct control_path *path)
{
    char fresh[DATA_PATH_SIZE + 8];
    snprintf(fresh, sizeof fresh, "%s.new", path->told_in);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return STATUS_SYSTEM;
    }
    const size_t length = strlen(path->socket);
    const bool written = write(fd, path->socket, length) == (ssize_t)length;
    close(fd);
    if (!written || rename(fresh, path->told_in) != 0) {
        unlink(fresh);
        return STATUS_SYSTEM;
    }
    return STATUS_OK;
}

void
control_path_remove(const struct control_path *path)
{
    if (path->socket[0] == '\0') {
        return;
    }
    unlink(path->told_in);
    unlink(path->socket);
    if (path->is_elsewhere) {
        char directory[CONTROL_PATH_SIZE];
        snprintf(directory, sizeof directory, "%s", path->socket);
        *strrchr(directory, '/') = '\0';
        rmdir(directory);
    }
}
