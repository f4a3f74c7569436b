#include "node/io/job_spec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/message.h"

enum { FIRST_UID = 65600 };

static uint8_t memory[COMMAND_BYTES_MAX * 2];
static struct start_message start;

/* The order of a job that runs these words. */
static struct effect_job
order_of(const char *const *words, size_t count)
{
    struct buffer buffer;
    memset(&start, 0, sizeof start);
    start.voucher = bytes_of_text("v");
    start.arguments.count = count;
    for (size_t i = 0; i < count; i++) {
        start.arguments.items[i] = bytes_of_text(words[i]);
    }
    start.environment.count = 1;
    start.environment.items[0] = bytes_of_text("NAME=value");
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&start_message_schema, &start, &buffer), STATUS_OK);
    return (struct effect_job){.lease = {{7}},
                               .gpu_mask = 0x14,
                               .attached = true,
                               .input = true,
                               .memory_mib = 64,
                               .disk_mib = 32,
                               .cpu_threads = 3,
                               .arguments = buffer_bytes(&buffer),
                               .paid_run_ms = 10000,
                               .end_at_boot_ms = 99,
                               .duration_s = 60,
                               .unpaid_s = 30};
}

Test(job_spec, says_what_was_ordered)
{
    static const char *const words[] = {"echo", "", "a b"};
    struct job_spec *spec = NULL;
    struct effect_job order = order_of(words, 3);
    cr_assert_eq(job_spec_make(&order, "/x/jobs/7", FIRST_UID, &spec), STATUS_OK);
    const struct workload_spec *workload = job_spec_workload(spec);
    memset(memory, 0xff, sizeof memory); /* nothing of the order is borrowed */
    cr_assert_str_eq(workload->job_dir, "/x/jobs/7");
    cr_assert_eq(workload->argument_count, 3u);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(workload->arguments[i], words[i]);
    }
    cr_assert_eq(workload->environment_count, 1u);
    cr_assert_str_eq(workload->environment[0], "NAME=value");
    cr_assert(lease_id_equal(&workload->lease, &order.lease));
    cr_assert(workload->stdin_wanted && workload->attached);
    cr_assert_eq(workload->memory_mib, 64u);
    cr_assert_eq(workload->disk_mib, 32u);
    cr_assert_eq(workload->cpu_threads, 3u);
    cr_assert_eq(workload->gpu_count, 2u);
    cr_assert(workload->gpu_indices[0] == 2 && workload->gpu_indices[1] == 4);
    cr_assert_eq(workload->uid, (uid_t)FIRST_UID + 2, "the slot's first card names its user");
    cr_assert_eq(workload->end_boot_ms, 99);
    cr_assert_gt(workload->pids_max, 0u, "never without a bound");
    job_spec_free(spec);
}

/* What the supervisor needs to keep the bargain when no daemon is there. */
Test(job_spec, the_supervisor_knows_when_to_freeze_and_when_to_end)
{
    static const char *const words[] = {"true"};
    struct job_spec *spec = NULL;
    struct effect_job order = order_of(words, 1);
    order.end_at_boot_ms = 0;
    const int64_t before_ms = clock_boot_ms();
    cr_assert_eq(job_spec_make(&order, "/x", FIRST_UID, &spec), STATUS_OK);
    const struct workload_spec *workload = job_spec_workload(spec);
    cr_assert_eq(workload->run_ms_limit, 10000u);
    cr_assert_eq(workload->unpaid_kill_ms, 30000u);
    cr_assert(workload->end_boot_ms >= before_ms + 60000 &&
              workload->end_boot_ms <= clock_boot_ms() + 60000);
    job_spec_equip(spec, "/proc/self/fd/9", bytes_of_text("12345678"));
    cr_assert_str_eq(workload->supervisor_program, "/proc/self/fd/9");
    cr_assert(bytes_are_text(workload->filter, "12345678"));
    job_spec_free(spec);
    job_spec_free(NULL);
}

Test(job_spec, orders_that_no_program_can_take_are_refused)
{
    static const char *const words[] = {"echo", "xx"};
    static char path[5000];
    struct job_spec *spec = NULL;
    struct effect_job order = order_of(words, 2);
    memset(path, 'p', sizeof path - 1);
    cr_assert_eq(job_spec_make(&order, path, FIRST_UID, &spec), STATUS_LIMIT);
    /* A NUL inside a word would cut it short. */
    uint8_t *at = memmem(memory, order.arguments.length, "xx", 2);
    cr_assert_not_null(at);
    at[0] = '\0';
    cr_assert_neq(job_spec_make(&order, "/x", FIRST_UID, &spec), STATUS_OK);
    for (size_t i = 0; i < order.arguments.length; i++) {
        struct effect_job cut = order;
        cut.arguments.length = i;
        cr_assert_neq(job_spec_make(&cut, "/x", FIRST_UID, &spec), STATUS_OK, "%zu", i);
    }
    cr_assert_null(spec);
}
