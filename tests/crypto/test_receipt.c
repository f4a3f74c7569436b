#include <criterion/criterion.h>
#include <string.h>

#include "crypto/receipt.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/price.h"
#include "protocol/record.h"
#include "tests/support/sealed.h"

/* Two slots at 0.36 USD/h for 50 s: 10,000 uUSD. */
enum { ASK = 360000, RUN_MS = 50000, CHARGE = 10000 };

/* An honest lease and its end; a test changes one thing and looks who notices. */
struct story {
    struct keypair host;
    struct keypair renter;
    struct keypair liar;
    struct lease_terms terms;
    struct final final;
    struct voucher voucher;
    struct meter meter;
    const struct keypair *lease_author;
    const struct keypair *lease_cosigner;
    const struct keypair *final_author;
    const struct keypair *final_cosigner;
    const struct keypair *voucher_author;
    const struct keypair *meter_author;
    bool keep_lease_id; /* the records after the lease keep the id they were given */
    bool keep_meter_id;
    bool no_voucher;
    bool no_meter;
    struct sealed_record lease_record;
    struct sealed_record final_record;
    struct sealed_record voucher_record;
    struct sealed_record meter_record;
    uint8_t file[3 * COSIGNED_BYTES_MAX];
    struct buffer buffer;
};

static struct amount
micro(int64_t value)
{
    struct amount amount;
    cr_assert_eq(amount_of_micro(value, &amount), STATUS_OK);
    return amount;
}

static void
story_init(struct story *story)
{
    static const uint8_t listing[] = "a sealed listing";
    memset(story, 0, sizeof *story);
    story->host = sealed_keypair("host");
    story->renter = sealed_keypair("renter");
    story->liar = sealed_keypair("liar");
    story->lease_author = story->final_cosigner = story->voucher_author = &story->renter;
    story->lease_cosigner = story->final_author = story->meter_author = &story->host;
    story->terms = (struct lease_terms){.host = story->host.identity,
                                        .renter = story->renter.identity,
                                        .listing = bytes_of(listing, sizeof listing),
                                        .slot_mask = 5,
                                        .slot_seq = 1,
                                        .duration_s = 3600,
                                        .latest_start_s = 20,
                                        .interval_s = 60,
                                        .meter_s = 10,
                                        .ask_uusd_per_hour = micro(ASK)};
    story->meter = (struct meter){.number = 5, .run_ms = RUN_MS};
    story->voucher =
        (struct voucher){.number = 2, .amount_uusd = micro(CHARGE), .covers_run_ms = RUN_MS};
    story->final = (struct final){.amount_uusd = micro(CHARGE),
                                  .run_ms = RUN_MS,
                                  .started_at_s = SEALED_NOW_S,
                                  .ended_at_s = SEALED_NOW_S + 50,
                                  .reason = END_JOB_EXITED,
                                  .meter_number = 5};
}

static struct record_id
id_of(const struct sealed_record *record)
{
    const struct network_id network = sealed_network("test");
    struct record_view view;
    cr_assert_eq(record_parse(sealed_bytes(record), &network, &view), STATUS_OK);
    return view.id;
}

/* Seals what the story says, records behind naming those before. */
static void
story_seal(struct story *story)
{
    sealed_body(&story->lease_record, RECORD_LEASE, story->lease_author, &story->terms);
    const struct record_id lease = id_of(&story->lease_record);
    sealed_cosign(&story->lease_record, story->lease_cosigner);
    if (!story->keep_lease_id) {
        story->final.lease = story->voucher.lease = story->meter.lease = lease_id_of_record(&lease);
    }
    sealed_body(&story->meter_record, RECORD_METER, story->meter_author, &story->meter);
    if (!story->keep_meter_id) {
        story->final.meter = id_of(&story->meter_record);
    }
    sealed_body(&story->voucher_record, RECORD_VOUCHER, story->voucher_author, &story->voucher);
    sealed_body(&story->final_record, RECORD_FINAL, story->final_author, &story->final);
    sealed_cosign(&story->final_record, story->final_cosigner);
}

static struct receipt_bundle
story_bundle(const struct story *story)
{
    struct receipt_bundle bundle = {.network = sealed_network("test"),
                                    .lease = sealed_bytes(&story->lease_record),
                                    .receipt = sealed_bytes(&story->final_record)};
    if (!story->no_voucher) {
        bundle.voucher = sealed_bytes(&story->voucher_record);
    }
    if (!story->no_meter) {
        bundle.meters.items[bundle.meters.count++] = sealed_bytes(&story->meter_record);
    }
    return bundle;
}

static struct bytes
bundle_write(struct story *story, const struct receipt_bundle *bundle)
{
    buffer_init(&story->buffer, story->file, sizeof story->file);
    cr_assert_eq(codec_encode(&receipt_bundle_schema, bundle, &story->buffer), STATUS_OK);
    return buffer_bytes(&story->buffer);
}

