/* Anything that a schema admits, from anybody, at any time: no node stops, and no step is too long. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/core/false_host.h"
#include "tests/core/tenant.h"
#include "tests/support/sample.h"

enum { CLIENTS = 64, IDS_MAX = 24, ARENA_BYTES = 1 << 20, ROUNDS = 25, STEPS = 400 };

struct storm {
    struct node *node;
    struct sample sample;
    uint8_t *arena;
    struct tenant tenant;
    struct false_host host;
    uint8_t ids[IDS_MAX][ID_LENGTH];
    size_t id_count;
    unsigned asked[CLIENTS]; /* and not answered yet, by client */
};

static void
remember(struct storm *storm, const uint8_t id[ID_LENGTH])
{
    memcpy(storm->ids[storm->id_count % IDS_MAX], id, ID_LENGTH);
    storm->id_count++;
}

static void
remember_leases(struct storm *storm)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &storm->node->core->leases[i];
        if (lease->used) {
            remember(storm, lease->row.hold.bytes);
            remember(storm, lease->row.lease.bytes);
            remember(storm, lease->row.final.bytes);
        }
    }
    remember(storm, storm->node->core->offers[0].listing.bytes);
    remember(storm, storm->node->options.keypair.identity.bytes);
    remember(storm, storm->host.self.keypair.identity.bytes);
    remember(storm, storm->tenant.stranger.keypair.identity.bytes);
}

/* Half of the figures are as small as in life; the edges of the limits are in the others. */
static void
make_plausible(struct storm *storm, const struct field *field, uint8_t *member)
{
    if (sample_below(&storm->sample, 2) == 0) {
        return;
    }
    const uint64_t number = field->minimum + sample_below(&storm->sample, 700);
    const struct amount amount = micro((int64_t)sample_below(&storm->sample, 2 * TENANT_ASK));
    const uint32_t word = (uint32_t)number;
    if (field->type == FIELD_AMOUNT) {
        memcpy(member, &amount, sizeof amount);
    } else if (field->type == FIELD_NUMBER && number <= field->maximum) {
        if (field->size == sizeof number) {
            memcpy(member, &number, sizeof number);
        } else if (field->size == sizeof word) {
            memcpy(member, &word, sizeof word);
        }
    }
}

/* A value of the schema whose ids are mostly ones that mean something. */
static void *
value_of(struct storm *storm, const struct schema *schema)
{
    static _Alignas(16) uint8_t memory[16384];
    cr_assert_leq(schema->struct_size, sizeof memory);
    sample_reuse(&storm->sample);
    sample_value(&storm->sample, schema, memory);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        const size_t known = storm->id_count < IDS_MAX ? storm->id_count : IDS_MAX;
        if (field->type == FIELD_FIXED && field->size == ID_LENGTH && known > 0 &&
            sample_below(&storm->sample, 10) < 8) {
            memcpy(memory + field->offset, storm->ids[sample_below(&storm->sample, known)],
                   ID_LENGTH);
        }
        make_plausible(storm, field, memory + field->offset);
    }
    return memory;
}

static struct stranger *
somebody(struct storm *storm)
{
    return sample_below(&storm->sample, 2) == 0 ? &storm->tenant.stranger : &storm->host.self;
}

static void
come_back(struct storm *storm)
{
    if (!stranger_is_connected(storm->node, &storm->tenant.stranger)) {
        stranger_connect(storm->node, &storm->tenant.stranger);
    }
    if (!stranger_is_connected(storm->node, &storm->host.self)) {
        stranger_connect(storm->node, &storm->host.self);
        false_host_lists(&storm->host, storm->node);
    }
}

static void
random_message(struct storm *storm)
{
    struct stranger *stranger = somebody(storm);
    const uint8_t type = (uint8_t)(1 + sample_below(&storm->sample, MESSAGE_STREAM_OPEN - 1));
    if (message_schema(type) == NULL) {
        return; /* a number that nothing has yet */
    }
    stranger_says(storm->node, stranger, message_schema(type),
                  value_of(storm, message_schema(type)));
}

