#include "node/core/standing.h"

#include <assert.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/core/auction.h"
#include "node/core/gang.h"
#include "node/core/gossip.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { UNTIL_DEFAULT_S = 86400, UNTIL_MAX_S = 30 * 86400 };

/* Rows of TABLE_REQUESTS: under the id of a request what was asked; under the hold of a lease that is being
 * started for one, that request's id and an empty question. Its place is a setting, so that hosts know
 * it by the same detail after a restart. */

static uint64_t
now_s(const struct core *core)
{
    return core->now.wall.ms > 0 ? (uint64_t)core->now.wall.ms / 1000 : 0;
}

static uint32_t
place_of(const struct core *core, const struct standing *standing)
{
    return (uint32_t)(standing - core->standings);
}

/* Whom the rent of a standing request answers: nobody, but under a number of its own. */
static struct client
client_of(const struct core *core, const struct standing *standing)
{
    const uint64_t number = (uint64_t)(standing - core->standings) + 1;
    return (struct client){STANDING_CLIENT | number};
}

/* Somebody looks for what it wants. */
static bool
is_under_way(struct core *core, const struct standing *standing)
{
    const struct client client = client_of(core, standing);
    return rent_of(core, client) != NULL || gang_of(core, client) != NULL ||
           bidding_is_under_way(core, place_of(core, standing));
}

static struct bytes
question_of(const struct standing *standing)
{
    return bytes_of(standing->question, standing->length);
}

static bool
read_question(const struct standing *standing, struct control_rent *ret_ask,
              struct request *ret_request)
{
    return codec_decode(control_schema(CONTROL_REQUEST), question_of(standing), ret_ask) ==
               STATUS_OK &&
           codec_decode(&request_schema, ret_ask->request, ret_request) == STATUS_OK;
}

/* A bid is nobody's business before its epoch is over: nothing is published, and the request is named by
 * what it says and a random word. */
static void
name_bid(struct core *core, struct standing *standing)
{
    uint8_t memory[ID_LENGTH + sizeof(uint64_t)];
    const uint64_t word = say_random(core) ^ (uint64_t)core->now.wall.ms;
    digest_make("gpulet batch request", question_of(standing), memory);
    memcpy(memory + ID_LENGTH, &word, sizeof word);
    digest_make("gpulet batch request", bytes_of(memory, sizeof memory), standing->id.bytes);
}

/* The signed request, for hosts to see what is wanted. The command is not in it. */
static void
publish(struct core *core, struct standing *standing)
{
    struct control_rent ask;
    struct request request;
    if (!read_question(standing, &ask, &request)) {
        return;
    }
    if (ask.batch) {
        if (record_id_is_zero(&standing->id)) {
            name_bid(core, standing);
        }
        return;
    }
    const uint32_t detail = place_of(core, standing);
    const uint64_t left_s = standing->until_s > now_s(core) ? standing->until_s - now_s(core) : 1;
    const struct seal_order order = {
        .kind = RECORD_REQUEST,
        .detail = detail,
        .ttl_s = left_s < REQUEST_TTL_S ? (uint32_t)left_s : REQUEST_TTL_S,
        .seq = say_next_seq(core, RECORD_REQUEST, detail),
    };
    const struct verified_record record = say_seal(core, order, &request);
    standing->published_seq = order.seq;
    standing->published = *verified_id(&record);
    standing->refresh_at = wall_add(core->now.wall, duration_of_s(order.ttl_s / 2 + 1));
    if (record_id_is_zero(&standing->id)) {
        standing->id = *verified_id(&record);
    }
    gossip_publish(core, &record);
}

static void
take_back(struct core *core, uint32_t detail, uint64_t victim_seq)
{
    const uint64_t seq = say_next_seq(core, RECORD_REQUEST, detail);
    const struct withdrawal withdrawal = {
        .victim_kind = RECORD_REQUEST,
        .victim_detail = detail,
        /* After a clock was far ahead, the next seq is lower than the request's. */
        .victim_seq = victim_seq < seq ? victim_seq : seq - 1};
    const struct seal_order order = {
        .kind = RECORD_WITHDRAWAL, .detail = detail, .ttl_s = REQUEST_TTL_S, .seq = seq};
    const struct verified_record record = say_seal(core, order, &withdrawal);
    gossip_publish(core, &record);
}

