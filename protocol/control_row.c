#include "protocol/control.h"
#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/row.h"

enum { LABEL_MAX = 128, PATH_MAX_BYTES = 512, TEXT_MAX_BYTES = 1024, RECORDS_MAX = 49152 };

static const struct field status_fields[] = {
    FIXED_FIELD(struct status_view, identity, "the node's id"),
    FIXED_FIELD(struct status_view, channel_key, "the key of its connections"),
    TEXT_FIELD(struct status_view, label, LABEL_MAX, "a name for people"),
    TEXT_FIELD(struct status_view, version, LABEL_MAX, "of the daemon"),
    TEXT_FIELD(struct status_view, network, LABEL_MAX, "name of the network"),
    FLAG_FIELD(struct status_view, test_network, "simulated cards and issued money are allowed"),
    TEXT_FIELD(struct status_view, listen, PATH_MAX_BYTES, "endpoint for peers"),
    TEXT_FIELD(struct status_view, stream_listen, PATH_MAX_BYTES, "endpoint for jobs' streams"),
    TEXT_FIELD(struct status_view, control, PATH_MAX_BYTES, "path of the local socket"),
    TEXT_FIELD(struct status_view, data_dir, PATH_MAX_BYTES, "the data directory"),
    NUMBER_FIELD(struct status_view, pid, 0, UINT32_MAX, UNIT_NONE, "process of the daemon"),
    NUMBER_FIELD(struct status_view, started_at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "start of the daemon"),
    NUMBER_FIELD(struct status_view, peers, 0, UINT32_MAX, UNIT_NONE, "connected peers"),
    NUMBER_FIELD(struct status_view, listings, 0, UINT32_MAX, UNIT_NONE, "listings in the book"),
    NUMBER_FIELD(struct status_view, listings_own, 0, UINT32_MAX, UNIT_NONE, "own listings"),
    NUMBER_FIELD(struct status_view, leases_hosted, 0, UINT32_MAX, UNIT_NONE,
                 "open leases of cards here"),
    NUMBER_FIELD(struct status_view, leases_rented, 0, UINT32_MAX, UNIT_NONE,
                 "open leases of other hosts' cards"),
    BALANCE_FIELD(struct status_view, balance_uusd, UNIT_UUSD,
                  "grants, and what is owed to us, less what we owe"),
    BALANCE_FIELD(struct status_view, spendable_uusd, UNIT_UUSD, "what may still be spent"),
    FLAG_FIELD(struct status_view, paused, "no new lease is accepted"),
    TEXT_FIELD(struct status_view, space, LABEL_MAX, "disk space: normal, low or full"),
    NUMBER_FIELD(struct status_view, records_refused, 0, COUNT_MAX, UNIT_NONE,
                 "records that peers should not have sent"),
    FLAG_FIELD(struct status_view, clock_is_off, "the peers' clocks show another time"),
};

static const struct field gpu_fields[] = {
    NUMBER_FIELD(struct gpu_view, gpu, 0, UINT16_MAX, UNIT_NONE, "number of the card here"),
    NUMBER_FIELD(struct gpu_view, slot_group, 0, UINT16_MAX, UNIT_NONE, "equal cards share one"),
    TEXT_FIELD(struct gpu_view, model, LABEL_MAX, "as the driver says"),
    NUMBER_FIELD(struct gpu_view, gpu_class, 0, UINT16_MAX, UNIT_GPU_CLASS, "class of the card"),
    NUMBER_FIELD(struct gpu_view, vram_mib, 0, UINT32_MAX, UNIT_MIB, "memory"),
    TEXT_FIELD(struct gpu_view, driver, LABEL_MAX, "version of the driver"),
    FLAG_FIELD(struct gpu_view, simulated, "no real card"),
    TEXT_FIELD(struct gpu_view, state, LABEL_MAX, "idle, busy, leased, offered or paused"),
    AMOUNT_FIELD(struct gpu_view, suggested_ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "what to ask for it"),
};

