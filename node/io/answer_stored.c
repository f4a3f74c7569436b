#include "node/io/answer_stored.h"

#include <stdlib.h>
#include <string.h>

#include "node/io/answer.h"
#include "node/io/log.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"
#include "protocol/row.h"

enum { LEDGER_ROWS_MAX = 1000 };

struct ledger_walk {
    struct world *world;
    const struct effect *effect;
    uint32_t sent;
};

static bool
visit_ledger(void *context, const struct row *row)
{
    struct ledger_walk *walk = context;
    struct ledger_row entry;
    if (row->key.number <= walk->effect->as.stored.after_number) {
        return true; /* the scan begins with the number itself */
    }
    if (codec_decode(&ledger_row_schema, row->value, &entry) != STATUS_OK) {
        log_line(LOG_ERROR, "entry %llu of the ledger cannot be read",
                 (unsigned long long)row->key.number);
        return true;
    }
    const struct ledger_view view = {.number = entry.number,
                                     .at_ms = entry.at_ms,
                                     .debit = entry.debit,
                                     .credit = entry.credit,
                                     .amount_uusd = entry.amount_uusd,
                                     .peer = entry.peer,
                                     .lease = entry.lease,
                                     .evidence = entry.evidence};
    answer_row(walk->world->control, walk->effect->as.stored.client, ROW_LEDGER, &view);
    walk->sent++;
    return true;
}

void
answer_ledger(struct world *world, const struct effect *effect)
{
    const uint16_t limit = effect->as.stored.limit;
    const uint32_t most = limit == 0 || limit > LEDGER_ROWS_MAX ? LEDGER_ROWS_MAX : limit;
    struct ledger_walk walk = {.world = world, .effect = effect};
    struct store_scan scan;
    store_scan_init(&scan, TABLE_LEDGER);
    scan.position.number = effect->as.stored.after_number + 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !scan.is_done && walk.sent < most) {
        scan.rows_max = most - walk.sent;
        status = store_scan_next(world->store, &scan, visit_ledger, &walk);
    }
    answer_done(world->control, effect->as.stored.client, status,
                status == STATUS_OK ? "" : "the ledger cannot be read; see gpulet doctor");
}

/* The papers of a receipt as they are kept. */
struct papers {
    uint8_t lease[COSIGNED_BYTES_MAX];
    uint8_t final[COSIGNED_BYTES_MAX];
    uint8_t voucher[COSIGNED_BYTES_MAX];
    uint8_t first_meter[COSIGNED_BYTES_MAX];
    uint8_t meter[COSIGNED_BYTES_MAX];
};

/* Empty when it is not there. */
static struct bytes
read_paper(struct world *world, const struct record_id *hold, enum evidence what,
           uint8_t memory[COSIGNED_BYTES_MAX])
{
    struct row_key key = {.number = what};
    memcpy(key.id, hold->bytes, ID_LENGTH);
    struct buffer buffer;
    buffer_init(&buffer, memory, COSIGNED_BYTES_MAX);
    const enum status status = store_get(world->store, TABLE_EVIDENCE, &key, &buffer);
    return status == STATUS_OK ? buffer_bytes(&buffer) : bytes_of(NULL, 0);
}

static void
add_meter(struct bytes_list *meters, struct bytes meter)
{
    if (meter.length > 0 &&
        (meters->count == 0 || !bytes_equal(meters->items[meters->count - 1], meter))) {
        meters->items[meters->count++] = meter;
    }
}

/* What the two signed records say, for the row's plain fields. */
static enum status
fill_view(const struct receipt_bundle *bundle, struct receipt_view *view)
{
    struct record_view lease;
    struct record_view final;
    struct lease_terms terms;
    struct final end;
    enum status status = record_parse_cosigned(bundle->lease, &bundle->network, &lease);
    if (status == STATUS_OK) {
        status = record_parse_cosigned(bundle->receipt, &bundle->network, &final);
    }
    if (status == STATUS_OK) {
        status = codec_decode(&lease_terms_schema, lease.envelope.body, &terms);
    }
    if (status == STATUS_OK) {
        status = codec_decode(&final_schema, final.envelope.body, &end);
    }
    if (status != STATUS_OK) {
        return status;
    }
    view->lease = lease_id_of_record(&lease.id);
    view->host = terms.host;
    view->renter = terms.renter;
    view->amount_uusd = end.amount_uusd;
    view->run_ms = end.run_ms;
    view->reason = end.reason;
    view->ended_at_s = end.ended_at_s;
    return STATUS_OK;
}

static enum status
send_receipt(struct world *world, const struct effect *effect, struct papers *papers)
{
    const struct record_id *hold = &effect->as.stored.hold;
    struct receipt_bundle bundle = {.network = world->network};
    bundle.lease = read_paper(world, hold, EVIDENCE_LEASE, papers->lease);
    bundle.receipt = read_paper(world, hold, EVIDENCE_FINAL, papers->final);
    bundle.voucher = read_paper(world, hold, EVIDENCE_VOUCHER, papers->voucher);
    add_meter(&bundle.meters, read_paper(world, hold, EVIDENCE_FIRST_METER, papers->first_meter));
    add_meter(&bundle.meters, read_paper(world, hold, EVIDENCE_METER, papers->meter));
    struct receipt_view view = {.reason = 0};
    enum status status = fill_view(&bundle, &view);
    uint8_t memory[8 * COSIGNED_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    if (status == STATUS_OK) {
        status = codec_encode(&receipt_bundle_schema, &bundle, &buffer);
    }
    if (status == STATUS_OK) {
        view.bundle = buffer_bytes(&buffer);
        answer_row(world->control, effect->as.stored.client, ROW_RECEIPT, &view);
    }
    return status;
}

void
answer_receipt(struct world *world, const struct effect *effect)
{
    struct papers *papers = malloc(sizeof *papers);
    const enum status status =
        papers == NULL ? STATUS_NO_MEMORY : send_receipt(world, effect, papers);
    free(papers);
    answer_done(world->control, effect->as.stored.client,
                status == STATUS_OK ? STATUS_OK : STATUS_NOT_FOUND,
                status == STATUS_OK
                    ? ""
                    : "there is no receipt yet: it exists once both sides have signed the end");
}
