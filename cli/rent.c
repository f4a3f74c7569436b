#include "cli/rent.h"
#include "cli/batch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/gang.h"
#include "cli/job.h"
#include "cli/market_columns.h"
#include "cli/place.h"
#include "cli/rented_text.h"
#include "cli/request_options.h"
#include "cli/talk.h"
#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/quantity.h"
#include "protocol/reader.h"

enum { REQUEST_SIZE = 2048, WAIT_MS = 500, SIGNAL_BASE = 128 };

/* A question about renting, with the memory behind it. */
struct order {
    struct control_rent rent;
    uint8_t request[REQUEST_SIZE];
    struct batch_text batch;
    bool is_gang;          /* on more than one host, and not only to be looked at */
    char data[PLACE_SIZE]; /* directory of the daemon */
};

static int
add_word(struct bytes_list *list, const char *word, size_t *total, const char *what)
{
    *total += strlen(word);
    if (list->count == LIST_ITEMS_MAX || *total > COMMAND_BYTES_MAX / 2) {
        talk_say("%s take more than %d words or %u bytes; hand them over as the job's input", what,
                 LIST_ITEMS_MAX, COMMAND_BYTES_MAX / 2);
        return EXIT_USAGE;
    }
    if (!text_is_valid(bytes_of_text(word))) {
        talk_say("one of %s is not UTF-8; hand it over as the job's input", what);
        return EXIT_USAGE;
    }
    list->items[list->count++] = bytes_of_text(word);
    return EXIT_DONE;
}

static int
add_words(const struct invocation *invocation, struct control_rent *rent)
{
    size_t total = 0;
    int code = EXIT_DONE;
    for (size_t i = 0; code == EXIT_DONE && i < invocation->job_count; i++) {
        code = add_word(&rent->arguments, invocation->job[i], &total, "the command's arguments");
    }
    total = 0;
    for (size_t i = 0; code == EXIT_DONE && i < invocation->given_count; i++) {
        if (strcmp(invocation->given[i].name, "env") == 0) {
            code = add_word(&rent->environment, invocation->given[i].value, &total,
                            "the --env variables");
        }
    }
    return code;
}

/* Reads the command line into a question. Returns an exit code, with a sentence on stderr. */
static int
read_order(const struct invocation *invocation, struct order *order)
{
    char memory[CELL_SIZE];
    struct buffer why;
    struct buffer bytes;
    struct request request;
    buffer_init(&why, memory, sizeof memory);
    buffer_init(&bytes, order->request, sizeof order->request);
    if (request_of_options(invocation, &request, &why) != STATUS_OK) {
        return talk_refuse(EXIT_USAGE, &why);
    }
    if (option_is_given(invocation, "image")) {
        talk_say("hosts run commands of their own system for now; leave --image away");
        return EXIT_REFUSED;
    }
    if (codec_encode(&request_schema, &request, &bytes) != STATUS_OK) {
        talk_say("a filter is outside its limits");
        return EXIT_USAGE;
    }
    const char *listing = option_value(invocation, "listing");
    const char *size = option_value(invocation, "memory");
    const bool is_attached = !option_is_given(invocation, "detach");
    order->rent = (struct control_rent){
        .request = buffer_bytes(&bytes),
        .wait_s = option_seconds(invocation, "wait", 0),
        .prepay_s = option_seconds(invocation, "prepay", 0),
        .dry_run = option_is_given(invocation, "dry-run"),
        .attached = is_attached,
        .input = is_attached && !option_is_given(invocation, "no-input"),
        .listing_prefix = bytes_of_text(listing == NULL ? "" : listing),
    };
    order->is_gang = request.hosts > 1 && !order->rent.dry_run;
    order->rent.input = order->rent.input && request.hosts == 1;
    if (size != NULL &&
        quantity_parse_size(bytes_of_text(size), &order->rent.memory_mib, NULL) != STATUS_OK) {
        return EXIT_USAGE;
    }
    return add_words(invocation, &order->rent);
}

