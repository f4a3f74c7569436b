#include "protocol/setting.h"

#include <string.h>

#include "protocol/auction.h"
#include "protocol/id.h"
#include "protocol/nearest.h"
#include "protocol/peer_address.h"
#include "protocol/quantity.h"
#include "protocol/record.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct setting settings[] = {
    {.name = "network",
     .kind = SETTING_KIND_TEXT,
     .initial = "main",
     .maximum = 63,
     .help = "name of the network; one that begins with \"test\" is a test network"},
    {.name = "listen",
     .kind = SETTING_KIND_ENDPOINT,
     .initial = "tcp://0.0.0.0:7700",
     .help = "where peers reach this node"},
    {.name = "stream-listen",
     .kind = SETTING_KIND_ENDPOINT,
     .initial = "",
     .help = "where jobs' streams are fetched (default: the port after that of listen)"},
    {.name = "advertise",
     .kind = SETTING_KIND_ENDPOINT,
     .initial = "",
     .help = "the address that peers are told, when it is not the one of listen"},
    {.name = "stream-advertise",
     .kind = SETTING_KIND_ENDPOINT,
     .initial = "",
     .help = "the same for streams"},
    {.name = "peer",
     .kind = SETTING_KIND_PEER,
     .initial = "",
     .may_repeat = true,
     .help = "a node to begin with, may be given often"},
    {.name = "label",
     .kind = SETTING_KIND_TEXT,
     .initial = "",
     .maximum = 63,
     .help = "a name for people; it proves nothing"},
    {.name = "region",
     .kind = SETTING_KIND_REGION,
     .initial = "unknown",
     .help = "where this machine stands"},
    {.name = "up",
     .kind = SETTING_KIND_RATE,
     .initial = "20Mbit/s",
     .help = "what this machine can send"},
    {.name = "down",
     .kind = SETTING_KIND_RATE,
     .initial = "100Mbit/s",
     .help = "what this machine can receive"},
    {.name = "cpu-threads",
     .kind = SETTING_KIND_COUNT,
     .initial = "0",
     .maximum = 4096,
     .help = "CPU threads for jobs (0: all but one)"},
    {.name = "ram",
     .kind = SETTING_KIND_SIZE,
     .initial = "0MiB",
     .help = "memory for jobs (0: three quarters of the machine's)"},
    {.name = "disk",
     .kind = SETTING_KIND_SIZE,
     .initial = "0MiB",
     .help = "workspace for jobs (0: half of what is free at the start)"},
    {.name = "kwh-price",
     .kind = SETTING_KIND_AMOUNT,
     .initial = "0",
     .help = "what a kWh costs you; an automatic ask is never under a card's current (0: unknown)"},
    {.name = "spend-per-lease",
     .kind = SETTING_KIND_AMOUNT,
     .initial = "25",
     .help = "most that one lease may cost"},
    {.name = "spend-per-day",
     .kind = SETTING_KIND_AMOUNT,
     .initial = "100",
     .help = "most that leases begun within a day may cost"},
    {.name = "decide",
     .kind = SETTING_KIND_PATH,
     .initial = "",
     .maximum = 4000,
     .help = "a program of your own that accepts or refuses renters, JSON in and out"},
    {.name = "auction",
     .kind = SETTING_KIND_COUNT,
     .initial = "0",
     .maximum = 86400,
     .help = "collect bids of the batch lane, in epochs of so many seconds (0: do not)"},
    {.name = "auction-rule",
     .kind = SETTING_KIND_RULE,
     .initial = "halfway",
     .help = "how a clearing makes its price: halfway, or reduced, which nobody who trades sets"},
    {.name = "first-uid",
     .kind = SETTING_KIND_COUNT,
     .initial = "65600",
     .maximum = 4000000000,
     .help = "user number of the first slot's jobs, when gpuletd runs as root"},
    {.name = "records-max",
     .kind = SETTING_KIND_COUNT,
     .initial = "16384",
     .maximum = 1000000,
     .help = "other nodes' listings and records held in memory"},
    {.name = "inbound-max",
     .kind = SETTING_KIND_COUNT,
     .initial = "64",
     .maximum = 160,
     .help = "connections that others may make to this node"},
    {.name = "inbound-per-address",
     .kind = SETTING_KIND_COUNT,
     .initial = "2",
     .maximum = 160,
     .help = "of these, from one address (0: any number, as on test networks)"},
    {.name = "inbound-per-net",
     .kind = SETTING_KIND_COUNT,
     .initial = "8",
     .maximum = 160,
     .help = "of these, from one /24 network (0: any number, as on test networks)"},
    {.name = "handshakes",
     .kind = SETTING_KIND_COUNT,
     .initial = "5",
     .maximum = 10000,
     .help = "new connections a second from one address (0: any, as on test networks)"},
    {.name = "passphrase-file",
     .kind = SETTING_KIND_PATH,
     .initial = "",
     .maximum = 4000,
     .help = "file whose first line unlocks the identity"},
    {.name = "log",
     .kind = SETTING_KIND_PATH,
     .initial = "",
     .maximum = 4000,
     .help = "file of the log (default: standard error)"},
    {.name = "log-level",
     .kind = SETTING_KIND_LEVEL,
     .initial = "info",
     .help = "least important lines to write: debug, info, warning, error"},
    {.name = "issuer",
     .kind = SETTING_KIND_KEY,
     .initial = "",
     .is_for_tests = true,
     .help = "key that signs grants of play money; part of the network's identity"},
    {.name = "seed",
     .kind = SETTING_KIND_COUNT,
     .initial = "",
     .maximum = UINT64_MAX,
     .is_for_tests = true,
     .help = "makes the identity from a number and the label"},
    {.name = "simulate",
     .kind = SETTING_KIND_TEXT,
     .initial = "",
     .maximum = 1000,
     .is_for_tests = true,
     .help = "cards that do not exist: 'rtx4090x2,rtx3060'"},
};

