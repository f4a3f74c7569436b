#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "crypto/backup.h"
#include "crypto/backup_words.h"
#include "protocol/nearest.h"

struct text {
    char bytes[BACKUP_TEXT_MAX];
    struct buffer buffer;
};

static void
seed_make(uint8_t first, uint8_t ret_seed[SEED_LENGTH])
{
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t i = 0; i < SEED_LENGTH; i++) {
        ret_seed[i] = (uint8_t)(first + 37 * i);
    }
}

static struct bytes
write_words(struct text *text, const uint8_t seed[SEED_LENGTH], bool is_test)
{
    buffer_init(&text->buffer, text->bytes, sizeof text->bytes);
    cr_assert_eq(backup_write_words(seed, is_test, &text->buffer), STATUS_OK);
    return buffer_bytes(&text->buffer);
}

static struct bytes
write_hex(struct text *text, const uint8_t seed[SEED_LENGTH], bool is_test)
{
    memset(text->bytes, 0, sizeof text->bytes);
    buffer_init(&text->buffer, text->bytes, sizeof text->bytes);
    cr_assert_eq(backup_write_hex(seed, is_test, &text->buffer), STATUS_OK);
    return buffer_bytes(&text->buffer);
}

static enum status
read_back(struct bytes text, const uint8_t seed[SEED_LENGTH], bool is_test)
{
    uint8_t back[SEED_LENGTH];
    bool back_is_test = !is_test;
    const enum status status = backup_read(text, back, &back_is_test, NULL);
    if (status == STATUS_OK) {
        cr_assert(memcmp(seed, back, SEED_LENGTH) == 0);
        cr_assert_eq(is_test, back_is_test);
    }
    return status;
}

Test(backup_words, the_list_is_sorted_and_easily_told_apart)
{
    for (size_t i = 0; i < BACKUP_WORD_COUNT; i++) {
        const char *word = backup_words[i];
        const size_t length = strlen(word);
        cr_assert(length >= BACKUP_WORD_LENGTH_MIN && length <= BACKUP_WORD_LENGTH_MAX, "%s", word);
        cr_assert_eq(strspn(word, "abcdefghijklmnopqrstuvwxyz"), length, "%s", word);
        cr_assert_neq(strspn(word, "abcdef"), length, "%s is hex", word);
        for (size_t j = 0; j < i; j++) {
            cr_assert(strcmp(backup_words[j], word) < 0, "%s", word);
            cr_assert(strncmp(backup_words[j], word, 4) != 0, "%s", word);
            cr_assert(nearest_distance(bytes_of_text(backup_words[j]), bytes_of_text(word)) >= 2,
                      "%s %s", backup_words[j], word);
        }
    }
}

Test(backup, both_forms_give_back_the_seed_and_its_mark)
{
    for (unsigned first = 0; first < 256; first++) {
        uint8_t seed[SEED_LENGTH];
        struct text text;
        seed_make((uint8_t)first, seed);
        for (int is_test = 0; is_test <= 1; is_test++) {
            cr_assert_eq(read_back(write_words(&text, seed, is_test), seed, is_test), STATUS_OK);
            cr_assert_eq(read_back(write_hex(&text, seed, is_test), seed, is_test), STATUS_OK);
        }
    }
}

Test(backup, the_forms_are_fixed_for_ever)
{
    static const char hex[] =
        "0025 4a6f 94b9 de03 284d 7297 bce1 062b 5075 9abf e409 2e53 789d c2e7 0c31 567b 65ca\n";
    static const char words[] = "almond clarinet farmer index marble pirate\n"
                                "swallow arena clover fiddle island midnight\n"
                                "potato teapot aspen compass flute jasmine\n"
                                "mitten puppet thistle autumn cousin fountain\n"
                                "jigsaw muffin quartz tortoise balcony cucumber\n"
                                "furnace juniper hedgehog reindeer\n";
    uint8_t seed[SEED_LENGTH];
    struct text text;
    seed_make(0, seed);
    cr_assert(bytes_are_text(write_hex(&text, seed, false), hex), "%.*s", (int)text.buffer.length,
              text.bytes);
    cr_assert(bytes_are_text(write_words(&text, seed, false), words), "%.*s",
              (int)text.buffer.length, text.bytes);
}

