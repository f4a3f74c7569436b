#include "node/io/admission.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "node/io/clock.h"

enum {
    DESCRIPTORS_MAX = 65536,
    STRANGERS_MAX = 8192, /* accepted, and silent so far: beyond it the newest are cut */
    BUCKETS = 1024,
    PENDING_MAX = 256,
    PENDING_MS = 5000, /* admitted, but its connection did not come up */
    REFUSED_MAX = 256,
    REFUSED_MS_MIN = 10000,
    REFUSED_MS_MAX = 600000,
    SILENT_MS = 9000,
    HIDDEN_BYTES_MAX = 16 << 20, /* queues and buffers of an honest connection stay below */
    FRAME_EXTRA_BYTES = 96,      /* what CURVE and ZMTP add to a message, generously */
    MILLI = 1000
};

/* A connection by its descriptor. */
struct connection {
    uint32_t ip;
    bool is_accepted;
    bool is_linked; /* has sent its first message */
    bool is_cut;
    uint64_t handshakes_before; /* its own comes later than all these */
    int64_t accepted_at_ms;
    uint64_t delivered; /* bytes of its messages that we have seen */
};

/* Handshakes of an address: a bucket of thousandths. */
struct bucket {
    uint32_t ip;
    int64_t at_ms;
    int64_t level;
};

struct pending {
    uint32_t ip;
    int64_t until_ms; /* 0: free */
};

struct refused {
    struct channel_key key;
    int64_t until_ms;
    int64_t wait_ms;
};

struct admission {
    struct admission_limits limits;
    uint32_t salt; /* so that nobody can aim at a bucket */
    uint32_t accepted;
    uint32_t linked;
    uint64_t handshakes; /* the number of the last one */
    int highest_fd;
    struct bucket buckets[BUCKETS];
    struct pending pending[PENDING_MAX];
    struct refused refused[REFUSED_MAX];
    size_t refused_next;
    struct connection connections[DESCRIPTORS_MAX];
};

struct admission *
admission_new(const struct admission_limits *limits)
{
    struct admission *admission = calloc(1, sizeof *admission);
    if (admission != NULL) {
        admission->limits = *limits;
        random_fill(&admission->salt, sizeof admission->salt);
    }
    return admission;
}

void
admission_free(struct admission *admission)
{
    free(admission);
}

static uint32_t
ip_of_text(struct bytes text)
{
    char copy[INET_ADDRSTRLEN];
    struct in_addr ip = {0};
    if (text.length >= sizeof copy) {
        return 0;
    }
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return inet_pton(AF_INET, copy, &ip) == 1 ? ntohl(ip.s_addr) : 0;
}

static uint32_t
ip_of_fd(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0 || address.sin_family != AF_INET) {
        return 0;
    }
    return ntohl(address.sin_addr.s_addr);
}

/* Takes one handshake from the address's bucket. Two addresses in one bucket share it. */
static bool
rate_allows(struct admission *admission, uint32_t ip, int64_t now_ms)
{
    const uint32_t rate = admission->limits.handshakes_per_s;
    if (rate == 0) {
        return true;
    }
    const uint32_t mixed = (ip ^ admission->salt) * 2654435761u;
    struct bucket *bucket = &admission->buckets[mixed >> 22];
    const int64_t full = (int64_t)rate * 2 * MILLI;
    if (bucket->at_ms == 0) {
        *bucket = (struct bucket){.ip = ip, .at_ms = now_ms, .level = full};
    }
    bucket->level += (now_ms - bucket->at_ms) * rate;
    bucket->level = bucket->level > full ? full : bucket->level;
    bucket->at_ms = now_ms;
    if (bucket->level < MILLI) {
        return false;
    }
    bucket->level -= MILLI;
    return true;
}

static bool
key_is_refused(const struct admission *admission, const struct channel_key *key, int64_t now_ms)
{
    for (size_t i = 0; i < REFUSED_MAX; i++) {
        const struct refused *entry = &admission->refused[i];
        if (entry->until_ms > now_ms && channel_key_equal(&entry->key, key)) {
            return true;
        }
    }
    return false;
}

/* Connections of the address and of its /24, with those that are coming up. */
static bool
counts_allow(const struct admission *admission, uint32_t ip, int64_t now_ms)
{
    uint32_t all = admission->linked;
    uint32_t of_address = 0;
    uint32_t of_net = 0;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        const struct pending *pending = &admission->pending[i];
        if (pending->until_ms > now_ms) {
            all++;
            of_address += pending->ip == ip;
            of_net += pending->ip >> 8 == ip >> 8;
        }
    }
    const struct admission_limits *limits = &admission->limits;
    if (limits->per_address_max != 0 || limits->per_net_max != 0) {
        for (int fd = 0; fd <= admission->highest_fd; fd++) {
            const struct connection *connection = &admission->connections[fd];
            of_address += connection->is_linked && connection->ip == ip;
            of_net += connection->is_linked && connection->ip >> 8 == ip >> 8;
        }
    }
    return (limits->inbound_max == 0 || all < limits->inbound_max) &&
           (limits->per_address_max == 0 || of_address < limits->per_address_max) &&
           (limits->per_net_max == 0 || of_net < limits->per_net_max);
}

