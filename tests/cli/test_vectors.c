/* The published vectors say what the code does: another implementation that agrees with the file
 * agrees with us. (Here and not beside tests/crypto, whose runner has no JSON reader.) */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "tests/support/schemas.h"
#include "tests/support/vector_value.h"

enum { ARENA_BYTES = 1 << 20 };

static uint8_t arena_memory[ARENA_BYTES];
static struct buffer arena;
static json_t *document;

static void
load(void)
{
    json_error_t error;
    buffer_init(&arena, arena_memory, sizeof arena_memory);
    document = json_load_file("tests/vectors/wire.json", 0, &error);
    cr_assert_not_null(document, "tests/vectors/wire.json: %s", error.text);
    cr_assert_eq(crypto_start(), STATUS_OK);
}

static void
unload(void)
{
    json_decref(document);
}

static struct bytes
hex(const json_t *object, const char *name)
{
    const struct bytes bytes = vector_to_bytes(json_object_get(object, name), &arena);
    cr_assert_not_null(bytes.data, "%s", name);
    return bytes;
}

static struct network_id
network(void)
{
    struct network_id id;
    const struct bytes bytes = hex(document, "network");
    cr_assert_eq(bytes.length, ID_LENGTH);
    memcpy(id.bytes, bytes.data, ID_LENGTH);
    return id;
}

/* The list of that name, which must not be empty. */
static const json_t *
list(const char *name)
{
    const json_t *array = json_object_get(document, name);
    cr_assert_gt(json_array_size(array), 0, "%s", name);
    return array;
}

#define EXPECT_BYTES(object, name, expected, count)                                                \
    cr_assert(bytes_equal(hex(object, name), bytes_of(expected, count)), "%s %zu", name, index)

Test(vectors, digests_and_networks_are_as_published, .init = load, .fini = unload)
{
    size_t index;
    const json_t *vector;
    json_array_foreach(list("digests"), index, vector)
    {
        uint8_t digest[ID_LENGTH];
        digest_make(json_string_value(json_object_get(vector, "label")), hex(vector, "bytes"),
                    digest);
        EXPECT_BYTES(vector, "digest", digest, ID_LENGTH);
    }
    json_array_foreach(list("networks"), index, vector)
    {
        struct network_id id;
        struct peer_id issuer;
        const bool has_issuer = json_is_string(json_object_get(vector, "issuer"));
        if (has_issuer) {
            memcpy(issuer.bytes, hex(vector, "issuer").data, ID_LENGTH);
        }
        network_id_make(bytes_of_text(json_string_value(json_object_get(vector, "name"))),
                        json_is_true(json_object_get(vector, "test")), has_issuer ? &issuer : NULL,
                        &id);
        EXPECT_BYTES(vector, "id", id.bytes, ID_LENGTH);
    }
}

static void
expect_keypair(const json_t *vector, const struct keypair *keypair, size_t index)
{
    EXPECT_BYTES(vector, "seed", keypair->seed, SEED_LENGTH);
    EXPECT_BYTES(vector, "sign_seed", keypair->sign_secret, 32);
    EXPECT_BYTES(vector, "identity", keypair->identity.bytes, ID_LENGTH);
    EXPECT_BYTES(vector, "channel_secret", keypair->channel_secret, 32);
    EXPECT_BYTES(vector, "channel_key", keypair->channel_key.bytes, ID_LENGTH);
}

Test(vectors, keys_are_as_published, .init = load, .fini = unload)
{
    size_t index;
    const json_t *vector;
    json_array_foreach(list("keys"), index, vector)
    {
        struct keypair keypair;
        keypair_from_seed(hex(vector, "seed").data, &keypair);
        expect_keypair(vector, &keypair, index);
    }
    json_array_foreach(list("test_keys"), index, vector)
    {
        struct keypair keypair;
        uint64_t seed;
        cr_assert(vector_to_number(json_object_get(vector, "network_seed"), &seed));
        keypair_for_test(seed, bytes_of_text(json_string_value(json_object_get(vector, "name"))),
                         &keypair);
        expect_keypair(json_object_get(vector, "key"), &keypair, index);
    }
}

