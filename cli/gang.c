#include "cli/gang.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/gang_output.h"
#include "cli/job.h"
#include "cli/market_columns.h"
#include "cli/rented_text.h"
#include "cli/talk.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/quantity.h"

enum {
    TICK_MS = 250,
    FRAMES_A_TURN = 64,
    TAIL_WAIT_MS = 3000, /* after the end, for the last bytes */
    END_WAIT_MS = 20000, /* after an interrupt */
    SIGNAL_BASE = 128
};

/* A member as far as it is known here. */
struct member {
    struct lease_id lease;
    uint16_t rank;
    bool has_charge;
    struct charge_view charge;
    struct gang_output outputs[2];
};

struct follow {
    struct connection *connection; /* borrowed */
    bool is_attached;
    bool is_json;
    int only_rank; /* -1: all */
    int signals;
    int interrupts;
    int64_t interrupted_at_ms;
    int interrupt_signal;
    bool end_is_asked;
    struct record_id gang;
    bool has_gang;
    struct member *members; /* GANG_LEAVES_MAX */
    size_t member_count;
    int first_bad; /* the first code of a member that is not 0 */
    struct job_output sinks[2];
    struct answer answer; /* rows that are shown at the end */
    bool is_done;
    struct control_done done;
    char why[CELL_SIZE];
    int64_t done_at_ms;
    int64_t ends_at_ms; /* after an interrupt; 0: none */
};

static void
say_member(const struct member_view *view)
{
    char memory[CELL_SIZE];
    char hex[ID_HEX_SIZE];
    struct buffer text;
    const struct rented_view rented = {.host = view->host,
                                       .host_label = view->host_label,
                                       .model = view->model,
                                       .slots = view->slots,
                                       .ask_uusd_per_hour = view->ask_uusd_per_hour,
                                       .total_uusd = view->total_uusd};
    buffer_init(&text, memory, sizeof memory);
    rented_print(&text, &rented);
    id_to_hex(view->lease.bytes, hex);
    talk_say("rank %u of %u: %.*s; lease %.12s", view->rank, view->ranks, (int)text.length, memory,
             hex);
}

static enum status
open_streams(struct follow *follow, struct member *member)
{
    const struct stream_open_message open = {member->lease, (uint64_t)connection_clock_ms() + 1,
                                             true};
    enum status status = connection_send(follow->connection, &stream_open_message_schema, &open);
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        member->outputs[i] = (struct gang_output){.number = (uint8_t)(i + 1)};
        status = gang_output_ask(&member->outputs[i], follow->connection, &member->lease);
    }
    return status;
}

static enum status
take_member(struct follow *follow, struct bytes value)
{
    struct member_view view;
    enum status status = codec_decode(control_row_schema(ROW_MEMBER), value, &view);
    if (status != STATUS_OK || follow->member_count == GANG_LEAVES_MAX) {
        return status;
    }
    if (!follow->has_gang) {
        char hex[ID_HEX_SIZE];
        id_to_hex(view.gang.bytes, hex);
        follow->gang = view.gang;
        follow->has_gang = true;
        talk_say("gang %.12s runs on %u hosts", hex, view.ranks);
    }
    say_member(&view);
    struct member *member = &follow->members[follow->member_count++];
    *member = (struct member){.lease = view.lease, .rank = view.rank};
    status = answer_keep(&follow->answer, ROW_MEMBER, value);
    return status == STATUS_OK && follow->is_attached ? open_streams(follow, member) : status;
}

static struct member *
member_of(struct follow *follow, const struct lease_id *lease)
{
    for (size_t i = 0; i < follow->member_count; i++) {
        if (lease_id_equal(&follow->members[i].lease, lease)) {
            return &follow->members[i];
        }
    }
    return NULL;
}

static int
code_of(const struct charge_view *charge)
{
    if (charge->reason != END_JOB_EXITED) {
        return EXIT_ENDED;
    }
    return charge->exit_signal != 0 ? SIGNAL_BASE + charge->exit_signal : charge->exit_code;
}

