/* Seals and opens records. Only this file makes a verified_record, so nothing unverified is stored. */
#ifndef GPULET_CRYPTO_RECORD_H
#define GPULET_CRYPTO_RECORD_H

#include "crypto/keypair.h"
#include "protocol/envelope.h"
#include "protocol/status.h"

/* A sealed record is the encoded envelope followed by the author's 64-byte signature.
 * A cosigned record is a sealed record followed by a second party's 64-byte signature.
 * Signatures are Ed25519 over: label ("gpulet record 1" / "gpulet cosign 1"), network id, kind (one
 * byte), and the record's id. The id is the digest, label "gpulet record id", of the envelope's bytes. */

/* Parsed and within its limits, but nobody has vouched for it. Views borrow the input. */
struct record_view {
    struct bytes sealed; /* envelope and author's signature */
    struct envelope envelope;
    struct record_id id;
    bool is_cosigned;
    struct signature cosignature;
};

/* A record whose signatures were checked. Members are private to crypto/record.c; use the functions. */
struct verified_record {
    struct record_view view_private;
    bool cosigner_checked_private;
};

/* Signs an envelope and appends the sealed record to `buffer`. The envelope's author must be the
 * keypair's identity (ours to get right: asserted). Refuses what record_parse would refuse, with the
 * same status, and leaves the buffer as it was; STATUS_NO_SPACE. */
enum status record_seal(const struct envelope *envelope, const struct keypair *keypair,
                        struct buffer *buffer) MUST_USE;

/* Strict parse of foreign bytes: sizes, canonical form, version, kind, life, network, body against its
 * schema and its slot. No clock: times and seq are the caller's to judge. Costs one hash, no signature
 * check. STATUS_BAD_VERSION, STATUS_UNKNOWN_KIND, STATUS_WRONG_NETWORK, STATUS_OUT_OF_RANGE (a size, a
 * ttl of more than a day (a request: an hour) or none on a public record, any on a private one, a body
 * that names another slot) and the reader's errors. */
enum status record_parse(struct bytes sealed, const struct network_id *network,
                         struct record_view *ret_view) MUST_USE;

/* The same for a record with two signatures: a lease, final or extension, else STATUS_WRONG_TYPE. */
enum status record_parse_cosigned(struct bytes cosigned, const struct network_id *network,
                                  struct record_view *ret_view) MUST_USE;

/* Parses and checks the author's signature. STATUS_BAD_SIGNATURE. The result borrows `sealed`. */
enum status record_open(struct bytes sealed, const struct network_id *network,
                        struct verified_record *ret_record) MUST_USE;

/* Checks both signatures, the second one against `cosigner`. The result borrows `cosigned`. */
enum status record_open_cosigned(struct bytes cosigned, const struct network_id *network,
                                 const struct peer_id *cosigner, struct verified_record *ret_record)
    MUST_USE;

/* The second signature, over a record that was verified. */
void record_cosign(const struct verified_record *record, const struct keypair *keypair,
                   struct signature *ret_signature);

/* Appends sealed bytes and the cosignature. */
enum status record_append_cosigned(const struct verified_record *record,
                                   const struct signature *cosignature, struct buffer *buffer)
    MUST_USE;

/* What is read back from our own disk: its id is computed anew, its signature is not checked again.
 * For our own store only, never for bytes of a peer. STATUS_CORRUPT. */
enum status record_from_store(struct bytes stored, const struct network_id *network,
                              struct verified_record *ret_record) MUST_USE;

/* The same record over a copy of its bytes (verified_bytes) in another place; borrows the copy. */
struct verified_record verified_moved(const struct verified_record *record, struct bytes copy);

const struct envelope *verified_envelope(const struct verified_record *record);
const struct record_id *verified_id(const struct verified_record *record);

/* The bytes as they came: sealed, or cosigned when both signatures were checked. */
struct bytes verified_bytes(const struct verified_record *record);
bool verified_is_cosigned(const struct verified_record *record);

/* Decodes the body by its kind's schema into `ret_body`, whose struct the caller chose by kind.
 * STATUS_WRONG_TYPE when the record is of another kind. */
enum status verified_body(const struct verified_record *record, uint8_t kind, void *ret_body)
    MUST_USE;

#endif
