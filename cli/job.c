#include "cli/job.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/place.h"
#include "cli/talk.h"
#include "protocol/codec.h"

enum {
    TICK_MS = 250,
    IDLE_MS = 400,        /* `logs` without --follow: nothing more is there */
    HOST_WAIT_MS = 12000, /* for a host that comes back, or must first be found */
    CHARGE_WAIT_MS = 2000,
    TAIL_WAIT_MS = 10000, /* after the exit, for the last bytes */
    INTERRUPT_WAIT_MS = 15000,
    DAEMON_WAIT_MS = 25000, /* a little less than the lease waits: MISSED_CONTACT_S */
    ECHO_MS = 250,          /* nobody presses twice so fast */
    FRAMES_A_TURN = 64
};

int
job_catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
job_read_signal(int signals, int64_t *last_ms)
{
    struct signalfd_siginfo info;
    const bool has_come = signals >= 0 && read(signals, &info, sizeof info) == (ssize_t)sizeof info;
    const int64_t now_ms = connection_clock_ms();
    if (!has_come || (*last_ms != 0 && now_ms - *last_ms < ECHO_MS)) {
        return 0;
    }
    *last_ms = now_ms;
    return (int)info.ssi_signo;
}

static uint64_t
new_token(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static enum status
ask_for_streams(struct job *job)
{
    const struct stream_open_message open = {job->lease, new_token(), job->is_attached};
    enum status status = connection_send(job->connection, &stream_open_message_schema, &open);
    job->heard_at_ms = connection_clock_ms();
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        status = job_output_ask(&job->outputs[i], job->connection, &job->lease, true);
    }
    return status;
}

enum status
job_open(struct job *job, struct connection *connection, const struct lease_id *lease,
         bool is_attached, const struct job_files *files)
{
    *job = (struct job){.connection = connection,
                        .lease = *lease,
                        .signals = -1,
                        .follows = true,
                        .is_attached = is_attached};
    enum status status = job_input_open(&job->input, files->input);
    if (status == STATUS_OK) {
        status = job_output_open(&job->outputs[0], 1, files->output);
    }
    if (status == STATUS_OK) {
        status = job_output_open(&job->outputs[1], 2, files->errors);
    }
    return status == STATUS_OK ? ask_for_streams(job) : status;
}

void
job_close(struct job *job)
{
    for (size_t i = 0; i < 2; i++) {
        job_output_close(&job->outputs[i]);
    }
    job_input_close(&job->input);
}

static void
keep_why(struct job *job, struct bytes text)
{
    struct buffer why;
    buffer_init(&why, job->why, sizeof job->why - 1);
    output_clean(&why, text);
    job->why[why.length] = '\0';
}

static enum status
take_data(struct job *job, struct bytes frame)
{
    struct stream_data_message data;
    enum status status = message_decode(&stream_data_message_schema, frame, &data);
    if (status != STATUS_OK || data.stream < 1 || data.stream > 2) {
        return STATUS_CORRUPT;
    }
    return job_output_take(&job->outputs[data.stream - 1], &data);
}

static enum status
take_end(struct job *job, struct bytes frame)
{
    struct stream_end_message end;
    enum status status = message_decode(&stream_end_message_schema, frame, &end);
    if (status != STATUS_OK || end.stream > 2) {
        return STATUS_CORRUPT;
    }
    if (end.stream == 0) { /* the job reads no more */
        job->input.is_over = true;
        return STATUS_OK;
    }
    struct job_output *output = &job->outputs[end.stream - 1];
    output->has_ended = true;
    output->end = end.offset;
    output->lost = end.dropped > output->lost ? end.dropped : output->lost;
    return STATUS_OK;
}

