#include "node/io/streams_renter.h"

#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/curve.h"
#include "node/io/log.h"
#include "node/io/monitor.h"
#include "node/io/stream_input.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/message.h"

enum {
    FETCHED_MAX = LEASES_OPEN_MAX,
    SEND_FRAMES_MAX = 1000,
    RECEIVE_FRAMES_MAX = 256,
    FRAMES_A_ROUND = 64,
    BEAT_MS = 1000,
    CONNECT_MS_MAX = 10000,
    REDIAL_MS_MIN = 100,
    REDIAL_MS_MAX = 2000,
    UNKNOWN_MS = 10000, /* a lease whose streams nobody has told us of */
    SMALL_FRAME = 128,  /* OPEN, READ, SIGNAL */
    ENCODED_MAX = STREAM_FRAME_BYTES_MAX + 256
};

static const int monitor_events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                                  ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

/* A short frame, kept to be said again after a reconnection. */
struct small_frame {
    size_t length;
    uint8_t bytes[SMALL_FRAME];
};

/* A lease that we rent, and the one command that reads it. */
struct fetched {
    bool is_used;
    bool is_known; /* the core has said where its streams are */
    bool is_up;
    bool has_held; /* `held` waits for the command to take it */
    struct lease_id lease;
    struct channel_key key;
    char address[ENDPOINT_SIZE];
    struct client client; /* number 0: nobody reads */
    int64_t opened_ms;    /* by a command; before, since when it is known */
    struct small_frame open;
    struct small_frame reads[2];
    struct stream_input input;
    void *socket;
    void *monitor;
    size_t place;
    size_t monitor_place;
    int64_t due_ms; /* without socket: next attempt; before it is up: gives up */
    int64_t pause_ms;
    int64_t beat_ms;
    zmq_msg_t held;
};

struct streams_renter {
    const struct streams_options *options;
    struct fetched list[FETCHED_MAX];
};

struct streams_renter *
streams_renter_new(const struct streams_options *options)
{
    struct streams_renter *renter = calloc(1, sizeof *renter);
    if (renter != NULL) {
        renter->options = options;
    }
    return renter;
}

static void
disconnect(struct fetched *fetched)
{
    monitor_close(fetched->socket, fetched->monitor);
    curve_close(fetched->socket);
    fetched->socket = NULL;
    fetched->monitor = NULL;
    fetched->place = POLL_PLACE_NONE;
    fetched->monitor_place = POLL_PLACE_NONE;
    fetched->is_up = false;
    if (fetched->has_held) {
        zmq_msg_close(&fetched->held);
        fetched->has_held = false;
    }
    stream_input_rewind(&fetched->input);
}

static void
forget(struct fetched *fetched)
{
    disconnect(fetched);
    stream_input_clear(&fetched->input);
    fetched->is_used = false;
}

void
streams_renter_free(struct streams_renter *renter)
{
    if (renter == NULL) {
        return;
    }
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        if (renter->list[i].is_used) {
            forget(&renter->list[i]);
        }
    }
    free(renter);
}

static struct fetched *
find(struct streams_renter *renter, const struct lease_id *lease)
{
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        if (renter->list[i].is_used && lease_id_equal(&renter->list[i].lease, lease)) {
            return &renter->list[i];
        }
    }
    return NULL;
}

/* A new entry; when all are taken, in the place of the oldest that nobody reads: a gang's are told of all at
 * once, before somebody reads them. NULL when all are read. */
static struct fetched *
make(struct streams_renter *renter, const struct lease_id *lease)
{
    struct fetched *place = NULL;
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        struct fetched *fetched = &renter->list[i];
        if (!fetched->is_used) {
            place = fetched;
            break;
        }
        if (fetched->client.number == 0 &&
            (place == NULL || fetched->opened_ms < place->opened_ms)) {
            place = fetched;
        }
    }
    if (place != NULL) {
        if (place->is_used) {
            forget(place);
        }
        *place = (struct fetched){.is_used = true,
                                  .lease = *lease,
                                  .opened_ms = clock_boot_ms(),
                                  .place = POLL_PLACE_NONE,
                                  .monitor_place = POLL_PLACE_NONE};
    }
    return place;
}

void
streams_renter_dial(struct streams_renter *renter, const struct lease_id *lease,
                    const struct channel_key *key, struct bytes address)
{
    struct fetched *fetched = find(renter, lease);
    if (!endpoint_is_numeric(address, NULL, NULL)) {
        return;
    }
    if (fetched == NULL) {
        fetched = make(renter, lease);
    }
    if (fetched == NULL) {
        log_line(LOG_ERROR, "too many leases are read");
        return;
    }
    const bool is_same = fetched->is_known && channel_key_equal(&fetched->key, key) &&
                         bytes_are_text(address, fetched->address);
    if (!is_same) {
        disconnect(fetched);
        fetched->is_known = true;
        fetched->key = *key;
        memcpy(fetched->address, address.data, address.length);
        fetched->address[address.length] = '\0';
        fetched->due_ms = 0;
    }
}

