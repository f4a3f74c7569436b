#include "node/io/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/io/cgroup_file.h"
#include "node/io/supervisor_file.h"

/* The leaf a version 2 daemon moves itself into; jobs are made beside it. */
static const char own_leaf[] = "/gpuletd";

static const char *const controller_names[CGROUP_CONTROLLERS] = {
    [CGROUP_MEMORY] = "memory",
    [CGROUP_PIDS] = "pids",
    [CGROUP_CPU] = "cpu",
    [CGROUP_FREEZER] = "freezer",
};

/* True when the comma-separated list (of `length` characters) names the word. */
static bool
list_has(const char *list, size_t length, const char *word)
{
    const size_t word_length = strlen(word);
    size_t start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i == length || list[i] == ',' || list[i] == ' ' || list[i] == '\n') {
            if (i - start == word_length && memcmp(list + start, word, word_length) == 0) {
                return true;
            }
            start = i + 1;
        }
    }
    return false;
}

/* The text between the `index`th and the next space of a line. */
static struct bytes
word_of(struct bytes line, size_t index)
{
    size_t start = 0;
    for (size_t i = 0; i <= line.length; i++) {
        if (i < line.length && line.data[i] != ' ') {
            continue;
        }
        if (index == 0) {
            return bytes_of(line.data + start, i - start);
        }
        index--;
        start = i + 1;
    }
    return bytes_of(NULL, 0);
}

/* Cuts the first line off a text. */
static struct bytes
next_line(const char **text)
{
    const char *start = *text;
    const size_t length = strcspn(start, "\n");
    *text = start[length] == '\0' ? start + length : start + length + 1;
    return bytes_of(start, length);
}

/* The own path in the hierarchy that has this controller, "" for version 2; "/" when not told. */
static struct bytes
own_path(const char *membership, const char *controller)
{
    const char *at = membership;
    while (*at != '\0') {
        const struct bytes line = next_line(&at);
        const char *text = (const char *)line.data;
        const char *first = memchr(text, ':', line.length);
        if (first == NULL) {
            continue;
        }
        const size_t after_first = (size_t)(first - text) + 1;
        const char *second = memchr(first + 1, ':', line.length - after_first);
        if (second == NULL) {
            continue;
        }
        const size_t list_length = (size_t)(second - first) - 1;
        const bool fits =
            controller[0] == '\0' ? list_length == 0 : list_has(first + 1, list_length, controller);
        if (fits) {
            const size_t start = (size_t)(second - text) + 1;
            return bytes_of(text + start, line.length - start);
        }
    }
    return bytes_of_text("/");
}

/* mount point + own path less the part that is above the mount (a container's bind). */
static void
place_set(struct cgroup_place *place, unsigned version, struct bytes mount_line, struct bytes own)
{
    const struct bytes root = word_of(mount_line, 3);
    const struct bytes point = word_of(mount_line, 4);
    const size_t root_length = root.length == 1 ? 0 : root.length;
    if (root.length == 0 || point.length == 0 || point.data[0] != '/') {
        return;
    }
    if (own.length >= root_length && memcmp(own.data, root.data, root_length) == 0) {
        own = bytes_of(own.data + root_length, own.length - root_length);
    } else {
        own = bytes_of(NULL, 0);
    }
    if (own.length == 1) {
        own.length = 0;
    }
    const size_t leaf = sizeof own_leaf - 1;
    if (version == 2 && own.length >= leaf &&
        memcmp(own.data + own.length - leaf, own_leaf, leaf) == 0) {
        own.length -= leaf;
    }
    if (point.length + own.length >= sizeof place->path) {
        return;
    }
    memcpy(place->path, point.data, point.length);
    if (own.length > 0) {
        memcpy(place->path + point.length, own.data, own.length);
    }
    place->path[point.length + own.length] = '\0';
    place->version = version;
}

/* Takes what one line of mountinfo offers. Version 1 has a controller for itself when it has it;
 * the freezer of version 2 is a part of its core, and kills what is frozen. */
static void
consider_mount(struct bytes line, const char *membership, struct cgroup *ret)
{
    static const char separator[] = " - ";
    const char *tail = memmem(line.data, line.length, separator, sizeof separator - 1);
    if (tail == NULL) {
        return;
    }
    tail += sizeof separator - 1;
    const struct bytes after =
        bytes_of(tail, line.length - (size_t)(tail - (const char *)line.data));
    const struct bytes type = word_of(after, 0);
    const struct bytes options = word_of(after, 2);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        struct cgroup_place *place = &ret->places[i];
        if (bytes_are_text(type, "cgroup2") && (place->version == 0 || i == CGROUP_FREEZER)) {
            place_set(place, 2, line, own_path(membership, ""));
        } else if (bytes_are_text(type, "cgroup") && (place->version == 0 || i != CGROUP_FREEZER) &&
                   list_has((const char *)options.data, options.length, controller_names[i])) {
            place_set(place, 1, line, own_path(membership, controller_names[i]));
        }
    }
}