Test(vectors, values_encode_to_the_published_bytes_and_back, .init = load, .fini = unload)
{
    static _Alignas(max_align_t) uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    static uint8_t memory[FRAME_BYTES_MAX];
    size_t index;
    const json_t *vector;
    json_array_foreach(list("values"), index, vector)
    {
        const char *name = json_string_value(json_object_get(vector, "name"));
        const bool is_message =
            strcmp(json_string_value(json_object_get(vector, "what")), "message") == 0;
        const uint8_t number = (uint8_t)json_integer_value(json_object_get(vector, "number"));
        const struct schema *schema = is_message ? message_schema(number) : record_schema(number);
        cr_assert_not_null(schema, "%s", name);
        cr_assert_str_eq(schema->name, name);
        const json_t *fields = json_object_get(vector, "fields");
        cr_assert(vector_to_value(fields, schema, &arena, value), "%s", name);
        struct buffer buffer;
        buffer_init(&buffer, memory, sizeof memory);
        cr_assert_eq(is_message ? message_encode(schema, value, &buffer)
                                : codec_encode(schema, value, &buffer),
                     STATUS_OK, "%s", name);
        EXPECT_BYTES(vector, "bytes", buffer.data, buffer.length);
        const struct bytes bytes = hex(vector, "bytes");
        cr_assert_eq(is_message ? message_decode(schema, bytes, value)
                                : codec_decode(schema, bytes, value),
                     STATUS_OK, "%s", name);
        json_t *again = vector_of_value(schema, value);
        cr_assert(json_equal(again, fields), "%s", name);
        json_decref(again);
    }
}

static void
expect_cosigned(const json_t *vector, struct bytes sealed)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct buffer cosigned;
    struct peer_id cosigner;
    struct verified_record record;
    const struct network_id id = network();
    memcpy(cosigner.bytes, hex(vector, "cosigner").data, ID_LENGTH);
    buffer_init(&cosigned, memory, sizeof memory);
    const struct bytes signature = hex(vector, "cosignature");
    buffer_append(&cosigned, sealed.data, sealed.length);
    buffer_append(&cosigned, signature.data, signature.length);
    cr_assert_eq(record_open_cosigned(buffer_bytes(&cosigned), &id, &cosigner, &record), STATUS_OK);
}

Test(vectors, records_seal_to_the_published_bytes_and_open, .init = load, .fini = unload)
{
    const struct network_id id = network();
    size_t index;
    size_t cosigned = 0;
    const json_t *vector;
    json_array_foreach(list("sealed"), index, vector)
    {
        struct envelope envelope;
        struct keypair author;
        struct verified_record record;
        uint8_t memory[RECORD_BYTES_MAX];
        struct buffer sealed;
        cr_assert(vector_to_value(json_object_get(vector, "envelope"), &envelope_schema, &arena,
                                  &envelope));
        keypair_from_seed(hex(vector, "seed").data, &author);
        buffer_init(&sealed, memory, sizeof memory);
        cr_assert_eq(record_seal(&envelope, &author, &sealed), STATUS_OK);
        EXPECT_BYTES(vector, "sealed", sealed.data, sealed.length);
        cr_assert_eq(record_open(buffer_bytes(&sealed), &id, &record), STATUS_OK);
        EXPECT_BYTES(vector, "id", verified_id(&record)->bytes, ID_LENGTH);
        cr_assert_str_eq(record_kind_name(envelope.kind),
                         json_string_value(json_object_get(vector, "name")));
        if (json_object_get(vector, "cosignature") != NULL) {
            expect_cosigned(vector, buffer_bytes(&sealed));
            cosigned++;
        }
    }
    size_t kinds = 0;
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        kinds += record_schema(kind) != NULL;
    }
    cr_assert_eq(json_array_size(list("sealed")), kinds);
    cr_assert_eq(cosigned, 3);
}

Test(vectors, what_is_published_as_refused_is_refused_by_that_name, .init = load, .fini = unload)
{
    static _Alignas(max_align_t) uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    const struct network_id id = network();
    size_t index;
    const json_t *vector;
    json_array_foreach(list("refused_messages"), index, vector)
    {
        const uint8_t type = (uint8_t)json_integer_value(json_object_get(vector, "type"));
        const json_t *text = json_object_get(vector, "bytes");
        const struct bytes bytes =
            json_string_length(text) == 0 ? (struct bytes){0} : hex(vector, "bytes");
        const enum status status = message_decode(message_schema(type), bytes, value);
        cr_assert_str_eq(status_name(status), json_string_value(json_object_get(vector, "error")),
                         "%s", json_string_value(json_object_get(vector, "why")));
    }
    json_array_foreach(list("refused_records"), index, vector)
    {
        struct verified_record record;
        const enum status status = record_open(hex(vector, "sealed"), &id, &record);
        cr_assert_str_eq(status_name(status), json_string_value(json_object_get(vector, "error")),
                         "%s", json_string_value(json_object_get(vector, "why")));
    }
}
