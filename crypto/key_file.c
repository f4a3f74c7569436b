#include "crypto/key_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "protocol/codec.h"

/* argon2id, libsodium's "moderate" of 2023; fixed, so that a file cannot ask for a terabyte. */
enum { PASSPHRASE_PASSES = 3, CHECKSUM_LENGTH = 16 };
static const size_t passphrase_memory = (size_t)256 << 20;

static const char magic[] = "gpulet identity ";
static const char format_version[] = "1\n";

static const char damaged[] = "the identity file is damaged; restore it from its backup";

enum lock { LOCK_NONE, LOCK_PASSPHRASE, LOCK_COUNT };
static const char *const lock_texts[] = {"none", "passphrase"};
static const struct name_table lock_names = {lock_texts, LOCK_COUNT};

/* A plain content is the key's fields; under a passphrase it is a secretbox of them, so that nobody
 * without it can take the test mark away. */
struct locked_key {
    uint8_t lock;
    uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
    uint8_t nonce[crypto_secretbox_NONCEBYTES];
    struct bytes content;
};

enum { CONTENT_BYTES_MAX = 128 };

static const struct field identity_key_fields[] = {
    FIXED_FIELD(struct identity_key, seed, "what all keys derive from"),
    FLAG_FIELD(struct identity_key, is_test, "for test networks only"),
    NUMBER_FIELD(struct identity_key, channel_generation, 0, UINT32_MAX, UNIT_NONE,
                 "how often the channel key was rotated"),
};
static const struct schema identity_key_schema =
    SCHEMA(struct identity_key, "identity_key", 0, identity_key_fields, "a node's secret");

static const struct field locked_key_fields[] = {
    ENUM_FIELD(struct locked_key, lock, &lock_names, "what protects the content"),
    FIXED_FIELD(struct locked_key, salt, "of argon2id; zeros without a passphrase"),
    FIXED_FIELD(struct locked_key, nonce, "of the secretbox; zeros without a passphrase"),
    BYTES_FIELD(struct locked_key, content, 1, CONTENT_BYTES_MAX, "an identity_key"),
};
static const struct schema locked_key_schema =
    SCHEMA(struct locked_key, "locked_key", 0, locked_key_fields, "an identity file");

static enum status
fail(enum status status, const char *why, const char **ret_why)
{
    if (ret_why != NULL) {
        *ret_why = why;
    }
    return status;
}

