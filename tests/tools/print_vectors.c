/* Prints tests/vectors/wire.json: keys, values, exact bytes, ids and signatures, and what is refused. */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "tests/support/sample.h"
#include "tests/support/schemas.h"
#include "tests/support/vector_value.h"

enum { ARENA_BYTES = 65536, BYTES_MAX = 65536, VECTOR_BYTES_MAX = 900, ISSUED_AT_S = 1750000000 };

static void
require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "print_vectors: %s\n", what);
        assert(holds);
    }
}

static struct keypair
keypair_of(uint8_t byte)
{
    uint8_t seed[SEED_LENGTH];
    struct keypair keypair;
    memset(seed, byte, sizeof seed);
    keypair_from_seed(seed, &keypair);
    return keypair;
}

static json_t *
vector_of_keypair(const struct keypair *keypair)
{
    return json_pack("{so so so so so}", "seed",
                     vector_of_hex(bytes_of(keypair->seed, SEED_LENGTH)), "sign_seed",
                     vector_of_hex(bytes_of(keypair->sign_secret, 32)), "identity",
                     vector_of_hex(bytes_of(keypair->identity.bytes, ID_LENGTH)), "channel_secret",
                     vector_of_hex(bytes_of(keypair->channel_secret, 32)), "channel_key",
                     vector_of_hex(bytes_of(keypair->channel_key.bytes, ID_LENGTH)));
}

static json_t *
keys(void)
{
    json_t *list = json_array();
    static const uint8_t fillings[] = {0x00, 0x01, 0x02, 0xff};
    for (size_t i = 0; i < sizeof fillings; i++) {
        const struct keypair keypair = keypair_of(fillings[i]);
        (void)json_array_append_new(list, vector_of_keypair(&keypair));
    }
    return list;
}

static json_t *
test_keys(void)
{
    static const struct {
        uint64_t seed;
        const char *name;
    } nodes[] = {{1, "host-1"}, {1, "renter-1"}, {UINT64_C(0x0102030405060708), ""}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        struct keypair keypair;
        keypair_for_test(nodes[i].seed, bytes_of_text(nodes[i].name), &keypair);
        (void)json_array_append_new(
            list, json_pack("{so ss so}", "network_seed", vector_of_number(nodes[i].seed), "name",
                            nodes[i].name, "key", vector_of_keypair(&keypair)));
    }
    return list;
}

static json_t *
digests(void)
{
    static const char *const texts[] = {"", "abc", "gpulet"};
    static const char *const labels[] = {"gpulet record id", "x"};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t k = 0; k < sizeof labels / sizeof labels[0]; k++) {
            uint8_t digest[ID_LENGTH];
            const struct bytes bytes = bytes_of_text(texts[i]);
            digest_make(labels[k], bytes, digest);
            (void)json_array_append_new(
                list, json_pack("{ss so so}", "label", labels[k], "bytes", vector_of_hex(bytes),
                                "digest", vector_of_hex(bytes_of(digest, ID_LENGTH))));
        }
    }
    return list;
}

static json_t *
networks(void)
{
    const struct keypair issuer = keypair_of(1);
    static const char *const names[] = {"main", "test"};
    json_t *list = json_array();
    for (unsigned i = 0; i < 4; i++) {
        struct network_id id;
        const char *name = names[i & 1];
        const bool has_issuer = i >= 2;
        network_id_make(bytes_of_text(name), (i & 1) != 0, has_issuer ? &issuer.identity : NULL,
                        &id);
        json_t *issuer_hex =
            has_issuer ? vector_of_hex(bytes_of(issuer.identity.bytes, ID_LENGTH)) : json_null();
        (void)json_array_append_new(list, json_pack("{ss sb so so}", "name", name, "test",
                                                    (int)(i & 1), "issuer", issuer_hex, "id",
                                                    vector_of_hex(bytes_of(id.bytes, ID_LENGTH))));
    }
    return list;
}

/* The first random value whose encoding is short enough to be read by people. */
static struct bytes
short_value(struct sample *sample, const struct schema_entry *entry, uint8_t *value,
            uint8_t *memory)
{
    struct buffer buffer;
    do {
        sample_reuse(sample);
        sample_value(sample, entry->schema, value);
        buffer_init(&buffer, memory, VECTOR_BYTES_MAX);
    } while ((schema_group_has_number(entry->group)
                  ? message_encode(entry->schema, value, &buffer)
                  : codec_encode(entry->schema, value, &buffer)) != STATUS_OK);
    return buffer_bytes(&buffer);
}