Test(backup, case_and_separators_do_not_matter_and_four_letters_are_enough)
{
    uint8_t seed[SEED_LENGTH];
    struct text text;
    char changed[4 * BACKUP_TEXT_MAX];
    seed_make(9, seed);
    for (int form = 0; form < 2; form++) {
        const struct bytes written =
            form == 0 ? write_words(&text, seed, true) : write_hex(&text, seed, true);
        size_t used = 0;
        used += (size_t)snprintf(changed, sizeof changed, " \t\r\n-,.");
        for (size_t i = 0; i < written.length; i++) {
            const char c = (char)written.data[i];
            if (c == ' ' || c == '\n') {
                used += (size_t)snprintf(changed + used, sizeof changed - used, "\r\n  - ");
            } else {
                changed[used++] = i % 2 == 0 ? (char)toupper(c) : c;
            }
        }
        cr_assert_eq(read_back(bytes_of(changed, used), seed, true), STATUS_OK);
    }
    const struct bytes written = write_words(&text, seed, true);
    size_t used = 0;
    size_t letters = 0;
    for (size_t i = 0; i < written.length; i++) {
        const bool is_letter = isalpha(written.data[i]) != 0;
        letters = is_letter ? letters + 1 : 0;
        if (letters <= 4) {
            changed[used++] = (char)written.data[i];
        }
    }
    cr_assert_eq(read_back(bytes_of(changed, used), seed, true), STATUS_OK);
    /* Three are not. */
    used = 0;
    for (size_t i = 0; i < written.length; i++) {
        letters = isalpha(written.data[i]) != 0 ? letters + 1 : 0;
        if (letters <= 3) {
            changed[used++] = (char)written.data[i];
        }
    }
    cr_assert_eq(read_back(bytes_of(changed, used), seed, true), STATUS_BAD_INPUT);
}

Test(backup, hex_may_be_written_without_a_space)
{
    uint8_t seed[SEED_LENGTH];
    struct text text;
    char joined[BACKUP_TEXT_MAX];
    size_t used = 0;
    seed_make(77, seed);
    const struct bytes written = write_hex(&text, seed, false);
    for (size_t i = 0; i < written.length; i++) {
        if (isxdigit(written.data[i])) {
            joined[used++] = (char)written.data[i];
        }
    }
    cr_assert_eq(used, 68);
    cr_assert_eq(read_back(bytes_of(joined, used), seed, false), STATUS_OK);
}

/* Found by fuzzing: the whole text of this seed, checksum included, is letters. */
Test(backup, hex_without_a_digit_is_still_hex)
{
    uint8_t seed[SEED_LENGTH];
    struct text text;
    size_t found = 0;
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (unsigned a = 0; a < 36; a++) {
        for (unsigned b = 0; b < 36; b++) {
            memset(seed, 0xbf, sizeof seed);
            seed[0] = (uint8_t)(0xaa + 16 * (a / 6) + a % 6);
            seed[1] = (uint8_t)(0xaa + 16 * (b / 6) + b % 6);
            for (int is_test = 0; is_test <= 1; is_test++) {
                const struct bytes hex = write_hex(&text, seed, is_test);
                found += strcspn((const char *)hex.data, "0123456789") >= hex.length ? 1 : 0;
                cr_assert_eq(read_back(hex, seed, is_test), STATUS_OK);
            }
        }
    }
    cr_assert(found > 10, "%zu texts without a digit", found);
}

/* Writes the words of a payload's numbers. */
static struct bytes
spell(struct text *text, const uint8_t *payload, size_t count)
{
    buffer_init(&text->buffer, text->bytes, sizeof text->bytes);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&text->buffer, "%s ", backup_words[payload[i]]);
    }
    cr_assert(!text->buffer.overflowed);
    return buffer_bytes(&text->buffer);
}

/* The bytes of a backup, from its hex form. */
static void
payload_make(const uint8_t seed[SEED_LENGTH], uint8_t ret_payload[BACKUP_BYTES])
{
    struct text text;
    const struct bytes hex = write_hex(&text, seed, false);
    memcpy(ret_payload, seed, SEED_LENGTH);
    const char *end = (const char *)hex.data + hex.length - 5;
    unsigned checksum = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        checksum = 16 * checksum + (unsigned)(strchr(digits, end[i]) - digits);
    }
    ret_payload[SEED_LENGTH] = (uint8_t)(checksum >> 8);
    ret_payload[SEED_LENGTH + 1] = (uint8_t)checksum;
}

/* Two bytes of checksum, two valid ones (live and test): one lie in 32,768 passes. The seed is fixed,
 * so these are the same every time. */
Test(backup, any_one_other_word_is_refused)
{
    uint8_t seed[SEED_LENGTH];
    uint8_t payload[BACKUP_BYTES];
    struct text text;
    size_t tried = 0;
    size_t passed = 0;
    seed_make(5, seed);
    payload_make(seed, payload);
    cr_assert_eq(read_back(spell(&text, payload, BACKUP_BYTES), seed, false), STATUS_OK);
    for (size_t place = 0; place < BACKUP_BYTES; place++) {
        const uint8_t right = payload[place];
        for (unsigned change = 1; change < 256; change++) {
            uint8_t back[SEED_LENGTH];
            bool is_test;
            payload[place] = (uint8_t)(right + change);
            const enum status status =
                backup_read(spell(&text, payload, BACKUP_BYTES), back, &is_test, NULL);
            cr_assert(status == STATUS_BAD_CHECKSUM || status == STATUS_OK);
            tried++;
            passed += status == STATUS_OK ? 1 : 0;
        }
        payload[place] = right;
    }
    cr_assert_eq(tried, 8670);
    cr_assert(passed <= 1, "%zu of %zu passed", passed, tried);
}