static const char *const level_names[] = {"debug", "info", "warning", "error"};
const struct name_table log_level_names = {level_names, COUNT_OF(level_names)};

size_t
setting_count(void)
{
    return COUNT_OF(settings);
}

const struct setting *
setting_at(size_t position)
{
    return &settings[position];
}

const struct setting *
setting_find(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (bytes_are_text(name, settings[i].name)) {
            return &settings[i];
        }
    }
    return NULL;
}

const char *
setting_nearest(struct bytes name)
{
    struct nearest nearest = nearest_start(name);
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        nearest_offer(&nearest, settings[i].name);
    }
    return nearest_result(&nearest);
}

const char *
setting_kind_shown(enum setting_kind kind)
{
    static const char *const shown[] = {
#define SETTING_KIND_SHOWN(name, text) text,
        SETTING_KIND_TABLE(SETTING_KIND_SHOWN)
#undef SETTING_KIND_SHOWN
    };
    return (size_t)kind < COUNT_OF(shown) ? shown[kind] : "";
}

static void
say(struct buffer *why, const char *sentence)
{
    if (why != NULL) {
        buffer_append_format(why, "%s", sentence);
    }
}

static enum status
check_text(const struct setting *setting, struct bytes value, struct buffer *why)
{
    if (value.length > setting->maximum) {
        say(why, "it is too long");
        return STATUS_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < 0x20 || value.data[i] == 0x7f) {
            say(why, "it has a control character");
            return STATUS_BAD_INPUT;
        }
    }
    return STATUS_OK;
}

