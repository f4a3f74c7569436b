#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli/launch.h"
#include "cli/talk.h"
#include "cli/testnet.h"
#include "cli/word_list.h"
#include "crypto/digest.h"
#include "crypto/keypair.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "protocol/peer_address.h"
#include "protocol/record.h"

enum {
    NETS_TRIED = 200,
    MESH_NODES_MAX = 12,
    READY_MS = 30000,
    POLL_MS = 50,
    SETTINGS_SIZE = 16384
};

static bool
is_free(uint32_t address, uint16_t port)
{
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return false;
    }
    const struct sockaddr_in place = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    const bool bound = bind(probe, (const struct sockaddr *)&place, sizeof place) == 0;
    close(probe);
    return bound;
}

/* FNV-1a: spreads directories over the nets, nothing more. */
static uint32_t
hash_of(const char *text)
{
    uint32_t hash = 2166136261U;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 16777619U;
    }
    return hash;
}

static bool
net_is_free(const struct network *network, uint32_t net)
{
    for (uint32_t i = 0; i < network->count; i++) {
        if (!is_free(net + i + 1, TESTNET_PORT) || !is_free(net + i + 1, TESTNET_PORT + 1)) {
            return false;
        }
    }
    return true;
}

enum status
testnet_address(struct network *network)
{
    const uint32_t hash = hash_of(network->directory);
    for (uint32_t tries = 0; tries < NETS_TRIED; tries++) {
        /* 127.1.0.0 to 127.254.255.0: 127.0 is other people's. */
        const uint32_t number = (hash + tries * 7919) % (254 * 256);
        const uint32_t net = (UINT32_C(127) << 24) | ((1 + number / 256) << 16) | number % 256 << 8;
        if (!net_is_free(network, net)) {
            continue;
        }
        for (uint32_t i = 0; i < network->count; i++) {
            const uint32_t address = net + i + 1;
            snprintf(network->nodes[i].address, NETWORK_NAME_SIZE, "%u.%u.%u.%u", address >> 24,
                     address >> 16 & 255, address >> 8 & 255, address & 255);
        }
        return STATUS_OK;
    }
    return STATUS_BUSY;
}

static void
append_peer(struct buffer *lines, const struct network *network, size_t number)
{
    struct keypair keypair;
    struct peer_address address = {.has_id = true, .port = TESTNET_PORT};
    const struct network_node *node = &network->nodes[number];
    keypair_for_test(network->seed, bytes_of_text(node->name), &keypair);
    address.peer_id = keypair.identity;
    address.channel_key = keypair.channel_key;
    keypair_wipe(&keypair);
    address.host_length = (uint8_t)strlen(node->address);
    memcpy(address.host, node->address, address.host_length);
    buffer_append_format(lines, "peer = ");
    peer_address_print(&address, lines);
    buffer_append_byte(lines, '\n');
}

/* All earlier nodes in a small network, else a ring with chords; a connection serves both ends. */
static void
append_peers(struct buffer *lines, const struct network *network, size_t number)
{
    if (network->count <= MESH_NODES_MAX) {
        for (size_t i = 0; i < number; i++) {
            append_peer(lines, network, i);
        }
        return;
    }
    for (size_t step = 1; step < network->count; step *= 2) {
        append_peer(lines, network, (number + step) % network->count);
    }
}

