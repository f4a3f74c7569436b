#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/job.h"
#include "cli/place.h"
#include "cli/talk.h"

/* The whole id of a lease of which a prefix was given. */
static int
find_lease(struct connection *connection, const char *prefix, struct lease_id *ret_lease)
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
        *ret_lease = lease_id_of_record(&view.lease.lease);
    }
    answer_clear(&answer);
    return code;
}

/* Reads what is there, or all until the end. `plan` says which job, where and how. */
static int
read_logs(const struct job *plan, struct connection *connection)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
        return EXIT_REFUSED;
    }
    enum status status = job_open(job, connection, &plan->lease, false, -1);
    job->signals = plan->signals;
    job->data = plan->data;
    job->follows = plan->follows;
    if (status == STATUS_OK) {
        status = job_run(job);
    }
    const uint64_t lost = job->outputs[0].lost + job->outputs[1].lost;
    if (lost > 0) {
        talk_say("warning: %llu bytes were not kept by the host", (unsigned long long)lost);
    }
    if (status == STATUS_REFUSED) {
        talk_say("%s", job->why);
    } else if (status != STATUS_OK && status != STATUS_NOT_NOW) {
        talk_say("the job's streams broke: %s", status_text(status));
    }
    job_close(job);
    free(job);
    return status == STATUS_OK || status == STATUS_NOT_NOW ? EXIT_DONE : EXIT_REFUSED;
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
    struct job plan = {.data = data,
                       .signals = job_catch_signals(),
                       .follows = option_is_given(invocation, "follow")};
    int code = talk_open_data(data, &connection);
    if (code == EXIT_DONE) {
        code = find_lease(connection, invocation->operands[0], &plan.lease);
        if (code == EXIT_DONE) {
            code = read_logs(&plan, connection);
        }
        connection_close(connection);
    }
    if (plan.signals >= 0) {
        close(plan.signals);
    }
    return code;
}