static enum status
take_stream(struct job *job, uint8_t type, struct bytes frame)
{
    struct stream_credit_message credit;
    struct stream_refused_message refused;
    enum status status = STATUS_OK;
    job->host_spoke = true;
    job->heard_at_ms = connection_clock_ms();
    switch ((int)type) {
    case MESSAGE_STREAM_DATA:
        return take_data(job, frame);
    case MESSAGE_STREAM_END:
        return take_end(job, frame);
    case MESSAGE_STREAM_CREDIT:
        status = message_decode(&stream_credit_message_schema, frame, &credit);
        if (status == STATUS_OK) {
            job_input_credit(&job->input, credit.offset, credit.limit);
        }
        return status;
    case MESSAGE_STREAM_EXIT:
        status = message_decode(&stream_exit_message_schema, frame, &job->exit);
        job->has_exited = status == STATUS_OK;
        job->exited_at_ms = job->heard_at_ms;
        job->input.is_over = true;
        return status;
    case MESSAGE_STREAM_REFUSED:
        status = message_decode(&stream_refused_message_schema, frame, &refused);
        if (status == STATUS_OK) {
            keep_why(job, refused.text);
            status = STATUS_REFUSED;
        }
        return status;
    default:
        return STATUS_OK;
    }
}

static enum status
take_row(struct job *job, struct bytes frame)
{
    struct control_row row;
    enum status status = message_decode(control_schema(CONTROL_ROW), frame, &row);
    if (status == STATUS_OK && row.row == ROW_CHARGE) {
        status = codec_decode(control_row_schema(ROW_CHARGE), row.value, &job->charge);
        job->has_charge = status == STATUS_OK;
    }
    return status;
}

enum status
job_take_frame(struct job *job, struct bytes frame)
{
    uint8_t type;
    struct control_note note;
    enum status status = message_type(frame, &type);
    if (status != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    switch (type) {
    case CONTROL_ROW:
        return take_row(job, frame);
    case CONTROL_NOTE:
        status = message_decode(control_schema(type), frame, &note);
        if (status == STATUS_OK) {
            talk_note(&note);
        }
        return status;
    case CONTROL_DONE:
        status = message_decode(control_schema(type), frame, &job->done);
        if (status == STATUS_OK) {
            job->is_done = true;
            keep_why(job, job->done.text);
            job->done.text = bytes_of(NULL, 0); /* borrowed from the frame */
        }
        return status;
    default:
        return take_stream(job, type, frame);
    }
}

static enum status
take_frames(struct job *job)
{
    struct bytes frame;
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < FRAMES_A_TURN; i++) {
        status = connection_receive(job->connection, &frame);
        if (status == STATUS_OK) {
            status = job_take_frame(job, frame);
        }
    }
    return status == STATUS_NOT_NOW ? STATUS_OK : status;
}

static enum status
end_lease(struct job *job, const char *because)
{
    char hex[ID_HEX_SIZE];
    id_to_hex(job->lease.bytes, hex);
    talk_say("%s; ending lease %.12s", because, hex);
    const struct control_lease_end end = {bytes_of_text(hex)};
    job->exited_at_ms = job->exited_at_ms == 0 ? connection_clock_ms() : job->exited_at_ms;
    return connection_send(job->connection, control_schema(CONTROL_LEASE_END), &end);
}

static enum status
take_signal(struct job *job)
{
    const int number = job_read_signal(job->signals, &job->interrupted_at_ms);
    if (number == 0) {
        return STATUS_OK;
    }
    if (job->interrupts++ == 0) {
        job->interrupt_signal = number;
    }
    if (!job->is_attached || job->interrupts > 1) {
        return STATUS_NOT_NOW;
    }
    job->input.is_over = true;
    return end_lease(job, "interrupted (once more leaves at once)");
}

static enum status
write_outputs(struct job *job)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        struct job_output *output = &job->outputs[i];
        const bool was_broken = output->is_broken;
        const size_t waiting = output->length;
        job_output_write(output);
        if (output->length < waiting) {
            job->heard_at_ms = connection_clock_ms(); /* it was we who kept the host waiting */
        }
        status = job_output_ask(output, job->connection, &job->lease, false);
        if (status == STATUS_OK && output->is_broken && !was_broken && job->is_attached &&
            !job->has_exited && job->interrupts == 0) {
            job->interrupts = 1;
            job->interrupt_signal = SIGPIPE;
            status = end_lease(job, "nobody takes the job's output any more");
        }
    }
    return status;
}

bool
job_is_written(const struct job *job)
{
    return job_output_is_over(&job->outputs[0]) && job_output_is_over(&job->outputs[1]);
}