static enum status
passphrase_key(const struct locked_key *locked, struct bytes passphrase,
               uint8_t ret_key[crypto_secretbox_KEYBYTES])
{
    const int failed = crypto_pwhash_argon2id(
        ret_key, crypto_secretbox_KEYBYTES, (const char *)passphrase.data, passphrase.length,
        locked->salt, PASSPHRASE_PASSES, passphrase_memory, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    return failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Fills in the content, in `memory`: plain, or boxed under a fresh salt and nonce. */
static enum status
content_lock(struct bytes plain, struct bytes passphrase, uint8_t memory[CONTENT_BYTES_MAX],
             struct locked_key *ret_locked)
{
    struct locked_key locked = {.lock = LOCK_NONE, .content = plain};
    if (passphrase.length == 0) {
        *ret_locked = locked;
        return STATUS_OK;
    }
    assert(plain.length <= CONTENT_BYTES_MAX - crypto_secretbox_MACBYTES);
    locked.lock = LOCK_PASSPHRASE;
    randombytes_buf(locked.salt, sizeof locked.salt);
    randombytes_buf(locked.nonce, sizeof locked.nonce);
    uint8_t key[crypto_secretbox_KEYBYTES];
    const enum status status = passphrase_key(&locked, passphrase, key);
    if (status == STATUS_OK) {
        const int failed =
            crypto_secretbox_easy(memory, plain.data, plain.length, locked.nonce, key);
        assert(failed == 0);
        locked.content = bytes_of(memory, plain.length + crypto_secretbox_MACBYTES);
        *ret_locked = locked;
    }
    sodium_memzero(key, sizeof key);
    return status;
}

static enum status
content_unlock(const struct locked_key *locked, struct bytes passphrase, struct buffer *plain,
               const char **ret_why)
{
    if (locked->lock == LOCK_NONE) {
        buffer_append(plain, locked->content.data, locked->content.length);
        return STATUS_OK;
    }
    if (passphrase.length == 0) {
        return fail(STATUS_BAD_PASSPHRASE, "the identity needs its passphrase", ret_why);
    }
    if (locked->content.length <= crypto_secretbox_MACBYTES) {
        return fail(STATUS_CORRUPT, damaged, ret_why);
    }
    uint8_t key[crypto_secretbox_KEYBYTES];
    if (passphrase_key(locked, passphrase, key) != STATUS_OK) {
        return fail(STATUS_NO_MEMORY, "the passphrase takes 256 MiB of memory to check", ret_why);
    }
    const int failed = crypto_secretbox_open_easy(plain->data, locked->content.data,
                                                  locked->content.length, locked->nonce, key);
    sodium_memzero(key, sizeof key);
    if (failed) {
        return fail(STATUS_BAD_PASSPHRASE, "the passphrase is wrong", ret_why);
    }
    plain->length = locked->content.length - crypto_secretbox_MACBYTES;
    return STATUS_OK;
}

static void
checksum_make(struct bytes bytes, uint8_t ret_checksum[CHECKSUM_LENGTH])
{
    uint8_t digest[ID_LENGTH];
    digest_make("gpulet key file 1", bytes, digest);
    memcpy(ret_checksum, digest, CHECKSUM_LENGTH);
}

enum status
key_file_encode(const struct identity_key *key, struct bytes passphrase, struct buffer *buffer)
{
    if (passphrase.length > PASSPHRASE_BYTES_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    const size_t start = buffer->length;
    buffer_append(buffer, magic, strlen(magic));
    buffer_append(buffer, format_version, strlen(format_version));
    uint8_t plain_memory[CONTENT_BYTES_MAX];
    uint8_t box_memory[CONTENT_BYTES_MAX];
    struct buffer plain;
    buffer_init(&plain, plain_memory, sizeof plain_memory);
    struct locked_key locked;
    enum status status = codec_encode(&identity_key_schema, key, &plain);
    if (status == STATUS_OK) {
        status = content_lock(buffer_bytes(&plain), passphrase, box_memory, &locked);
    }
    if (status == STATUS_OK) {
        status = codec_encode(&locked_key_schema, &locked, buffer);
    }
    sodium_memzero(plain_memory, sizeof plain_memory);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t checksum[CHECKSUM_LENGTH];
    checksum_make(bytes_of(buffer->data + start, buffer->length - start), checksum);
    buffer_append(buffer, checksum, sizeof checksum);
    return buffer->overflowed ? STATUS_NO_SPACE : STATUS_OK;
}

static bool
begins_with(struct bytes bytes, const char *text)
{
    const size_t length = strlen(text);
    return bytes.length >= length && bytes_are_text(bytes_of(bytes.data, length), text);
}

/* Magic, version and checksum; `ret_inner` is what stands between. */
static enum status
frame_check(struct bytes bytes, struct bytes *ret_inner, const char **ret_why)
{
    if (!begins_with(bytes, magic)) {
        return fail(STATUS_CORRUPT, "this is not an identity file of gpulet", ret_why);
    }
    const size_t magic_length = strlen(magic);
    const struct bytes rest = bytes_of(bytes.data + magic_length, bytes.length - magic_length);
    if (!begins_with(rest, format_version)) {
        return rest.length < strlen(format_version)
                   ? fail(STATUS_CORRUPT, damaged, ret_why)
                   : fail(STATUS_NEWER_SCHEMA,
                          "the identity file was written by a newer gpulet; install that version",
                          ret_why);
    }
    const size_t head = magic_length + strlen(format_version);
    if (bytes.length < head + CHECKSUM_LENGTH) {
        return fail(STATUS_CORRUPT, damaged, ret_why);
    }
    const struct bytes checked = bytes_of(bytes.data, bytes.length - CHECKSUM_LENGTH);
    uint8_t checksum[CHECKSUM_LENGTH];
    checksum_make(checked, checksum);
    if (sodium_memcmp(checksum, bytes.data + checked.length, CHECKSUM_LENGTH) != 0) {
        return fail(STATUS_CORRUPT, damaged, ret_why);
    }
    *ret_inner = bytes_of(bytes.data + head, checked.length - head);
    return STATUS_OK;
}

enum status
key_file_decode(struct bytes bytes, struct bytes passphrase, struct identity_key *ret_key,
                const char **ret_why)
{
    struct bytes inner;
    enum status status = frame_check(bytes, &inner, ret_why);
    if (status != STATUS_OK) {
        return status;
    }
    struct locked_key locked;
    if (codec_decode(&locked_key_schema, inner, &locked) != STATUS_OK) {
        return fail(STATUS_CORRUPT, damaged, ret_why);
    }
    uint8_t memory[CONTENT_BYTES_MAX];
    struct buffer plain;
    buffer_init(&plain, memory, sizeof memory);
    status = content_unlock(&locked, passphrase, &plain, ret_why);
    if (status == STATUS_OK &&
        codec_decode(&identity_key_schema, buffer_bytes(&plain), ret_key) != STATUS_OK) {
        status = fail(STATUS_CORRUPT, damaged, ret_why);
    }
    sodium_memzero(memory, sizeof memory);
    return status;
}

static enum status
fail_errno(int error, const char **ret_why)
{
    switch (error) {
    case ENOENT:
        return fail(STATUS_NOT_FOUND, "there is no such file or directory", ret_why);
    case EEXIST:
        return fail(STATUS_EXISTS, "there is an identity already; it is never overwritten",
                    ret_why);
    case ENOSPC:
    case EDQUOT:
        return fail(STATUS_DISK_FULL, "the disk is full; make room and start again", ret_why);
    case EACCES:
    case EPERM:
    case EROFS:
        return fail(STATUS_PERMISSION, "the identity file or its directory may not be used by you",
                    ret_why);
    case ELOOP:
        return fail(STATUS_PERMISSION, "the identity file is a symbolic link; name the file itself",
                    ret_why);
    default:
        return fail(STATUS_SYSTEM, "the operating system refused the identity file", ret_why);
    }
}

static enum status
owner_check(int file, size_t *ret_length, const char **ret_why)
{
    struct stat found;
    if (fstat(file, &found) != 0) {
        return fail_errno(errno, ret_why);
    }
    if (!S_ISREG(found.st_mode)) {
        return fail(STATUS_PERMISSION, "the identity file is not a plain file", ret_why);
    }
    if (found.st_uid != geteuid()) {
        return fail(STATUS_PERMISSION, "the identity file belongs to another user", ret_why);
    }
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail(STATUS_PERMISSION,
                    "other users may open the identity file; make it yours alone with chmod 600",
                    ret_why);
    }
    if (found.st_size <= 0 || found.st_size > KEY_FILE_BYTES_MAX) {
        return fail(STATUS_CORRUPT, damaged, ret_why);
    }
    *ret_length = (size_t)found.st_size;
    return STATUS_OK;
}

static enum status
read_whole(int file, uint8_t *memory, size_t length, const char **ret_why)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t count = read(file, memory + done, length - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail_errno(errno, ret_why);
        }
        if (count == 0) {
            return fail(STATUS_CORRUPT, "the identity file changed while it was read", ret_why);
        }
        done += (size_t)count;
    }
    return STATUS_OK;
}