static enum status
take_row(struct follow *follow, struct bytes frame)
{
    struct control_row row;
    struct charge_view charge;
    enum status status = message_decode(control_schema(CONTROL_ROW), frame, &row);
    if (status != STATUS_OK || row.row == ROW_MEMBER) {
        return status == STATUS_OK ? take_member(follow, row.value) : status;
    }
    status = answer_keep(&follow->answer, row.row, row.value);
    if (status == STATUS_OK && row.row == ROW_CHARGE) {
        status = codec_decode(control_row_schema(ROW_CHARGE), row.value, &charge);
    }
    struct member *member =
        status == STATUS_OK && row.row == ROW_CHARGE ? member_of(follow, &charge.lease) : NULL;
    if (member != NULL) {
        member->charge = charge;
        member->has_charge = true;
        if (follow->first_bad == 0 && charge.reason == END_JOB_EXITED) {
            follow->first_bad = code_of(&charge);
        }
    }
    return status;
}

static enum status
take_data(struct follow *follow, struct bytes frame)
{
    struct stream_data_message data;
    enum status status = message_decode(&stream_data_message_schema, frame, &data);
    struct member *member = status == STATUS_OK ? member_of(follow, &data.lease) : NULL;
    if (member == NULL || data.stream < 1 || data.stream > 2) {
        return status;
    }
    const size_t i = data.stream - 1u;
    const bool is_wanted = follow->only_rank < 0 || follow->only_rank == member->rank;
    const struct gang_line line = {.sink = is_wanted ? &follow->sinks[i] : NULL,
                                   .rank = member->rank,
                                   .is_plain = follow->only_rank >= 0};
    status = gang_output_take(&member->outputs[i], &data, &line);
    return status == STATUS_OK
               ? gang_output_ask(&member->outputs[i], follow->connection, &member->lease)
               : status;
}

static enum status
take_end(struct follow *follow, struct bytes frame)
{
    struct stream_end_message end;
    enum status status = message_decode(&stream_end_message_schema, frame, &end);
    struct member *member = status == STATUS_OK ? member_of(follow, &end.lease) : NULL;
    if (member != NULL && end.stream >= 1 && end.stream <= 2) {
        struct gang_output *output = &member->outputs[end.stream - 1];
        output->has_ended = true;
        output->end = end.offset;
        if (end.dropped > 0) {
            talk_say("warning: %llu bytes of rank %u were not kept by its host",
                     (unsigned long long)end.dropped, member->rank);
        }
    }
    return status;
}

static enum status
take_done(struct follow *follow, struct bytes frame)
{
    struct buffer why;
    enum status status = message_decode(control_schema(CONTROL_DONE), frame, &follow->done);
    if (status == STATUS_OK) {
        buffer_init(&why, follow->why, sizeof follow->why);
        output_clean(&why, follow->done.text);
        follow->done.text = buffer_bytes(&why);
        follow->is_done = true;
        follow->done_at_ms = connection_clock_ms();
    }
    return status;
}

static enum status
take_frame(struct follow *follow, struct bytes frame)
{
    uint8_t type;
    struct control_note note;
    enum status status = message_type(frame, &type);
    if (status != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    switch (type) {
    case CONTROL_ROW:
        return take_row(follow, frame);
    case CONTROL_NOTE:
        status = message_decode(control_schema(type), frame, &note);
        if (status == STATUS_OK) {
            talk_note(&note);
        }
        return status;
    case CONTROL_DONE:
        if (follow->end_is_asked) { /* the answer to our own order to end it, which comes first */
            follow->end_is_asked = false;
            return STATUS_OK;
        }
        return take_done(follow, frame);
    case MESSAGE_STREAM_DATA:
        return take_data(follow, frame);
    case MESSAGE_STREAM_END:
        return take_end(follow, frame);
    default:
        return STATUS_OK; /* credit and exits: the charges say how members ended */
    }
}

static bool
has_room(const struct follow *follow)
{
    return gang_sink_has_room(&follow->sinks[0]) && gang_sink_has_room(&follow->sinks[1]);
}

static enum status
take_frames(struct follow *follow)
{
    struct bytes frame;
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < FRAMES_A_TURN && has_room(follow); i++) {
        status = connection_receive(follow->connection, &frame);
        if (status == STATUS_OK) {
            status = take_frame(follow, frame);
        }
    }
    return status == STATUS_NOT_NOW ? STATUS_OK : status;
}

