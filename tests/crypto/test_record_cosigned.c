#include <criterion/criterion.h>
#include <string.h>

#include "crypto/record.h"
#include "tests/support/sealed.h"

enum { ARENA = 16384 };

static const uint8_t cosigned_kinds[] = {RECORD_LEASE, RECORD_FINAL, RECORD_EXTENSION};

static bool
may_be_cosigned(uint8_t kind)
{
    return memchr(cosigned_kinds, kind, sizeof cosigned_kinds) != NULL;
}

static struct sample
sample_of(uint64_t seed, uint8_t memory[ARENA])
{
    struct sample sample;
    sample_init(&sample, seed, memory, ARENA);
    return sample;
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

Test(record_cosigned, any_flipped_bit_of_a_cosigned_record_is_refused)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct keypair other = sealed_keypair("cosigner");
    for (size_t i = 0; i < sizeof cosigned_kinds; i++) {
        struct sample sample = sample_of(200 + i, arena);
        struct sealed_record record;
        sealed_random(&record, cosigned_kinds[i], &author, &sample);
        sealed_cosign(&record, &other);
        for (size_t bit = 0; bit < 8 * record.sealed.length; bit++) {
            record.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_neq(open_only(sealed_bytes(&record), &other), STATUS_OK, "bit %zu", bit);
            record.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        cr_assert_eq(open_only(sealed_bytes(&record), &other), STATUS_OK);
    }
}

Test(record_cosigned, a_cosigned_record_needs_both_signatures_in_their_places)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct keypair cosigner = sealed_keypair("cosigner");
    const struct network_id network = sealed_network("test");
    for (size_t i = 0; i < sizeof cosigned_kinds; i++) {
        struct sample sample = sample_of(20 + i, arena);
        struct sealed_record record;
        sealed_random(&record, cosigned_kinds[i], &author, &sample);
        const size_t length = record.sealed.length;
        sealed_cosign(&record, &cosigner);
        const struct bytes whole = sealed_bytes(&record);
        struct verified_record opened;
        cr_assert_eq(record_open_cosigned(whole, &network, &cosigner.identity, &opened), STATUS_OK);
        cr_assert(verified_is_cosigned(&opened));
        cr_assert(bytes_equal(verified_bytes(&opened), whole));
        /* Another cosigner, the author as cosigner, the plain reading of both and of one. */
        const struct keypair liar = sealed_keypair("liar");
        cr_assert_eq(open_only(whole, &liar), STATUS_BAD_SIGNATURE);
        cr_assert_eq(open_only(whole, &author), STATUS_BAD_SIGNATURE);
        cr_assert_neq(open_only(whole, NULL), STATUS_OK);
        cr_assert_neq(open_only(bytes_of(record.bytes, length), &cosigner), STATUS_OK);
        cr_assert_eq(open_only(bytes_of(record.bytes, length), NULL), STATUS_OK);
        uint8_t first[SIGNATURE_LENGTH];
        uint8_t *signatures = record.bytes + length - SIGNATURE_LENGTH;
        memcpy(first, signatures, sizeof first);
        memmove(signatures, signatures + SIGNATURE_LENGTH, SIGNATURE_LENGTH);
        memcpy(signatures + SIGNATURE_LENGTH, first, sizeof first);
        cr_assert_eq(open_only(whole, &cosigner), STATUS_BAD_SIGNATURE, "swapped");
        memcpy(signatures, first, sizeof first);
        cr_assert_eq(open_only(whole, &author), STATUS_BAD_SIGNATURE, "the author's twice");
    }
}

Test(record_cosigned, appending_the_second_signature_gives_the_cosigned_record)
{
    uint8_t arena[ARENA];
    struct sample sample = sample_of(30, arena);
    const struct keypair author = sealed_keypair("author");
    const struct keypair cosigner = sealed_keypair("cosigner");
    const struct network_id network = sealed_network("test");
    struct sealed_record record;
    struct verified_record opened;
    struct signature signature;
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct buffer buffer;
    sealed_random(&record, RECORD_LEASE, &author, &sample);
    cr_assert_eq(record_open(sealed_bytes(&record), &network, &opened), STATUS_OK);
    record_cosign(&opened, &cosigner, &signature);
    const size_t length = record.sealed.length + SIGNATURE_LENGTH;
    for (size_t capacity = length - 70; capacity < length; capacity++) {
        buffer_init(&buffer, memory, capacity);
        cr_assert_eq(record_append_cosigned(&opened, &signature, &buffer), STATUS_NO_SPACE);
    }
    buffer_init(&buffer, memory, length);
    cr_assert_eq(record_append_cosigned(&opened, &signature, &buffer), STATUS_OK);
    cr_assert_eq(open_only(buffer_bytes(&buffer), &cosigner), STATUS_OK);
}

Test(record_cosigned, only_agreements_are_cosigned)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        struct sample sample = sample_of(40u + kind, arena);
        struct sealed_record record;
        struct record_view view;
        sealed_random(&record, kind, &author, &sample);
        memset(record.bytes + record.sealed.length, 0, SIGNATURE_LENGTH);
        const struct bytes cosigned =
            bytes_of(record.bytes, record.sealed.length + SIGNATURE_LENGTH);
        cr_assert_eq(record_parse_cosigned(cosigned, &network, &view),
                     may_be_cosigned(kind) ? STATUS_OK : STATUS_WRONG_TYPE, "kind %d", kind);
    }
}

Test(record_cosigned, the_store_gives_back_what_it_was_given)
{
    uint8_t arena[ARENA];
    const struct keypair author = sealed_keypair("author");
    const struct keypair cosigner = sealed_keypair("cosigner");
    const struct network_id network = sealed_network("test");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        struct sample sample = sample_of(60u + kind, arena);
        struct sealed_record record;
        struct verified_record opened;
        struct verified_record stored;
        sealed_random(&record, kind, &author, &sample);
        cr_assert_eq(record_open(sealed_bytes(&record), &network, &opened), STATUS_OK);
        cr_assert_eq(record_from_store(verified_bytes(&opened), &network, &stored), STATUS_OK);
        cr_assert(!verified_is_cosigned(&stored));
        cr_assert(record_id_equal(verified_id(&stored), verified_id(&opened)));
        if (may_be_cosigned(kind)) {
            sealed_cosign(&record, &cosigner);
            cr_assert_eq(record_from_store(sealed_bytes(&record), &network, &stored), STATUS_OK);
            cr_assert(verified_is_cosigned(&stored));
            cr_assert(bytes_equal(verified_bytes(&stored), sealed_bytes(&record)));
        }
        const struct network_id other = sealed_network("other");
        cr_assert_eq(record_from_store(sealed_bytes(&record), &other, &stored), STATUS_CORRUPT);
        cr_assert_eq(
            record_from_store(bytes_of(record.bytes, record.sealed.length - 1), &network, &stored),
            STATUS_CORRUPT);
    }
}
