#include <criterion/criterion.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "crypto/signature.h"
#include "protocol/codec.h"
#include "protocol/record.h"
#include "tests/support/sealed.h"

enum { ROUNDS = 40, ARENA = 16384 };

static struct sample
sample_of(uint64_t seed, uint8_t memory[ARENA])
{
    struct sample sample;
    sample_init(&sample, seed, memory, ARENA);
    return sample;
}

Test(record, every_kind_is_sealed_and_opened_with_the_same_content)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        struct sample sample = sample_of(kind, arena);
        for (int round = 0; round < ROUNDS; round++) {
            struct sealed_record record;
            struct verified_record opened;
            sample_reuse(&sample);
            sealed_random(&record, kind, &author, &sample);
            cr_assert_eq(record_open(sealed_bytes(&record), &network, &opened), STATUS_OK);
            const struct envelope *envelope = verified_envelope(&opened);
            cr_assert_eq(envelope->kind, kind);
            cr_assert(peer_id_equal(&envelope->author, &author.identity));
            cr_assert_eq(envelope->issued_at_s, SEALED_NOW_S);
            cr_assert(!verified_is_cosigned(&opened));
            cr_assert(bytes_equal(verified_bytes(&opened), sealed_bytes(&record)));
            cr_assert(memcmp(record.body, envelope->body.data, envelope->body.length) == 0);
        }
    }
}

/* Opens bytes that were tampered with; the result must stay unwritten. */
static enum status
open_only(struct bytes bytes, const struct keypair *cosigner)
{
    const struct network_id network = sealed_network("test");
    struct verified_record opened;
    struct verified_record before;
    memset(&opened, 0x5a, sizeof opened);
    memcpy(&before, &opened, sizeof before);
    const enum status status =
        cosigner == NULL ? record_open(bytes, &network, &opened)
                         : record_open_cosigned(bytes, &network, &cosigner->identity, &opened);
    cr_assert(status == STATUS_OK || memcmp(&before, &opened, sizeof opened) == 0);
    return status;
}

Test(record, any_flipped_bit_is_refused)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        struct sample sample = sample_of(100u + kind, arena);
        struct sealed_record record;
        sealed_random(&record, kind, &author, &sample);
        for (size_t bit = 0; bit < 8 * record.sealed.length; bit++) {
            record.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_neq(open_only(sealed_bytes(&record), NULL), STATUS_OK, "kind %d bit %zu",
                          kind, bit);
            record.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        cr_assert_eq(open_only(sealed_bytes(&record), NULL), STATUS_OK);
    }
}

Test(record, any_other_length_is_refused)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct keypair other = sealed_keypair("cosigner");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        struct sample sample = sample_of(300u + kind, arena);
        struct sealed_record record;
        sealed_random(&record, kind, &author, &sample);
        const size_t length = record.sealed.length;
        for (size_t i = 0; i < length; i++) {
            cr_assert_neq(open_only(bytes_of(record.bytes, i), NULL), STATUS_OK);
            cr_assert_neq(open_only(bytes_of(record.bytes + length - i, i), NULL), STATUS_OK);
            cr_assert_neq(open_only(bytes_of(record.bytes, i), &other), STATUS_OK);
        }
        memset(record.bytes + length, 0, SIGNATURE_LENGTH);
        for (size_t i = 1; i <= SIGNATURE_LENGTH; i++) {
            cr_assert_neq(open_only(bytes_of(record.bytes, length + i), NULL), STATUS_OK);
        }
    }
}