static void
random_record(struct storm *storm)
{
    struct stranger *stranger = somebody(storm);
    const uint8_t kind = (uint8_t)(1 + sample_below(&storm->sample, RECORD_KIND_COUNT - 1));
    if (record_schema(kind) == NULL) {
        return;
    }
    uint8_t sealed_bytes[COSIGNED_BYTES_MAX];
    uint8_t body[RECORD_BODY_MAX];
    struct buffer buffer;
    buffer_init(&buffer, body, sizeof body);
    if (codec_encode(record_schema(kind), value_of(storm, record_schema(kind)), &buffer) !=
        STATUS_OK) {
        return;
    }
    const struct envelope envelope = {
        .version = RECORD_VERSION,
        .kind = kind,
        .network = fixture_network,
        .author = stranger->keypair.identity,
        .seq = (uint64_t)storm->node->now.wall.ms + sample_below(&storm->sample, 1000),
        .issued_at_s = (uint64_t)storm->node->now.wall.ms / 1000,
        .ttl_s = record_kind_is_public(kind) ? 600 : 0,
        .detail = (uint32_t)sample_below(&storm->sample, 4),
        .body = buffer_bytes(&buffer),
    };
    buffer_init(&buffer, sealed_bytes, sizeof sealed_bytes);
    if (record_seal(&envelope, &stranger->keypair, &buffer) != STATUS_OK) {
        return;
    }
    if (record_kind_is_public(kind)) {
        const struct records_message message = {
            .records = {.count = 1, .items = {buffer_bytes(&buffer)}}};
        stranger_says(storm->node, stranger, &records_message_schema, &message);
        return;
    }
    const struct signed_message message = {.record = buffer_bytes(&buffer)};
    stranger_says(storm->node, stranger, &signed_message_schema, &message);
}

/* What an honest renter or host would do next, or nearly so. */
static void
random_deed(struct storm *storm)
{
    struct node *node = storm->node;
    struct tenant *tenant = &storm->tenant;
    struct false_host *host = &storm->host;
    struct final final = {.run_ms = sample_below(&storm->sample, 3) * 5000,
                          .reason = (uint8_t)sample_below(&storm->sample, END_REASON_COUNT),
                          .amount_uusd = micro((int64_t)sample_below(&storm->sample, 1500))};
    struct hold hold = tenant_hold(node, tenant);
    struct bytes sealed;
    const struct reclaim reclaim = {.lease = host->lease, .notice_s = 1};
    const struct cancel_message cancel = {.hold = tenant->hold};
    switch (sample_below(&storm->sample, 12)) {
    case 0:
        tenant_pay(node, tenant, (uint32_t)sample_below(&storm->sample, 9) + 1,
                   (int64_t)sample_below(&storm->sample, 9000));
        break;
    case 1:
        tenant_end(node, tenant);
        break;
    case 2:
    case 3:
        if (tenant_final(node, tenant, &final, &sealed)) {
            tenant_sign_final(node, tenant, sample_below(&storm->sample, 8) != 0);
        }
        break;
    case 4:
        if (tenant->hold_length > 0) {
            tenant_repeat_hold(node, tenant);
        }
        break;
    case 5:
        if (tenant->lease_length > 0) {
            tenant_repeat_confirm(node, tenant);
        }
        break;
    case 6:
        stranger_says(node, &tenant->stranger, &cancel_message_schema, &cancel);
        break;
    case 7:
        hold.slots = (uint16_t)(1 + sample_below(&storm->sample, 3));
        hold.duration_s = (uint32_t)(1 + sample_below(&storm->sample, 40000));
        hold.interruptible = sample_below(&storm->sample, 4) == 0;
        tenant_say_hold(node, tenant, &hold);
        break;
    case 8:
        stranger_says_signed(node, &host->self, RECORD_RECLAIM, &reclaim);
        break;
    case 9:
        false_host_ends(host, node, &final);
        break;
    case 10:
        if (sample_below(&storm->sample, 2) == 0) {
            stranger_disconnect(node, somebody(storm));
        }
        break;
    default:
        false_host_meters(host, node, sample_below(&storm->sample, 20000));
        break;
    }
}