void
streams_renter_close(struct streams_renter *renter, const struct lease_id *lease)
{
    struct fetched *fetched = find(renter, lease);
    if (fetched != NULL) {
        forget(fetched);
    }
}

/* To the command ------------------------------------------------------------------------------ */

static void
refuse(struct streams_renter *renter, struct client client, const struct lease_id *lease,
       const char *why)
{
    uint8_t memory[512];
    struct buffer buffer;
    const struct stream_refused_message message = {.lease = *lease, .text = bytes_of_text(why)};
    buffer_init(&buffer, memory, sizeof memory);
    enum status status = message_encode(&stream_refused_message_schema, &message, &buffer);
    if (status == STATUS_OK) {
        status = control_send(renter->options->control, client, buffer_bytes(&buffer));
    }
    if (status != STATUS_OK) {
        log_line(LOG_DEBUG, "a command could not be told that its streams are refused");
    }
}

static void
let_go(struct fetched *fetched)
{
    fetched->client.number = 0;
    fetched->open.length = 0;
    fetched->reads[0].length = 0;
    fetched->reads[1].length = 0;
    disconnect(fetched);
    fetched->due_ms = 0; /* the next reader dials at once */
}

/* What the host says goes on as it came; only credit is looked at, for the input that is kept here.
 * False when the command does not take it now. */
static bool
hand_on(struct streams_renter *renter, struct fetched *fetched, zmq_msg_t *message)
{
    const struct bytes frame = bytes_of(zmq_msg_data(message), zmq_msg_size(message));
    struct stream_credit_message credit;
    if (message_decode(&stream_credit_message_schema, frame, &credit) == STATUS_OK) {
        stream_input_acknowledge(&fetched->input, credit.offset);
    }
    const enum status status = control_send(renter->options->control, fetched->client, frame);
    return status != STATUS_BUSY;
}

/* To the host --------------------------------------------------------------------------------- */

static bool
send_host(struct fetched *fetched, struct bytes frame)
{
    return fetched->is_up && zmq_send(fetched->socket, frame.data, frame.length, ZMQ_DONTWAIT) >= 0;
}

static bool
send_message(struct fetched *fetched, const struct schema *schema, const void *message)
{
    uint8_t memory[ENCODED_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    return message_encode(schema, message, &buffer) == STATUS_OK &&
           send_host(fetched, buffer_bytes(&buffer));
}

static void
pump_input(struct fetched *fetched)
{
    struct stream_input *input = &fetched->input;
    struct bytes next = stream_input_next(input);
    while (fetched->is_up && next.length > 0) {
        const struct stream_data_message data = {
            .lease = fetched->lease, .offset = input->sent, .data = next};
        if (!send_message(fetched, &stream_data_message_schema, &data)) {
            return;
        }
        stream_input_was_sent(input, next.length);
        next = stream_input_next(input);
    }
    if (fetched->is_up && stream_input_end_is_due(input)) {
        const struct stream_end_message end = {.lease = fetched->lease, .offset = input->end};
        input->end_is_sent = send_message(fetched, &stream_end_message_schema, &end);
    }
}

/* The connection is new: the host is told again what the command has said so far. */
static void
say_again(struct fetched *fetched)
{
    const struct small_frame *const frames[] = {&fetched->open, &fetched->reads[0],
                                                &fetched->reads[1]};
    stream_input_rewind(&fetched->input);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        if (frames[i]->length > 0 &&
            !send_host(fetched, bytes_of(frames[i]->bytes, frames[i]->length))) {
            log_line(LOG_WARNING, "a host does not take what is said to its streams");
        }
    }
    pump_input(fetched);
}

/* A sign of life, of a kind that changes nothing. */
static void
beat(struct fetched *fetched, int64_t now_ms)
{
    const struct stream_credit_message credit = {.lease = fetched->lease};
    fetched->beat_ms = now_ms + BEAT_MS;
    if (fetched->is_up && fetched->client.number != 0 &&
        !send_message(fetched, &stream_credit_message_schema, &credit)) {
        log_line(LOG_DEBUG, "a host's stream socket is busy");
    }
}

/* From the command ---------------------------------------------------------------------------- */

static void
keep_small(struct small_frame *small, struct bytes frame)
{
    if (frame.length <= sizeof small->bytes) {
        memcpy(small->bytes, frame.data, frame.length);
        small->length = frame.length;
    }
}