enum status
key_file_read(const char *path, struct bytes passphrase, struct identity_key *ret_key,
              const char **ret_why)
{
    /* Not through a link, and without waiting on a pipe that someone put in the file's place. */
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        return fail_errno(errno, ret_why);
    }
    uint8_t memory[KEY_FILE_BYTES_MAX];
    size_t length = 0;
    enum status status = owner_check(file, &length, ret_why);
    if (status == STATUS_OK) {
        status = read_whole(file, memory, length, ret_why);
    }
    close(file);
    if (status == STATUS_OK) {
        status = key_file_decode(bytes_of(memory, length), passphrase, ret_key, ret_why);
    }
    sodium_memzero(memory, sizeof memory);
    return status;
}

/* Returns 0 or an errno. */
static int
write_whole(int file, struct bytes bytes)
{
    size_t done = 0;
    while (done < bytes.length) {
        const ssize_t count = write(file, bytes.data + done, bytes.length - done);
        if (count < 0 && errno != EINTR) {
            return errno;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    /* The umask may have taken the owner's own rights. */
    return fchmod(file, S_IRUSR | S_IWUSR) != 0 || fsync(file) != 0 ? errno : 0;
}

/* Makes a rename in the path's directory survive a power cut. Returns 0 or an errno. */
static int
sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    assert(length < sizeof directory - 1);
    memcpy(directory, path, length);
    directory[length] = '.'; /* "dir/." or "." */
    directory[length + 1] = '\0';
    const int file = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (file < 0) {
        return errno;
    }
    const int error = fsync(file) != 0 ? errno : 0;
    close(file);
    return error;
}

/* Puts the temporary file in the path's place. Returns 0 or an errno. */
static int
put_in_place(const char *temporary, const char *path, bool replace)
{
    if (replace) {
        return rename(temporary, path) != 0 ? errno : 0;
    }
    /* Unlike rename, link refuses when the name is taken. */
    if (link(temporary, path) != 0) {
        return errno;
    }
    return unlink(temporary) != 0 ? errno : 0;
}

static enum status
file_write(const char *path, struct bytes bytes, bool replace, const char **ret_why)
{
    /* A name of its own for every writer: two at once never share a half-written file. */
    char temporary[PATH_MAX];
    const int length =
        snprintf(temporary, sizeof temporary, "%s.%08x.new", path, randombytes_random());
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return fail(STATUS_BAD_INPUT, "the path of the identity file is too long", ret_why);
    }
    const int file =
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file < 0) {
        return fail_errno(errno, ret_why);
    }
    int error = write_whole(file, bytes);
    if (close(file) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0) {
        error = put_in_place(temporary, path, replace);
    }
    if (error == 0) {
        error = sync_directory(path);
    } else {
        unlink(temporary);
    }
    return error == 0 ? STATUS_OK : fail_errno(error, ret_why);
}