/* Requests that can be read, and beginnings of ids that are there. */
static void
mean_something(struct storm *storm, const struct schema *schema, uint8_t *value)
{
    static uint8_t request_bytes[1024];
    static char hex[ID_HEX_SIZE];
    struct request request = request_default();
    struct buffer buffer;
    request.duration_s = (uint32_t)(1 + sample_below(&storm->sample, 4000));
    request.count = (uint16_t)(1 + sample_below(&storm->sample, 2));
    request.interruptible = sample_below(&storm->sample, 8) == 0;
    if (sample_below(&storm->sample, 6) == 0) {
        request.hosts = (uint16_t)(1 + sample_below(&storm->sample, 3));
        request.gang_min = (uint16_t)sample_below(&storm->sample, request.hosts + 1u);
    }
    request.ask_max_uusd_per_hour = micro((int64_t)sample_below(&storm->sample, 2) * 400000);
    buffer_init(&buffer, request_bytes, sizeof request_bytes);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct bytes encoded = buffer_bytes(&buffer);
    id_to_hex(storm->ids[sample_below(&storm->sample, IDS_MAX)], hex);
    const struct bytes prefix = bytes_of(hex, 1 + sample_below(&storm->sample, 12));
    const struct field *field = schema_field(schema, "request");
    if (field != NULL && sample_below(&storm->sample, 8) != 0) {
        memcpy(value + field->offset, &encoded, sizeof encoded);
    }
    field = schema_field(schema, "prefix");
    if (field != NULL && sample_below(&storm->sample, 4) != 0) {
        memcpy(value + field->offset, &prefix, sizeof prefix);
    }
    const struct bytes none = bytes_of_text("");
    field = schema_field(schema, "listing_prefix");
    if (field != NULL && sample_below(&storm->sample, 4) != 0) {
        memcpy(value + field->offset, &none, sizeof none);
    }
}

static void
random_question(struct storm *storm)
{
    static const uint8_t kept_out[] = {CONTROL_STOP};
    const uint8_t type =
        (uint8_t)(CONTROL_STATUS + sample_below(&storm->sample, CONTROL_PING - CONTROL_STATUS));
    if (type == kept_out[0] || control_schema(type) == NULL) {
        return;
    }
    const uint64_t client = 1 + sample_below(&storm->sample, 40);
    const struct schema *schema = control_schema(type);
    uint8_t *value = value_of(storm, schema);
    mean_something(storm, schema, value);
    storm->asked[client]++;
    node_ask(storm->node, client, type, value);
    if (sample_below(&storm->sample, 4) == 0) {
        const struct event gone = {.type = EVENT_CONTROL_GONE, .as.control_gone = {client}};
        node_step(storm->node, &gone);
    }
}

static void
random_workload(struct storm *storm)
{
    struct event event = {.type = EVENT_WORKLOAD};
    event.as.workload = (struct event_workload){
        .lease = storm->tenant.lease,
        .state = (uint8_t)sample_below(&storm->sample, JOB_FAILED + 1),
        .run_ms = sample_below(&storm->sample, 100000),
        .started_at_ms = (uint64_t)storm->node->now.wall.ms,
        .reason = (uint8_t)sample_below(&storm->sample, END_REASON_COUNT),
    };
    if (sample_below(&storm->sample, 20) == 0) {
        event = (struct event){.type = EVENT_WORKLOAD_LOST, .as.lease = storm->tenant.lease};
    }
    if (sample_below(&storm->sample, 4) == 0) {
        event = (struct event){.type = EVENT_DECIDED,
                               .as.decided = {.token = storm->node->last_decision,
                                              .accepted = sample_below(&storm->sample, 2) == 0,
                                              .text = bytes_of_text("\xc3")}};
    }
    node_step(storm->node, &event);
}

/* What the machine and the world do. */
static void
random_fate(struct storm *storm)
{
    struct event event = {.type = EVENT_OWNER_BACK, .as.owner_mask = 3};
    switch (sample_below(&storm->sample, 8)) {
    case 0:
        node_restart(storm->node, sample_below(&storm->sample, 2) == 0);
        break;
    case 1:
        storm->node->now.wall.ms += (int64_t)sample_below(&storm->sample, 4000000) - 2000000;
        break;
    case 2:
        node_step(storm->node, &event);
        event.type = EVENT_OWNER_AWAY;
        node_step(storm->node, &event);
        break;
    case 3:
        event = (struct event){.type = EVENT_SPACE,
                               .as.space = (enum disk)sample_below(&storm->sample, 3)};
        node_step(storm->node, &event);
        break;
    case 4:
        node_wait(storm->node, (int64_t)sample_below(&storm->sample, 60000));
        break;
    default:
        node_wait(storm->node, (int64_t)sample_below(&storm->sample, 2000));
        break;
    }
}