static void
take_open(struct streams_renter *renter, struct client client, struct bytes frame)
{
    struct stream_open_message open;
    if (message_decode(&stream_open_message_schema, frame, &open) != STATUS_OK) {
        return;
    }
    struct fetched *fetched = find(renter, &open.lease);
    if (fetched == NULL) {
        fetched = make(renter, &open.lease);
    }
    if (fetched == NULL) {
        refuse(renter, client, &open.lease, "too many jobs are read at once");
        return;
    }
    if (fetched->client.number != 0 && fetched->client.number != client.number) {
        refuse(renter, fetched->client, &open.lease, "another command reads this job now");
    }
    stream_input_clear(&fetched->input);
    fetched->client = client;
    fetched->opened_ms = clock_boot_ms();
    fetched->reads[0].length = 0;
    fetched->reads[1].length = 0;
    keep_small(&fetched->open, frame);
    if (fetched->is_up) {
        say_again(fetched);
    }
}

static void
take_read(struct fetched *fetched, struct bytes frame)
{
    struct stream_read_message read;
    if (message_decode(&stream_read_message_schema, frame, &read) == STATUS_OK &&
        read.stream >= 1 && read.stream <= 2) {
        keep_small(&fetched->reads[read.stream - 1], frame);
        (void)send_host(fetched, frame); /* when it is lost, it is said again on reconnection */
    }
}

static void
take_input(struct streams_renter *renter, struct fetched *fetched, struct bytes frame)
{
    struct stream_data_message data;
    if (message_decode(&stream_data_message_schema, frame, &data) != STATUS_OK ||
        data.stream != 0) {
        return;
    }
    if (stream_input_append(&fetched->input, data.offset, data.data) != STATUS_OK) {
        refuse(renter, fetched->client, &fetched->lease, "input came beyond the window");
        let_go(fetched);
        return;
    }
    pump_input(fetched);
}

/* The lease that a frame is about, by decoding it; false for other types. */
static bool
lease_of(uint8_t type, struct bytes frame, struct lease_id *ret_lease)
{
    union {
        struct stream_read_message read;
        struct stream_data_message data;
        struct stream_end_message end;
        struct stream_signal_message signal;
    } message;
    const struct schema *schema = message_schema(type);
    const bool is_ours = type == MESSAGE_STREAM_READ || type == MESSAGE_STREAM_DATA ||
                         type == MESSAGE_STREAM_END || type == MESSAGE_STREAM_SIGNAL;
    if (!is_ours || message_decode(schema, frame, &message) != STATUS_OK) {
        return false;
    }
    memcpy(ret_lease, &message, sizeof *ret_lease); /* the first member of all of them */
    return true;
}

void
streams_renter_take_control(struct streams_renter *renter, struct client client, struct bytes frame)
{
    uint8_t type = 0;
    struct lease_id lease;
    if (message_type(frame, &type) != STATUS_OK) {
        return;
    }
    if (type == MESSAGE_STREAM_OPEN) {
        take_open(renter, client, frame);
        return;
    }
    if (!lease_of(type, frame, &lease)) {
        return;
    }
    struct fetched *fetched = find(renter, &lease);
    if (fetched == NULL || fetched->client.number != client.number) {
        return; /* it was told that somebody else reads now */
    }
    struct stream_end_message end;
    if (type == MESSAGE_STREAM_READ) {
        take_read(fetched, frame);
    } else if (type == MESSAGE_STREAM_DATA) {
        take_input(renter, fetched, frame);
    } else if (type == MESSAGE_STREAM_SIGNAL) {
        (void)send_host(fetched, frame); /* a signal into a broken line is lost, as at a terminal */
    } else if (message_decode(&stream_end_message_schema, frame, &end) == STATUS_OK &&
               end.stream == 0) {
        stream_input_end(&fetched->input, end.offset);
        pump_input(fetched);
    }
}

void
streams_renter_client_gone(struct streams_renter *renter, struct client client)
{
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        struct fetched *fetched = &renter->list[i];
        if (fetched->is_used && fetched->client.number == client.number) {
            let_go(fetched);
        }
    }
}

/* The rounds ---------------------------------------------------------------------------------- */

static void
connect_to_host(struct streams_renter *renter, struct fetched *fetched, int64_t now_ms)
{
    const struct curve_options curve = {.zmq = renter->options->zmq,
                                        .keypair = renter->options->keypair,
                                        .send_frames_max = SEND_FRAMES_MAX,
                                        .receive_frames_max = RECEIVE_FRAMES_MAX,
                                        .server = &fetched->key};
    uint32_t own_ip = 0;
    char endpoint[2 * ENDPOINT_SIZE];
    if (!endpoint_is_numeric(bytes_of_text(renter->options->listen), &own_ip, NULL)) {
        own_ip = 0;
    }
    endpoint_to_dial(bytes_of_text(fetched->address), own_ip, endpoint);
    fetched->socket = curve_open_dealer(&curve);
    if (fetched->socket != NULL) {
        fetched->monitor = monitor_open(curve.zmq, fetched->socket, monitor_events);
    }
    fetched->due_ms = now_ms + CONNECT_MS_MAX;
    if (fetched->monitor == NULL || zmq_connect(fetched->socket, endpoint) != 0) {
        disconnect(fetched);
        fetched->due_ms = now_ms + REDIAL_MS_MAX;
    }
}