static const struct field listing_fields[] = {
    FIXED_FIELD(struct listing_view, listing, "id of the listing"),
    FIXED_FIELD(struct listing_view, host, "who offers it"),
    TEXT_FIELD(struct listing_view, host_label, LABEL_MAX, "the host's name for people"),
    TEXT_FIELD(struct listing_view, model, LABEL_MAX, "name of the card"),
    NUMBER_FIELD(struct listing_view, gpu_class, 0, UINT16_MAX, UNIT_GPU_CLASS, "class"),
    NUMBER_FIELD(struct listing_view, slot_group, 0, UINT16_MAX, UNIT_NONE, "group of equal cards"),
    NUMBER_FIELD(struct listing_view, slots_total, 0, UINT16_MAX, UNIT_NONE, "cards of the group"),
    NUMBER_FIELD(struct listing_view, vram_mib, 0, UINT32_MAX, UNIT_MIB, "memory of one card"),
    AMOUNT_FIELD(struct listing_view, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "ask of one card"),
    AMOUNT_FIELD(struct listing_view, interruptible_ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "ask of one card that may be taken back at any time; 0: not offered"),
    ENUM_FIELD(struct listing_view, region, &region_names, "where the host is"),
    NUMBER_FIELD(struct listing_view, up_mbit_s, 0, UINT32_MAX, UNIT_MBIT_PER_S, "upload"),
    NUMBER_FIELD(struct listing_view, down_mbit_s, 0, UINT32_MAX, UNIT_MBIT_PER_S, "download"),
    NUMBER_FIELD(struct listing_view, lease_min_s, 0, UINT32_MAX, UNIT_SECONDS, "shortest lease"),
    NUMBER_FIELD(struct listing_view, lease_max_s, 0, UINT32_MAX, UNIT_SECONDS, "longest lease"),
    NUMBER_FIELD(struct listing_view, notice_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "time between a reclaim and the end"),
    NUMBER_FIELD(struct listing_view, minimum_run_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "no reclaim before a job ran so long"),
    NUMBER_FIELD(struct listing_view, reclaims_per_day, 0, UINT16_MAX, UNIT_NONE,
                 "most reclaims in a day"),
    {FIELD_MEMBER(struct listing_view, week_hours), .type = FIELD_FIXED, .unit = UNIT_WEEK_HOURS,
     .help = "hours of the week (UTC) in which it is offered"},
    ENUM_FIELD(struct listing_view, isolation, &isolation_names, "how jobs are kept apart"),
    SET_FIELD(struct listing_view, works, &work_names, "kinds of work"),
    SET_FIELD(struct listing_view, flags, &listing_flag_names, "what else is to know"),
    NUMBER_FIELD(struct listing_view, reliability_bp, 0, 10000, UNIT_BASIS_POINTS,
                 "of the host, by receipts known here"),
    NUMBER_FIELD(struct listing_view, issued_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS, "issued"),
    NUMBER_FIELD(struct listing_view, expires_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS, "expires"),
    FLAG_FIELD(struct listing_view, own, "offered by this node"),
};

static const struct field offer_fields[] = {
    NUMBER_FIELD(struct offer_view, rank, 0, UINT16_MAX, UNIT_NONE, "1 is the best"),
    FLAG_FIELD(struct offer_view, pick, "what rent would take"),
    FIXED_FIELD(struct offer_view, listing, "id of the listing"),
    FIXED_FIELD(struct offer_view, host, "who offers it"),
    TEXT_FIELD(struct offer_view, host_label, LABEL_MAX, "the host's name for people"),
    TEXT_FIELD(struct offer_view, model, LABEL_MAX, "name of the card"),
    NUMBER_FIELD(struct offer_view, slots, 0, UINT16_MAX, UNIT_NONE, "cards"),
    NUMBER_FIELD(struct offer_view, vram_mib, 0, UINT32_MAX, UNIT_MIB, "memory of one card"),
    AMOUNT_FIELD(struct offer_view, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "ask of one card"),
    AMOUNT_FIELD(struct offer_view, unit_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "price of one H100's worth for this kind of work"),
    AMOUNT_FIELD(struct offer_view, total_uusd, UNIT_UUSD, "all in, for the whole duration"),
    NUMBER_FIELD(struct offer_view, duration_s, 0, UINT32_MAX, UNIT_SECONDS, "whole duration"),
    ENUM_FIELD(struct offer_view, region, &region_names, "where the host is"),
    NUMBER_FIELD(struct offer_view, reliability_bp, 0, 10000, UNIT_BASIS_POINTS,
                 "of the host, by receipts known here"),
    NUMBER_FIELD(struct offer_view, notice_s, 0, UINT32_MAX, UNIT_SECONDS,
                 "time between a reclaim and the end"),
};

