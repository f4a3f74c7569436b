/* Reads any text as a peer's address: what is accepted prints to a text that reads the same, and its
 * endpoint has no byte that a socket library would read as more than one address. */
#include <stdlib.h>
#include <string.h>

#include "protocol/peer_address.h"

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
    struct peer_address address;
    struct peer_address again;
    const char *why = NULL;
    const enum status status = peer_address_parse(bytes_of(data, size), &address, &why);
    require((status == STATUS_OK) == (why == NULL));
    if (status != STATUS_OK) {
        return 0;
    }
    char memory[PEER_ADDRESS_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, memory, sizeof memory);
    peer_address_print(&address, &text);
    require(!text.overflowed && text.length == size);
    require(peer_address_parse(buffer_bytes(&text), &again, NULL) == STATUS_OK);
    require(peer_address_equal(&address, &again));
    text.length = 0;
    peer_address_endpoint(&address, &text);
    for (size_t i = 0; i < text.length; i++) {
        require(i < 6 || (memory[i] > ' ' && strchr(";,/@#?*\\", memory[i]) == NULL));
    }
    require(text.length > 6 && address.port > 0 && !text.overflowed);
    return 0;
}
