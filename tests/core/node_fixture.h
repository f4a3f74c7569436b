/* One core under test, its disk, and peers whose frames the test makes by hand. */
#ifndef GPULET_TESTS_CORE_NODE_FIXTURE_H
#define GPULET_TESTS_CORE_NODE_FIXTURE_H

#include "crypto/keypair.h"
#include "crypto/record.h"
#include "node/core/core.h"
#include "protocol/control.h"
#include "protocol/envelope.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "protocol/row.h"
#include "tests/support/memory_store.h"

enum { OUTBOX_MAX = 16384, NODE_GPUS_MAX = 8 };

/* A frame that the node sent, or an answer to the command line. */
struct sent {
    bool is_answer;
    uint64_t to; /* link or client */
    uint8_t type;
    struct bytes bytes; /* owned by the node */
};

struct node {
    struct core_options options;
    struct core *core;
    struct effects *effects;
    struct memory_store *store;
    struct moment now;
    uint64_t boot_id;
    struct gpu gpus[NODE_GPUS_MAX];
    size_t gpu_count;
    uint64_t links;
    struct sent outbox[OUTBOX_MAX];
    size_t sent_count;
    unsigned effect_counts[EFFECT_STOP + 1];
    unsigned drops;
    size_t most_effects; /* of one step */
    size_t most_bytes;
    struct effect_job last_job;
    uint64_t last_decision;
};

/* Another identity, with its own connection to the node once connected. */
struct stranger {
    struct keypair keypair;
    struct link link;
    uint64_t seq;
};

extern const struct network_id fixture_network;

/* A started node without cards; `gpus` equal simulated cards otherwise, not offered yet. Owned. */
struct node *node_new(const char *name, size_t gpus);
void node_free(struct node *node);

/* Crashes the daemon and starts it again over what was committed; `reboot`: the machine too. */
void node_restart(struct node *node, bool reboot);

/* Steps one event at the node's own time and carries its effects out: stores, checks, outbox. Asserts
 * that the step kept within what a step may need. */
void node_step(struct node *node, const struct event *event);

/* Lets time pass on both clocks, ticking as the core asks for it. */
void node_wait(struct node *node, int64_t ms);

/* Asks as the command line. */
void node_ask(struct node *node, uint64_t client, uint8_t type, const void *question);
unsigned node_dones(const struct node *node, uint64_t client, uint8_t *ret_last_status);
size_t node_rows(const struct node *node, uint64_t client, uint8_t row);

/* Offers all cards at that ask. */
void node_host(struct node *node, int64_t ask_micro);

void stranger_init(struct stranger *stranger, const char *name);

/* Connects and introduces it, with a node record of its own. */
void stranger_connect(struct node *node, struct stranger *stranger);
void stranger_disconnect(struct node *node, struct stranger *stranger);

/* A frame from it. */
void stranger_says(struct node *node, const struct stranger *stranger, const struct schema *schema,
                   const void *value);

/* Seals a body as the stranger; the record's bytes live in `memory` of COSIGNED_BYTES_MAX. */
struct bytes stranger_seals(const struct node *node, struct stranger *stranger, uint8_t kind,
                            const void *body, uint8_t *memory);
void stranger_says_signed(struct node *node, struct stranger *stranger, uint8_t kind,
                          const void *body);

/* The last frame of a type to a link; false when there was none. */
bool node_last_sent(const struct node *node, struct link link, uint8_t type,
                    struct bytes *ret_bytes);
unsigned node_count_sent(const struct node *node, struct link link, uint8_t type);
void node_forget_sent(struct node *node);

/* The node's own public record of that kind as it is known outside: what a pull brings. False when there
 * is none. `ret_sealed` is borrowed from the outbox. */
bool stranger_pulls(struct node *node, struct stranger *stranger, uint8_t kind,
                    struct bytes *ret_sealed);

/* Whether the stranger's link is still there for the node. */
bool stranger_is_connected(const struct node *node, const struct stranger *stranger);

struct amount micro(int64_t amount);

#endif
