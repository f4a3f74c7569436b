#include "tests/core/false_host.h"

#include <criterion/criterion.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"

void
false_host_lists(struct false_host *host, struct node *node)
{
    struct record_view view;
    const struct bytes sealed =
        stranger_seals(node, &host->self, RECORD_LISTING, &host->listing, host->listing_bytes);
    host->listing_length = sealed.length;
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    host->listing_id = view.id;
    const struct records_message message = {.records = {.count = 1, .items = {sealed}}};
    stranger_says(node, &host->self, &records_message_schema, &message);
}

void
false_host_init(struct false_host *host, struct node *node, const char *name)
{
    const struct gpu_class *class = NULL;
    memset(host, 0, sizeof *host);
    cr_assert_eq(gpu_class_find(bytes_of_text("rtx4090"), &class), STATUS_OK);
    stranger_init(&host->self, name);
    stranger_connect(node, &host->self);
    host->listing = (struct listing){.slots_total = 1,
                                     .gpu_class = class->number,
                                     .gpu_name = bytes_of_text("Simulated rtx4090"),
                                     .vram_mib = 24576,
                                     .fp16_gflops = 100000,
                                     .bandwidth_mb_s = 900000,
                                     .driver = bytes_of_text("sim"),
                                     .region = REGION_EU,
                                     .cpu_threads = 8,
                                     .ram_mib = 16384,
                                     .disk_mib = 100000,
                                     .ask_uusd_per_hour = micro(360000),
                                     .lease_min_s = 1,
                                     .lease_max_s = 1000000,
                                     .interval_s = 10,
                                     .meter_s = 2,
                                     .works = (1 << WORK_COUNT) - 1,
                                     .isolation = ISOLATION_PROCESS,
                                     .flags = LISTING_SIMULATED};
    memset(host->listing.week_hours, 0xFF, sizeof host->listing.week_hours);
    false_host_lists(host, node);
}

void
false_host_is_rented(struct node *node, uint64_t client, uint32_t duration_s, bool attached)
{
    static uint8_t memory[4096];
    struct request request = request_default();
    struct buffer buffer;
    request.duration_s = duration_s;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct control_rent ask = {
        .request = buffer_bytes(&buffer),
        .attached = attached,
        .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}}};
    node_ask(node, client, CONTROL_RENT, &ask);
}

/* The last sealed record of that kind that went to the host. */
static bool
last_signed(struct false_host *host, struct node *node, uint8_t kind, struct record_view *ret_view)
{
    for (size_t i = node->sent_count; i > 0; i--) {
        const struct sent *sent = &node->outbox[i - 1];
        struct signed_message message;
        struct gang_confirm_message confirm;
        struct bytes sealed = bytes_of(NULL, 0);
        if (sent->is_answer || sent->to != host->self.link.number) {
            continue;
        }
        if (message_decode(&signed_message_schema, sent->bytes, &message) == STATUS_OK) {
            sealed = message.record;
        } else if (message_decode(&gang_confirm_message_schema, sent->bytes, &confirm) ==
                   STATUS_OK) {
            sealed = confirm.lease;
        }
        if (sealed.length > 0 && record_parse(sealed, &fixture_network, ret_view) == STATUS_OK &&
            ret_view->envelope.kind == kind) {
            return true;
        }
    }
    return false;
}

bool
false_host_sees_hold(struct false_host *host, struct node *node)
{
    struct record_view view;
    struct hold hold;
    if (!last_signed(host, node, RECORD_HOLD, &view) ||
        codec_decode(&hold_schema, view.envelope.body, &hold) != STATUS_OK) {
        return false;
    }
    host->hold = view.id;
    host->terms = (struct lease_terms){
        .host = host->self.keypair.identity,
        .renter = node->options.keypair.identity,
        .hold = host->hold,
        .listing = bytes_of(host->listing_bytes, host->listing_length),
        .slot_mask = 1,
        .slot_seq = (uint64_t)node->now.wall.ms,
        .duration_s = hold.duration_s,
        .latest_start_s = LATEST_START_S,
        .interval_s = host->listing.interval_s,
        .meter_s = host->listing.meter_s,
        .ask_uusd_per_hour = hold.ask_max_uusd_per_hour,
        .interruptible = hold.interruptible,
        .work = hold.work,
    };
    return true;
}

