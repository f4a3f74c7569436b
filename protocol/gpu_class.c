#include "protocol/gpu_class.h"

#include <assert.h>
#include <string.h>

#include "protocol/ascii.h"
#include "protocol/gpu_class_table.h"
#include "protocol/nearest.h"
#include "protocol/price.h"

enum { KEY_SIZE = 64, H100_FP16_GFLOPS = 989400, H100_BANDWIDTH_MB_S = 3350000 };

/* A name as it is compared: small letters and digits only, without makers' words. */
struct key {
    char text[KEY_SIZE];
    size_t length;
};

/* Words that say who made a card or that it is one, not which. */
static const char *const empty_words[] = {
    "nvidia", "geforce",  "amd", "ati", "radeon", "intel",    "corporation",
    "tesla",  "instinct", "gpu", "r",   "tm",     "graphics", "generation"};

/* The same where a name is written without spaces. */
static const char *const empty_beginnings[] = {"nvidia", "geforce", "amd",     "radeon",
                                               "intel",  "tesla",   "instinct"};

/* What people leave out before a card's number. */
static const char *const series[] = {"rtx", "gtx", "rx", "gt"};

size_t
gpu_class_count(void)
{
    return gpu_class_table_count;
}

const struct gpu_class *
gpu_class_at(size_t position)
{
    assert(position < gpu_class_table_count);
    return &gpu_class_table[position];
}

const struct gpu_class *
gpu_class_by_number(uint16_t number)
{
    if (number == 0) {
        return NULL;
    }
    /* As long as no row was added in the middle, the number is the position. */
    if (number <= gpu_class_table_count && gpu_class_table[number - 1].number == number) {
        return &gpu_class_table[number - 1];
    }
    for (size_t i = 0; i < gpu_class_table_count; i++) {
        if (gpu_class_table[i].number == number) {
            return &gpu_class_table[i];
        }
    }
    return NULL;
}

static bool
is_letter_or_digit(uint8_t byte)
{
    return ascii_is_letter(byte) || ascii_is_digit(byte);
}

static bool
is_empty_word(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof empty_words / sizeof empty_words[0]; i++) {
        if (bytes_are_text(bytes_of(word, length), empty_words[i])) {
            return true;
        }
    }
    return false;
}

static bool
key_begins(const struct key *key, const char *beginning)
{
    const size_t length = strlen(beginning);
    return key->length >= length && memcmp(key->text, beginning, length) == 0;
}

static void
key_cut_beginnings(struct key *key)
{
    for (size_t i = 0; i < sizeof empty_beginnings / sizeof empty_beginnings[0]; i++) {
        const size_t length = strlen(empty_beginnings[i]);
        if (key->length > length && key_begins(key, empty_beginnings[i])) {
            key->length -= length;
            memmove(key->text, key->text + length, key->length);
        }
    }
}