/* STATUS_NOT_NOW: leave at once. */
static enum status
end_all(struct follow *follow, int number, const char *because)
{
    char hex[ID_HEX_SIZE];
    follow->interrupt_signal = follow->interrupts == 0 ? number : follow->interrupt_signal;
    follow->interrupts++;
    if (follow->interrupts > 1 || !follow->is_attached || !follow->has_gang) {
        return STATUS_NOT_NOW; /* before it runs, our going away takes it back */
    }
    id_to_hex(follow->gang.bytes, hex);
    talk_say("%s; ending all members of gang %.12s", because, hex);
    follow->end_is_asked = true;
    follow->ends_at_ms = connection_clock_ms() + END_WAIT_MS;
    const struct control_lease_end end = {bytes_of_text(hex)};
    return connection_send(follow->connection, control_schema(CONTROL_LEASE_END), &end);
}

static enum status
turn(struct follow *follow)
{
    struct pollfd files[3];
    size_t count = 0;
    if (follow->signals >= 0) {
        files[count++] = (struct pollfd){.fd = follow->signals, .events = POLLIN};
    }
    for (size_t i = 0; i < 2; i++) {
        if (follow->sinks[i].length > 0) {
            files[count++] = (struct pollfd){.fd = follow->sinks[i].file, .events = POLLOUT};
        }
    }
    enum status status = connection_wait(follow->connection, files, count, TICK_MS);
    const int number = job_read_signal(follow->signals, &follow->interrupted_at_ms);
    if (status == STATUS_OK && number != 0) {
        status = end_all(follow, number, "interrupted (once more leaves at once)");
    }
    if (status == STATUS_OK) {
        status = take_frames(follow);
    }
    for (size_t i = 0; i < 2; i++) {
        const bool was_broken = follow->sinks[i].is_broken;
        job_output_write(&follow->sinks[i]);
        if (status == STATUS_OK && follow->sinks[i].is_broken && !was_broken) {
            status = end_all(follow, SIGPIPE, "nobody takes the output any more");
        }
    }
    return status;
}

/* The answer is there, and so is what the members wrote, or waiting longer would not bring it. */
static bool
is_over(const struct follow *follow)
{
    const int64_t now_ms = connection_clock_ms();
    if (follow->ends_at_ms != 0 && now_ms > follow->ends_at_ms) {
        return true;
    }
    if (!follow->is_done) {
        return false;
    }
    bool is_all = follow->sinks[0].length == 0 && follow->sinks[1].length == 0;
    const bool is_late = now_ms - follow->done_at_ms > TAIL_WAIT_MS;
    for (size_t i = 0; follow->is_attached && !is_late && i < follow->member_count; i++) {
        const struct member *member = &follow->members[i];
        is_all = is_all && (!member->has_charge || (gang_output_is_over(&member->outputs[0]) &&
                                                    gang_output_is_over(&member->outputs[1])));
    }
    return is_all;
}

static bool
is_replaced(const struct follow *follow, size_t number)
{
    for (size_t i = number + 1; i < follow->member_count; i++) {
        if (follow->members[i].rank == follow->members[number].rank) {
            return true;
        }
    }
    return false;
}

static int
exit_code(const struct follow *follow)
{
    if (follow->first_bad != 0) {
        return follow->first_bad;
    }
    if (follow->interrupts > 0) {
        return SIGNAL_BASE + follow->interrupt_signal;
    }
    for (size_t i = 0; i < follow->member_count; i++) {
        const struct member *member = &follow->members[i];
        if (!is_replaced(follow, i) && (!member->has_charge || code_of(&member->charge) != 0)) {
            return EXIT_ENDED;
        }
    }
    return EXIT_DONE;
}

