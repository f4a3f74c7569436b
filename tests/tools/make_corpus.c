/* Writes small seeds for the fuzz targets below the directory named as argument. Run by hand after a
 * schema changed: build/release/tests/tools/make_corpus tests/fuzz/corpus */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/codec.h"
#include "tests/support/clearing_sample.h"
#include "tests/support/sample.h"
#include "tests/support/schemas.h"
#include "tests/support/sealed.h"

enum { SEED_BYTES_MAX = 65536, SMALL = 700, ROUNDS = 200 };

static void
fail(const char *path)
{
    perror(path);
    exit(1);
}

static void
write_seed(const char *directory, const char *target, const char *name, struct bytes bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, target, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.data, 1, bytes.length, file) != bytes.length ||
        fclose(file) != 0) {
        fail(path);
    }
}

/* The largest small encoding of a few random values: the more is in it, the more a fuzzer finds. */
static void
write_codec_seed(const char *directory, const struct schema_entry *entry, uint8_t number)
{
    static uint8_t arena[SEED_BYTES_MAX];
    static uint8_t memory[SEED_BYTES_MAX];
    static uint8_t best[SMALL];
    static _Alignas(max_align_t) uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    struct sample sample;
    size_t best_length = 0;
    sample_init(&sample, number, arena, sizeof arena);
    for (int round = 0; round < ROUNDS; round++) {
        struct buffer buffer;
        buffer_init(&buffer, memory, sizeof memory);
        buffer_append_byte(&buffer, (uint8_t)entry->group);
        buffer_append_byte(&buffer, number);
        sample_reuse(&sample);
        sample_value(&sample, entry->schema, value);
        const enum status status = schema_group_has_number(entry->group)
                                       ? message_encode(entry->schema, value, &buffer)
                                       : codec_encode(entry->schema, value, &buffer);
        if (status == STATUS_OK && buffer.length <= SMALL && buffer.length > best_length) {
            best_length = buffer.length;
            memcpy(best, memory, best_length);
        }
    }
    char name[80];
    (void)snprintf(name, sizeof name, "%u_%s", (unsigned)entry->group, entry->schema->name);
    write_seed(directory, "codec", name, bytes_of(best, best_length));
}

static void
write_record_seed(const char *directory, uint8_t kind)
{
    static uint8_t arena[SEED_BYTES_MAX];
    static struct sealed_record record;
    struct sample sample;
    const struct keypair author = sealed_keypair("author");
    const struct keypair cosigner = sealed_keypair("cosigner");
    sample_init(&sample, kind, arena, sizeof arena);
    sealed_random(&record, kind, &author, &sample);
    write_seed(directory, "record", record_kind_name(kind), sealed_bytes(&record));
    if (kind == RECORD_LEASE || kind == RECORD_FINAL || kind == RECORD_EXTENSION) {
        char name[40];
        sealed_cosign(&record, &cosigner);
        (void)snprintf(name, sizeof name, "%s_cosigned", record_kind_name(kind));
        write_seed(directory, "record", name, sealed_bytes(&record));
    }
}

static void
write_reader_seeds(const char *directory)
{
    static const char *const inputs[] = {
        "\x10\x10\x10\x10\x10\x10\x10\x10\x92\x05\x91\xcd\x01\x00",
        "\x21\x21\x21\x21\x21\x21\x21\x21\xe0\xd0\xdf\xd1\xff\x7f\xcc\x80",
        "\x43\x54\x43\x54\x43\x54\x43\x54\xc3\xc4\x01x\xa1x\xa2\xc3\xa9",
        "\x55\x55\x55\x55\x55\x55\x55\x55\xa3\xe2\x82\xac\xa4\xf0\x9f\x8e\xae",
    };
    char name[] = "0";
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        name[0] = (char)('0' + i);
        write_seed(directory, "reader", name, bytes_of_text(inputs[i]));
    }
    write_seed(directory, "reader", "huge", bytes_of("\0\0\0\0\0\0\0\0\xdd\xff\xff\xff\xff", 13));
}

static void
write_clearing_seed(const char *directory)
{
    static uint8_t memory[CLEARING_SAMPLE_BYTES];
    const struct clearing_figures figures = {.fills = 0};
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    clearing_sample(CLEARING_HONEST, AUCTION_HALFWAY, &figures, &buffer);
    write_seed(directory, "clearing", "honest", buffer_bytes(&buffer));
}

int
main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        (void)fprintf(stderr, "usage: make_corpus DIRECTORY\n");
        return 2;
    }
    const char *directory = arguments[1];
    (void)mkdir(directory, 0777);
    for (unsigned group = GROUP_RECORD; group <= GROUP_OWN_ROW; group++) {
        for (unsigned number = 0; number <= UINT8_MAX; number++) {
            struct schema_entry entry = {.group = (enum schema_group)group};
            entry.schema = schema_of(entry.group, (uint8_t)number);
            if (entry.schema != NULL) {
                write_codec_seed(directory, &entry, (uint8_t)number);
            }
        }
    }
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        write_record_seed(directory, kind);
    }
    write_reader_seeds(directory);
    write_clearing_seed(directory);
    return 0;
}
