#include "cli/testnet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/launch.h"
#include "cli/talk.h"
#include "crypto/keypair.h"
#include "protocol/quantity.h"

enum { LISTINGS_MS = 60000, STOP_MS = 10000, HOSTS_DEFAULT = 6, NAME_DIGITS = 10 };

/* The directory of a new network: --dir, which must be empty or new, else one of its own in /tmp. */
static enum status
make_directory(const struct invocation *invocation, char ret_path[PLACE_SIZE], struct buffer *why)
{
    const char *given = option_value(invocation, "dir");
    char path[PLACE_SIZE];
    char note[PLACE_SIZE];
    if (given == NULL) {
        const char *temporary = getenv("TMPDIR");
        enum status status =
            place_format(ret_path, "%s/gpulet-testnet-XXXXXX",
                         temporary == NULL || temporary[0] != '/' ? "/tmp" : temporary);
        if (status == STATUS_OK && mkdtemp(ret_path) == NULL) {
            buffer_append_format(why, "cannot make %s: %s", ret_path, strerror(errno));
            status = STATUS_SYSTEM;
        }
        return status;
    }
    if (place_make(given) != STATUS_OK || realpath(given, path) == NULL) {
        buffer_append_format(why, "cannot make %s", given);
        return STATUS_SYSTEM;
    }
    enum status status = place_format(note, "%s/network.json", path);
    if (status == STATUS_OK && access(note, F_OK) == 0) {
        buffer_append_format(why,
                             "there is a test network in %s already; end it with: gpulet testnet "
                             "down --dir %s",
                             given, given);
        return STATUS_EXISTS;
    }
    if (status == STATUS_OK && rmdir(path) != 0) {
        buffer_append_format(why, "%s is not empty", given);
        return STATUS_EXISTS;
    }
    if (status == STATUS_OK && mkdir(path, 0700) != 0) {
        return STATUS_SYSTEM;
    }
    return status == STATUS_OK ? place_format(ret_path, "%s", path) : status;
}

/* Two networks side by side have different names, so that they never meet. */
static void
name_network(struct network *network)
{
    struct keypair issuer;
    uint32_t hash = 2166136261U;
    for (const char *at = network->directory; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * 16777619U;
    }
    snprintf(network->name, sizeof network->name, "test-%08x", hash);
    keypair_for_test(network->seed, bytes_of_text("issuer"), &issuer);
    network->issuer = issuer.identity;
    keypair_wipe(&issuer);
}

static enum status
plan(const struct invocation *invocation, struct network *network, struct buffer *why)
{
    const struct testnet_plan wanted = {
        .hosts = (size_t)option_count(invocation, "hosts", HOSTS_DEFAULT),
        .renters = (size_t)option_count(invocation, "renters", 1),
        .seed = option_count(invocation, "seed", 1),
        .varied = option_is_given(invocation, "varied"),
        .offers = option_value(invocation, "offers"),
    };
    network->keeps = option_is_given(invocation, "keep");
    return testnet_plan(&wanted, network, why);
}

static int
start_nodes(struct network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        enum status status = testnet_start(network, &network->nodes[i], true);
        if (status == STATUS_NOT_FOUND) {
            talk_say("gpuletd is neither beside gpulet nor in PATH; install both");
        } else if (status != STATUS_OK) {
            talk_say("cannot start %s: %s", network->nodes[i].name, status_text(status));
        }
        if (status != STATUS_OK || network_file_write(network) != STATUS_OK) {
            return EXIT_REFUSED;
        }
    }
    int code = EXIT_DONE;
    for (size_t i = 0; i < network->count && code == EXIT_DONE; i++) {
        code = testnet_wait_ready(network, &network->nodes[i]);
    }
    if (code == EXIT_DONE) {
        code = testnet_offer(network);
    }
    return code == EXIT_DONE ? testnet_wait_listings(network, LISTINGS_MS) : code;
}

static json_t *
node_document(const struct network *network, const struct network_node *node)
{
    char data[PLACE_SIZE] = "";
    struct keypair keypair;
    char identity[ID_HEX_SIZE];
    const bool runs = node->process.pid != 0 && process_runs(&node->process);
    if (network_node_data(network, node, data) != STATUS_OK) {
        return NULL;
    }
    keypair_for_test(network->seed, bytes_of_text(node->name), &keypair);
    id_to_hex(keypair.identity.bytes, identity);
    keypair_wipe(&keypair);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:i, s:s, s:I, s:s, s:s}", "name", node->name,
                     "role", node->is_host ? "host" : "renter", "state", runs ? "runs" : "stopped",
                     "pid", (json_int_t)(runs ? node->process.pid : 0), "address", node->address,
                     "port", TESTNET_PORT, "cards", node->cards, "ask_uusd_per_hour",
                     (json_int_t)node->ask_uusd_per_hour, "identity", identity, "data_dir", data);
}

