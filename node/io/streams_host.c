#include "node/io/streams_host.h"

#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/log.h"
#include "node/io/streams_served.h"

enum {
    SEND_FRAMES_MAX = 2000,
    RECEIVE_FRAMES_MAX = 1000,
    FRAMES_A_ROUND = 128,
    GONE_MS = 3000,
    RETRY_MS = 20
};

static const char domain[] = "streams";

static bool
admits(void *context, const struct zap_question *question)
{
    const struct streams_host *host = context;
    for (size_t i = 0; i < SERVED_MAX; i++) {
        if (host->list[i].is_used && channel_key_equal(&host->list[i].key, &question->key)) {
            return true;
        }
    }
    return false;
}

struct served *
served_find(struct streams_host *host, const struct lease_id *lease)
{
    for (size_t i = 0; i < SERVED_MAX; i++) {
        if (host->list[i].is_used && lease_id_equal(&host->list[i].lease, lease)) {
            return &host->list[i];
        }
    }
    return NULL;
}

/* One message of the ROUTER; false when there is none. */
static bool
receive_message(struct streams_host *host)
{
    zmq_msg_t routing;
    zmq_msg_t message;
    zmq_msg_init(&routing);
    zmq_msg_init(&message);
    const bool got = zmq_msg_recv(&routing, host->router, ZMQ_DONTWAIT) >= 0;
    if (got && zmq_msg_more(&routing) != 0 &&
        zmq_msg_recv(&message, host->router, ZMQ_DONTWAIT) >= 0) {
        bool more = zmq_msg_more(&message) != 0;
        const uint8_t *id = zmq_msg_data(&routing);
        struct channel_key key;
        if (!more && zmq_msg_size(&routing) == ROUTING_LENGTH && id[0] == 0 &&
            zap_key_of(&message, &key)) {
            uint32_t number = 0;
            memcpy(&number, id + 1, sizeof number);
            served_take_frame(host, number, &key,
                              bytes_of(zmq_msg_data(&message), zmq_msg_size(&message)));
        }
        while (more) {
            more = zmq_msg_recv(&message, host->router, ZMQ_DONTWAIT) >= 0 &&
                   zmq_msg_more(&message) != 0;
        }
    }
    zmq_msg_close(&routing);
    zmq_msg_close(&message);
    return got;
}

static void
watch_reader(struct streams_host *host, struct served *served, int64_t now_ms,
             const struct sink *sink)
{
    const bool is_away = now_ms - served->heard_ms > GONE_MS;
    if (served->token == 0 || is_away == served->is_missed) {
        return; /* nobody has ever opened it, or nothing is new */
    }
    served->is_missed = is_away;
    if (is_away) {
        served_dismiss_supervisor(host, served);
    }
    const struct event event = {.type = is_away ? EVENT_READER_GONE : EVENT_READER_BACK,
                                .as.lease = served->lease};
    sink->take(sink->context, &event);
}

bool
streams_host_receive(struct streams_host *host, const struct poll_set *set, const struct sink *sink)
{
    bool more = poll_set_is_ready(set, host->place);
    for (int i = 0; more && i < FRAMES_A_ROUND; i++) {
        more = receive_message(host);
    }
    const int64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < SERVED_MAX; i++) {
        struct served *served = &host->list[i];
        if (served->is_used) {
            more = served_pump(host, served) || more;
            watch_reader(host, served, now_ms, sink);
        }
    }
    return more;
}

int64_t
streams_host_deadline_ms(const struct streams_host *host)
{
    int64_t due = INT64_MAX;
    const int64_t soon = clock_boot_ms() + RETRY_MS;
    for (size_t i = 0; i < SERVED_MAX; i++) {
        const struct served *served = &host->list[i];
        if (!served->is_used || served->token == 0) {
            continue;
        }
        const bool waits = (served->has_reader && served->is_over && !served->exit_is_sent) ||
                           served->outputs[0].must_seek || served->outputs[0].must_credit ||
                           served->outputs[1].must_seek || served->outputs[1].must_credit ||
                           stream_input_next(&served->input).length > 0 ||
                           stream_input_end_is_due(&served->input);
        const int64_t gone = served->heard_ms + GONE_MS + 1;
        const int64_t next = waits ? soon : served->is_missed ? INT64_MAX : gone;
        due = next < due ? next : due;
    }
    return due;
}

void
streams_host_add_to_poll(struct streams_host *host, struct poll_set *set)
{
    host->place = poll_set_add_socket(set, host->router);
}

void
streams_host_allow(struct streams_host *host, const struct lease_id *lease,
                   const struct channel_key *key)
{
    struct served *served = served_find(host, lease);
    for (size_t i = 0; i < SERVED_MAX && served == NULL; i++) {
        served = host->list[i].is_used ? NULL : &host->list[i];
    }
    for (size_t i = 0; i < SERVED_MAX && served == NULL; i++) {
        struct served *old = &host->list[i];
        const bool is_read = old->has_reader && !old->is_missed;
        if (!is_read && jobs_is_over(host->options->jobs, &old->lease)) {
            streams_host_forbid(host, &old->lease); /* its reader had it, or asks again */
            served = old;
        }
    }
    if (served == NULL) {
        log_line(LOG_ERROR, "too many leases have streams");
        return;
    }
    if (!served->is_used) {
        *served = (struct served){.is_used = true, .lease = *lease};
    }
    served->key = *key;
}

void
streams_host_forbid(struct streams_host *host, const struct lease_id *lease)
{
    struct served *served = served_find(host, lease);
    if (served != NULL) {
        stream_input_clear(&served->input);
        *served = (struct served){.is_used = false};
    }
}

enum status
streams_host_open(const struct streams_options *options, struct streams_host **ret_host)
{
    struct streams_host *host = calloc(1, sizeof *host);
    if (host == NULL) {
        return STATUS_NO_MEMORY;
    }
    host->options = options;
    const struct curve_options curve = {.zmq = options->zmq,
                                        .keypair = options->keypair,
                                        .send_frames_max = SEND_FRAMES_MAX,
                                        .receive_frames_max = RECEIVE_FRAMES_MAX,
                                        .domain = domain};
    const struct zap_judge judge = {.domain = domain, .admits = admits, .context = host};
    const struct jobs_listener listener = {.take = served_take_event, .context = host};
    size_t size = sizeof host->endpoint;
    zap_add_judge(options->zap, &judge);
    host->router = curve_open_router(&curve);
    if (host->router == NULL || zmq_bind(host->router, options->listen) != 0 ||
        zmq_getsockopt(host->router, ZMQ_LAST_ENDPOINT, host->endpoint, &size) != 0) {
        streams_host_close(host);
        return STATUS_SYSTEM;
    }
    if (options->jobs != NULL) {
        jobs_set_listener(options->jobs, &listener);
    }
    *ret_host = host;
    return STATUS_OK;
}

void
streams_host_close(struct streams_host *host)
{
    if (host == NULL) {
        return;
    }
    for (size_t i = 0; i < SERVED_MAX; i++) {
        stream_input_clear(&host->list[i].input);
    }
    curve_close(host->router);
    free(host);
}

const char *
streams_host_endpoint(const struct streams_host *host)
{
    return host->endpoint;
}