static const struct field reject_fields[] = {
    TEXT_FIELD(struct reject_view, clause, LABEL_MAX, "what does not fit"),
    NUMBER_FIELD(struct reject_view, rejected, 0, UINT32_MAX, UNIT_NONE, "listings it rules out"),
    NUMBER_FIELD(struct reject_view, only_this, 0, UINT32_MAX, UNIT_NONE,
                 "listings that would fit but for it"),
    TEXT_FIELD(struct reject_view, nearest, TEXT_MAX_BYTES, "how near the nearest came"),
};

static const struct field rented_fields[] = {
    FIXED_FIELD(struct rented_view, lease, "id of the lease"),
    FIXED_FIELD(struct rented_view, host, "whose card it is"),
    TEXT_FIELD(struct rented_view, host_label, LABEL_MAX, "the host's name for people"),
    TEXT_FIELD(struct rented_view, model, LABEL_MAX, "name of the card"),
    NUMBER_FIELD(struct rented_view, slots, 0, UINT16_MAX, UNIT_NONE, "cards"),
    AMOUNT_FIELD(struct rented_view, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "price of one card"),
    AMOUNT_FIELD(struct rented_view, total_uusd, UNIT_UUSD, "at most, for the whole duration"),
    NUMBER_FIELD(struct rented_view, duration_s, 0, UINT32_MAX, UNIT_SECONDS, "whole duration"),
};

static const struct field lease_fields[] = {
    FIXED_FIELD(struct lease_view, lease, "id of the lease"),
    TEXT_FIELD(struct lease_view, role, LABEL_MAX, "host or renter"),
    FIXED_FIELD(struct lease_view, peer, "the other side"),
    TEXT_FIELD(struct lease_view, peer_label, LABEL_MAX, "its name for people"),
    TEXT_FIELD(struct lease_view, model, LABEL_MAX, "name of the card"),
    ENUM_FIELD(struct lease_view, state, &lease_state_names, "how far it is"),
    NUMBER_FIELD(struct lease_view, slots, 0, UINT16_MAX, UNIT_NONE, "cards"),
    NUMBER_FIELD(struct lease_view, slot_mask, 0, UINT64_MAX, UNIT_NONE, "which cards"),
    AMOUNT_FIELD(struct lease_view, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "price of one card"),
    AMOUNT_FIELD(struct lease_view, charged_uusd, UNIT_UUSD, "charged so far, or in the end"),
    AMOUNT_FIELD(struct lease_view, paid_until_uusd, UNIT_UUSD, "promised by the renter"),
    NUMBER_FIELD(struct lease_view, run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS, "run so far"),
    NUMBER_FIELD(struct lease_view, created_at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "when it was agreed"),
    NUMBER_FIELD(struct lease_view, started_at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "when the job was started; 0: not yet"),
    NUMBER_FIELD(struct lease_view, ended_at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "when the job ended; 0: not yet"),
    NUMBER_FIELD(struct lease_view, end_at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "when the time is up"),
    ENUM_FIELD(struct lease_view, reason, &end_reason_names, "why it ended"),
    NUMBER_FIELD(struct lease_view, exit_code, 0, UINT8_MAX, UNIT_NONE, "of the job"),
    NUMBER_FIELD(struct lease_view, exit_signal, 0, UINT8_MAX, UNIT_NONE, "of the job; 0: none"),
    FIXED_FIELD(struct lease_view, gang, "the gang that it is a member of; zeros: none"),
    NUMBER_FIELD(struct lease_view, rank, 0, UINT16_MAX, UNIT_NONE,
                 "rank in the gang; 65535: none"),
};

static const struct field member_fields[] = {
    FIXED_FIELD(struct member_view, gang, "id of the gang"),
    NUMBER_FIELD(struct member_view, rank, 0, UINT16_MAX, UNIT_NONE, "rank"),
    NUMBER_FIELD(struct member_view, ranks, 0, UINT16_MAX, UNIT_NONE, "ranks in all"),
    NUMBER_FIELD(struct member_view, generation, 0, UINT16_MAX, UNIT_NONE,
                 "1 at admission; grows when lost members are replaced"),
    FIXED_FIELD(struct member_view, lease, "id of the lease"),
    FIXED_FIELD(struct member_view, host, "who lets"),
    TEXT_FIELD(struct member_view, host_label, LABEL_MAX, "its name for people"),
    TEXT_FIELD(struct member_view, model, LABEL_MAX, "its kind of card"),
    NUMBER_FIELD(struct member_view, slots, 0, UINT16_MAX, UNIT_NONE, "cards"),
    AMOUNT_FIELD(struct member_view, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "price of one card"),
    AMOUNT_FIELD(struct member_view, total_uusd, UNIT_UUSD, "all in, at most"),
    NUMBER_FIELD(struct member_view, duration_s, 0, UINT32_MAX, UNIT_SECONDS, "for so long"),
};

