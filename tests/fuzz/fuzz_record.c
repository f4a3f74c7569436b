/* Parses any bytes as a sealed and as a cosigned record: nothing is opened without its signature,
 * and a parsed record's envelope encodes to the bytes it came from. */
#include <stdlib.h>

#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/support/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_view(const struct record_view *view, struct bytes bytes)
{
    uint8_t memory[RECORD_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    require(codec_encode(&envelope_schema, &view->envelope, &buffer) == STATUS_OK);
    require(buffer.length + SIGNATURE_LENGTH == view->sealed.length);
    require(view->sealed.data == bytes.data);
    require(bytes_equal(buffer_bytes(&buffer), bytes_of(bytes.data, buffer.length)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct network_id network = sealed_network("test");
    const struct bytes bytes = bytes_of(data, size);
    struct record_view view;
    struct verified_record record;
    const enum status parsed = record_parse(bytes, &network, &view);
    if (parsed == STATUS_OK) {
        check_view(&view, bytes);
    }
    /* Opening asks more than parsing, never less. */
    const enum status opened = record_open(bytes, &network, &record);
    require(opened == parsed || (parsed == STATUS_OK && opened == STATUS_BAD_SIGNATURE));
    const enum status parsed_both = record_parse_cosigned(bytes, &network, &view);
    if (parsed_both == STATUS_OK) {
        check_view(&view, bytes);
        require(parsed != STATUS_OK); /* one reading at most */
    }
    const struct peer_id nobody = {{0}};
    require(record_open_cosigned(bytes, &network, &nobody, &record) != STATUS_OK);
    return 0;
}