/* An over-long text gives an empty key, which fits nothing. */
static struct key
key_of(struct bytes text)
{
    struct key key = {.length = 0};
    size_t at = 0;
    while (at < text.length) {
        const size_t word_start = key.length;
        while (at < text.length && is_letter_or_digit(text.data[at])) {
            if (key.length == KEY_SIZE) {
                return (struct key){.length = 0};
            }
            const uint8_t byte = text.data[at++];
            key.text[key.length++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
        }
        if (is_empty_word(key.text + word_start, key.length - word_start)) {
            key.length = word_start;
        }
        while (at < text.length && !is_letter_or_digit(text.data[at])) {
            at++;
        }
    }
    key_cut_beginnings(&key);
    return key;
}

static struct key
key_of_text(const char *text)
{
    return key_of(bytes_of_text(text));
}

static bool
key_equal(const struct key *a, const struct key *b)
{
    return a->length != 0 && a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool
key_is_alias(const struct key *key, const char *aliases)
{
    while (*aliases != '\0') {
        const size_t length = strcspn(aliases, ";");
        if (length == key->length && memcmp(aliases, key->text, length) == 0) {
            return true;
        }
        aliases += length;
        aliases += *aliases == ';';
    }
    return false;
}

/* "4090" for rtx4090. */
static bool
key_is_without_series(const struct key *key, const struct key *name)
{
    if (key->length == 0 || key->text[0] < '0' || key->text[0] > '9') {
        return false;
    }
    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++) {
        const size_t length = strlen(series[i]);
        if (key_begins(name, series[i]) && name->length == length + key->length &&
            memcmp(name->text + length, key->text, key->length) == 0) {
            return true;
        }
    }
    return false;
}

static bool
class_has_key(const struct gpu_class *gpu_class, const struct key *key)
{
    const struct key name = key_of_text(gpu_class->name);
    const struct key title = key_of_text(gpu_class->title);
    return key_equal(&name, key) || key_equal(&title, key) ||
           key_is_alias(key, gpu_class->aliases) || key_is_without_series(key, &name);
}

/* True when the key is the name up to one of its dashes: "h100" of "h100-sxm". A laptop's card is
 * another card, not a variant. */
static bool
class_has_family_key(const struct gpu_class *gpu_class, const struct key *key)
{
    const char *dash = strchr(gpu_class->name, '-');
    for (; dash != NULL; dash = strchr(dash + 1, '-')) {
        if (strncmp(dash, "-laptop", strlen("-laptop")) == 0) {
            continue;
        }
        const struct key family =
            key_of(bytes_of(gpu_class->name, (size_t)(dash - gpu_class->name)));
        if (key_equal(&family, key) || key_is_without_series(key, &family)) {
            return true;
        }
    }
    return false;
}

typedef bool (*class_rule)(const struct gpu_class *gpu_class, const struct key *key);

/* How many classes a rule admits; the first one to `ret_first`. */
static size_t
classes_by_rule(class_rule rule, const struct key *key, const struct gpu_class **ret_first)
{
    size_t count = 0;
    for (size_t i = 0; i < gpu_class_table_count; i++) {
        if (rule(&gpu_class_table[i], key)) {
            if (count == 0) {
                *ret_first = &gpu_class_table[i];
            }
            count++;
        }
    }
    return count;
}

enum status
gpu_class_find(struct bytes text, const struct gpu_class **ret_class)
{
    const struct key key = key_of(text);
    const struct gpu_class *first = NULL;
    size_t count = classes_by_rule(class_has_key, &key, &first);
    if (count == 0) {
        count = classes_by_rule(class_has_family_key, &key, &first);
    }
    if (count == 0) {
        return STATUS_NOT_FOUND;
    }
    if (count > 1) {
        return STATUS_AMBIGUOUS;
    }
    *ret_class = first;
    return STATUS_OK;
}

/* Length of the name without a memory size at its end: "rtx4060ti-16gb" is "rtx4060ti". */
static size_t
length_without_memory(const char *name)
{
    const size_t length = strlen(name);
    const char *dash = strrchr(name, '-');
    if (dash == NULL || length < 3 || strcmp(name + length - 2, "gb") != 0 || dash[1] < '0' ||
        dash[1] > '9') {
        return length;
    }
    return (size_t)(dash - name);
}

static bool
differ_in_memory_only(const struct gpu_class *a, const struct gpu_class *b)
{
    const size_t length = length_without_memory(a->name);
    return length == length_without_memory(b->name) && memcmp(a->name, b->name, length) == 0;
}

static uint32_t
distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

enum status
gpu_class_of_device(struct bytes driver_name, uint32_t vram_mib, const struct gpu_class **ret_class)
{
    const struct gpu_class *best = NULL;
    const enum status status = gpu_class_find(driver_name, &best);
    if (status != STATUS_OK) {
        return status;
    }
    const struct gpu_class *named = best;
    for (size_t i = 0; i < gpu_class_table_count; i++) {
        const struct gpu_class *other = &gpu_class_table[i];
        if (differ_in_memory_only(named, other) &&
            distance(other->vram_mib, vram_mib) < distance(best->vram_mib, vram_mib)) {
            best = other;
        }
    }
    *ret_class = best;
    return STATUS_OK;
}

enum status
gpu_class_find_family(struct bytes text, uint8_t classes[CLASS_SET_BYTES])
{
    const struct key key = key_of(text);
    bool found = false;
    for (size_t i = 0; i < gpu_class_table_count; i++) {
        const struct gpu_class *gpu_class = &gpu_class_table[i];
        if (class_has_key(gpu_class, &key) || class_has_family_key(gpu_class, &key)) {
            gpu_class_set_add(classes, gpu_class->number);
            found = true;
        }
    }
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

bool
gpu_class_set_has(const uint8_t classes[CLASS_SET_BYTES], uint16_t number)
{
    return number <= GPU_CLASS_NUMBER_MAX && (classes[number / 8] >> (number % 8) & 1) != 0;
}

void
gpu_class_set_add(uint8_t classes[CLASS_SET_BYTES], uint16_t number)
{
    assert(number <= GPU_CLASS_NUMBER_MAX);
    classes[number / 8] = (uint8_t)(classes[number / 8] | 1u << (number % 8));
}

const char *
gpu_class_nearest(struct bytes text)
{
    const struct key key = key_of(text);
    struct nearest nearest = nearest_start(bytes_of(key.text, key.length));
    for (size_t i = 0; i < gpu_class_table_count; i++) {
        nearest_offer(&nearest, gpu_class_table[i].name);
    }
    return nearest_result(&nearest);
}

const char *
gpu_vendor_name(enum gpu_vendor vendor)
{
    static const char *const names[GPU_VENDOR_COUNT] = {
        [GPU_VENDOR_NVIDIA] = "nvidia", [GPU_VENDOR_AMD] = "amd", [GPU_VENDOR_INTEL] = "intel"};
    assert((unsigned)vendor < GPU_VENDOR_COUNT);
    return names[vendor];
}

const char *
gpu_segment_name(enum gpu_segment segment)
{
    static const char *const names[GPU_SEGMENT_COUNT] = {
        [GPU_SEGMENT_GAMING] = "gaming",
        [GPU_SEGMENT_WORKSTATION] = "workstation",
        [GPU_SEGMENT_DATACENTER] = "datacenter",
    };
    assert((unsigned)segment < GPU_SEGMENT_COUNT);
    return names[segment];
}

const char *
gpu_arch_name(enum gpu_arch arch)
{
    static const char *const names[GPU_ARCH_COUNT] = {
#define GPU_ARCH_TEXT(name, text) [GPU_ARCH_##name] = (text),
        GPU_ARCH_TABLE(GPU_ARCH_TEXT)
#undef GPU_ARCH_TEXT
    };
    assert((unsigned)arch < GPU_ARCH_COUNT);
    return names[arch];
}

static void
append_number(struct buffer *out, uint32_t number)
{
    const uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8), (uint8_t)number};
    buffer_append(out, bytes, sizeof bytes);
}

