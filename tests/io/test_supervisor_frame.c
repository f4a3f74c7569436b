#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/io/supervisor_frame.h"
#include "node/io/supervisor_spec.h"
#include "node/io/supervisor_status.h"
#include "node/io/supervisor_wire.h"

static uint8_t message[FRAME_LENGTH_MAX + 8];
static uint8_t payload[FRAME_PAYLOAD_MAX + 8];

static size_t
write_message(unsigned type, unsigned stream, size_t length)
{
    const struct frame frame = {.type = (enum frame_type)type,
                                .stream = (enum workload_stream)stream,
                                .number = 0x0123456789abcdef,
                                .payload = bytes_of(payload, length)};
    frame_header(&frame, message);
    memcpy(message + FRAME_HEADER_LENGTH, payload, length);
    return FRAME_HEADER_LENGTH + length;
}

/* What each type may carry, said again by hand. */
static bool
may_be(unsigned type, unsigned stream, size_t length)
{
    switch (type) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 6:
        return stream == 0 && length == 0;
    case 5:
        return stream == 0 && length == 8;
    case 7:
    case 8:
        return stream <= 2 && length == 8;
    case 9:
        return stream <= 2 && length >= 1 && length <= FRAME_PAYLOAD_MAX;
    case 10:
    case 11:
        return stream <= 2 && length == 0;
    case 12:
    case 13:
        return stream == 0 && length >= 1 && length <= FRAME_PAYLOAD_MAX;
    default:
        return false;
    }
}

Test(supervisor_frame, every_type_stream_and_length_is_taken_or_refused_by_its_table)
{
    static const size_t lengths[] = {0, 1, 7, 8, 9, 100, FRAME_PAYLOAD_MAX, FRAME_PAYLOAD_MAX + 1};
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned stream = 0; stream < 256; stream++) {
            for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
                struct frame frame;
                const size_t length = write_message(type, stream, lengths[i]);
                const enum status status = frame_parse(bytes_of(message, length), &frame);
                cr_assert_eq(status == STATUS_OK, may_be(type, stream, lengths[i]),
                             "type %u stream %u length %zu: %s", type, stream, lengths[i],
                             status_text(status));
                if (status == STATUS_OK) {
                    cr_assert_eq(frame.type, type);
                    cr_assert_eq(frame.stream, stream);
                    cr_assert_eq(frame.number, 0x0123456789abcdef);
                    cr_assert_eq(frame.payload.length, lengths[i]);
                }
            }
        }
    }
}

Test(supervisor_frame, message_is_as_long_as_its_header_says)
{
    struct frame frame;
    const size_t length = write_message(FRAME_DATA, 1, 100);
    for (size_t i = 0; i < length + 8; i++) {
        const enum status expected = i < length ? STATUS_TRUNCATED : STATUS_TRAILING;
        cr_assert_eq(frame_parse(bytes_of(message, i), &frame), i == length ? STATUS_OK : expected,
                     "%zu", i);
    }
    memset(message + 4, 0xff, 4);
    cr_assert_eq(frame_parse(bytes_of(message, length), &frame), STATUS_TRUNCATED);
}

Test(supervisor_frame, other_versions_are_refused)
{
    struct frame frame;
    const size_t length = write_message(FRAME_FREEZE, 0, 0);
    for (unsigned version = 0; version < 256; version++) {
        message[0] = (uint8_t)version;
        cr_assert_eq(frame_parse(bytes_of(message, length), &frame),
                     version == FRAME_VERSION ? STATUS_OK : STATUS_BAD_VERSION);
    }
    message[0] = FRAME_VERSION;
    message[3] = 1;
    cr_assert_eq(frame_parse(bytes_of(message, length), &frame), STATUS_BAD_VERSION);
}

static struct workload_status
sample_status(void)
{
    struct workload_status status = {.state = WORKLOAD_FROZEN,
                                     .end = WORKLOAD_END_DISK,
                                     .frozen_unpaid = true,
                                     .exit_code = 7,
                                     .signal_number = 9,
                                     .run_ms = UINT64_MAX,
                                     .frozen_ms = 1,
                                     .run_ms_limit = 2,
                                     .end_boot_ms = -3,
                                     .stdin_bytes = 4,
                                     .out_bytes = {5, 6},
                                     .log_bytes = {7, 8},
                                     .dropped_bytes = {9, 10},
                                     .disk_bytes = 11,
                                     .oom_kills = 12,
                                     .supervisor_pid = 13,
                                     .supervisor_start = 14,
                                     .job_pid = 15,
                                     .job_start = 16,
                                     .reason = "because"};
    return status;
}

