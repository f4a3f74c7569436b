#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "tests/sim/liar.h"

struct bytes
liar_seal(struct world *world, struct machine *machine, uint8_t kind, const void *body)
{
    struct liar *liar = machine->liar;
    const uint64_t now_ms = (uint64_t)machine_now(world, machine).wall.ms;
    uint8_t encoded[RECORD_BODY_MAX];
    struct buffer into;
    struct buffer out;
    buffer_init(&into, encoded, sizeof encoded);
    buffer_init(&out, liar->sealed, sizeof liar->sealed);
    const enum status status = codec_encode(record_schema(kind), body, &into);
    liar->seq = liar->seq + 1 > now_ms ? liar->seq + 1 : now_ms;
    const struct envelope envelope = {
        .version = RECORD_VERSION,
        .kind = kind,
        .network = world->network,
        .author = machine->options.keypair.identity,
        .seq = liar->seq,
        .issued_at_s = now_ms / 1000,
        .ttl_s = record_kind_is_public(kind) ? REQUEST_TTL_S : 0,
        .body = buffer_bytes(&into),
    };
    if (status != STATUS_OK ||
        record_seal(&envelope, &machine->options.keypair, &out) != STATUS_OK) {
        return bytes_of(NULL, 0);
    }
    return buffer_bytes(&out);
}

void
liar_spoil(struct world *world, uint8_t *bytes, size_t length)
{
    if (length > 0) {
        bytes[world_below(world, length)] ^= (uint8_t)world_between(world, 1, 255);
    }
}

void
liar_send(struct world *world, struct machine *machine, struct link link,
          const struct schema *schema, const void *value)
{
    struct buffer buffer;
    buffer_init(&buffer, machine->liar->memory, sizeof machine->liar->memory);
    if (message_encode(schema, value, &buffer) != STATUS_OK) {
        return;
    }
    if (world_chance(world, 30)) {
        liar_spoil(world, buffer.data, buffer.length);
    }
    world->tally.lies++;
    net_send(world, machine, link, buffer_bytes(&buffer));
    if (world_chance(world, 80)) {
        net_send(world, machine, link, buffer_bytes(&buffer));
    }
}

void
liar_send_record(struct world *world, struct machine *machine, struct link link,
                 struct bytes sealed)
{
    const struct signed_message message = {.record = sealed};
    if (sealed.length > 0) {
        liar_send(world, machine, link, &signed_message_schema, &message);
    }
}

void
liar_send_cosigned(struct world *world, struct machine *machine, struct link link,
                   struct bytes sealed, bool rightly)
{
    struct verified_record record;
    struct signature signature;
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    if (record_open(sealed, &world->network, &record) != STATUS_OK) {
        return;
    }
    record_cosign(&record, &machine->options.keypair, &signature);
    if (!rightly) {
        liar_spoil(world, signature.bytes, sizeof signature.bytes);
    }
    if (record_append_cosigned(&record, &signature, &buffer) == STATUS_OK) {
        const struct cosigned_message message = {.record = buffer_bytes(&buffer)};
        liar_send(world, machine, link, &cosigned_message_schema, &message);
    }
}

void
liar_hello(struct world *world, struct machine *machine, const struct liar_link *link)
{
    uint8_t node_bytes[RECORD_BYTES_MAX];
    const struct node_record node = {
        .channel_key = machine->options.keypair.channel_key,
        .boot_nonce = world_random(world),
        .address = bytes_of_text(machine->options.address),
        .stream_address = bytes_of_text(machine->options.stream_address),
        .software = bytes_of_text("gpulet 0.1.0"),
        .label = bytes_of_text("liar"),
    };
    const struct bytes sealed = liar_seal(world, machine, RECORD_NODE, &node);
    memcpy(node_bytes, sealed.data, sealed.length);
    const struct hello hello = {
        .sender_key = machine->options.keypair.channel_key,
        .receiver_key = link->key,
        .protocol_min = 1,
        .protocol_max = 1,
        .nonce = world_random(world),
        .time_ms = (uint64_t)machine_now(world, machine).wall.ms,
    };
    const struct hello_message message = {
        .node = bytes_of(node_bytes, sealed.length),
        .hello = liar_seal(world, machine, RECORD_HELLO, &hello),
    };
    liar_send(world, machine, link->link, &hello_message_schema, &message);
}
