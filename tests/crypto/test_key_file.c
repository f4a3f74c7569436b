#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "crypto/key_file.h"

static const struct bytes no_passphrase = {NULL, 0};

/* A directory of the test's own; removed by directory_remove. */
struct place {
    char directory[64];
    char path[96];
};

static struct place
place_make(void)
{
    struct place place = {.directory = "/tmp/gpulet-key-file-XXXXXX"};
    cr_assert_eq(crypto_start(), STATUS_OK);
    cr_assert(mkdtemp(place.directory) != NULL);
    snprintf(place.path, sizeof place.path, "%s/identity", place.directory);
    return place;
}

/* Removes every file of the directory and returns how many there were. */
static size_t
place_remove(const struct place *place)
{
    size_t count = 0;
    DIR *directory = opendir(place->directory);
    cr_assert(directory != NULL);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", place->directory, entry->d_name);
        if (entry->d_name[0] != '.') {
            cr_assert_eq(unlink(path), 0);
            count++;
        }
    }
    closedir(directory);
    cr_assert_eq(rmdir(place->directory), 0);
    return count;
}

static struct identity_key
key_make(uint8_t first, bool is_test, uint32_t generation)
{
    struct identity_key key = {.is_test = is_test, .channel_generation = generation};
    for (size_t i = 0; i < sizeof key.seed; i++) {
        key.seed[i] = (uint8_t)(first + 3 * i);
    }
    return key;
}

static bool
keys_equal(const struct identity_key *a, const struct identity_key *b)
{
    return memcmp(a->seed, b->seed, sizeof a->seed) == 0 && a->is_test == b->is_test &&
           a->channel_generation == b->channel_generation;
}

static enum status
read_plain(const struct place *place, struct identity_key *ret_key, const char **ret_why)
{
    return key_file_read(place->path, no_passphrase, ret_key, ret_why);
}

Test(key_file, what_is_written_is_read)
{
    const struct place place = place_make();
    for (uint8_t i = 0; i < 8; i++) {
        const struct identity_key key = key_make(i, i % 2 == 1, i * UINT32_C(613566756));
        struct identity_key back;
        cr_assert_eq(key_file_replace(place.path, &key, no_passphrase, NULL), STATUS_OK);
        cr_assert_eq(read_plain(&place, &back, NULL), STATUS_OK);
        cr_assert(keys_equal(&key, &back));
    }
    cr_assert_eq(place_remove(&place), 1, "no temporary file is left");
}

Test(key_file, the_file_is_the_owners_alone_whatever_the_umask)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        const struct place place = place_make();
        const struct identity_key key = key_make(1, false, 0);
        struct stat found;
        const mode_t old = umask(masks[i]);
        cr_assert_eq(key_file_create(place.path, &key, no_passphrase, NULL), STATUS_OK);
        umask(old);
        cr_assert_eq(stat(place.path, &found), 0);
        cr_assert_eq(found.st_mode & 07777, 0600);
        place_remove(&place);
    }
}

Test(key_file, an_identity_is_never_overwritten_by_a_new_one)
{
    const struct place place = place_make();
    const struct identity_key first = key_make(1, false, 0);
    const struct identity_key second = key_make(2, false, 0);
    struct identity_key back;
    const char *why = NULL;
    cr_assert_eq(key_file_create(place.path, &first, no_passphrase, NULL), STATUS_OK);
    cr_assert_eq(key_file_create(place.path, &second, no_passphrase, &why), STATUS_EXISTS);
    cr_assert(why != NULL && strstr(why, "never overwritten") != NULL);
    cr_assert_eq(read_plain(&place, &back, NULL), STATUS_OK);
    cr_assert(keys_equal(&first, &back));
    cr_assert_eq(place_remove(&place), 1);
}

Test(key_file, any_right_of_others_is_refused)
{
    const struct place place = place_make();
    const struct identity_key key = key_make(1, false, 0);
    struct identity_key back;
    cr_assert_eq(key_file_create(place.path, &key, no_passphrase, NULL), STATUS_OK);
    for (mode_t mode = 0; mode < 0100; mode++) {
        const char *why = NULL;
        cr_assert_eq(chmod(place.path, 0600 | mode), 0);
        cr_assert_eq(read_plain(&place, &back, &why), mode == 0 ? STATUS_OK : STATUS_PERMISSION,
                     "mode %o", mode);
        cr_assert(mode == 0 || strstr(why, "chmod 600") != NULL);
    }
    place_remove(&place);
}

Test(key_file, anothers_file_is_refused)
{
    if (geteuid() != 0) {
        cr_skip_test("only root can give a file away");
    }
    const struct place place = place_make();
    const struct identity_key key = key_make(1, false, 0);
    struct identity_key back;
    const char *why = NULL;
    cr_assert_eq(key_file_create(place.path, &key, no_passphrase, NULL), STATUS_OK);
    cr_assert_eq(chown(place.path, 12345, 12345), 0);
    cr_assert_eq(read_plain(&place, &back, &why), STATUS_PERMISSION);
    cr_assert(strstr(why, "another user") != NULL);
    place_remove(&place);
}

