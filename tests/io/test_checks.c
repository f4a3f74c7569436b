#include "node/io/checks.h"

#include <criterion/criterion.h>
#include <string.h>

#include "crypto/digest.h"
#include "tests/support/sealed.h"

enum { RECORDS = 3000, ITEMS = 8 };

struct heard {
    size_t count;
    struct link links[RECORDS];
    enum event_type types[RECORDS];
    struct record_id ids[RECORDS];
};

static void
take(void *context, const struct event *event)
{
    struct heard *heard = context;
    cr_assert_lt(heard->count, RECORDS);
    heard->types[heard->count] = event->type;
    heard->links[heard->count] = event->as.checked.link;
    if (event->type == EVENT_RECORD_VERIFIED) {
        heard->ids[heard->count] = *verified_id(&event->as.checked.record);
    }
    heard->count++;
}

static void
collect_all(struct checks *checks, struct heard *heard, size_t expected)
{
    const struct sink sink = {.take = take, .context = heard};
    zmq_pollitem_t items[ITEMS];
    for (int i = 0; i < 2000 && heard->count < expected; i++) {
        struct poll_set set = {.items = items, .capacity = ITEMS};
        checks_add_to_poll(checks, &set);
        if (!checks_collect(checks, &sink)) {
            zmq_poll(items, (int)set.count, 10);
        }
        checks_release(checks);
    }
    cr_assert_eq(heard->count, expected);
}

/* Every third record is spoilt in its signature, which only a check can tell. */
static void
add_records(struct checks *checks, struct record_id *ret_ids)
{
    static uint8_t memory[4096];
    static struct sealed_record record;
    struct sample sample;
    const struct keypair keypair = sealed_keypair("author");
    sample_init(&sample, 7, memory, sizeof memory);
    for (size_t i = 0; i < RECORDS; i++) {
        struct record_view view;
        const struct network_id network = sealed_network("test");
        sample_reuse(&sample);
        sealed_random(&record, RECORD_WITHDRAWAL, &keypair, &sample);
        cr_assert_eq(record_parse(sealed_bytes(&record), &network, &view), STATUS_OK);
        ret_ids[i] = view.id;
        if (i % 3 == 2) {
            record.bytes[record.sealed.length - 1] ^= 1;
        }
        checks_add(checks, (struct link){i + 1}, sealed_bytes(&record));
        if (i % 100 == 99) {
            checks_start(checks);
        }
    }
    checks_start(checks);
}

Test(checks, verdicts_come_in_the_order_of_the_orders_with_any_number_of_threads)
{
    static const unsigned threads[] = {0, 1, 3};
    static struct heard heard;
    static struct record_id ids[RECORDS];
    cr_assert_eq(crypto_start(), STATUS_OK);
    const struct network_id network = sealed_network("test");
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        struct checks *checks = checks_new(&network, threads[t]);
        cr_assert_not_null(checks);
        memset(&heard, 0, sizeof heard);
        add_records(checks, ids);
        collect_all(checks, &heard, RECORDS);
        for (size_t i = 0; i < RECORDS; i++) {
            cr_assert_eq(heard.links[i].number, i + 1);
            cr_assert_eq(heard.types[i], i % 3 == 2 ? EVENT_RECORD_REFUSED : EVENT_RECORD_VERIFIED);
            cr_assert(i % 3 == 2 || record_id_equal(&heard.ids[i], &ids[i]));
        }
        checks_free(checks);
    }
}

/* A taker that carries a batch out, and forgets it, in the midst of a record. */
struct releasing {
    struct checks *checks;
    size_t count;
};

static void
take_and_release(void *context, const struct event *event)
{
    struct releasing *releasing = context;
    checks_release(releasing->checks);
    if (event->type == EVENT_RECORD_VERIFIED) {
        const struct bytes bytes = verified_bytes(&event->as.checked.record);
        const struct network_id network = sealed_network("test");
        struct verified_record again;
        cr_assert_eq(record_open(bytes, &network, &again), STATUS_OK);
    }
    releasing->count++;
}

Test(checks, a_record_lives_until_its_own_batch_is_released)
{
    static struct record_id ids[RECORDS];
    cr_assert_eq(crypto_start(), STATUS_OK);
    const struct network_id network = sealed_network("test");
    struct checks *checks = checks_new(&network, 0);
    struct releasing releasing = {.checks = checks};
    const struct sink sink = {.take = take_and_release, .context = &releasing};
    add_records(checks, ids);
    while (checks_collect(checks, &sink)) {
        continue;
    }
    cr_assert_eq(releasing.count, RECORDS);
    checks_free(checks);
}

Test(checks, nothing_is_checked_before_the_start_and_an_end_midway_leaves_nothing)
{
    static struct heard heard;
    static struct record_id ids[RECORDS];
    cr_assert_eq(crypto_start(), STATUS_OK);
    const struct network_id network = sealed_network("test");
    struct checks *checks = checks_new(&network, 2);
    const struct sink sink = {.take = take, .context = &heard};
    checks_add(checks, (struct link){1}, bytes_of_text("no record"));
    cr_assert(!checks_collect(checks, &sink));
    cr_assert_eq(heard.count, 0);
    checks_start(checks);
    collect_all(checks, &heard, 1);
    cr_assert_eq(heard.types[0], EVENT_RECORD_REFUSED);
    add_records(checks, ids);
    checks_free(checks); /* the sanitizers see what is left */
}