static struct bytes
story_write(struct story *story)
{
    story_seal(story);
    const struct receipt_bundle bundle = story_bundle(story);
    return bundle_write(story, &bundle);
}

static void
expect(struct story *story, struct bytes file, enum status wanted, const char *said)
{
    struct receipt_facts facts;
    struct receipt_facts before;
    const char *why = "";
    memset(&facts, 0x5a, sizeof facts);
    memcpy(&before, &facts, sizeof facts);
    const enum status status = receipt_verify(file, &facts, &why);
    cr_assert_eq(status, wanted, "%s instead of %s (%s): %s", status_name(status),
                 status_name(wanted), said, why);
    cr_assert(why != NULL && strstr(why, said) != NULL, "\"%s\" (wanted: %s)", why, said);
    cr_assert(status == STATUS_OK || memcmp(&before, &facts, sizeof facts) == 0);
    (void)story;
}

Test(receipt, an_honest_one_is_confirmed_with_its_facts)
{
    static struct story story;
    struct receipt_facts facts;
    const struct network_id network = sealed_network("test");
    story_init(&story);
    cr_assert_eq(receipt_verify(story_write(&story), &facts, NULL), STATUS_OK);
    cr_assert(network_id_equal(&facts.network, &network));
    cr_assert(peer_id_equal(&facts.host, &story.host.identity));
    cr_assert(peer_id_equal(&facts.renter, &story.renter.identity));
    cr_assert(lease_id_equal(&facts.lease, &story.final.lease));
    cr_assert_eq(facts.slots, 2);
    cr_assert_eq(amount_micro(facts.ask_uusd_per_hour), ASK);
    cr_assert_eq(amount_micro(facts.amount_uusd), CHARGE);
    cr_assert_eq(amount_micro(facts.charge_uusd), CHARGE);
    cr_assert_eq(facts.run_ms, RUN_MS);
    cr_assert_eq(facts.started_at_s, SEALED_NOW_S);
    cr_assert_eq(facts.ended_at_s, SEALED_NOW_S + 50);
    cr_assert_eq(facts.reason, END_JOB_EXITED);
    cr_assert(facts.has_voucher && facts.has_last_meter);
    cr_assert_eq(facts.meters, 1);
    cr_assert_eq(amount_micro(facts.voucher_uusd), CHARGE);
}

Test(receipt, voucher_and_meter_may_be_missing)
{
    static struct story story;
    for (int i = 0; i < 4; i++) {
        struct receipt_facts facts;
        story_init(&story);
        story.no_voucher = i % 2 == 1;
        story.no_meter = i / 2 == 1;
        cr_assert_eq(receipt_verify(story_write(&story), &facts, NULL), STATUS_OK);
        cr_assert_eq(facts.has_voucher, i % 2 == 0);
        cr_assert_eq(facts.has_last_meter, i / 2 == 0);
        cr_assert_eq(facts.meters, i / 2 == 0 ? 1 : 0);
        cr_assert_eq(amount_micro(facts.voucher_uusd), i % 2 == 0 ? CHARGE : 0);
    }
}

Test(receipt, less_than_the_price_may_be_asked)
{
    static struct story story;
    for (int64_t amount = 0; amount <= CHARGE; amount += 2500) {
        struct receipt_facts facts;
        story_init(&story);
        story.final.amount_uusd = micro(amount);
        cr_assert_eq(receipt_verify(story_write(&story), &facts, NULL), STATUS_OK);
        cr_assert_eq(amount_micro(facts.amount_uusd), amount);
        cr_assert_eq(amount_micro(facts.charge_uusd), CHARGE);
    }
}

struct lie {
    enum status status;
    const char *said;
    void (*tell)(struct story *story);
};

