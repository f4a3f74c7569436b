#include "crypto/signature.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* Both labels have the same length: the signed bytes are one fixed layout. */
enum { LABEL_LENGTH = 15, CLAIM_LENGTH = LABEL_LENGTH + ID_LENGTH + 1 + ID_LENGTH };

static void
claim_write(const struct signed_claim *claim, uint8_t ret_bytes[CLAIM_LENGTH])
{
    const char *label = claim->role == SIGNATURE_AUTHOR ? "gpulet record 1" : "gpulet cosign 1";
    assert(strlen(label) == LABEL_LENGTH);
    memcpy(ret_bytes, label, LABEL_LENGTH);
    memcpy(ret_bytes + LABEL_LENGTH, claim->network->bytes, ID_LENGTH);
    ret_bytes[LABEL_LENGTH + ID_LENGTH] = claim->kind;
    memcpy(ret_bytes + LABEL_LENGTH + ID_LENGTH + 1, claim->id->bytes, ID_LENGTH);
}

void
signature_make(const struct signed_claim *claim, const struct keypair *keypair,
               struct signature *ret_signature)
{
    uint8_t bytes[CLAIM_LENGTH];
    claim_write(claim, bytes);
    const int failed =
        crypto_sign_detached(ret_signature->bytes, NULL, bytes, sizeof bytes, keypair->sign_secret);
    assert(failed == 0);
}

enum status
signature_check(const struct signed_claim *claim, const struct peer_id *signer,
                const struct signature *signature)
{
    uint8_t bytes[CLAIM_LENGTH];
    claim_write(claim, bytes);
    if (crypto_sign_verify_detached(signature->bytes, bytes, sizeof bytes, signer->bytes) != 0) {
        return STATUS_BAD_SIGNATURE;
    }
    return STATUS_OK;
}