static const struct field ledger_fields[] = {
    NUMBER_FIELD(struct ledger_view, number, 0, COUNT_MAX, UNIT_NONE, "1, 2, 3 ..."),
    NUMBER_FIELD(struct ledger_view, at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS, "when"),
    ENUM_FIELD(struct ledger_view, debit, &account_names, "account that grows"),
    ENUM_FIELD(struct ledger_view, credit, &account_names, "account that shrinks"),
    AMOUNT_FIELD(struct ledger_view, amount_uusd, UNIT_UUSD, "how much"),
    FIXED_FIELD(struct ledger_view, peer, "with whom"),
    FIXED_FIELD(struct ledger_view, lease, "for which lease; zeros: a grant"),
    FIXED_FIELD(struct ledger_view, evidence, "the signed record behind it"),
};

static const struct field money_fields[] = {
    FIXED_FIELD(struct money_view, peer, "with whom"),
    TEXT_FIELD(struct money_view, peer_label, LABEL_MAX, "its name for people"),
    BALANCE_FIELD(struct money_view, receivable_uusd, UNIT_UUSD, "owed to us"),
    BALANCE_FIELD(struct money_view, payable_uusd, UNIT_UUSD, "owed by us"),
    BALANCE_FIELD(struct money_view, earned_uusd, UNIT_UUSD, "earned"),
    BALANCE_FIELD(struct money_view, spent_uusd, UNIT_UUSD, "spent"),
    BALANCE_FIELD(struct money_view, granted_uusd, UNIT_UUSD, "granted by an issuer"),
    NUMBER_FIELD(struct money_view, leases, 0, UINT32_MAX, UNIT_NONE, "leases behind it"),
};

static const struct field receipt_fields[] = {
    FIXED_FIELD(struct receipt_view, lease, "id of the lease"),
    FIXED_FIELD(struct receipt_view, host, "who earned"),
    FIXED_FIELD(struct receipt_view, renter, "who spent"),
    AMOUNT_FIELD(struct receipt_view, amount_uusd, UNIT_UUSD, "how much"),
    NUMBER_FIELD(struct receipt_view, run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS, "for so long"),
    ENUM_FIELD(struct receipt_view, reason, &end_reason_names, "why it ended"),
    NUMBER_FIELD(struct receipt_view, ended_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS, "when"),
    BYTES_FIELD(struct receipt_view, bundle, 0, RECORDS_MAX, "the signed records; empty in lists"),
};

static const struct field peer_fields[] = {
    FIXED_FIELD(struct peer_view, peer, "the peer's id"),
    TEXT_FIELD(struct peer_view, label, LABEL_MAX, "its name for people"),
    TEXT_FIELD(struct peer_view, address, PATH_MAX_BYTES, "where it is reached"),
    FLAG_FIELD(struct peer_view, connected, "a connection exists now"),
    FLAG_FIELD(struct peer_view, outbound, "we dialled it"),
    NUMBER_FIELD(struct peer_view, last_seen_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS, "last seen"),
    NUMBER_FIELD(struct peer_view, records, 0, UINT32_MAX, UNIT_NONE, "records it sent"),
    ENUM_FIELD(struct peer_view, standing, &standing_names, "what it may do as a renter"),
};

static const struct field market_fields[] = {
    NUMBER_FIELD(struct market_view, gpu_class, 0, UINT16_MAX, UNIT_GPU_CLASS, "class"),
    TEXT_FIELD(struct market_view, model, LABEL_MAX, "name of the class"),
    NUMBER_FIELD(struct market_view, listings, 0, UINT32_MAX, UNIT_NONE, "listings"),
    NUMBER_FIELD(struct market_view, slots, 0, UINT32_MAX, UNIT_NONE, "cards"),
    AMOUNT_FIELD(struct market_view, ask_min_uusd_per_hour, UNIT_UUSD_PER_HOUR, "lowest ask"),
    AMOUNT_FIELD(struct market_view, ask_quarter_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "a quarter of the listings ask no more"),
    AMOUNT_FIELD(struct market_view, ask_median_uusd_per_hour, UNIT_UUSD_PER_HOUR, "middle ask"),
    AMOUNT_FIELD(struct market_view, ask_three_quarters_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "three quarters ask no more"),
    AMOUNT_FIELD(struct market_view, ask_max_uusd_per_hour, UNIT_UUSD_PER_HOUR, "highest ask"),
    NUMBER_FIELD(struct market_view, slots_told, 0, UINT32_MAX, UNIT_NONE,
                 "cards whose hosts told lately whether they are taken"),
    NUMBER_FIELD(struct market_view, slots_taken, 0, UINT32_MAX, UNIT_NONE, "of these, taken"),
    NUMBER_FIELD(struct market_view, told_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "when the first of them told so; 0: nobody did"),
};

