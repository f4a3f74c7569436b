#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "crypto/digest.h"
#include "node/io/clock.h"
#include "node/io/curve.h"
#include "node/io/log.h"
#include "node/io/loop_state.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"
#include "protocol/peer_address.h"
#include "protocol/row.h"

enum {
    SOCKETS_MAX = 4096,
    DESCRIPTORS_WANTED = 65536,
    CHECK_THREADS_MAX = 3,
    REDIAL_MS_MIN = 500,
    REDIAL_MS_MAX = 60000,
    TEST_REDIAL_MS_MIN = 100,
    TEST_REDIAL_MS_MAX = 2000
};

/* Out of descriptors, ZeroMQ's thread turns in circles. */
static void
raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        const rlim_t wanted =
            limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
        limit.rlim_cur = limit.rlim_cur > wanted ? limit.rlim_cur : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            log_line(LOG_WARNING, "the limit of open files stays at %llu",
                     (unsigned long long)limit.rlim_cur);
        }
    }
}

static void
copy_text(char *target, size_t size, const char *text)
{
    const size_t length = strnlen(text, size - 1); /* a longer one is only shown, and cut */
    memcpy(target, text, length);
    target[length] = '\0';
}

/* What this machine gives to jobs, where the person left it open. */
static void
fill_machine(const struct options *options, struct core_options *core)
{
    const long threads = sysconf(_SC_NPROCESSORS_ONLN);
    core->cpu_threads = options->cpu_threads;
    if (core->cpu_threads == 0) {
        core->cpu_threads = threads > 1 ? (uint16_t)(threads - 1) : 1;
    }
    const uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
    const uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    core->ram_mib = options->ram_mib;
    if (core->ram_mib == 0) {
        core->ram_mib = (uint32_t)(pages * page_bytes / 4 * 3 / 1048576);
    }
    struct statvfs disk;
    core->disk_mib = options->disk_mib;
    if (core->disk_mib == 0 && statvfs(options->data_dir, &disk) == 0) {
        const uint64_t half = (uint64_t)disk.f_bavail * disk.f_frsize / 2 / 1048576;
        core->disk_mib = half > UINT32_MAX ? UINT32_MAX : (uint32_t)half;
    }
}

/* The address that peers are told: as advertised, else where we are bound unless that is anywhere. */
static void
fill_address(char *target, size_t size, const char *advertised, const char *bound)
{
    uint32_t ip = 0;
    const bool is_somewhere = endpoint_is_numeric(bytes_of_text(bound), &ip, NULL) && ip != 0;
    copy_text(target, size, advertised[0] != '\0' ? advertised : is_somewhere ? bound : "");
}

static void
fill_core_options(struct loop *loop)
{
    const struct options *options = loop->options.options;
    struct core_options *core = &loop->core_options;
    core->keypair = *loop->options.keypair;
    copy_text(core->network_name, sizeof core->network_name, options->network);
    core->network = loop->world.network;
    core->is_test_network = options->is_test_network;
    core->has_issuer = options->has_issuer;
    core->issuer = options->issuer;
    copy_text(core->label, sizeof core->label, options->label);
    fill_address(core->address, sizeof core->address, options->advertise, loop_endpoint(loop));
    fill_address(core->stream_address, sizeof core->stream_address, options->stream_advertise,
                 loop_stream_endpoint(loop));
    copy_text(core->control_path, sizeof core->control_path, loop_control_path(loop));
    copy_text(core->data_dir, sizeof core->data_dir, options->data_dir);
    core->region = options->region;
    core->auction_epoch_s = options->auction_epoch_s;
    core->auction_rule = options->auction_rule;
    core->up_mbit_s = options->up_mbit_s;
    core->down_mbit_s = options->down_mbit_s;
    fill_machine(options, core);
    core->limits_lack = loop->options.limits_lack;
    core->has_decide_program = options->decide[0] != '\0';
    core->shelf_records_max = options->records_max;
    core->spend_lease_max_uusd = options->spend_lease_max_uusd;
    core->spend_day_max_uusd = options->spend_day_max_uusd;
    core->current_uusd_per_kwh = options->current_uusd_per_kwh;
    core->pid = (uint32_t)getpid();
}

/* The streams' own port: as told, else the one after the peers' (any, after any). */
static void
stream_endpoint_to_bind(const struct loop *loop, char ret[ENDPOINT_SIZE])
{
    const struct options *options = loop->options.options;
    uint32_t ip = 0;
    uint16_t port = 0;
    if (options->stream_listen[0] != '\0') {
        snprintf(ret, ENDPOINT_SIZE, "%.120s", options->stream_listen);
        return;
    }
    const bool is_free_port = !endpoint_is_numeric(bytes_of_text(options->listen), &ip, &port);
    const char *colon = strrchr(options->listen, ':');
    const int length = colon == NULL ? 0 : (int)(colon - options->listen);
    if (is_free_port || port == UINT16_MAX) {
        snprintf(ret, ENDPOINT_SIZE, "%.*s:0", length, options->listen);
    } else {
        snprintf(ret, ENDPOINT_SIZE, "%.*s:%u", length, options->listen, port + 1u);
    }
}

