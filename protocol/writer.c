#include "protocol/writer.h"

#include <msgpack/pack.h>

static int
append(void *buffer, const char *data, size_t length)
{
    buffer_append(buffer, data, length);
    return 0; /* the buffer keeps its own error */
}

static msgpack_packer
packer_of(struct buffer *buffer)
{
    return (msgpack_packer){.data = buffer, .callback = append};
}

void
writer_array(struct buffer *buffer, size_t count)
{
    msgpack_packer packer = packer_of(buffer);
    (void)msgpack_pack_array(&packer, count);
}

void
writer_unsigned(struct buffer *buffer, uint64_t number)
{
    msgpack_packer packer = packer_of(buffer);
    (void)msgpack_pack_uint64(&packer, number);
}

void
writer_signed(struct buffer *buffer, int64_t number)
{
    msgpack_packer packer = packer_of(buffer);
    (void)msgpack_pack_int64(&packer, number);
}

void
writer_flag(struct buffer *buffer, bool flag)
{
    msgpack_packer packer = packer_of(buffer);
    (void)(flag ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void
writer_bin(struct buffer *buffer, struct bytes bytes)
{
    msgpack_packer packer = packer_of(buffer);
    (void)msgpack_pack_bin(&packer, bytes.length);
    buffer_append(buffer, bytes.data, bytes.length);
}

void
writer_text(struct buffer *buffer, struct bytes text)
{
    msgpack_packer packer = packer_of(buffer);
    (void)msgpack_pack_str(&packer, text.length);
    buffer_append(buffer, text.data, text.length);
}
