#include "tests/core/node_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "tests/support/sealed.h"

const struct network_id fixture_network = {{7, 7, 7}};

static const int64_t first_wall_ms = INT64_C(1760000000000);

struct amount
micro(int64_t number)
{
    struct amount amount = amount_zero();
    cr_assert_eq(amount_of_micro(number, &amount), STATUS_OK);
    return amount;
}

static void
make_gpus(struct node *node, size_t count)
{
    node->gpu_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct gpu_class *class = NULL;
        node->gpus[i] = (struct gpu){.number = (uint16_t)i,
                                     .vram_mib = 24576,
                                     .fp16_gflops = 100000,
                                     .bandwidth_mb_s = 900000,
                                     .cuda = 1204,
                                     .capability = 809,
                                     .pcie_mb_s = 24000,
                                     .simulated = true};
        cr_assert_eq(gpu_class_find(bytes_of_text("rtx4090"), &class), STATUS_OK);
        node->gpus[i].gpu_class = class->number;
        snprintf(node->gpus[i].model, sizeof node->gpus[i].model, "Simulated rtx4090");
        snprintf(node->gpus[i].driver, sizeof node->gpus[i].driver, "sim");
    }
}

static void
forget(struct node *node)
{
    for (size_t i = 0; i < node->sent_count; i++) {
        free((void *)(uintptr_t)node->outbox[i].bytes.data);
    }
    node->sent_count = 0;
}

void
node_forget_sent(struct node *node)
{
    forget(node);
    memset(node->effect_counts, 0, sizeof node->effect_counts);
}

static void
keep_sent(struct node *node, bool is_answer, uint64_t to, struct bytes bytes)
{
    cr_assert_lt(node->sent_count, (size_t)OUTBOX_MAX);
    uint8_t *copy = malloc(bytes.length + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes.data, bytes.length);
    struct sent *sent = &node->outbox[node->sent_count++];
    *sent = (struct sent){.is_answer = is_answer, .to = to, .bytes = bytes_of(copy, bytes.length)};
    cr_assert_eq(message_type(sent->bytes, &sent->type), STATUS_OK);
}

static struct row_key
evidence_key(const struct record_id *hold, uint8_t what)
{
    struct row_key key = {.number = what};
    memcpy(key.id, hold->bytes, ID_LENGTH);
    return key;
}

static void
commit(struct node *node, const struct effect *effect)
{
    struct row row;
    const struct row_key evidence =
        evidence_key(&effect->as.evidence.hold, effect->as.evidence.what);
    switch ((int)effect->type) {
    case EFFECT_STORE_ROW:
        memory_store_put(node->store, &effect->as.row);
        break;
    case EFFECT_DELETE_ROW:
        memory_store_delete(node->store, effect->as.row.table, &effect->as.row.key);
        break;
    case EFFECT_STORE_EVIDENCE:
        row = (struct row){.table = TABLE_EVIDENCE,
                           .key = evidence,
                           .value = verified_bytes(&effect->as.evidence.record)};
        memory_store_put(node->store, &row);
        break;
    case EFFECT_DELETE_EVIDENCE:
        memory_store_delete(node->store, TABLE_EVIDENCE, &evidence);
        break;
    default:
        break;
    }
}

/* Verdicts wait until the batch is over, as the worker threads' do. */
struct verdict {
    struct link link;
    uint8_t bytes[RECORD_BYTES_MAX];
    size_t length;
};

static size_t
act(struct node *node, const struct effect *effect, struct verdict *verdicts, size_t count)
{
    switch ((int)effect->type) {
    case EFFECT_SEND:
        keep_sent(node, false, effect->as.frame.link.number, effect->as.frame.bytes);
        break;
    case EFFECT_ANSWER:
        keep_sent(node, true, effect->as.answer.client.number, effect->as.answer.bytes);
        break;
    case EFFECT_DROP:
        node->drops++;
        break;
    case EFFECT_JOB_START:
        node->last_job = effect->as.job;
        break;
    case EFFECT_DECIDE:
        node->last_decision = effect->as.decide.token;
        break;
    case EFFECT_CHECK:
        verdicts[count].link = effect->as.frame.link;
        verdicts[count].length = effect->as.frame.bytes.length;
        memcpy(verdicts[count].bytes, effect->as.frame.bytes.data, effect->as.frame.bytes.length);
        return count + 1;
    default:
        break;
    }
    return count;
}

