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

/* The job's input, read from a descriptor of ours. */
struct job_input {
    int file;
    uint64_t offset; /* of the next byte to read */
    uint64_t limit;  /* the job's side takes up to here */
    bool is_over;    /* the end was sent, or nothing is wanted any more */
};

/* True when it makes sense to read now. */
bool job_input_wants(const struct job_input *input);

/* Reads once what is there and sends it; sends the end at the end. */
enum status job_input_pump(struct job_input *input, struct connection *connection,
                           const struct lease_id *lease) MUST_USE;

#endif
