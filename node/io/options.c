#include "node/io/options.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/auction.h"
#include "protocol/quantity.h"
#include "protocol/record.h"
#include "protocol/setting.h"
#include "protocol/version.h"

/* Where the values come from while they are read: the first to say something wins. */
struct reading {
    struct options *options;
    struct buffer *why;
    enum status status;
    bool from_file;
    bool is_told[SETTINGS_MAX]; /* on the command line */
    bool is_in_file[SETTINGS_MAX];
};

static void
copy_text(char *target, size_t size, struct bytes value)
{
    const size_t length = value.length < size ? value.length : size - 1;
    memcpy(target, value.data, length);
    target[length] = '\0';
}

static enum log_level
level_of(struct bytes name)
{
    for (size_t i = 0; i < log_level_names.count; i++) {
        if (bytes_are_text(name, log_level_names.names[i])) {
            return (enum log_level)i;
        }
    }
    return LOG_INFO;
}

/* The place of a name that is in the table. */
static uint8_t
named(const struct name_table *table, struct bytes name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (bytes_are_text(name, table->names[i])) {
            return (uint8_t)i;
        }
    }
    return 0;
}

/* Where a setting's value goes; what kind of member it is follows from the setting's kind. */
struct target {
    const char *name;
    size_t offset;
    size_t size;
};

#define TARGET(setting, member)                                                                    \
    {                                                                                              \
        (setting), offsetof(struct options, member), sizeof(((struct options *)NULL)->member)      \
    }

static const struct target targets[] = {
    TARGET("network", network),
    TARGET("listen", listen),
    TARGET("stream-listen", stream_listen),
    TARGET("advertise", advertise),
    TARGET("stream-advertise", stream_advertise),
    TARGET("label", label),
    TARGET("region", region),
    TARGET("up", up_mbit_s),
    TARGET("down", down_mbit_s),
    TARGET("cpu-threads", cpu_threads),
    TARGET("ram", ram_mib),
    TARGET("disk", disk_mib),
    TARGET("kwh-price", current_uusd_per_kwh),
    TARGET("spend-per-lease", spend_lease_max_uusd),
    TARGET("spend-per-day", spend_day_max_uusd),
    TARGET("decide", decide),
    TARGET("auction", auction_epoch_s),
    TARGET("auction-rule", auction_rule),
    TARGET("first-uid", first_uid),
    TARGET("records-max", records_max),
    TARGET("inbound-max", inbound_max),
    TARGET("inbound-per-address", inbound_per_address),
    TARGET("inbound-per-net", inbound_per_net),
    TARGET("handshakes", handshakes),
    TARGET("passphrase-file", passphrase_file),
    TARGET("log", log_path),
    TARGET("log-level", log_level),
    TARGET("seed", seed),
    TARGET("simulate", simulate),
};

static void
put_number(uint8_t *member, size_t size, uint64_t number)
{
    const uint16_t as_16 = (uint16_t)number;
    const uint32_t as_32 = (uint32_t)number;
    if (size == sizeof as_16) {
        memcpy(member, &as_16, sizeof as_16);
    } else if (size == sizeof as_32) {
        memcpy(member, &as_32, sizeof as_32);
    } else {
        memcpy(member, &number, sizeof number);
    }
}

static enum status
put_peer(struct options *options, struct bytes value)
{
    if (options->peer_count == PEERS_TOLD_MAX) {
        return STATUS_LIMIT;
    }
    copy_text(options->peers[options->peer_count++], PEER_TEXT_SIZE, value);
    return STATUS_OK;
}

/* The value was checked: what cannot fail any more is not looked at again. */
static enum status
put_value(const struct setting *setting, struct bytes value, uint8_t *member, size_t size)
{
    uint64_t count = 0;
    uint32_t number = 0;
    enum status status = STATUS_OK;
    switch (setting->kind) {
    case SETTING_KIND_TEXT:
    case SETTING_KIND_PATH:
    case SETTING_KIND_ENDPOINT:
        copy_text((char *)member, size, value);
        break;
    case SETTING_KIND_COUNT:
        status = quantity_parse_count(value, setting->maximum, &count, NULL);
        put_number(member, size, count);
        break;
    case SETTING_KIND_AMOUNT:
        status = quantity_parse_amount(value, (struct amount *)(void *)member, NULL);
        break;
    case SETTING_KIND_SIZE:
        status = quantity_parse_size(value, &number, NULL);
        put_number(member, size, number);
        break;
    case SETTING_KIND_RATE:
        status = quantity_parse_network_rate(value, &number, NULL);
        put_number(member, size, number);
        break;
    case SETTING_KIND_REGION:
        *member = named(&region_names, value);
        break;
    case SETTING_KIND_RULE:
        *member = named(&auction_rule_names, value);
        break;
    case SETTING_KIND_LEVEL:
        put_number(member, size, level_of(value));
        break;
    case SETTING_KIND_KEY:
    case SETTING_KIND_PEER:
        break;
    }
    return status;
}