static void
step_once(struct node *node, const struct event *event, struct verdict *verdicts, size_t *ret_count)
{
    struct event now = *event;
    now.now = node->now;
    effects_clear(node->effects);
    core_step(node->core, &now, node->effects);
    const size_t effects = node->effects->count;
    const size_t bytes = node->effects->arena_used;
    node->most_effects = effects > node->most_effects ? effects : node->most_effects;
    node->most_bytes = bytes > node->most_bytes ? bytes : node->most_bytes;
    cr_assert_leq(effects, (size_t)EFFECTS_STEP_MAX, "%zu effects of one step", effects);
    cr_assert_leq(bytes, (size_t)EFFECTS_STEP_BYTES, "%zu bytes of one step", bytes);
    for (size_t i = 0; i < effects; i++) {
        commit(node, &node->effects->list[i]);
    }
    *ret_count = 0;
    for (size_t i = 0; i < effects; i++) {
        node->effect_counts[node->effects->list[i].type]++;
        *ret_count = act(node, &node->effects->list[i], verdicts, *ret_count);
    }
}

void
node_step(struct node *node, const struct event *event)
{
    struct verdict *verdicts = calloc(2 * LIST_ITEMS_MAX, sizeof *verdicts);
    struct verdict *none = calloc(2 * LIST_ITEMS_MAX, sizeof *none);
    size_t count;
    size_t more;
    cr_assert(verdicts != NULL && none != NULL);
    step_once(node, event, verdicts, &count);
    for (size_t i = 0; i < count; i++) {
        struct event verdict = {.type = EVENT_RECORD_VERIFIED, .as.checked.link = verdicts[i].link};
        const struct bytes sealed = bytes_of(verdicts[i].bytes, verdicts[i].length);
        verdict.as.checked.status =
            record_open(sealed, &fixture_network, &verdict.as.checked.record);
        if (verdict.as.checked.status != STATUS_OK) {
            verdict.type = EVENT_RECORD_REFUSED;
        }
        step_once(node, &verdict, none, &more);
        cr_assert_eq(more, 0u);
    }
    free(verdicts);
    free(none);
}

static void
replay(struct node *node, enum table table)
{
    size_t count;
    struct row *rows = memory_store_list(node->store, table, &count);
    const size_t first = table == TABLE_LEDGER && count > 0 ? count - 1 : 0;
    for (size_t i = first; i < count; i++) {
        struct event event = {.type = EVENT_ROW, .as.row = rows[i]};
        if (table == TABLE_EVIDENCE) {
            event = (struct event){.type = EVENT_EVIDENCE};
            memcpy(event.as.evidence.hold.bytes, rows[i].key.id, ID_LENGTH);
            event.as.evidence.what = (uint8_t)rows[i].key.number;
            cr_assert_eq(
                record_from_store(rows[i].value, &fixture_network, &event.as.evidence.record),
                STATUS_OK);
        }
        node_step(node, &event);
    }
    free(rows);
}

static void
start(struct node *node)
{
    static const enum table tables[] = {
        TABLE_SETTINGS, TABLE_SEQUENCES, TABLE_LISTINGS, TABLE_BALANCES, TABLE_LEASES,
        TABLE_EVIDENCE, TABLE_LEDGER,    TABLE_REQUESTS, TABLE_GANGS,    TABLE_PEERS};
    struct event event = {.type = EVENT_STARTED,
                          .as.started = {.seed = 42, .boot_id = node->boot_id, .boot_nonce = 9}};
    node->core = core_new(&node->options);
    cr_assert_not_null(node->core);
    node_step(node, &event);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        replay(node, tables[i]);
    }
    node_step(node, &(struct event){.type = EVENT_RECOVERED});
    event = (struct event){.type = EVENT_GPUS,
                           .as.gpus = {.count = node->gpu_count, .list = node->gpus}};
    node_step(node, &event);
}

struct node *
node_new(const char *name, size_t gpus)
{
    struct node *node = calloc(1, sizeof *node);
    cr_assert_not_null(node);
    struct core_options *options = &node->options;
    cr_assert_eq(crypto_start(), STATUS_OK);
    keypair_for_test(1, bytes_of_text(name), &options->keypair);
    options->network = fixture_network;
    options->is_test_network = true;
    snprintf(options->network_name, sizeof options->network_name, "test");
    snprintf(options->label, sizeof options->label, "%s", name);
    snprintf(options->address, sizeof options->address, "tcp://127.0.0.1:7700");
    snprintf(options->stream_address, sizeof options->stream_address, "tcp://127.0.0.1:7701");
    options->region = REGION_EU;
    options->cpu_threads = 16;
    options->ram_mib = 65536;
    options->disk_mib = 500000;
    options->shelf_records_max = 1024;
    node->effects = effects_new();
    node->store = memory_store_new();
    node->boot_id = 77;
    node->now = (struct moment){.wall = {first_wall_ms}, .boot = {100000}};
    make_gpus(node, gpus);
    start(node);
    return node;
}