static void
print_rented(const struct rented_view *rented)
{
    char memory[CELL_SIZE];
    char hex[ID_HEX_SIZE];
    struct buffer text;
    buffer_init(&text, memory, sizeof memory);
    rented_print(&text, rented);
    buffer_append_format(&text, " for ");
    quantity_print_duration(&text, duration_of_s(rented->duration_s));
    id_to_hex(rented->lease.bytes, hex);
    talk_say("%.*s; lease %.12s", (int)text.length, memory, hex);
}

/* Waiting for the lease: what came so far. */
struct wait_for_lease {
    struct answer answer;
    struct rented_view rented;
    struct control_done done;
    char why[CELL_SIZE];
    bool is_rented;
    bool is_done;
};

static enum status
take_answer(struct wait_for_lease *wait, struct bytes frame)
{
    uint8_t type;
    struct control_row row;
    struct control_note note;
    struct buffer why;
    union row_view view;
    enum status status = message_type(frame, &type);
    if (status != STATUS_OK) {
        return status;
    }
    switch (type) {
    case CONTROL_NOTE:
        status = message_decode(control_schema(type), frame, &note);
        if (status == STATUS_OK) {
            talk_note(&note);
        }
        return status;
    case CONTROL_DONE:
        status = message_decode(control_schema(type), frame, &wait->done);
        if (status == STATUS_OK) {
            buffer_init(&why, wait->why, sizeof wait->why);
            output_clean(&why, wait->done.text);
            wait->done.text = buffer_bytes(&why);
            wait->is_done = true;
        }
        return status;
    case CONTROL_ROW:
        status = message_decode(control_schema(type), frame, &row);
        if (status == STATUS_OK) {
            status = answer_keep(&wait->answer, row.row, row.value);
        }
        if (status == STATUS_OK && row.row == ROW_RENTED) {
            status = answer_row(&wait->answer, ROW_RENTED, 0, &view);
            wait->rented = view.rented;
            wait->is_rented = status == STATUS_OK;
        }
        return status;
    default:
        return STATUS_OK;
    }
}

/* Until the lease is there or refused. STATUS_NOT_NOW: interrupted. With `until_done`, goes on to the
 * end of the answer: the job was started. */
static enum status
wait_for_lease(struct connection *connection, int signals, bool until_done,
               struct wait_for_lease *wait)
{
    enum status status = STATUS_OK;
    struct bytes frame;
    bool was_said = false;
    while (status == STATUS_OK && !wait->is_done && (until_done || !wait->is_rented)) {
        struct pollfd interrupt = {.fd = signals, .events = POLLIN};
        status = connection_receive(connection, &frame);
        if (status == STATUS_OK) {
            status = take_answer(wait, frame);
        } else if (status == STATUS_NOT_NOW) {
            status = connection_wait(connection, &interrupt, signals < 0 ? 0 : 1, WAIT_MS);
            if (interrupt.revents != 0) {
                return STATUS_NOT_NOW;
            }
        }
        if (wait->is_rented && !was_said) {
            print_rented(&wait->rented);
            was_said = true;
        }
    }
    return status;
}

static void
say_charge(const struct invocation *invocation, const struct job *job)
{
    char memory[CELL_SIZE];
    struct buffer text;
    if (option_is_given(invocation, "json")) {
        json_t *document = output_object(control_row_schema(ROW_CHARGE), &job->charge);
        json_dumpf(document, stderr, JSON_COMPACT | JSON_PRESERVE_ORDER);
        fputc('\n', stderr);
        json_decref(document);
        return;
    }
    buffer_init(&text, memory, sizeof memory);
    buffer_append_format(&text, "charged ");
    quantity_print_amount(&text, job->charge.charged_uusd);
    buffer_append_format(&text, " for ");
    quantity_print_duration(&text, duration_of_ms((int64_t)job->charge.run_ms));
    if (job->charge.reason != END_JOB_EXITED) {
        buffer_append_format(&text, "; ended: %s",
                             name_table_name(&end_reason_names, job->charge.reason));
    }
    buffer_append_format(&text, "%s",
                         job->charge.receipt ? "; the receipt is kept"
                                             : "; the receipt is not signed yet");
    talk_say("%.*s", (int)text.length, memory);
}

