#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "node/io/log.h"
#include "node/io/loop_state.h"
#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "protocol/limits.h"

enum { RECORDS_A_ROUND = 200 };

/* A page of open holds and leases: their signed papers are read before the walk goes on, however many
 * there are. */
struct open_leases {
    struct loop *loop;
    size_t count;
    struct record_id holds[LEASES_OPEN_MAX];
};

static void
step_row(struct loop *loop, const struct row *row)
{
    struct event event = {.type = EVENT_ROW, .as.row = *row};
    event.as.row.value = loop_keep(loop, row->value);
    loop_step(loop, &event);
}

static bool
visit_row(void *context, const struct row *row)
{
    struct loop *loop = context;
    if (!loop_has_room(loop, row->value.length)) {
        return false;
    }
    step_row(loop, row);
    return true;
}

static bool
visit_lease(void *context, const struct row *row)
{
    struct open_leases *open = context;
    if (open->count == sizeof open->holds / sizeof open->holds[0] ||
        !loop_has_room(open->loop, row->value.length)) {
        return false;
    }
    struct lease_row lease;
    if (codec_decode(&lease_row_schema, row->value, &lease) == STATUS_OK &&
        lease_state_is_open((enum lease_state)lease.state)) {
        open->holds[open->count++] = lease.hold;
        const bool runs = lease.state == LEASE_STARTING || lease.state == LEASE_ACTIVE ||
                          lease.state == LEASE_FROZEN || lease.state == LEASE_DRAINING ||
                          lease.state == LEASE_ENDING;
        if (lease.is_host && runs && open->loop->world.jobs != NULL) {
            const struct lease_id id = lease_id_of_record(&lease.lease);
            jobs_expect(open->loop->world.jobs, &id);
        }
    }
    step_row(open->loop, row);
    return true;
}

static bool
visit_evidence(void *context, const struct row *row)
{
    struct loop *loop = context;
    if (!loop_has_room(loop, row->value.length)) {
        return false;
    }
    struct event event = {.type = EVENT_EVIDENCE};
    memcpy(event.as.evidence.hold.bytes, row->key.id, ID_LENGTH);
    event.as.evidence.what = (uint8_t)row->key.number;
    const struct bytes kept = loop_keep(loop, row->value);
    const enum status status =
        record_from_store(kept, &loop->world.network, &event.as.evidence.record);
    if (status != STATUS_OK) {
        log_line(LOG_ERROR, "a signed paper of a lease cannot be read: %s", status_text(status));
        return true;
    }
    loop_step(loop, &event);
    return true;
}

/* Visits all rows; between the calls of the store the batch is carried out when it is full. */
static enum status
scan_all(struct loop *loop, struct store_scan *scan,
         bool (*visit)(void *context, const struct row *row), void *context)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !scan->is_done) {
        status = store_scan_next(loop->world.store, scan, visit, context);
        if (!loop_has_room(loop, ROW_VALUE_BYTES_MAX)) {
            loop_flush(loop);
        }
    }
    return status;
}

static enum status
scan_table(struct loop *loop, enum table table)
{
    struct store_scan scan;
    store_scan_init(&scan, table);
    return scan_all(loop, &scan, visit_row, loop);
}

static enum status
scan_evidence(struct loop *loop, const struct open_leases *open)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < open->count && status == STATUS_OK; i++) {
        struct store_scan scan;
        store_scan_init(&scan, TABLE_EVIDENCE);
        scan.is_one_id = true;
        memcpy(scan.position.id, open->holds[i].bytes, ID_LENGTH);
        status = scan_all(loop, &scan, visit_evidence, loop);
    }
    return status;
}

