/* Reads any bytes by any sequence of reads: in bounds, and views lie within the input. */
#include <stdlib.h>

#include "protocol/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
require_within(struct bytes view, struct bytes whole)
{
    require(view.length == 0 || (view.data >= whole.data && view.length <= whole.length &&
                                 view.data + view.length <= whole.data + whole.length));
}

static void
read_one(struct reader *reader, unsigned what)
{
    struct bytes view = {0};
    switch (what % 6) {
    case 0:
        require(reader_array(reader) <= reader->bytes.length - reader->position);
        break;
    case 1:
        (void)reader_unsigned(reader);
        break;
    case 2:
        (void)reader_signed(reader);
        break;
    case 3:
        (void)reader_flag(reader);
        break;
    case 4:
        view = reader_bin(reader);
        break;
    default:
        view = reader_text(reader);
        require(text_is_valid(view));
        break;
    }
    require_within(view, reader->bytes);
}

/* The first eight bytes say what is read, each of their 3-bit groups once; then a guess that always
 * fits: what the next byte begins. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PLAN_BYTES = 8 };
    if (size < PLAN_BYTES) {
        return 0;
    }
    struct reader reader;
    reader_init(&reader, bytes_of(data + PLAN_BYTES, size - PLAN_BYTES));
    for (unsigned i = 0; i < 2 * PLAN_BYTES; i++) {
        const size_t before = reader.position;
        const enum status status = reader.status;
        read_one(&reader, (unsigned)data[i / 2] >> (i % 2 * 4));
        require(reader.position >= before && reader.position <= reader.bytes.length);
        require(status == STATUS_OK || (reader.status == status && reader.position == before));
    }
    const enum status end = reader_finish(&reader);
    require(end != STATUS_OK || reader.position == reader.bytes.length);
    return 0;
}
