/* Test networks: what is planned, started, awaited and ended, on one machine. */
#ifndef GPULET_CLI_TESTNET_H
#define GPULET_CLI_TESTNET_H

#include <stdio.h>

#include "cli/network_file.h"
#include "cli/output.h"

enum { TESTNET_PORT = 7800 /* beside a node of one's own */, TESTNET_GRANT_USD = 1000 };

struct testnet_plan {
    size_t hosts;
    size_t renters;
    uint64_t seed;
    bool varied;
    const char *offers; /* a CSV file, or NULL */
};

/* Names nodes, gives them cards and prices: all by the seed, host-1 always one card of 24 GiB.
 * Lines of the file that cannot be used are told on stderr, each with its reason. STATUS_BAD_INPUT,
 * STATUS_NOT_FOUND, STATUS_LIMIT with a sentence in `why`. */
enum status testnet_plan(const struct testnet_plan *plan, struct network *network,
                         struct buffer *why) MUST_USE;

/* Reads hosts from a CSV file with a header: GPU, NumGPUs, PricePerHour (of one GPU, in US dollars),
 * VRAM_GB, InetUp, InetDown (Mbit/s), MachineID. Lines of one machine and class are slices: the one with
 * most cards stands for all. Lines that are left out are told, each with its reason. At most `wanted` of its usable lines, spread over the file by
 * the network's seed. */
enum status testnet_read_offers(const char *path, size_t wanted, struct network *network,
                                struct buffer *why) MUST_USE;

/* Finds a free 127.x.y.0/24, beginning with one that follows from the directory's name, and gives each
 * node its address. STATUS_BUSY when none is free. */
enum status testnet_address(struct network *network) MUST_USE;

/* Starts the process of a node, with its keys, peers and grant. A node that is not new keeps its settings
 * file, as a person may have changed it. STATUS_SYSTEM, STATUS_NOT_FOUND. */
enum status testnet_start(struct network *network, struct network_node *node, bool is_new) MUST_USE;

/* Waits until it answers. Returns an exit code, with a sentence on stderr. */
int testnet_wait_ready(const struct network *network, const struct network_node *node);

/* Makes the hosts offer their cards. Returns an exit code. */
int testnet_offer(const struct network *network);

/* Waits until every running node has every listing and a renter its grant. Returns an exit code. */
int testnet_wait_listings(const struct network *network, int timeout_ms);

/* Stops every node and what its jobs left, for certain. False: something still runs. */
bool testnet_stop_all(struct network *network);

/* Stops jobs' processes whose node is gone: those of a directory. */
void testnet_stop_jobs(const char *directory);

/* Removes the directory with everything in it. */
enum status testnet_remove(const char *directory) MUST_USE;

#endif