static json_t *
values(void)
{
    static _Alignas(max_align_t) uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    static uint8_t arena[ARENA_BYTES];
    static uint8_t memory[VECTOR_BYTES_MAX];
    struct schema_entry entry;
    json_t *list = json_array();
    for (size_t i = 0; schema_at(i, &entry) && entry.group <= GROUP_MESSAGE; i++) {
        for (unsigned round = 0; round < (entry.group == GROUP_RECORD ? 2u : 1u); round++) {
            struct sample sample;
            sample_init(&sample, entry.schema->number * 2u + round, arena, sizeof arena);
            const struct bytes bytes = short_value(&sample, &entry, value, memory);
            (void)json_array_append_new(
                list,
                json_pack("{ss si ss so so}", "what",
                          entry.group == GROUP_RECORD ? "record" : "message", "number",
                          (int)entry.schema->number, "name", entry.schema->name, "fields",
                          vector_of_value(entry.schema, value), "bytes", vector_of_hex(bytes)));
        }
    }
    return list;
}

static struct network_id
test_network(void)
{
    struct network_id network;
    network_id_make(bytes_of_text("test"), true, NULL, &network);
    return network;
}

/* A body whose own slot is the envelope's, as every kind wants it. */
static uint32_t
detail_of(uint8_t kind, uint8_t *body)
{
    if (kind == RECORD_WITHDRAWAL) {
        struct withdrawal *withdrawal = (struct withdrawal *)(void *)body;
        *withdrawal = (struct withdrawal){RECORD_LISTING, 3, UINT64_C(1000) * ISSUED_AT_S - 1};
        return withdrawal->victim_detail;
    }
    return kind == RECORD_LISTING ? ((const struct listing *)(const void *)body)->slot_group : 0;
}

struct sealed_vector {
    struct envelope envelope;
    struct buffer body;
    struct buffer sealed;
    uint8_t body_bytes[RECORD_BODY_MAX];
    uint8_t sealed_bytes[COSIGNED_BYTES_MAX];
};

static void
seal_sample(uint8_t kind, const struct keypair *author, struct sealed_vector *ret_vector)
{
    static _Alignas(max_align_t) uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    static uint8_t arena[ARENA_BYTES];
    struct sample sample;
    sample_init(&sample, 1000u + kind, arena, sizeof arena);
    sample_value(&sample, record_schema(kind), value);
    const uint32_t detail = detail_of(kind, value);
    buffer_init(&ret_vector->body, ret_vector->body_bytes, sizeof ret_vector->body_bytes);
    require(codec_encode(record_schema(kind), value, &ret_vector->body) == STATUS_OK, "body");
    ret_vector->envelope = (struct envelope){
        .version = RECORD_VERSION,
        .kind = kind,
        .network = test_network(),
        .author = author->identity,
        .seq = UINT64_C(1000) * ISSUED_AT_S + kind,
        .issued_at_s = ISSUED_AT_S,
        .ttl_s = record_kind_is_public(kind) ? REQUEST_TTL_S : 0,
        .detail = detail,
        .body = buffer_bytes(&ret_vector->body),
    };
    buffer_init(&ret_vector->sealed, ret_vector->sealed_bytes, sizeof ret_vector->sealed_bytes);
    require(record_seal(&ret_vector->envelope, author, &ret_vector->sealed) == STATUS_OK, "seal");
}

static void
add_cosignature(json_t *object, struct sealed_vector *vector, const struct keypair *cosigner)
{
    const struct network_id network = test_network();
    struct verified_record record;
    struct signature signature;
    require(record_open(buffer_bytes(&vector->sealed), &network, &record) == STATUS_OK, "open");
    record_cosign(&record, cosigner, &signature);
    (void)json_object_set_new(object, "cosigner",
                              vector_of_hex(bytes_of(cosigner->identity.bytes, ID_LENGTH)));
    (void)json_object_set_new(object, "cosignature",
                              vector_of_hex(bytes_of(signature.bytes, SIGNATURE_LENGTH)));
}

