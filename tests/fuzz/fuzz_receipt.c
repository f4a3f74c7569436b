/* Checks any bytes as the file of a receipt: every refusal has its sentence, and nothing is confirmed
 * that costs more than the agreed price for the time that ran. */
#include <stdlib.h>

#include "crypto/keypair.h"
#include "crypto/receipt.h"
#include "protocol/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receipt_facts facts;
    struct amount charge;
    const char *why = NULL;
    require(crypto_start() == STATUS_OK);
    const enum status status = receipt_verify(bytes_of(data, size), &facts, &why);
    require((status == STATUS_OK) == (why == NULL));
    if (status == STATUS_OK) {
        require(price_charge(facts.ask_uusd_per_hour, facts.slots, facts.run_ms, &charge) ==
                STATUS_OK);
        require(amount_compare(facts.amount_uusd, charge) <= 0);
        require(!facts.has_voucher || amount_compare(facts.amount_uusd, facts.voucher_uusd) <= 0);
    }
    return 0;
}
