#include "node/io/sandbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char init_path[] = "/run/gpulet-init";

/* Directories that belong to /usr; on a merged system they are links into it. */
static const char *const system_directories[] = {"/bin",   "/sbin",  "/lib",
                                                 "/lib32", "/lib64", "/libx32"};

/* Files of the host's /etc that hold no secret and programs need. */
static const char *const shown_etc[] = {"/etc/ld.so.cache", "/etc/alternatives", "/etc/OpenCL",
                                        "/etc/localtime"};

static const struct {
    const char *path;
    const char *content;
} own_etc[] = {
    {"/etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                    "renter:x:1000:1000:renter:/workspace:/bin/sh\n"
                    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
    {"/etc/group", "root:x:0:\nrenter:x:1000:\nnogroup:x:65534:\n"},
    {"/etc/hosts", "127.0.0.1 localhost gpulet\n::1 localhost\n"},
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
    {"/etc/resolv.conf", "# no network\n"},
};

void
sandbox_find_bwrap(char ret_path[256])
{
    /* Not from PATH: as root this would run what a user's environment names. */
    static const char *const places[] = {"/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap",
                                         "/run/current-system/sw/bin/bwrap"};
    ret_path[0] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], X_OK) == 0) {
            snprintf(ret_path, 256, "%s", places[i]);
            return;
        }
    }
}

/* What is under way while a command is built; `status` is sticky. */
struct builder {
    struct buffer options; /* NUL-separated */
    struct sandbox_command *command;
    enum status status;
};

static void
fail(struct builder *builder, enum status status)
{
    if (builder->status == STATUS_OK) {
        builder->status = status;
    }
}

static void
add(struct builder *builder, const char *text)
{
    buffer_append(&builder->options, text, strlen(text) + 1);
}

static void
add_three(struct builder *builder, const char *option, const char *from, const char *to)
{
    add(builder, option);
    add(builder, from);
    add(builder, to);
}

static void
add_number(struct builder *builder, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add(builder, text);
}

/* The command owns the descriptor from here on, also when there is no room for it. */
static void
keep_descriptor(struct builder *builder, int descriptor)
{
    struct sandbox_command *command = builder->command;
    if (command->descriptor_count == SANDBOX_INHERITED_MAX) {
        close(descriptor);
        fail(builder, STATUS_LIMIT);
        return;
    }
    command->descriptors[command->descriptor_count++] = descriptor;
}

/* A file in memory at its start, for bwrap to read; -1 and a failure noted when it cannot be. */
static int
memory_file(struct builder *builder, struct bytes content)
{
    const int descriptor = memfd_create("gpulet-sandbox", 0);
    if (descriptor < 0) {
        fail(builder, STATUS_SYSTEM);
        return -1;
    }
    keep_descriptor(builder, descriptor);
    const ssize_t written = write(descriptor, content.data, content.length);
    if (written < 0 || (size_t)written != content.length || lseek(descriptor, 0, SEEK_SET) != 0) {
        fail(builder, STATUS_SYSTEM);
    }
    return descriptor;
}

static void
add_memory_directory(struct builder *builder, const char *path, const char *mode, uint64_t bytes)
{
    add(builder, "--perms");
    add(builder, mode);
    add(builder, "--size");
    add_number(builder, bytes);
    add(builder, "--tmpfs");
    add(builder, path);
}

static void
add_system(struct builder *builder)
{
    add_three(builder, "--ro-bind", "/usr", "/usr");
    for (size_t i = 0; i < sizeof system_directories / sizeof system_directories[0]; i++) {
        char target[256];
        const ssize_t length = readlink(system_directories[i], target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            add_three(builder, "--symlink", target, system_directories[i]);
        } else {
            add_three(builder, "--ro-bind-try", system_directories[i], system_directories[i]);
        }
    }
    for (size_t i = 0; i < sizeof shown_etc / sizeof shown_etc[0]; i++) {
        add_three(builder, "--ro-bind-try", shown_etc[i], shown_etc[i]);
    }
    for (size_t i = 0; i < sizeof own_etc / sizeof own_etc[0]; i++) {
        const int file = memory_file(builder, bytes_of_text(own_etc[i].content));
        add(builder, "--perms");
        add(builder, "0444");
        add(builder, "--file");
        add_number(builder, (uint64_t)file);
        add(builder, own_etc[i].path);
    }
}

