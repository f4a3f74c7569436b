/* What is known of a test network between commands: <dir>/network.json. */
#ifndef GPULET_CLI_NETWORK_FILE_H
#define GPULET_CLI_NETWORK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/place.h"
#include "cli/process.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/status.h"

enum { NETWORK_NODES_MAX = 64, NETWORK_NAME_SIZE = 64, NETWORK_CARDS_SIZE = 256 };

struct network_node {
    char name[NETWORK_NAME_SIZE]; /* "host-1" */
    bool is_host;
    char address[NETWORK_NAME_SIZE]; /* "127.12.34.1" */
    char cards[NETWORK_CARDS_SIZE];  /* as gpuletd --simulate takes them; "" for renters */
    uint64_t ask_uusd_per_hour;      /* 0 for renters */
    uint32_t notice_s;
    uint8_t region;     /* enum region */
    uint32_t up_mbit_s; /* 0: the daemon's default */
    uint32_t down_mbit_s;
    struct process process; /* pid 0: stopped by `testnet kill` */
};

struct network {
    char directory[PLACE_SIZE];
    char name[NETWORK_NAME_SIZE];
    uint64_t seed;
    struct peer_id issuer;
    bool keeps; /* the directory stays after `testnet down` */
    size_t count;
    struct network_node nodes[NETWORK_NODES_MAX];
};

/* Reads the file of a directory. STATUS_NOT_FOUND, STATUS_CORRUPT with a sentence in `why`. */
enum status network_file_read(const char *directory, struct network *ret_network,
                              struct buffer *why) MUST_USE;

enum status network_file_write(const struct network *network) MUST_USE;

/* The node of that name, or NULL with a sentence that tells the nearest name. */
struct network_node *network_find(struct network *network, const char *name, struct buffer *why);

/* The node's data directory and log. */
enum status network_node_data(const struct network *network, const struct network_node *node,
                              char ret_path[PLACE_SIZE]) MUST_USE;
enum status network_node_log(const struct network *network, const struct network_node *node,
                             char ret_path[PLACE_SIZE]) MUST_USE;

/* The data directory of a node by its name. */
enum status network_file_data(const char *directory, const char *node, char ret_path[PLACE_SIZE],
                              struct buffer *why) MUST_USE;

#endif
