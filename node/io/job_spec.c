#include "node/io/job_spec.h"

#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/message.h"

enum { PIDS_MAX = 1024, FILES_MAX = 200000, PATH_SIZE = 4096 };

struct job_spec {
    struct workload_spec workload;
    char path[PATH_SIZE];
    uint32_t gpus[WORKLOAD_GPUS_MAX];
    const char *arguments[LIST_ITEMS_MAX + 1];
    const char *environment[LIST_ITEMS_MAX + 1];
    size_t used;
    char texts[COMMAND_BYTES_MAX * 2 + LIST_ITEMS_MAX * 2]; /* each ended by a NUL */
};

static enum status
copy_list(struct job_spec *spec, const struct bytes_list *list, const char **ret_texts)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct bytes item = list->items[i];
        if (item.length + 1 > sizeof spec->texts - spec->used ||
            (item.length > 0 && memchr(item.data, 0, item.length) != NULL)) {
            return STATUS_BAD_INPUT;
        }
        char *text = spec->texts + spec->used;
        memcpy(text, item.data, item.length);
        text[item.length] = '\0';
        spec->used += item.length + 1;
        ret_texts[i] = text;
    }
    return STATUS_OK;
}

static void
fill_gpus(struct job_spec *spec, uint64_t mask)
{
    for (uint32_t i = 0; i < WORKLOAD_GPUS_MAX; i++) {
        if ((mask >> i & 1) != 0) {
            spec->gpus[spec->workload.gpu_count++] = i;
        }
    }
    spec->workload.gpu_indices = spec->gpus;
}

/* One user a slot: a card has one tenant, so the first card's number tells slots apart. */
static uid_t
uid_of(uint64_t mask, uid_t first_uid)
{
    return first_uid + (mask == 0 ? 0 : (uid_t)__builtin_ctzll(mask));
}

enum status
job_spec_make(const struct effect_job *order, const char *path, uid_t first_uid,
              struct job_spec **ret_spec)
{
    struct start_message *start = malloc(sizeof *start);
    struct job_spec *spec = calloc(1, sizeof *spec);
    enum status status = start == NULL || spec == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK) {
        status = codec_decode(&start_message_schema, order->arguments, start);
    }
    if (status == STATUS_OK) {
        status = copy_list(spec, &start->arguments, spec->arguments);
    }
    if (status == STATUS_OK) {
        status = copy_list(spec, &start->environment, spec->environment);
    }
    if (status != STATUS_OK || strlen(path) >= sizeof spec->path) {
        free(start);
        free(spec);
        return status == STATUS_OK ? STATUS_LIMIT : status;
    }
    memcpy(spec->path, path, strlen(path) + 1);
    const int64_t end_ms = order->end_at_boot_ms != 0
                               ? (int64_t)order->end_at_boot_ms
                               : clock_boot_ms() + (int64_t)order->duration_s * 1000;
    spec->workload = (struct workload_spec){.lease = order->lease,
                                            .job_dir = spec->path,
                                            .runtime = WORKLOAD_RUNTIME_BWRAP,
                                            .arguments = spec->arguments,
                                            .argument_count = start->arguments.count,
                                            .environment = spec->environment,
                                            .environment_count = start->environment.count,
                                            .stdin_wanted = order->input,
                                            .attached = order->attached,
                                            .memory_mib = order->memory_mib,
                                            .disk_mib = order->disk_mib,
                                            .cpu_threads = order->cpu_threads,
                                            .pids_max = PIDS_MAX,
                                            .files_max = FILES_MAX,
                                            .uid = uid_of(order->gpu_mask, first_uid),
                                            .run_ms_limit = order->paid_run_ms,
                                            .end_boot_ms = end_ms,
                                            .unpaid_kill_ms = order->unpaid_s * UINT64_C(1000)};
    fill_gpus(spec, order->gpu_mask);
    free(start);
    *ret_spec = spec;
    return STATUS_OK;
}

void
job_spec_free(struct job_spec *spec)
{
    if (spec != NULL) {
        explicit_bzero(spec, sizeof *spec); /* the renter's command and environment */
        free(spec);
    }
}

void
job_spec_equip(struct job_spec *spec, const char *program, struct bytes filter)
{
    spec->workload.supervisor_program = program;
    spec->workload.filter = filter;
}

const struct workload_spec *
job_spec_workload(const struct job_spec *spec)
{
    return &spec->workload;
}
