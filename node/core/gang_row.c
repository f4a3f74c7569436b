#include <string.h>

#include "node/core/gang_state.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { SEAT_ROW_MAX = 256 };

bool
gang_read_question(const struct gang *gang, struct control_rent *ret_ask,
                   struct request *ret_request)
{
    return codec_decode(control_schema(CONTROL_RENT),
                        bytes_of(gang->question, gang->question_length), ret_ask) == STATUS_OK &&
           codec_decode(&request_schema, ret_ask->request, ret_request) == STATUS_OK;
}

void
gang_store(struct core *core, const struct gang *gang)
{
    const struct row_key key = row_key_of_id(gang->id.bytes, 0);
    struct gang_row row = {.id = gang->id,
                           .phase = gang->phase,
                           .world = gang->world,
                           .generation = gang->generation,
                           .question = bytes_of(gang->question, gang->question_length)};
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        if (seat->phase < SEAT_CERTIFIED || seat->phase == SEAT_RELEASED) {
            continue;
        }
        const struct gang_seat_row stored = {.hold = seat->hold,
                                             .held = seat->held,
                                             .host = seat->host,
                                             .listing = seat->listing,
                                             .rank = seat->rank,
                                             .generation = seat->generation,
                                             .is_lost = seat->is_lost};
        struct buffer buffer;
        buffer_init(&buffer, effects_take(core->effects, SEAT_ROW_MAX), SEAT_ROW_MAX);
        if (codec_encode(&gang_seat_row_schema, &stored, &buffer) == STATUS_OK) {
            row.seats.items[row.seats.count++] = buffer_bytes(&buffer);
        }
    }
    say_store(core, TABLE_GANGS, &key, &gang_row_schema, &row);
}

static void
recover_seat(struct core *core, struct gang *gang, struct bytes encoded, struct seat *ret_seat)
{
    struct gang_seat_row stored;
    if (codec_decode(&gang_seat_row_schema, encoded, &stored) != STATUS_OK) {
        return;
    }
    *ret_seat = (struct seat){.rank = stored.rank,
                              .generation = stored.generation,
                              .host = stored.host,
                              .listing = stored.listing,
                              .hold = stored.hold,
                              .held = stored.held,
                              .heard_at = core->now.boot,
                              .lost_at = core->now.boot,
                              .is_lost = stored.is_lost};
    struct lease *lease = gang_lease(core, ret_seat);
    const bool is_open = lease != NULL && lease_state_is_open(lease_state(lease));
    ret_seat->phase = is_open && lease->row.state >= LEASE_STARTING ? SEAT_STARTED
                      : is_open                                     ? SEAT_CERTIFIED
                                                                    : SEAT_OVER;
    ret_seat->is_told = ret_seat->phase == SEAT_OVER;
    ret_seat->is_lost = ret_seat->is_lost || lease == NULL || lease->row.state == LEASE_VOID;
    if (lease != NULL) {
        lease->gang = gang->id;
        lease->gang_rank = stored.rank;
    }
}

void
gang_recover(struct core *core, const struct row *row)
{
    struct gang_row stored;
    struct gang *gang = NULL;
    for (size_t i = 0; i < GANGS_MAX && gang == NULL; i++) {
        gang = core->gangs[i].used ? NULL : &core->gangs[i];
    }
    if (gang == NULL || codec_decode(&gang_row_schema, row->value, &stored) != STATUS_OK ||
        stored.question.length > sizeof gang->question || stored.seats.count > GANG_SEATS_MAX ||
        stored.phase > GANG_ENDING) {
        say_log(core, LOG_ERROR, "a stored gang cannot be read; it is left alone");
        return;
    }
    memset(gang, 0, offsetof(struct gang, question));
    struct control_rent ask;
    memcpy(gang->question, stored.question.data, stored.question.length);
    gang->question_length = (uint32_t)stored.question.length;
    if (!gang_read_question(gang, &ask, &gang->request)) {
        say_log(core, LOG_ERROR, "a stored gang cannot be read; it is left alone");
        return;
    }
    gang->request.image = bytes_of(NULL, 0);
    gang->used = true;
    gang->id = stored.id;
    gang->phase = stored.phase;
    gang->world = stored.world;
    gang->generation = stored.generation;
    gang->attached = ask.attached;
    gang->least = gang->request.gang_min == 0 ? gang->request.hosts : gang->request.gang_min;
    gang->certificate_length = 1; /* it has a row */
    for (size_t i = 0; i < stored.seats.count; i++) {
        recover_seat(core, gang, stored.seats.items[i], &gang->seats[i]);
    }
}

/* Before go was said, nobody pays: the members are given back, whatever they say. Afterwards a job that
 * somebody watched ends, as nobody does now, and a detached one goes on. */
void
gang_recovered(struct core *core)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        struct gang *gang = &core->gangs[i];
        if (!gang->used) {
            continue;
        }
        if (gang->phase < GANG_RUNNING) {
            gang_give_back(core, gang);
            gang_over(core, gang);
        } else if (gang->phase == GANG_RUNNING && gang->attached) {
            gang_begin_end(core, gang, "the daemon was started again, and its reader is gone");
        }
    }
    gang_wake(core);
}
