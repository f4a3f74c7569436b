#include "node/core/say.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/envelope.h"
#include "protocol/reader.h"

bool
say_has_room(struct core *core)
{
    const struct effects *effects = core->effects;
    const bool has_room = effects->count - core->step_count < EFFECTS_STEP_MAX / 2 &&
                          effects->arena_used - core->step_bytes < EFFECTS_STEP_BYTES / 2;
    core->unfinished = core->unfinished || !has_room;
    return has_room;
}

static struct bytes
encoded(struct core *core, const struct schema *schema, const void *value, bool as_message)
{
    const size_t most = schema_encoded_max(schema) + 8;
    const size_t capacity = most < FRAME_BYTES_MAX ? most : FRAME_BYTES_MAX;
    struct effects *effects = core->effects;
    struct buffer buffer;
    buffer_init(&buffer, effects_take(effects, capacity), capacity);
    const enum status status =
        as_message ? message_encode(schema, value, &buffer) : codec_encode(schema, value, &buffer);
    assert(status == STATUS_OK);
    effects->arena_used -= capacity - buffer.length;
    return buffer_bytes(&buffer);
}

void
say_message(struct core *core, struct link link, const struct schema *schema, const void *value)
{
    const struct bytes bytes = encoded(core, schema, value, true);
    struct effect *effect = effects_add(core->effects, EFFECT_SEND);
    effect->as.frame.link = link;
    effect->as.frame.bytes = bytes;
}

void
say_signed(struct core *core, struct link link, struct bytes sealed)
{
    const struct signed_message message = {.record = sealed};
    say_message(core, link, &signed_message_schema, &message);
}

void
say_cosigned(struct core *core, struct link link, struct bytes cosigned)
{
    const struct cosigned_message message = {.record = cosigned};
    say_message(core, link, &cosigned_message_schema, &message);
}

bool
say_make_cosigned(struct core *core, const struct verified_record *record, struct buffer *ret_bytes,
                  struct verified_record *ret_cosigned)
{
    struct signature signature;
    record_cosign(record, &core->options.keypair, &signature);
    buffer_init(ret_bytes, effects_take(core->effects, COSIGNED_BYTES_MAX), COSIGNED_BYTES_MAX);
    return record_append_cosigned(record, &signature, ret_bytes) == STATUS_OK &&
           record_from_store(buffer_bytes(ret_bytes), &core->options.network, ret_cosigned) ==
               STATUS_OK;
}

static bool
is_nobody(struct client client)
{
    return client.number == 0 || (client.number & STANDING_CLIENT) != 0;
}

static void
say_answer(struct core *core, struct client client, const struct schema *schema, const void *value)
{
    if (is_nobody(client)) {
        return;
    }
    const struct bytes bytes = encoded(core, schema, value, true);
    struct effect *effect = effects_add(core->effects, EFFECT_ANSWER);
    effect->as.answer.client = client;
    effect->as.answer.bytes = bytes;
}

void
say_row(struct core *core, struct client client, uint8_t row, const void *view)
{
    if (is_nobody(client)) {
        return;
    }
    const struct control_row answer = {
        .row = row, .value = encoded(core, control_row_schema(row), view, false)};
    say_answer(core, client, control_schema(CONTROL_ROW), &answer);
}

struct bytes
say_cut(struct bytes text, size_t most)
{
    size_t length = text.length < most ? text.length : most;
    while (length > 0 && length < text.length && (text.data[length] & 0xC0) == 0x80) {
        length--; /* the next byte goes on with a character */
    }
    const struct bytes cut = bytes_of(text.data, length);
    return text_is_valid(cut) ? cut : bytes_of_text("?");
}

/* What vsnprintf has left in `text`. */
static struct bytes
text_printed(char *text, size_t size, int length)
{
    const size_t used = length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
    if (used == 0 || used == (size_t)length) {
        return say_cut(bytes_of(text, used), used);
    }
    size_t whole = used; /* cut: whatever character it ends in may not be whole */
    while (whole > 0 && ((unsigned char)text[whole - 1] & 0xC0) == 0x80) {
        whole--;
    }
    if (whole > 0 && ((unsigned char)text[whole - 1] & 0xC0) == 0xC0) {
        whole--;
    }
    return say_cut(bytes_of(text, whole), whole);
}

void
say_note(struct core *core, struct client client, enum note_level level, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const struct control_note note = {.level = (uint8_t)level,
                                      .text = text_printed(text, sizeof text, length)};
    say_answer(core, client, control_schema(CONTROL_NOTE), &note);
}

void
say_done(struct core *core, struct client client, enum status status, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const struct control_done done = {.status = (uint8_t)status,
                                      .text = text_printed(text, sizeof text, length)};
    say_answer(core, client, control_schema(CONTROL_DONE), &done);
}