static enum status
put_setting(struct options *options, const struct setting *setting, struct bytes value)
{
    if (value.length == 0) {
        return STATUS_OK; /* nothing is the default of those that may be empty */
    }
    if (setting->kind == SETTING_KIND_PEER) {
        return put_peer(options, value);
    }
    if (setting->kind == SETTING_KIND_KEY) {
        char hex[ID_HEX_SIZE];
        copy_text(hex, sizeof hex, value);
        options->has_issuer = true;
        return id_from_hex(hex, options->issuer.bytes);
    }
    options->has_seed = options->has_seed || strcmp(setting->name, "seed") == 0;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (strcmp(targets[i].name, setting->name) == 0) {
            uint8_t *member = (uint8_t *)options + targets[i].offset;
            return put_value(setting, value, member, targets[i].size);
        }
    }
    return STATUS_NOT_FOUND;
}

/* One setting, from either place. The first error stays. */
static void
take_setting(struct reading *reading, const char *name, const char *value)
{
    const char *place = reading->from_file ? reading->options->config_path : "the command line";
    const struct setting *setting = setting_find(bytes_of_text(name));
    if (reading->status != STATUS_OK) {
        return;
    }
    if (setting == NULL) {
        const char *meant = setting_nearest(bytes_of_text(name));
        buffer_append_format(reading->why, "%.200s: there is no setting \"%.60s\"", place, name);
        if (meant != NULL) {
            buffer_append_format(reading->why, "; did you mean %s?", meant);
        }
        reading->status = STATUS_BAD_INPUT;
        return;
    }
    char memory[300];
    struct buffer sentence;
    buffer_init(&sentence, memory, sizeof memory);
    enum status status = setting_check(setting, bytes_of_text(value), &sentence);
    if (status != STATUS_OK) {
        buffer_append_format(reading->why, "%.200s: %s: %.*s", place, name, (int)sentence.length,
                             memory);
        reading->status = status;
        return;
    }
    size_t position = 0;
    while (setting_at(position) != setting) {
        position++;
    }
    bool *seen = reading->from_file ? reading->is_in_file : reading->is_told;
    if (reading->from_file && reading->is_told[position]) {
        return;
    }
    if (seen[position] && !setting->may_repeat) {
        buffer_append_format(reading->why, "%.200s: %s is given twice", place, name);
        reading->status = STATUS_BAD_INPUT;
        return;
    }
    seen[position] = true;
    reading->status = put_setting(reading->options, setting, bytes_of_text(value));
    struct setting_text *text = &reading->options->texts[position];
    text->source = reading->from_file ? SOURCE_FILE : SOURCE_TOLD;
    copy_text(text->text, sizeof text->text, bytes_of_text(value));
}

static int
take_line(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    if (section[0] != '\0' && reading->status == STATUS_OK) {
        buffer_append_format(reading->why, "%.200s: sections such as [%.60s] mean nothing here",
                             reading->options->config_path, section);
        reading->status = STATUS_BAD_INPUT;
    }
    take_setting(reading, name, value == NULL ? "" : value);
    return reading->status == STATUS_OK;
}

static void
read_file(struct reading *reading, bool was_named)
{
    FILE *file = fopen(reading->options->config_path, "re");
    if (file == NULL) {
        if (was_named || errno != ENOENT) {
            buffer_append_format(reading->why, "cannot read %.300s: %s",
                                 reading->options->config_path, strerror(errno));
            reading->status = STATUS_NOT_FOUND;
        }
        return;
    }
    reading->from_file = true;
    const int line = ini_parse_file(file, take_line, reading);
    fclose(file);
    if (line != 0 && reading->status == STATUS_OK) {
        buffer_append_format(reading->why, "%.300s, line %d: a setting is written NAME = VALUE",
                             reading->options->config_path, line);
        reading->status = STATUS_BAD_INPUT;
    }
}