static enum status
key_file_write(const char *path, const struct identity_key *key, struct bytes passphrase,
               bool replace, const char **ret_why)
{
    uint8_t memory[KEY_FILE_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    enum status status = key_file_encode(key, passphrase, &buffer);
    if (status == STATUS_OK) {
        status = file_write(path, buffer_bytes(&buffer), replace, ret_why);
    } else {
        status = fail(status,
                      status == STATUS_NO_MEMORY ? "a passphrase takes 256 MiB of memory to set"
                                                 : "the passphrase is longer than 1024 bytes",
                      ret_why);
    }
    sodium_memzero(memory, sizeof memory);
    return status;
}

enum status
key_file_create(const char *path, const struct identity_key *key, struct bytes passphrase,
                const char **ret_why)
{
    return key_file_write(path, key, passphrase, false, ret_why);
}

enum status
key_file_replace(const char *path, const struct identity_key *key, struct bytes passphrase,
                 const char **ret_why)
{
    return key_file_write(path, key, passphrase, true, ret_why);
}

enum status
key_file_check_network(const struct identity_key *key, bool network_is_test, const char **ret_why)
{
    if (key->is_test && !network_is_test) {
        return fail(STATUS_REFUSED,
                    "this identity was seeded for a test network, so others can make it too; "
                    "use another data directory on a live network",
                    ret_why);
    }
    return STATUS_OK;
}

void
key_file_keypair(const struct identity_key *key, struct keypair *ret_keypair)
{
    keypair_from_seed(key->seed, ret_keypair);
    if (key->channel_generation != 0) {
        keypair_set_channel(ret_keypair, key->channel_generation);
    }
}

void
key_file_wipe(struct identity_key *key)
{
    sodium_memzero(key, sizeof *key);
}
