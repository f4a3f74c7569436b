#include "tests/io/stream_pair.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/io/clock.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"

static void
take(void *context, const struct event *event)
{
    struct pair_side *side = context;
    side->reader_gone += event->type == EVENT_READER_GONE;
    side->reader_back += event->type == EVENT_READER_BACK;
    if (event->type == EVENT_WORKLOAD && event->as.workload.state == JOB_EXITED) {
        side->workload_exits++;
        side->last_exit_code = event->as.workload.exit_code;
    } else if (event->type == EVENT_CONTROL) {
        uint8_t type = 0;
        cr_assert_eq(message_type(event->as.control.bytes, &type), STATUS_OK);
        streams_take_control(side->streams, event->as.control.client, event->as.control.bytes);
    } else if (event->type == EVENT_CONTROL_GONE) {
        streams_client_gone(side->streams, event->as.control_gone);
    }
}

static void
open_side(struct pair_side *side)
{
    const struct jobs_options jobs = {.data_dir = side->data_dir, .first_uid = 65700};
    side->zmq = zmq_ctx_new();
    cr_assert_eq(zap_open(side->zmq, &side->zap), STATUS_OK);
    cr_assert_eq(control_open(side->zmq, side->data_dir, &side->control), STATUS_OK);
    cr_assert_eq(jobs_open(&jobs, &side->jobs), STATUS_OK);
    side->options = (struct streams_options){.zmq = side->zmq,
                                             .zap = side->zap,
                                             .keypair = &side->keypair,
                                             .listen = side->listen,
                                             .jobs = side->jobs,
                                             .control = side->control};
    enum status status = STATUS_SYSTEM;
    for (int i = 0; i < 100 && status != STATUS_OK; i++) {
        status = streams_open(&side->options, &side->streams);
        const struct timespec pause = {.tv_nsec = status == STATUS_OK ? 0 : 10000000};
        nanosleep(&pause, NULL);
    }
    cr_assert_eq(status, STATUS_OK);
    snprintf(side->listen, sizeof side->listen, "%s", streams_endpoint(side->streams));
}

static void
close_side(struct pair_side *side)
{
    streams_close(side->streams);
    jobs_close(side->jobs);
    control_close(side->control);
    zap_close(side->zap);
    zmq_ctx_term(side->zmq);
}

static void
name_side(struct pair_side *side, const char *ip, uint64_t seed)
{
    snprintf(side->data_dir, sizeof side->data_dir, "/tmp/gpulet-streams-XXXXXX");
    cr_assert_not_null(mkdtemp(side->data_dir));
    keypair_for_test(seed, bytes_of_text("streams"), &side->keypair);
    snprintf(side->listen, sizeof side->listen, "tcp://%s:*", ip);
}

static void
connect_command(struct stream_pair *pair)
{
    char endpoint[256];
    const int linger = 0;
    pair->command = zmq_socket(pair->renter.zmq, ZMQ_DEALER);
    zmq_setsockopt(pair->command, ZMQ_LINGER, &linger, sizeof linger);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", control_path(pair->renter.control));
    cr_assert_eq(zmq_connect(pair->command, endpoint), 0);
}

void
stream_pair_open(struct stream_pair *pair)
{
    memset(pair, 0, sizeof *pair);
    cr_assert_eq(crypto_start(), STATUS_OK);
    random_fill(&pair->lease, sizeof pair->lease);
    name_side(&pair->host, "127.79.0.1", 1);
    name_side(&pair->renter, "127.79.0.2", 2);
    open_side(&pair->host);
    open_side(&pair->renter);
    for (size_t i = 0; i < 2; i++) {
        pair->output[i] = malloc(PAIR_OUTPUT_MAX);
    }
    connect_command(pair);
}

static int
remove_entry(const char *path, const struct stat *entry, int kind, struct FTW *place)
{
    (void)entry;
    (void)kind;
    (void)place;
    return remove(path);
}