/* The node's settings stand in its own file, where a person can read and change them. */
static enum status
write_settings(const struct network *network, const struct network_node *node, const char *data)
{
    char path[PLACE_SIZE];
    char memory[SETTINGS_SIZE];
    char issuer[ID_HEX_SIZE];
    struct buffer lines;
    enum status status = place_format(path, "%s/gpuletd.conf", data);
    if (status != STATUS_OK) {
        return status;
    }
    id_to_hex(network->issuer.bytes, issuer);
    buffer_init(&lines, memory, sizeof memory);
    buffer_append_format(&lines, "network = %s\nlabel = %s\nseed = %llu\nissuer = %s\n",
                         network->name, node->name, (unsigned long long)network->seed, issuer);
    buffer_append_format(&lines, "listen = tcp://%s:%d\n", node->address, TESTNET_PORT);
    if (node->region != 0) {
        buffer_append_format(&lines, "region = %s\n", name_table_name(&region_names, node->region));
    }
    if (node->up_mbit_s != 0) {
        buffer_append_format(&lines, "up = %uMbit/s\n", node->up_mbit_s);
    }
    if (node->down_mbit_s != 0) {
        buffer_append_format(&lines, "down = %uMbit/s\n", node->down_mbit_s);
    }
    if (node->cards[0] != '\0') {
        buffer_append_format(&lines, "simulate = %s\n", node->cards);
    }
    append_peers(&lines, network, (size_t)(node - network->nodes));
    return lines.overflowed ? STATUS_NO_SPACE : place_write(path, buffer_bytes(&lines));
}

static bool
has_settings(const char *data)
{
    char path[PLACE_SIZE];
    return place_format(path, "%s/gpuletd.conf", data) == STATUS_OK && access(path, F_OK) == 0;
}

/* The issuer's word that this key has so much to spend; gpuletd reads it from its data directory. */
static enum status
write_grant(const struct network *network, const struct network_node *node, const char *data)
{
    struct keypair issuer;
    struct keypair owner;
    struct grant grant;
    uint8_t body_memory[RECORD_BODY_MAX];
    uint8_t memory[RECORD_BYTES_MAX];
    char path[PLACE_SIZE];
    struct buffer body;
    struct buffer sealed;
    struct envelope envelope = {.version = RECORD_VERSION, .kind = RECORD_GRANT};
    keypair_for_test(network->seed, bytes_of_text("issuer"), &issuer);
    keypair_for_test(network->seed, bytes_of_text(node->name), &owner);
    grant.key = owner.identity;
    envelope.author = issuer.identity;
    envelope.issued_at_s = (uint64_t)time(NULL);
    envelope.seq = envelope.issued_at_s * 1000;
    network_id_make(bytes_of_text(network->name), true, &issuer.identity, &envelope.network);
    buffer_init(&body, body_memory, sizeof body_memory);
    buffer_init(&sealed, memory, sizeof memory);
    enum status status = amount_of_micro(TESTNET_GRANT_USD * INT64_C(1000000), &grant.amount_uusd);
    if (status == STATUS_OK) {
        status = codec_encode(&grant_schema, &grant, &body);
    }
    if (status == STATUS_OK) {
        envelope.body = buffer_bytes(&body);
        status = record_seal(&envelope, &issuer, &sealed);
    }
    keypair_wipe(&issuer);
    keypair_wipe(&owner);
    if (status == STATUS_OK) {
        status = place_format(path, "%s/grant", data);
    }
    return status == STATUS_OK ? place_write(path, buffer_bytes(&sealed)) : status;
}

static enum status
spawn(const char *data, const char *log_path, struct process *ret_process)
{
    char program[PLACE_SIZE];
    struct word_list words = {.count = 0};
    enum status status = place_daemon(program);
    if (status != STATUS_OK) {
        return status;
    }
    word_list_append(&words, "%s", program);
    word_list_append(&words, "--data");
    word_list_append(&words, "%s", data);
    status = word_list_status(&words);
    if (status == STATUS_OK) {
        status = process_spawn(words.words, log_path, ret_process);
    }
    word_list_clear(&words);
    return status;
}

enum status
testnet_start(struct network *network, struct network_node *node, bool is_new)
{
    char data[PLACE_SIZE];
    char log_path[PLACE_SIZE];
    enum status status = network_node_data(network, node, data);
    if (status == STATUS_OK) {
        status = network_node_log(network, node, log_path);
    }
    if (status == STATUS_OK) {
        status = place_make(data);
    }
    if (status == STATUS_OK && !node->is_host) {
        status = write_grant(network, node, data);
    }
    if (status == STATUS_OK && (is_new || !has_settings(data))) {
        status = write_settings(network, node, data);
    }
    return status == STATUS_OK ? spawn(data, log_path, &node->process) : status;
}

