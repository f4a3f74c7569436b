#include "tests/support/sealed.h"

#include <assert.h>
#include <stdalign.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/record.h"
#include "tests/support/schemas.h"

enum { KEY_SEED = 20240101 };

struct keypair
sealed_keypair(const char *name)
{
    struct keypair keypair;
    const enum status status = crypto_start();
    assert(status == STATUS_OK);
    (void)status;
    keypair_for_test(KEY_SEED, bytes_of_text(name), &keypair);
    return keypair;
}

struct network_id
sealed_network(const char *name)
{
    struct network_id network;
    network_id_make(bytes_of_text(name), true, NULL, &network);
    return network;
}

struct envelope
sealed_envelope(uint8_t kind, const struct keypair *author, struct bytes body)
{
    return (struct envelope){
        .version = RECORD_VERSION,
        .kind = kind,
        .network = sealed_network("test"),
        .author = author->identity,
        .seq = UINT64_C(1000) * SEALED_NOW_S,
        .issued_at_s = SEALED_NOW_S,
        .ttl_s = record_kind_is_public(kind) ? REQUEST_TTL_S : 0,
        .body = body,
    };
}

/* The body of these kinds names the record's own slot. */
static uint32_t
detail_of(uint8_t kind, const void *body)
{
    if (kind == RECORD_LISTING) {
        return ((const struct listing *)body)->slot_group;
    }
    return kind == RECORD_WITHDRAWAL ? ((const struct withdrawal *)body)->victim_detail : 0;
}

void
sealed_body(struct sealed_record *record, uint8_t kind, const struct keypair *author,
            const void *body)
{
    struct buffer encoded;
    buffer_init(&encoded, record->body, sizeof record->body);
    enum status status = codec_encode(record_schema(kind), body, &encoded);
    assert(status == STATUS_OK);
    struct envelope envelope = sealed_envelope(kind, author, buffer_bytes(&encoded));
    envelope.detail = detail_of(kind, body);
    buffer_init(&record->sealed, record->bytes, sizeof record->bytes);
    status = record_seal(&envelope, author, &record->sealed);
    assert(status == STATUS_OK);
    (void)status;
}

void
sealed_random(struct sealed_record *record, uint8_t kind, const struct keypair *author,
              struct sample *sample)
{
    alignas(max_align_t) uint8_t body[SCHEMA_STRUCT_BYTES_MAX];
    assert(record_schema(kind)->struct_size <= sizeof body);
    sample_value(sample, record_schema(kind), body);
    if (kind == RECORD_WITHDRAWAL) {
        struct withdrawal *withdrawal = (struct withdrawal *)(void *)body;
        withdrawal->victim_kind = RECORD_LISTING;
        withdrawal->victim_seq = 1 + sample_below(sample, SEALED_NOW_S);
    }
    sealed_body(record, kind, author, body);
}

void
sealed_cosign(struct sealed_record *record, const struct keypair *cosigner)
{
    const struct network_id network = sealed_network("test");
    struct verified_record verified;
    struct signature signature;
    const enum status status = record_open(sealed_bytes(record), &network, &verified);
    assert(status == STATUS_OK);
    (void)status;
    record_cosign(&verified, cosigner, &signature);
    buffer_append(&record->sealed, signature.bytes, SIGNATURE_LENGTH);
    assert(!record->sealed.overflowed);
}

struct bytes
sealed_bytes(const struct sealed_record *record)
{
    return buffer_bytes(&record->sealed);
}