/* Options that are no settings. True when `name` was one; *ret_used says whether it took the value. */
static bool
take_plain_option(struct reading *reading, const char *name, const char *value, bool *ret_used)
{
    static const struct {
        const char *name;
        enum daemon_mode mode;
    } modes[] = {{"check", MODE_CHECK}, {"version", MODE_VERSION}, {"help", MODE_HELP}};
    struct options *options = reading->options;
    *ret_used = false;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(name, modes[i].name) == 0) {
            options->mode = modes[i].mode;
            return true;
        }
    }
    if (strcmp(name, "json") == 0) {
        options->json = true;
        return true;
    }
    const bool is_ready_fd = strcmp(name, "ready-fd") == 0;
    char *path = strcmp(name, "data") == 0     ? options->data_dir
                 : strcmp(name, "config") == 0 ? options->config_path
                                               : NULL;
    if (path == NULL && !is_ready_fd) {
        return false;
    }
    *ret_used = true;
    uint64_t number = 0;
    if (value == NULL) {
        buffer_append_format(reading->why, "--%s needs a value", name);
        reading->status = STATUS_BAD_INPUT;
    } else if (is_ready_fd) {
        reading->status = quantity_parse_count(bytes_of_text(value), 65535, &number, reading->why);
        options->ready_fd = (int)number;
    } else if (value[0] == '\0' || strlen(value) >= OPTION_PATH_SIZE) {
        buffer_append_format(reading->why, "--%s: the path is empty or too long", name);
        reading->status = STATUS_BAD_INPUT;
    } else {
        copy_text(path, OPTION_PATH_SIZE, bytes_of_text(value));
    }
    return true;
}

/* "--name value" or "--name=value". Gives how many words it took. */
static int
take_word(struct reading *reading, char **words, int left)
{
    if (strncmp(words[0], "--", 2) != 0 || words[0][2] == '\0') {
        buffer_append_format(reading->why, "gpuletd does not know \"%.100s\"; see gpuletd --help",
                             words[0]);
        reading->status = STATUS_BAD_INPUT;
        return 1;
    }
    char name[64];
    const char *equals = strchr(words[0], '=');
    const size_t length = equals == NULL ? strlen(words[0] + 2) : (size_t)(equals - words[0]) - 2;
    copy_text(name, sizeof name, bytes_of(words[0] + 2, length));
    const char *next = left > 1 ? words[1] : NULL;
    const char *value = equals == NULL ? next : equals + 1;
    bool used = false;
    if (take_plain_option(reading, name, value, &used)) {
        return used && equals == NULL ? 2 : 1;
    }
    if (value == NULL && setting_find(bytes_of_text(name)) != NULL) {
        buffer_append_format(reading->why, "--%s needs a value", name);
        reading->status = STATUS_BAD_INPUT;
        return 1;
    }
    take_setting(reading, name, value == NULL ? "" : value);
    return equals == NULL ? 2 : 1;
}

/* What nobody told, from the table. */
static void
take_defaults(struct reading *reading)
{
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (reading->status == STATUS_OK && !reading->is_told[i] && !reading->is_in_file[i]) {
            reading->status =
                put_setting(reading->options, setting, bytes_of_text(setting->initial));
        }
    }
}

static bool
is_given(const struct reading *reading, size_t position)
{
    return reading->is_told[position] || reading->is_in_file[position];
}

/* What follows from the network: play things only where there is nothing to lose, and no limits by
 * address where all nodes share one machine. */
static void
apply_network(struct reading *reading)
{
    struct options *options = reading->options;
    options->is_test_network = network_name_is_test(bytes_of_text(options->network));
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (reading->status == STATUS_OK && setting->is_for_tests && is_given(reading, i) &&
            !options->is_test_network) {
            buffer_append_format(reading->why,
                                 "%s is for test networks only, whose names begin with \"test\"; "
                                 "\"%s\" is none",
                                 setting->name, options->network);
            reading->status = STATUS_REFUSED;
        }
        if (options->is_test_network && !is_given(reading, i)) {
            if (strcmp(setting->name, "inbound-per-address") == 0) {
                options->inbound_per_address = 0;
            } else if (strcmp(setting->name, "inbound-per-net") == 0) {
                options->inbound_per_net = 0;
            } else if (strcmp(setting->name, "handshakes") == 0) {
                options->handshakes = 0;
            } else if (strcmp(setting->name, "inbound-max") == 0) {
                options->inbound_max = (uint32_t)setting->maximum;
            }
        }
    }
}