static const struct field setting_fields[] = {
    TEXT_FIELD(struct setting_view, name, LABEL_MAX, "name of the setting"),
    TEXT_FIELD(struct setting_view, value, TEXT_MAX_BYTES, "its value"),
    TEXT_FIELD(struct setting_view, from, LABEL_MAX, "default, file or told"),
    TEXT_FIELD(struct setting_view, help, TEXT_MAX_BYTES, "what it does"),
};

static const struct field request_row_fields[] = {
    FIXED_FIELD(struct request_view, request, "id of the request"),
    NUMBER_FIELD(struct request_view, until_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "how long it stands"),
    TEXT_FIELD(struct request_view, state, LABEL_MAX, "how far it is"),
    NUMBER_FIELD(struct request_view, count, 0, UINT16_MAX, UNIT_NONE, "cards"),
    AMOUNT_FIELD(struct request_view, ask_max_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "highest ask; 0: any"),
};

static const struct field quote_fields[] = {
    NUMBER_FIELD(struct quote_view, gpus, 0, UINT32_MAX, UNIT_NONE, "so many cards in all"),
    NUMBER_FIELD(struct quote_view, hosts, 0, UINT32_MAX, UNIT_NONE, "at so many hosts"),
    AMOUNT_FIELD(struct quote_view, last_ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "ask of the last of them, best first"),
    AMOUNT_FIELD(struct quote_view, total_uusd_per_hour, UNIT_UUSD_PER_HOUR, "all of them"),
};

static const struct field freeing_fields[] = {
    NUMBER_FIELD(struct freeing_view, at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "when it may be had, at the latest"),
    NUMBER_FIELD(struct freeing_view, gpus, 0, UINT32_MAX, UNIT_NONE, "cards"),
    FIXED_FIELD(struct freeing_view, host, "whose"),
    TEXT_FIELD(struct freeing_view, host_label, LABEL_MAX, "the host's name for people"),
    TEXT_FIELD(struct freeing_view, model, LABEL_MAX, "name of the card"),
    AMOUNT_FIELD(struct freeing_view, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "ask of one card"),
    TEXT_FIELD(struct freeing_view, why, LABEL_MAX, "what happens then"),
    NUMBER_FIELD(struct freeing_view, told_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "when the host told so"),
};

static const struct field clearing_fields[] = {
    FIXED_FIELD(struct clearing_view, clearing, "id of the clearing"),
    FIXED_FIELD(struct clearing_view, auctioneer, "who collected the bids"),
    TEXT_FIELD(struct clearing_view, auctioneer_label, LABEL_MAX, "its name"),
    NUMBER_FIELD(struct clearing_view, epoch, 0, COUNT_MAX, UNIT_NONE, "number of the epoch"),
    NUMBER_FIELD(struct clearing_view, closed_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS, "its end"),
    ENUM_FIELD(struct clearing_view, work, &work_names, "kind of work"),
    ENUM_FIELD(struct clearing_view, region, &region_names, "region; unknown: anywhere"),
    NUMBER_FIELD(struct clearing_view, bids, 0, UINT16_MAX, UNIT_NONE, "bids that were opened"),
    NUMBER_FIELD(struct clearing_view, listings, 0, UINT16_MAX, UNIT_NONE, "listings"),
    NUMBER_FIELD(struct clearing_view, fills, 0, UINT16_MAX, UNIT_NONE, "bids served, by listing"),
    AMOUNT_FIELD(struct clearing_view, price_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "of the speed of one H100; 0: each fill pays its ask"),
    NUMBER_FIELD(struct clearing_view, offset, 0, CLEARING_BYTES_MAX, UNIT_BYTES,
                 "where the piece begins"),
    NUMBER_FIELD(struct clearing_view, total, 0, CLEARING_BYTES_MAX, UNIT_BYTES,
                 "length of the file"),
    BYTES_FIELD(struct clearing_view, data, 0, CLEARING_PART_BYTES, "a piece of the file"),
};