Test(key_file, only_a_plain_file_is_read)
{
    const struct place place = place_make();
    const struct identity_key key = key_make(1, false, 0);
    struct identity_key back;
    char other[128];
    snprintf(other, sizeof other, "%s.real", place.path);
    cr_assert_eq(read_plain(&place, &back, NULL), STATUS_NOT_FOUND);
    cr_assert_eq(key_file_create(other, &key, no_passphrase, NULL), STATUS_OK);
    cr_assert_eq(symlink(other, place.path), 0);
    cr_assert_eq(read_plain(&place, &back, NULL), STATUS_PERMISSION, "a link");
    cr_assert_eq(unlink(place.path), 0);
    cr_assert_eq(mkfifo(place.path, 0600), 0);
    cr_assert_eq(read_plain(&place, &back, NULL), STATUS_PERMISSION, "a pipe, without waiting");
    cr_assert_eq(unlink(place.path), 0);
    cr_assert_eq(key_file_read(place.directory, no_passphrase, &back, NULL), STATUS_PERMISSION);
    place_remove(&place);
}

Test(key_file, a_missing_directory_and_a_long_path_are_told)
{
    const struct identity_key key = key_make(1, false, 0);
    char path[5000];
    const char *why = NULL;
    cr_assert_eq(crypto_start(), STATUS_OK);
    cr_assert_eq(key_file_create("/tmp/no-such-directory-here/identity", &key, no_passphrase, &why),
                 STATUS_NOT_FOUND);
    cr_assert(why != NULL);
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    why = NULL;
    cr_assert_eq(key_file_create(path, &key, no_passphrase, &why), STATUS_BAD_INPUT);
    cr_assert(why != NULL);
}

static void
write_file(const struct place *place, const uint8_t *bytes, size_t length)
{
    const int file = open(place->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(file >= 0);
    cr_assert_eq(write(file, bytes, length), (ssize_t)length);
    close(file);
}

Test(key_file, a_cut_or_grown_or_flipped_file_is_refused)
{
    const struct place place = place_make();
    const struct identity_key key = key_make(1, true, 5);
    uint8_t memory[KEY_FILE_BYTES_MAX + 1];
    struct identity_key back;
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(key_file_encode(&key, no_passphrase, &buffer), STATUS_OK);
    for (size_t length = 0; length < buffer.length; length++) {
        const char *why = NULL;
        write_file(&place, memory, length);
        cr_assert_eq(read_plain(&place, &back, &why), STATUS_CORRUPT, "%zu", length);
        cr_assert(why != NULL);
    }
    for (size_t bit = 0; bit < 8 * buffer.length; bit++) {
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const enum status status =
            key_file_decode(buffer_bytes(&buffer), no_passphrase, &back, NULL);
        cr_assert(status == STATUS_CORRUPT || status == STATUS_NEWER_SCHEMA, "bit %zu", bit);
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(memory + buffer.length, 0, sizeof memory - buffer.length);
    for (size_t length = buffer.length + 1; length <= sizeof memory; length++) {
        write_file(&place, memory, length);
        cr_assert_eq(read_plain(&place, &back, NULL), STATUS_CORRUPT, "%zu", length);
    }
    static uint8_t large[1 << 20];
    memcpy(large, memory, buffer.length);
    write_file(&place, large, sizeof large);
    cr_assert_eq(read_plain(&place, &back, NULL), STATUS_CORRUPT);
    write_file(&place, memory, buffer.length);
    cr_assert_eq(read_plain(&place, &back, NULL), STATUS_OK);
    cr_assert(keys_equal(&key, &back));
    place_remove(&place);
}

Test(key_file, a_newer_format_is_refused_by_its_name)
{
    const struct identity_key key = key_make(1, true, 5);
    uint8_t memory[KEY_FILE_BYTES_MAX];
    struct identity_key back;
    struct buffer buffer;
    const char *why = NULL;
    cr_assert_eq(crypto_start(), STATUS_OK);
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(key_file_encode(&key, no_passphrase, &buffer), STATUS_OK);
    cr_assert(memcmp(memory, "gpulet identity 1\n", 18) == 0);
    memory[16] = '2';
    cr_assert_eq(key_file_decode(buffer_bytes(&buffer), no_passphrase, &back, &why),
                 STATUS_NEWER_SCHEMA);
    cr_assert(strstr(why, "newer gpulet") != NULL);
    memory[0] = 'G';
    cr_assert_eq(key_file_decode(buffer_bytes(&buffer), no_passphrase, &back, &why),
                 STATUS_CORRUPT);
    cr_assert(strstr(why, "not an identity file") != NULL);
}

/* A whole frame around a content that is none: only the strict reader stands between. */
Test(key_file, a_right_checksum_does_not_excuse_a_wrong_content)
{
    static const char *const contents[] = {"", "\x94", "\x90", "\xdd\xff\xff\xff\xff", "\xc0"};
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        uint8_t memory[KEY_FILE_BYTES_MAX];
        uint8_t digest[ID_LENGTH];
        struct identity_key back;
        struct buffer buffer;
        buffer_init(&buffer, memory, sizeof memory);
        buffer_append_format(&buffer, "gpulet identity 1\n%s", contents[i]);
        digest_make("gpulet key file 1", buffer_bytes(&buffer), digest);
        buffer_append(&buffer, digest, 16);
        cr_assert_eq(key_file_decode(buffer_bytes(&buffer), no_passphrase, &back, NULL),
                     STATUS_CORRUPT, "%zu", i);
    }
}

Test(key_file, a_passphrase_locks_and_only_it_opens)
{
    const struct place place = place_make();
    const struct identity_key key = key_make(1, true, 9);
    const struct bytes right = bytes_of_text("correct horse");
    struct identity_key back;
    struct identity_key before;
    const char *why = NULL;
    memset(&back, 0x5a, sizeof back);
    before = back;
    cr_assert_eq(key_file_create(place.path, &key, right, NULL), STATUS_OK);
    cr_assert_eq(read_plain(&place, &back, &why), STATUS_BAD_PASSPHRASE);
    cr_assert(strstr(why, "needs its passphrase") != NULL);
    cr_assert_eq(key_file_read(place.path, bytes_of_text("correct horsf"), &back, &why),
                 STATUS_BAD_PASSPHRASE);
    cr_assert(strstr(why, "wrong") != NULL);
    cr_assert(memcmp(&back, &before, sizeof back) == 0);
    cr_assert_eq(key_file_read(place.path, right, &back, NULL), STATUS_OK);
    cr_assert(keys_equal(&key, &back));
    place_remove(&place);
}

Test(key_file, neither_seed_nor_test_mark_shows_under_a_passphrase)
{
    struct identity_key key = key_make(1, true, 9);
    const struct bytes right = bytes_of_text("x");
    uint8_t memory[2][KEY_FILE_BYTES_MAX];
    struct buffer buffers[2];
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&buffers[i], memory[i], sizeof memory[i]);
        cr_assert_eq(key_file_encode(&key, right, &buffers[i]), STATUS_OK);
        cr_assert(memmem(memory[i], buffers[i].length, key.seed, 8) == NULL);
    }
    /* Salt and nonce, at these places, are fresh for every file. */
    cr_assert(memcmp(memory[0], memory[1], 22) == 0);
    cr_assert(memcmp(memory[0] + 22, memory[1] + 22, 16) != 0);
    cr_assert(memcmp(memory[0] + 40, memory[1] + 40, 24) != 0);
    buffers[0].length = 0;
    cr_assert_eq(key_file_encode(&key, no_passphrase, &buffers[0]), STATUS_OK);
    cr_assert(memmem(memory[0], buffers[0].length, key.seed, sizeof key.seed) != NULL);
}

