/* What gpuletd was told: its command line, its file, and the defaults. */
#ifndef GPULET_NODE_IO_OPTIONS_H
#define GPULET_NODE_IO_OPTIONS_H

#include <sys/types.h>

#include "node/core/effect.h"
#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/id.h"

enum {
    OPTION_PATH_SIZE = 4096,
    OPTION_TEXT_SIZE = 1024,
    OPTION_NAME_SIZE = 64,
    PEERS_TOLD_MAX = 32,
    PEER_TEXT_SIZE = 512
};

enum daemon_mode { MODE_RUN, MODE_CHECK, MODE_SUPERVISE, MODE_VERSION, MODE_HELP };

/* Where a setting's value comes from. */
enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_TOLD };

enum { SETTINGS_MAX = 64 };

/* A setting as somebody wrote it; of one that repeats, the last. */
struct setting_text {
    enum setting_source source;
    char text[OPTION_TEXT_SIZE];
};

struct options {
    enum daemon_mode mode;
    bool json;    /* of --check */
    int ready_fd; /* -1: none; gets one line when the daemon is ready */
    char data_dir[OPTION_PATH_SIZE];
    char config_path[OPTION_PATH_SIZE];
    char network[OPTION_NAME_SIZE];
    bool is_test_network;
    char listen[OPTION_TEXT_SIZE];
    char stream_listen[OPTION_TEXT_SIZE]; /* empty: the next port */
    char advertise[OPTION_TEXT_SIZE];
    char stream_advertise[OPTION_TEXT_SIZE];
    char peers[PEERS_TOLD_MAX][PEER_TEXT_SIZE];
    size_t peer_count;
    char label[OPTION_NAME_SIZE];
    uint8_t region; /* enum region */
    uint32_t auction_epoch_s;
    uint8_t auction_rule; /* enum auction_rule */
    uint32_t up_mbit_s;
    uint32_t down_mbit_s;
    uint16_t cpu_threads; /* 0: by the machine, for this and the next two */
    uint32_t ram_mib;
    uint32_t disk_mib;
    struct amount current_uusd_per_kwh;
    struct amount spend_lease_max_uusd;
    struct amount spend_day_max_uusd;
    char decide[OPTION_PATH_SIZE];
    uid_t first_uid;
    uint32_t records_max;
    uint32_t inbound_max;
    uint32_t inbound_per_address; /* 0: no limit, for this and the next two */
    uint32_t inbound_per_net;
    uint32_t handshakes;
    char passphrase_file[OPTION_PATH_SIZE];
    char log_path[OPTION_PATH_SIZE];
    enum log_level log_level;
    bool has_issuer;
    struct peer_id issuer;
    bool has_seed;
    uint64_t seed;
    char simulate[OPTION_TEXT_SIZE];
    struct setting_text texts[SETTINGS_MAX]; /* by the setting's position in its table */
};

/* Reads the command line, then the file for what it did not say. `why` gets one sentence on failure.
 * With --supervise nothing else is read. STATUS_BAD_INPUT: unknown name or bad value;
 * STATUS_REFUSED: something of a test network on another; STATUS_NOT_FOUND: the file that was named. */
enum status options_read(int argc, char **argv, struct options *ret_options, struct buffer *why)
    MUST_USE;

/* --help, on stdout. */
void options_print_help(void);

/* The data directory when none is told: /var/lib/gpulet as root, else $XDG_DATA_HOME/gpulet or
 * ~/.local/share/gpulet. STATUS_NOT_FOUND: no home either. */
enum status options_default_data(char ret_path[OPTION_PATH_SIZE]) MUST_USE;

#endif