/* Everything came, or waiting longer would not bring it. */
static bool
is_over(const struct job *job)
{
    const int64_t now_ms = connection_clock_ms();
    const bool is_empty = job->outputs[0].length == 0 && job->outputs[1].length == 0;
    const int64_t silent_ms = now_ms - job->heard_at_ms;
    if (!job->follows) {
        const int64_t patience_ms = job->host_spoke && !job->has_ended ? IDLE_MS : HOST_WAIT_MS;
        return is_empty && (job_is_written(job) || silent_ms > patience_ms);
    }
    if (!job->is_attached) {
        return job_is_written(job) && job->has_exited;
    }
    if (job->interrupts > 0 && now_ms - job->exited_at_ms > INTERRUPT_WAIT_MS) {
        return true;
    }
    if (job->has_charge && is_empty && (job->has_exited || silent_ms > CHARGE_WAIT_MS)) {
        return job_is_written(job) || silent_ms > CHARGE_WAIT_MS;
    }
    if (job->is_done && job->done.status != STATUS_OK && !job->has_exited) {
        return is_empty && silent_ms > TICK_MS;
    }
    if (!job->has_exited || !is_empty) {
        return false;
    }
    return job_is_written(job) ? now_ms - job->exited_at_ms > CHARGE_WAIT_MS
                               : silent_ms > TAIL_WAIT_MS;
}

/* What to wait for: room for output, input while the job takes some, signals. */
static size_t
list_files(const struct job *job, struct pollfd *files, size_t *ret_input)
{
    size_t count = 0;
    files[count++] = (struct pollfd){.fd = job->signals, .events = POLLIN};
    for (size_t i = 0; i < 2; i++) {
        if (job->outputs[i].length > 0) {
            files[count++] = (struct pollfd){.fd = job->outputs[i].file, .events = POLLOUT};
        }
    }
    *ret_input = count;
    if (job_input_wants(&job->input)) {
        files[count++] = (struct pollfd){.fd = job->input.file, .events = POLLIN};
    }
    return count;
}

/* One round: waits, then moves what there is. */
static enum status
turn(struct job *job)
{
    struct pollfd files[4];
    size_t input;
    const size_t skip = job->signals < 0 ? 1U : 0U;
    const size_t count = list_files(job, files, &input);
    enum status status = connection_wait(job->connection, files + skip, count - skip, TICK_MS);
    if (status == STATUS_OK) {
        status = take_signal(job);
    }
    if (status == STATUS_OK) {
        status = take_frames(job);
    }
    if (status == STATUS_OK) {
        status = write_outputs(job);
    }
    if (input < count && files[input].revents != 0 && job_input_wants(&job->input)) {
        job_input_read(&job->input);
    }
    return status == STATUS_OK ? job_input_send(&job->input, job->connection, &job->lease) : status;
}

/* The daemon went away; the lease waits for us for a while, so we wait for the daemon. */
static enum status
wait_for_daemon(struct job *job)
{
    char path[PLACE_SIZE];
    struct pollfd interrupt = {.fd = job->signals, .events = POLLIN};
    const int64_t end_ms = connection_clock_ms() + DAEMON_WAIT_MS;
    talk_say("gpuletd went away; waiting up to %d s for it to come back", DAEMON_WAIT_MS / 1000);
    while (connection_clock_ms() < end_ms) {
        enum status status = place_socket(job->data, path);
        if (status == STATUS_OK && connection_reopen(job->connection, path) == STATUS_OK) {
            talk_say("gpuletd is back");
            job_input_restart(&job->input);
            job_output_restart(&job->outputs[0]);
            job_output_restart(&job->outputs[1]);
            return ask_for_streams(job);
        }
        if (poll(&interrupt, job->signals < 0 ? 0 : 1, TICK_MS) > 0) {
            return STATUS_NOT_NOW;
        }
    }
    return STATUS_DISCONNECTED;
}

enum status
job_run(struct job *job)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !is_over(job)) {
        status = turn(job);
        if (status == STATUS_DISCONNECTED && job->data != NULL && !job->has_exited) {
            status = wait_for_daemon(job);
        }
    }
    return status;
}