Test(key_file, a_passphrase_over_the_limit_is_refused_not_cut)
{
    static char text[PASSPHRASE_BYTES_MAX + 1];
    const struct place place = place_make();
    const struct identity_key key = key_make(1, false, 0);
    const char *why = NULL;
    memset(text, 'x', sizeof text);
    cr_assert_eq(key_file_create(place.path, &key, bytes_of(text, sizeof text), &why),
                 STATUS_OUT_OF_RANGE);
    cr_assert(strstr(why, "1024") != NULL);
    cr_assert_eq(place_remove(&place), 0);
}

Test(key_file, a_test_key_stays_on_test_networks)
{
    const struct identity_key seeded = key_make(1, true, 0);
    const struct identity_key real = key_make(1, false, 0);
    const char *why = NULL;
    cr_assert_eq(key_file_check_network(&seeded, true, &why), STATUS_OK);
    cr_assert_eq(key_file_check_network(&real, true, &why), STATUS_OK);
    cr_assert_eq(key_file_check_network(&real, false, &why), STATUS_OK);
    cr_assert(why == NULL);
    cr_assert_eq(key_file_check_network(&seeded, false, &why), STATUS_REFUSED);
    cr_assert(strstr(why, "test network") != NULL);
}

Test(key_file, the_key_pair_is_the_seeds_with_its_channel_generation)
{
    const struct identity_key key = key_make(1, false, 3);
    struct keypair ours;
    struct keypair theirs;
    cr_assert_eq(crypto_start(), STATUS_OK);
    key_file_keypair(&key, &ours);
    keypair_from_seed(key.seed, &theirs);
    cr_assert(peer_id_equal(&ours.identity, &theirs.identity));
    cr_assert(!channel_key_equal(&ours.channel_key, &theirs.channel_key));
    keypair_set_channel(&theirs, 3);
    cr_assert(memcmp(&ours, &theirs, sizeof ours) == 0);
}

Test(key_file, wiping_leaves_nothing)
{
    static const struct identity_key nothing;
    struct identity_key key = key_make(1, true, 3);
    key_file_wipe(&key);
    cr_assert(memcmp(&key, &nothing, sizeof key) == 0);
}