static enum status
bind_peers(struct loop *loop)
{
    const struct options *options = loop->options.options;
    const bool is_test = options->is_test_network;
    const struct peers_options peers = {
        .zmq = loop->zmq,
        .zap = loop->zap,
        .keypair = loop->options.keypair,
        .listen = options->listen,
        .limits = {.inbound_max = options->inbound_max,
                   .per_address_max = options->inbound_per_address,
                   .per_net_max = options->inbound_per_net,
                   .handshakes_per_s = options->handshakes},
        .redial_ms_min = is_test ? TEST_REDIAL_MS_MIN : REDIAL_MS_MIN,
        .redial_ms_max = is_test ? TEST_REDIAL_MS_MAX : REDIAL_MS_MAX};
    return peers_open(&peers, &loop->world.peers);
}

static enum status
bind_streams(struct loop *loop, const char *listen)
{
    const struct streams_options streams = {.zmq = loop->zmq,
                                            .zap = loop->zap,
                                            .keypair = loop->options.keypair,
                                            .listen = listen,
                                            .jobs = loop->world.jobs,
                                            .control = loop->world.control};
    return streams_open(&streams, &loop->world.streams);
}

static enum status
open_sockets(struct loop *loop, struct buffer *why)
{
    const struct options *options = loop->options.options;
    loop->zmq = zmq_ctx_new();
    if (loop->zmq == NULL || zmq_ctx_set(loop->zmq, ZMQ_MAX_SOCKETS, SOCKETS_MAX) != 0) {
        return STATUS_NO_MEMORY;
    }
    enum status status = zap_open(loop->zmq, &loop->zap);
    if (status == STATUS_OK) {
        status = bind_peers(loop);
    }
    if (status != STATUS_OK) {
        buffer_append_format(why, "cannot listen on %.200s: %s", options->listen,
                             errno != 0 ? zmq_strerror(errno) : status_text(status));
        return status;
    }
    status = control_open(loop->zmq, options->data_dir, &loop->world.control);
    if (status != STATUS_OK) {
        buffer_append_format(why, "cannot make the local socket below %.200s: %s",
                             options->data_dir, status_text(status));
        return status;
    }
    char listen[ENDPOINT_SIZE];
    stream_endpoint_to_bind(loop, listen);
    status = bind_streams(loop, listen);
    if (status != STATUS_OK) {
        buffer_append_format(why, "cannot listen for streams on %s: %s", listen,
                             errno != 0 ? zmq_strerror(errno) : status_text(status));
    }
    return status;
}

static enum status
open_store(struct loop *loop, struct buffer *why)
{
    const struct store_options options = {0};
    char sentence[STORE_WHY_SIZE];
    const enum status status =
        store_open(loop->options.options->data_dir, &options, &loop->world.store, sentence);
    if (status != STATUS_OK) {
        buffer_append_format(why, "%s", sentence);
    } else if (sentence[0] != '\0') {
        log_line(LOG_WARNING, "%s", sentence);
    }
    return status;
}

static enum status
take_memory(struct loop *loop)
{
    loop->effects = effects_new();
    loop->inbox = malloc(INBOX_BYTES);
    loop->poll.items = calloc(POLL_ITEMS_MAX, sizeof *loop->poll.items);
    loop->poll.capacity = POLL_ITEMS_MAX;
    /* As many as processors: this thread has next to nothing to do while they check. */
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned threads = cores > CHECK_THREADS_MAX ? CHECK_THREADS_MAX : (unsigned)cores;
    loop->world.checks = checks_new(&loop->world.network, cores > 1 ? threads : 0);
    loop->world.decide = decide_new(loop->options.options->decide);
    return loop->effects == NULL || loop->inbox == NULL || loop->poll.items == NULL ||
                   loop->world.checks == NULL || loop->world.decide == NULL
               ? STATUS_NO_MEMORY
               : STATUS_OK;
}

/* Signals come as something to read; threads that ZeroMQ makes later inherit the mask. */
static enum status
open_signals(struct loop *loop)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return STATUS_SYSTEM;
    }
    loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return loop->signal_fd < 0 ? STATUS_SYSTEM : STATUS_OK;
}

/* A name that a person wrote becomes a number here, once; peers' records hold numbers only. */
static bool
resolve(struct peer_address *address)
{
    char host[PEER_HOST_LENGTH_MAX + 1];
    memcpy(host, address->host, address->host_length);
    host[address->host_length] = '\0';
    const struct addrinfo wanted = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &wanted, &found) != 0 || found == NULL) {
        return false;
    }
    const struct sockaddr_in *at = (const struct sockaddr_in *)(const void *)found->ai_addr;
    char text[INET_ADDRSTRLEN];
    const bool is_known = inet_ntop(AF_INET, &at->sin_addr, text, sizeof text) != NULL;
    if (is_known) {
        address->host_length = (uint8_t)strlen(text);
        memcpy(address->host, text, address->host_length);
    }
    freeaddrinfo(found);
    return is_known;
}

