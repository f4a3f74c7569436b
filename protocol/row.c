#include "protocol/row.h"

#include "protocol/lease_state.h"

static const char *const account_texts[ACCOUNT_COUNT] = {
    [ACCOUNT_RECEIVABLE] = "receivable", [ACCOUNT_PAYABLE] = "payable",
    [ACCOUNT_EARNED] = "earned",         [ACCOUNT_SPENT] = "spent",
    [ACCOUNT_ISSUER] = "issuer",         [ACCOUNT_GRANTED] = "granted",
};
const struct name_table account_names = {account_texts, ACCOUNT_COUNT};

#define ROW_NUMBER(T, m, measure, text)                                                            \
    NUMBER_FIELD(T, m, 0, UINT64_MAX >> (64 - 8 * sizeof(((T *)NULL)->m)), measure, text)

static const struct field lease_fields[] = {
    FIXED_FIELD(struct lease_row, hold, "id of the hold"),
    FIXED_FIELD(struct lease_row, lease, "id of the lease; zeros before"),
    FIXED_FIELD(struct lease_row, peer, "the other side"),
    FLAG_FIELD(struct lease_row, is_host, "we are the host"),
    ENUM_FIELD(struct lease_row, state, &lease_state_names, "state"),
    ROW_NUMBER(struct lease_row, slot_group, UNIT_NONE, "slot group of the host"),
    ROW_NUMBER(struct lease_row, slot_mask, UNIT_NONE, "slots, one bit each"),
    ROW_NUMBER(struct lease_row, slot_seq, UNIT_NONE, "fences old messages"),
    ROW_NUMBER(struct lease_row, slots, UNIT_NONE, "number of slots"),
    AMOUNT_FIELD(struct lease_row, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "price of one slot"),
    ROW_NUMBER(struct lease_row, interval_s, UNIT_SECONDS, "one voucher"),
    ROW_NUMBER(struct lease_row, meter_s, UNIT_SECONDS, "between two meters"),
    ROW_NUMBER(struct lease_row, duration_s, UNIT_SECONDS, "longest run"),
    ROW_NUMBER(struct lease_row, notice_s, UNIT_SECONDS, "before a reclaim ends it"),
    ROW_NUMBER(struct lease_row, owed_intervals, UNIT_NONE, "forgiven at a reclaim"),
    FLAG_FIELD(struct lease_row, attached, "ends with its reader"),
    ROW_NUMBER(struct lease_row, boot_id, UNIT_NONE, "deadlines by boot time are of this boot"),
    ROW_NUMBER(struct lease_row, deadline_boot_ms, UNIT_MILLISECONDS, "of the present state"),
    ROW_NUMBER(struct lease_row, created_at_ms, UNIT_UNIX_MILLISECONDS, "first known"),
    ROW_NUMBER(struct lease_row, started_at_ms, UNIT_UNIX_MILLISECONDS, "the job began"),
    ROW_NUMBER(struct lease_row, end_at_ms, UNIT_UNIX_MILLISECONDS, "the time is up"),
    ROW_NUMBER(struct lease_row, end_at_boot_ms, UNIT_MILLISECONDS, "the time is up, by boot time"),
    ROW_NUMBER(struct lease_row, ended_at_ms, UNIT_UNIX_MILLISECONDS, "the job ended"),
    ROW_NUMBER(struct lease_row, run_ms, UNIT_MILLISECONDS, "counted so far"),
    ROW_NUMBER(struct lease_row, stopped_run_ms, UNIT_MILLISECONDS, "nothing beyond is charged"),
    ROW_NUMBER(struct lease_row, meter_number, UNIT_NONE, "last meter"),
    FIXED_FIELD(struct lease_row, meter, "last meter"),
    FIXED_FIELD(struct lease_row, previous_meter, "the one before"),
    ROW_NUMBER(struct lease_row, voucher_number, UNIT_NONE, "last voucher"),
    AMOUNT_FIELD(struct lease_row, voucher_uusd, UNIT_UUSD, "highest voucher"),
    ROW_NUMBER(struct lease_row, voucher_run_ms, UNIT_MILLISECONDS, "run time that it pays"),
    AMOUNT_FIELD(struct lease_row, posted_uusd, UNIT_UUSD, "what the ledger holds"),
    AMOUNT_FIELD(struct lease_row, final_uusd, UNIT_UUSD, "final amount"),
    FIXED_FIELD(struct lease_row, final, "final record"),
    ENUM_FIELD(struct lease_row, reason, &end_reason_names, "why it ended"),
    ROW_NUMBER(struct lease_row, exit_code, UNIT_NONE, "of the job"),
    ROW_NUMBER(struct lease_row, exit_signal, UNIT_NONE, "of the job; 0: none"),
    TEXT_FIELD(struct lease_row, label, 64, "the GPU's name"),
};
const struct schema lease_row_schema = SCHEMA(struct lease_row, "lease_row", 1, lease_fields,
                                              "A lease or hold, as either side keeps it.");