bool
admission_admits(struct admission *admission, const struct zap_question *question, int64_t now_ms)
{
    const uint32_t ip = ip_of_text(question->address);
    admission->handshakes = question->handshake;
    if (!rate_allows(admission, ip, now_ms) || key_is_refused(admission, &question->key, now_ms) ||
        !counts_allow(admission, ip, now_ms)) {
        return false;
    }
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (admission->pending[i].until_ms <= now_ms) {
            admission->pending[i] = (struct pending){.ip = ip, .until_ms = now_ms + PENDING_MS};
            return true;
        }
    }
    return false;
}

static struct connection *
connection_of(struct admission *admission, int fd)
{
    return fd >= 0 && fd < DESCRIPTORS_MAX ? &admission->connections[fd] : NULL;
}

void
admission_accepted(struct admission *admission, int fd, int64_t now_ms)
{
    struct connection *connection = connection_of(admission, fd);
    if (connection == NULL) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    admission_gone(admission, fd);
    *connection = (struct connection){.ip = ip_of_fd(fd),
                                      .is_accepted = true,
                                      .handshakes_before = admission->handshakes,
                                      .accepted_at_ms = now_ms};
    admission->accepted++;
    if (fd > admission->highest_fd) {
        admission->highest_fd = fd;
    }
    if (admission->accepted - admission->linked > STRANGERS_MAX) {
        admission_cut(admission, fd);
    }
}

static void
forget_pending(struct admission *admission, uint32_t ip)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *pending = &admission->pending[i];
        if (pending->until_ms != 0 && pending->ip == ip) {
            pending->until_ms = 0;
            return;
        }
    }
}

bool
admission_link(struct admission *admission, int fd, int64_t now_ms)
{
    struct connection *connection = connection_of(admission, fd);
    if (connection == NULL || !connection->is_accepted || connection->is_cut) {
        return false;
    }
    forget_pending(admission, connection->ip);
    if (!connection->is_linked && !counts_allow(admission, connection->ip, now_ms)) {
        return false;
    }
    admission->linked += !connection->is_linked;
    connection->is_linked = true;
    return true;
}

void
admission_gone(struct admission *admission, int fd)
{
    struct connection *connection = connection_of(admission, fd);
    if (connection == NULL || !connection->is_accepted) {
        return;
    }
    if (!connection->is_linked) {
        forget_pending(admission, connection->ip);
    }
    admission->accepted--;
    admission->linked -= connection->is_linked;
    *connection = (struct connection){0};
}

bool
admission_is_open(const struct admission *admission, int fd, uint64_t handshake)
{
    if (fd < 0 || fd >= DESCRIPTORS_MAX) {
        return false;
    }
    const struct connection *connection = &admission->connections[fd];
    return connection->is_accepted && !connection->is_cut &&
           handshake > connection->handshakes_before;
}

void
admission_cut(struct admission *admission, int fd)
{
    struct connection *connection = connection_of(admission, fd);
    if (connection != NULL && connection->is_accepted) {
        connection->is_cut = true;
        shutdown(fd, SHUT_RDWR);
    }
}

void
admission_delivered(struct admission *admission, int fd, size_t length)
{
    struct connection *connection = connection_of(admission, fd);
    if (connection != NULL) {
        connection->delivered += length + FRAME_EXTRA_BYTES;
    }
}

static bool
hides_too_much(int fd, const struct connection *connection)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_bytes_received > connection->delivered + HIDDEN_BYTES_MAX;
}

void
admission_sweep(struct admission *admission, int64_t now_ms)
{
    for (int fd = 0; fd <= admission->highest_fd; fd++) {
        struct connection *connection = &admission->connections[fd];
        if (!connection->is_accepted || connection->is_cut) {
            continue;
        }
        const bool is_silent =
            !connection->is_linked && now_ms - connection->accepted_at_ms > SILENT_MS;
        /* The address is asked again: the descriptor may just have become somebody else's. */
        if ((is_silent || hides_too_much(fd, connection)) && ip_of_fd(fd) == connection->ip) {
            admission_cut(admission, fd);
        }
    }
}

void
admission_refuse_key(struct admission *admission, const struct channel_key *key, int64_t now_ms)
{
    struct refused *entry = NULL;
    for (size_t i = 0; i < REFUSED_MAX && entry == NULL; i++) {
        if (admission->refused[i].until_ms != 0 &&
            channel_key_equal(&admission->refused[i].key, key)) {
            entry = &admission->refused[i];
        }
    }
    if (entry == NULL) {
        entry = &admission->refused[admission->refused_next++ % REFUSED_MAX];
        *entry = (struct refused){.key = *key, .wait_ms = REFUSED_MS_MIN / 2};
    }
    /* Good conduct for as long as the last wait is forgiven. */
    if (now_ms > entry->until_ms + REFUSED_MS_MAX) {
        entry->wait_ms = REFUSED_MS_MIN / 2;
    }
    entry->wait_ms = entry->wait_ms * 2 > REFUSED_MS_MAX ? REFUSED_MS_MAX : entry->wait_ms * 2;
    entry->until_ms = now_ms + entry->wait_ms;
}

uint32_t
admission_count(const struct admission *admission)
{
    return admission->linked;
}
