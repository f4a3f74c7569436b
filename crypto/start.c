#include <sodium.h>

#include "crypto/keypair.h"

enum status
crypto_start(void)
{
    return sodium_init() < 0 ? STATUS_UNAVAILABLE : STATUS_OK;
}
