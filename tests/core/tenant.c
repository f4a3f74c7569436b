#include "tests/core/tenant.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"

void
tenant_look(struct node *node, struct tenant *tenant)
{
    struct bytes sealed;
    struct record_view view;
    cr_assert(stranger_pulls(node, &tenant->stranger, RECORD_LISTING, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    tenant->listing = view.id;
}

void
tenant_arrive(struct node *node, struct tenant *tenant, const char *name)
{
    memset(tenant, 0, sizeof *tenant);
    stranger_init(&tenant->stranger, name);
    stranger_connect(node, &tenant->stranger);
    tenant_look(node, tenant);
}

struct node *
tenant_node(size_t gpus, struct tenant *ret_tenant)
{
    struct node *node = node_new("host", gpus);
    node_host(node, TENANT_ASK);
    tenant_arrive(node, ret_tenant, "renter");
    return node;
}

struct hold
tenant_hold(const struct node *node, const struct tenant *tenant)
{
    return (struct hold){.host = node->options.keypair.identity,
                         .listing = tenant->listing,
                         .slots = 1,
                         .duration_s = 60,
                         .ask_max_uusd_per_hour = micro(TENANT_ASK),
                         .ttl_ms = HOLD_TTL_MS};
}

static void
say_record(struct node *node, const struct tenant *tenant, struct bytes sealed)
{
    const struct signed_message message = {.record = sealed};
    stranger_says(node, &tenant->stranger, &signed_message_schema, &message);
}

/* Seals, keeps the bytes, and tells the id. */
static struct record_id
seal_and_keep(struct node *node, struct tenant *tenant, uint8_t kind, const void *body,
              struct buffer *kept)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct record_view view;
    const struct bytes sealed = stranger_seals(node, &tenant->stranger, kind, body, memory);
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    buffer_append(kept, sealed.data, sealed.length);
    cr_assert(!kept->overflowed);
    return view.id;
}

void
tenant_say_hold(struct node *node, struct tenant *tenant, const struct hold *hold)
{
    struct buffer kept;
    buffer_init(&kept, tenant->hold_bytes, sizeof tenant->hold_bytes);
    tenant->hold = seal_and_keep(node, tenant, RECORD_HOLD, hold, &kept);
    tenant->hold_length = kept.length;
    tenant_repeat_hold(node, tenant);
}

void
tenant_repeat_hold(struct node *node, struct tenant *tenant)
{
    say_record(node, tenant, bytes_of(tenant->hold_bytes, tenant->hold_length));
}

static bool
last_signed(struct node *node, struct tenant *tenant, uint8_t kind, struct record_view *ret_view)
{
    for (size_t i = node->sent_count; i > 0; i--) {
        const struct sent *sent = &node->outbox[i - 1];
        struct signed_message message;
        if (!sent->is_answer && sent->to == tenant->stranger.link.number &&
            message_decode(&signed_message_schema, sent->bytes, &message) == STATUS_OK &&
            record_parse(message.record, &fixture_network, ret_view) == STATUS_OK &&
            ret_view->envelope.kind == kind) {
            return true;
        }
    }
    return false;
}

bool
tenant_take_held(struct node *node, struct tenant *tenant)
{
    struct record_view view;
    struct held held;
    if (!last_signed(node, tenant, RECORD_HELD, &view)) {
        return false;
    }
    cr_assert_eq(codec_decode(&held_schema, view.envelope.body, &held), STATUS_OK);
    if (!record_id_equal(&held.hold, &tenant->hold)) {
        return false;
    }
    memcpy(tenant->held_bytes, view.sealed.data, view.sealed.length);
    tenant->held_length = view.sealed.length;
    /* Decoded again from the copy: the terms' views must outlive the outbox. */
    cr_assert_eq(
        record_parse(bytes_of(tenant->held_bytes, tenant->held_length), &fixture_network, &view),
        STATUS_OK);
    cr_assert_eq(codec_decode(&held_schema, view.envelope.body, &held), STATUS_OK);
    cr_assert_eq(codec_decode(&lease_terms_schema, held.terms, &tenant->terms), STATUS_OK);
    return true;
}

void
tenant_confirm(struct node *node, struct tenant *tenant)
{
    struct buffer kept;
    buffer_init(&kept, tenant->lease_bytes, sizeof tenant->lease_bytes);
    const struct record_id id = seal_and_keep(node, tenant, RECORD_LEASE, &tenant->terms, &kept);
    tenant->lease = lease_id_of_record(&id);
    tenant->lease_length = kept.length;
    tenant_repeat_confirm(node, tenant);
}

void
tenant_repeat_confirm(struct node *node, struct tenant *tenant)
{
    say_record(node, tenant, bytes_of(tenant->lease_bytes, tenant->lease_length));
}

unsigned
tenant_leases_got(struct node *node, struct tenant *tenant, struct bytes *ret_bytes)
{
    unsigned count = 0;
    for (size_t i = 0; i < node->sent_count; i++) {
        const struct sent *sent = &node->outbox[i];
        struct cosigned_message message;
        struct verified_record record;
        const struct peer_id *host = &node->options.keypair.identity;
        if (!sent->is_answer && sent->to == tenant->stranger.link.number &&
            message_decode(&cosigned_message_schema, sent->bytes, &message) == STATUS_OK &&
            record_open_cosigned(message.record, &fixture_network, host, &record) == STATUS_OK) {
            count++;
            if (ret_bytes != NULL) {
                *ret_bytes = message.record;
            }
        }
    }
    return count;
}

static struct bytes
seal_voucher(struct node *node, struct tenant *tenant, uint32_t number, int64_t amount,
             uint8_t *memory)
{
    const struct voucher voucher = {
        .lease = tenant->lease, .number = number, .amount_uusd = micro(amount)};
    return stranger_seals(node, &tenant->stranger, RECORD_VOUCHER, &voucher, memory);
}

void
tenant_start(struct node *node, struct tenant *tenant, int64_t voucher_micro)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    const struct start_message message = {
        .lease = tenant->lease,
        .voucher = seal_voucher(node, tenant, 1, voucher_micro, memory),
        .arguments = {.count = 1, .items = {bytes_of_text("true")}}};
    stranger_says(node, &tenant->stranger, &start_message_schema, &message);
}

