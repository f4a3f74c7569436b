/* What a job's start costs over the walls alone: from the order until the job's own program runs, with
 * the supervisor, its promise on the disk, the control groups; beside a bare bwrap that gets the very
 * options. On both sides the program is date(1), which says when it ran. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/io/sandbox.h"
#include "node/io/workload.h"
#include "tests/bench/bench.h"

enum { STARTS = 60, PATH_SIZE = 512, OUTPUT_SIZE = 64, JOB_UID = 70000, STREAM_CREDIT = 4096 };

static const char *const clock_words[] = {"/usr/bin/date", "+%s%N"};

struct place {
    char directory[PATH_SIZE]; /* of this run, in /tmp */
    char workspace[PATH_SIZE]; /* of the bare bwrap */
    char job[PATH_SIZE];       /* gpulet-job */
    uint8_t filter_memory[WORKLOAD_FILTER_BYTES_MAX];
    struct buffer filter;
};

static void
must(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "bench: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static uint64_t
wall_ns(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0, "no clock");
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
place_open(struct place *place)
{
    const char *told = getenv("BIN");
    const char *programs = told == NULL ? "build/release/bin" : told;
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%.400s/gpulet-job", programs);
    char *found = realpath(path, NULL);
    must(found != NULL && strlen(found) < sizeof place->job, "gpulet-job is not built");
    (void)snprintf(place->job, sizeof place->job, "%s", found);
    free(found);
    (void)snprintf(place->directory, sizeof place->directory, "/tmp/gpulet-bench-XXXXXX");
    must(mkdtemp(place->directory) != NULL && chmod(place->directory, 0755) == 0,
         "no directory in /tmp");
    (void)snprintf(place->workspace, sizeof place->workspace, "%.64s/workspace", place->directory);
    buffer_init(&place->filter, place->filter_memory, sizeof place->filter_memory);
    must(sandbox_filter(&place->filter) == STATUS_OK, "no filter");
    must(mkdir(place->workspace, 0700) == 0, "no workspace");
    must(geteuid() != 0 || chown(place->workspace, JOB_UID, JOB_UID) == 0, "no workspace");
}

static void
place_close(const struct place *place)
{
    must(rmdir(place->workspace) == 0 && rmdir(place->directory) == 0, "something was left behind");
}

/* The same for both, so that bwrap gets the same options. */
static struct workload_spec
spec_of(const struct place *place)
{
    return (struct workload_spec){.arguments = clock_words,
                                  .argument_count = 2,
                                  .memory_mib = 256,
                                  .pids_max = 64,
                                  .cpu_threads = 1,
                                  .uid = JOB_UID,
                                  .run_ms_limit = 60000,
                                  .end_boot_ms = INT64_MAX / 2,
                                  .filter = buffer_bytes(&place->filter),
                                  .supervisor_program = place->job};
}

/* In the child: bwrap as a job gets it, but for the program it runs and who waits for it. */
static _Noreturn void
become_bare(const struct sandbox_command *command, int output)
{
    char *words[8] = {NULL};
    size_t count = 0;
    while (strcmp(command->arguments[count], "--") != 0) {
        words[count] = strdup(command->arguments[count]);
        count++;
    }
    words[count] = strdup("--");
    words[count + 1] = strdup(clock_words[0]);
    words[count + 2] = strdup(clock_words[1]);
    const int nowhere = open("/dev/null", O_RDWR);
    if (dup2(nowhere, 0) < 0 || dup2(output, 1) < 0 ||
        (geteuid() == 0 && sandbox_become(JOB_UID, NULL, 0) != STATUS_OK)) {
        _exit(126);
    }
    execv(command->program, words);
    _exit(127);
}

static double
bare_ms(const struct place *place)
{
    struct sandbox_command command;
    struct sandbox_sources sources = {.init = "/usr/bin/true", .init_descriptor = -1};
    const struct sandbox_init init = {.channel = 3, .streams = {0, 1, 2}};
    const struct workload_spec spec = spec_of(place);
    char said[OUTPUT_SIZE] = "";
    int output[2];
    int status = 0;
    (void)snprintf(sources.workspace, sizeof sources.workspace, "%s", place->workspace);
    must(sandbox_command_build(&spec, &sources, &init, &command) == STATUS_OK, "no bwrap");
    must(pipe2(output, O_CLOEXEC) == 0, "no pipe");
    const uint64_t start = wall_ns();
    const pid_t child = fork();
    if (child == 0) {
        become_bare(&command, output[1]);
    }
    close(output[1]);
    must(child > 0 && read(output[0], said, sizeof said - 1) > 0, "bwrap does not work");
    must(waitpid(child, &status, 0) == child && status == 0, "bwrap does not work");
    close(output[0]);
    sandbox_command_clear(&command);
    return (double)(strtoull(said, NULL, 10) - start) / 1e6;
}

/* Follows the job to its told end, and keeps what it says. */
static void
follow(struct workload *workload, char ret_said[OUTPUT_SIZE])
{
    size_t length = 0;
    bool has_exited = false;
    must(workload_read(workload, WORKLOAD_STDOUT, 0, STREAM_CREDIT) == STATUS_OK, "no output");
    while (!has_exited || length == 0) {
        struct workload_event event;
        struct pollfd poller = {.fd = workload_fd(workload),
                                .events = workload_poll_events(workload)};
        must(poll(&poller, 1, 10000) == 1, "a job does not end");
        const enum status status = workload_receive(workload, &event);
        must(status == STATUS_OK || status == STATUS_NOT_NOW, "a supervisor is lost");
        if (status == STATUS_OK && event.kind == WORKLOAD_EVENT_DATA) {
            must(length + event.data.length < OUTPUT_SIZE, "date says too much");
            memcpy(ret_said + length, event.data.data, event.data.length);
            length += event.data.length;
        }
        has_exited = has_exited || (status == STATUS_OK && event.kind == WORKLOAD_EVENT_EXIT);
    }
}

/* Until the program runs, and in *ret_whole_ms until its end was told. */
static double
job_ms(const struct place *place, unsigned number, double *ret_whole_ms)
{
    char said[OUTPUT_SIZE] = "";
    char job_dir[PATH_SIZE];
    struct workload *workload = NULL;
    struct workload_spec spec = spec_of(place);
    (void)snprintf(job_dir, sizeof job_dir, "%.64s/job-%u", place->directory, number);
    spec.job_dir = job_dir;
    spec.lease.bytes[0] = (uint8_t)number;
    spec.lease.bytes[1] = 0xBE;
    spec.lease.bytes[2] = (uint8_t)getpid();
    spec.lease.bytes[3] = (uint8_t)(getpid() >> 8);
    const uint64_t start = wall_ns();
    must(workload_start(&spec) == STATUS_OK, "a job does not start");
    must(workload_connect(job_dir, &workload) == STATUS_OK, "a supervisor cannot be reached");
    follow(workload, said);
    *ret_whole_ms = (double)(wall_ns() - start) / 1e6;
    workload_disconnect(workload);
    must(workload_destroy(job_dir) == STATUS_OK, "a job cannot be removed");
    return (double)(strtoull(said, NULL, 10) - start) / 1e6;
}

void
bench_sandbox(struct bench *bench)
{
    double bare[STARTS];
    double ours[STARTS];
    double whole[STARTS];
    struct place place;
    place_open(&place);
    for (unsigned i = 0; i < STARTS; i++) {
        bare[i] = bare_ms(&place);
        ours[i] = job_ms(&place, i, &whole[i]);
    }
    place_close(&place);
    const double reference = bench_median(bare, STARTS);
    const double value = bench_median(ours, STARTS);
    bench_add(bench,
              &(struct bench_row){.name = "job: order to its program running, promise synced",
                                  .value = value,
                                  .unit = "ms",
                                  .lower_is_better = true,
                                  .reference = "bare bwrap, same options and user",
                                  .reference_value = reference});
    bench_add(bench, &(struct bench_row){.name = "job: the same start against bare bwrap",
                                         .value = value / reference,
                                         .unit = "ratio",
                                         .lower_is_better = true,
                                         .target = 1.2});
    bench_add(bench, &(struct bench_row){.name = "job: order to its end, synced and told",
                                         .value = bench_median(whole, STARTS),
                                         .unit = "ms",
                                         .lower_is_better = true});
}