/* Signs an envelope whatever it says: what a liar can send. */
static struct bytes
forge(const struct envelope *envelope, const struct keypair *author, struct sealed_record *memory)
{
    buffer_init(&memory->sealed, memory->bytes, sizeof memory->bytes);
    cr_assert_eq(codec_encode(&envelope_schema, envelope, &memory->sealed), STATUS_OK);
    struct record_id id;
    struct signature signature;
    digest_make("gpulet record id", buffer_bytes(&memory->sealed), id.bytes);
    const struct signed_claim claim = {
        .role = SIGNATURE_AUTHOR, .kind = envelope->kind, .network = &envelope->network, .id = &id};
    signature_make(&claim, author, &signature);
    buffer_append(&memory->sealed, signature.bytes, SIGNATURE_LENGTH);
    cr_assert(!memory->sealed.overflowed);
    return buffer_bytes(&memory->sealed);
}

struct rule {
    const char *name;
    uint8_t kind;
    enum status status;
    void (*break_it)(struct envelope *envelope);
};

static void
keep(struct envelope *envelope)
{
    (void)envelope;
}
static void
version_0(struct envelope *envelope)
{
    envelope->version = 0;
}
static void
version_2(struct envelope *envelope)
{
    envelope->version = 2;
}
static void
kind_0(struct envelope *envelope)
{
    envelope->kind = 0;
}
static void
kind_next(struct envelope *envelope)
{
    envelope->kind = RECORD_KIND_COUNT;
}
static void
kind_255(struct envelope *envelope)
{
    envelope->kind = 255;
}
static void
other_network(struct envelope *envelope)
{
    envelope->network = sealed_network("2");
}
static void
ttl_0(struct envelope *envelope)
{
    envelope->ttl_s = 0;
}
static void
ttl_1(struct envelope *envelope)
{
    envelope->ttl_s = 1;
}
static void
ttl_hour(struct envelope *envelope)
{
    envelope->ttl_s = REQUEST_TTL_S;
}
static void
ttl_over_hour(struct envelope *envelope)
{
    envelope->ttl_s = REQUEST_TTL_S + 1;
}
static void
ttl_day(struct envelope *envelope)
{
    envelope->ttl_s = RECORD_TTL_S_MAX;
}
static void
detail_other(struct envelope *envelope)
{
    envelope->detail += 1;
}
static void
seq_low(struct envelope *envelope)
{
    envelope->seq = 1;
}
static void
body_cut(struct envelope *envelope)
{
    envelope->body.length -= 1;
}
static void
body_of_another_kind(struct envelope *envelope)
{
    envelope->kind = RECORD_HELLO;
}

static const struct rule rules[] = {
    {"a node record", RECORD_NODE, STATUS_OK, keep},
    {"version 0", RECORD_NODE, STATUS_BAD_VERSION, version_0},
    {"version 2", RECORD_NODE, STATUS_BAD_VERSION, version_2},
    {"kind 0", RECORD_NODE, STATUS_UNKNOWN_KIND, kind_0},
    {"the first unknown kind", RECORD_NODE, STATUS_UNKNOWN_KIND, kind_next},
    {"kind 255", RECORD_NODE, STATUS_UNKNOWN_KIND, kind_255},
    {"another network", RECORD_NODE, STATUS_WRONG_NETWORK, other_network},
    {"a public record without life", RECORD_NODE, STATUS_OUT_OF_RANGE, ttl_0},
    {"a day", RECORD_LISTING, STATUS_OK, ttl_day},
    {"a request of one hour", RECORD_REQUEST, STATUS_OK, ttl_hour},
    {"a request of more", RECORD_REQUEST, STATUS_OUT_OF_RANGE, ttl_over_hour},
    {"a private record that expires", RECORD_METER, STATUS_OUT_OF_RANGE, ttl_1},
    {"a private record that does not", RECORD_METER, STATUS_OK, keep},
    {"a second node record", RECORD_NODE, STATUS_OUT_OF_RANGE, detail_other},
    {"a listing of another slot group", RECORD_LISTING, STATUS_OUT_OF_RANGE, detail_other},
    {"a withdrawal beside its victim", RECORD_WITHDRAWAL, STATUS_OUT_OF_RANGE, detail_other},
    {"a withdrawal older than its victim", RECORD_WITHDRAWAL, STATUS_OUT_OF_RANGE, seq_low},
    {"any detail of a request", RECORD_REQUEST, STATUS_OK, detail_other},
    {"a body cut short", RECORD_VOUCHER, STATUS_TRUNCATED, body_cut},
    {"a body of another kind", RECORD_VOUCHER, STATUS_WRONG_TYPE, body_of_another_kind},
};