/* The paths that we show mean the same wherever they are read. */
static void
make_absolute(struct reading *reading, char path[OPTION_PATH_SIZE])
{
    char whole[OPTION_PATH_SIZE];
    char here[OPTION_PATH_SIZE];
    if (path[0] == '/' || reading->status != STATUS_OK) {
        return;
    }
    if (getcwd(here, sizeof here) == NULL ||
        snprintf(whole, sizeof whole, "%s/%s", here, path) >= (int)sizeof whole) {
        buffer_append_format(reading->why, "the path %.200s is too long", path);
        reading->status = STATUS_LIMIT;
        return;
    }
    memcpy(path, whole, strlen(whole) + 1);
}

static void
find_directories(struct reading *reading)
{
    struct options *options = reading->options;
    if (options->data_dir[0] == '\0' && options_default_data(options->data_dir) != STATUS_OK) {
        buffer_append_format(reading->why, "there is no home directory; say --data DIR");
        reading->status = STATUS_NOT_FOUND;
    }
    make_absolute(reading, options->data_dir);
    if (options->config_path[0] == '\0' &&
        snprintf(options->config_path, OPTION_PATH_SIZE, "%.4000s/gpuletd.conf",
                 options->data_dir) >= OPTION_PATH_SIZE) {
        reading->status = STATUS_LIMIT;
    }
}

enum status
options_read(int argc, char **argv, struct options *ret_options, struct buffer *why)
{
    struct options *options = ret_options;
    memset(options, 0, sizeof *options);
    options->ready_fd = -1;
    if (argc > 1 && strcmp(argv[1], "--supervise") == 0) {
        options->mode = MODE_SUPERVISE;
        return STATUS_OK;
    }
    struct reading reading = {.options = options, .why = why};
    for (int i = 1; i < argc && reading.status == STATUS_OK;) {
        i += take_word(&reading, argv + i, argc - i);
    }
    if (options->mode == MODE_VERSION || options->mode == MODE_HELP) {
        return reading.status;
    }
    const bool config_was_named = options->config_path[0] != '\0';
    if (reading.status == STATUS_OK) {
        find_directories(&reading);
    }
    if (reading.status == STATUS_OK) {
        read_file(&reading, config_was_named);
    }
    take_defaults(&reading);
    if (reading.status == STATUS_OK) {
        apply_network(&reading);
    }
    return reading.status;
}

void
options_print_help(void)
{
    printf("gpuletd %s: a node that lets GPUs and rents them\n\n"
           "usage: gpuletd [--SETTING VALUE ...]\n\n"
           "  --data DIR              what the node remembers, and its identity\n"
           "  --config FILE           settings, NAME = VALUE a line (<data>/gpuletd.conf)\n"
           "  --check [--json]        say what this machine can do and what it lacks, then end\n"
           "  --ready-fd N            write one line to descriptor N when ready\n"
           "  --version, --help\n\nSettings, here and in the file:\n",
           GPULET_VERSION);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        char head[64];
        snprintf(head, sizeof head, "--%s %s", setting->name, setting_kind_shown(setting->kind));
        printf("  %-30s %s%s%s%s\n", head, setting->help, setting->initial[0] == '\0' ? "" : " [",
               setting->initial, setting->initial[0] == '\0' ? "" : "]");
    }
}

enum status
options_default_data(char ret_path[OPTION_PATH_SIZE])
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int length = 0;
    if (geteuid() == 0) {
        length = snprintf(ret_path, OPTION_PATH_SIZE, "/var/lib/gpulet");
    } else if (data != NULL && data[0] == '/') {
        length = snprintf(ret_path, OPTION_PATH_SIZE, "%s/gpulet", data);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(ret_path, OPTION_PATH_SIZE, "%s/.local/share/gpulet", home);
    } else {
        return STATUS_NOT_FOUND;
    }
    return length < OPTION_PATH_SIZE ? STATUS_OK : STATUS_LIMIT;
}
