#include "cli/option_table.h"

#define OPTION_LIST(name, text, table)                                                             \
    const struct option_list name = {(text), (table), sizeof(table) / sizeof((table)[0])}

static const struct option global_table[] = {
    {.name = "data",
     .kind = VALUE_PATH,
     .shown = "DIR",
     .help = "data directory of the node",
     .fallback = "$XDG_DATA_HOME/gpulet; /var/lib/gpulet for root"},
    {.name = "node",
     .kind = VALUE_NAME,
     .shown = "NAME",
     .help = "a node of the running test network, such as host-1"},
    {.name = "dir",
     .kind = VALUE_PATH,
     .shown = "DIR",
     .help = "directory of the test network",
     .fallback = "the one started last"},
    {.name = "json", .help = "one JSON document on standard output"},
    {.name = "help", .letter = 'h', .help = "explain the command"},
};
OPTION_LIST(global_options, "Global options", global_table);

static const struct option filter_table[] = {
    {.name = "where",
     .kind = VALUE_WHERE,
     .repeats = true,
     .help = "conditions over the fields of listings: 'vram>=24GiB ask<0.40 reliability>=95'"},
    {.name = "gpu", .kind = VALUE_CLASSES, .shown = "rtx4090,...", .help = "one of these classes"},
    {.name = "vendor",
     .kind = VALUE_VENDORS,
     .shown = "nvidia,amd,intel",
     .help = "one of these makers"},
    {.name = "vram", .kind = VALUE_SIZE, .help = "least memory of a card"},
    {.name = "fp16", .kind = VALUE_SPEED, .help = "least dense fp16 speed"},
    {.name = "bandwidth", .kind = VALUE_BANDWIDTH, .help = "least bandwidth of the memory"},
    {.name = "cuda", .kind = VALUE_VERSION, .help = "least CUDA version of the driver"},
    {.name = "capability", .kind = VALUE_CAPABILITY, .help = "least compute capability"},
    {.name = "nvlink", .help = "cards that are linked with each other"},
    {.name = "same-fabric", .help = "hosts on one fast network"},
    {.name = "region", .kind = VALUE_REGIONS, .shown = "eu,na,...", .help = "one of these regions"},
    {.name = "up", .kind = VALUE_RATE, .help = "least upload rate of the host"},
    {.name = "down", .kind = VALUE_RATE, .help = "least download rate of the host"},
    {.name = "reliability", .kind = VALUE_SHARE, .help = "least reliability of the host"},
    {.name = "work",
     .kind = VALUE_WORK,
     .shown = "infer|train|finetune|render",
     .help = "the kind of work, which decides what a card is worth",
     .fallback = "infer"},
    {.name = "isolation",
     .kind = VALUE_ISOLATION,
     .shown = "process|container|gvisor|vm",
     .help = "least isolation of the job"},
    {.name = "notice", .kind = VALUE_DURATION, .help = "least notice before a reclaim"},
    {.name = "interruptible", .help = "a card that may be taken back at any time, for less"},
    {.name = "count", .kind = VALUE_COUNT, .help = "cards of one host", .fallback = "1"},
    {.name = "hosts",
     .kind = VALUE_COUNT,
     .help = "one job on so many hosts, on all of them or on none",
     .fallback = "1"},
    {.name = "for", .kind = VALUE_DURATION, .help = "how long at most", .fallback = "1h"},
    {.name = "max-price", .kind = VALUE_PRICE, .help = "highest price of one card"},
    {.name = "max-total", .kind = VALUE_AMOUNT, .help = "highest price of the whole lease"},
};
OPTION_LIST(filters, "Filters", filter_table);

static const struct option search_table[] = {
    {.name = "limit", .kind = VALUE_COUNT, .help = "most offers to show", .fallback = "20"},
    {.name = "explain", .help = "also say why other listings do not fit"},
};
OPTION_LIST(search_options, "Options", search_table);

static const struct option rent_table[] = {
    {.name = "env",
     .letter = 'e',
     .kind = VALUE_ENVIRONMENT,
     .repeats = true,
     .help = "a variable of the job's environment"},
    {.name = "no-input", .letter = 'n', .help = "the job reads nothing from standard input"},
    {.name = "detach", .letter = 'd', .help = "print the lease's id and leave the job running"},
    {.name = "dry-run", .help = "say what would be rented and what it would cost"},
    {.name = "wait",
     .kind = VALUE_DURATION,
     .help = "wait so long for a card that fits",
     .fallback = "0s"},
    {.name = "prepay",
     .kind = VALUE_DURATION,
     .help = "run time to pay ahead",
     .fallback = "one interval of the listing"},
    {.name = "memory",
     .kind = VALUE_SIZE,
     .help = "main memory of the job",
     .fallback = "the listing's share"},
    {.name = "listing", .kind = VALUE_NAME, .shown = "ID", .help = "this listing and no other"},
    {.name = "gang-min", .kind = VALUE_COUNT, .help = "least of the hosts to run with (all)"},
    {.name = "spares", .kind = VALUE_COUNT, .help = "more hosts, for those that do not start"},
    {.name = "rank", .kind = VALUE_COUNT, .help = "of the hosts' output only this one's"},
    {.name = "image",
     .kind = VALUE_NAME,
     .shown = "sha256:...",
     .help = "an image to run; hosts that only run commands of their own system refuse it"},
};
OPTION_LIST(rent_options, "Options", rent_table);