Test(record, each_rule_has_its_own_refusal)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct sample sample = sample_of(7, arena);
        struct sealed_record record;
        struct record_view view;
        sealed_random(&record, rules[i].kind, &author, &sample);
        cr_assert_eq(record_parse(sealed_bytes(&record), &network, &view), STATUS_OK);
        struct envelope envelope = view.envelope;
        struct sealed_record forged;
        rules[i].break_it(&envelope);
        const struct bytes bytes = forge(&envelope, &author, &forged);
        const enum status status = open_only(bytes, NULL);
        if (rules[i].break_it == body_of_another_kind) {
            cr_assert_neq(status, STATUS_OK, "%s", rules[i].name);
        } else {
            cr_assert_eq(status, rules[i].status, "%s: %s", rules[i].name, status_name(status));
        }
    }
}

Test(record, what_others_would_refuse_is_not_sealed)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        /* Which network a record is meant for is the reader's to judge. */
        if (rules[i].break_it == other_network || rules[i].break_it == body_of_another_kind) {
            continue;
        }
        struct sample sample = sample_of(7, arena);
        struct sealed_record record;
        struct record_view view;
        sealed_random(&record, rules[i].kind, &author, &sample);
        cr_assert_eq(record_parse(sealed_bytes(&record), &network, &view), STATUS_OK);
        struct envelope envelope = view.envelope;
        rules[i].break_it(&envelope);
        uint8_t memory[RECORD_BYTES_MAX + 3] = "abc";
        struct buffer buffer;
        buffer_init(&buffer, memory, sizeof memory);
        buffer_append(&buffer, "abc", 3);
        cr_assert_eq(record_seal(&envelope, &author, &buffer), rules[i].status, "%s",
                     rules[i].name);
        cr_assert(rules[i].status == STATUS_OK || buffer.length == 3, "%s", rules[i].name);
        cr_assert(memcmp(memory, "abc", 3) == 0);
    }
}

Test(record, sealing_into_any_smaller_buffer_says_no_space)
{
    const struct keypair author = sealed_keypair("author");
    const struct grant grant = {.key = author.identity};
    struct sealed_record record;
    sealed_body(&record, RECORD_GRANT, &author, &grant);
    const struct bytes sealed = sealed_bytes(&record);
    const struct network_id network = sealed_network("test");
    struct record_view view;
    cr_assert_eq(record_parse(sealed, &network, &view), STATUS_OK);
    for (size_t capacity = 0; capacity < sealed.length; capacity++) {
        uint8_t memory[RECORD_BYTES_MAX];
        struct buffer buffer;
        buffer_init(&buffer, memory, capacity);
        cr_assert_eq(record_seal(&view.envelope, &author, &buffer), STATUS_NO_SPACE, "%zu",
                     capacity);
    }
}

Test(record, a_listing_is_at_most_its_limit)
{
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    uint8_t body[LISTING_BYTES_MAX];
    memset(body, 0, sizeof body);
    struct envelope envelope =
        sealed_envelope(RECORD_LISTING, &author, bytes_of(body, sizeof body));
    struct sealed_record forged;
    struct record_view view;
    cr_assert_eq(record_parse(forge(&envelope, &author, &forged), &network, &view),
                 STATUS_OUT_OF_RANGE);
    /* The same as a node record is judged by its body. */
    envelope.kind = RECORD_NODE;
    cr_assert_eq(record_parse(forge(&envelope, &author, &forged), &network, &view),
                 STATUS_WRONG_TYPE);
}