/* A page of leases, their papers, the next page. */
static enum status
scan_leases(struct loop *loop, enum table table, struct open_leases *open)
{
    const size_t places = sizeof open->holds / sizeof open->holds[0];
    struct store_scan scan;
    store_scan_init(&scan, table);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !scan.is_done) {
        status = store_scan_next(loop->world.store, &scan, visit_lease, open);
        if (!loop_has_room(loop, ROW_VALUE_BYTES_MAX)) {
            loop_flush(loop);
        }
        if (status == STATUS_OK && (scan.is_done || open->count == places)) {
            status = scan_evidence(loop, open);
            open->count = 0;
        }
    }
    return status;
}

/* Only the last entry: the next one's number follows from it. */
static enum status
scan_ledger_end(struct loop *loop)
{
    struct store_scan scan;
    store_scan_init(&scan, TABLE_LEDGER);
    scan.is_backwards = true;
    scan.rows_max = 1;
    return store_scan_next(loop->world.store, &scan, visit_row, loop);
}

static enum status
scan_truth(struct loop *loop, struct open_leases *open)
{
    static const enum table before[] = {TABLE_SETTINGS, TABLE_SEQUENCES, TABLE_LISTINGS,
                                        TABLE_GRANTS, TABLE_BALANCES};
    static const enum table after[] = {TABLE_REQUESTS, TABLE_GANGS, TABLE_PEERS};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof before / sizeof before[0] && status == STATUS_OK; i++) {
        status = scan_table(loop, before[i]);
    }
    if (status == STATUS_OK) {
        status = scan_leases(loop, TABLE_HOLDS, open);
    }
    if (status == STATUS_OK) {
        status = scan_leases(loop, TABLE_LEASES, open);
    }
    if (status == STATUS_OK) {
        status = scan_ledger_end(loop);
    }
    for (size_t i = 0; i < sizeof after / sizeof after[0] && status == STATUS_OK; i++) {
        status = scan_table(loop, after[i]);
    }
    return status;
}

static void
step_started(struct loop *loop)
{
    struct event event = {.type = EVENT_STARTED,
                          .as.started = {.boot_id = loop->boot_id, .boot_nonce = loop->boot_nonce}};
    random_fill(&event.as.started.seed, sizeof event.as.started.seed);
    loop_step(loop, &event);
}

enum status
recovery_run(struct loop *loop)
{
    core_free(loop->core);
    loop->core = core_new(&loop->core_options);
    struct open_leases *open = calloc(1, sizeof *open);
    if (loop->core == NULL || open == NULL) {
        free(open);
        return STATUS_NO_MEMORY;
    }
    open->loop = loop;
    step_started(loop);
    enum status status = scan_truth(loop, open);
    free(open);
    if (status != STATUS_OK) {
        return status;
    }
    if (!loop_has_room(loop, 0)) {
        loop_flush(loop);
    }
    struct event event = {.type = EVENT_RECOVERED};
    loop_step(loop, &event);
    loop_flush(loop);
    loop->cache = (struct cache_walk){.is_guards = true};
    store_scan_init(&loop->cache.scan, TABLE_GUARDS);
    return STATUS_OK;
}

static bool
visit_record(void *context, const struct row *row)
{
    struct loop *loop = context;
    if (!loop_has_room(loop, row->value.length)) {
        return false;
    }
    struct event event = {.type = EVENT_STORED_RECORD};
    const struct bytes kept = loop_keep(loop, row->value);
    /* A record of another network's days in this directory, or a damaged one: gossip brings it anew. */
    if (record_from_store(kept, &loop->world.network, &event.as.record) == STATUS_OK) {
        loop_step(loop, &event);
    }
    return true;
}

enum status
recovery_go_on(struct loop *loop)
{
    struct cache_walk *cache = &loop->cache;
    if (cache->is_done) {
        return STATUS_OK;
    }
    cache->scan.rows_max = RECORDS_A_ROUND;
    const enum status status = store_scan_next(loop->world.store, &cache->scan,
                                               cache->is_guards ? visit_row : visit_record, loop);
    if (status == STATUS_OK && cache->scan.is_done) {
        cache->is_done = !cache->is_guards;
        cache->is_guards = false;
        store_scan_init(&cache->scan, TABLE_RECORDS);
    }
    return status;
}