static void
add_devices(struct builder *builder, const struct workload_spec *spec, uint64_t memory_bytes)
{
    add(builder, "--dev");
    add(builder, "/dev");
    for (size_t i = 0; i < spec->device_count; i++) {
        const char *path = spec->device_paths[i];
        if (strncmp(path, "/dev/", 5) != 0 || strstr(path, "..") != NULL) {
            fail(builder, STATUS_REFUSED);
            return;
        }
        add_three(builder, "--dev-bind", path, path);
    }
    add_memory_directory(builder, "/dev/shm", "1777", memory_bytes);
    add(builder, "--remount-ro");
    add(builder, "/dev");
}

static void
add_tree(struct builder *builder, const struct workload_spec *spec,
         const struct sandbox_sources *sources)
{
    const uint64_t mib = 1024 * 1024;
    const uint64_t half = spec->memory_mib / 2 * mib;
    const uint64_t scratch = half == 0 ? 1024 * mib : half;
    add_system(builder);
    add(builder, "--proc");
    add(builder, "/proc");
    add_devices(builder, spec, scratch);
    add_memory_directory(builder, "/tmp", "1777", scratch);
    add_three(builder, "--symlink", "/tmp", "/var/tmp");
    if (sources->init[0] == '\0') {
        add(builder, "--perms");
        add(builder, "0555");
        add(builder, "--file");
        add_number(builder, (uint64_t)sources->init_descriptor);
        add(builder, init_path);
    } else {
        add_three(builder, "--ro-bind", sources->init, init_path);
    }
    add_three(builder, "--bind", sources->workspace, "/workspace");
    /* Last: everything above made its mount point on the root. */
    add(builder, "--remount-ro");
    add(builder, "/");
    add(builder, "--chdir");
    add(builder, "/workspace");
}

static void
add_variable(struct builder *builder, const char *name, const char *value)
{
    add_three(builder, "--setenv", name, value);
}

/* The GPUs as the host counts them, or as the job does, who sees no others' device nodes. */
static void
gpu_list(const struct workload_spec *spec, bool as_seen, char *ret_text, size_t size)
{
    size_t length = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < spec->gpu_count && length < size; i++) {
        const size_t index = as_seen ? i : spec->gpu_indices[i];
        const int more =
            snprintf(ret_text + length, size - length, "%s%zu", i == 0 ? "" : ",", index);
        length += more > 0 ? (size_t)more : 0;
    }
}

static void
add_environment(struct builder *builder, const struct workload_spec *spec)
{
    static const char *const gpu_variables[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
                                                "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"};
    char lease[ID_HEX_SIZE];
    char gpus[WORKLOAD_GPUS_MAX * 12];
    add_variable(builder, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    add_variable(builder, "HOME", "/workspace");
    add_variable(builder, "USER", "renter");
    add_variable(builder, "LOGNAME", "renter");
    add_variable(builder, "SHELL", "/bin/sh");
    add_variable(builder, "LANG", "C.UTF-8");
    for (size_t i = 0; i < spec->environment_count; i++) {
        char reason[SANDBOX_REASON_SIZE];
        const char *entry = spec->environment[i];
        const enum status status = sandbox_check_environment(entry, reason);
        if (status != STATUS_OK) {
            fail(builder, status);
            return;
        }
        const size_t name = strcspn(entry, "=");
        add(builder, "--setenv");
        buffer_append(&builder->options, entry, name);
        buffer_append_byte(&builder->options, '\0');
        add(builder, entry + name + 1);
    }
    id_to_hex(spec->lease.bytes, lease);
    add_variable(builder, "GPULET_LEASE", lease);
    gpu_list(spec, false, gpus, sizeof gpus);
    add_variable(builder, "GPULET_GPUS", gpus);
    gpu_list(spec, spec->device_count > 0, gpus, sizeof gpus);
    for (size_t i = 0; i < sizeof gpu_variables / sizeof gpu_variables[0]; i++) {
        add_variable(builder, gpu_variables[i], gpus);
    }
}

static void
add_isolation(struct builder *builder, const struct workload_spec *spec)
{
    static const char *const switches[] = {
        "--unshare-all", "--die-with-parent",
        "--new-session", "--as-pid-1",
        "--cap-drop",    "ALL",
        "--hostname",    "gpulet",
        "--uid",         "1000",
        "--gid",         "1000",
    };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        add(builder, switches[i]);
    }
    /* bwrap takes no filter for no wish to have one. */
    if (spec->filter.length == 0) {
        fail(builder, STATUS_REFUSED);
    }
    const int filter = memory_file(builder, spec->filter);
    add(builder, "--seccomp");
    add_number(builder, (uint64_t)filter);
}