static void
lease_by_liar(struct story *s)
{
    s->lease_author = &s->liar;
}
static void
lease_by_host(struct story *s)
{
    s->lease_author = &s->host;
}
static void
lease_cosigned_by_liar(struct story *s)
{
    s->lease_cosigner = &s->liar;
}
static void
lease_cosigned_by_renter(struct story *s)
{
    s->lease_cosigner = &s->renter;
}
static void
terms_with_another_host(struct story *s)
{
    s->terms.host = s->liar.identity;
}
static void
final_by_liar(struct story *s)
{
    s->final_author = &s->liar;
}
static void
final_by_renter(struct story *s)
{
    s->final_author = &s->renter;
}
static void
final_cosigned_by_liar(struct story *s)
{
    s->final_cosigner = &s->liar;
}
static void
final_cosigned_by_host(struct story *s)
{
    s->final_cosigner = &s->host;
}
static void
other_lease(struct story *s)
{
    s->keep_lease_id = true;
}
static void
one_more(struct story *s)
{
    s->final.amount_uusd = micro(CHARGE + 1);
}
static void
one_ms_less(struct story *s)
{
    s->final.run_ms -= 1;
}
static void
one_slot_less(struct story *s)
{
    s->terms.slot_mask = 4;
}
static void
cheaper_terms(struct story *s)
{
    s->terms.ask_uusd_per_hour = micro(ASK - 1);
}
static void
never_started(struct story *s)
{
    s->final.started_at_s = 0;
}
static void
void_lease(struct story *s)
{
    s->final.reason = END_NOT_STARTED;
}
static void
void_but_ran(struct story *s)
{
    s->final.reason = END_NOT_STARTED;
    s->final.amount_uusd = amount_zero();
}
static void
low_voucher(struct story *s)
{
    s->voucher.amount_uusd = micro(CHARGE - 1);
}
static void
voucher_by_host(struct story *s)
{
    s->voucher_author = &s->host;
}
static void
voucher_by_liar(struct story *s)
{
    s->voucher_author = &s->liar;
}
static void
meter_by_renter(struct story *s)
{
    s->meter_author = &s->renter;
}
static void
meter_by_liar(struct story *s)
{
    s->meter_author = &s->liar;
}
static void
other_meter(struct story *s)
{
    s->keep_meter_id = true;
}
static void
earlier_number(struct story *s)
{
    s->final.meter_number = 4;
}
static void
voucher_of_other_meter(struct story *s)
{
    s->voucher.meter_number = 5;
}
static void
endless(struct story *s)
{
    s->terms.ask_uusd_per_hour = micro(AMOUNT_MICRO_MAX);
    s->final.run_ms = UINT64_C(1) << 40;
}

static const struct lie lies[] = {
    {STATUS_REFUSED, "another key than its renter's", lease_by_liar},
    {STATUS_REFUSED, "another key than its renter's", lease_by_host},
    {STATUS_BAD_SIGNATURE, "the lease is not signed", lease_cosigned_by_liar},
    {STATUS_BAD_SIGNATURE, "the lease is not signed", lease_cosigned_by_renter},
    {STATUS_BAD_SIGNATURE, "the lease is not signed", terms_with_another_host},
    {STATUS_REFUSED, "another host", final_by_liar},
    {STATUS_REFUSED, "another host", final_by_renter},
    {STATUS_BAD_SIGNATURE, "the final record is not signed", final_cosigned_by_liar},
    {STATUS_BAD_SIGNATURE, "the final record is not signed", final_cosigned_by_host},
    {STATUS_REFUSED, "the final record is of another lease", other_lease},
    {STATUS_REFUSED, "higher than the agreed price", one_more},
    {STATUS_REFUSED, "higher than the agreed price", one_ms_less},
    {STATUS_REFUSED, "higher than the agreed price", one_slot_less},
    {STATUS_REFUSED, "higher than the agreed price", cheaper_terms},
    {STATUS_REFUSED, "never started", never_started},
    {STATUS_REFUSED, "never started", void_lease},
    {STATUS_REFUSED, "never started", void_but_ran},
    {STATUS_UNPAID, "last voucher", low_voucher},
    {STATUS_REFUSED, "the voucher is by another key", voucher_by_host},
    {STATUS_REFUSED, "the voucher is by another key", voucher_by_liar},
    {STATUS_REFUSED, "a meter is by another key", meter_by_renter},
    {STATUS_REFUSED, "a meter is by another key", meter_by_liar},
    {STATUS_REFUSED, "the final record names another meter", other_meter},
    {STATUS_REFUSED, "a later meter", earlier_number},
    {STATUS_REFUSED, "the voucher names another meter", voucher_of_other_meter},
    {STATUS_REFUSED, "no price", endless},
};

Test(receipt, each_lie_is_named)
{
    static struct story story;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        story_init(&story);
        lies[i].tell(&story);
        expect(&story, story_write(&story), lies[i].status, lies[i].said);
    }
}

Test(receipt, papers_of_another_lease_are_refused)
{
    static struct story story;
    static struct story other;
    story_init(&story);
    story_init(&other);
    other.terms.slot_seq = 2;
    story_seal(&story);
    story_seal(&other);
    const struct receipt_bundle ours = story_bundle(&story);
    const struct receipt_bundle theirs = story_bundle(&other);
    struct receipt_bundle bundle = ours;
    bundle.voucher = theirs.voucher;
    expect(&story, bundle_write(&story, &bundle), STATUS_REFUSED, "voucher is of another lease");
    bundle = ours;
    bundle.meters = theirs.meters;
    expect(&story, bundle_write(&story, &bundle), STATUS_REFUSED, "a meter is of another lease");
    bundle = ours;
    bundle.receipt = theirs.receipt;
    expect(&story, bundle_write(&story, &bundle), STATUS_REFUSED, "final record is of another");
    bundle = ours;
    bundle.lease = theirs.lease;
    expect(&story, bundle_write(&story, &bundle), STATUS_REFUSED, "final record is of another");
}

