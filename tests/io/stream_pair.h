/* A host that runs a real job, a renter's node and a command, in one test, driven by hand. */
#ifndef GPULET_TESTS_IO_STREAM_PAIR_H
#define GPULET_TESTS_IO_STREAM_PAIR_H

#include "node/io/streams.h"
#include "protocol/message.h"

enum { PAIR_OUTPUT_MAX = 8 << 20 };

/* One side: its sockets, and what its core would have been told. */
struct pair_side {
    char data_dir[64];
    void *zmq;
    struct zap *zap;
    struct keypair keypair;
    struct jobs *jobs;
    struct control *control;
    struct streams_options options;
    char listen[128];
    struct streams *streams;
    zmq_pollitem_t items[1024];
    size_t reader_gone;
    size_t reader_back;
    size_t workload_exits;
    uint8_t last_exit_code;
};

struct stream_pair {
    struct pair_side host;
    struct pair_side renter;
    struct lease_id lease;
    void *command;        /* the command's socket */
    uint8_t *output[2];   /* what came, by offset */
    uint64_t received[2]; /* everything before it has come */
    uint64_t highest[2];  /* end of the last frame */
    bool has_end[2];
    bool has_exit;
    struct stream_exit_message exit;
    uint64_t credit; /* input may go up to here */
    char refused[256];
};

void stream_pair_open(struct stream_pair *pair);
void stream_pair_close(struct stream_pair *pair);

/* Starts /bin/sh -c SCRIPT as the lease's job. */
void stream_pair_start_job(struct stream_pair *pair, const char *script, bool input);

/* The core's part: the renter's key may read, and the renter's node knows where. */
void stream_pair_allow(struct stream_pair *pair);
void stream_pair_dial(struct stream_pair *pair);

/* The command speaks. */
void stream_pair_open_streams(struct stream_pair *pair, uint64_t token);
void stream_pair_read(struct stream_pair *pair, uint8_t stream, uint64_t offset, uint64_t limit);
void stream_pair_input(struct stream_pair *pair, uint64_t offset, struct bytes data);
void stream_pair_input_end(struct stream_pair *pair, uint64_t offset);

/* Serves all sides for so long, or until the exit came. */
void stream_pair_run(struct stream_pair *pair, int milliseconds);

/* The host's daemon dies and comes back; its core has said nothing yet. */
void stream_pair_restart_host(struct stream_pair *pair);

#endif