static uint64_t
id_number(const struct record_id *id)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof number; i++) {
        number = number << 8 | id->bytes[i];
    }
    return number;
}

static bool
is_served(const struct standing *standing)
{
    return !record_id_is_zero(&standing->served_by);
}

static void
store_place(struct core *core, const struct standing *standing)
{
    const struct row_key key =
        row_key_of_number(SETTING_REQUEST_PLACES + (uint64_t)place_of(core, standing));
    const struct setting_row row = {.value = id_number(&standing->id)};
    say_store(core, TABLE_SETTINGS, &key, &setting_row_schema, &row);
}

static void
store(struct core *core, const struct standing *standing)
{
    const struct row_key key = row_key_of_id(standing->id.bytes, 0);
    const struct standing_row row = {
        .id = standing->id, .request = question_of(standing), .until_s = standing->until_s};
    say_store(core, TABLE_REQUESTS, &key, &standing_row_schema, &row);
    store_place(core, standing);
}

/* No host shall offer to it any more, at least for now. */
static void
unpublish(struct core *core, struct standing *standing)
{
    if (standing->published_seq != 0) {
        take_back(core, place_of(core, standing), standing->published_seq);
        standing->published_seq = 0;
    }
}

static void
forget_served(struct core *core, struct standing *standing)
{
    if (is_served(standing)) {
        const struct row_key key = row_key_of_id(standing->served_by.bytes, 0);
        say_delete(core, TABLE_REQUESTS, &key);
        standing->served_by = (struct record_id){{0}};
    }
}

static void
end(struct core *core, struct standing *standing)
{
    const struct row_key key = row_key_of_id(standing->id.bytes, 0);
    struct rent *rent = rent_of(core, client_of(core, standing));
    if (rent != NULL) {
        rent_over(rent);
    }
    gang_cancel(core, client_of(core, standing));
    bidding_end(core, place_of(core, standing));
    forget_served(core, standing);
    say_delete(core, TABLE_REQUESTS, &key);
    unpublish(core, standing);
    memset(standing->question, 0, standing->length);
    standing->used = false;
}

static struct standing *
free_standing(struct core *core)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        if (!core->standings[i].used) {
            return &core->standings[i];
        }
    }
    return NULL;
}

static bool
start_rent(struct core *core, struct standing *standing, struct client asker)
{
    struct control_rent ask;
    struct request request;
    if (!read_question(standing, &ask, &request)) {
        return false;
    }
    const uint64_t left_s = standing->until_s > now_s(core) ? standing->until_s - now_s(core) : 0;
    if (ask.batch) {
        return bidding_begin(core, place_of(core, standing), asker, &ask);
    }
    ask.attached = false;
    ask.input = false;
    ask.dry_run = false;
    ask.wait_s = (uint32_t)left_s;
    return rent_take(core, client_of(core, standing), asker, &ask);
}

static void
say_request(struct core *core, struct client client, const struct standing *standing)
{
    struct control_rent ask;
    struct request request;
    if (!read_question(standing, &ask, &request)) {
        return;
    }
    const struct rent *rent = rent_of(core, client_of(core, standing));
    const struct request_view view = {
        .request = standing->id,
        .until_s = standing->until_s,
        .state = bytes_of_text(ask.batch             ? bidding_text(core, place_of(core, standing))
                               : is_served(standing) ? "starting"
                               : rent != NULL && !rent->waiting ? "asking a host"
                                                                : "waiting"),
        .count = request.count,
        .ask_max_uusd_per_hour = request.ask_max_uusd_per_hour,
    };
    say_row(core, client, ROW_REQUEST, &view);
}