void
node_free(struct node *node)
{
    forget(node);
    core_free(node->core);
    effects_free(node->effects);
    memory_store_free(node->store);
    free(node);
}

void
node_restart(struct node *node, bool reboot)
{
    core_free(node->core);
    if (reboot) {
        node->boot_id++;
        node->now.boot.ms = 5000;
    }
    start(node);
}

void
node_wait(struct node *node, int64_t ms)
{
    const int64_t until_ms = node->now.boot.ms + ms;
    while (node->now.boot.ms < until_ms) {
        int64_t due = core_next_deadline(node->core).ms;
        due = due <= node->now.boot.ms ? node->now.boot.ms + 1 : due < until_ms ? due : until_ms;
        node->now.wall.ms += due - node->now.boot.ms;
        node->now.boot.ms = due;
        node_step(node, &(struct event){.type = EVENT_TICK});
    }
}

static struct bytes
encode(const struct schema *schema, const void *value, uint8_t *memory)
{
    struct buffer buffer;
    buffer_init(&buffer, memory, FRAME_BYTES_MAX);
    cr_assert_eq(message_encode(schema, value, &buffer), STATUS_OK, "%s", schema->name);
    return buffer_bytes(&buffer);
}

void
node_ask(struct node *node, uint64_t client, uint8_t type, const void *question)
{
    static uint8_t memory[FRAME_BYTES_MAX];
    const struct event event = {
        .type = EVENT_CONTROL,
        .as.control = {.client = {client},
                       .bytes = encode(control_schema(type), question, memory)}};
    node_step(node, &event);
}

unsigned
node_dones(const struct node *node, uint64_t client, uint8_t *ret_last_status)
{
    unsigned dones = 0;
    for (size_t i = 0; i < node->sent_count; i++) {
        struct control_done done;
        const struct sent *sent = &node->outbox[i];
        if (sent->is_answer && sent->to == client && sent->type == CONTROL_DONE &&
            message_decode(control_schema(CONTROL_DONE), sent->bytes, &done) == STATUS_OK) {
            dones++;
            if (ret_last_status != NULL) {
                *ret_last_status = done.status;
            }
        }
    }
    return dones;
}

size_t
node_rows(const struct node *node, uint64_t client, uint8_t wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < node->sent_count; i++) {
        struct control_row row;
        const struct sent *sent = &node->outbox[i];
        count += sent->is_answer && sent->to == client && sent->type == CONTROL_ROW &&
                 message_decode(control_schema(CONTROL_ROW), sent->bytes, &row) == STATUS_OK &&
                 row.row == wanted;
    }
    return count;
}

void
node_host(struct node *node, int64_t ask_micro)
{
    const struct control_host ask = {
        .ask_uusd_per_hour = micro(ask_micro), .lease_min_s = 1, .lease_max_s = 36000};
    uint8_t status = STATUS_COUNT - 1;
    node_ask(node, 900, CONTROL_HOST, &ask);
    cr_assert_eq(node_dones(node, 900, &status), 1u);
    cr_assert_eq(status, STATUS_OK);
}

void
stranger_init(struct stranger *stranger, const char *name)
{
    memset(stranger, 0, sizeof *stranger);
    keypair_for_test(2, bytes_of_text(name), &stranger->keypair);
    stranger->seq = 1;
}

struct bytes
stranger_seals(const struct node *node, struct stranger *stranger, uint8_t kind, const void *body,
               uint8_t *memory)
{
    uint8_t encoded[RECORD_BODY_MAX];
    struct buffer buffer;
    buffer_init(&buffer, encoded, sizeof encoded);
    cr_assert_eq(codec_encode(record_schema(kind), body, &buffer), STATUS_OK, "%s",
                 record_kind_name(kind));
    struct envelope envelope = {
        .version = RECORD_VERSION,
        .kind = kind,
        .network = fixture_network,
        .author = stranger->keypair.identity,
        .seq = record_kind_is_public(kind) ? (uint64_t)node->now.wall.ms + stranger->seq
                                           : stranger->seq,
        .issued_at_s = (uint64_t)node->now.wall.ms / 1000,
        .ttl_s = record_kind_is_public(kind) ? 3600 : 0,
        .body = buffer_bytes(&buffer),
    };
    stranger->seq++;
    if (kind == RECORD_LISTING) {
        envelope.detail = ((const struct listing *)body)->slot_group;
    }
    buffer_init(&buffer, memory, COSIGNED_BYTES_MAX);
    cr_assert_eq(record_seal(&envelope, &stranger->keypair, &buffer), STATUS_OK);
    return buffer_bytes(&buffer);
}