void
cgroup_parse_own(const char *mountinfo, const char *membership, struct cgroup *ret)
{
    *ret = (struct cgroup){0};
    const char *at = mountinfo;
    while (*at != '\0') {
        consider_mount(next_line(&at), membership, ret);
    }
}

/* Owned by the caller, with a final NUL; NULL when it cannot be read. */
static char *
read_text(const char *path, size_t size_max)
{
    char *memory = malloc(size_max);
    if (memory == NULL) {
        return NULL;
    }
    struct buffer buffer;
    buffer_init(&buffer, memory, size_max - 1);
    if (file_read(AT_FDCWD, path, &buffer) != STATUS_OK) {
        free(memory);
        return NULL;
    }
    memory[buffer.length] = '\0';
    return memory;
}

static bool
file_lists(const char *directory, const char *file, const char *word)
{
    char text[1024];
    const size_t length = cgroup_file_read(directory, file, text, sizeof text);
    return list_has(text, length, word);
}

/* Version 2 gives a controller to children only when it is handed down. */
static bool
is_handed_down(const struct cgroup_place *place, const char *controller)
{
    if (file_lists(place->path, "cgroup.subtree_control", controller)) {
        return true;
    }
    char order[32];
    snprintf(order, sizeof order, "+%s", controller);
    return file_lists(place->path, "cgroup.controllers", controller) &&
           cgroup_file_write(place->path, "cgroup.subtree_control", order) == STATUS_OK;
}

static void
read_own(struct cgroup *ret)
{
    enum { MOUNTINFO_MAX = 1024 * 1024, MEMBERSHIP_MAX = 16 * 1024 };
    *ret = (struct cgroup){0};
    char *mountinfo = read_text("/proc/self/mountinfo", MOUNTINFO_MAX);
    char *membership = read_text("/proc/self/cgroup", MEMBERSHIP_MAX);
    if (mountinfo != NULL && membership != NULL) {
        cgroup_parse_own(mountinfo, membership, ret);
    }
    free(mountinfo);
    free(membership);
}

void
cgroup_find_own(struct cgroup *ret)
{
    read_own(ret);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        struct cgroup_place *place = &ret->places[i];
        if (place->version == 0) {
            continue;
        }
        const bool handed_down = place->version == 1 || i == CGROUP_FREEZER ||
                                 is_handed_down(place, controller_names[i]);
        if (access(place->path, W_OK) != 0 || !handed_down) {
            place->version = 0;
        }
    }
}

/* True when this process is the only one in its group. */
static bool
is_alone(const struct cgroup_place *place)
{
    char members[64];
    char self[24];
    const size_t length = cgroup_file_read(place->path, "cgroup.procs", members, sizeof members);
    const int wanted = snprintf(self, sizeof self, "%ld\n", (long)getpid());
    return wanted > 0 && length == (size_t)wanted && memcmp(members, self, length) == 0;
}

enum status
cgroup_prepare_own(void)
{
    struct cgroup own;
    read_own(&own);
    const struct cgroup_place *place = &own.places[CGROUP_MEMORY];
    /* The root group, and one whose controllers are handed down, need nothing. */
    if (place->version != 2 || access(place->path, W_OK) != 0 ||
        !file_lists(place->path, "cgroup.controllers", "memory") ||
        is_handed_down(place, "memory")) {
        return STATUS_OK;
    }
    struct cgroup_place leaf = {.version = 2};
    const int length = snprintf(leaf.path, sizeof leaf.path, "%.*s%s",
                                (int)(sizeof leaf.path - sizeof own_leaf), place->path, own_leaf);
    if (length < 0 || (size_t)length >= sizeof leaf.path) {
        return STATUS_NO_SPACE;
    }
    if (!is_alone(place)) {
        return STATUS_UNAVAILABLE;
    }
    enum status status = cgroup_directory_make(leaf.path);
    if (status != STATUS_OK && status != STATUS_EXISTS) {
        return status;
    }
    status = cgroup_file_write(leaf.path, "cgroup.procs", "0");
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < CGROUP_FREEZER; i++) {
        if (!is_handed_down(place, controller_names[i])) {
            status = STATUS_UNAVAILABLE;
        }
    }
    return status;
}
