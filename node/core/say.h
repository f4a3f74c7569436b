/* How the core puts words into effects: frames, answers, sealed records, rows, log lines. */
#ifndef GPULET_NODE_CORE_SAY_H
#define GPULET_NODE_CORE_SAY_H

#include "node/core/state.h"
#include "protocol/control.h"
#include "protocol/table.h"

/* A frame to a connection. The value must fit its schema (ours to get right: asserted). */
void say_message(struct core *core, struct link link, const struct schema *schema,
                 const void *value);

/* A sealed, or cosigned, private record in its frame. */
void say_signed(struct core *core, struct link link, struct bytes sealed);
void say_cosigned(struct core *core, struct link link, struct bytes cosigned);

/* Adds our signature to a verified record, in the memory of this step's effects. False: no record of
 * two signatures comes of it. */
bool say_make_cosigned(struct core *core, const struct verified_record *record,
                       struct buffer *ret_bytes, struct verified_record *ret_cosigned) MUST_USE;

/* To a client of the command line. */
void say_row(struct core *core, struct client client, uint8_t row, const void *view);
void say_note(struct core *core, struct client client, enum note_level level, const char *format,
              ...) __attribute__((format(printf, 4, 5)));
void say_done(struct core *core, struct client client, enum status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void say_log(struct core *core, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The beginning of a text, at most so many bytes, whole characters only; what is no text at all is
 * "?". Borrows. For texts of others inside texts of ours. */
struct bytes say_cut(struct bytes text, size_t most);

/* What `say_seal` puts around a body. */
struct seal_order {
    uint8_t kind;
    uint32_t detail;
    uint32_t ttl_s;
    uint64_t seq;
};

/* Seals a record of ours; its bytes live in the effects of this step. */
struct verified_record say_seal(struct core *core, struct seal_order order, const void *body);

/* max(last + 1, unix ms) for (kind, detail), stored before it is used. */
uint64_t say_next_seq(struct core *core, uint8_t kind, uint32_t detail);

/* The last one that was used; 0: none. */
uint64_t say_last_seq(const struct core *core, uint8_t kind, uint32_t detail);

/* Recovery, and a higher one of our own met outside. */
void say_set_seq(struct core *core, uint64_t kind_and_detail, uint64_t seq);

/* True while this step has used less than half of what a step may. Loops over many leases or links stop
 * when it is false, and go on with the next tick. */
bool say_has_room(struct core *core);

/* Durable rows. */
void say_store(struct core *core, enum table table, const struct row_key *key,
               const struct schema *schema, const void *value);
void say_delete(struct core *core, enum table table, const struct row_key *key);
void say_store_evidence(struct core *core, const struct record_id *hold, enum evidence what,
                        const struct verified_record *record);

struct row_key row_key_of_number(uint64_t number);
struct row_key row_key_of_id(const uint8_t id[ID_LENGTH], uint64_t number);

/* xorshift64* (Vigna 2016): jitter and nonces, never secrets. */
uint64_t say_random(struct core *core);

#endif
