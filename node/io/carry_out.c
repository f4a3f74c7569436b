#include "node/io/carry_out.h"

#include "node/io/answer_stored.h"
#include "node/io/log.h"
#include "storage/transaction.h"

static bool
is_stored(const struct effect *effect)
{
    switch (effect->type) {
    case EFFECT_STORE_ROW:
    case EFFECT_DELETE_ROW:
    case EFFECT_STORE_RECORD:
    case EFFECT_DELETE_RECORD:
    case EFFECT_STORE_EVIDENCE:
    case EFFECT_DELETE_EVIDENCE:
        return true;
    case EFFECT_SEND:
    case EFFECT_DIAL:
    case EFFECT_DROP:
    case EFFECT_CHECK:
    case EFFECT_ANSWER:
    case EFFECT_ANSWER_LEDGER:
    case EFFECT_ANSWER_RECEIPT:
    case EFFECT_JOB_START:
    case EFFECT_JOB_FREEZE:
    case EFFECT_JOB_THAW:
    case EFFECT_JOB_WARN:
    case EFFECT_JOB_KILL:
    case EFFECT_JOB_PAY:
    case EFFECT_JOB_REMOVE:
    case EFFECT_STREAM_ALLOW:
    case EFFECT_STREAM_FORBID:
    case EFFECT_STREAM_DIAL:
    case EFFECT_STREAM_CLOSE:
    case EFFECT_DECIDE:
    case EFFECT_LOG:
    case EFFECT_STOP:
        return false;
    }
    return false;
}

static struct row_key
key_of(const struct record_id *id, uint64_t number)
{
    struct row_key key = {.number = number};
    for (size_t i = 0; i < ID_LENGTH; i++) {
        key.id[i] = id->bytes[i];
    }
    return key;
}

static void
write_one(struct transaction *transaction, const struct effect *effect)
{
    const struct lease_id lease = lease_id_of_record(&effect->as.evidence.hold);
    const struct row_key evidence = key_of(&effect->as.evidence.hold, effect->as.evidence.what);
    const struct row_key record = key_of(&effect->as.record_id, 0);
    switch ((int)effect->type) {
    case EFFECT_STORE_ROW:
        transaction_put(transaction, &effect->as.row);
        break;
    case EFFECT_DELETE_ROW:
        transaction_delete(transaction, effect->as.row.table, &effect->as.row.key);
        break;
    case EFFECT_STORE_RECORD:
        transaction_put_record(transaction, &effect->as.record);
        break;
    case EFFECT_DELETE_RECORD:
        transaction_delete(transaction, TABLE_RECORDS, &record);
        break;
    case EFFECT_STORE_EVIDENCE:
        transaction_put_evidence(transaction, &lease, effect->as.evidence.what,
                                 &effect->as.evidence.record);
        break;
    case EFFECT_DELETE_EVIDENCE:
        transaction_delete(transaction, TABLE_EVIDENCE, &evidence);
        break;
    default:
        break;
    }
}

/* The whole batch becomes durable, or nothing of it. */
static enum status
commit(struct world *world, const struct effects *effects)
{
    struct transaction *transaction = NULL;
    for (size_t i = 0; i < effects->count; i++) {
        if (!is_stored(&effects->list[i])) {
            continue;
        }
        if (transaction == NULL) {
            transaction = transaction_begin(world->store);
        }
        write_one(transaction, &effects->list[i]);
    }
    if (transaction == NULL) {
        return STATUS_OK;
    }
    enum status cache = STATUS_OK;
    const enum status status = transaction_commit(transaction, &cache);
    if (cache != STATUS_OK) {
        log_line(LOG_WARNING, "gossiped records were not kept: %s", status_text(cache));
    }
    return status;
}

static void
dial(struct world *world, const struct effect *effect)
{
    const enum status status =
        peers_dial(world->peers, effect->as.dial.address, &effect->as.dial.key);
    if (status != STATUS_OK) {
        log_line(LOG_DEBUG, "a peer cannot be dialled: %s", status_text(status));
    }
}

static void
answer(struct world *world, const struct effect *effect)
{
    const struct client client = effect->as.answer.client;
    if (client.number == 0) {
        return; /* we asked ourselves, at the start */
    }
    if (control_send(world->control, client, effect->as.answer.bytes) == STATUS_BUSY) {
        log_line(LOG_WARNING, "a command does not read its answer; the rest of it is dropped");
    }
}

static void
act(struct world *world, const struct effect *effect)
{
    switch (effect->type) {
    case EFFECT_STORE_ROW:
    case EFFECT_DELETE_ROW:
    case EFFECT_STORE_RECORD:
    case EFFECT_DELETE_RECORD:
    case EFFECT_STORE_EVIDENCE:
    case EFFECT_DELETE_EVIDENCE:
        break;
    case EFFECT_SEND:
        peers_send(world->peers, effect->as.frame.link, effect->as.frame.bytes);
        break;
    case EFFECT_DIAL:
        dial(world, effect);
        break;
    case EFFECT_DROP:
        log_line(LOG_INFO, "a peer is dropped: %s",
                 effect->as.drop.why == NULL ? "no reason" : effect->as.drop.why);
        peers_drop(world->peers, effect->as.drop.link);
        break;
    case EFFECT_CHECK:
        checks_add(world->checks, effect->as.frame.link, effect->as.frame.bytes);
        break;
    case EFFECT_ANSWER:
        answer(world, effect);
        break;
    case EFFECT_ANSWER_LEDGER:
        answer_ledger(world, effect);
        break;
    case EFFECT_ANSWER_RECEIPT:
        answer_receipt(world, effect);
        break;
    case EFFECT_JOB_START:
    case EFFECT_JOB_FREEZE:
    case EFFECT_JOB_THAW:
    case EFFECT_JOB_WARN:
    case EFFECT_JOB_KILL:
    case EFFECT_JOB_PAY:
    case EFFECT_JOB_REMOVE:
        jobs_carry_out(world->jobs, effect->type, &effect->as.job);
        break;
    case EFFECT_STREAM_ALLOW:
    case EFFECT_STREAM_FORBID:
    case EFFECT_STREAM_DIAL:
    case EFFECT_STREAM_CLOSE:
        streams_carry_out(world->streams, effect);
        break;
    case EFFECT_DECIDE:
        decide_ask(world->decide, effect->as.decide.token, effect->as.decide.json);
        break;
    case EFFECT_LOG:
        log_text(effect->as.log.level, effect->as.log.text);
        break;
    case EFFECT_STOP:
        world->should_stop = true;
        break;
    }
}

enum status
carry_out(struct world *world, const struct effects *effects)
{
    const enum status status = commit(world, effects);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < effects->count; i++) {
        act(world, &effects->list[i]);
    }
    if (world->checks != NULL) {
        checks_start(world->checks);
    }
    return STATUS_OK;
}