void
gpu_class_table_bytes(struct buffer *out)
{
    append_number(out, (uint32_t)gpu_class_table_count);
    for (size_t i = 0; i < gpu_class_table_count; i++) {
        const struct gpu_class *row = &gpu_class_table[i];
        const uint32_t numbers[] = {row->number,     (uint32_t)row->vendor, row->capability,
                                    row->vram_mib,   row->bandwidth_mb_s,   row->fp16_gflops,
                                    row->fp8_gflops, row->nvlink_mb_s,      row->pcie_gen,
                                    row->flags};
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            append_number(out, numbers[n]);
        }
        const struct bytes name = bytes_of_text(row->name);
        append_number(out, (uint32_t)name.length);
        buffer_append(out, name.data, name.length);
    }
}

static uint32_t
unit_of(uint32_t figure, uint32_t of_h100)
{
    /* At most 2^32 * 2^16 / 989,400: fits 32 bits. */
    const uint64_t unit = (uint64_t)figure * H100E_UNIT / of_h100;
    return unit == 0 ? 1 : (uint32_t)unit;
}

uint32_t
gpu_unit(enum work work, uint32_t fp16_gflops, uint32_t bandwidth_mb_s)
{
    switch (work) {
    case WORK_INFER:
        return unit_of(bandwidth_mb_s, H100_BANDWIDTH_MB_S);
    case WORK_TRAIN:
    case WORK_FINETUNE:
    case WORK_RENDER:
    case WORK_COUNT:
        break;
    }
    return unit_of(fp16_gflops, H100_FP16_GFLOPS);
}

uint32_t
gpu_class_capped(uint32_t measured, uint32_t of_class)
{
    if (measured == 0 || of_class == 0) {
        return measured == 0 ? of_class : measured;
    }
    return measured < of_class ? measured : of_class;
}