Test(record, a_record_over_the_limit_is_refused_unread)
{
    static const uint8_t bytes[RECORD_BYTES_MAX + SIGNATURE_LENGTH + 1] = {0};
    const struct network_id network = sealed_network("test");
    struct record_view view;
    cr_assert_eq(record_parse(bytes_of(bytes, RECORD_BYTES_MAX + 1), &network, &view),
                 STATUS_OUT_OF_RANGE);
    cr_assert_eq(record_parse(bytes_of(bytes, RECORD_BYTES_MAX), &network, &view),
                 STATUS_WRONG_TYPE);
    cr_assert_eq(record_parse_cosigned(bytes_of(bytes, sizeof bytes), &network, &view),
                 STATUS_OUT_OF_RANGE);
    cr_assert_eq(record_parse(bytes_of(NULL, 0), &network, &view), STATUS_TRUNCATED);
    cr_assert_eq(record_parse_cosigned(bytes_of(NULL, 0), &network, &view), STATUS_TRUNCATED);
}

Test(record, parsing_looks_at_no_signature_and_opening_does)
{
    uint8_t arena[ARENA];
    struct sample sample = sample_of(9, arena);
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    struct sealed_record record;
    struct record_view view;
    struct verified_record opened;
    sealed_random(&record, RECORD_REQUEST, &author, &sample);
    cr_assert_eq(record_open(sealed_bytes(&record), &network, &opened), STATUS_OK);
    memset(record.bytes + record.sealed.length - SIGNATURE_LENGTH, 0, SIGNATURE_LENGTH);
    cr_assert_eq(record_parse(sealed_bytes(&record), &network, &view), STATUS_OK);
    /* The id is of the envelope's bytes alone. */
    cr_assert(record_id_equal(&view.id, verified_id(&opened)));
    cr_assert_eq(open_only(sealed_bytes(&record), NULL), STATUS_BAD_SIGNATURE);
}

Test(record, nobody_signs_for_another)
{
    uint8_t arena[ARENA];
    struct sample sample = sample_of(10, arena);
    const struct keypair author = sealed_keypair("author");
    const struct keypair liar = sealed_keypair("liar");
    const struct network_id network = sealed_network("test");
    struct sealed_record record;
    struct sealed_record forged;
    struct record_view view;
    sealed_random(&record, RECORD_REQUEST, &author, &sample);
    cr_assert_eq(record_parse(sealed_bytes(&record), &network, &view), STATUS_OK);
    cr_assert_eq(open_only(forge(&view.envelope, &liar, &forged), NULL), STATUS_BAD_SIGNATURE);
    cr_assert_eq(open_only(forge(&view.envelope, &author, &forged), NULL), STATUS_OK);
    /* Ed25519 has keys for which a signature without a secret fits everything. */
    struct envelope envelope = view.envelope;
    memset(&envelope.author, 0, sizeof envelope.author);
    const struct bytes bytes = forge(&envelope, &liar, &forged);
    memset(forged.bytes + bytes.length - SIGNATURE_LENGTH, 0, SIGNATURE_LENGTH);
    cr_assert_eq(open_only(bytes, NULL), STATUS_BAD_SIGNATURE);
    envelope.author.bytes[0] = 1;
    forge(&envelope, &liar, &forged);
    memset(forged.bytes + bytes.length - SIGNATURE_LENGTH, 0, SIGNATURE_LENGTH);
    forged.bytes[bytes.length - SIGNATURE_LENGTH] = 1;
    cr_assert_eq(open_only(bytes, NULL), STATUS_BAD_SIGNATURE);
}