/* The job's own code, when it ended by itself. */
static int
code_of_end(uint8_t reason, uint8_t exit_code, uint8_t exit_signal)
{
    if (reason != END_JOB_EXITED) {
        return EXIT_ENDED;
    }
    return exit_signal != 0 ? SIGNAL_BASE + exit_signal : exit_code;
}

int
rent_exit_code(const struct job *job)
{
    if (job->has_exited && job->exit.reason == END_JOB_EXITED) {
        return code_of_end(job->exit.reason, job->exit.code, job->exit.signal);
    }
    if (job->interrupts > 0) {
        return SIGNAL_BASE + job->interrupt_signal;
    }
    if (job->has_charge && !job->has_exited) {
        return code_of_end(job->charge.reason, job->charge.exit_code, job->charge.exit_signal);
    }
    return EXIT_ENDED;
}

static void
say_end(const struct invocation *invocation, const struct job *job, enum status status)
{
    for (size_t i = 0; i < 2; i++) {
        if (job->outputs[i].lost > 0) {
            talk_say("warning: %llu bytes of the job's %s were not kept by the host",
                     (unsigned long long)job->outputs[i].lost, i == 0 ? "output" : "errors");
        }
    }
    if (status == STATUS_REFUSED) {
        talk_say("%s", job->why);
    } else if (status == STATUS_DISCONNECTED) {
        talk_say("gpuletd went silent; the lease is ended when it does not come back; see: gpulet "
                 "leases");
    } else if (status != STATUS_OK && status != STATUS_NOT_NOW) {
        talk_say("the job's streams broke: %s", status_text(status));
    }
    if (job->is_done && job->done.status != STATUS_OK) {
        talk_say("%s", job->why[0] != '\0' ? job->why : status_text((enum status)job->done.status));
    }
    if (job->has_charge) {
        say_charge(invocation, job);
    } else {
        talk_say("%swhat is charged is not settled yet; see: gpulet leases",
                 status == STATUS_NOT_NOW ? "left at once; the node ends the lease; " : "");
    }
}

/* The end of the lease as the daemon knows it: when its own word on it went to a connection that
 * was lost. */
static void
look_up_charge(struct job *job)
{
    char hex[ID_HEX_SIZE];
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    id_to_hex(job->lease.bytes, hex);
    const struct control_leases question = {.all = true, .prefix = bytes_of_text(hex)};
    if (talk_ask(job->connection, CONTROL_LEASES, &question, &answer, NULL) == EXIT_DONE &&
        answer_row(&answer, ROW_LEASE, 0, &view) == STATUS_OK && view.lease.ended_at_ms != 0) {
        job->charge = (struct charge_view){
            .lease = job->lease,
            .charged_uusd = view.lease.charged_uusd,
            .run_ms = view.lease.run_ms,
            .reason = view.lease.reason,
            .exit_code = view.lease.exit_code,
            .exit_signal = view.lease.exit_signal,
            .receipt = view.lease.state == LEASE_CLOSED,
        };
        job->has_charge = true;
    }
    answer_clear(&answer);
}

static int
run_attached(const struct invocation *invocation, struct connection *connection,
             const struct wait_for_lease *wait, const struct order *order, int signals)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
        return EXIT_REFUSED;
    }
    const struct job_files files = {order->rent.input ? STDIN_FILENO : -1, STDOUT_FILENO,
                                    STDERR_FILENO};
    enum status status = job_open(job, connection, &wait->rented.lease, true, &files);
    job->signals = signals;
    job->data = order->data;
    if (wait->is_done) {
        job->is_done = true;
        job->done = wait->done;
    }
    if (status == STATUS_OK) {
        status = job_run(job);
    }
    if (status == STATUS_OK && !job->has_charge) {
        look_up_charge(job);
    }
    say_end(invocation, job, status);
    const int code = rent_exit_code(job);
    job_close(job);
    free(job);
    return code;
}

