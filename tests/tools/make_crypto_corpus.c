/* Writes small seeds for the fuzz targets of keys, backups, addresses and receipts below the directory
 * named as argument. Run by hand: build/release/tests/tools/make_crypto_corpus tests/fuzz/corpus */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/backup.h"
#include "crypto/key_file.h"
#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/peer_address.h"
#include "protocol/record.h"
#include "tests/support/sealed.h"

static void
require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "make_crypto_corpus: %s\n", what);
        exit(1);
    }
}

static void
write_seed(const char *directory, const char *target, const char *name, struct bytes bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, target, name);
    FILE *file = fopen(path, "wb");
    require(file != NULL, path);
    require(fwrite(bytes.data, 1, bytes.length, file) == bytes.length && fclose(file) == 0, path);
}

static void
write_key_files(const char *directory)
{
    static const struct bytes passphrases[] = {{NULL, 0}, {(const uint8_t *)"secret", 6}};
    static const char *const names[][2] = {{"plain", "plain_content"},
                                           {"locked", "locked_content"}};
    struct identity_key key = {.is_test = true, .channel_generation = 3};
    memset(key.seed, 7, sizeof key.seed);
    for (size_t i = 0; i < 2; i++) {
        uint8_t memory[KEY_FILE_BYTES_MAX];
        struct buffer buffer;
        buffer_init(&buffer, memory, sizeof memory);
        require(key_file_encode(&key, passphrases[i], &buffer) == STATUS_OK, "key file");
        write_seed(directory, "key_file", names[i][0], buffer_bytes(&buffer));
        /* Between the first line and the checksum, which the target puts around it. */
        write_seed(directory, "key_file", names[i][1], bytes_of(memory + 18, buffer.length - 34));
    }
}

static void
write_backups(const char *directory)
{
    uint8_t seed[SEED_LENGTH];
    char memory[BACKUP_TEXT_MAX];
    struct buffer text;
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)(9 * i);
    }
    buffer_init(&text, memory, sizeof memory);
    require(backup_write_words(seed, false, &text) == STATUS_OK, "words");
    write_seed(directory, "backup", "words", buffer_bytes(&text));
    memory[1] = memory[1] == 'x' ? 'y' : 'x';
    write_seed(directory, "backup", "wrong_word", buffer_bytes(&text));
    text.length = 0;
    require(backup_write_hex(seed, true, &text) == STATUS_OK, "hex");
    write_seed(directory, "backup", "hex_of_test_key", buffer_bytes(&text));
    memory[0] = memory[0] == '0' ? '1' : '0';
    write_seed(directory, "backup", "wrong_checksum", buffer_bytes(&text));
}

static void
write_addresses(const char *directory)
{
    static const char *const hosts[][2] = {
        {"ipv4", "127.1.2.3"}, {"name", "host-1.example.org"}, {"ipv6", "[fe80::1%eth0]"}};
    const struct keypair keypair = sealed_keypair("host");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct peer_address address = {.peer_id = keypair.identity,
                                       .has_id = i != 1,
                                       .port = 7700,
                                       .channel_key = keypair.channel_key};
        char memory[PEER_ADDRESS_TEXT_MAX];
        struct buffer text;
        address.host_length = (uint8_t)strlen(hosts[i][1]);
        memcpy(address.host, hosts[i][1], address.host_length);
        buffer_init(&text, memory, sizeof memory);
        peer_address_print(&address, &text);
        write_seed(directory, "peer_address", hosts[i][0], buffer_bytes(&text));
    }
}

static struct record_id
id_of(const struct sealed_record *record)
{
    const struct network_id network = sealed_network("test");
    struct record_view view;
    require(record_parse(sealed_bytes(record), &network, &view) == STATUS_OK, "record");
    return view.id;
}

static void
write_receipt(const char *directory)
{
    static struct sealed_record lease;
    static struct sealed_record meter_record;
    static struct sealed_record voucher_record;
    static struct sealed_record end;
    static uint8_t memory[3 * COSIGNED_BYTES_MAX];
    const struct keypair host = sealed_keypair("host");
    const struct keypair renter = sealed_keypair("renter");
    struct amount ask;
    struct amount owed;
    require(amount_of_micro(360000, &ask) == STATUS_OK, "ask");
    require(amount_of_micro(10000, &owed) == STATUS_OK, "amount");
    const struct lease_terms terms = {.host = host.identity,
                                      .renter = renter.identity,
                                      .listing = bytes_of_text("listing"),
                                      .slot_mask = 3,
                                      .slot_seq = 1,
                                      .duration_s = 3600,
                                      .latest_start_s = 20,
                                      .interval_s = 60,
                                      .meter_s = 10,
                                      .ask_uusd_per_hour = ask};
    sealed_body(&lease, RECORD_LEASE, &renter, &terms);
    const struct record_id id = id_of(&lease);
    const struct lease_id lease_id = lease_id_of_record(&id);
    sealed_cosign(&lease, &host);
    const struct meter meter = {.lease = lease_id, .number = 1, .run_ms = 50000};
    sealed_body(&meter_record, RECORD_METER, &host, &meter);
    const struct voucher voucher = {.lease = lease_id, .number = 1, .amount_uusd = owed};
    sealed_body(&voucher_record, RECORD_VOUCHER, &renter, &voucher);
    const struct final final = {.lease = lease_id,
                                .amount_uusd = owed,
                                .run_ms = 50000,
                                .started_at_s = SEALED_NOW_S,
                                .ended_at_s = SEALED_NOW_S + 50,
                                .reason = END_JOB_EXITED,
                                .meter_number = 1,
                                .meter = id_of(&meter_record)};
    sealed_body(&end, RECORD_FINAL, &host, &final);
    sealed_cosign(&end, &renter);
    struct receipt_bundle bundle = {.network = sealed_network("test"),
                                    .lease = sealed_bytes(&lease),
                                    .receipt = sealed_bytes(&end)};
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    require(codec_encode(&receipt_bundle_schema, &bundle, &buffer) == STATUS_OK, "receipt");
    write_seed(directory, "receipt", "bare", buffer_bytes(&buffer));
    bundle.voucher = sealed_bytes(&voucher_record);
    bundle.meters.count = 1;
    bundle.meters.items[0] = sealed_bytes(&meter_record);
    buffer.length = 0;
    require(codec_encode(&receipt_bundle_schema, &bundle, &buffer) == STATUS_OK, "receipt");
    write_seed(directory, "receipt", "whole", buffer_bytes(&buffer));
}

int
main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: make_crypto_corpus DIRECTORY\n");
        return 2;
    }
    require(crypto_start() == STATUS_OK, "crypto_start");
    write_key_files(arguments[1]);
    write_backups(arguments[1]);
    write_addresses(arguments[1]);
    write_receipt(arguments[1]);
    return 0;
}
