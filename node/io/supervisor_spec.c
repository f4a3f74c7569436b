#include "node/io/supervisor_spec.h"

#include <string.h>

#include "node/io/supervisor_wire.h"

static const uint32_t spec_version = 2;

static void
append_texts(struct buffer *buffer, const char *const *texts, size_t count)
{
    wire_append_u32(buffer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_append_text(buffer, texts[i]);
    }
}

void
supervisor_spec_encode(const struct workload_spec *spec, struct buffer *buffer)
{
    wire_append_u32(buffer, spec_version);
    buffer_append(buffer, spec->lease.bytes, ID_LENGTH);
    wire_append_u32(buffer, (uint32_t)spec->runtime);
    wire_append_u32(buffer, (spec->stdin_wanted ? 1u : 0u) | (spec->attached ? 2u : 0u));
    wire_append_u64(buffer, spec->memory_mib);
    wire_append_u64(buffer, spec->disk_mib);
    wire_append_u32(buffer, spec->cpu_threads);
    wire_append_u32(buffer, spec->pids_max);
    wire_append_u64(buffer, spec->files_max);
    wire_append_u64(buffer, spec->log_cap_bytes);
    wire_append_u32(buffer, (uint32_t)spec->uid);
    wire_append_u64(buffer, spec->run_ms_limit);
    wire_append_u64(buffer, (uint64_t)spec->end_boot_ms);
    wire_append_u64(buffer, spec->unpaid_kill_ms);
    wire_append_text(buffer, spec->bwrap_program == NULL ? "" : spec->bwrap_program);
    append_texts(buffer, spec->arguments, spec->argument_count);
    append_texts(buffer, spec->environment, spec->environment_count);
    append_texts(buffer, spec->device_paths, spec->device_count);
    wire_append_u32(buffer, (uint32_t)spec->filter.length);
    buffer_append(buffer, spec->filter.data, spec->filter.length);
    wire_append_u32(buffer, (uint32_t)spec->gpu_count);
    for (size_t i = 0; i < spec->gpu_count; i++) {
        wire_append_u32(buffer, spec->gpu_indices[i]);
    }
}

/* Takes a list into `texts`, which has room for `most` and the final NULL. */
static size_t
take_texts(struct wire_reader *reader, const char **texts, size_t most)
{
    const size_t count = wire_take_u32(reader);
    if (count > most) {
        reader->failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = wire_take_text(reader);
    }
    texts[count] = NULL;
    return count;
}

static void
take_numbers(struct wire_reader *reader, struct workload_spec *spec)
{
    const uint32_t flags = wire_take_u32(reader);
    spec->stdin_wanted = (flags & 1) != 0;
    spec->attached = (flags & 2) != 0;
    spec->memory_mib = wire_take_u64(reader);
    spec->disk_mib = wire_take_u64(reader);
    spec->cpu_threads = wire_take_u32(reader);
    spec->pids_max = wire_take_u32(reader);
    spec->files_max = wire_take_u64(reader);
    spec->log_cap_bytes = wire_take_u64(reader);
    spec->uid = (uid_t)wire_take_u32(reader);
    spec->run_ms_limit = wire_take_u64(reader);
    spec->end_boot_ms = (int64_t)wire_take_u64(reader);
    spec->unpaid_kill_ms = wire_take_u64(reader);
    const char *bwrap = wire_take_text(reader);
    spec->bwrap_program = bwrap[0] == '\0' ? NULL : bwrap;
}

static void
take_lists(struct wire_reader *reader, struct supervisor_spec *ret)
{
    struct workload_spec *spec = &ret->spec;
    spec->argument_count = take_texts(reader, ret->arguments, WORKLOAD_ARGUMENTS_MAX);
    spec->environment_count = take_texts(reader, ret->environment, WORKLOAD_ENVIRONMENT_MAX);
    spec->device_count = take_texts(reader, ret->device_paths, WORKLOAD_DEVICES_MAX);
    const uint32_t filter_length = wire_take_u32(reader);
    const uint8_t *filter = wire_take_bytes(reader, filter_length);
    if (filter_length > WORKLOAD_FILTER_BYTES_MAX || filter == NULL) {
        reader->failed = true;
        return;
    }
    spec->filter = bytes_of(filter, filter_length);
    spec->gpu_count = wire_take_u32(reader);
    if (spec->gpu_count > WORKLOAD_GPUS_MAX) {
        reader->failed = true;
        return;
    }
    for (size_t i = 0; i < spec->gpu_count; i++) {
        ret->gpu_indices[i] = wire_take_u32(reader);
    }
    spec->arguments = ret->arguments;
    spec->environment = ret->environment;
    spec->device_paths = ret->device_paths;
    spec->gpu_indices = ret->gpu_indices;
}

enum status
supervisor_spec_decode(struct bytes bytes, struct supervisor_spec *ret)
{
    struct wire_reader reader = wire_reader_of(bytes);
    const uint32_t version = wire_take_u32(&reader);
    if (reader.failed) {
        return STATUS_CORRUPT;
    }
    if (version != spec_version) {
        return STATUS_BAD_VERSION;
    }
    *ret = (struct supervisor_spec){0};
    const uint8_t *lease = wire_take_bytes(&reader, ID_LENGTH);
    if (lease != NULL) {
        memcpy(ret->spec.lease.bytes, lease, ID_LENGTH);
    }
    const uint32_t runtime = wire_take_u32(&reader);
    take_numbers(&reader, &ret->spec);
    take_lists(&reader, ret);
    if (!wire_is_complete(&reader) || ret->spec.argument_count == 0 ||
        runtime > WORKLOAD_RUNTIME_BWRAP) {
        return STATUS_CORRUPT;
    }
    ret->spec.runtime = (enum workload_runtime)runtime;
    return STATUS_OK;
}