int
testnet_wait_ready(const struct network *network, const struct network_node *node)
{
    char data[PLACE_SIZE];
    char log_path[PLACE_SIZE];
    struct answer answer = {NULL, 0, 0};
    if (network_node_data(network, node, data) != STATUS_OK ||
        network_node_log(network, node, log_path) != STATUS_OK) {
        return EXIT_REFUSED;
    }
    const int code = launch_wait(data, log_path, &node->process, READY_MS, &answer);
    answer_clear(&answer);
    return code;
}

static int
offer_one(const struct network *network, const struct network_node *node)
{
    char data[PLACE_SIZE];
    struct connection *connection;
    struct answer answer = {NULL, 0, 0};
    struct control_host host = {.notice_s = node->notice_s, .notice_given = node->notice_s != 0};
    if (network_node_data(network, node, data) != STATUS_OK ||
        amount_of_micro((int64_t)node->ask_uusd_per_hour, &host.ask_uusd_per_hour) != STATUS_OK) {
        return EXIT_REFUSED;
    }
    int code = talk_open_data(data, &connection);
    if (code == EXIT_DONE) {
        code = talk_ask(connection, CONTROL_HOST, &host, &answer, NULL);
        connection_close(connection);
    }
    answer_clear(&answer);
    return code;
}

int
testnet_offer(const struct network *network)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < network->count && code == EXIT_DONE; i++) {
        if (network->nodes[i].is_host) {
            code = offer_one(network, &network->nodes[i]);
        }
    }
    return code;
}

/* What a node knows; false when it does not answer. */
static bool
look(const struct network *network, const struct network_node *node, uint32_t *ret_listings,
     uint32_t *ret_own, bool *ret_has_money)
{
    char data[PLACE_SIZE];
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    const bool answers = network_node_data(network, node, data) == STATUS_OK &&
                         launch_status(data, &answer) &&
                         answer_row(&answer, ROW_STATUS, 0, &view) == STATUS_OK;
    if (answers) {
        *ret_listings = view.status.listings;
        *ret_own = view.status.listings_own;
        *ret_has_money = !amount_is_zero(view.status.balance_uusd);
    }
    answer_clear(&answer);
    return answers;
}

/* NULL when every node sees all; else the name of one that does not. */
static const char *
find_ignorant(const struct network *network, uint32_t *ret_wanted, uint32_t *ret_seen)
{
    uint32_t listings[NETWORK_NODES_MAX] = {0};
    const char *poor = NULL;
    *ret_wanted = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct network_node *node = &network->nodes[i];
        uint32_t own = 0;
        bool has_money = false;
        if (node->process.pid == 0) {
            continue;
        }
        if (!look(network, node, &listings[i], &own, &has_money) || (node->is_host && own == 0)) {
            *ret_seen = 0;
            return node->name;
        }
        *ret_wanted += own;
        poor = node->is_host || has_money ? poor : node->name;
    }
    for (size_t i = 0; i < network->count; i++) {
        *ret_seen = listings[i];
        if (network->nodes[i].process.pid != 0 && listings[i] < *ret_wanted) {
            return network->nodes[i].name;
        }
    }
    return poor;
}

int
testnet_wait_listings(const struct network *network, int timeout_ms)
{
    const int64_t end_ms = connection_clock_ms() + timeout_ms;
    uint32_t wanted;
    uint32_t seen;
    const char *ignorant;
    while ((ignorant = find_ignorant(network, &wanted, &seen)) != NULL) {
        if (connection_clock_ms() >= end_ms) {
            talk_say("after %d s %s sees %u of %u listings; see: gpulet testnet logs %s",
                     timeout_ms / 1000, ignorant, seen, wanted, ignorant);
            return EXIT_REFUSED;
        }
        process_sleep_ms(POLL_MS);
    }
    return EXIT_DONE;
}
