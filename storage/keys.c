#include "storage/keys.h"

#include <assert.h>
#include <string.h>

static const struct table_layout layouts[TABLE_COUNT] = {
#define TABLE_LAYOUT(name, text, environment, parts) {text, ENVIRONMENT_##environment, parts},
    TABLE_TABLE(TABLE_LAYOUT)
#undef TABLE_LAYOUT
};

const struct table_layout *
table_layout(enum table table)
{
    assert((unsigned)table < TABLE_COUNT);
    return &layouts[table];
}

const char *
environment_text(enum environment_name name)
{
    return name == ENVIRONMENT_TRUTH ? "truth" : "cache";
}

void
number_write(uint64_t number, uint8_t ret_bytes[KEY_NUMBER_LENGTH])
{
    for (size_t i = 0; i < KEY_NUMBER_LENGTH; i++) {
        ret_bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

uint64_t
number_read(const uint8_t bytes[KEY_NUMBER_LENGTH])
{
    uint64_t number = 0;
    for (size_t i = 0; i < KEY_NUMBER_LENGTH; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

struct encoded_key
key_encode(enum table table, const struct row_key *key)
{
    const enum key_parts parts = table_layout(table)->parts;
    struct encoded_key encoded = {.length = 0};
    if (parts == KEY_ID || parts == KEY_ID_NUMBER) {
        memcpy(encoded.bytes, key->id, ID_LENGTH);
        encoded.length = ID_LENGTH;
    }
    if (parts == KEY_NUMBER || parts == KEY_ID_NUMBER) {
        number_write(key->number, encoded.bytes + encoded.length);
        encoded.length += KEY_NUMBER_LENGTH;
    }
    return encoded;
}

struct encoded_key
key_encode_timed(uint64_t at_s, const uint8_t id[ID_LENGTH])
{
    struct encoded_key encoded = {.length = KEY_LENGTH_MAX};
    number_write(at_s, encoded.bytes);
    memcpy(encoded.bytes + KEY_NUMBER_LENGTH, id, ID_LENGTH);
    return encoded;
}

static enum status
timed_key_decode(struct bytes bytes, struct row_key *ret_key)
{
    if (bytes.length != KEY_LENGTH_MAX) {
        return STATUS_CORRUPT;
    }
    ret_key->number = number_read(bytes.data);
    memcpy(ret_key->id, bytes.data + KEY_NUMBER_LENGTH, ID_LENGTH);
    return STATUS_OK;
}

enum status
key_decode(enum table table, struct bytes bytes, struct row_key *ret_key)
{
    if (table == TABLE_RECORDS) {
        return timed_key_decode(bytes, ret_key);
    }
    const enum key_parts parts = table_layout(table)->parts;
    const size_t id_length = parts == KEY_NUMBER ? 0 : ID_LENGTH;
    const size_t number_length = parts == KEY_ID ? 0 : KEY_NUMBER_LENGTH;
    if (bytes.length != id_length + number_length) {
        return STATUS_CORRUPT;
    }
    struct row_key key = {.number = 0};
    memcpy(key.id, bytes.data, id_length);
    if (number_length != 0) {
        key.number = number_read(bytes.data + id_length);
    }
    *ret_key = key;
    return STATUS_OK;
}