static void
print_nodes(const struct network *network)
{
    printf("%-10s %-7s %-8s %-8s %-22s %-18s %s\n", "NODE", "ROLE", "STATE", "PID", "ADDRESS",
           "CARDS", "ASK");
    for (size_t i = 0; i < network->count; i++) {
        const struct network_node *node = &network->nodes[i];
        const bool runs = node->process.pid != 0 && process_runs(&node->process);
        char address[NETWORK_NAME_SIZE + 16];
        char memory[64] = "-";
        struct amount ask;
        struct buffer text;
        buffer_init(&text, memory, sizeof memory - 1);
        if (node->is_host && amount_of_micro((int64_t)node->ask_uusd_per_hour, &ask) == STATUS_OK) {
            quantity_print_price(&text, ask);
            memory[text.length] = '\0';
        }
        snprintf(address, sizeof address, "%s:%d", node->address, TESTNET_PORT);
        printf("%-10s %-7s %-8s %-8ld %-22s %-18s %s\n", node->name,
               node->is_host ? "host" : "renter", runs ? "runs" : "stopped",
               (long)(runs ? node->process.pid : 0), address,
               node->cards[0] == '\0' ? "-" : node->cards, memory);
    }
}

static int
show_network(const struct invocation *invocation, const struct network *network)
{
    if (!option_is_given(invocation, "json")) {
        printf("network %s in %s\n", network->name, network->directory);
        print_nodes(network);
        return talk_flush();
    }
    json_t *nodes = json_array();
    for (size_t i = 0; i < network->count; i++) {
        json_array_append_new(nodes, node_document(network, &network->nodes[i]));
    }
    json_t *document =
        json_pack("{s:s, s:s, s:I, s:o}", "network", network->name, "dir", network->directory,
                  "seed", (json_int_t)network->seed, "nodes", nodes);
    return talk_document(document);
}

static int
bring_up(const struct invocation *invocation, struct network *network)
{
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    enum status status = plan(invocation, network, &why);
    if (status == STATUS_OK) {
        status = make_directory(invocation, network->directory, &why);
    }
    if (status != STATUS_OK) {
        return talk_refuse(EXIT_REFUSED, &why);
    }
    name_network(network);
    if (testnet_address(network) != STATUS_OK) {
        talk_say("no free network below 127.0.0.0/8 was found; is another machine's worth of nodes "
                 "running?");
        return EXIT_REFUSED;
    }
    /* At once, so that `testnet down` finds what an interrupted start has left. */
    if (place_testnet_remember(network->directory) != STATUS_OK) {
        talk_say("warning: later commands need --dir %s", network->directory);
    }
    const int code = start_nodes(network);
    if (code == EXIT_DONE) {
        return show_network(invocation, network);
    }
    testnet_stop_all(network);
    place_testnet_forget(network->directory);
    talk_say("the nodes were stopped; their logs stay in %s", network->directory);
    return code;
}

int
run_testnet_up(const struct invocation *invocation)
{
    struct network *network = calloc(1, sizeof *network);
    const int code = network == NULL ? EXIT_REFUSED : bring_up(invocation, network);
    free(network);
    return code;
}