void
false_host_holds(struct false_host *host, struct node *node)
{
    uint8_t memory[TERMS_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&lease_terms_schema, &host->terms, &buffer), STATUS_OK);
    const struct held held = {
        .hold = host->hold, .time_left_ms = 10000, .terms = buffer_bytes(&buffer)};
    stranger_says_signed(node, &host->self, RECORD_HELD, &held);
}

bool
false_host_leases(struct false_host *host, struct node *node)
{
    struct record_view view;
    struct verified_record record;
    struct signature signature;
    struct buffer buffer;
    if (!last_signed(host, node, RECORD_LEASE, &view) ||
        record_open(view.sealed, &fixture_network, &record) != STATUS_OK) {
        return false;
    }
    host->lease = lease_id_of_record(&view.id);
    record_cosign(&record, &host->self.keypair, &signature);
    buffer_init(&buffer, host->lease_bytes, sizeof host->lease_bytes);
    cr_assert_eq(record_append_cosigned(&record, &signature, &buffer), STATUS_OK);
    host->lease_length = buffer.length;
    const struct cosigned_message message = {.record = buffer_bytes(&buffer)};
    stranger_says(node, &host->self, &cosigned_message_schema, &message);
    return true;
}

bool
false_host_sees_start(struct false_host *host, struct node *node)
{
    struct bytes frame;
    static struct start_message start;
    struct record_view view;
    return node_last_sent(node, host->self.link, MESSAGE_START, &frame) &&
           message_decode(&start_message_schema, frame, &start) == STATUS_OK &&
           record_parse(start.voucher, &fixture_network, &view) == STATUS_OK &&
           codec_decode(&voucher_schema, view.envelope.body, &host->voucher) == STATUS_OK;
}

void
false_host_starts(struct false_host *host, struct node *node)
{
    const struct started_message started = {.lease = host->lease,
                                            .started_at_ms = (uint64_t)node->now.wall.ms};
    stranger_says(node, &host->self, &started_message_schema, &started);
}

void
false_host_runs(struct false_host *host, struct node *node, uint64_t client, uint32_t duration_s,
                bool attached)
{
    false_host_is_rented(node, client, duration_s, attached);
    cr_assert(false_host_sees_hold(host, node), "no HOLD came");
    false_host_holds(host, node);
    cr_assert(false_host_leases(host, node), "no CONFIRM came");
    cr_assert(false_host_sees_start(host, node), "no START came");
    false_host_starts(host, node);
}

void
false_host_meters(struct false_host *host, struct node *node, uint64_t run_ms)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct record_view view;
    host->meter_number++;
    const struct meter meter = {.lease = host->lease,
                                .number = host->meter_number,
                                .run_ms = run_ms,
                                .previous = host->meter};
    const struct bytes sealed = stranger_seals(node, &host->self, RECORD_METER, &meter, memory);
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    host->meter = view.id;
    const struct signed_message message = {.record = sealed};
    stranger_says(node, &host->self, &signed_message_schema, &message);
}

bool
false_host_sees_voucher(struct false_host *host, struct node *node)
{
    struct record_view view;
    return last_signed(host, node, RECORD_VOUCHER, &view) &&
           codec_decode(&voucher_schema, view.envelope.body, &host->voucher) == STATUS_OK;
}

void
false_host_ends(struct false_host *host, struct node *node, const struct final *final)
{
    struct final body = *final;
    body.lease = host->lease;
    stranger_says_signed(node, &host->self, RECORD_FINAL, &body);
}

struct lease_row
false_host_row(const struct false_host *host, const struct node *node)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &node->core->leases[i];
        if (lease->used && record_id_equal(&lease->row.hold, &host->hold)) {
            return lease->row;
        }
    }
    return (struct lease_row){.state = LEASE_VOID};
}