static const struct field ledger_fields[] = {
    ROW_NUMBER(struct ledger_row, number, UNIT_NONE, "1, 2, 3 without gaps"),
    ROW_NUMBER(struct ledger_row, at_ms, UNIT_UNIX_MILLISECONDS, "when it was entered"),
    ENUM_FIELD(struct ledger_row, debit, &account_names, "account that grows"),
    ENUM_FIELD(struct ledger_row, credit, &account_names, "account that shrinks"),
    AMOUNT_FIELD(struct ledger_row, amount_uusd, UNIT_UUSD, "moved"),
    FIXED_FIELD(struct ledger_row, peer, "the other side"),
    FIXED_FIELD(struct ledger_row, lease, "the lease; zeros: a grant"),
    FIXED_FIELD(struct ledger_row, evidence, "the signed record behind it"),
};
const struct schema ledger_row_schema =
    SCHEMA(struct ledger_row, "ledger_row", 2, ledger_fields, "One transaction of the ledger.");

static const struct field balance_fields[] = {
    FIXED_FIELD(struct balance_row, peer, "the other side"),
    BALANCE_FIELD(struct balance_row, receivable_uusd, UNIT_UUSD, "it owes us"),
    BALANCE_FIELD(struct balance_row, payable_uusd, UNIT_UUSD, "negative: we owe it"),
    BALANCE_FIELD(struct balance_row, earned_uusd, UNIT_UUSD, "negative: income"),
    BALANCE_FIELD(struct balance_row, spent_uusd, UNIT_UUSD, "spent"),
    BALANCE_FIELD(struct balance_row, issuer_uusd, UNIT_UUSD, "the issuer owes us"),
    BALANCE_FIELD(struct balance_row, granted_uusd, UNIT_UUSD, "negative: granted"),
    ROW_NUMBER(struct balance_row, leases, UNIT_NONE, "closed with both signatures"),
};
const struct schema balance_row_schema = SCHEMA(
    struct balance_row, "balance_row", 3, balance_fields, "What stands between us and a peer.");

static const struct field offer_fields[] = {
    ROW_NUMBER(struct offer_row, slot_group, UNIT_NONE, "slot group"),
    ROW_NUMBER(struct offer_row, gpu_mask, UNIT_NONE, "cards that are offered"),
    AMOUNT_FIELD(struct offer_row, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "price of one"),
    FLAG_FIELD(struct offer_row, ask_is_auto, "the ask follows the market"),
    AMOUNT_FIELD(struct offer_row, interruptible_ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "when reclaimable"),
    ROW_NUMBER(struct offer_row, lease_min_s, UNIT_SECONDS, "shortest lease"),
    ROW_NUMBER(struct offer_row, lease_max_s, UNIT_SECONDS, "longest lease"),
    ROW_NUMBER(struct offer_row, notice_s, UNIT_SECONDS, "before a reclaim ends it"),
    ROW_NUMBER(struct offer_row, minimum_run_s, UNIT_SECONDS, "no reclaim before"),
    ROW_NUMBER(struct offer_row, reclaims_per_day, UNIT_NONE, "at most"),
    ROW_NUMBER(struct offer_row, reclaim_owed_intervals, UNIT_NONE, "forgiven at a reclaim"),
    FIXED_FIELD(struct offer_row, week_hours, "hours of the week, UTC"),
    ROW_NUMBER(struct offer_row, works, UNIT_NONE, "kinds of work"),
    ROW_NUMBER(struct offer_row, reliability_min_bp, UNIT_BASIS_POINTS, "of a renter"),
    ROW_NUMBER(struct offer_row, image_policy, UNIT_NONE, "images"),
    ROW_NUMBER(struct offer_row, valid_until_s, UNIT_UNIX_SECONDS, "0: always"),
    FLAG_FIELD(struct offer_row, paused, "not just now"),
};
const struct schema offer_row_schema =
    SCHEMA(struct offer_row, "offer_row", 4, offer_fields, "What the owner told us to offer.");