static const struct option request_table[] = {
    {.name = "gang-min", .kind = VALUE_COUNT, .help = "least of the hosts to run with (all)"},
    {.name = "spares", .kind = VALUE_COUNT, .help = "more hosts, for those that do not start"},
    {.name = "env",
     .letter = 'e',
     .kind = VALUE_ENVIRONMENT,
     .repeats = true,
     .help = "a variable of the job's environment"},
    {.name = "wait", .kind = VALUE_DURATION, .help = "how long it stands", .fallback = "1d"},
    {.name = "prepay",
     .kind = VALUE_DURATION,
     .help = "run time to pay ahead",
     .fallback = "one interval of the listing"},
    {.name = "memory",
     .kind = VALUE_SIZE,
     .help = "main memory of the job",
     .fallback = "the listing's share"},
    {.name = "batch", .help = "bid in the batch lane: one price for all, found at an epoch's end"},
    {.name = "auctioneer",
     .kind = VALUE_NAME,
     .shown = "PEER",
     .help = "who collects the bids, by id or label"},
    {.name = "units",
     .kind = VALUE_AMOUNT,
     .shown = "0.5",
     .help = "how much speed the bid wants at most, in H100s"},
    {.name = "units-min",
     .kind = VALUE_AMOUNT,
     .shown = "0.2",
     .help = "less than this is of no use",
     .fallback = "any part is"},
    {.name = "unit-price",
     .kind = VALUE_PRICE,
     .shown = "2.00/h",
     .help = "the bid: the most that the speed of one H100 is worth"},
};
OPTION_LIST(request_options, "Options", request_table);

static const struct option host_table[] = {
    {.name = "gpu",
     .kind = VALUE_CARDS,
     .help = "only these cards (numbers of gpulet gpus)",
     .fallback = "all"},
    {.name = "ask",
     .kind = VALUE_ASK,
     .help = "price of one card; auto follows the market",
     .fallback = "auto"},
    {.name = "interruptible-ask",
     .kind = VALUE_PRICE,
     .help = "price when the card may be taken back at any time",
     .fallback = "not offered"},
    {.name = "when",
     .kind = VALUE_HOURS,
     .help = "hours of the week, in local time",
     .fallback = "always"},
    {.name = "min", .kind = VALUE_DURATION, .help = "shortest lease"},
    {.name = "max", .kind = VALUE_DURATION, .help = "longest lease"},
    {.name = "notice", .kind = VALUE_DURATION, .help = "time between a reclaim and the end"},
    {.name = "minimum-run", .kind = VALUE_DURATION, .help = "no reclaim before a job ran so long"},
    {.name = "reclaims-per-day", .kind = VALUE_COUNT, .help = "most reclaims in a day"},
    {.name = "owed",
     .kind = VALUE_COUNT,
     .help = "intervals before a reclaim that are not charged, beside the one in progress"},
    {.name = "works",
     .kind = VALUE_WORKS,
     .shown = "infer,train,...",
     .help = "kinds of work",
     .fallback = "all"},
    {.name = "renter-reliability", .kind = VALUE_SHARE, .help = "least reliability of a renter"},
    {.name = "for",
     .kind = VALUE_DURATION,
     .help = "the offer ends after so long",
     .fallback = "it stays"},
    {.name = "image-allow",
     .kind = VALUE_NAME,
     .shown = "sha256:...",
     .help = "an image that jobs may use; this host runs commands of its own system only"},
    {.name = "dry-run", .help = "say what would be offered"},
};
OPTION_LIST(host_options, "Options", host_table);

static const struct option cards_table[] = {
    {.name = "gpu", .kind = VALUE_CARDS, .help = "only these cards", .fallback = "all"},
    {.name = "dry-run", .help = "say what would be done"},
};
OPTION_LIST(cards_options, "Options", cards_table);

static const struct option listings_table[] = {
    {.name = "mine", .help = "only what this node offers"},
};
OPTION_LIST(listings_options, "Options", listings_table);

