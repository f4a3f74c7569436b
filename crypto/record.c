#include "crypto/record.h"

#include <assert.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/signature.h"
#include "protocol/auction.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/record.h"

static const char record_label[] = "gpulet record id";

/* Room for any kind's body, to try one against its schema. */
union any_body {
    struct node_record node;
    struct listing listing;
    struct withdrawal withdrawal;
    struct request request;
    struct hello hello;
    struct hold hold;
    struct held held;
    struct lease_terms lease;
    struct meter meter;
    struct voucher voucher;
    struct final final;
    struct reclaim reclaim;
    struct extension extension;
    struct grant grant;
    struct commitment commitment;
    struct bid bid;
    struct auction_close auction_close;
    struct clearing_record clearing;
};

/* Bodies that name their own slot must name the one they stand in: whoever looks at the body alone
 * would otherwise see another slot than the store does. */
static bool
body_fits_slot(const struct envelope *envelope, const union any_body *any)
{
    switch (envelope->kind) {
    case RECORD_NODE:
        return envelope->detail == 0;
    case RECORD_LISTING:
        return envelope->detail == any->listing.slot_group;
    case RECORD_WITHDRAWAL:
        return envelope->detail == any->withdrawal.victim_detail &&
               envelope->seq > any->withdrawal.victim_seq &&
               record_kind_is_public(any->withdrawal.victim_kind) &&
               any->withdrawal.victim_kind != RECORD_WITHDRAWAL &&
               any->withdrawal.victim_kind != RECORD_CLEARING; /* what was published stands */
    default:
        return true;
    }
}

static enum status
body_check(const struct envelope *envelope)
{
    const struct schema *schema = record_schema(envelope->kind);
    if (schema == NULL) {
        return STATUS_UNKNOWN_KIND;
    }
    union any_body any;
    assert(schema->struct_size <= sizeof any);
    const enum status status = codec_decode(schema, envelope->body, &any);
    if (status != STATUS_OK) {
        return status;
    }
    return body_fits_slot(envelope, &any) ? STATUS_OK : STATUS_OUT_OF_RANGE;
}

/* The longest life of a record of that kind, in seconds; 0 for the private ones. */
static uint32_t
ttl_max_s(uint8_t kind)
{
    if (!record_kind_is_public(kind)) {
        return 0;
    }
    return kind == RECORD_REQUEST || kind == RECORD_CLEARING ? REQUEST_TTL_S : RECORD_TTL_S_MAX;
}

static bool
kind_has_cosigner(uint8_t kind)
{
    return kind == RECORD_LEASE || kind == RECORD_FINAL || kind == RECORD_EXTENSION;
}