/* The same as `gpulet peer add`, asked by nobody. */
static void
add_told_peers(struct loop *loop)
{
    const struct options *options = loop->options.options;
    for (size_t i = 0; i < options->peer_count; i++) {
        struct peer_address address;
        uint8_t text_memory[PEER_ADDRESS_TEXT_MAX];
        uint8_t memory[PEER_ADDRESS_TEXT_MAX + 64];
        struct buffer text;
        struct buffer question;
        buffer_init(&text, text_memory, sizeof text_memory);
        buffer_init(&question, memory, sizeof memory);
        if (peer_address_parse(bytes_of_text(options->peers[i]), &address, NULL) != STATUS_OK ||
            !resolve(&address)) {
            log_line(LOG_WARNING, "the peer %s cannot be found", options->peers[i]);
            continue;
        }
        peer_address_print(&address, &text);
        const struct control_peer_add add = {.address = buffer_bytes(&text)};
        if (message_encode(control_schema(CONTROL_PEER_ADD), &add, &question) == STATUS_OK) {
            loop_step_bytes(loop, buffer_bytes(&question));
        }
    }
}

/* On a network with an issuer: its word that this node has so much to spend, left in <data>/grant. */
static void
take_grant(struct loop *loop)
{
    const struct options *options = loop->options.options;
    char path[OPTION_PATH_SIZE + 16];
    uint8_t memory[RECORD_BYTES_MAX];
    snprintf(path, sizeof path, "%s/grant", options->data_dir);
    const int fd = options->has_issuer ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    const ssize_t length = read(fd, memory, sizeof memory);
    close(fd);
    struct event event = {.type = EVENT_EVIDENCE, .as.evidence.what = EVIDENCE_GRANT};
    const struct bytes kept = loop_keep(loop, bytes_of(memory, length > 0 ? (size_t)length : 0));
    const enum status status = record_open(kept, &loop->world.network, &event.as.evidence.record);
    if (status != STATUS_OK ||
        !peer_id_equal(&verified_envelope(&event.as.evidence.record)->author, &options->issuer)) {
        log_line(LOG_WARNING, "%s is no grant of this network's issuer", path);
        return;
    }
    event.as.evidence.hold = *verified_id(&event.as.evidence.record);
    loop_step(loop, &event);
    loop_flush(loop);
}

static enum status
start(struct loop *loop, struct buffer *why)
{
    fill_core_options(loop);
    loop->boot_id = clock_boot_id();
    random_fill(&loop->boot_nonce, sizeof loop->boot_nonce);
    loop->boot_nonce >>= 11; /* a number that every JSON reader keeps */
    struct store_space space;
    store_space(loop->world.store, &space);
    loop->space = space.state;
    const enum status status = recovery_run(loop);
    if (status != STATUS_OK) {
        buffer_append_format(why, "what was stored in %.200s cannot be read back: %s",
                             loop->options.options->data_dir, status_text(status));
        return status;
    }
    loop_introduce_world(loop);
    take_grant(loop);
    add_told_peers(loop);
    loop_flush(loop);
    return STATUS_OK;
}

static enum status
open_all(struct loop *loop, struct buffer *why)
{
    const struct options *options = loop->options.options;
    network_id_make(bytes_of_text(options->network), options->is_test_network,
                    options->has_issuer ? &options->issuer : NULL, &loop->world.network);
    raise_descriptor_limit();
    enum status status = open_store(loop, why);
    if (status != STATUS_OK) {
        return status;
    }
    status = open_signals(loop);
    if (status == STATUS_OK) {
        status = take_memory(loop);
    }
    const struct jobs_options jobs = {.data_dir = options->data_dir,
                                      .first_uid = options->first_uid};
    if (status == STATUS_OK) {
        status = jobs_open(&jobs, &loop->world.jobs);
    }
    if (status == STATUS_OK) {
        status = open_sockets(loop, why);
    }
    return status == STATUS_OK ? start(loop, why) : status;
}

enum status
loop_open(const struct loop_options *options, struct loop **ret_loop, struct buffer *why)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return STATUS_NO_MEMORY;
    }
    loop->options = *options;
    loop->signal_fd = -1;
    const enum status status = open_all(loop, why);
    if (status != STATUS_OK) {
        if (why->length == 0) {
            buffer_append_format(why, "cannot start: %s", status_text(status));
        }
        loop_close(loop);
        return status;
    }
    *ret_loop = loop;
    return STATUS_OK;
}

void
loop_close(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    streams_close(loop->world.streams);
    control_close(loop->world.control);
    peers_close(loop->world.peers);
    zap_close(loop->zap);
    jobs_close(loop->world.jobs);
    decide_free(loop->world.decide);
    checks_free(loop->world.checks);
    if (loop->zmq != NULL) {
        zmq_ctx_term(loop->zmq);
    }
    core_free(loop->core);
    store_close(loop->world.store);
    effects_free(loop->effects);
    free(loop->inbox);
    free(loop->poll.items);
    if (loop->signal_fd >= 0) {
        close(loop->signal_fd);
    }
    free(loop);
}