void
say_log(struct core *core, enum log_level level, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const struct bytes kept = effects_copy(core->effects, text_printed(text, sizeof text, length));
    struct effect *effect = effects_add(core->effects, EFFECT_LOG);
    effect->as.log.level = level;
    effect->as.log.text = kept;
}

struct verified_record
say_seal(struct core *core, struct seal_order order, const void *body)
{
    const struct envelope envelope = {
        .version = RECORD_VERSION,
        .kind = order.kind,
        .network = core->options.network,
        .author = core->options.keypair.identity,
        .seq = order.seq,
        .issued_at_s = (uint64_t)core->now.wall.ms / 1000,
        .ttl_s = order.ttl_s,
        .detail = order.detail,
        .body = encoded(core, record_schema(order.kind), body, false),
    };
    struct buffer buffer;
    buffer_init(&buffer, effects_take(core->effects, RECORD_BYTES_MAX), RECORD_BYTES_MAX);
    enum status status = record_seal(&envelope, &core->options.keypair, &buffer);
    assert(status == STATUS_OK);
    struct verified_record record;
    status = record_from_store(buffer_bytes(&buffer), &core->options.network, &record);
    assert(status == STATUS_OK);
    return record;
}

static struct sequence_row *
sequence_find(struct core *core, uint64_t kind_and_detail)
{
    for (size_t i = 0; i < core->sequence_count; i++) {
        if (core->sequences[i].kind_and_detail == kind_and_detail) {
            return &core->sequences[i];
        }
    }
    return NULL;
}

/* Ours to bound: only kinds and slots that we use ourselves come here. */
static struct sequence_row *
sequence_of(struct core *core, uint64_t kind_and_detail)
{
    struct sequence_row *row = sequence_find(core, kind_and_detail);
    if (row == NULL) {
        assert(core->sequence_count < SEQUENCES_MAX);
        row = &core->sequences[core->sequence_count];
        core->sequence_count++;
        *row = (struct sequence_row){.kind_and_detail = kind_and_detail};
    }
    return row;
}

void
say_set_seq(struct core *core, uint64_t kind_and_detail, uint64_t seq)
{
    struct sequence_row *row = sequence_of(core, kind_and_detail);
    if (seq > row->seq) {
        row->seq = seq;
    }
}

uint64_t
say_last_seq(const struct core *core, uint8_t kind, uint32_t detail)
{
    const uint64_t wanted = (uint64_t)kind << 32 | detail;
    for (size_t i = 0; i < core->sequence_count; i++) {
        if (core->sequences[i].kind_and_detail == wanted) {
            return core->sequences[i].seq;
        }
    }
    return 0;
}

uint64_t
say_next_seq(struct core *core, uint8_t kind, uint32_t detail)
{
    const uint64_t kind_and_detail = (uint64_t)kind << 32 | detail;
    const uint64_t wall = core->now.wall.ms > 0 ? (uint64_t)core->now.wall.ms : 1;
    uint64_t last = say_last_seq(core, kind, detail);
    /* Left by a clock that was far ahead: nobody has taken such a record, and nobody would take the
     * next one either before that time has come. */
    if (record_kind_is_public(kind) && last > wall + RECORD_SEQ_AHEAD_MS_MAX) {
        last = 0;
    }
    struct sequence_row *row = sequence_of(core, kind_and_detail);
    row->seq = last + 1 > wall ? last + 1 : wall;
    const struct row_key key = row_key_of_number(kind_and_detail);
    say_store(core, TABLE_SEQUENCES, &key, &sequence_row_schema, row);
    return row->seq;
}

void
say_store(struct core *core, enum table table, const struct row_key *key,
          const struct schema *schema, const void *value)
{
    const struct bytes bytes = encoded(core, schema, value, false);
    struct effect *effect = effects_add(core->effects, EFFECT_STORE_ROW);
    effect->as.row = (struct row){.table = table, .key = *key, .value = bytes};
}

void
say_delete(struct core *core, enum table table, const struct row_key *key)
{
    struct effect *effect = effects_add(core->effects, EFFECT_DELETE_ROW);
    effect->as.row = (struct row){.table = table, .key = *key};
}

void
say_store_evidence(struct core *core, const struct record_id *hold, enum evidence what,
                   const struct verified_record *record)
{
    const struct verified_record kept = effects_keep_record(core->effects, record);
    struct effect *effect = effects_add(core->effects, EFFECT_STORE_EVIDENCE);
    effect->as.evidence.hold = *hold;
    effect->as.evidence.what = (uint8_t)what;
    effect->as.evidence.record = kept;
}

struct row_key
row_key_of_number(uint64_t number)
{
    return (struct row_key){.number = number};
}

struct row_key
row_key_of_id(const uint8_t id[ID_LENGTH], uint64_t number)
{
    struct row_key key = {.number = number};
    memcpy(key.id, id, ID_LENGTH);
    return key;
}

uint64_t
say_random(struct core *core)
{
    uint64_t x = core->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    core->random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}
