/* The trace: a hash over every byte that goes into and comes out of the cores, and the last lines of it. */
#include <stdio.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "protocol/message.h"
#include "tests/sim/world.h"

static const char *const event_texts[EVENT_TYPES] = {
    "started",      "row",         "stored record", "evidence",   "recovered", "tick",
    "link up",      "link down",   "frame",         "verified",   "refused",   "control",
    "control gone", "gpus",        "owner back",    "owner away", "workload",  "workload lost",
    "reader gone",  "reader back", "space",         "decided",
};

static const char *const effect_texts[EFFECT_TYPES] = {
    "store row",      "delete row",
    "store record",   "delete record",
    "store evidence", "delete evidence",
    "send",           "dial",
    "drop",           "check",
    "answer",         "answer ledger",
    "answer receipt", "job start",
    "job freeze",     "job thaw",
    "job warn",       "job kill",
    "job pay",        "job remove",
    "stream allow",   "stream forbid",
    "stream dial",    "stream close",
    "decide",         "log",
    "stop",
};

const char *
trace_event_name(unsigned type)
{
    return type < EVENT_TYPES ? event_texts[type] : "?";
}

const char *
trace_effect_name(unsigned type)
{
    return type < EFFECT_TYPES ? effect_texts[type] : "?";
}

static void
mix(struct world *world, uint64_t value)
{
    uint64_t x = (world->trace ^ value) * UINT64_C(0x9FB21C651E98DF25);
    world->trace = x ^ (x >> 29);
}

static void
mix_bytes(struct world *world, const void *data, size_t length)
{
    const uint8_t *at = data;
    mix(world, length);
    for (; length >= 8; at += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        mix(world, word);
    }
    for (; length > 0; at++, length--) {
        mix(world, *at);
    }
}

static void
mix_view(struct world *world, struct bytes bytes)
{
    mix_bytes(world, bytes.data, bytes.length);
}

static void
mix_row(struct world *world, const struct row *row)
{
    mix(world, row->table);
    mix_bytes(world, row->key.id, ID_LENGTH);
    mix(world, row->key.number);
    mix_view(world, row->value);
}

static struct line *
next_line(struct world *world, struct machine *machine)
{
    struct line *line = &machine->ring[machine->ring_count % RING_LINES];
    machine->ring_count++;
    *line = (struct line){.at_us = world->now_us, .step = world->tally.steps};
    return line;
}

static void
note_id(struct line *line, const uint8_t *id)
{
    memcpy(line->id, id, sizeof line->id);
}

/* The record inside a signed or cosigned frame: its kind. */
static const char *
frame_text(struct bytes bytes, uint8_t *ret_type)
{
    struct signed_message message;
    struct cosigned_message cosigned;
    *ret_type = 0;
    if (message_type(bytes, ret_type) != STATUS_OK) {
        return "garbage";
    }
    const struct schema *schema = message_schema(*ret_type);
    struct bytes sealed = bytes_of(NULL, 0);
    if (*ret_type == MESSAGE_SIGNED &&
        message_decode(&signed_message_schema, bytes, &message) == STATUS_OK) {
        sealed = message.record;
    } else if (*ret_type == MESSAGE_COSIGNED &&
               message_decode(&cosigned_message_schema, bytes, &cosigned) == STATUS_OK) {
        sealed = cosigned.record;
    }
    /* version and kind are the first two elements of the envelope's array */
    if (sealed.length > 3 && sealed.data[2] < RECORD_KIND_COUNT) {
        return record_kind_name(sealed.data[2]);
    }
    return schema == NULL ? "?" : schema->name;
}

static void
describe_row(struct line *line, const struct row *row)
{
    struct lease_row lease;
    static const char *const names[TABLE_COUNT] = {
#define TABLE_TEXT(name, text, environment, parts) text,
        TABLE_TABLE(TABLE_TEXT)
#undef TABLE_TEXT
    };
    line->text = names[row->table];
    note_id(line, row->key.id);
    if (row->table == TABLE_LEASES && row->value.length > 0 &&
        codec_decode(&lease_row_schema, row->value, &lease) == STATUS_OK) {
        line->text = name_table_name(&lease_state_names, lease.state);
    }
}

static void
describe_event(struct line *line, const struct event *event)
{
    uint8_t type;
    if (event->type == EVENT_FRAME) {
        line->text = frame_text(event->as.frame.bytes, &line->detail);
        line->id[0] = (uint8_t)event->as.frame.link.number;
    } else if (event->type == EVENT_LINK_UP) {
        line->id[0] = (uint8_t)event->as.link_up.link.number;
    } else if (event->type == EVENT_LINK_DOWN) {
        line->id[0] = (uint8_t)event->as.link_down.number;
    } else if (event->type == EVENT_CONTROL &&
               message_type(event->as.control.bytes, &type) == STATUS_OK) {
        line->detail = type;
        line->text = control_schema(type) == NULL ? "?" : control_schema(type)->name;
    } else if (event->type == EVENT_ROW) {
        describe_row(line, &event->as.row);
    } else if (event->type == EVENT_WORKLOAD) {
        line->detail = event->as.workload.state;
        note_id(line, event->as.workload.lease.bytes);
    } else if (event->type == EVENT_WORKLOAD_LOST) {
        note_id(line, event->as.lease.bytes);
    }
}

