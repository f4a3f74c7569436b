#include "node/io/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key_file.h"
#include "node/io/log.h"

/* The directory and those above it. */
static enum status
make_directories(const char *path, struct buffer *why)
{
    char part[OPTION_PATH_SIZE];
    const size_t length = strlen(path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            buffer_append_format(why, "cannot make the directory %.300s: %s", part,
                                 strerror(errno));
            return errno == EACCES ? STATUS_PERMISSION : STATUS_SYSTEM;
        }
    }
    return STATUS_OK;
}

/* The first line of the passphrase's file; empty without one. */
static enum status
read_passphrase(const char *path, char text[PASSPHRASE_BYTES_MAX + 2], struct buffer *why)
{
    text[0] = '\0';
    if (path[0] == '\0') {
        return STATUS_OK;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, PASSPHRASE_BYTES_MAX + 1);
    if (fd >= 0) {
        close(fd);
    }
    if (length < 0) {
        buffer_append_format(why, "cannot read the passphrase from %.300s: %s", path,
                             strerror(errno));
        return STATUS_NOT_FOUND;
    }
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return STATUS_OK;
}

static void
make_key(const struct options *options, struct identity_key *key)
{
    struct keypair keypair;
    memset(key, 0, sizeof *key);
    if (options->has_seed) {
        keypair_for_test(options->seed, bytes_of_text(options->label), &keypair);
        key->is_test = true;
    } else {
        keypair_generate(&keypair);
    }
    memcpy(key->seed, keypair.seed, SEED_LENGTH);
    keypair_wipe(&keypair);
}

static enum status
read_or_make(const struct options *options, const char *path, struct bytes passphrase,
             struct identity_key *key, const char **why)
{
    enum status status = key_file_read(path, passphrase, key, why);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    make_key(options, key);
    status = key_file_create(path, key, passphrase, why);
    if (status == STATUS_OK) {
        log_line(LOG_INFO, "this node's identity was made: keep a copy of %s", path);
    }
    return status;
}

/* A file from another seed or label would make this node somebody whom nobody expects. */
static enum status
check_key(const struct options *options, const struct identity_key *key, const char **why)
{
    enum status status = key_file_check_network(key, options->is_test_network, why);
    if (status == STATUS_OK && options->has_seed) {
        struct identity_key wanted;
        make_key(options, &wanted);
        if (memcmp(wanted.seed, key->seed, SEED_LENGTH) != 0) {
            *why = "the identity there is not the one of this seed and label; "
                   "use another data directory";
            status = STATUS_REFUSED;
        }
        key_file_wipe(&wanted);
    }
    return status;
}

enum status
identity_load(const struct options *options, struct keypair *ret_keypair, struct buffer *why)
{
    char path[OPTION_PATH_SIZE];
    char passphrase[PASSPHRASE_BYTES_MAX + 2];
    enum status status = make_directories(options->data_dir, why);
    if (status == STATUS_OK) {
        status = read_passphrase(options->passphrase_file, passphrase, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (snprintf(path, sizeof path, "%s/identity", options->data_dir) >= (int)sizeof path) {
        return STATUS_LIMIT;
    }
    struct identity_key key;
    const char *sentence = NULL;
    status = read_or_make(options, path, bytes_of_text(passphrase), &key, &sentence);
    if (status == STATUS_OK) {
        status = check_key(options, &key, &sentence);
        if (status == STATUS_OK) {
            key_file_keypair(&key, ret_keypair);
        }
        key_file_wipe(&key);
    }
    explicit_bzero(passphrase, sizeof passphrase);
    if (status != STATUS_OK) {
        buffer_append_format(why, "%.300s: %s", path,
                             sentence == NULL ? status_text(status) : sentence);
    }
    return status;
}