Test(backup, any_two_swapped_words_are_refused)
{
    uint8_t seed[SEED_LENGTH];
    uint8_t payload[BACKUP_BYTES];
    struct text text;
    seed_make(5, seed);
    payload_make(seed, payload);
    for (size_t a = 0; a < BACKUP_BYTES; a++) {
        for (size_t b = 0; b < a; b++) {
            const uint8_t kept = payload[a];
            if (payload[a] == payload[b]) {
                continue;
            }
            payload[a] = payload[b];
            payload[b] = kept;
            cr_assert_eq(read_back(spell(&text, payload, BACKUP_BYTES), seed, false),
                         STATUS_BAD_CHECKSUM, "%zu %zu", a, b);
            payload[b] = payload[a];
            payload[a] = kept;
        }
    }
}

struct mistake {
    const char *text;
    const char *said; /* a part of the sentence */
};

static void
expect_sentence(struct bytes text, enum status status, const char *said)
{
    uint8_t seed[SEED_LENGTH];
    bool is_test;
    char memory[300];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory - 1);
    cr_assert_eq(backup_read(text, seed, &is_test, &why), status);
    memory[why.length] = '\0';
    cr_assert(!why.overflowed && strstr(memory, said) != NULL, "%s (wanted %s)", memory, said);
}

Test(backup, a_wrong_word_is_named_with_its_place_and_the_nearest)
{
    static const struct mistake mistakes[] = {
        {"almond anchr ankle", "word 2, \"anchr\", is not one of the backup words; did you mean "
                               "\"anchor\"?"},
        {"almond anchor Ankel", "word 3, \"Ankel\""},
        {"almond anchor Ankel", "\"ankle\""},
        {"xyzzyplugh", "word 1, \"xyzzyplugh\", is not one of the backup words"},
        {"almond almondine", "word 2"},
        {"almond alm", "word 2, \"alm\""},
        {"almond anchor", "a backup has 34 words, these are 2"},
        {"", "34 words, these are 0"},
        {"  \n ", "34 words, these are 0"},
        {"\xff\xfe\x80", "34 words, these are 0"},
        {"00", "68 hex digits, these are 2"},
        {"00 0g", "'g', at place 4"},
        {"almond 1", "'l', at place 2"},
        {"face bead", "68 hex digits, these are 8"},
    };
    cr_assert_eq(crypto_start(), STATUS_OK);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        expect_sentence(bytes_of_text(mistakes[i].text), STATUS_BAD_INPUT, mistakes[i].said);
    }
}

Test(backup, a_long_or_repeated_backup_is_refused)
{
    uint8_t seed[SEED_LENGTH];
    uint8_t payload[BACKUP_BYTES + 1] = {0};
    struct text text;
    char twice[2 * BACKUP_TEXT_MAX];
    seed_make(5, seed);
    payload_make(seed, payload);
    expect_sentence(spell(&text, payload, BACKUP_BYTES + 1), STATUS_BAD_INPUT, "these are 35");
    expect_sentence(spell(&text, payload, BACKUP_BYTES - 1), STATUS_BAD_INPUT, "these are 33");
    const struct bytes hex = write_hex(&text, seed, false);
    memcpy(twice, hex.data, hex.length);
    memcpy(twice + hex.length, hex.data, hex.length);
    expect_sentence(bytes_of(twice, 2 * hex.length), STATUS_BAD_INPUT, "these are 136");
    twice[0] = twice[0] == '0' ? '1' : '0';
    expect_sentence(bytes_of(twice, hex.length), STATUS_BAD_CHECKSUM, "checksum");
}

Test(backup, a_failed_reading_writes_nothing)
{
    uint8_t seed[SEED_LENGTH];
    uint8_t before[SEED_LENGTH];
    bool is_test = true;
    cr_assert_eq(crypto_start(), STATUS_OK);
    memset(seed, 0x5a, sizeof seed);
    memset(before, 0x5a, sizeof before);
    cr_assert_eq(backup_read(bytes_of_text("almond anchor"), seed, &is_test, NULL),
                 STATUS_BAD_INPUT);
    cr_assert(memcmp(seed, before, sizeof seed) == 0);
}

Test(backup, a_small_buffer_says_no_space)
{
    uint8_t seed[SEED_LENGTH];
    struct text text;
    seed_make(5, seed);
    const size_t words = write_words(&text, seed, false).length;
    for (size_t capacity = 0; capacity < words; capacity++) {
        buffer_init(&text.buffer, text.bytes, capacity);
        cr_assert_eq(backup_write_words(seed, false, &text.buffer), STATUS_NO_SPACE);
    }
    for (size_t capacity = 0; capacity < 85; capacity++) {
        buffer_init(&text.buffer, text.bytes, capacity);
        cr_assert_eq(backup_write_hex(seed, false, &text.buffer), STATUS_NO_SPACE);
    }
}