void
standing_begin(struct core *core, struct client client, const struct control_rent *ask)
{
    struct standing *standing = free_standing(core);
    struct buffer buffer;
    if (standing == NULL) {
        say_done(core, client, STATUS_LIMIT,
                 "too many standing requests; `gpulet requests` lists them");
        return;
    }
    buffer_init(&buffer, standing->question, sizeof standing->question);
    if (codec_encode(control_schema(CONTROL_REQUEST), ask, &buffer) != STATUS_OK) {
        say_done(core, client, STATUS_LIMIT, "command and environment are over 32 KiB");
        return;
    }
    const uint32_t wait_s = ask->wait_s == 0            ? UNTIL_DEFAULT_S
                            : ask->wait_s < UNTIL_MAX_S ? ask->wait_s
                                                        : UNTIL_MAX_S;
    standing->length = (uint32_t)buffer.length;
    standing->until_s = now_s(core) + wait_s;
    standing->id = (struct record_id){{0}};
    standing->served_by = (struct record_id){{0}};
    standing->published_seq = 0;
    standing->used = true;
    if (!start_rent(core, standing, client)) {
        standing->used = false; /* it was told why */
        return;
    }
    if (!is_under_way(core, standing)) {
        standing->used = false;
        say_done(core, client, STATUS_LIMIT,
                 "grants or spending limits do not cover it; `gpulet spending` shows what is left");
        return;
    }
    publish(core, standing);
    store(core, standing);
    say_request(core, client, standing);
    say_done(core, client, STATUS_OK, "%s", "");
}

void
standing_list(struct core *core, struct client client)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        if (core->standings[i].used) {
            say_request(core, client, &core->standings[i]);
        }
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

void
standing_cancel(struct core *core, struct client client, const struct control_lease_end *ask)
{
    struct standing *found = NULL;
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct standing *standing = &core->standings[i];
        if (!standing->used || !id_has_prefix(standing->id.bytes, (const char *)ask->prefix.data,
                                              ask->prefix.length)) {
            continue;
        }
        if (found != NULL) {
            say_done(core, client, STATUS_AMBIGUOUS,
                     "several requests begin with that; give more digits");
            return;
        }
        found = standing;
    }
    if (found == NULL) {
        say_done(core, client, STATUS_NOT_FOUND,
                 "no standing request begins with that; `gpulet requests` lists them");
        return;
    }
    end(core, found);
    say_done(core, client, STATUS_OK, "%s", "");
}

/* The place that it had, when nobody else has it. */
static struct standing *
place_for(struct core *core, const struct record_id *id)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        if (!core->standings[i].used && core->request_places[i] == id_number(id)) {
            return &core->standings[i];
        }
    }
    return free_standing(core);
}

void
standing_recover_place(struct core *core, uint64_t place, uint64_t value)
{
    if (place < REQUESTS_STANDING_MAX) {
        core->request_places[place] = value;
    }
}

static void
recover_served(struct core *core, const struct standing_row *stored, const struct row *row)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct served_request *served = &core->served_requests[i];
        if (record_id_is_zero(&served->hold)) {
            memcpy(served->hold.bytes, row->key.id, ID_LENGTH);
            served->request = stored->id;
            return;
        }
    }
}

void
standing_recover(struct core *core, const struct row *row)
{
    struct standing_row stored;
    if (codec_decode(&standing_row_schema, row->value, &stored) != STATUS_OK ||
        stored.request.length > sizeof core->standings[0].question) {
        say_log(core, LOG_ERROR, "a stored request cannot be read; it is left alone");
        return;
    }
    if (stored.request.length == 0) {
        recover_served(core, &stored, row);
        return;
    }
    struct standing *standing = place_for(core, &stored.id);
    if (standing == NULL) {
        say_log(core, LOG_ERROR, "too many standing requests are stored; one is left alone");
        return;
    }
    memcpy(standing->question, stored.request.data, stored.request.length);
    standing->length = (uint32_t)stored.request.length;
    standing->id = stored.id;
    standing->served_by = (struct record_id){{0}};
    standing->until_s = stored.until_s;
    standing->published_seq = 0;
    standing->refresh_at = core->now.wall;
    standing->used = true;
}

static struct standing *
standing_by_id(struct core *core, const struct record_id *id)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        if (core->standings[i].used && record_id_equal(&core->standings[i].id, id)) {
            return &core->standings[i];
        }
    }
    return NULL;
}

