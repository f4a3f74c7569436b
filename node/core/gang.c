#include "node/core/gang_state.h"

#include <stdio.h>
#include <string.h>

#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/search.h"
#include "protocol/codec.h"

/* A try ends before its holds do, and not at the same time as that of another gang that waits for the
 * same hosts: whoever has less patience gives its holds back, and the other one gets them. */
enum {
    PATIENCE_MS_MIN = 1500,
    PATIENCE_MS_SPREAD = 5000,
    BACKOFF_MS = 400,
    BACKOFF_DOUBLINGS = 4,
    TRIES_MIN = 5, /* before a gang gives up that may not wait */
    ENVIRONMENT_BYTES_MAX = 8192,
    ENVIRONMENT_ITEMS_MAX = 80 /* what a gang adds must find room */
};

struct gang *
gang_by_id(struct core *core, const struct record_id *id)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        if (core->gangs[i].used && record_id_equal(&core->gangs[i].id, id)) {
            return &core->gangs[i];
        }
    }
    return NULL;
}

struct gang *
gang_of(struct core *core, struct client client)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        if (core->gangs[i].used && client.number != 0 &&
            core->gangs[i].client.number == client.number) {
            return &core->gangs[i];
        }
    }
    return NULL;
}

bool
gang_is_any(const struct core *core)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        if (core->gangs[i].used) {
            return true;
        }
    }
    return false;
}

void
gang_wake(struct core *core)
{
    core->tick_at = core->now.boot;
}

struct lease *
gang_lease(struct core *core, const struct seat *seat)
{
    struct lease *lease = lease_by_hold(core, &seat->hold);
    return lease != NULL && !lease->row.is_host ? lease : NULL;
}

unsigned
gang_count(const struct gang *gang, enum seat_phase phase)
{
    unsigned count = 0;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        count += gang->seats[i].phase == phase;
    }
    return count;
}

struct seat *
gang_seat_of(struct gang *gang, const struct record_id *hold)
{
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        if (seat->phase >= SEAT_ASKED && seat->phase != SEAT_REFUSED &&
            record_id_equal(&seat->hold, hold)) {
            return seat;
        }
    }
    return NULL;
}

struct seat *
gang_seat_new(struct gang *gang, struct boot now)
{
    struct seat *place = NULL;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        const bool is_past = seat->phase == SEAT_REFUSED ||
                             (seat->phase == SEAT_OVER && seat->is_told && seat->is_lost);
        if (seat->phase == SEAT_FREE) {
            place = seat;
            break;
        }
        place = place == NULL && is_past ? seat : place;
    }
    if (place != NULL) {
        *place = (struct seat){.phase = SEAT_FREE, .rank = GANG_NO_RANK, .until = now};
    }
    return place;
}

static struct gang *
free_gang(struct core *core)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        if (!core->gangs[i].used) {
            return &core->gangs[i];
        }
    }
    return NULL;
}

/* What a gang cannot do, before anything is asked. */
static const char *
objection(const struct control_rent *ask, const struct request *request)
{
    size_t bytes = 0;
    for (size_t i = 0; i < ask->environment.count; i++) {
        bytes += ask->environment.items[i].length;
    }
    if (request->hosts + request->spares > GANG_HOSTS_MAX) {
        return "a job runs on at most 64 hosts, spares included";
    }
    if (request->gang_min > request->hosts) {
        return "--gang-min is more than --hosts";
    }
    if (ask->listing_prefix.length > 0) {
        return "--listing names one host; leave out --hosts";
    }
    if (bytes > ENVIRONMENT_BYTES_MAX || ask->environment.count > ENVIRONMENT_ITEMS_MAX) {
        return "the environment of a job on many hosts is at most 8 KiB in 80 variables";
    }
    return NULL;
}

/* Its id is that of the sealed request, which need not be published: holds and certificate name it. */
static struct record_id
make_id(struct core *core, const struct request *request)
{
    const struct seal_order order = {.kind = RECORD_REQUEST,
                                     .detail = UINT32_MAX,
                                     .ttl_s = REQUEST_TTL_S,
                                     .seq = say_random(core) >> 12 | 1};
    const struct verified_record record = say_seal(core, order, request);
    return *verified_id(&record);
}

bool
gang_take(struct core *core, struct client client, struct client asker,
          const struct control_rent *ask, const struct request *request)
{
    const char *why = objection(ask, request);
    struct gang *gang = gang_of(core, client) == NULL ? free_gang(core) : NULL;
    struct buffer buffer;
    if (why != NULL || gang == NULL || core->space != DISK_NORMAL) {
        say_done(core, asker, STATUS_REFUSED, "%s",
                 why != NULL    ? why
                 : gang == NULL ? "too many jobs on many hosts are under way here"
                                : "the disk is full; free some space first");
        return false;
    }
    memset(gang, 0, offsetof(struct gang, question));
    buffer_init(&buffer, gang->question, sizeof gang->question);
    if (codec_encode(control_schema(CONTROL_RENT), ask, &buffer) != STATUS_OK) {
        say_done(core, asker, STATUS_LIMIT, "command and environment are over 32 KiB");
        return false;
    }
    gang->question_length = (uint32_t)buffer.length;
    gang->request = *request;
    gang->request.image = bytes_of(NULL, 0);
    gang->client = client;
    gang->attached = ask->attached;
    gang->least = request->gang_min == 0 ? request->hosts : request->gang_min;
    gang->give_up_at = boot_add(core->now.boot, duration_of_s(ask->wait_s));
    gang->next_try_at = core->now.boot;
    gang->id = make_id(core, &gang->request);
    core->rent_serial++;
    gang->serial = core->rent_serial;
    gang->used = true;
    gang_wake(core);
    return true;
}