void
stranger_says(struct node *node, const struct stranger *stranger, const struct schema *schema,
              const void *value)
{
    uint8_t *memory = malloc(FRAME_BYTES_MAX);
    cr_assert_not_null(memory);
    const struct event event = {
        .type = EVENT_FRAME,
        .as.frame = {.link = stranger->link, .bytes = encode(schema, value, memory)}};
    node_step(node, &event);
    free(memory);
}

void
stranger_says_signed(struct node *node, struct stranger *stranger, uint8_t kind, const void *body)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    const struct signed_message message = {.record =
                                               stranger_seals(node, stranger, kind, body, memory)};
    stranger_says(node, stranger, &signed_message_schema, &message);
}

void
stranger_connect(struct node *node, struct stranger *stranger)
{
    uint8_t hello_bytes[COSIGNED_BYTES_MAX];
    uint8_t node_bytes[COSIGNED_BYTES_MAX];
    stranger->link = (struct link){++node->links};
    const struct event event = {.type = EVENT_LINK_UP,
                                .as.link_up = {.link = stranger->link,
                                               .key = stranger->keypair.channel_key,
                                               .address = bytes_of_text("127.0.0.9")}};
    node_step(node, &event);
    const struct hello hello = {.sender_key = stranger->keypair.channel_key,
                                .receiver_key = node->options.keypair.channel_key,
                                .protocol_min = 1,
                                .protocol_max = 1,
                                .time_ms = (uint64_t)node->now.wall.ms};
    const struct node_record record = {.channel_key = stranger->keypair.channel_key,
                                       .address = bytes_of_text("tcp://127.0.0.9:7700"),
                                       .stream_address = bytes_of_text("tcp://127.0.0.9:7701"),
                                       .label = bytes_of_text("stranger")};
    const struct hello_message message = {
        .hello = stranger_seals(node, stranger, RECORD_HELLO, &hello, hello_bytes),
        .node = stranger_seals(node, stranger, RECORD_NODE, &record, node_bytes)};
    stranger_says(node, stranger, &hello_message_schema, &message);
    cr_assert(stranger_is_connected(node, stranger));
}

void
stranger_disconnect(struct node *node, struct stranger *stranger)
{
    const struct event event = {.type = EVENT_LINK_DOWN, .as.link_down = stranger->link};
    node_step(node, &event);
}

bool
stranger_is_connected(const struct node *node, const struct stranger *stranger)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        const struct link_state *link = &node->core->links[i];
        if (link->used && link->introduced && link->link.number == stranger->link.number) {
            return true;
        }
    }
    return false;
}

bool
node_last_sent(const struct node *node, struct link link, uint8_t type, struct bytes *ret_bytes)
{
    for (size_t i = node->sent_count; i > 0; i--) {
        const struct sent *sent = &node->outbox[i - 1];
        if (!sent->is_answer && sent->to == link.number && sent->type == type) {
            *ret_bytes = sent->bytes;
            return true;
        }
    }
    return false;
}

unsigned
node_count_sent(const struct node *node, struct link link, uint8_t type)
{
    unsigned count = 0;
    for (size_t i = 0; i < node->sent_count; i++) {
        const struct sent *sent = &node->outbox[i];
        count += !sent->is_answer && sent->to == link.number && sent->type == type;
    }
    return count;
}

bool
stranger_pulls(struct node *node, struct stranger *stranger, uint8_t kind, struct bytes *ret_sealed)
{
    const struct pull_message pull = {.token = 5};
    struct bytes frame;
    struct page_message page;
    stranger_says(node, stranger, &pull_message_schema, &pull);
    node_wait(node, 200);
    if (!node_last_sent(node, stranger->link, MESSAGE_PAGE, &frame) ||
        message_decode(&page_message_schema, frame, &page) != STATUS_OK) {
        return false;
    }
    for (size_t i = 0; i < page.records.count; i++) {
        struct record_view view;
        if (record_parse(page.records.items[i], &fixture_network, &view) == STATUS_OK &&
            view.envelope.kind == kind &&
            peer_id_equal(&view.envelope.author, &node->options.keypair.identity)) {
            *ret_sealed = page.records.items[i];
            return true;
        }
    }
    return false;
}