void
tenant_pay(struct node *node, struct tenant *tenant, uint32_t number, int64_t voucher_micro)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    say_record(node, tenant, seal_voucher(node, tenant, number, voucher_micro, memory));
}

void
tenant_end(struct node *node, struct tenant *tenant)
{
    const struct end_message end = {.lease = tenant->lease, .reason = END_RENTER};
    stranger_says(node, &tenant->stranger, &end_message_schema, &end);
}

void
tenant_run(struct node *node, struct tenant *tenant)
{
    const struct hold hold = tenant_hold(node, tenant);
    tenant_say_hold(node, tenant, &hold);
    cr_assert(tenant_take_held(node, tenant));
    tenant_confirm(node, tenant);
    cr_assert_eq(tenant_state(node, tenant), LEASE_LEASED);
    tenant_start(node, tenant, 1000);
    cr_assert_eq(tenant_state(node, tenant), LEASE_STARTING);
    tenant_job(node, tenant, JOB_RUNNING, 0);
    cr_assert_eq(tenant_state(node, tenant), LEASE_ACTIVE);
}

void
tenant_job(struct node *node, struct tenant *tenant, enum job_state state, uint64_t run_ms)
{
    const struct event event = {.type = EVENT_WORKLOAD,
                                .as.workload = {.lease = tenant->lease,
                                                .state = (uint8_t)state,
                                                .run_ms = run_ms,
                                                .started_at_ms = (uint64_t)node->now.wall.ms}};
    node_step(node, &event);
}

enum refusal
tenant_refusal(struct node *node, struct tenant *tenant, uint32_t *ret_wait_ms)
{
    struct bytes frame;
    struct refused_message message;
    if (!node_last_sent(node, tenant->stranger.link, MESSAGE_REFUSED, &frame)) {
        return REFUSAL_NONE;
    }
    cr_assert_eq(message_decode(&refused_message_schema, frame, &message), STATUS_OK);
    if (ret_wait_ms != NULL) {
        *ret_wait_ms = message.wait_ms;
    }
    return (enum refusal)message.reason;
}

bool
tenant_final(struct node *node, struct tenant *tenant, struct final *ret_final,
             struct bytes *ret_sealed)
{
    struct record_view view;
    if (!last_signed(node, tenant, RECORD_FINAL, &view)) {
        return false;
    }
    cr_assert_eq(codec_decode(&final_schema, view.envelope.body, ret_final), STATUS_OK);
    if (ret_sealed != NULL) {
        *ret_sealed = view.sealed;
    }
    return true;
}

void
tenant_sign_final(struct node *node, struct tenant *tenant, bool rightly)
{
    struct final final;
    struct bytes sealed;
    struct verified_record record;
    struct signature signature;
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct buffer buffer;
    cr_assert(tenant_final(node, tenant, &final, &sealed));
    cr_assert_eq(record_open(sealed, &fixture_network, &record), STATUS_OK);
    record_cosign(&record, &tenant->stranger.keypair, &signature);
    signature.bytes[3] ^= rightly ? 0 : 1;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(record_append_cosigned(&record, &signature, &buffer), STATUS_OK);
    const struct cosigned_message message = {.record = buffer_bytes(&buffer)};
    stranger_says(node, &tenant->stranger, &cosigned_message_schema, &message);
}

bool
tenant_row(const struct node *node, const struct tenant *tenant, struct lease_row *ret_row)
{
    struct row_key key = {.number = 0};
    struct bytes value;
    memcpy(key.id, tenant->hold.bytes, ID_LENGTH);
    return memory_store_get(node->store, TABLE_LEASES, &key, &value) &&
           codec_decode(&lease_row_schema, value, ret_row) == STATUS_OK;
}

enum lease_state
tenant_state(const struct node *node, const struct tenant *tenant)
{
    struct lease_row row;
    return tenant_row(node, tenant, &row) ? (enum lease_state)row.state : LEASE_STATE_COUNT;
}
