#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/job.h"
#include "cli/place.h"
#include "cli/talk.h"
#include "protocol/reader.h"

/* Which job's, from where, and how. */
struct logs_plan {
    struct lease_id lease;
    const char *data;
    struct job_files files;
    int signals;
    bool follows;
    bool has_ended;
};

/* The lease of which a prefix was given. */
static int
find_lease(struct connection *connection, const char *prefix, struct logs_plan *plan)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    const struct control_leases question = {.all = true, .prefix = bytes_of_text(prefix)};
    int code = talk_ask(connection, CONTROL_LEASES, &question, &answer, NULL);
    const size_t count = answer_count(&answer, ROW_LEASE);
    if (code == EXIT_DONE &&
        (count != 1 || answer_row(&answer, ROW_LEASE, 0, &view) != STATUS_OK)) {
        talk_say(count == 0 ? "there is no lease %s; see: gpulet leases --all"
                            : "%s fits several leases; give more digits",
                 prefix);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE) {
        plan->lease = lease_id_of_record(&view.lease.lease);
        plan->has_ended = view.lease.ended_at_ms != 0;
    }
    answer_clear(&answer);
    return code;
}

/* Reads what is there, or all until the end. */
static int
read_logs(const struct logs_plan *plan, struct connection *connection)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
        return EXIT_REFUSED;
    }
    enum status status = job_open(job, connection, &plan->lease, false, &plan->files);
    job->signals = plan->signals;
    job->data = plan->data;
    job->follows = plan->follows;
    job->has_ended = plan->has_ended;
    if (status == STATUS_OK) {
        status = job_run(job);
    }
    const uint64_t lost = job->outputs[0].lost + job->outputs[1].lost;
    if (lost > 0) {
        talk_say("warning: %llu bytes were not kept by the host", (unsigned long long)lost);
    }
    if (status == STATUS_OK && !job->host_spoke) {
        talk_say("the host does not answer; ask again when it is back");
        status = STATUS_TIMEOUT;
    } else if (status == STATUS_OK && job->has_ended && !job_is_written(job)) {
        talk_say("the host did not send all of it; ask again, perhaps it is busy");
        status = STATUS_TIMEOUT;
    } else if (status == STATUS_REFUSED) {
        talk_say("%s", job->why);
    } else if (status != STATUS_OK && status != STATUS_NOT_NOW) {
        talk_say("the job's streams broke: %s", status_text(status));
    }
    job_close(job);
    free(job);
    return status == STATUS_OK || status == STATUS_NOT_NOW ? EXIT_DONE : EXIT_REFUSED;
}

/* What a file of memory holds, as text; null when it is none. */
static json_t *
content_of(int file)
{
    const off_t length = lseek(file, 0, SEEK_END);
    json_t *text = NULL;
    uint8_t *memory = length < 0 ? NULL : malloc((size_t)length + 1);
    if (memory != NULL && pread(file, memory, (size_t)length, 0) == length) {
        const struct bytes bytes = bytes_of(memory, (size_t)length);
        text =
            text_is_valid(bytes) ? json_stringn((const char *)memory, bytes.length) : json_null();
    }
    free(memory);
    return text;
}

static int
print_logs_json(struct logs_plan *plan, struct connection *connection)
{
    char hex[ID_HEX_SIZE];
    plan->files = (struct job_files){-1, memfd_create("output", MFD_CLOEXEC),
                                     memfd_create("errors", MFD_CLOEXEC)};
    int code = plan->files.output < 0 || plan->files.errors < 0 ? EXIT_REFUSED
                                                                : read_logs(plan, connection);
    id_to_hex(plan->lease.bytes, hex);
    if (code == EXIT_DONE) {
        code = talk_document(json_pack("{s:s, s:o, s:o}", "lease", hex, "output",
                                       content_of(plan->files.output), "errors",
                                       content_of(plan->files.errors)));
    }
    close(plan->files.output);
    close(plan->files.errors);
    return code;
}

int
run_lease_logs(const struct invocation *invocation)
{
    struct connection *connection;
    char data[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    if (place_data(invocation, data, &why) != STATUS_OK) {
        return talk_refuse(EXIT_REFUSED, &why);
    }
    struct logs_plan plan = {.data = data,
                             .files = {-1, STDOUT_FILENO, STDERR_FILENO},
                             .signals = job_catch_signals(),
                             .follows = option_is_given(invocation, "follow")};
    int code = talk_open_data(data, &connection);
    if (code == EXIT_DONE) {
        code = find_lease(connection, invocation->operands[0], &plan);
        if (code == EXIT_DONE) {
            code = option_is_given(invocation, "json") ? print_logs_json(&plan, connection)
                                                       : read_logs(&plan, connection);
        }
        connection_close(connection);
    }
    if (plan.signals >= 0) {
        close(plan.signals);
    }
    return code;
}
