#include "tests/storage/scratch.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/codec.h"
#include "protocol/record.h"

void
scratch_make(char ret_path[SCRATCH_PATH_SIZE])
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(ret_path, SCRATCH_PATH_SIZE, "%s/gpulet-storage-XXXXXX",
                   base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(ret_path));
}

static int
remove_one(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

void
scratch_remove(const char *path)
{
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void
scratch_path(const char *base, const char *name, char ret_path[SCRATCH_PATH_SIZE])
{
    const int length = snprintf(ret_path, SCRATCH_PATH_SIZE, "%s/%s", base, name);
    cr_assert(length > 0 && length < SCRATCH_PATH_SIZE);
}

struct store *
scratch_open_with(const char *data_dir, const struct store_options *options)
{
    struct store *store = NULL;
    char why[STORE_WHY_SIZE];
    const enum status status = store_open(data_dir, options, &store, why);
    cr_assert_eq(status, STATUS_OK, "%s: %s", status_name(status), why);
    return store;
}

struct store *
scratch_open(const char *data_dir)
{
    const struct store_options options = {0};
    return scratch_open_with(data_dir, &options);
}

struct row_key
scratch_key(uint64_t number)
{
    struct row_key key = {.number = number};
    memset(key.id, (int)(number * 37 % 251), ID_LENGTH);
    memcpy(key.id + 8, &number, sizeof number);
    return key;
}

void
scratch_put(struct store *store, enum table table, const struct row_key *key, struct bytes value)
{
    struct transaction *transaction = transaction_begin(store);
    const struct row row = {.table = table, .key = *key, .value = value};
    transaction_put(transaction, &row);
    enum status cache_status = STATUS_SYSTEM;
    cr_assert_eq(transaction_commit(transaction, &cache_status), STATUS_OK);
    cr_assert_eq(cache_status, STATUS_OK);
}

void
scratch_record(struct scratch_record *ret_record, uint64_t number, uint64_t issued_at_s,
               uint32_t ttl_s)
{
    cr_assert_eq(crypto_start(), STATUS_OK);
    struct keypair keypair;
    keypair_for_test(7, bytes_of_text("storage"), &keypair);
    struct network_id network;
    memset(&network, 3, sizeof network);
    const struct node_record node = {.channel_key = keypair.channel_key,
                                     .boot_nonce = number,
                                     .address = bytes_of_text("tcp://127.0.0.1:7700"),
                                     .stream_address = bytes_of_text("tcp://127.0.0.1:7701"),
                                     .software = bytes_of_text("gpulet 0.1.0"),
                                     .label = bytes_of_text("host-1")};
    uint8_t body_memory[1024];
    struct buffer body;
    buffer_init(&body, body_memory, sizeof body_memory);
    cr_assert_eq(codec_encode(&node_record_schema, &node, &body), STATUS_OK);
    const struct envelope envelope = {.version = RECORD_VERSION,
                                      .kind = RECORD_NODE,
                                      .network = network,
                                      .author = keypair.identity,
                                      .seq = issued_at_s * 1000,
                                      .issued_at_s = issued_at_s,
                                      .ttl_s = ttl_s,
                                      .body = buffer_bytes(&body)};
    struct buffer sealed;
    buffer_init(&sealed, ret_record->memory, sizeof ret_record->memory);
    cr_assert_eq(record_seal(&envelope, &keypair, &sealed), STATUS_OK);
    const enum status status = record_open(buffer_bytes(&sealed), &network, &ret_record->record);
    cr_assert_eq(status, STATUS_OK, "%s", status_name(status));
}

void
scratch_damage(const char *path, long offset, size_t length, uint8_t byte)
{
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, offset, SEEK_SET), 0);
    for (size_t i = 0; i < length; i++) {
        cr_assert_neq(fputc(byte, file), EOF);
    }
    cr_assert_eq(fclose(file), 0);
}
