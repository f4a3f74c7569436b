/* Signature checks under load: every verdict right and in order, with any number of threads, batches of
 * any size, and an end in the middle. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/io/checks.h"
#include "tests/support/sealed.h"

enum { KINDS = 64, ROUNDS = 6000, BATCH_MAX = 300, ITEMS = 8 };

struct load {
    struct sealed_record good[KINDS];
    struct sealed_record bad[KINDS]; /* the same with a bit of the signature turned */
    struct record_id ids[KINDS];
    uint64_t next; /* the number of the verdict that is due */
    uint64_t refused;
};

/* A record's number says which it is, and whether it is spoilt. */
static bool
is_bad(uint64_t number)
{
    return number % 7 == 3;
}

static void
take(void *context, const struct event *event)
{
    struct load *load = context;
    const uint64_t number = event->as.checked.link.number;
    assert(number == load->next);
    load->next++;
    if (is_bad(number)) {
        assert(event->type == EVENT_RECORD_REFUSED);
        assert(event->as.checked.status == STATUS_BAD_SIGNATURE);
        load->refused++;
        return;
    }
    assert(event->type == EVENT_RECORD_VERIFIED);
    assert(record_id_equal(verified_id(&event->as.checked.record), &load->ids[number % KINDS]));
    assert(bytes_equal(verified_bytes(&event->as.checked.record),
                       sealed_bytes(&load->good[number % KINDS])));
}

static void
make_records(struct load *load, const struct network_id *network)
{
    static uint8_t memory[4096];
    struct sample sample;
    const struct keypair keypair = sealed_keypair("author");
    sample_init(&sample, 11, memory, sizeof memory);
    for (size_t i = 0; i < KINDS; i++) {
        struct record_view view;
        sample_reuse(&sample);
        sealed_random(&load->good[i], RECORD_WITHDRAWAL, &keypair, &sample);
        const struct bytes bytes = sealed_bytes(&load->good[i]);
        const enum status status = record_parse(bytes, network, &view);
        assert(status == STATUS_OK);
        load->ids[i] = view.id;
        load->bad[i] = load->good[i];
        load->bad[i].sealed.data = load->bad[i].bytes;
        load->bad[i].bytes[bytes.length - 1 - i % 60] ^= 1;
    }
}

static void
add_batch(struct load *load, struct checks *checks, uint64_t first, uint64_t count)
{
    for (uint64_t number = first; number < first + count; number++) {
        const struct sealed_record *record =
            is_bad(number) ? &load->bad[number % KINDS] : &load->good[number % KINDS];
        checks_add(checks, (struct link){number}, sealed_bytes(record));
    }
    checks_start(checks);
}

/* Adds batches while earlier ones are at work, as the loop does; returns with `left` not collected. */
static void
run(struct load *load, struct checks *checks, struct sample *sample, uint64_t left)
{
    const struct sink sink = {.take = take, .context = load};
    zmq_pollitem_t items[ITEMS];
    uint64_t added = 0;
    load->next = 0;
    load->refused = 0;
    while (load->next + left < ROUNDS) {
        if (added < ROUNDS && !checks_are_many(checks)) {
            uint64_t batch = 1 + sample_below(sample, BATCH_MAX);
            batch = batch < ROUNDS - added ? batch : ROUNDS - added;
            add_batch(load, checks, added, batch);
            added += batch;
        }
        struct poll_set set = {.items = items, .capacity = ITEMS};
        checks_add_to_poll(checks, &set);
        zmq_poll(items, (int)set.count, added < ROUNDS ? 0 : 20);
        (void)checks_collect(checks, &sink);
        checks_release(checks);
    }
}

int
main(void)
{
    static struct load load;
    static uint8_t memory[64];
    struct sample sample;
    const enum status started = crypto_start();
    assert(started == STATUS_OK);
    const struct network_id network = sealed_network("test");
    sample_init(&sample, 12, memory, sizeof memory);
    make_records(&load, &network);
    for (unsigned threads = 0; threads <= 8; threads = threads * 2 + 1) {
        for (unsigned midway = 0; midway < 2; midway++) {
            struct checks *checks = checks_new(&network, threads);
            assert(checks != NULL);
            run(&load, checks, &sample, midway == 0 ? 0 : ROUNDS / 2);
            assert(midway != 0 || (load.next == ROUNDS && load.refused == ROUNDS / 7));
            checks_free(checks);
        }
    }
    printf("checks: %d records, four times over, and ends midway\n", ROUNDS);
    return 0;
}