static const struct field setting_fields[] = {
    ROW_NUMBER(struct setting_row, value, UNIT_NONE, "value"),
};
const struct schema setting_row_schema = SCHEMA(
    struct setting_row, "setting_row", 5, setting_fields, "A value told to the running node.");

static const struct field sequence_fields[] = {
    ROW_NUMBER(struct sequence_row, kind_and_detail, UNIT_NONE, "kind << 32 | detail"),
    ROW_NUMBER(struct sequence_row, seq, UNIT_NONE, "last one used"),
};
const struct schema sequence_row_schema = SCHEMA(struct sequence_row, "sequence_row", 6,
                                                 sequence_fields, "Our own last sequence number.");

static const struct field guard_fields[] = {
    FIXED_FIELD(struct guard_row, author, "author"),
    ROW_NUMBER(struct guard_row, kind, UNIT_NONE, "kind"),
    ROW_NUMBER(struct guard_row, detail, UNIT_NONE, "detail"),
    ROW_NUMBER(struct guard_row, seq, UNIT_NONE, "older ones are refused"),
    ROW_NUMBER(struct guard_row, until_s, UNIT_UNIX_SECONDS, "kept until"),
};
const struct schema guard_row_schema =
    SCHEMA(struct guard_row, "guard_row", 7, guard_fields, "Stops an old record from coming back.");

static const struct field peer_fields[] = {
    FIXED_FIELD(struct peer_row, peer, "peer"),
    FIXED_FIELD(struct peer_row, channel_key, "its channel key"),
    TEXT_FIELD(struct peer_row, address, 128, "where it was reached"),
    ROW_NUMBER(struct peer_row, last_seen_s, UNIT_UNIX_SECONDS, "last seen"),
    FLAG_FIELD(struct peer_row, kept, "told by the person"),
    ROW_NUMBER(struct peer_row, standing, UNIT_NONE, "0 neutral, 1 allowed, 2 denied"),
};
const struct schema peer_row_schema =
    SCHEMA(struct peer_row, "peer_row", 8, peer_fields, "A peer that was met or told.");

static const struct field standing_fields[] = {
    FIXED_FIELD(struct standing_row, id, "request"),
    BYTES_FIELD(struct standing_row, request, 0, 64512, "the question as it was told, encoded"),
    ROW_NUMBER(struct standing_row, until_s, UNIT_UNIX_SECONDS, "kept until"),
};
const struct schema standing_row_schema = SCHEMA(struct standing_row, "standing_row", 9,
                                                 standing_fields, "A standing request of our own.");

static const struct field gang_seat_fields[] = {
    FIXED_FIELD(struct gang_seat_row, hold, "hold"),
    FIXED_FIELD(struct gang_seat_row, held, "the host's promise"),
    FIXED_FIELD(struct gang_seat_row, host, "host"),
    FIXED_FIELD(struct gang_seat_row, listing, "its listing"),
    ROW_NUMBER(struct gang_seat_row, rank, UNIT_NONE, "rank; 65535: none"),
    ROW_NUMBER(struct gang_seat_row, generation, UNIT_NONE, "of its certificate"),
    FLAG_FIELD(struct gang_seat_row, is_lost, "its place was, or is to be, taken over"),
};
const struct schema gang_seat_row_schema = SCHEMA(struct gang_seat_row, "gang_seat_row", 10,
                                                  gang_seat_fields, "A host's place in a gang.");

static const struct field gang_fields[] = {
    FIXED_FIELD(struct gang_row, id, "gang"),
    ROW_NUMBER(struct gang_row, phase, UNIT_NONE, "how far it is"),
    ROW_NUMBER(struct gang_row, world, UNIT_NONE, "ranks"),
    ROW_NUMBER(struct gang_row, generation, UNIT_NONE, "of the last certificate"),
    BYTES_FIELD(struct gang_row, question, 0, 40960, "the question as it was told, encoded"),
    BYTES_LIST_TOTAL_FIELD(struct gang_row, seats, 256, 20480, "encoded gang_seat_row"),
};
const struct schema gang_row_schema =
    SCHEMA(struct gang_row, "gang_row", 11, gang_fields, "A job on many hosts that we lead.");