static const struct field charge_fields[] = {
    FIXED_FIELD(struct charge_view, lease, "id of the lease"),
    AMOUNT_FIELD(struct charge_view, charged_uusd, UNIT_UUSD, "what it cost"),
    NUMBER_FIELD(struct charge_view, run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS, "for so long"),
    ENUM_FIELD(struct charge_view, reason, &end_reason_names, "why it ended"),
    NUMBER_FIELD(struct charge_view, exit_code, 0, UINT8_MAX, UNIT_NONE, "of the job"),
    NUMBER_FIELD(struct charge_view, exit_signal, 0, UINT8_MAX, UNIT_NONE, "of the job; 0: none"),
    FLAG_FIELD(struct charge_view, receipt, "the receipt has both signatures, and is kept"),
};

static const struct field bundle_fields[] = {
    FIXED_FIELD(struct receipt_bundle, network, "the network it belongs to"),
    BYTES_FIELD(struct receipt_bundle, lease, 1, COSIGNED_BYTES_MAX, "the lease, cosigned"),
    BYTES_FIELD(struct receipt_bundle, receipt, 1, COSIGNED_BYTES_MAX,
                "the final record, cosigned"),
    BYTES_FIELD(struct receipt_bundle, voucher, 0, RECORD_BYTES_MAX, "the highest voucher"),
    BYTES_LIST_TOTAL_FIELD(struct receipt_bundle, meters, RECORD_BYTES_MAX, 3 * RECORD_BYTES_MAX,
                           "meters that are kept"),
};
const struct schema receipt_bundle_schema = SCHEMA(
    struct receipt_bundle, "receipt_bundle", 0, bundle_fields, "a receipt with all that backs it");

static const struct schema row_schemas[] = {
    SCHEMA(struct status_view, "status", ROW_STATUS, status_fields, "what runs here"),
    SCHEMA(struct gpu_view, "gpu", ROW_GPU, gpu_fields, "a card of this machine"),
    SCHEMA(struct listing_view, "listing", ROW_LISTING, listing_fields, "what a host offers"),
    SCHEMA(struct offer_view, "offer", ROW_OFFER, offer_fields, "a listing's part that fits"),
    SCHEMA(struct reject_view, "reject", ROW_REJECT, reject_fields, "why listings do not fit"),
    SCHEMA(struct rented_view, "rented", ROW_RENTED, rented_fields, "a lease that begins"),
    SCHEMA(struct lease_view, "lease", ROW_LEASE, lease_fields, "a lease"),
    SCHEMA(struct member_view, "member", ROW_MEMBER, member_fields, "a member of a gang"),
    SCHEMA(struct ledger_view, "entry", ROW_LEDGER, ledger_fields, "an entry of the ledger"),
    SCHEMA(struct money_view, "account", ROW_MONEY, money_fields, "sums with one peer"),
    SCHEMA(struct receipt_view, "receipt", ROW_RECEIPT, receipt_fields, "what was settled"),
    SCHEMA(struct peer_view, "peer", ROW_PEER, peer_fields, "another node"),
    SCHEMA(struct market_view, "class", ROW_MARKET, market_fields, "the market of a class"),
    SCHEMA(struct setting_view, "setting", ROW_SETTING, setting_fields, "a setting"),
    SCHEMA(struct request_view, "request", ROW_REQUEST, request_row_fields, "a standing request"),
    SCHEMA(struct quote_view, "quote", ROW_QUOTE, quote_fields, "a point of the cost curve"),
    SCHEMA(struct clearing_view, "clearing", ROW_CLEARING, clearing_fields,
           "a clearing of the batch lane"),
    SCHEMA(struct charge_view, "charge", ROW_CHARGE, charge_fields, "how a lease ended"),
    SCHEMA(struct freeing_view, "freeing", ROW_FREEING, freeing_fields,
           "cards that may be had later"),
};

const struct schema *
control_row_schema(uint8_t row)
{
    for (size_t i = 0; i < sizeof row_schemas / sizeof row_schemas[0]; i++) {
        if (row_schemas[i].number == row) {
            return &row_schemas[i];
        }
    }
    return NULL;
}