static enum status
check_name(const struct name_table *table, struct bytes value, struct buffer *why)
{
    struct nearest nearest = nearest_start(value);
    for (size_t i = 0; i < table->count; i++) {
        if (bytes_are_text(value, table->names[i])) {
            return STATUS_OK;
        }
        nearest_offer(&nearest, table->names[i]);
    }
    const char *meant = nearest_result(&nearest);
    if (why != NULL && meant != NULL) {
        buffer_append_format(why, "there is no such name; did you mean %s?", meant);
    } else if (why != NULL) {
        say(why, "there is no such name; the names are");
        for (size_t i = 0; i < table->count; i++) {
            buffer_append_format(why, "%s %s", i == 0 ? "" : ",", table->names[i]);
        }
    }
    return STATUS_BAD_INPUT;
}

/* The IP's digits are the kernel's to judge; here only the form. */
static enum status
check_endpoint(struct bytes value, struct buffer *why)
{
    static const char scheme[] = "tcp://";
    const size_t head = sizeof scheme - 1;
    size_t colon = 0;
    for (size_t i = head; i < value.length; i++) {
        colon = value.data[i] == ':' ? i : colon;
    }
    uint64_t port = 0;
    if (value.length <= head || memcmp(value.data, scheme, head) != 0 || colon <= head ||
        value.length > 100 ||
        quantity_parse_count(bytes_of(value.data + colon + 1, value.length - colon - 1), 65535,
                             &port, NULL) != STATUS_OK) {
        say(why, "an address is written tcp://127.0.0.1:7700");
        return STATUS_BAD_INPUT;
    }
    for (size_t i = head; i < colon; i++) {
        if ((value.data[i] < '0' || value.data[i] > '9') && value.data[i] != '.') {
            say(why, "an IPv4 address in digits is wanted, not a name");
            return STATUS_BAD_INPUT;
        }
    }
    return STATUS_OK;
}

static enum status
check_key(struct bytes value, struct buffer *why)
{
    char hex[ID_HEX_SIZE];
    uint8_t key[ID_LENGTH];
    if (value.length == sizeof hex - 1) {
        memcpy(hex, value.data, value.length);
        hex[value.length] = '\0';
        if (id_from_hex(hex, key) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    say(why, "a key is 64 hexadecimal digits");
    return STATUS_BAD_INPUT;
}

static enum status
check_peer(struct bytes value, struct buffer *why)
{
    struct peer_address address;
    const char *sentence = NULL;
    const enum status status = peer_address_parse(value, &address, &sentence);
    if (status != STATUS_OK) {
        say(why, sentence == NULL ? status_text(status) : sentence);
    }
    return status;
}

enum status
setting_check(const struct setting *setting, struct bytes value, struct buffer *why)
{
    uint64_t count = 0;
    uint32_t number = 0;
    struct amount amount;
    if (value.length == 0 && setting->initial[0] == '\0') {
        return STATUS_OK;
    }
    switch (setting->kind) {
    case SETTING_KIND_TEXT:
    case SETTING_KIND_PATH:
        return check_text(setting, value, why);
    case SETTING_KIND_COUNT:
        return quantity_parse_count(value, setting->maximum, &count, why);
    case SETTING_KIND_AMOUNT:
        return quantity_parse_amount(value, &amount, why);
    case SETTING_KIND_SIZE:
        return quantity_parse_size(value, &number, why);
    case SETTING_KIND_RATE:
        return quantity_parse_network_rate(value, &number, why);
    case SETTING_KIND_REGION:
        return check_name(&region_names, value, why);
    case SETTING_KIND_RULE:
        return check_name(&auction_rule_names, value, why);
    case SETTING_KIND_LEVEL:
        return check_name(&log_level_names, value, why);
    case SETTING_KIND_ENDPOINT:
        return check_endpoint(value, why);
    case SETTING_KIND_KEY:
        return check_key(value, why);
    case SETTING_KIND_PEER:
        return check_peer(value, why);
    }
    return STATUS_BAD_INPUT;
}

bool
network_name_is_test(struct bytes name)
{
    return name.length >= 4 && memcmp(name.data, "test", 4) == 0;
}
