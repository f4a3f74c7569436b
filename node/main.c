/* gpuletd: reads its options, and does one of the few things that it can do. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/keypair.h"
#include "node/io/cgroup.h"
#include "node/io/doctor.h"
#include "node/io/gpu.h"
#include "node/io/identity.h"
#include "node/io/log.h"
#include "node/io/loop.h"
#include "node/io/options.h"
#include "node/io/ready.h"
#include "node/io/supervisor.h"
#include "protocol/version.h"

enum { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, WHY_SIZE = 1024 };

static int
refuse(int code, const struct buffer *why)
{
    fprintf(stderr, "gpuletd: %.*s\n", (int)why->length, (const char *)why->data);
    return code;
}

static enum status
find_gpus(const struct options *options, struct gpu *list, size_t *count, struct buffer *why)
{
    if (options->simulate[0] != '\0') {
        return gpus_simulate(bytes_of_text(options->simulate), list, count, why);
    }
    char memory[WHY_SIZE];
    struct buffer hint;
    buffer_init(&hint, memory, sizeof memory);
    gpus_find(list, count, &hint);
    if (*count == 0) {
        log_text(LOG_INFO, buffer_bytes(&hint));
    }
    return STATUS_OK;
}

/* From start to end; the keypair is the caller's to wipe. */
static int
run_with_keys(const struct options *options, const struct keypair *keypair, struct buffer *why)
{
    struct gpu gpus[GPUS_MAX];
    struct loop_options loop_options = {
        .options = options, .keypair = keypair, .gpus = gpus, .limits_lack = doctor_limits_lack()};
    if (find_gpus(options, gpus, &loop_options.gpu_count, why) != STATUS_OK) {
        return refuse(EXIT_USAGE, why);
    }
    struct loop *loop = NULL;
    if (loop_open(&loop_options, &loop, why) != STATUS_OK) {
        return refuse(EXIT_REFUSED, why);
    }
    ready_tell(options, loop);
    const enum status status = loop_run(loop);
    ready_forget(options);
    loop_close(loop);
    if (status != STATUS_OK) {
        log_line(LOG_ERROR, "ends: %s", status_text(status));
        return EXIT_REFUSED;
    }
    log_line(LOG_INFO, "ended");
    return EXIT_DONE;
}

static int
run(const struct options *options, struct buffer *why)
{
    const char *log_path = options->log_path[0] == '\0' ? NULL : options->log_path;
    if (log_open(log_path, options->log_level) != STATUS_OK) {
        buffer_append_format(why, "cannot write the log %.300s: %s", log_path, strerror(errno));
        return refuse(EXIT_REFUSED, why);
    }
    if (cgroup_prepare_own() != STATUS_OK) {
        log_line(LOG_INFO, "no control group was delegated: see gpulet doctor");
    }
    struct keypair keypair;
    if (identity_load(options, &keypair, why) != STATUS_OK) {
        return refuse(EXIT_REFUSED, why);
    }
    const int code = run_with_keys(options, &keypair, why);
    keypair_wipe(&keypair);
    return code;
}

int
main(int argc, char **argv)
{
    static struct options options; /* too large for some stacks */
    char memory[WHY_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    const enum status status = options_read(argc, argv, &options, &why);
    if (status != STATUS_OK) {
        return refuse(status == STATUS_NOT_FOUND ? EXIT_REFUSED : EXIT_USAGE, &why);
    }
    if (options.mode == MODE_SUPERVISE) {
        return supervisor_main(argc, argv);
    }
    if (options.mode == MODE_HELP) {
        options_print_help();
        return EXIT_DONE;
    }
    if (options.mode == MODE_VERSION) {
        printf("gpuletd %s\n", GPULET_VERSION);
        return EXIT_DONE;
    }
    if (crypto_start() != STATUS_OK) {
        buffer_append_format(&why, "the cryptographic library cannot start");
        return refuse(EXIT_REFUSED, &why);
    }
    return options.mode == MODE_CHECK ? doctor_run(&options) : run(&options, &why);
}
