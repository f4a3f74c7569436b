#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/place.h"
#include "cli/talk.h"
#include "crypto/backup.h"
#include "crypto/key_file.h"

enum { WORDS_SIZE = 4096 };

/* A passphrase under way; wiped by its user. */
struct passphrase {
    char text[PASSPHRASE_BYTES_MAX + 2];
};

static void
wipe(void *memory, size_t size)
{
    explicit_bzero(memory, size);
}

static struct bytes
passphrase_bytes(const struct passphrase *passphrase)
{
    return bytes_of_text(passphrase->text);
}

/* From --passphrase-file; without it there is none, and asks_terminal() may ask. */
static enum status
read_passphrase(const struct invocation *invocation, struct passphrase *ret_passphrase)
{
    const char *path = option_value(invocation, "passphrase-file");
    ret_passphrase->text[0] = '\0';
    if (path == NULL) {
        return STATUS_OK;
    }
    enum status status = place_read(path, ret_passphrase->text, sizeof ret_passphrase->text);
    if (status != STATUS_OK) {
        talk_say("cannot read the passphrase from %s: %s", path, status_text(status));
        return status;
    }
    ret_passphrase->text[strcspn(ret_passphrase->text, "\n")] = '\0';
    return STATUS_OK;
}

static enum status
ask_terminal(struct passphrase *ret_passphrase)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return STATUS_UNAVAILABLE;
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Passphrase of the identity: ", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    const bool has_line = fgets(ret_passphrase->text, sizeof ret_passphrase->text, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    if (!has_line) {
        return STATUS_UNAVAILABLE;
    }
    ret_passphrase->text[strcspn(ret_passphrase->text, "\n")] = '\0';
    return STATUS_OK;
}

static enum status
identity_path(const struct invocation *invocation, char ret_path[PLACE_SIZE])
{
    char data[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    enum status status = place_data(invocation, data, &why);
    if (status != STATUS_OK) {
        talk_refuse(EXIT_REFUSED, &why);
        return status;
    }
    return place_format(ret_path, "%s/identity", data);
}

/* Unlocks the identity file; asks on the terminal when it has a passphrase. */
static enum status
read_key(const struct invocation *invocation, struct identity_key *ret_key)
{
    char path[PLACE_SIZE];
    struct passphrase passphrase;
    const char *why = NULL;
    enum status status = identity_path(invocation, path);
    if (status == STATUS_OK) {
        status = read_passphrase(invocation, &passphrase);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = key_file_read(path, passphrase_bytes(&passphrase), ret_key, &why);
    if (status == STATUS_BAD_PASSPHRASE && passphrase.text[0] == '\0' &&
        ask_terminal(&passphrase) == STATUS_OK) {
        status = key_file_read(path, passphrase_bytes(&passphrase), ret_key, &why);
    }
    wipe(&passphrase, sizeof passphrase);
    if (status != STATUS_OK) {
        talk_say("%s: %s", path, why != NULL ? why : status_text(status));
    }
    return status;
}

int
run_identity_show(const struct invocation *invocation)
{
    struct identity_key key;
    struct keypair keypair;
    char identity[ID_HEX_SIZE];
    char channel[ID_HEX_SIZE];
    if (read_key(invocation, &key) != STATUS_OK) {
        return EXIT_REFUSED;
    }
    key_file_keypair(&key, &keypair);
    id_to_hex(keypair.identity.bytes, identity);
    id_to_hex(keypair.channel_key.bytes, channel);
    const bool is_test = key.is_test;
    keypair_wipe(&keypair);
    key_file_wipe(&key);
    if (option_is_given(invocation, "json")) {
        json_t *document = json_pack("{s:s, s:s, s:b}", "identity", identity, "channel_key",
                                     channel, "test_key", (int)is_test);
        return talk_document(document);
    }
    printf("identity     %s\nchannel key  %s\n", identity, channel);
    if (is_test) {
        talk_say("this is a key of a test network: anybody can make the same");
    }
    return talk_flush();
}

static int
print_backup(const struct invocation *invocation, const struct identity_key *key)
{
    char memory[BACKUP_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, memory, sizeof memory);
    const bool is_json = option_is_given(invocation, "json");
    enum status status = is_json ? backup_write_hex(key->seed, key->is_test, &text)
                                 : backup_write_words(key->seed, key->is_test, &text);
    int code = EXIT_REFUSED;
    if (status == STATUS_OK && is_json) {
        json_t *document = json_pack("{s:s%}", "backup", memory, text.length - 1);
        status = output_document(stdout, document);
        code = status == STATUS_OK ? EXIT_DONE : EXIT_REFUSED;
    } else if (status == STATUS_OK) {
        fwrite(memory, 1, text.length, stdout);
        code = talk_flush();
        talk_say("whoever has these words has this node's identity and its money; keep them on "
                 "paper");
    }
    wipe(memory, sizeof memory);
    return code;
}

int
run_identity_backup(const struct invocation *invocation)
{
    struct identity_key key;
    if (read_key(invocation, &key) != STATUS_OK) {
        return EXIT_REFUSED;
    }
    const int code = print_backup(invocation, &key);
    key_file_wipe(&key);
    return code;
}

static enum status
read_words(struct identity_key *ret_key)
{
    char words[WORDS_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    if (output_is_terminal(stdin)) {
        talk_say("type the words of the backup; end with Ctrl-D");
    }
    const size_t length = fread(words, 1, sizeof words, stdin);
    *ret_key = (struct identity_key){.channel_generation = 0};
    enum status status =
        backup_read(bytes_of(words, length), ret_key->seed, &ret_key->is_test, &why);
    wipe(words, sizeof words);
    if (status != STATUS_OK) {
        talk_refuse(EXIT_REFUSED, &why);
    }
    return status;
}

int
run_identity_restore(const struct invocation *invocation)
{
    char path[PLACE_SIZE];
    char data[PLACE_SIZE];
    struct passphrase passphrase;
    struct identity_key key;
    const char *why = NULL;
    struct buffer nothing;
    buffer_init(&nothing, NULL, 0);
    if (identity_path(invocation, path) != STATUS_OK ||
        read_passphrase(invocation, &passphrase) != STATUS_OK || read_words(&key) != STATUS_OK) {
        return EXIT_REFUSED;
    }
    enum status status = place_data(invocation, data, &nothing);
    if (status == STATUS_OK) {
        status = place_make(data);
    }
    if (status == STATUS_OK) {
        status = key_file_create(path, &key, passphrase_bytes(&passphrase), &why);
    }
    wipe(&passphrase, sizeof passphrase);
    key_file_wipe(&key);
    if (status == STATUS_EXISTS) {
        talk_say("%s holds an identity already; move it away first, or use another --data", path);
        return EXIT_REFUSED;
    }
    if (status != STATUS_OK) {
        talk_say("%s: %s", path, why != NULL ? why : status_text(status));
        return EXIT_REFUSED;
    }
    return run_identity_show(invocation);
}
