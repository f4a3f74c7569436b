/* Inside of the host's side of streams; only streams_host.c and the two below it include this. */
#ifndef GPULET_NODE_IO_STREAMS_SERVED_H
#define GPULET_NODE_IO_STREAMS_SERVED_H

#include "node/io/curve.h"
#include "node/io/stream_input.h"
#include "node/io/streams_host.h"
#include "protocol/limits.h"

enum { SERVED_MAX = LEASES_OPEN_MAX, ROUTING_LENGTH = 5 };

/* One output as its reader sees it. */
struct served_output {
    uint64_t offset; /* of the last READ */
    uint64_t limit;
    uint64_t position; /* of the next byte to send, once sent from */
    bool is_read;      /* a READ has come since the OPEN */
    bool must_seek;    /* the supervisor is to begin at `offset` */
    bool must_credit;  /* the supervisor is to be told of offset and limit */
    bool has_ended;    /* END was sent to this reader */
};

/* A lease whose streams somebody may have. */
struct served {
    bool is_used;
    bool has_reader;
    bool is_missed; /* EVENT_READER_GONE was given */
    struct lease_id lease;
    struct channel_key key;
    uint32_t routing;
    uint64_t token;
    int64_t heard_ms;
    struct served_output outputs[2]; /* stream 1, stream 2 */
    bool eof_is_known[2];
    uint64_t eof[2]; /* length of stream 1, stream 2 */
    struct stream_input input;
    bool is_over; /* the job has ended: `end` says how */
    bool exit_is_sent;
    struct workload_status end;
};

struct streams_host {
    const struct streams_options *options;
    void *router;
    char endpoint[ENDPOINT_SIZE];
    size_t place;
    struct served list[SERVED_MAX];
};

/* NULL when nobody may have that lease's streams. */
struct served *served_find(struct streams_host *host, const struct lease_id *lease);

/* To and from the reader (streams_reader.c) ----------------------------------------------------- */

/* A message to the reader. False when its queue is full. A reader that is gone takes everything: it
 * comes back and says from where it wants it. */
bool served_send(struct streams_host *host, struct served *served, const struct schema *schema,
                 const void *message);

/* How much input the job takes; also the answer to every OPEN, so that a reader knows we are here. */
void served_send_credit(struct streams_host *host, struct served *served);
bool served_send_end(struct streams_host *host, struct served *served, uint8_t stream,
                     uint64_t offset);
void served_send_exit_if_due(struct streams_host *host, struct served *served);

/* A frame of whoever holds the key. */
void served_take_frame(struct streams_host *host, uint32_t routing, const struct channel_key *key,
                       struct bytes frame);

/* To and from the job (streams_supply.c) --------------------------------------------------------- */

/* What a supervisor says, for jobs_set_listener; the context is the host. */
bool served_take_event(void *context, const struct lease_id *lease,
                       const struct workload_event *event);

/* Asks the supervisor, or the job's files, for what the reader wants. True when there is more for
 * another round. */
bool served_pump(struct streams_host *host, struct served *served);

/* The reader had everything, with the exit, and has gone: the supervisor may forget it and leave. */
void served_dismiss_supervisor(struct streams_host *host, struct served *served);

#endif
