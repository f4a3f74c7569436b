#include "cli/command.h"
#include "cli/commands.h"

#define OPTION_LIST(name, text, table)                                                             \
    static const struct option_list name = {(text), (table), sizeof(table) / sizeof((table)[0])}

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
const struct option_list global_options = {"Global options", global_table,
                                           sizeof global_table / sizeof global_table[0]};

const char *const exit_codes_text =
    "0    done\n"
    "1    refused or failed; one sentence on standard error says why and what to do\n"
    "2    the command line is wrong\n"
    "3    no gpuletd runs on the data directory\n"
    "Once a job was started, rent gives the job's own code, 128 + n for signal n, and 125 when\n"
    "gpulet, the host or the owner ended it; 130 after Ctrl-C, 141 when nobody reads its output.\n";

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

static const struct command commands[] = {
    {.name = "up",
     .operands = "",
     .summary = "start gpuletd in the background",
     .details = "Takes every option of gpuletd. Answers when the node is ready, or says why not.",
     .lists = {&up_options},
     .takes_settings = true,
     .examples = "gpulet up --network test-me --simulate rtx4090\n",
     .run = run_up},
    {.name = "down",
     .operands = "",
     .summary = "stop the gpuletd of the data directory",
     .lists = {&down_options},
     .run = run_down},
    {.name = "status",
     .operands = "",
     .summary = "what runs, who it is, and how it stands",
     .run = run_status},
    {.name = "version",
     .operands = "",
     .summary = "the version of this program",
     .run = run_version},
    {.name = "doctor",
     .operands = "",
     .summary = "what is wrong with this machine, and how to mend it",
     .details = "Works without a running gpuletd.",
     .run = run_doctor},
    {.name = "gpus",
     .operands = "",
     .summary = "the cards of this machine",
     .noun = "gpus",
     .run = run_gpus},
    {.name = "host",
     .operands = "",
     .summary = "offer cards for rent",
     .noun = "listings",
     .details = "What is told here is kept: the offers return after a restart.",
     .lists = {&host_options},
     .examples = "gpulet host --ask 0.35/h\n"
                 "gpulet host --gpu 0,1 --ask auto --when 'mon-fri 09:00-17:00' --notice 30s\n",
     .run = run_host},
    {.name = "unhost",
     .operands = "",
     .summary = "take offers back; running leases go on",
     .lists = {&cards_options},
     .run = run_unhost},
    {.name = "pause",
     .operands = "",
     .summary = "accept no new lease until resume",
     .lists = {&cards_options},
     .run = run_pause},
    {.name = "resume",
     .operands = "",
     .summary = "accept leases again",
     .lists = {&cards_options},
     .run = run_resume},
    {.name = "reclaim",
     .operands = "",
     .summary = "the owner wants the cards back now",
     .lists = {&cards_options},
     .run = run_reclaim},
    {.name = "listings",
     .operands = "",
     .summary = "what hosts offer, best first",
     .noun = "listings",
     .lists = {&listings_options},
     .run = run_listings},
    {.name = "search",
     .operands = "",
     .summary = "offers that fit, best first",
     .noun = "offers",
     .lists = {&filters, &search_options},
     .examples = "gpulet search --vram 24GiB --work infer --max-price 0.40/h --explain\n"
                 "gpulet search --where 'vram>=24GiB ask<0.40 reliability>=95'\n",
     .run = run_search},
    {.name = "quote",
     .operands = "",
     .summary = "what so many cards would cost now, and when more free up",
     .noun = "quotes",
     .lists = {&filters},
     .examples = "gpulet quote --gpu rtx4090 --count 8\n",
     .run = run_quote},
    {.name = "rent",
     .operands = "",
     .summary = "rent cards and run a job on them",
     .details = "Streams the job's input and output; the exit code is the job's. Ctrl-C ends the "
                "lease, a second Ctrl-C leaves at once. What was charged is said at the end, on "
                "standard error; with --json as a document. With --hosts the job runs on all of "
                "them or on none; each is told its rank, lines of output bear it, and the exit "
                "code is the first one that is not 0.",
     .lists = {&filters, &rent_options},
     .job = JOB_NEEDED,
     .examples =
         "gpulet rent --vram 24GiB --for 2h -- python3 train.py\n"
         "tar c in | gpulet rent --for 10m -- sh -c 'tar x && make -C in' >out\n"
         "gpulet rent --hosts 8 --gang-min 6 --spares 2 -- sh -c 'echo $RANK $WORLD_SIZE'\n",
     .run = run_rent},
    {.name = "request",
     .operands = "",
     .summary = "a standing request, filled when a card fits",
     .details =
         "The job runs detached: gpulet leases and gpulet lease logs show what became of it. The "
         "request stands until it is filled, cancelled or too old, also after a restart. With "
         "--batch it bids in an auctioneer's epochs, sealed until each is over, and runs the job "
         "on every host that it wins.",
     .lists = {&filters, &request_options},
     .job = JOB_NEEDED,
     .run = run_request},
    {.name = "requests",
     .operands = "",
     .summary = "the standing requests",
     .noun = "requests",
     .run = run_requests},
    {.name = "cancel",
     .operands = "ID",
     .summary = "take a standing request back",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_cancel},
    {.name = "leases",
     .operands = "",
     .summary = "open leases, and those that ended within a day",
     .noun = "leases",
     .lists = {&leases_options},
     .run = run_leases},
    {.name = "lease show",
     .operands = "ID",
     .summary = "everything about a lease",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_lease_show},
    {.name = "lease logs",
     .operands = "ID",
     .summary = "the output of a lease's job",
     .lists = {&logs_options},
     .operands_min = 1,
     .operands_max = 1,
     .run = run_lease_logs},
    {.name = "lease extend",
     .operands = "ID",
     .summary = "make a lease longer",
     .lists = {&extend_options},
     .operands_min = 1,
     .operands_max = 1,
     .examples = "gpulet lease extend 3fa9 --by 30m\n",
     .run = run_lease_extend},
    {.name = "lease end",
     .operands = "ID",
     .summary = "end a lease, or all of a gang by its id",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_lease_end},
    {.name = "market",
     .operands = "[CLASS|N]",
     .summary = "prices and depth by class; or a shortage, cleared",
     .noun = "classes",
     .lists = {&market_options},
     .operands_max = 1,
     .examples = "gpulet market rtx4090\n"
                 "gpulet market --scenario 10M\n",
     .run = run_market},
    {.name = "earnings",
     .operands = "",
     .summary = "what renters owe and paid",
     .noun = "earnings",
     .run = run_earnings},
    {.name = "spending",
     .operands = "",
     .summary = "what was spent, and is owed to hosts",
     .noun = "spending",
     .run = run_spending},
    {.name = "ledger",
     .operands = "",
     .summary = "every entry, each backed by a signed record",
     .noun = "entries",
     .lists = {&ledger_options},
     .run = run_ledger},
    {.name = "receipts",
     .operands = "",
     .summary = "settled leases",
     .noun = "receipts",
     .run = run_receipts},
    {.name = "receipts show",
     .operands = "ID",
     .summary = "the receipt of a lease",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_receipts_show},
    {.name = "receipts export",
     .operands = "ID",
     .summary = "the signed records of a receipt, for anybody to verify",
     .lists = {&file_options},
     .operands_min = 1,
     .operands_max = 1,
     .run = run_receipts_export},
    {.name = "receipts verify",
     .operands = "FILE",
     .summary = "check an exported receipt: signatures, and the sum",
     .details = "Needs no gpuletd and no network.",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_receipts_verify},
    {.name = "clear",
     .operands = "",
     .summary = "clearings of the batch lane, and checking them",
     .noun = "clearings",
     .details = "Without options, the last ones that this node has made or bid in. The file holds "
                "every bid and listing of one epoch, signed, and what came of them. "
                "All signatures and digests are checked and the clearing is computed anew; what "
                "differs is said.",
     .lists = {&clear_options},
     .examples = "gpulet clear --export 3fa9 -o epoch.clearing\n"
                 "gpulet clear --verify epoch.clearing\n",
     .run = run_clear},
    {.name = "peers",
     .operands = "",
     .summary = "the nodes this one knows",
     .noun = "peers",
     .run = run_peers},
    {.name = "peer add",
     .operands = "ADDRESS",
     .summary = "connect to a node and keep it",
     .operands_min = 1,
     .operands_max = 1,
     .examples = "gpulet peer add ID@192.0.2.7:7700#KEY\n",
     .run = run_peer_add},
    {.name = "allow",
     .operands = "PEER",
     .summary = "always accept a renter, named by id or label",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_allow},
    {.name = "deny",
     .operands = "PEER",
     .summary = "never accept a renter, named by id or label",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_deny},
    {.name = "identity show",
     .operands = "",
     .summary = "who this node is",
     .run = run_identity_show},
    {.name = "identity backup",
     .operands = "",
     .summary = "the node's key as words to keep on paper",
     .lists = {&identity_options},
     .run = run_identity_backup},
    {.name = "identity restore",
     .operands = "",
     .summary = "make the node's key from the words, read from standard input",
     .lists = {&identity_options},
     .run = run_identity_restore},
    {.name = "config show",
     .operands = "",
     .summary = "every setting and where it comes from",
     .noun = "settings",
     .run = run_config_show},
    {.name = "config get",
     .operands = "NAME",
     .summary = "one setting",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_config_get},
    {.name = "config set",
     .operands = "NAME VALUE",
     .last_may_be_empty = true,
     .summary = "change a setting and keep it",
     .operands_min = 2,
     .operands_max = 2,
     .run = run_config_set},
    {.name = "config explain",
     .operands = "[NAME]",
     .summary = "what settings mean",
     .noun = "settings",
     .operands_max = 1,
     .run = run_config_explain},
    {.name = "testnet up",
     .operands = "",
     .summary = "a whole network of real nodes on this machine",
     .details = "Every node is a gpuletd of its own with simulated cards. Answers when every node "
                "sees every listing.",
     .lists = {&testnet_up_options},
     .examples = "gpulet testnet up --hosts 6 --renters 2 --seed 7\n"
                 "gpulet --node renter-1 rent --vram 8GiB --for 2m -- sh -c 'echo hello'\n",
     .run = run_testnet_up},
    {.name = "testnet ps",
     .operands = "",
     .summary = "the nodes of the test network",
     .noun = "nodes",
     .run = run_testnet_ps},
    {.name = "testnet logs",
     .operands = "NAME",
     .summary = "the log of a node",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_testnet_logs},
    {.name = "testnet kill",
     .operands = "NAME",
     .summary = "stop a node",
     .lists = {&testnet_kill_options},
     .operands_min = 1,
     .operands_max = 1,
     .run = run_testnet_kill},
    {.name = "testnet restart",
     .operands = "NAME",
     .summary = "start a node again",
     .operands_min = 1,
     .operands_max = 1,
     .run = run_testnet_restart},
    {.name = "testnet down",
     .operands = "",
     .summary = "stop every node and clean up",
     .lists = {&testnet_down_options},
     .run = run_testnet_down},
    {.name = "help",
     .operands = "[COMMAND]",
     .summary = "this list, or all about one command",
     .lists = {&help_options},
     .operands_max = 2,
     .run = run_help},
};

size_t
command_count(void)
{
    return sizeof commands / sizeof commands[0];
}

const struct command *
command_at(size_t position)
{
    return &commands[position];
}
