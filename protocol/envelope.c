#include "protocol/envelope.h"

#include "protocol/auction.h"
#include "protocol/limits.h"
#include "protocol/record.h"

/* Any version and kind decode, so that a newer node's record is refused by its right name. */
static const struct field envelope_fields[] = {
    NUMBER_FIELD(struct envelope, version, 0, UINT8_MAX, UNIT_NONE,
                 "Version of the envelope and of all bodies; this document is version 1."),
    NUMBER_FIELD(struct envelope, kind, 0, UINT8_MAX, UNIT_NONE,
                 "Kind of the record: says which schema the body has."),
    FIXED_FIELD(struct envelope, network, "The network this belongs to; others refuse it."),
    FIXED_FIELD(struct envelope, author, "Ed25519 public key of who says it."),
    NUMBER_FIELD(struct envelope, seq, 1, UINT64_MAX, UNIT_NONE,
                 "max(last + 1, unix milliseconds): in a slot the higher one replaces the lower."),
    NUMBER_FIELD(struct envelope, issued_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "When it was said."),
    NUMBER_FIELD(struct envelope, ttl_s, 0, RECORD_TTL_S_MAX, UNIT_SECONDS,
                 "How long it holds from then; 0 for private records, which do not expire."),
    NUMBER_FIELD(struct envelope, detail, 0, UINT32_MAX, UNIT_NONE,
                 "Which of the author's records of this kind: (author, kind, detail) is a slot."),
    BYTES_FIELD(struct envelope, body, 1, RECORD_BODY_MAX, "The kind's own fields, encoded."),
};

const struct schema envelope_schema =
    SCHEMA(struct envelope, "envelope", 0, envelope_fields,
           "What every signed record has: who says it, when, and for how long.");

static const struct schema *const schemas[RECORD_KIND_COUNT] = {
    [RECORD_NODE] = &node_record_schema,
    [RECORD_LISTING] = &listing_schema,
    [RECORD_WITHDRAWAL] = &withdrawal_schema,
    [RECORD_REQUEST] = &request_schema,
    [RECORD_HELLO] = &hello_schema,
    [RECORD_HOLD] = &hold_schema,
    [RECORD_HELD] = &held_schema,
    [RECORD_LEASE] = &lease_terms_schema,
    [RECORD_METER] = &meter_schema,
    [RECORD_VOUCHER] = &voucher_schema,
    [RECORD_FINAL] = &final_schema,
    [RECORD_RECLAIM] = &reclaim_schema,
    [RECORD_EXTENSION] = &extension_schema,
    [RECORD_GRANT] = &grant_schema,
    [RECORD_GANG] = &gang_certificate_schema,
    [RECORD_COMMITMENT] = &commitment_schema,
    [RECORD_BID] = &bid_schema,
    [RECORD_AUCTION_CLOSE] = &auction_close_schema,
    [RECORD_CLEARING] = &clearing_record_schema,
};

const struct schema *
record_schema(uint8_t kind)
{
    return kind < RECORD_KIND_COUNT ? schemas[kind] : NULL;
}

const char *
record_kind_name(uint8_t kind)
{
    const struct schema *schema = record_schema(kind);
    return schema == NULL ? "?" : schema->name;
}

bool
record_kind_is_public(uint8_t kind)
{
    return kind == RECORD_NODE || kind == RECORD_LISTING || kind == RECORD_WITHDRAWAL ||
           kind == RECORD_REQUEST || kind == RECORD_CLEARING;
}