Test(supervisor_frame, status_comes_back_and_every_cut_of_it_is_refused)
{
    uint8_t memory[SUPERVISOR_STATUS_BYTES_MAX];
    struct buffer buffer;
    struct workload_status status = sample_status();
    struct workload_status back;
    memset(status.reason, 'x', sizeof status.reason - 1);
    buffer_init(&buffer, memory, sizeof memory);
    supervisor_status_encode(&status, &buffer);
    cr_assert_not(buffer.overflowed);
    cr_assert_eq(supervisor_status_decode(buffer_bytes(&buffer), &back), STATUS_OK);
    cr_assert_eq(back.state, status.state);
    cr_assert_eq(back.end, status.end);
    cr_assert(back.frozen_unpaid && !back.frozen_by_daemon);
    cr_assert_eq(back.run_ms, status.run_ms);
    cr_assert_eq(back.end_boot_ms, status.end_boot_ms);
    cr_assert_eq(back.dropped_bytes[1], 10);
    cr_assert_eq(back.job_start, 16);
    cr_assert_str_eq(back.reason, status.reason);
    for (size_t i = 0; i < buffer.length; i++) {
        cr_assert_neq(supervisor_status_decode(bytes_of(memory, i), &back), STATUS_OK);
    }
    memory[4] = WORKLOAD_ENDED + 1;
    cr_assert_eq(supervisor_status_decode(buffer_bytes(&buffer), &back), STATUS_CORRUPT);
    memory[0] = 2;
    cr_assert_eq(supervisor_status_decode(buffer_bytes(&buffer), &back), STATUS_BAD_VERSION);
}

Test(supervisor_frame, spec_comes_back_and_every_cut_of_it_is_refused)
{
    static const char *const arguments[] = {"a", "", "c d"};
    static const char *const environment[] = {"X=1"};
    static const char *const devices[] = {"/dev/null", "/dev/zero"};
    static const uint32_t gpus[] = {1, 4000000000};
    static uint8_t memory[4096];
    static struct supervisor_spec back;
    const struct workload_spec spec = {.lease = {{1, 2, 3}},
                                       .arguments = arguments,
                                       .argument_count = 3,
                                       .environment = environment,
                                       .environment_count = 1,
                                       .stdin_wanted = true,
                                       .memory_mib = 1,
                                       .disk_mib = 2,
                                       .cpu_threads = 3,
                                       .pids_max = 4,
                                       .files_max = 5,
                                       .log_cap_bytes = 6,
                                       .gpu_indices = gpus,
                                       .gpu_count = 2,
                                       .device_paths = devices,
                                       .device_count = 2,
                                       .uid = 65601,
                                       .run_ms_limit = 7,
                                       .end_boot_ms = 8,
                                       .unpaid_kill_ms = 9,
                                       .filter = bytes_of_text("12345678")};
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    supervisor_spec_encode(&spec, &buffer);
    cr_assert_eq(supervisor_spec_decode(buffer_bytes(&buffer), &back), STATUS_OK);
    cr_assert_eq(back.spec.argument_count, 3);
    cr_assert_str_eq(back.arguments[1], "");
    cr_assert_str_eq(back.arguments[2], "c d");
    cr_assert_null(back.arguments[3]);
    cr_assert_str_eq(back.environment[0], "X=1");
    cr_assert_str_eq(back.device_paths[1], "/dev/zero");
    cr_assert_eq(back.gpu_indices[1], 4000000000);
    cr_assert(back.spec.stdin_wanted && !back.spec.attached);
    cr_assert_eq(back.spec.uid, 65601);
    cr_assert_eq(back.spec.unpaid_kill_ms, 9);
    cr_assert(bytes_are_text(back.spec.filter, "12345678"));
    cr_assert_null(back.spec.bwrap_program);
    cr_assert(lease_id_equal(&back.spec.lease, &spec.lease));
    for (size_t i = 0; i < buffer.length; i++) {
        cr_assert_neq(supervisor_spec_decode(bytes_of(memory, i), &back), STATUS_OK, "%zu", i);
    }
    memory[buffer.length] = 0;
    cr_assert_eq(supervisor_spec_decode(bytes_of(memory, buffer.length + 1), &back),
                 STATUS_CORRUPT);
}

Test(supervisor_frame, text_with_a_nul_or_without_its_end_is_refused)
{
    static const uint8_t texts[][8] = {
        {3, 0, 0, 0, 'a', 'b', 'c', 'd'}, {3, 0, 0, 0, 'a', 0, 'c', 0}, {0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wire_reader reader = wire_reader_of(bytes_of(texts[i], 8));
        cr_assert_str_eq(wire_take_text(&reader), "");
        cr_assert(reader.failed);
        cr_assert_not(wire_is_complete(&reader));
    }
    const uint8_t good[8] = {3, 0, 0, 0, 'a', 'b', 'c', 0};
    struct wire_reader reader = wire_reader_of(bytes_of(good, 8));
    cr_assert_str_eq(wire_take_text(&reader), "abc");
    cr_assert(wire_is_complete(&reader));
    cr_assert_eq(wire_take_u64(&reader), 0);
    cr_assert(reader.failed);
}
