#include "protocol/control.h"

#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/row.h"
#include "protocol/status.h"

/* The socket is the owner's own, so the limits only keep every frame within FRAME_BYTES_MAX. */
enum {
    PREFIX_MAX = 2 * ID_LENGTH,               /* hex digits */
    REQUEST_MAX = 1024,                       /* an encoded struct request */
    COMMAND_LIST_MAX = COMMAND_BYTES_MAX / 2, /* as in START */
    NAME_MAX_BYTES = 128,
    PATH_MAX_BYTES = 512,
    TEXT_MAX_BYTES = 1024,
    ROW_MAX = 57344 /* an encoded row */
};

static const char *const standing_words[] = {"neutral", "allowed", "denied"};
const struct name_table standing_names = {standing_words, 3};

static const char *const note_words[] = {"progress", "talk", "warning"};
static const struct name_table note_names = {note_words, 3};

static const struct field host_fields[] = {
    NUMBER_FIELD(struct control_host, gpu_mask, 0, UINT64_MAX, UNIT_NONE, "cards; 0: all"),
    FLAG_FIELD(struct control_host, ask_is_auto, "the node follows the market with its ask"),
    AMOUNT_FIELD(struct control_host, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "ask of one GPU"),
    AMOUNT_FIELD(struct control_host, interruptible_ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "ask of one GPU that may be taken back at any time"),
    NUMBER_FIELD(struct control_host, lease_min_s, 0, UINT32_MAX, UNIT_SECONDS, "shortest lease"),
    NUMBER_FIELD(struct control_host, lease_max_s, 0, UINT32_MAX, UNIT_SECONDS, "longest lease"),
    NUMBER_FIELD(struct control_host, notice_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "time between a reclaim and the end"),
    FLAG_FIELD(struct control_host, notice_given, "the notice is told; it may be 0 s"),
    NUMBER_FIELD(struct control_host, minimum_run_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "no reclaim before a job ran so long"),
    NUMBER_FIELD(struct control_host, reclaims_per_day, 0, UINT16_MAX, UNIT_NONE,
                 "most reclaims in a day"),
    NUMBER_FIELD(struct control_host, reclaim_owed_intervals, 0, UINT16_MAX, UNIT_NONE,
                 "intervals before a reclaim that are not charged"),
    FLAG_FIELD(struct control_host, week_hours_given, "the hours of the week are told"),
    {FIELD_MEMBER(struct control_host, week_hours), .type = FIELD_FIXED, .unit = UNIT_WEEK_HOURS,
     .help = "hours of the week (UTC) in which the cards are offered"},
    SET_FIELD(struct control_host, works, &work_names, "kinds of work; empty: all"),
    NUMBER_FIELD(struct control_host, reliability_min_bp, 0, 10000, UNIT_BASIS_POINTS,
                 "least reliability of a renter"),
    NUMBER_FIELD(struct control_host, valid_until_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "end of the offer; 0: none"),
    FLAG_FIELD(struct control_host, dry_run, "only say what would be done"),
};

static const struct field cards_fields[] = {
    NUMBER_FIELD(struct control_cards, gpu_mask, 0, UINT64_MAX, UNIT_NONE, "cards; 0: all"),
    FLAG_FIELD(struct control_cards, dry_run, "only say what would be done"),
};

static const struct field listings_fields[] = {
    FLAG_FIELD(struct control_listings, mine, "only those of this node"),
};

static const struct field search_fields[] = {
    BYTES_FIELD(struct control_search, request, 0, REQUEST_MAX, "the encoded request"),
    NUMBER_FIELD(struct control_search, limit, 0, UINT16_MAX, UNIT_NONE, "most offers; 0: 20"),
    FLAG_FIELD(struct control_search, explain, "also say why others do not fit"),
    FLAG_FIELD(struct control_search, quote, "the cost curve instead of offers"),
};