static const struct option leases_table[] = {
    {.name = "all", .letter = 'a', .help = "also those that ended more than a day ago"},
};
OPTION_LIST(leases_options, "Options", leases_table);

static const struct option logs_table[] = {
    {.name = "follow", .letter = 'f', .help = "go on until the job ends"},
};
OPTION_LIST(logs_options, "Options", logs_table);

static const struct option extend_table[] = {
    {.name = "by", .kind = VALUE_DURATION, .help = "so much longer"},
    {.name = "dry-run", .help = "say what it would cost"},
};
OPTION_LIST(extend_options, "Options", extend_table);

static const struct option ledger_table[] = {
    {.name = "after", .kind = VALUE_NUMBER, .help = "entries after this number", .fallback = "0"},
    {.name = "limit", .kind = VALUE_COUNT, .help = "most entries to show", .fallback = "all"},
};
OPTION_LIST(ledger_options, "Options", ledger_table);

static const struct option file_table[] = {
    {.name = "output",
     .letter = 'o',
     .kind = VALUE_PATH,
     .shown = "FILE",
     .help = "write into this file",
     .fallback = "standard output"},
};
OPTION_LIST(file_options, "Options", file_table);

static const struct option clear_table[] = {
    {.name = "verify",
     .kind = VALUE_PATH,
     .shown = "FILE",
     .help = "check the file of a clearing, without gpuletd or network"},
    {.name = "export", .kind = VALUE_NAME, .shown = "ID", .help = "write the file of a clearing"},
    {.name = "output",
     .letter = 'o',
     .kind = VALUE_PATH,
     .shown = "FILE",
     .help = "write into this file",
     .fallback = "standard output"},
};
OPTION_LIST(clear_options, "Options", clear_table);

static const struct option identity_table[] = {
    {.name = "passphrase-file",
     .kind = VALUE_PATH,
     .shown = "FILE",
     .help = "read the passphrase from the first line of a file",
     .fallback = "the terminal"},
};
OPTION_LIST(identity_options, "Options", identity_table);

static const struct option down_table[] = {
    {.name = "wait", .kind = VALUE_DURATION, .help = "how long it may take", .fallback = "15s"},
};
OPTION_LIST(down_options, "Options", down_table);

static const struct option testnet_up_table[] = {
    {.name = "hosts", .kind = VALUE_COUNT, .help = "hosts", .fallback = "6"},
    {.name = "renters", .kind = VALUE_COUNT, .help = "renters", .fallback = "1"},
    {.name = "seed",
     .kind = VALUE_NUMBER,
     .help = "same seed: same keys, cards and prices",
     .fallback = "1"},
    {.name = "offers",
     .kind = VALUE_PATH,
     .shown = "FILE",
     .help = "take cards and prices from the lines of a CSV file"},
    {.name = "varied", .help = "many kinds of cards, notices, hours and regions"},
    {.name = "keep", .help = "keep the directory when the network goes down"},
};
OPTION_LIST(testnet_up_options, "Options", testnet_up_table);

static const struct option testnet_kill_table[] = {
    {.name = "now", .letter = '9', .help = "with SIGKILL, as a power cut would"},
};
OPTION_LIST(testnet_kill_options, "Options", testnet_kill_table);

static const struct option testnet_down_table[] = {
    {.name = "keep", .help = "keep the directory"},
};
OPTION_LIST(testnet_down_options, "Options", testnet_down_table);

static const struct option help_table[] = {
    {.name = "man", .kind = VALUE_NAME, .shown = "gpulet|gpuletd", .help = "print a manual page"},
    {.name = "completion",
     .kind = VALUE_NAME,
     .shown = "bash",
     .help = "print a completion script"},
};
OPTION_LIST(help_options, "Options", help_table);

static const struct option up_table[] = {
    {.name = "config",
     .kind = VALUE_PATH,
     .shown = "FILE",
     .help = "file of settings",
     .fallback = "<data>/gpuletd.conf"},
};
OPTION_LIST(up_options, "Options", up_table);

static const struct option market_table[] = {
    {.name = "scenario",
     .help = "clear what twelve buyers wanted in August 2023 over N generated listings of gamers, "
             "without a gpuletd"},
    {.name = "seed",
     .kind = VALUE_NUMBER,
     .help = "same seed: same listings and bids",
     .fallback = "1"},
    {.name = "cards",
     .kind = VALUE_NAME,
     .shown = "2023-08|2026-04",
     .help = "month of the survey of gamers' cards",
     .fallback = "2023-08"},
    {.name = "cloud-price",
     .kind = VALUE_PRICE,
     .help = "price of a cloud's H100, which bids are shares of",
     .fallback = "4.40/h"},
};
OPTION_LIST(market_options, "Options", market_table);