static int
print_detached(const struct invocation *invocation, const struct rented_view *rented)
{
    char hex[ID_HEX_SIZE];
    if (option_is_given(invocation, "json")) {
        json_t *document = output_object(control_row_schema(ROW_RENTED), rented);
        return talk_document(document);
    }
    id_to_hex(rented->lease.bytes, hex);
    printf("%s\n", hex);
    return talk_flush();
}

static int
finish(const struct invocation *invocation, struct connection *connection,
       const struct wait_for_lease *wait, const struct order *order, int signals)
{
    if (!wait->is_rented && !option_is_given(invocation, "json")) {
        rejects_print(stderr, &wait->answer);
    }
    if (order->rent.dry_run) {
        return wait->is_done && wait->done.status != STATUS_OK
                   ? talk_done(&wait->done)
                   : offers_print(invocation, &wait->answer);
    }
    if (!wait->is_rented) {
        return talk_done(&wait->done);
    }
    if (order->rent.attached) {
        return run_attached(invocation, connection, wait, order, signals);
    }
    if (wait->done.status != STATUS_OK) {
        talk_done(&wait->done);
        return EXIT_ENDED;
    }
    return print_detached(invocation, &wait->rented);
}

static int
say_lost(enum status status)
{
    if (status == STATUS_NOT_NOW) {
        talk_say("interrupted before a job ran; nothing is charged");
        return SIGNAL_BASE + SIGINT;
    }
    talk_say("the conversation with gpuletd failed: %s", status_text(status));
    return status == STATUS_DISCONNECTED ? EXIT_NO_DAEMON : EXIT_REFUSED;
}

static int
rent(const struct invocation *invocation, struct order *order, struct wait_for_lease *wait,
     int signals)
{
    struct connection *connection;
    int code = talk_open_data(order->data, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    enum status status = connection_send(connection, control_schema(CONTROL_RENT), &order->rent);
    if (status == STATUS_OK && order->is_gang) {
        code = gang_follow(invocation, connection, order->rent.attached, signals);
        connection_close(connection);
        return code;
    }
    if (status == STATUS_OK) {
        const bool until_done = order->rent.dry_run || !order->rent.attached;
        status = wait_for_lease(connection, signals, until_done, wait);
    }
    code = status == STATUS_OK ? finish(invocation, connection, wait, order, signals)
                               : say_lost(status);
    connection_close(connection);
    return code;
}

int
run_rent(const struct invocation *invocation)
{
    char memory[CELL_SIZE];
    struct buffer why;
    struct order *order = calloc(1, sizeof *order);
    struct wait_for_lease *wait = calloc(1, sizeof *wait);
    int code = order == NULL || wait == NULL ? EXIT_REFUSED : read_order(invocation, order);
    buffer_init(&why, memory, sizeof memory);
    if (code == EXIT_DONE && place_data(invocation, order->data, &why) != STATUS_OK) {
        code = talk_refuse(EXIT_REFUSED, &why);
    }
    if (code == EXIT_DONE) {
        const int signals = job_catch_signals();
        code = rent(invocation, order, wait, signals);
        if (signals >= 0) {
            close(signals);
        }
    }
    if (wait != NULL) {
        answer_clear(&wait->answer);
    }
    free(wait);
    free(order);
    return code;
}

int
run_request(const struct invocation *invocation)
{
    struct order *order = calloc(1, sizeof *order);
    struct answer answer = {NULL, 0, 0};
    int code = order == NULL ? EXIT_REFUSED : read_order(invocation, order);
    if (code == EXIT_DONE) {
        order->rent.attached = false;
        order->rent.input = false;
        code = batch_complete(invocation, &order->rent, &order->batch);
    }
    if (code == EXIT_DONE) {
        code = talk_once(invocation, CONTROL_REQUEST, &order->rent, &answer);
    }
    if (code == EXIT_DONE) {
        code = talk_single(invocation, &answer, ROW_REQUEST);
    }
    answer_clear(&answer);
    free(order);
    return code;
}
