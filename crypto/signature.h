/* Ed25519 signatures (RFC 8032) over record ids: domain-separated by label, network and kind. */
#ifndef GPULET_CRYPTO_SIGNATURE_H
#define GPULET_CRYPTO_SIGNATURE_H

#include "crypto/keypair.h"
#include "protocol/id.h"
#include "protocol/status.h"

/* Which of a record's two signatures: neither can stand for the other. */
enum signature_role { SIGNATURE_AUTHOR, SIGNATURE_COSIGNER };

/* What is signed. The id covers the record's every byte; network and kind stand beside it, so that a
 * signature given on one network or for one kind has no meaning on another, whatever the bytes. */
struct signed_claim {
    enum signature_role role;
    uint8_t kind;
    const struct network_id *network;
    const struct record_id *id;
};

void signature_make(const struct signed_claim *claim, const struct keypair *keypair,
                    struct signature *ret_signature);

/* STATUS_BAD_SIGNATURE. */
enum status signature_check(const struct signed_claim *claim, const struct peer_id *signer,
                            const struct signature *signature) MUST_USE;

#endif
