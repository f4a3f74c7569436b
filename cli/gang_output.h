/* Output of a gang's members on this side: whole lines of many jobs, one after the other. */
#ifndef GPULET_CLI_GANG_OUTPUT_H
#define GPULET_CLI_GANG_OUTPUT_H

#include "cli/job_stream.h"

enum { GANG_LINE_MAX = 4096 };

/* One output of one member. Bytes have absolute offsets from 0. */
struct gang_output {
    uint8_t number; /* 1 output, 2 errors */
    uint64_t received;
    uint64_t limit; /* asked for up to here */
    bool has_ended;
    uint64_t end;
    size_t length; /* of the line that is not complete */
    uint8_t line[GANG_LINE_MAX];
};

/* Where lines go, and how. */
struct gang_line {
    struct job_output *sink; /* NULL: nowhere */
    uint16_t rank;
    bool is_plain; /* bytes as they come, without the rank */
};

/* Asks for what comes next, when it is time. */
enum status gang_output_ask(struct gang_output *output, struct connection *connection,
                            const struct lease_id *lease) MUST_USE;

/* Takes a frame's bytes: complete lines go to the sink, "[3] " before each. STATUS_CORRUPT when the sink
 * has no room: ask gang_sink_has_room before. */
enum status gang_output_take(struct gang_output *output, const struct stream_data_message *data,
                             const struct gang_line *line) MUST_USE;

/* Writes what is left of unfinished last lines, waiting for nobody. */
void gang_output_flush(struct gang_output outputs[2], struct job_output sinks[2], uint16_t rank);

bool gang_output_is_over(const struct gang_output *output);

/* True when the sink takes a frame of the shortest lines. */
bool gang_sink_has_room(const struct job_output *sink);

#endif