void
stream_pair_close(struct stream_pair *pair)
{
    char path[JOB_PATH_SIZE];
    jobs_path(pair->host.jobs, &pair->lease, path);
    zmq_close(pair->command);
    close_side(&pair->host);
    close_side(&pair->renter);
    const enum status status = workload_destroy(path);
    cr_assert(status == STATUS_OK || status == STATUS_NOT_FOUND);
    cr_assert_eq(nftw(pair->host.data_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    cr_assert_eq(nftw(pair->renter.data_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(pair->output[0]);
    free(pair->output[1]);
}

void
stream_pair_start_job(struct stream_pair *pair, const char *script, bool input)
{
    uint8_t memory[4096];
    struct buffer buffer;
    static struct start_message start;
    start = (struct start_message){
        .lease = pair->lease, .voucher = bytes_of_text("v"), .arguments = {.count = 3}};
    start.arguments.items[0] = bytes_of_text("/bin/sh");
    start.arguments.items[1] = bytes_of_text("-c");
    start.arguments.items[2] = bytes_of_text(script);
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&start_message_schema, &start, &buffer), STATUS_OK);
    const struct effect_job order = {.lease = pair->lease,
                                     .attached = true,
                                     .input = input,
                                     .memory_mib = 256,
                                     .disk_mib = 64,
                                     .cpu_threads = 1,
                                     .arguments = buffer_bytes(&buffer),
                                     .paid_run_ms = 600000,
                                     .duration_s = 600};
    jobs_carry_out(pair->host.jobs, EFFECT_JOB_START, &order);
}

void
stream_pair_allow(struct stream_pair *pair)
{
    struct effect effect = {.type = EFFECT_STREAM_ALLOW};
    effect.as.stream.lease = pair->lease;
    effect.as.stream.key = pair->renter.keypair.channel_key;
    streams_carry_out(pair->host.streams, &effect);
}

void
stream_pair_dial(struct stream_pair *pair)
{
    struct effect effect = {.type = EFFECT_STREAM_DIAL};
    effect.as.stream.lease = pair->lease;
    effect.as.stream.key = pair->host.keypair.channel_key;
    effect.as.stream.address = bytes_of_text(pair->host.listen);
    streams_carry_out(pair->renter.streams, &effect);
}

static void
say(struct stream_pair *pair, const struct schema *schema, const void *message)
{
    uint8_t memory[STREAM_FRAME_BYTES_MAX + 256];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(message_encode(schema, message, &buffer), STATUS_OK);
    cr_assert_eq(zmq_send(pair->command, buffer.data, buffer.length, 0), (int)buffer.length);
}

void
stream_pair_open_streams(struct stream_pair *pair, uint64_t token)
{
    const struct stream_open_message open = {
        .lease = pair->lease, .token = token, .attached = true};
    say(pair, &stream_open_message_schema, &open);
}

void
stream_pair_read(struct stream_pair *pair, uint8_t stream, uint64_t offset, uint64_t limit)
{
    const struct stream_read_message read = {
        .lease = pair->lease, .stream = stream, .offset = offset, .limit = limit};
    say(pair, &stream_read_message_schema, &read);
}

void
stream_pair_input(struct stream_pair *pair, uint64_t offset, struct bytes data)
{
    const struct stream_data_message message = {
        .lease = pair->lease, .offset = offset, .data = data};
    say(pair, &stream_data_message_schema, &message);
}

void
stream_pair_input_end(struct stream_pair *pair, uint64_t offset)
{
    const struct stream_end_message message = {.lease = pair->lease, .offset = offset};
    say(pair, &stream_end_message_schema, &message);
}

static void
take_data(struct stream_pair *pair, const struct stream_data_message *data)
{
    const size_t index = data->stream - 1u;
    const uint64_t end = data->offset + data->data.length;
    cr_assert(data->stream == 1 || data->stream == 2);
    cr_assert_leq(data->offset, pair->received[index], "bytes are missing before a frame");
    cr_assert_leq(end, PAIR_OUTPUT_MAX);
    memcpy(pair->output[index] + data->offset, data->data.data, data->data.length);
    pair->received[index] = end > pair->received[index] ? end : pair->received[index];
    pair->highest[index] = end;
}

static void
take_frame(struct stream_pair *pair, struct bytes frame)
{
    uint8_t type = 0;
    union {
        struct stream_data_message data;
        struct stream_end_message end;
        struct stream_credit_message credit;
        struct stream_refused_message refused;
    } message;
    cr_assert_eq(message_type(frame, &type), STATUS_OK);
    if (type == MESSAGE_STREAM_DATA) {
        cr_assert_eq(message_decode(&stream_data_message_schema, frame, &message), STATUS_OK);
        take_data(pair, &message.data);
    } else if (type == MESSAGE_STREAM_END) {
        cr_assert_eq(message_decode(&stream_end_message_schema, frame, &message), STATUS_OK);
        pair->has_end[message.end.stream - 1] = true;
    } else if (type == MESSAGE_STREAM_CREDIT) {
        cr_assert_eq(message_decode(&stream_credit_message_schema, frame, &message), STATUS_OK);
        pair->credit = message.credit.limit > pair->credit ? message.credit.limit : pair->credit;
    } else if (type == MESSAGE_STREAM_EXIT) {
        cr_assert_eq(message_decode(&stream_exit_message_schema, frame, &pair->exit), STATUS_OK);
        pair->has_exit = true;
    } else if (type == MESSAGE_STREAM_REFUSED) {
        cr_assert_eq(message_decode(&stream_refused_message_schema, frame, &message), STATUS_OK);
        snprintf(pair->refused, sizeof pair->refused, "%.*s", (int)message.refused.text.length,
                 (const char *)message.refused.text.data);
    }
}

static void
serve_side(struct pair_side *side)
{
    const struct sink sink = {.take = take, .context = side};
    struct poll_set set = {.items = side->items, .capacity = 1024};
    zap_add_to_poll(side->zap, &set);
    control_add_to_poll(side->control, &set);
    jobs_add_to_poll(side->jobs, &set);
    streams_add_to_poll(side->streams, &set);
    zmq_poll(set.items, (int)set.count, 1);
    zap_answer(side->zap);
    (void)control_receive(side->control, &set, &sink);
    jobs_receive(side->jobs, &set, &sink);
    (void)streams_receive(side->streams, &set, &sink);
}

void
stream_pair_run(struct stream_pair *pair, int milliseconds)
{
    static uint8_t frame[FRAME_BYTES_MAX];
    const int64_t until = clock_boot_ms() + milliseconds;
    int64_t beat_ms = 0;
    while (clock_boot_ms() < until && !pair->has_exit) {
        if (pair->command != NULL && clock_boot_ms() > beat_ms) {
            const struct control_plain ping = {0};
            say(pair, control_schema(CONTROL_PING), &ping);
            beat_ms = clock_boot_ms() + 500;
        }
        serve_side(&pair->host);
        serve_side(&pair->renter);
        int length = 0;
        while (pair->command != NULL && length >= 0) {
            length = zmq_recv(pair->command, frame, sizeof frame, ZMQ_DONTWAIT);
            if (length > 0) {
                take_frame(pair, bytes_of(frame, (size_t)length));
            }
        }
    }
}

void
stream_pair_restart_host(struct stream_pair *pair)
{
    const struct sink sink = {.take = take, .context = &pair->host};
    close_side(&pair->host);
    open_side(&pair->host);
    jobs_expect(pair->host.jobs, &pair->lease);
    jobs_adopt(pair->host.jobs, &sink);
}
