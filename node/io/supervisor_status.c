#include "node/io/supervisor_status.h"

#include <string.h>

#include "node/io/supervisor_wire.h"

static const uint32_t status_version = 1;

void
supervisor_status_encode(const struct workload_status *status, struct buffer *buffer)
{
    wire_append_u32(buffer, status_version);
    wire_append_u32(buffer, (uint32_t)status->state);
    wire_append_u32(buffer, (uint32_t)status->end);
    wire_append_u32(buffer,
                    (status->frozen_by_daemon ? 1u : 0u) | (status->frozen_unpaid ? 2u : 0u));
    wire_append_u32(buffer, status->exit_code);
    wire_append_u32(buffer, status->signal_number);
    wire_append_u64(buffer, status->run_ms);
    wire_append_u64(buffer, status->frozen_ms);
    wire_append_u64(buffer, status->run_ms_limit);
    wire_append_u64(buffer, (uint64_t)status->end_boot_ms);
    wire_append_u64(buffer, status->stdin_bytes);
    for (size_t i = 0; i < 2; i++) {
        wire_append_u64(buffer, status->out_bytes[i]);
        wire_append_u64(buffer, status->log_bytes[i]);
        wire_append_u64(buffer, status->dropped_bytes[i]);
    }
    wire_append_u64(buffer, status->disk_bytes);
    wire_append_u64(buffer, status->oom_kills);
    wire_append_u32(buffer, (uint32_t)status->supervisor_pid);
    wire_append_u64(buffer, status->supervisor_start);
    wire_append_u32(buffer, (uint32_t)status->job_pid);
    wire_append_u64(buffer, status->job_start);
    wire_append_text(buffer, status->reason);
}

static void
take_fields(struct wire_reader *reader, struct workload_status *status)
{
    const uint32_t flags = wire_take_u32(reader);
    status->frozen_by_daemon = (flags & 1) != 0;
    status->frozen_unpaid = (flags & 2) != 0;
    status->exit_code = wire_take_u32(reader);
    status->signal_number = wire_take_u32(reader);
    status->run_ms = wire_take_u64(reader);
    status->frozen_ms = wire_take_u64(reader);
    status->run_ms_limit = wire_take_u64(reader);
    status->end_boot_ms = (int64_t)wire_take_u64(reader);
    status->stdin_bytes = wire_take_u64(reader);
    for (size_t i = 0; i < 2; i++) {
        status->out_bytes[i] = wire_take_u64(reader);
        status->log_bytes[i] = wire_take_u64(reader);
        status->dropped_bytes[i] = wire_take_u64(reader);
    }
    status->disk_bytes = wire_take_u64(reader);
    status->oom_kills = wire_take_u64(reader);
    status->supervisor_pid = (pid_t)wire_take_u32(reader);
    status->supervisor_start = wire_take_u64(reader);
    status->job_pid = (pid_t)wire_take_u32(reader);
    status->job_start = wire_take_u64(reader);
}

enum status
supervisor_status_decode(struct bytes bytes, struct workload_status *ret)
{
    struct wire_reader reader = wire_reader_of(bytes);
    struct workload_status status = {0};
    const uint32_t version = wire_take_u32(&reader);
    if (reader.failed) {
        return STATUS_CORRUPT;
    }
    if (version != status_version) {
        return STATUS_BAD_VERSION;
    }
    const uint32_t state = wire_take_u32(&reader);
    const uint32_t end = wire_take_u32(&reader);
    take_fields(&reader, &status);
    const char *reason = wire_take_text(&reader);
    const size_t reason_length = strlen(reason);
    if (!wire_is_complete(&reader) || state > WORKLOAD_ENDED || end > WORKLOAD_END_LOST ||
        reason_length >= sizeof status.reason) {
        return STATUS_CORRUPT;
    }
    status.state = (enum workload_state)state;
    status.end = (enum workload_end)end;
    memcpy(status.reason, reason, reason_length);
    *ret = status;
    return STATUS_OK;
}