Test(receipt, records_in_the_wrong_place_are_refused)
{
    static struct story story;
    story_init(&story);
    story_seal(&story);
    const struct receipt_bundle right = story_bundle(&story);
    struct receipt_bundle bundle = right;
    bundle.lease = right.receipt;
    expect(&story, bundle_write(&story, &bundle), STATUS_BAD_INPUT, "the lease in it");
    bundle = right;
    bundle.receipt = right.lease;
    expect(&story, bundle_write(&story, &bundle), STATUS_BAD_SIGNATURE, "the final record");
    bundle = right;
    bundle.receipt.length -= SIGNATURE_LENGTH;
    expect(&story, bundle_write(&story, &bundle), STATUS_BAD_INPUT, "the final record in it");
    bundle = right;
    bundle.voucher = right.meters.items[0];
    expect(&story, bundle_write(&story, &bundle), STATUS_BAD_INPUT, "the voucher in it");
    bundle = right;
    bundle.meters.items[0] = right.voucher;
    expect(&story, bundle_write(&story, &bundle), STATUS_BAD_INPUT, "a meter in it");
}

/* Nothing in the file is beside the point: a changed bit anywhere is noticed. */
Test(receipt, any_flipped_byte_is_noticed)
{
    static struct story story;
    struct receipt_facts facts;
    story_init(&story);
    const struct bytes file = story_write(&story);
    for (size_t i = 0; i < file.length; i++) {
        const char *why = NULL;
        story.file[i] ^= (uint8_t)(1u << i % 8);
        cr_assert_neq(receipt_verify(file, &facts, &why), STATUS_OK, "byte %zu", i);
        cr_assert(why != NULL);
        story.file[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t length = 0; length < file.length; length++) {
        expect(&story, bytes_of(story.file, length), STATUS_BAD_INPUT, "not a receipt file");
    }
    cr_assert_eq(receipt_verify(file, &facts, NULL), STATUS_OK);
}

/* Seals one part on another network, by the right keys. */
static void
reseal_elsewhere(struct sealed_record *record, const struct keypair *author,
                 const struct keypair *cosigner)
{
    const struct network_id here = sealed_network("test");
    const struct network_id elsewhere = sealed_network("elsewhere");
    struct record_view view;
    struct verified_record verified;
    struct signature signature;
    uint8_t memory[RECORD_BYTES_MAX];
    struct buffer sealed;
    const bool is_cosigned = cosigner != NULL;
    cr_assert_eq(is_cosigned ? record_parse_cosigned(sealed_bytes(record), &here, &view)
                             : record_parse(sealed_bytes(record), &here, &view),
                 STATUS_OK);
    struct envelope envelope = view.envelope;
    envelope.network = elsewhere;
    buffer_init(&sealed, memory, sizeof memory);
    cr_assert_eq(record_seal(&envelope, author, &sealed), STATUS_OK);
    cr_assert_eq(record_open(buffer_bytes(&sealed), &elsewhere, &verified), STATUS_OK);
    record->sealed.length = 0;
    if (is_cosigned) {
        record_cosign(&verified, cosigner, &signature);
        cr_assert_eq(record_append_cosigned(&verified, &signature, &record->sealed), STATUS_OK);
    } else {
        buffer_append(&record->sealed, memory, sealed.length);
    }
}

Test(receipt, records_of_two_networks_make_no_receipt)
{
    static struct story story;
    for (int part = 0; part < 4; part++) {
        story_init(&story);
        story_seal(&story);
        switch (part) {
        case 0:
            reseal_elsewhere(&story.lease_record, &story.renter, &story.host);
            break;
        case 1:
            reseal_elsewhere(&story.final_record, &story.host, &story.renter);
            break;
        case 2:
            reseal_elsewhere(&story.voucher_record, &story.renter, NULL);
            break;
        default:
            reseal_elsewhere(&story.meter_record, &story.host, NULL);
            break;
        }
        const struct receipt_bundle bundle = story_bundle(&story);
        expect(&story, bundle_write(&story, &bundle), STATUS_WRONG_NETWORK, "another network");
    }
}

Test(receipt, a_lease_that_never_started_owes_nothing)
{
    static struct story story;
    struct receipt_facts facts;
    story_init(&story);
    story.final.reason = END_NOT_STARTED;
    story.final.started_at_s = 0;
    story.final.run_ms = 0;
    story.final.amount_uusd = amount_zero();
    cr_assert_eq(receipt_verify(story_write(&story), &facts, NULL), STATUS_OK);
    cr_assert(amount_is_zero(facts.amount_uusd));
    cr_assert(amount_is_zero(facts.charge_uusd));
}
