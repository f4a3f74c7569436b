#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/job.h"
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

static int
read_logs(const struct invocation *invocation, struct connection *connection,
          const struct lease_id *lease, int signals)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
        return EXIT_REFUSED;
    }
    enum status status = job_open(job, connection, lease, false, -1);
    job->signals = signals;
    job->follows = option_is_given(invocation, "follow");
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
    struct lease_id lease;
    const int signals = job_catch_signals();
    int code = talk_open(invocation, &connection);
    if (code == EXIT_DONE) {
        code = find_lease(connection, invocation->operands[0], &lease);
        if (code == EXIT_DONE) {
            code = read_logs(invocation, connection, &lease, signals);
        }
        connection_close(connection);
    }
    if (signals >= 0) {
        close(signals);
    }
    return code;
}