/* A malleable signature would give one record two byte forms, and so two ids of its bytes elsewhere. */
Test(record, a_signature_has_one_form_only)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    const struct keypair author = sealed_keypair("author");
    const struct grant grant = {.key = author.identity};
    struct sealed_record record;
    sealed_body(&record, RECORD_GRANT, &author, &grant);
    uint8_t *scalar = record.bytes + record.sealed.length - 32;
    unsigned carry = 0;
    for (size_t i = 0; i < sizeof order; i++) {
        carry += (unsigned)scalar[i] + order[i];
        scalar[i] = (uint8_t)carry;
        carry >>= 8;
    }
    cr_assert_eq(carry, 0);
    cr_assert_eq(open_only(sealed_bytes(&record), NULL), STATUS_BAD_SIGNATURE);
}

/* Signatures over every wrong claim: label, network or kind of another, and the bare id. */
Test(record, a_signature_for_another_purpose_does_not_fit)
{
    const struct keypair author = sealed_keypair("author");
    const struct grant grant = {.key = author.identity};
    struct sealed_record record;
    sealed_body(&record, RECORD_GRANT, &author, &grant);
    const struct network_id network = sealed_network("test");
    const struct network_id other = sealed_network("other");
    struct record_view view;
    cr_assert_eq(record_parse(sealed_bytes(&record), &network, &view), STATUS_OK);
    const struct signed_claim claims[] = {
        {SIGNATURE_AUTHOR, RECORD_GRANT, &network, &view.id},
        {SIGNATURE_COSIGNER, RECORD_GRANT, &network, &view.id},
        {SIGNATURE_AUTHOR, RECORD_VOUCHER, &network, &view.id},
        {SIGNATURE_AUTHOR, RECORD_GRANT, &other, &view.id},
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        struct signature signature;
        signature_make(&claims[i], &author, &signature);
        memcpy(record.bytes + record.sealed.length - SIGNATURE_LENGTH, signature.bytes,
               SIGNATURE_LENGTH);
        cr_assert_eq(open_only(sealed_bytes(&record), NULL),
                     i == 0 ? STATUS_OK : STATUS_BAD_SIGNATURE, "%zu", i);
    }
}

Test(record, a_body_is_read_as_its_own_kind_only)
{
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    struct withdrawal withdrawal = {
        .victim_kind = RECORD_LISTING, .victim_detail = 3, .victim_seq = 77};
    struct sealed_record record;
    struct verified_record opened;
    sealed_body(&record, RECORD_WITHDRAWAL, &author, &withdrawal);
    cr_assert_eq(record_open(sealed_bytes(&record), &network, &opened), STATUS_OK);
    memset(&withdrawal, 0, sizeof withdrawal);
    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind != RECORD_WITHDRAWAL) {
            cr_assert_eq(verified_body(&opened, (uint8_t)kind, &withdrawal), STATUS_WRONG_TYPE);
        }
    }
    cr_assert_eq(verified_body(&opened, RECORD_WITHDRAWAL, &withdrawal), STATUS_OK);
    cr_assert_eq(withdrawal.victim_kind, RECORD_LISTING);
    cr_assert_eq(withdrawal.victim_detail, 3);
    cr_assert_eq(withdrawal.victim_seq, 77);
}

Test(record, a_withdrawal_takes_back_public_records_only)
{
    const struct keypair author = sealed_keypair("author");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        const struct withdrawal withdrawal = {.victim_kind = kind, .victim_seq = 1};
        uint8_t memory[64];
        uint8_t sealed[512];
        struct buffer body;
        struct buffer buffer;
        buffer_init(&body, memory, sizeof memory);
        buffer_init(&buffer, sealed, sizeof sealed);
        cr_assert_eq(codec_encode(&withdrawal_schema, &withdrawal, &body), STATUS_OK);
        const struct envelope envelope =
            sealed_envelope(RECORD_WITHDRAWAL, &author, buffer_bytes(&body));
        const bool is_right =
            kind == RECORD_NODE || kind == RECORD_LISTING || kind == RECORD_REQUEST;
        cr_assert_eq(record_seal(&envelope, &author, &buffer),
                     is_right ? STATUS_OK : STATUS_OUT_OF_RANGE, "kind %d", kind);
    }
}