static void
say_charges(const struct follow *follow)
{
    char memory[CELL_SIZE];
    struct buffer text;
    struct amount sum = amount_zero();
    size_t settled = 0;
    bool is_sum = true;
    for (size_t i = 0; i < follow->member_count; i++) {
        const struct member *member = &follow->members[i];
        if (member->has_charge) {
            settled += member->charge.receipt;
            is_sum = is_sum && amount_add(sum, member->charge.charged_uusd, &sum) == STATUS_OK;
        }
    }
    buffer_init(&text, memory, sizeof memory);
    if (is_sum) {
        quantity_print_amount(&text, sum);
    }
    talk_say("charged %.*s for %zu leases, of which %zu are settled with a receipt; see: gpulet "
             "leases",
             (int)text.length, memory, follow->member_count, settled);
}

/* Never silently: who reads an empty page must know that it is not all. */
static void
say_missing(const struct follow *follow)
{
    for (size_t i = 0; i < follow->member_count; i++) {
        const struct member *member = &follow->members[i];
        if (member->has_charge && member->charge.reason == END_JOB_EXITED &&
            !(gang_output_is_over(&member->outputs[0]) &&
              gang_output_is_over(&member->outputs[1]))) {
            talk_say("warning: not all output of rank %u arrived; see: gpulet lease logs",
                     member->rank);
        }
    }
}

static int
finish_detached(const struct follow *follow)
{
    char hex[ID_HEX_SIZE];
    if (follow->done.status != STATUS_OK) {
        (void)talk_done(&follow->done);
        return EXIT_ENDED;
    }
    if (follow->is_json) {
        return talk_document(
            json_pack("{so}", "members", output_array(&follow->answer, ROW_MEMBER)));
    }
    id_to_hex(follow->gang.bytes, hex);
    printf("%s\n", hex);
    return talk_flush();
}

static int
finish(const struct follow *follow, enum status status)
{
    if (status == STATUS_DISCONNECTED) {
        talk_say("gpuletd went away; a gang that somebody watched is ended when it comes back; "
                 "see: gpulet leases");
        return EXIT_ENDED;
    }
    if (follow->member_count == 0) {
        if (status == STATUS_NOT_NOW) {
            talk_say("interrupted before a job ran; nothing is charged");
            return SIGNAL_BASE + follow->interrupt_signal;
        }
        if (!follow->is_json) {
            rejects_print(stderr, &follow->answer);
        }
        return follow->is_done ? talk_done(&follow->done) : EXIT_REFUSED;
    }
    if (!follow->is_attached) {
        return finish_detached(follow);
    }
    if (follow->is_done && follow->done.status != STATUS_OK) {
        (void)talk_done(&follow->done);
    }
    say_missing(follow);
    say_charges(follow);
    if (follow->is_done && follow->done.status != STATUS_OK && follow->interrupts == 0) {
        return EXIT_ENDED;
    }
    return exit_code(follow);
}

int
gang_follow(const struct invocation *invocation, struct connection *connection, bool is_attached,
            int signals)
{
    struct follow *follow = calloc(1, sizeof *follow);
    enum status status = STATUS_NO_MEMORY;
    int code = EXIT_REFUSED;
    if (follow == NULL) {
        return code;
    }
    follow->connection = connection;
    follow->is_attached = is_attached;
    follow->is_json = option_is_given(invocation, "json");
    follow->only_rank =
        option_is_given(invocation, "rank") ? (int)option_count(invocation, "rank", 0) : -1;
    follow->signals = signals;
    follow->members = calloc(GANG_LEAVES_MAX, sizeof *follow->members);
    if (follow->members != NULL) {
        status = job_output_open(&follow->sinks[0], 1, STDOUT_FILENO);
    }
    if (status == STATUS_OK) {
        status = job_output_open(&follow->sinks[1], 2, STDERR_FILENO);
    }
    while (status == STATUS_OK && !is_over(follow)) {
        status = turn(follow);
    }
    for (size_t i = 0; follow->members != NULL && i < follow->member_count; i++) {
        gang_output_flush(follow->members[i].outputs, follow->sinks, follow->members[i].rank);
    }
    code = finish(follow, status);
    job_output_close(&follow->sinks[0]);
    job_output_close(&follow->sinks[1]);
    answer_clear(&follow->answer);
    free(follow->members);
    free(follow);
    return code;
}
