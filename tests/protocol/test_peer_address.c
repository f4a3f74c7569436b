#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "protocol/peer_address.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"

static enum status
parse(const char *text, struct peer_address *ret_address)
{
    return peer_address_parse(bytes_of_text(text), ret_address, NULL);
}

Test(peer_address, what_is_printed_parses_to_the_same)
{
    static const char *const texts[] = {
        KEY_A "@127.1.2.3:7700#" KEY_B,
        "127.1.2.3:7700#" KEY_B,
        KEY_A "@host-1.example.org:1#" KEY_B,
        KEY_A "@h:65535#" KEY_B,
        KEY_A "@[::1]:7700#" KEY_B,
        KEY_A "@[fe80::1%eth0]:7700#" KEY_B,
        KEY_A "@[::ffff:10.0.0.1]:7700#" KEY_B,
        KEY_A "@10.in-addr_x:7700#" KEY_B,
        KEY_A "@" LABEL_63 ".org:7700#" KEY_B,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct peer_address address;
        char memory[PEER_ADDRESS_TEXT_MAX];
        struct buffer printed;
        buffer_init(&printed, memory, sizeof memory);
        cr_assert_eq(parse(texts[i], &address), STATUS_OK, "%s", texts[i]);
        peer_address_print(&address, &printed);
        cr_assert(!printed.overflowed);
        cr_assert(bytes_are_text(buffer_bytes(&printed), texts[i]), "%.*s", (int)printed.length,
                  memory);
    }
}

Test(peer_address, the_parts_are_told_apart)
{
    struct peer_address address;
    uint8_t key_a[ID_LENGTH];
    uint8_t key_b[ID_LENGTH];
    cr_assert_eq(id_from_hex(KEY_A, key_a), STATUS_OK);
    cr_assert_eq(id_from_hex(KEY_B, key_b), STATUS_OK);
    cr_assert_eq(parse(KEY_A "@Some.Host:7700#" KEY_B, &address), STATUS_OK);
    cr_assert(address.has_id);
    cr_assert(memcmp(address.peer_id.bytes, key_a, ID_LENGTH) == 0);
    cr_assert(memcmp(address.channel_key.bytes, key_b, ID_LENGTH) == 0);
    cr_assert_eq(address.port, 7700);
    cr_assert(bytes_are_text(peer_address_host(&address), "some.host"));
    char memory[64];
    struct buffer endpoint;
    buffer_init(&endpoint, memory, sizeof memory);
    peer_address_endpoint(&address, &endpoint);
    cr_assert(bytes_are_text(buffer_bytes(&endpoint), "tcp://some.host:7700"));
}

Test(peer_address, an_address_may_lack_the_id_alone)
{
    struct peer_address address;
    cr_assert_eq(parse("10.0.0.1:7700#" KEY_B, &address), STATUS_OK);
    cr_assert(!address.has_id);
    cr_assert(peer_id_is_zero(&address.peer_id));
}

Test(peer_address, equality_looks_at_every_part)
{
    static const char *const others[] = {
        "10.0.0.1:7700#" KEY_B,        KEY_B "@10.0.0.1:7700#" KEY_B,
        KEY_A "@10.0.0.2:7700#" KEY_B, KEY_A "@10.0.0.1:7701#" KEY_B,
        KEY_A "@10.0.0.1:7700#" KEY_A, KEY_A "@10.0.0.11:7700#" KEY_B,
    };
    struct peer_address address;
    struct peer_address other;
    cr_assert_eq(parse(KEY_A "@10.0.0.1:7700#" KEY_B, &address), STATUS_OK);
    cr_assert(peer_address_equal(&address, &address));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_eq(parse(others[i], &other), STATUS_OK, "%s", others[i]);
        cr_assert(!peer_address_equal(&address, &other), "%s", others[i]);
    }
}

struct refused {
    const char *text;
    const char *part; /* a word of the sentence that names the wrong part */
};