void
gang_over(struct core *core, struct gang *gang)
{
    const struct row_key key = row_key_of_id(gang->id.bytes, 0);
    if (gang->certificate_length > 0) {
        say_delete(core, TABLE_GANGS, &key);
    }
    memset(gang->question, 0, gang->question_length);
    gang->question_length = 0;
    gang->used = false;
}

void
gang_give_back(struct core *core, struct gang *gang)
{
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        struct lease *lease = seat->phase >= SEAT_ASKED && seat->phase != SEAT_REFUSED &&
                                      seat->phase != SEAT_OVER && seat->phase != SEAT_RELEASED
                                  ? gang_lease(core, seat)
                                  : NULL;
        if (lease != NULL && lease_state_is_open(lease_state(lease))) {
            renter_end(core, lease);
        }
    }
}

static struct duration
backoff(struct core *core, const struct gang *gang)
{
    const unsigned doublings = gang->tries < BACKOFF_DOUBLINGS ? gang->tries : BACKOFF_DOUBLINGS;
    const uint64_t span_ms = (uint64_t)BACKOFF_MS << doublings;
    return duration_of_ms((int64_t)(span_ms / 4 + say_random(core) % span_ms));
}

static void
give_up(struct core *core, struct gang *gang, const char *why)
{
    const bool none_fits = gang->tries == 1 && gang->last_why[0] == '\0';
    if (none_fits) {
        search_explain(core, gang->client, &gang->request);
    }
    say_done(core, gang->client, none_fits ? STATUS_NOT_FOUND : STATUS_BUSY,
             "%u hosts at once were not to be had in %u tr%s; the last one: %s; nothing is owed: "
             "give --wait, or "
             "a lower --gang-min",
             gang->least, gang->tries, gang->tries == 1 ? "y" : "ies",
             gang->last_why[0] != '\0' ? gang->last_why : why);
    gang_over(core, gang);
}

void
gang_try_failed(struct core *core, struct gang *gang, const char *why)
{
    const bool was_refused = gang->last_why[0] != '\0';
    gang_give_back(core, gang);
    gang->tries++;
    say_log(core, LOG_INFO, "a gang is not admitted: %s", why);
    const bool is_last = core_is_due(core, gang->give_up_at) &&
                         (gang->tries >= TRIES_MIN || (!was_refused && gang->tries == 1));
    if (is_last) {
        give_up(core, gang, why);
        return;
    }
    say_note(core, gang->client, NOTE_PROGRESS, "try %u: %s", gang->tries, why);
    memset(gang->seats, 0, sizeof gang->seats);
    gang->phase = GANG_WAITING;
    gang->fabric = 0;
    gang->next_try_at = boot_add(core->now.boot, backoff(core, gang));
}

/* One gang of a renter is in admission at a time: two would wait for each other's holds. */
static bool
is_in_admission(const struct core *core)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        const struct gang *gang = &core->gangs[i];
        if (gang->used && (gang->phase == GANG_GATHERING || gang->phase == GANG_CONFIRMING)) {
            return true;
        }
    }
    return false;
}

static void
begin_try(struct core *core, struct gang *gang)
{
    if (!core_is_due(core, gang->next_try_at) || is_in_admission(core)) {
        return;
    }
    gang->phase = GANG_GATHERING;
    gang->patience_until =
        boot_add(core->now.boot, duration_of_ms(PATIENCE_MS_MIN +
                                                (int64_t)(say_random(core) % PATIENCE_MS_SPREAD)));
    gang_gather_tick(core, gang);
}

void
gang_tick(struct core *core)
{
    for (size_t i = 0; i < GANGS_MAX; i++) {
        struct gang *gang = &core->gangs[i];
        if (!gang->used || !say_has_room(core)) {
            continue;
        }
        switch ((enum gang_phase)gang->phase) {
        case GANG_WAITING:
            begin_try(core, gang);
            break;
        case GANG_GATHERING:
            gang_gather_tick(core, gang);
            break;
        case GANG_CONFIRMING:
            gang_confirm_tick(core, gang);
            break;
        case GANG_RUNNING:
            gang_run_tick(core, gang);
            break;
        case GANG_ENDING:
            gang_end_tick(core, gang);
            break;
        }
    }
}

void
gang_cancel(struct core *core, struct client client)
{
    struct gang *gang = gang_of(core, client);
    if (gang != NULL && gang->phase < GANG_RUNNING) {
        gang_give_back(core, gang);
        gang_over(core, gang);
    }
}

void
gang_client_gone(struct core *core, struct client client)
{
    struct gang *gang = gang_of(core, client);
    if (gang == NULL) {
        return;
    }
    gang_cancel(core, client);
    if (gang->used) {
        gang->client = (struct client){0};
        if (gang->attached) {
            gang_begin_end(core, gang, "its reader is gone");
        }
    }
}

enum status
gang_end(struct core *core, struct bytes prefix)
{
    struct gang *found = NULL;
    for (size_t i = 0; i < GANGS_MAX; i++) {
        struct gang *gang = &core->gangs[i];
        if (!gang->used ||
            !id_has_prefix(gang->id.bytes, (const char *)prefix.data, prefix.length)) {
            continue;
        }
        if (found != NULL) {
            return STATUS_AMBIGUOUS;
        }
        found = gang;
    }
    if (found == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (found->phase < GANG_RUNNING) {
        say_done(core, found->client, STATUS_REFUSED, "ended before it started; nothing is owed");
        gang_give_back(core, found);
        gang_over(core, found);
    } else {
        gang_begin_end(core, found, "you ended it");
    }
    return STATUS_OK;
}