static const struct field rent_fields[] = {
    BYTES_FIELD(struct control_rent, request, 0, REQUEST_MAX, "the encoded request"),
    NUMBER_FIELD(struct control_rent, wait_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "how long to wait for an offer that fits"),
    NUMBER_FIELD(struct control_rent, prepay_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "run time that is paid ahead; 0: the listing's interval"),
    FLAG_FIELD(struct control_rent, dry_run, "only say what would be rented"),
    FLAG_FIELD(struct control_rent, attached, "the lease ends when its reader goes away"),
    FLAG_FIELD(struct control_rent, input, "the job reads standard input"),
    NUMBER_FIELD(struct control_rent, memory_mib, 0, UINT32_MAX, UNIT_MIB,
                 "memory of the job; 0: the listing's share"),
    TEXT_FIELD(struct control_rent, listing_prefix, PREFIX_MAX,
               "hex digits of a listing; empty: the best one"),
    TEXT_LIST_TOTAL_FIELD(struct control_rent, arguments, 0, COMMAND_LIST_MAX, COMMAND_LIST_MAX,
                          "the command"),
    TEXT_LIST_TOTAL_FIELD(struct control_rent, environment, 1, COMMAND_LIST_MAX, COMMAND_LIST_MAX,
                          "NAME=value"),
    FLAG_FIELD(struct control_rent, batch, "a standing request bids in the batch lane"),
    TEXT_FIELD(struct control_rent, auctioneer, PREFIX_MAX, "hex digits of whom it bids at"),
    NUMBER_FIELD(struct control_rent, units_wanted, 0, AUCTION_UNITS_MAX, UNIT_NONE,
                 "1/65536 H100 that the bid wants"),
    NUMBER_FIELD(struct control_rent, units_min, 0, AUCTION_UNITS_MAX, UNIT_NONE,
                 "less is of no use"),
};

static const struct field clearing_question_fields[] = {
    TEXT_FIELD(struct control_clearing, prefix, PREFIX_MAX,
               "hex digits of a clearing; empty: list all"),
    NUMBER_FIELD(struct control_clearing, offset, 0, CLEARING_BYTES_MAX, UNIT_BYTES,
                 "where the wanted piece of the file begins"),
};

static const struct field leases_fields[] = {
    FLAG_FIELD(struct control_leases, all, "also those that ended more than a day ago"),
    TEXT_FIELD(struct control_leases, prefix, PREFIX_MAX, "hex digits of a lease; empty: all"),
};

static const struct field request_cancel_fields[] = {
    TEXT_FIELD(struct control_lease_end, prefix, PREFIX_MAX, "hex digits of a request"),
};

static const struct field lease_end_fields[] = {
    TEXT_FIELD(struct control_lease_end, prefix, PREFIX_MAX, "hex digits of a lease"),
};

static const struct field lease_extend_fields[] = {
    TEXT_FIELD(struct control_lease_extend, prefix, PREFIX_MAX, "hex digits of a lease"),
    NUMBER_FIELD(struct control_lease_extend, by_s, 0, UINT32_MAX, UNIT_SECONDS, "so much longer"),
    FLAG_FIELD(struct control_lease_extend, dry_run, "only say what it would cost"),
};

static const struct field ledger_question_fields[] = {
    NUMBER_FIELD(struct control_ledger, after_number, 0, COUNT_MAX, UNIT_NONE,
                 "entries after this one"),
    NUMBER_FIELD(struct control_ledger, limit, 0, UINT16_MAX, UNIT_NONE, "most entries; 0: all"),
};

static const struct field receipt_question_fields[] = {
    TEXT_FIELD(struct control_receipt, prefix, PREFIX_MAX, "hex digits of a lease; empty: all"),
};

static const struct field peer_add_fields[] = {
    TEXT_FIELD(struct control_peer_add, address, PATH_MAX_BYTES, "where the peer is reached"),
};

static const struct field market_question_fields[] = {
    TEXT_FIELD(struct control_market, gpu_class, NAME_MAX_BYTES, "name of a class; empty: all"),
};

static const struct field setting_question_fields[] = {
    TEXT_FIELD(struct control_setting, name, NAME_MAX_BYTES, "name of a setting; empty: all"),
    TEXT_FIELD(struct control_setting, value, TEXT_MAX_BYTES, "the new value"),
    FLAG_FIELD(struct control_setting, set, "set it, do not only show it"),
};

static const struct field standing_fields[] = {
    TEXT_FIELD(struct control_standing, peer, PREFIX_MAX, "hex digits of a peer"),
    ENUM_FIELD(struct control_standing, standing, &standing_names, "what it may do as a renter"),
};

static const struct field row_fields[] = {
    NUMBER_FIELD(struct control_row, row, 1, UINT8_MAX, UNIT_NONE, "number of the row's schema"),
    BYTES_FIELD(struct control_row, value, 0, ROW_MAX, "the encoded row"),
};

static const struct field note_fields[] = {
    ENUM_FIELD(struct control_note, level, &note_names, "how loud it is"),
    TEXT_FIELD(struct control_note, text, TEXT_MAX_BYTES, "a line for people"),
};