/* Two leases under way, one on each side, wherever they get to. */
static void
begin(struct storm *storm)
{
    struct node *node = storm->node;
    node_step(node, &(struct event){.type = EVENT_SPACE, .as.space = DISK_NORMAL});
    const struct control_cards all = {.gpu_mask = 0};
    node_ask(node, 50, CONTROL_RESUME, &all);
    const struct control_host ask = {.ask_uusd_per_hour = micro(TENANT_ASK),
                                     .interruptible_ask_uusd_per_hour = micro(TENANT_ASK / 2),
                                     .lease_min_s = 1,
                                     .lease_max_s = 36000,
                                     .notice_given = true,
                                     .notice_s = (uint32_t)sample_below(&storm->sample, 3)};
    node_ask(node, 52, CONTROL_HOST, &ask);
    node_forget_sent(node);
    if (!node->core->offers[0].published || !stranger_is_connected(node, &storm->tenant.stranger)) {
        return;
    }
    storm->tenant.listing = node->core->offers[0].listing;
    const struct hold hold = tenant_hold(node, &storm->tenant);
    tenant_say_hold(node, &storm->tenant, &hold);
    const uint64_t stop = sample_below(&storm->sample, 10); /* most get all the way */
    if (stop > 0 && tenant_take_held(node, &storm->tenant)) {
        tenant_confirm(node, &storm->tenant);
        if (stop > 1) {
            tenant_start(node, &storm->tenant, 1000);
        }
        if (stop > 3) {
            tenant_job(node, &storm->tenant, JOB_RUNNING, 100);
        }
    }
    node_forget_sent(node);
    false_host_is_rented(node, 51, 600, sample_below(&storm->sample, 2) == 0);
    if (stop != 9 && false_host_sees_hold(&storm->host, node)) {
        false_host_holds(&storm->host, node);
        if (stop != 8 && false_host_leases(&storm->host, node) &&
            false_host_sees_start(&storm->host, node) && stop != 7) {
            false_host_starts(&storm->host, node);
        }
    }
    remember_leases(storm);
}

/* No question has two ends. */
static void
forget_answers(struct storm *storm)
{
    for (uint64_t client = 0; client < CLIENTS; client++) {
        const unsigned dones = node_dones(storm->node, client, NULL);
        if (client < 50) { /* begin() asks as the others */
            cr_assert_leq(dones, storm->asked[client], "client %u", (unsigned)client);
            storm->asked[client] -= dones;
        }
    }
    node_forget_sent(storm->node);
}

static void
blow(struct storm *storm)
{
    for (unsigned step = 0; step < STEPS; step++) {
        come_back(storm);
        if (step % 50 == 0) {
            forget_answers(storm);
            begin(storm);
        }
        switch (sample_below(&storm->sample, 14)) {
        case 0:
            random_fate(storm);
            break;
        case 1:
        case 2:
            random_question(storm);
            break;
        case 3:
        case 4:
            random_workload(storm);
            break;
        case 5:
        case 6:
            random_message(storm);
            break;
        case 7:
        case 8:
            random_deed(storm);
            break;
        default:
            random_record(storm);
            break;
        }
        if (step % 8 == 0) { /* deeds look at what was said last */
            forget_answers(storm);
        }
    }
}

Test(review_storm, nothing_that_can_be_said_stops_a_node)
{
    const char *text = getenv("STORM_SEED");
    const uint64_t first = text == NULL ? 1 : strtoull(text, NULL, 10);
    const char *rounds = getenv("STORM_ROUNDS");
    const uint64_t count = rounds == NULL ? ROUNDS : strtoull(rounds, NULL, 10);
    uint8_t *arena = malloc(ARENA_BYTES);
    struct storm *storm = calloc(1, sizeof *storm);
    cr_assert(arena != NULL && storm != NULL);
    for (uint64_t seed = first; seed < first + count; seed++) {
        memset(storm, 0, sizeof *storm);
        sample_init(&storm->sample, seed, arena, ARENA_BYTES);
        storm->node = tenant_node(seed % 4 + 1, &storm->tenant);
        storm->node->options.has_decide_program = seed % 5 == 0;
        storm->node->options.auction_epoch_s = seed % 2 == 0 ? 5 : 0;
        storm->node->options.spend_day_max_uusd = micro(seed % 3 == 0 ? 90000 : 0);
        false_host_init(&storm->host, storm->node, "host");
        blow(storm);
        node_free(storm->node);
    }
    free(storm);
    free(arena);
}