/* What is asked of an envelope beside its schema; `sealed_length` in bytes. */
static enum status
envelope_check(const struct envelope *envelope, size_t sealed_length)
{
    if (envelope->version != RECORD_VERSION) {
        return STATUS_BAD_VERSION;
    }
    if (record_schema(envelope->kind) == NULL) {
        return STATUS_UNKNOWN_KIND;
    }
    /* Public records die; private ones have no life outside their lease. */
    const bool is_public = record_kind_is_public(envelope->kind);
    if (envelope->ttl_s > ttl_max_s(envelope->kind) || (is_public && envelope->ttl_s == 0)) {
        return STATUS_OUT_OF_RANGE;
    }
    if (envelope->kind == RECORD_LISTING && sealed_length > LISTING_BYTES_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    return STATUS_OK;
}

static void
record_id_make(struct bytes envelope, struct record_id *ret_id)
{
    digest_make(record_label, envelope, ret_id->bytes);
}

static struct signed_claim
view_claim(const struct record_view *view, enum signature_role role)
{
    return (struct signed_claim){.role = role,
                                 .kind = view->envelope.kind,
                                 .network = &view->envelope.network,
                                 .id = &view->id};
}

static enum status
sealed_check_and_sign(const struct envelope *envelope, const struct keypair *keypair,
                      struct bytes encoded, struct signature *ret_signature)
{
    const size_t length = encoded.length + SIGNATURE_LENGTH;
    if (length > RECORD_BYTES_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    enum status status = envelope_check(envelope, length);
    if (status == STATUS_OK) {
        status = body_check(envelope);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct record_view view = {.envelope = *envelope};
    record_id_make(encoded, &view.id);
    const struct signed_claim claim = view_claim(&view, SIGNATURE_AUTHOR);
    signature_make(&claim, keypair, ret_signature);
    return STATUS_OK;
}

enum status
record_seal(const struct envelope *envelope, const struct keypair *keypair, struct buffer *buffer)
{
    assert(peer_id_equal(&envelope->author, &keypair->identity));
    const size_t start = buffer->length;
    enum status status = codec_encode(&envelope_schema, envelope, buffer);
    if (status != STATUS_OK) {
        buffer->length = start;
        return status;
    }
    const struct bytes encoded = bytes_of(buffer->data + start, buffer->length - start);
    struct signature signature;
    status = sealed_check_and_sign(envelope, keypair, encoded, &signature);
    if (status != STATUS_OK) {
        buffer->length = start; /* what others would refuse is not left behind */
        return status;
    }
    buffer_append(buffer, signature.bytes, SIGNATURE_LENGTH);
    return buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
}

enum status
record_parse(struct bytes sealed, const struct network_id *network, struct record_view *ret_view)
{
    if (sealed.length > RECORD_BYTES_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    if (sealed.length <= SIGNATURE_LENGTH) {
        return STATUS_TRUNCATED;
    }
    const struct bytes encoded = bytes_of(sealed.data, sealed.length - SIGNATURE_LENGTH);
    struct record_view view = {.sealed = sealed};
    enum status status = codec_decode(&envelope_schema, encoded, &view.envelope);
    if (status == STATUS_OK) {
        status = envelope_check(&view.envelope, sealed.length);
    }
    if (status == STATUS_OK && !network_id_equal(&view.envelope.network, network)) {
        status = STATUS_WRONG_NETWORK;
    }
    if (status == STATUS_OK) {
        status = body_check(&view.envelope);
    }
    if (status != STATUS_OK) {
        return status;
    }
    record_id_make(encoded, &view.id);
    *ret_view = view;
    return STATUS_OK;
}

enum status
record_parse_cosigned(struct bytes cosigned, const struct network_id *network,
                      struct record_view *ret_view)
{
    if (cosigned.length <= SIGNATURE_LENGTH) {
        return STATUS_TRUNCATED;
    }
    const size_t length = cosigned.length - SIGNATURE_LENGTH;
    struct record_view view;
    const enum status status = record_parse(bytes_of(cosigned.data, length), network, &view);
    if (status != STATUS_OK) {
        return status;
    }
    if (!kind_has_cosigner(view.envelope.kind)) {
        return STATUS_WRONG_TYPE;
    }
    view.is_cosigned = true;
    memcpy(view.cosignature.bytes, cosigned.data + length, SIGNATURE_LENGTH);
    *ret_view = view;
    return STATUS_OK;
}

static enum status
author_check(const struct record_view *view)
{
    struct signature signature;
    memcpy(signature.bytes, view->sealed.data + view->sealed.length - SIGNATURE_LENGTH,
           SIGNATURE_LENGTH);
    const struct signed_claim claim = view_claim(view, SIGNATURE_AUTHOR);
    return signature_check(&claim, &view->envelope.author, &signature);
}

enum status
record_open(struct bytes sealed, const struct network_id *network,
            struct verified_record *ret_record)
{
    struct record_view view;
    enum status status = record_parse(sealed, network, &view);
    if (status == STATUS_OK) {
        status = author_check(&view);
    }
    if (status == STATUS_OK) {
        *ret_record = (struct verified_record){.view_private = view};
    }
    return status;
}

enum status
record_open_cosigned(struct bytes cosigned, const struct network_id *network,
                     const struct peer_id *cosigner, struct verified_record *ret_record)
{
    struct record_view view;
    enum status status = record_parse_cosigned(cosigned, network, &view);
    if (status == STATUS_OK) {
        status = author_check(&view);
    }
    if (status == STATUS_OK) {
        const struct signed_claim claim = view_claim(&view, SIGNATURE_COSIGNER);
        status = signature_check(&claim, cosigner, &view.cosignature);
    }
    if (status == STATUS_OK) {
        *ret_record =
            (struct verified_record){.view_private = view, .cosigner_checked_private = true};
    }
    return status;
}

void
record_cosign(const struct verified_record *record, const struct keypair *keypair,
              struct signature *ret_signature)
{
    assert(kind_has_cosigner(record->view_private.envelope.kind));
    const struct signed_claim claim = view_claim(&record->view_private, SIGNATURE_COSIGNER);
    signature_make(&claim, keypair, ret_signature);
}

enum status
record_append_cosigned(const struct verified_record *record, const struct signature *cosignature,
                       struct buffer *buffer)
{
    const struct bytes sealed = record->view_private.sealed;
    buffer_append(buffer, sealed.data, sealed.length);
    buffer_append(buffer, cosignature->bytes, SIGNATURE_LENGTH);
    return buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
}

enum status
record_from_store(struct bytes stored, const struct network_id *network,
                  struct verified_record *ret_record)
{
    /* An envelope ends where it says, so at most one of the two readings fits. */
    struct record_view view;
    if (record_parse(stored, network, &view) != STATUS_OK &&
        record_parse_cosigned(stored, network, &view) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    *ret_record = (struct verified_record){.view_private = view,
                                           .cosigner_checked_private = view.is_cosigned};
    return STATUS_OK;
}

struct verified_record
verified_moved(const struct verified_record *record, struct bytes copy)
{
    const struct bytes old = verified_bytes(record);
    assert(bytes_equal(old, copy));
    struct verified_record moved = *record;
    struct record_view *view = &moved.view_private;
    view->sealed.data = copy.data;
    view->envelope.body.data = copy.data + (record->view_private.envelope.body.data - old.data);
    return moved;
}

const struct envelope *
verified_envelope(const struct verified_record *record)
{
    return &record->view_private.envelope;
}

const struct record_id *
verified_id(const struct verified_record *record)
{
    return &record->view_private.id;
}

struct bytes
verified_bytes(const struct verified_record *record)
{
    const struct bytes sealed = record->view_private.sealed;
    return record->cosigner_checked_private
               ? bytes_of(sealed.data, sealed.length + SIGNATURE_LENGTH)
               : sealed;
}

bool
verified_is_cosigned(const struct verified_record *record)
{
    return record->cosigner_checked_private;
}

enum status
verified_body(const struct verified_record *record, uint8_t kind, void *ret_body)
{
    const struct envelope *envelope = verified_envelope(record);
    const struct schema *schema = record_schema(kind);
    if (envelope->kind != kind || schema == NULL) {
        return STATUS_WRONG_TYPE;
    }
    return codec_decode(schema, envelope->body, ret_body);
}