void
streams_renter_add_to_poll(struct streams_renter *renter, struct poll_set *set)
{
    const int64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        struct fetched *fetched = &renter->list[i];
        if (!fetched->is_used) {
            continue;
        }
        if (fetched->socket == NULL && fetched->is_known && fetched->client.number != 0 &&
            fetched->due_ms <= now_ms) {
            connect_to_host(renter, fetched, now_ms);
        }
        fetched->place = POLL_PLACE_NONE;
        fetched->monitor_place = POLL_PLACE_NONE;
        if (fetched->socket != NULL) {
            fetched->monitor_place = poll_set_add_socket(set, fetched->monitor);
            if (!fetched->has_held) {
                fetched->place = poll_set_add_socket(set, fetched->socket);
            }
        }
    }
}

static void
lose_host(struct fetched *fetched, int64_t now_ms)
{
    disconnect(fetched);
    fetched->pause_ms = fetched->pause_ms == 0 ? REDIAL_MS_MIN : fetched->pause_ms * 2;
    fetched->pause_ms = fetched->pause_ms > REDIAL_MS_MAX ? REDIAL_MS_MAX : fetched->pause_ms;
    fetched->due_ms =
        now_ms + fetched->pause_ms / 2 + (int64_t)random_below((uint64_t)fetched->pause_ms);
}

/* False when the connection is gone. */
static bool
watch_connection(struct fetched *fetched)
{
    struct monitor_event event;
    while (monitor_next(fetched->monitor, &event)) {
        if (event.what != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            return false;
        }
        fetched->is_up = true;
        fetched->pause_ms = 0;
        say_again(fetched);
    }
    return true;
}

/* True when more may wait. */
static bool
receive_frames(struct streams_renter *renter, struct fetched *fetched)
{
    for (int i = 0; i < FRAMES_A_ROUND; i++) {
        if (!fetched->has_held) {
            zmq_msg_init(&fetched->held);
            if (zmq_msg_recv(&fetched->held, fetched->socket, ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&fetched->held);
                return false;
            }
            fetched->has_held = true;
        }
        if (zmq_msg_more(&fetched->held) != 0) {
            disconnect(fetched); /* no host of ours sends such a message */
            return false;
        }
        if (!hand_on(renter, fetched, &fetched->held)) {
            return false;
        }
        zmq_msg_close(&fetched->held);
        fetched->has_held = false;
    }
    return true;
}

bool
streams_renter_receive(struct streams_renter *renter, const struct poll_set *set)
{
    const int64_t now_ms = clock_boot_ms();
    bool more = false;
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        struct fetched *fetched = &renter->list[i];
        if (!fetched->is_used) {
            continue;
        }
        if (fetched->client.number != 0 && !fetched->is_known &&
            now_ms - fetched->opened_ms > UNKNOWN_MS) {
            refuse(renter, fetched->client, &fetched->lease,
                   "no streams of such a lease are known here");
            forget(fetched);
            continue;
        }
        if (fetched->socket == NULL) {
            continue;
        }
        const bool lives =
            !poll_set_is_ready(set, fetched->monitor_place) || watch_connection(fetched);
        if (poll_set_is_ready(set, fetched->place) || fetched->has_held || !lives) {
            more = receive_frames(renter, fetched) || more;
        }
        if (!lives || (!fetched->is_up && fetched->due_ms <= now_ms)) {
            lose_host(fetched, now_ms);
        } else if (fetched->beat_ms <= now_ms) {
            beat(fetched, now_ms);
            pump_input(fetched);
        }
    }
    return more;
}

int64_t
streams_renter_deadline_ms(const struct streams_renter *renter)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < FETCHED_MAX; i++) {
        const struct fetched *fetched = &renter->list[i];
        if (!fetched->is_used || fetched->client.number == 0) {
            continue;
        }
        int64_t next = fetched->is_up ? fetched->beat_ms : fetched->due_ms;
        if (!fetched->is_known) {
            next = fetched->opened_ms + UNKNOWN_MS + 1;
        }
        if (fetched->has_held) {
            next = clock_boot_ms() + 10;
        }
        due = next < due ? next : due;
    }
    return due;
}