static json_t *
sealed(void)
{
    static struct sealed_vector vector;
    const struct network_id network = test_network();
    const struct keypair author = keypair_of(1);
    const struct keypair cosigner = keypair_of(2);
    json_t *list = json_array();
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        struct record_view view;
        seal_sample(kind, &author, &vector);
        const struct bytes bytes = buffer_bytes(&vector.sealed);
        require(record_parse(bytes, &network, &view) == STATUS_OK, "parse");
        json_t *object = json_pack("{ss so so so so}", "name", record_kind_name(kind), "seed",
                                   vector_of_hex(bytes_of(author.seed, SEED_LENGTH)), "envelope",
                                   vector_of_value(&envelope_schema, &vector.envelope), "id",
                                   vector_of_hex(bytes_of(view.id.bytes, ID_LENGTH)), "sealed",
                                   vector_of_hex(bytes));
        if (kind == RECORD_LEASE || kind == RECORD_FINAL || kind == RECORD_EXTENSION) {
            add_cosignature(object, &vector, &cosigner);
        }
        (void)json_array_append_new(list, object);
    }
    return list;
}

/* Bytes of a ping (0x0f) or refused (0x08) message, and why they are refused. */
static const struct {
    const char *why;
    uint8_t type;
    struct bytes bytes;
    enum status status;
} refused_messages[] = {
#define REFUSED(why, type, literal, status)                                                        \
    {                                                                                              \
        why, type, {(const uint8_t *)(literal), sizeof(literal) - 1}, status                       \
    }
    REFUSED("nothing", MESSAGE_PING, "", STATUS_TRUNCATED),
    REFUSED("no token", MESSAGE_PING, "\x92\x0f", STATUS_TRUNCATED),
    REFUSED("a byte too many", MESSAGE_PING, "\x92\x0f\x07\x00", STATUS_TRAILING),
    REFUSED("a token of one byte in two", MESSAGE_PING, "\x92\x0f\xcc\x07", STATUS_NOT_CANONICAL),
    REFUSED("a token of one byte in nine", MESSAGE_PING,
            "\x92\x0f\xcf\x00\x00\x00\x00\x00\x00\x00\x07", STATUS_NOT_CANONICAL),
    REFUSED("a token in a signed form", MESSAGE_PING, "\x92\x0f\xd1\x01\x00", STATUS_NOT_CANONICAL),
    REFUSED("a negative token", MESSAGE_PING, "\x92\x0f\xff", STATUS_OUT_OF_RANGE),
    REFUSED("nil", MESSAGE_PING, "\x92\x0f\xc0", STATUS_WRONG_TYPE),
    REFUSED("a float", MESSAGE_PING, "\x92\x0f\xca\x00\x00\x00\x00", STATUS_WRONG_TYPE),
    REFUSED("an ext", MESSAGE_PING, "\x92\x0f\xd4\x01\x00", STATUS_WRONG_TYPE),
    REFUSED("a text", MESSAGE_PING, "\x92\x0f\xa1\x37", STATUS_WRONG_TYPE),
    REFUSED("a map for an array", MESSAGE_PING, "\x81\x0f\x07", STATUS_WRONG_TYPE),
    REFUSED("a field too many", MESSAGE_PING, "\x93\x0f\x07\x07", STATUS_OUT_OF_RANGE),
    REFUSED("a field too few", MESSAGE_PING, "\x91\x0f", STATUS_OUT_OF_RANGE),
    REFUSED("a long array header", MESSAGE_PING, "\xdc\x00\x02\x0f\x07", STATUS_NOT_CANONICAL),
    REFUSED("four billion elements", MESSAGE_PING, "\xdd\xff\xff\xff\xff", STATUS_TRUNCATED),
    REFUSED("the type of another message", MESSAGE_PING, "\x92\x10\x07", STATUS_UNKNOWN_KIND),
#define ABOUT                                                                                      \
    "\xc4\x20"                                                                                     \
    "0123456789abcdef0123456789abcdef"
    REFUSED("an id of 31 bytes", MESSAGE_REFUSED,
            "\x95\x08\xc4\x1f"
            "0123456789abcdef0123456789abcde"
            "\x03\x00\xa0",
            STATUS_OUT_OF_RANGE),
    REFUSED("an id as text", MESSAGE_REFUSED,
            "\x95\x08\xd9\x20"
            "0123456789abcdef0123456789abcdef"
            "\x03\x00\xa0",
            STATUS_WRONG_TYPE),
    REFUSED("a reason beyond the table", MESSAGE_REFUSED, "\x95\x08" ABOUT "\x10\x00\xa0",
            STATUS_OUT_OF_RANGE),
    REFUSED("a text header of two bytes for one", MESSAGE_REFUSED,
            "\x95\x08" ABOUT "\x03\x00\xd9\x01x", STATUS_NOT_CANONICAL),
    REFUSED("a NUL in a text", MESSAGE_REFUSED, "\x95\x08" ABOUT "\x03\x00\xa1\x00",
            STATUS_BAD_TEXT),
    REFUSED("an overlong character", MESSAGE_REFUSED, "\x95\x08" ABOUT "\x03\x00\xa2\xc0\x80",
            STATUS_BAD_TEXT),
    REFUSED("a surrogate", MESSAGE_REFUSED, "\x95\x08" ABOUT "\x03\x00\xa3\xed\xa0\x80",
            STATUS_BAD_TEXT),
};