static const struct field done_fields[] = {
    NUMBER_FIELD(struct control_done, status, 0, STATUS_COUNT - 1, UNIT_NONE, "0: all is well"),
    TEXT_FIELD(struct control_done, text, TEXT_MAX_BYTES, "why not, and what to do"),
};

#define PLAIN_QUESTION(label, type, text)                                                          \
    {                                                                                              \
        .name = (label), .help = (text), .number = (type),                                         \
        .struct_size = sizeof(struct control_plain)                                                \
    }

static const struct schema question_schemas[] = {
    PLAIN_QUESTION("status", CONTROL_STATUS, "what runs here"),
    PLAIN_QUESTION("gpus", CONTROL_GPUS, "the cards of this machine"),
    SCHEMA(struct control_host, "host", CONTROL_HOST, host_fields, "offer cards"),
    SCHEMA(struct control_cards, "unhost", CONTROL_UNHOST, cards_fields, "take offers back"),
    SCHEMA(struct control_cards, "pause", CONTROL_PAUSE, cards_fields, "accept no new lease"),
    SCHEMA(struct control_cards, "resume", CONTROL_RESUME, cards_fields, "accept leases again"),
    SCHEMA(struct control_cards, "reclaim", CONTROL_RECLAIM, cards_fields, "the owner's turn"),
    SCHEMA(struct control_listings, "listings", CONTROL_LISTINGS, listings_fields, "the book"),
    SCHEMA(struct control_search, "search", CONTROL_SEARCH, search_fields, "offers that fit"),
    SCHEMA(struct control_rent, "rent", CONTROL_RENT, rent_fields, "rent and run a job"),
    SCHEMA(struct control_rent, "request", CONTROL_REQUEST, rent_fields, "a standing request"),
    PLAIN_QUESTION("requests", CONTROL_REQUESTS, "the standing requests"),
    SCHEMA(struct control_lease_end, "request_cancel", CONTROL_REQUEST_CANCEL,
           request_cancel_fields, "take a standing request back"),
    SCHEMA(struct control_leases, "leases", CONTROL_LEASES, leases_fields, "the leases"),
    SCHEMA(struct control_lease_end, "lease_end", CONTROL_LEASE_END, lease_end_fields,
           "end a lease"),
    SCHEMA(struct control_lease_extend, "lease_extend", CONTROL_LEASE_EXTEND, lease_extend_fields,
           "make a lease longer"),
    SCHEMA(struct control_ledger, "ledger", CONTROL_LEDGER, ledger_question_fields, "the ledger"),
    PLAIN_QUESTION("money", CONTROL_MONEY, "sums by peer"),
    SCHEMA(struct control_receipt, "receipt", CONTROL_RECEIPT, receipt_question_fields, "receipts"),
    PLAIN_QUESTION("peers", CONTROL_PEERS, "the peers"),
    SCHEMA(struct control_peer_add, "peer_add", CONTROL_PEER_ADD, peer_add_fields, "a new peer"),
    SCHEMA(struct control_market, "market", CONTROL_MARKET, market_question_fields, "prices"),
    SCHEMA(struct control_setting, "setting", CONTROL_SETTING, setting_question_fields,
           "a setting"),
    SCHEMA(struct control_clearing, "clearing", CONTROL_CLEARING, clearing_question_fields,
           "clearings of the batch lane"),
    PLAIN_QUESTION("stop", CONTROL_STOP, "end the daemon"),
    SCHEMA(struct control_standing, "standing", CONTROL_STANDING, standing_fields,
           "allow or deny a renter"),
    PLAIN_QUESTION("ping", CONTROL_PING, "the other side lives"),
    PLAIN_QUESTION("occupancy", CONTROL_OCCUPANCY,
                   "ask connected hosts which cards are taken; says how many were asked"),
    SCHEMA(struct control_row, "row", CONTROL_ROW, row_fields, "a row of the answer"),
    SCHEMA(struct control_note, "note", CONTROL_NOTE, note_fields, "talk for people"),
    SCHEMA(struct control_done, "done", CONTROL_DONE, done_fields, "the end of the answer"),
};

const struct schema *
control_schema(uint8_t type)
{
    for (size_t i = 0; i < sizeof question_schemas / sizeof question_schemas[0]; i++) {
        if (question_schemas[i].number == type) {
            return &question_schemas[i];
        }
    }
    return NULL;
}
