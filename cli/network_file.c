#include "cli/network_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/nearest.h"

enum status
network_node_data(const struct network *network, const struct network_node *node,
                  char ret_path[PLACE_SIZE])
{
    return place_format(ret_path, "%s/%s", network->directory, node->name);
}

enum status
network_node_log(const struct network *network, const struct network_node *node,
                 char ret_path[PLACE_SIZE])
{
    return place_format(ret_path, "%s/%s.log", network->directory, node->name);
}

struct network_node *
network_find(struct network *network, const char *name, struct buffer *why)
{
    struct nearest nearest = nearest_start(bytes_of_text(name));
    for (size_t i = 0; i < network->count; i++) {
        if (strcmp(network->nodes[i].name, name) == 0) {
            return &network->nodes[i];
        }
        nearest_offer(&nearest, network->nodes[i].name);
    }
    const char *likely = nearest_result(&nearest);
    buffer_append_format(why, "the test network in %.300s has no node %.60s", network->directory,
                         name);
    if (likely != NULL) {
        buffer_append_format(why, "; did you mean %s?", likely);
    } else {
        buffer_append_format(why, "; see: gpulet testnet ps");
    }
    return NULL;
}

static bool
copy_text(const json_t *object, const char *key, char *memory, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || strlen(text) >= size) {
        return false;
    }
    memcpy(memory, text, strlen(text) + 1);
    return true;
}

static uint64_t
number_of(const json_t *object, const char *key)
{
    const json_int_t number = json_integer_value(json_object_get(object, key));
    return number < 0 ? 0 : (uint64_t)number;
}

/* A name is a part of paths, so nothing else may stand in it. */
static bool
is_plain_name(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static bool
read_node(const json_t *object, struct network_node *node)
{
    node->is_host = json_is_true(json_object_get(object, "host"));
    node->ask_uusd_per_hour = number_of(object, "ask_uusd_per_hour");
    node->notice_s = (uint32_t)number_of(object, "notice_s");
    node->region = (uint8_t)number_of(object, "region");
    node->up_mbit_s = (uint32_t)number_of(object, "up_mbit_s");
    node->down_mbit_s = (uint32_t)number_of(object, "down_mbit_s");
    node->process.pid = (pid_t)number_of(object, "pid");
    node->process.start_ticks = number_of(object, "start_ticks");
    return copy_text(object, "name", node->name, sizeof node->name) && is_plain_name(node->name) &&
           copy_text(object, "address", node->address, sizeof node->address) &&
           copy_text(object, "cards", node->cards, sizeof node->cards);
}

static bool
read_network(const json_t *document, struct network *network)
{
    const json_t *nodes = json_object_get(document, "nodes");
    char issuer[ID_HEX_SIZE];
    network->seed = number_of(document, "seed");
    network->keeps = json_is_true(json_object_get(document, "keep"));
    network->count = json_array_size(nodes);
    if (network->count > NETWORK_NODES_MAX ||
        !copy_text(document, "issuer", issuer, sizeof issuer) ||
        id_from_hex(issuer, network->issuer.bytes) != STATUS_OK) {
        return false;
    }
    for (size_t i = 0; i < network->count; i++) {
        if (!read_node(json_array_get(nodes, i), &network->nodes[i])) {
            return false;
        }
    }
    return copy_text(document, "name", network->name, sizeof network->name);
}

enum status
network_file_read(const char *directory, struct network *ret_network, struct buffer *why)
{
    char path[PLACE_SIZE];
    *ret_network = (struct network){.count = 0};
    enum status status = place_format(path, "%s/network.json", directory);
    if (status == STATUS_OK) {
        status = place_format(ret_network->directory, "%s", directory);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (access(path, F_OK) != 0) {
        buffer_append_format(
            why, "there is no test network in %s; start one with: gpulet testnet up", directory);
        return STATUS_NOT_FOUND;
    }
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const bool is_good = document != NULL && read_network(document, ret_network);
    json_decref(document);
    if (!is_good) {
        buffer_append_format(why, "%s is damaged", path);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static json_t *
node_json(const struct network_node *node)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", node->name,
                     "host", (int)node->is_host, "address", node->address, "cards", node->cards,
                     "ask_uusd_per_hour", (json_int_t)node->ask_uusd_per_hour, "notice_s",
                     (json_int_t)node->notice_s, "region", (json_int_t)node->region, "up_mbit_s",
                     (json_int_t)node->up_mbit_s, "down_mbit_s", (json_int_t)node->down_mbit_s,
                     "pid", (json_int_t)node->process.pid, "start_ticks",
                     (json_int_t)node->process.start_ticks);
}

enum status
network_file_write(const struct network *network)
{
    char path[PLACE_SIZE];
    char issuer[ID_HEX_SIZE];
    enum status status = place_format(path, "%s/network.json", network->directory);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *nodes = json_array();
    for (size_t i = 0; i < network->count; i++) {
        json_array_append_new(nodes, node_json(&network->nodes[i]));
    }
    id_to_hex(network->issuer.bytes, issuer);
    json_t *document = json_pack("{s:s, s:I, s:s, s:b, s:o}", "name", network->name, "seed",
                                 (json_int_t)network->seed, "issuer", issuer, "keep",
                                 (int)network->keeps, "nodes", nodes);
    char *text = document == NULL ? NULL : json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    status = text == NULL ? STATUS_NO_MEMORY : place_write(path, bytes_of_text(text));
    free(text);
    return status;
}

enum status
network_file_data(const char *directory, const char *node, char ret_path[PLACE_SIZE],
                  struct buffer *why)
{
    struct network *network = malloc(sizeof *network);
    if (network == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = network_file_read(directory, network, why);
    if (status == STATUS_OK) {
        const struct network_node *found = network_find(network, node, why);
        status = found == NULL ? STATUS_NOT_FOUND : network_node_data(network, found, ret_path);
    }
    free(network);
    return status;
}