void
trace_event(struct world *world, struct machine *machine, const struct event *event)
{
    world->tally.events[event->type]++;
    mix(world, machine->index << 8 | event->type);
    mix(world, (uint64_t)event->now.wall.ms);
    mix(world, (uint64_t)event->now.boot.ms);
    switch ((int)event->type) { /* most types carry nothing more */
    case EVENT_ROW:
        mix_row(world, &event->as.row);
        break;
    case EVENT_STORED_RECORD:
        mix_view(world, verified_bytes(&event->as.record));
        break;
    case EVENT_EVIDENCE:
        mix_view(world, verified_bytes(&event->as.evidence.record));
        break;
    case EVENT_FRAME:
        mix(world, event->as.frame.link.number);
        mix_view(world, event->as.frame.bytes);
        break;
    case EVENT_CONTROL:
        mix_view(world, event->as.control.bytes);
        break;
    case EVENT_WORKLOAD:
        mix_bytes(world, event->as.workload.lease.bytes, ID_LENGTH);
        mix(world, event->as.workload.run_ms << 8 | event->as.workload.state);
        break;
    default:
        break;
    }
    if (event->type != EVENT_ROW && event->type != EVENT_STORED_RECORD) {
        struct line *line = next_line(world, machine);
        line->type = (uint8_t)event->type;
        describe_event(line, event);
    }
}

static void
copy_words(struct line *line, struct bytes text)
{
    const size_t length = text.length < sizeof line->words ? text.length : sizeof line->words - 1;
    if (length > 0) {
        memcpy(line->words, text.data, length);
    }
    line->words[length] = 0;
}

static void
describe_answer(struct line *line, struct bytes bytes)
{
    struct control_done done;
    struct control_note note;
    struct control_row row;
    if (message_decode(control_schema(CONTROL_DONE), bytes, &done) == STATUS_OK) {
        line->text = status_name((enum status)done.status);
        copy_words(line, done.text);
    } else if (message_decode(control_schema(CONTROL_NOTE), bytes, &note) == STATUS_OK) {
        copy_words(line, note.text);
    } else if (message_decode(control_schema(CONTROL_ROW), bytes, &row) == STATUS_OK) {
        line->text = control_row_schema(row.row)->name;
    }
}

static void
describe_effect(struct line *line, const struct effect *effect)
{
    switch ((int)effect->type) {
    case EFFECT_SEND:
        line->text = frame_text(effect->as.frame.bytes, &line->detail);
        line->id[0] = (uint8_t)effect->as.frame.link.number;
        break;
    case EFFECT_STORE_ROW:
    case EFFECT_DELETE_ROW:
        describe_row(line, &effect->as.row);
        break;
    case EFFECT_STORE_EVIDENCE:
        line->detail = effect->as.evidence.what;
        note_id(line, effect->as.evidence.hold.bytes);
        break;
    case EFFECT_DROP:
        line->text = effect->as.drop.why;
        line->id[0] = (uint8_t)effect->as.drop.link.number;
        break;
    case EFFECT_ANSWER:
        describe_answer(line, effect->as.answer.bytes);
        break;
    case EFFECT_LOG:
        copy_words(line, effect->as.log.text);
        break;
    case EFFECT_JOB_START:
    case EFFECT_JOB_FREEZE:
    case EFFECT_JOB_THAW:
    case EFFECT_JOB_WARN:
    case EFFECT_JOB_KILL:
    case EFFECT_JOB_PAY:
    case EFFECT_JOB_REMOVE:
        note_id(line, effect->as.job.lease.bytes);
        break;
    default:
        break;
    }
}

void
trace_effect(struct world *world, struct machine *machine, const struct effect *effect)
{
    world->tally.effects[effect->type]++;
    mix(world, machine->index << 8 | effect->type | 0x8000);
    switch ((int)effect->type) {
    case EFFECT_STORE_ROW:
    case EFFECT_DELETE_ROW:
        mix_row(world, &effect->as.row);
        break;
    case EFFECT_STORE_RECORD:
        mix_view(world, verified_bytes(&effect->as.record));
        break;
    case EFFECT_STORE_EVIDENCE:
        mix_view(world, verified_bytes(&effect->as.evidence.record));
        break;
    case EFFECT_SEND:
    case EFFECT_CHECK:
        mix(world, effect->as.frame.link.number);
        mix_view(world, effect->as.frame.bytes);
        break;
    case EFFECT_ANSWER:
        mix_view(world, effect->as.answer.bytes);
        break;
    case EFFECT_LOG:
        mix_view(world, effect->as.log.text);
        break;
    case EFFECT_JOB_START:
    case EFFECT_JOB_PAY:
        mix(world, effect->as.job.paid_run_ms);
        mix_bytes(world, effect->as.job.lease.bytes, ID_LENGTH);
        break;
    default:
        break;
    }
    struct line *line = next_line(world, machine);
    line->is_effect = true;
    line->type = (uint8_t)effect->type;
    describe_effect(line, effect);
}

void
trace_print(const struct world *world, const struct machine *machine)
{
    const size_t first = machine->ring_count > 50 ? machine->ring_count - 50 : 0;
    const struct moment now = machine_now(world, machine);
    printf("sim: machine %u (%s), run %u, boot clock %lld ms, wall %lld ms; its last events:\n",
           machine->index, machine->options.label, machine->run, (long long)now.boot.ms,
           (long long)now.wall.ms);
    for (size_t i = first; i < machine->ring_count; i++) {
        const struct line *line = &machine->ring[i % RING_LINES];
        printf("  %8lld.%06lld #%llu %s %-14s %3u %02x%02x%02x%02x %s %s\n",
               (long long)(line->at_us / SECOND), (long long)(line->at_us % SECOND),
               (unsigned long long)line->step, line->is_effect ? "  <-" : "->",
               line->is_effect ? trace_effect_name(line->type) : trace_event_name(line->type),
               line->detail, line->id[0], line->id[1], line->id[2], line->id[3],
               line->text == NULL ? "" : line->text, line->words);
    }
}