void
standing_recovered(struct core *core)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        const struct served_request *served = &core->served_requests[i];
        struct standing *standing = standing_by_id(core, &served->request);
        if (!record_id_is_zero(&served->hold) && standing != NULL) {
            standing->served_by = served->hold;
        } else if (!record_id_is_zero(&served->hold)) {
            const struct row_key key = row_key_of_id(served->hold.bytes, 0);
            say_delete(core, TABLE_REQUESTS, &key);
        }
        struct standing *here = &core->standings[i];
        if (here->used && core->request_places[i] != id_number(&here->id)) {
            store_place(core, here); /* of an older version */
        }
    }
}

/* A lease was signed for it. It is over when the job runs; when the start never reached the host, it goes
 * on. */
static void
served_tick(struct core *core, struct standing *standing)
{
    const struct lease *lease = lease_by_hold(core, &standing->served_by);
    if (lease == NULL || lease->row.state == LEASE_VOID) {
        say_log(core, LOG_INFO, "the lease of a standing request was never started: it stands on");
        forget_served(core, standing);
    } else if (lease->row.state > LEASE_STARTING) {
        end(core, standing);
    }
}

static void
waiting_tick(struct core *core, struct standing *standing)
{
    const struct client nobody = {0};
    const bool is_bidding = bidding_is_under_way(core, place_of(core, standing));
    const bool is_new = standing->published_seq == 0 && !is_bidding;
    const bool begun = is_new ? start_rent(core, standing, nobody) : is_under_way(core, standing);
    if (!begun || standing->until_s <= now_s(core)) {
        say_log(core, LOG_INFO, "a standing request ends without a lease");
        end(core, standing);
    } else if (is_new || !wall_is_before(core->now.wall, standing->refresh_at)) {
        publish(core, standing);
    }
}

void
standing_tick(struct core *core)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct standing *standing = &core->standings[i];
        if (standing->used && is_served(standing)) {
            served_tick(core, standing);
        }
        if (standing->used && !is_served(standing)) {
            waiting_tick(core, standing);
        }
    }
}

void
standing_refresh_all(struct core *core)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        core->standings[i].refresh_at = core->now.wall;
    }
}

void
standing_exceed(struct core *core, uint32_t detail, uint64_t seq)
{
    assert(detail < REQUESTS_STANDING_MAX);
    if (core->standings[detail].used) {
        core->standings[detail].refresh_at = core->now.wall;
    } else {
        take_back(core, detail, seq);
    }
}

bool
standing_question(const struct core *core, size_t place, struct control_rent *ret_ask,
                  struct request *ret_request)
{
    const struct standing *standing = &core->standings[place];
    return standing->used && read_question(standing, ret_ask, ret_request);
}

void
standing_filled(struct core *core, size_t place)
{
    const struct row_key key = row_key_of_id(core->standings[place].id.bytes, 0);
    say_delete(core, TABLE_REQUESTS, &key);
}

void
standing_done(struct core *core, size_t place)
{
    end(core, &core->standings[place]);
}

void
standing_fulfilled(struct core *core, struct client client)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct standing *standing = &core->standings[i];
        if (standing->used && client_of(core, standing).number == client.number) {
            end(core, standing);
        }
    }
}

void
standing_served(struct core *core, struct client client, const struct record_id *hold)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        struct standing *standing = &core->standings[i];
        if (!standing->used || client_of(core, standing).number != client.number) {
            continue;
        }
        const struct row_key key = row_key_of_id(hold->bytes, 0);
        const struct standing_row row = {.id = standing->id, .until_s = standing->until_s};
        standing->served_by = *hold;
        say_store(core, TABLE_REQUESTS, &key, &standing_row_schema, &row);
        unpublish(core, standing);
    }
}

bool
standing_client(const struct core *core, const struct record_id *published,
                struct client *ret_client)
{
    for (size_t i = 0; i < REQUESTS_STANDING_MAX; i++) {
        const struct standing *standing = &core->standings[i];
        if (standing->used && !is_served(standing) && standing->published_seq != 0 &&
            record_id_equal(&standing->published, published)) {
            *ret_client = client_of(core, standing);
            return true;
        }
    }
    return false;
}