/* The running network; says why there is none. NULL then, else the caller's to free. */
static struct network *
open_network(const struct invocation *invocation)
{
    char directory[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    struct network *network = calloc(1, sizeof *network);
    buffer_init(&why, memory, sizeof memory);
    enum status status =
        network == NULL ? STATUS_NO_MEMORY : place_testnet(invocation, directory, &why);
    if (status == STATUS_OK) {
        status = network_file_read(directory, network, &why);
    }
    if (status != STATUS_OK) {
        talk_refuse(EXIT_REFUSED, &why);
        free(network);
        return NULL;
    }
    return network;
}

static struct network_node *
open_node(struct network *network, const char *name)
{
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    struct network_node *node = network_find(network, name, &why);
    if (node == NULL) {
        talk_refuse(EXIT_REFUSED, &why);
    }
    return node;
}

int
run_testnet_ps(const struct invocation *invocation)
{
    struct network *network = open_network(invocation);
    const int code = network == NULL ? EXIT_REFUSED : show_network(invocation, network);
    free(network);
    return code;
}

static int
print_log(const struct invocation *invocation, const char *path, const char *name)
{
    size_t length = 0;
    char *text = NULL;
    FILE *log = fopen(path, "re");
    if (log == NULL || getdelim(&text, &length, '\0', log) < 0) {
        free(text);
        text = strdup("");
    }
    if (log != NULL) {
        fclose(log);
    }
    int code = EXIT_DONE;
    if (option_is_given(invocation, "json")) {
        code = talk_document(json_pack("{s:s, s:s}", "node", name, "log", text));
    } else {
        fputs(text == NULL ? "" : text, stdout);
        code = talk_flush();
    }
    free(text);
    return code;
}

int
run_testnet_logs(const struct invocation *invocation)
{
    struct network *network = open_network(invocation);
    const struct network_node *node =
        network == NULL ? NULL : open_node(network, invocation->operands[0]);
    char path[PLACE_SIZE];
    int code = EXIT_REFUSED;
    if (node != NULL && network_node_log(network, node, path) == STATUS_OK) {
        code = print_log(invocation, path, node->name);
    }
    free(network);
    return code;
}

/* Keeps what changed, and says what the node does now. */
static int
keep_node(const struct invocation *invocation, const struct network *network,
          const struct network_node *node)
{
    if (network_file_write(network) != STATUS_OK) {
        talk_say("cannot write %s/network.json", network->directory);
        return EXIT_REFUSED;
    }
    if (option_is_given(invocation, "json")) {
        return talk_document(node_document(network, node));
    }
    talk_say(node->process.pid == 0 ? "%s is stopped" : "%s runs", node->name);
    return EXIT_DONE;
}

static bool
stop_node(const struct network *network, const struct network_node *node)
{
    char data[PLACE_SIZE];
    if (network_node_data(network, node, data) != STATUS_OK) {
        return false;
    }
    launch_ask_stop(data, &node->process);
    return launch_wait_stopped(&node->process, STOP_MS, false);
}

static int
kill_node(const struct invocation *invocation, struct network *network, struct network_node *node)
{
    if (node->process.pid == 0 || !process_runs(&node->process)) {
        talk_say("%s does not run", node->name);
        return EXIT_REFUSED;
    }
    bool is_gone;
    if (option_is_given(invocation, "now")) {
        process_signal(&node->process, SIGKILL);
        is_gone = process_wait_gone(&node->process, STOP_MS);
    } else {
        is_gone = stop_node(network, node);
    }
    if (!is_gone) {
        talk_say("%s (pid %ld) still runs", node->name, (long)node->process.pid);
        return EXIT_REFUSED;
    }
    node->process = (struct process){0, 0};
    return keep_node(invocation, network, node);
}

int
run_testnet_kill(const struct invocation *invocation)
{
    struct network *network = open_network(invocation);
    struct network_node *node =
        network == NULL ? NULL : open_node(network, invocation->operands[0]);
    const int code = node == NULL ? EXIT_REFUSED : kill_node(invocation, network, node);
    free(network);
    return code;
}

static int
restart_node(const struct invocation *invocation, struct network *network,
             struct network_node *node)
{
    if (node->process.pid != 0 && process_runs(&node->process) && !stop_node(network, node)) {
        talk_say("%s does not end, so it is not started again", node->name);
        return EXIT_REFUSED;
    }
    enum status status = testnet_start(network, node, false);
    if (status != STATUS_OK) {
        talk_say("cannot start %s: %s", node->name, status_text(status));
        return EXIT_REFUSED;
    }
    const int code = testnet_wait_ready(network, node);
    return code == EXIT_DONE ? keep_node(invocation, network, node) : code;
}

int
run_testnet_restart(const struct invocation *invocation)
{
    struct network *network = open_network(invocation);
    struct network_node *node =
        network == NULL ? NULL : open_node(network, invocation->operands[0]);
    const int code = node == NULL ? EXIT_REFUSED : restart_node(invocation, network, node);
    free(network);
    return code;
}

int
run_testnet_down(const struct invocation *invocation)
{
    struct network *network = open_network(invocation);
    if (network == NULL) {
        return EXIT_REFUSED;
    }
    int code = testnet_stop_all(network) ? EXIT_DONE : EXIT_REFUSED;
    const bool keeps = network->keeps || option_is_given(invocation, "keep");
    if (code == EXIT_DONE && keeps) {
        code = network_file_write(network) == STATUS_OK ? EXIT_DONE : EXIT_REFUSED;
    } else if (code == EXIT_DONE && testnet_remove(network->directory) != STATUS_OK) {
        talk_say("the nodes are stopped, but %s cannot be removed", network->directory);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE && !keeps) {
        place_testnet_forget(network->directory);
    }
    if (code == EXIT_DONE && option_is_given(invocation, "json")) {
        code = talk_document(json_pack("{s:b}", "done", 1));
    } else if (code == EXIT_DONE) {
        talk_say(keeps ? "every node is stopped; %s stays" : "every node is stopped; %s is removed",
                 network->directory);
    }
    free(network);
    return code;
}
