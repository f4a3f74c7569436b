/* The streams of a job on this side: what came is written, what is read is sent, within windows. */
#ifndef GPULET_CLI_JOB_STREAM_H
#define GPULET_CLI_JOB_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/connection.h"
#include "protocol/id.h"
#include "protocol/message.h"
#include "protocol/status.h"

/* One of the job's outputs. Bytes have absolute offsets from 0. */
struct job_output {
    uint8_t number; /* 1 output, 2 errors */
    int file;       /* where it goes */
    bool owns_file;
    bool is_regular; /* a file of the disk, which takes everything at once */
    uint8_t *memory; /* received and not yet written */
    size_t start;
    size_t length;
    uint64_t received; /* offset of the next byte to come */
    uint64_t limit;    /* asked for up to here */
    uint64_t lost;     /* bytes the host did not keep */
    bool has_ended;
    uint64_t end;   /* offset of the end */
    bool is_broken; /* nobody takes it any more */
};

/* Takes over a descriptor for writing (not its closing). STATUS_NO_MEMORY. */
enum status job_output_open(struct job_output *output, uint8_t number, int file) MUST_USE;
void job_output_close(struct job_output *output);

/* Asks for what comes next, when enough room is there or `now` is set. */
enum status job_output_ask(struct job_output *output, struct connection *connection,
                           const struct lease_id *lease, bool now) MUST_USE;

/* Takes a frame's bytes; what came before is skipped. STATUS_CORRUPT when more comes than asked. */
enum status job_output_take(struct job_output *output, const struct stream_data_message *data)
    MUST_USE;

/* Writes as much as the reader takes without waiting. Afterwards is_broken may be set. */
void job_output_write(struct job_output *output);

/* True when all that will come has come and is written. */
bool job_output_is_over(const struct job_output *output);

/* Asks anew for what is missing, of a daemon that came back. */
void job_output_restart(struct job_output *output);

/* The job's input, read from a descriptor of ours. What has not reached the job's side for good is
 * kept, and sent again to a daemon that came back. */
struct job_input {
    int file;
    uint8_t *memory; /* bytes from `kept` to `read` */
    uint64_t kept;   /* everything before has reached the job's side */
    uint64_t sent;   /* offset of the next byte to send */
    uint64_t read;   /* offset of the next byte to read */
    uint64_t limit;  /* the job's side takes up to here */
    bool has_ended;  /* there is nothing after `read` */
    bool end_is_sent;
    bool is_over; /* nothing is wanted any more */
};

/* `file` -1: the job reads nothing. STATUS_NO_MEMORY. */
enum status job_input_open(struct job_input *input, int file) MUST_USE;
void job_input_close(struct job_input *input);

/* True when it makes sense to read now. */
bool job_input_wants(const struct job_input *input);

/* Reads once what is there. Waits when nothing is: ask poll() before. */
void job_input_read(struct job_input *input);

/* Sends what may be sent, and the end after it. */
enum status job_input_send(struct job_input *input, struct connection *connection,
                           const struct lease_id *lease) MUST_USE;

/* The job's side has everything before `offset`, and takes up to `limit`. */
void job_input_credit(struct job_input *input, uint64_t offset, uint64_t limit);

/* Begins again after a daemon came back: its credit says from where. */
void job_input_restart(struct job_input *input);

#endif