/* Appends one argument to the command; texts live in command->memory, which has room for all. */
static void
push(struct sandbox_command *command, size_t *count, struct buffer *texts, const char *text)
{
    command->arguments[(*count)++] = (const char *)texts->data + texts->length;
    buffer_append(texts, text, strlen(text) + 1);
}

static void
push_number(struct sandbox_command *command, size_t *count, struct buffer *texts, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    push(command, count, texts, text);
}

/* bwrap --args FD -- init-program --supervise init NUMBERS -- job's own */
static void
build_arguments(struct builder *builder, const struct workload_spec *spec,
                const struct sandbox_init *init, int options)
{
    struct sandbox_command *command = builder->command;
    struct buffer texts;
    size_t count = 0;
    command->memory = malloc(WORKLOAD_SPEC_BYTES_MAX);
    command->arguments = calloc(spec->argument_count + 20, sizeof *command->arguments);
    if (command->memory == NULL || command->arguments == NULL) {
        fail(builder, STATUS_NO_MEMORY);
        return;
    }
    buffer_init(&texts, command->memory, WORKLOAD_SPEC_BYTES_MAX);
    push(command, &count, &texts, "bwrap");
    push(command, &count, &texts, "--args");
    push_number(command, &count, &texts, (uint64_t)options);
    push(command, &count, &texts, "--");
    push(command, &count, &texts, init_path);
    push(command, &count, &texts, "--supervise");
    push(command, &count, &texts, "init");
    push_number(command, &count, &texts, (uint64_t)init->channel);
    for (size_t i = 0; i < 3; i++) {
        push_number(command, &count, &texts, (uint64_t)init->streams[i]);
    }
    push_number(command, &count, &texts, init->processes_max);
    push_number(command, &count, &texts, init->data_bytes);
    push(command, &count, &texts, "--");
    for (size_t i = 0; i < spec->argument_count; i++) {
        push(command, &count, &texts, spec->arguments[i]);
    }
    if (texts.overflowed) {
        fail(builder, STATUS_NO_SPACE);
    }
}

enum status
sandbox_command_build(const struct workload_spec *spec, const struct sandbox_sources *sources,
                      const struct sandbox_init *init, struct sandbox_command *ret)
{
    enum { OPTIONS_MAX = WORKLOAD_SPEC_BYTES_MAX + 64 * 1024 };
    struct sandbox_command command = {0};
    struct builder builder = {.command = &command};
    void *memory = malloc(OPTIONS_MAX);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    buffer_init(&builder.options, memory, OPTIONS_MAX);
    if (spec->bwrap_program == NULL) {
        sandbox_find_bwrap(command.program);
    } else {
        snprintf(command.program, sizeof command.program, "%s", spec->bwrap_program);
    }
    if (command.program[0] == '\0') {
        fail(&builder, STATUS_UNAVAILABLE);
    }
    add_isolation(&builder, spec);
    add_tree(&builder, spec, sources);
    add_environment(&builder, spec);
    if (builder.options.overflowed) {
        fail(&builder, STATUS_NO_SPACE);
    }
    const int options = memory_file(&builder, buffer_bytes(&builder.options));
    build_arguments(&builder, spec, init, options);
    explicit_bzero(memory, OPTIONS_MAX);
    free(memory);
    if (builder.status != STATUS_OK) {
        sandbox_command_clear(&command);
        return builder.status;
    }
    *ret = command;
    return STATUS_OK;
}

void
sandbox_command_clear(struct sandbox_command *command)
{
    for (size_t i = 0; i < command->descriptor_count; i++) {
        close(command->descriptors[i]);
    }
    free(command->arguments);
    free(command->memory);
    *command = (struct sandbox_command){0};
}