static json_t *
refused_message_list(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof refused_messages / sizeof refused_messages[0]; i++) {
        (void)json_array_append_new(list,
                                    json_pack("{ss si so ss}", "why", refused_messages[i].why,
                                              "type", (int)refused_messages[i].type, "bytes",
                                              vector_of_hex(refused_messages[i].bytes), "error",
                                              status_name(refused_messages[i].status)));
    }
    return list;
}

static void
append_refused(json_t *list, const char *why, struct bytes bytes, enum status status)
{
    (void)json_array_append_new(list,
                                json_pack("{ss so ss}", "why", why, "sealed", vector_of_hex(bytes),
                                          "error", status_name(status)));
}

/* The grant record of the vectors, changed at one place; the envelope's first bytes are
 * 99 (array), version, kind, c4 20 network. */
static json_t *
refused_records(void)
{
    static const struct {
        const char *why;
        size_t position;
        uint8_t change; /* exclusive or */
        enum status status;
    } changes[] = {
        {"another version", 1, RECORD_VERSION ^ 2, STATUS_BAD_VERSION},
        {"an unknown kind", 2, RECORD_GRANT ^ RECORD_KIND_COUNT, STATUS_UNKNOWN_KIND},
        {"another network", 5, 1, STATUS_WRONG_NETWORK},
        {"another author", 40, 1, STATUS_BAD_SIGNATURE},
        {"eight fields", 0, 1, STATUS_OUT_OF_RANGE},
    };
    static struct sealed_vector vector;
    const struct keypair author = keypair_of(1);
    json_t *list = json_array();
    seal_sample(RECORD_GRANT, &author, &vector);
    const struct bytes whole = buffer_bytes(&vector.sealed);
    append_refused(list, "a byte too few", bytes_of(whole.data, whole.length - 1),
                   STATUS_TRUNCATED);
    append_refused(list, "the signature alone",
                   bytes_of(whole.data + whole.length - SIGNATURE_LENGTH, SIGNATURE_LENGTH),
                   STATUS_TRUNCATED);
    vector.sealed_bytes[whole.length] = 0;
    append_refused(list, "a byte too many", bytes_of(whole.data, whole.length + 1),
                   STATUS_TRAILING);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        vector.sealed_bytes[changes[i].position] ^= changes[i].change;
        append_refused(list, changes[i].why, whole, changes[i].status);
        vector.sealed_bytes[changes[i].position] ^= changes[i].change;
    }
    vector.sealed_bytes[whole.length - 1] ^= 1;
    append_refused(list, "a changed signature", whole, STATUS_BAD_SIGNATURE);
    return list;
}

int
main(void)
{
    const struct network_id network = test_network();
    if (crypto_start() != STATUS_OK) {
        return 1;
    }
    json_t *document = json_pack(
        "{ss so so so so so so so so so}", "about",
        "Test vectors of docs/wire.md, printed by `make docs`. Hex is lower case; numbers above "
        "2^63 - 1 are decimal text. Sealed records are on the network \"test\".",
        "digests", digests(), "networks", networks(), "network",
        vector_of_hex(bytes_of(network.bytes, ID_LENGTH)), "keys", keys(), "test_keys", test_keys(),
        "values", values(), "sealed", sealed(), "refused_messages", refused_message_list(),
        "refused_records", refused_records());
    const int failed =
        document == NULL || json_dumpf(document, stdout, JSON_INDENT(1)) != 0 || puts("") < 0;
    json_decref(document);
    return failed;
}
