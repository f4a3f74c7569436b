#include "protocol/peer_address.h"

#include <string.h>

#include "protocol/ascii.h"

enum { KEY_HEX_LENGTH = 2 * ID_LENGTH, LABEL_LENGTH_MAX = 63, PORT_DIGITS_MAX = 5 };

/* The position of the last such byte, or the length when there is none. */
static size_t
find_last(struct bytes text, char wanted)
{
    for (size_t i = text.length; i > 0; i--) {
        if (text.data[i - 1] == (uint8_t)wanted) {
            return i - 1;
        }
    }
    return text.length;
}

static struct bytes
slice(struct bytes text, size_t from, size_t to)
{
    return bytes_of(from == to ? NULL : text.data + from, to - from);
}

static enum status
key_read(struct bytes text, uint8_t ret_key[ID_LENGTH])
{
    char hex[ID_HEX_SIZE];
    if (text.length != KEY_HEX_LENGTH) {
        return STATUS_BAD_INPUT;
    }
    memcpy(hex, text.data, KEY_HEX_LENGTH);
    hex[KEY_HEX_LENGTH] = '\0';
    return id_from_hex(hex, ret_key);
}

/* A number of at most `maximum`, in its shortest form. */
static bool
number_read(struct bytes text, uint32_t maximum, uint32_t *ret_number)
{
    uint32_t number = 0;
    if (text.length == 0 || text.length > PORT_DIGITS_MAX ||
        (text.length > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (!ascii_is_digit(text.data[i])) {
            return false;
        }
        number = 10 * number + (uint32_t)(text.data[i] - '0');
    }
    *ret_number = number;
    return number <= maximum;
}

static bool
label_is_valid(struct bytes label)
{
    if (label.length == 0 || label.length > LABEL_LENGTH_MAX || label.data[0] == '-' ||
        label.data[label.length - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.length; i++) {
        const uint8_t c = label.data[i];
        if (!ascii_is_letter(c) && !ascii_is_digit(c) && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}

static bool
is_all_digits(struct bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!ascii_is_digit(text.data[i])) {
            return false;
        }
    }
    return true;
}

/* A name of labels, or four numbers up to 255: "300.1.1.1" is neither, as no name ends in a number. */
static bool
name_is_valid(struct bytes host)
{
    size_t labels = 0;
    size_t octets = 0;
    bool last_is_number = false;
    size_t start = 0;
    for (size_t i = 0; i <= host.length; i++) {
        if (i < host.length && host.data[i] != '.') {
            continue;
        }
        const struct bytes label = slice(host, start, i);
        uint32_t octet;
        if (!label_is_valid(label)) {
            return false;
        }
        labels++;
        octets += number_read(label, 255, &octet) ? 1 : 0;
        last_is_number = is_all_digits(label);
        start = i + 1;
    }
    return last_is_number ? labels == 4 && octets == 4 : true;
}

/* "[" and "]" around hex digits, colons, dots, and a zone behind a percent sign. */
static bool
bracketed_is_valid(struct bytes host)
{
    size_t colons = 0;
    bool in_zone = false;
    if (host.length < 4 || host.data[0] != '[' || host.data[host.length - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < host.length; i++) {
        const uint8_t c = ascii_lower(host.data[i]);
        const bool is_hex = ascii_is_digit(c) || (c >= 'a' && c <= 'f');
        if (c == '%' && !in_zone) {
            in_zone = true;
        } else if (in_zone ? !ascii_is_letter(c) && !ascii_is_digit(c)
                           : !is_hex && c != ':' && c != '.') {
            return false;
        }
        colons += c == ':' ? 1 : 0;
    }
    return colons >= 2 && colons <= 7;
}

static enum status
fail(const char *why, const char **ret_why)
{
    if (ret_why != NULL) {
        *ret_why = why;
    }
    return STATUS_BAD_INPUT;
}

static bool
host_read(struct bytes host, struct peer_address *address)
{
    if (host.length == 0 || host.length > PEER_HOST_LENGTH_MAX ||
        (!name_is_valid(host) && !bracketed_is_valid(host))) {
        return false;
    }
    address->host_length = (uint8_t)host.length;
    for (size_t i = 0; i < host.length; i++) {
        address->host[i] = (char)ascii_lower(host.data[i]);
    }
    return true;
}

enum status
peer_address_parse(struct bytes text, struct peer_address *ret_address, const char **ret_why)
{
    struct peer_address address = {0};
    const size_t hash = find_last(text, '#');
    if (hash == text.length) {
        return fail("the channel key is missing: id@host:port#channel-key", ret_why);
    }
    if (key_read(slice(text, hash + 1, text.length), address.channel_key.bytes) != STATUS_OK ||
        channel_key_equal(&address.channel_key, &(struct channel_key){{0}})) {
        return fail("the channel key, behind '#', is 64 hex digits", ret_why);
    }
    const struct bytes front = slice(text, 0, hash);
    const size_t at = find_last(front, '@');
    address.has_id = at < front.length;
    if (address.has_id && (key_read(slice(front, 0, at), address.peer_id.bytes) != STATUS_OK ||
                           peer_id_is_zero(&address.peer_id))) {
        return fail("the id, before '@', is 64 hex digits", ret_why);
    }
    const struct bytes place = slice(front, address.has_id ? at + 1 : 0, front.length);
    const size_t colon = find_last(place, ':');
    uint32_t port = 0;
    if (colon == place.length ||
        !number_read(slice(place, colon + 1, place.length), 65535, &port) || port == 0) {
        return fail("the port, behind ':', is a number from 1 to 65535", ret_why);
    }
    address.port = (uint16_t)port;
    if (!host_read(slice(place, 0, colon), &address)) {
        return fail("the host is a name, an IPv4 address, or an IPv6 address in brackets", ret_why);
    }
    *ret_address = address;
    return STATUS_OK;
}

struct bytes
peer_address_host(const struct peer_address *address)
{
    return bytes_of(address->host, address->host_length);
}

static void
place_print(const struct peer_address *address, struct buffer *buffer)
{
    buffer_append(buffer, address->host, address->host_length);
    buffer_append_format(buffer, ":%u", (unsigned)address->port);
}

void
peer_address_print(const struct peer_address *address, struct buffer *buffer)
{
    char hex[ID_HEX_SIZE];
    if (address->has_id) {
        id_to_hex(address->peer_id.bytes, hex);
        buffer_append(buffer, hex, KEY_HEX_LENGTH);
        buffer_append_byte(buffer, '@');
    }
    place_print(address, buffer);
    id_to_hex(address->channel_key.bytes, hex);
    buffer_append_byte(buffer, '#');
    buffer_append(buffer, hex, KEY_HEX_LENGTH);
}

void
peer_address_endpoint(const struct peer_address *address, struct buffer *buffer)
{
    buffer_append_format(buffer, "tcp://");
    place_print(address, buffer);
}

bool
peer_address_equal(const struct peer_address *a, const struct peer_address *b)
{
    return a->has_id == b->has_id && peer_id_equal(&a->peer_id, &b->peer_id) &&
           a->port == b->port && channel_key_equal(&a->channel_key, &b->channel_key) &&
           bytes_equal(peer_address_host(a), peer_address_host(b));
}