Test(peer_address, everything_else_is_refused_by_its_part)
{
    static const struct refused refused[] = {
        {"", "channel key"},
        {"10.0.0.1:7700", "channel key"},
        {KEY_A "@10.0.0.1:7700", "channel key"},
        {KEY_A "@10.0.0.1:7700#", "channel key"},
        {KEY_A "@10.0.0.1:7700#00", "channel key"},
        {KEY_A "@10.0.0.1:7700#" KEY_B "0", "channel key"},
        {KEY_A "@10.0.0.1:7700#" KEY_B " ", "channel key"},
        {KEY_A "@10.0.0.1:7700#" ZEROS, "channel key"},
        {KEY_A "@10.0.0.1:7700#g" KEY_B, "channel key"},
        {"@10.0.0.1:7700#" KEY_B, "id"},
        {"00@10.0.0.1:7700#" KEY_B, "id"},
        {ZEROS "@10.0.0.1:7700#" KEY_B, "id"},
        {" " KEY_A "@10.0.0.1:7700#" KEY_B, "id"},
        {KEY_A "@" KEY_A "@10.0.0.1:7700#" KEY_B, "id"},
        {KEY_A "@10.0.0.1#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:0#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:07700#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:65536#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:77a#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:-1#" KEY_B, "port"},
        {KEY_A "@10.0.0.1:999999999999#" KEY_B, "port"},
        {KEY_A "@:7700#" KEY_B, "host"},
        {KEY_A "@10.0.0.256:7700#" KEY_B, "host"},
        {KEY_A "@10.0.0:7700#" KEY_B, "host"},
        {KEY_A "@10.0.0.1.2:7700#" KEY_B, "host"},
        {KEY_A "@10.0.0.01:7700#" KEY_B, "host"},
        {KEY_A "@1:7700#" KEY_B, "host"},
        {KEY_A "@host..org:7700#" KEY_B, "host"},
        {KEY_A "@.org:7700#" KEY_B, "host"},
        {KEY_A "@host.:7700#" KEY_B, "host"},
        {KEY_A "@-host:7700#" KEY_B, "host"},
        {KEY_A "@host-:7700#" KEY_B, "host"},
        {KEY_A "@ho st:7700#" KEY_B, "host"},
        {KEY_A "@host/..:7700#" KEY_B, "host"},
        {KEY_A "@10.0.0.1;127.0.0.1:7700#" KEY_B, "host"},
        {KEY_A "@tcp://10.0.0.1:7700#" KEY_B, "host"},
        {KEY_A "@*:7700#" KEY_B, "host"},
        {KEY_A "@a" LABEL_63 ":7700#" KEY_B, "host"},
        {KEY_A "@::1:7700#" KEY_B, "host"},
        {KEY_A "@[]:7700#" KEY_B, "host"},
        {KEY_A "@[::1:7700#" KEY_B, "host"},
        {KEY_A "@[10.0.0.1]:7700#" KEY_B, "host"},
        {KEY_A "@[::g]:7700#" KEY_B, "host"},
        {KEY_A "@[1:2:3:4:5:6:7:8:9]:7700#" KEY_B, "host"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct peer_address address;
        memset(&address, 0x5a, sizeof address);
        const struct peer_address before = address;
        const char *why = NULL;
        const enum status status =
            peer_address_parse(bytes_of_text(refused[i].text), &address, &why);
        cr_assert_eq(status, STATUS_BAD_INPUT, "%s", refused[i].text);
        cr_assert(why != NULL && strstr(why, refused[i].part) != NULL, "%s: %s", refused[i].text,
                  why);
        cr_assert(memcmp(&before, &address, sizeof address) == 0, "written: %s", refused[i].text);
    }
}

Test(peer_address, a_host_of_253_bytes_is_the_longest)
{
    struct peer_address address;
    char text[600];
    for (size_t length = 240; length <= 260; length++) {
        size_t used = 0;
        for (; used < length; used++) {
            text[used] = used % 20 == 19 && used + 1 < length ? '.' : 'x';
        }
        snprintf(text + used, sizeof text - used, ":7700#%s", KEY_B);
        cr_assert_eq(parse(text, &address),
                     length <= PEER_HOST_LENGTH_MAX ? STATUS_OK : STATUS_BAD_INPUT, "%zu", length);
    }
}
