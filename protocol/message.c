#include "protocol/message.h"

#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/record.h"

#define REFUSAL_TEXT_BYTES_MAX 256u
#define WAIT_MS_MAX 86400000u
#define MEMORY_MIB_MAX 16777216u /* 16 TiB */
#define STREAM_NUMBER_MAX 2u     /* 0 input, 1 output, 2 errors */
#define SIGNAL_MAX 64u

/* Arguments and environment each take at most half of what START has room for. */
#define COMMAND_LIST_BYTES_MAX (COMMAND_BYTES_MAX / 2)

static const char *const refusal_texts[] = {
    "none",  "no_such_listing", "listing_changed", "price",    "duration",
    "hours", "denied",          "no_history",      "decided",  "one_hold_a_key",
    "wait",  "paused",          "disk_full",       "too_late", "not_yours",
    "work"};
const struct name_table refusal_names = {refusal_texts,
                                         sizeof refusal_texts / sizeof refusal_texts[0]};

static const struct field hello_message_fields[] = {
    BYTES_FIELD(struct hello_message, hello, 1, RECORD_BYTES_MAX, "The sealed hello record."),
    BYTES_FIELD(struct hello_message, node, 1, RECORD_BYTES_MAX,
                "The sealed node record of the same author."),
};

static const struct field records_message_fields[] = {
    BYTES_LIST_TOTAL_FIELD(struct records_message, records, RECORD_BYTES_MAX, PAGE_BYTES_MAX,
                           "Sealed public records."),
};

static const struct field pull_message_fields[] = {
    NUMBER_FIELD(struct pull_message, token, 0, UINT32_MAX, UNIT_NONE,
                 "The answer bears the same one."),
    NUMBER_FIELD(struct pull_message, from_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "Records issued then or later."),
    FIXED_FIELD(struct pull_message, after,
                "Of those issued just then, only ids above this one; zeros: all."),
};

static const struct field page_message_fields[] = {
    NUMBER_FIELD(struct page_message, token, 0, UINT32_MAX, UNIT_NONE, "The question's."),
    FLAG_FIELD(struct page_message, more, "There are more: ask with the two fields that follow."),
    NUMBER_FIELD(struct page_message, next_from_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "Time of issue of the page's last record."),
    FIXED_FIELD(struct page_message, next_after, "Id of the page's last record."),
    BYTES_LIST_TOTAL_FIELD(struct page_message, records, RECORD_BYTES_MAX, PAGE_BYTES_MAX,
                           "Sealed public records, by time of issue, then id."),
};

static const struct field signed_message_fields[] = {
    BYTES_FIELD(struct signed_message, record, 1, RECORD_BYTES_MAX, "The sealed record."),
};

static const struct field cosigned_message_fields[] = {
    BYTES_FIELD(struct cosigned_message, record, 1, COSIGNED_BYTES_MAX,
                "The sealed record and the second signature."),
};

static const struct field busy_message_fields[] = {
    FIXED_FIELD(struct busy_message, hold, "Id of the hold that is answered."),
    NUMBER_FIELD(struct busy_message, free_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "When the next slot frees up; 0: not known."),
    NUMBER_FIELD(struct busy_message, slots_free, 0, SLOTS_PER_GROUP_MAX, UNIT_NONE,
                 "Slots that are free now."),
};

static const struct field refused_message_fields[] = {
    FIXED_FIELD(struct refused_message, about, "Id of the hold, lease or extension."),
    ENUM_FIELD(struct refused_message, reason, &refusal_names, "Why."),
    NUMBER_FIELD(struct refused_message, wait_ms, 0, WAIT_MS_MAX, UNIT_MILLISECONDS,
                 "Before trying again; 0: do not."),
    TEXT_FIELD(struct refused_message, text, REFUSAL_TEXT_BYTES_MAX, "Why, for people."),
};

static const struct field cancel_message_fields[] = {
    FIXED_FIELD(struct cancel_message, hold, "Id of the hold that is no longer wanted."),
};

static const struct field start_message_fields[] = {
    FIXED_FIELD(struct start_message, lease, "The lease."),
    BYTES_FIELD(struct start_message, voucher, 1, RECORD_BYTES_MAX, "The first voucher, sealed."),
    FLAG_FIELD(struct start_message, attached, "The job ends with its reader."),
    FLAG_FIELD(struct start_message, input, "The job reads standard input."),
    NUMBER_FIELD(struct start_message, memory_mib, 0, MEMORY_MIB_MAX, UNIT_MIB,
                 "Main memory; 0: the listing's share."),
    TEXT_LIST_TOTAL_FIELD(struct start_message, arguments, 0, COMMAND_LIST_BYTES_MAX,
                          COMMAND_LIST_BYTES_MAX, "The program and its arguments."),
    TEXT_LIST_TOTAL_FIELD(struct start_message, environment, 1, COMMAND_LIST_BYTES_MAX,
                          COMMAND_LIST_BYTES_MAX, "Settings of the form NAME=value."),
};

static const struct field gang_confirm_message_fields[] = {
    BYTES_FIELD(struct gang_confirm_message, certificate, 1, RECORD_BYTES_MAX,
                "The sealed gang record."),
    NUMBER_FIELD(struct gang_confirm_message, index, 0, GANG_LEAVES_MAX - 1, UNIT_NONE,
                 "Place of this hold's leaf."),
    BYTES_FIELD(struct gang_confirm_message, path, 0, GANG_PATH_BYTES_MAX,
                "The siblings on the way to the root, from the leaf upwards, 32 bytes each."),
    BYTES_FIELD(struct gang_confirm_message, lease, 1, RECORD_BYTES_MAX,
                "The lease record, sealed by the renter."),
};

static const struct field started_message_fields[] = {
    FIXED_FIELD(struct started_message, lease, "The lease."),
    NUMBER_FIELD(struct started_message, started_at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "Since when the job runs."),
};

static const struct field end_message_fields[] = {
    FIXED_FIELD(struct end_message, lease, "The lease."),
    ENUM_FIELD(struct end_message, reason, &end_reason_names, "Why."),
};

static const struct field lease_query_message_fields[] = {
    FIXED_FIELD(struct lease_query_message, lease, "The lease."),
};

static const struct field lease_state_message_fields[] = {
    FIXED_FIELD(struct lease_state_message, lease, "The lease."),
    ENUM_FIELD(struct lease_state_message, state, &lease_state_names, "The lease's state."),
    NUMBER_FIELD(struct lease_state_message, run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS,
                 "Run time so far."),
    NUMBER_FIELD(struct lease_state_message, meter_number, 0, UINT32_MAX, UNIT_NONE,
                 "Number of the last meter; 0: none."),
    NUMBER_FIELD(struct lease_state_message, voucher_number, 0, UINT32_MAX, UNIT_NONE,
                 "Number of the last voucher; 0: none."),
};

static const struct field slots_query_message_fields[] = {
    NUMBER_FIELD(struct slots_query_message, slot_group, 0, SLOT_GROUPS_MAX - 1, UNIT_NONE,
                 "The listing's slot group."),
};

static const struct field slots_message_fields[] = {
    NUMBER_FIELD(struct slots_message, slot_group, 0, SLOT_GROUPS_MAX - 1, UNIT_NONE,
                 "The listing's slot group."),
    NUMBER_FIELD(struct slots_message, slots_total, 0, SLOTS_PER_GROUP_MAX, UNIT_NONE,
                 "Slots offered just now; 0: none."),
    NUMBER_FIELD(struct slots_message, slots_taken, 0, SLOTS_PER_GROUP_MAX, UNIT_NONE,
                 "How many of them are leased or held."),
    NUMBER_FIELD(struct slots_message, free_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "When the next one frees up at the latest; 0: not known."),
};

static const struct field auction_closed_message_fields[] = {
    BYTES_FIELD(struct auction_closed_message, close, 1, RECORD_BYTES_MAX,
                "The sealed record of the epoch's end."),
    {FIELD_MEMBER(struct auction_closed_message, commitments), .type = FIELD_BYTES_LIST,
     .minimum = ID_LENGTH, .maximum = ID_LENGTH, .total = AUCTION_BIDS_MAX * ID_LENGTH,
     .help = "Ids of the commitments, ascending."},
};

static const struct field clearing_pull_message_fields[] = {
    FIXED_FIELD(struct clearing_pull_message, close, "Id of the epoch's end."),
    NUMBER_FIELD(struct clearing_pull_message, offset, 0, CLEARING_BYTES_MAX, UNIT_BYTES,
                 "Of the first byte that is wanted."),
};

static const struct field clearing_part_message_fields[] = {
    FIXED_FIELD(struct clearing_part_message, close, "Id of the epoch's end."),
    NUMBER_FIELD(struct clearing_part_message, offset, 0, CLEARING_BYTES_MAX, UNIT_BYTES,
                 "Of the first byte of the piece."),
    NUMBER_FIELD(struct clearing_part_message, total, 1, CLEARING_BYTES_MAX, UNIT_BYTES,
                 "Length of the clearing's file."),
    BYTES_FIELD(struct clearing_part_message, data, 0, CLEARING_PART_BYTES,
                "The piece; none: the clearing is there to be pulled."),
};

static const struct field ping_message_fields[] = {
    NUMBER_FIELD(struct ping_message, token, 0, UINT64_MAX, UNIT_NONE, "A pong bears its ping's."),
};

static const struct field stream_open_message_fields[] = {
    FIXED_FIELD(struct stream_open_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_open_message, token, 0, UINT64_MAX, UNIT_NONE,
                 "A reader's; a newer one replaces an older."),
    FLAG_FIELD(struct stream_open_message, attached, "The job ends with this reader."),
};

static const struct field stream_read_message_fields[] = {
    FIXED_FIELD(struct stream_read_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_read_message, stream, 0, STREAM_NUMBER_MAX, UNIT_NONE,
                 "0 input, 1 output, 2 errors."),
    NUMBER_FIELD(struct stream_read_message, offset, 0, COUNT_MAX, UNIT_BYTES,
                 "Everything before it is acknowledged."),
    NUMBER_FIELD(struct stream_read_message, limit, 0, COUNT_MAX, UNIT_BYTES, "Send up to here."),
};

static const struct field offer_message_fields[] = {
    FIXED_FIELD(struct offer_message, request, "The request's public record."),
    BYTES_FIELD(struct offer_message, held, 1, RECORD_BYTES_MAX,
                "Sealed HELD, under an id that the host has chosen."),
};

static const struct field stream_data_message_fields[] = {
    FIXED_FIELD(struct stream_data_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_data_message, stream, 0, STREAM_NUMBER_MAX, UNIT_NONE,
                 "0 input, 1 output, 2 errors."),
    NUMBER_FIELD(struct stream_data_message, offset, 0, COUNT_MAX, UNIT_BYTES,
                 "Of the first byte of the data."),
    BYTES_FIELD(struct stream_data_message, data, 1, STREAM_FRAME_BYTES_MAX, "The bytes."),
};

static const struct field stream_credit_message_fields[] = {
    FIXED_FIELD(struct stream_credit_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_credit_message, offset, 0, COUNT_MAX, UNIT_BYTES,
                 "All input before it has arrived for good."),
    NUMBER_FIELD(struct stream_credit_message, limit, 0, COUNT_MAX, UNIT_BYTES,
                 "Input may be sent up to here."),
};

static const struct field stream_end_message_fields[] = {
    FIXED_FIELD(struct stream_end_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_end_message, stream, 0, STREAM_NUMBER_MAX, UNIT_NONE,
                 "0 input, 1 output, 2 errors."),
    NUMBER_FIELD(struct stream_end_message, offset, 0, COUNT_MAX, UNIT_BYTES,
                 "The stream's length."),
    NUMBER_FIELD(struct stream_end_message, dropped, 0, COUNT_MAX, UNIT_BYTES,
                 "Bytes beyond the log's cap, which are lost."),
};

static const struct field stream_exit_message_fields[] = {
    FIXED_FIELD(struct stream_exit_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_exit_message, code, 0, UINT8_MAX, UNIT_NONE, "The job's exit code."),
    NUMBER_FIELD(struct stream_exit_message, signal, 0, UINT8_MAX, UNIT_NONE,
                 "Signal that ended the job; 0: none."),
    ENUM_FIELD(struct stream_exit_message, reason, &end_reason_names, "Why the lease ended."),
};

static const struct field stream_signal_message_fields[] = {
    FIXED_FIELD(struct stream_signal_message, lease, "The lease."),
    NUMBER_FIELD(struct stream_signal_message, signal, 1, SIGNAL_MAX, UNIT_NONE,
                 "Signal for the job, by Linux's number."),
};

static const struct field stream_refused_message_fields[] = {
    FIXED_FIELD(struct stream_refused_message, lease, "The lease."),
    TEXT_FIELD(struct stream_refused_message, text, REFUSAL_TEXT_BYTES_MAX, "Why, for people."),
};

const struct schema hello_message_schema =
    SCHEMA(struct hello_message, "hello", MESSAGE_HELLO, hello_message_fields,
           "First on a connection, by both sides; anything before it is dropped.");
const struct schema records_message_schema =
    SCHEMA(struct records_message, "records", MESSAGE_RECORDS, records_message_fields,
           "Public records, pushed unasked.");
const struct schema pull_message_schema =
    SCHEMA(struct pull_message, "pull", MESSAGE_PULL, pull_message_fields,
           "Asks for all public records issued at or after a time, a page at a time.");
const struct schema page_message_schema =
    SCHEMA(struct page_message, "page", MESSAGE_PAGE, page_message_fields, "Answers a pull.");
const struct schema signed_message_schema =
    SCHEMA(struct signed_message, "signed", MESSAGE_SIGNED, signed_message_fields,
           "A private record: hold, held, lease (which confirms), meter, voucher, final, reclaim, "
           "extension.");
const struct schema cosigned_message_schema =
    SCHEMA(struct cosigned_message, "cosigned", MESSAGE_COSIGNED, cosigned_message_fields,
           "A record with both signatures: lease or extension (from the host), final (from the "
           "renter: a receipt).");
const struct schema busy_message_schema =
    SCHEMA(struct busy_message, "busy", MESSAGE_BUSY, busy_message_fields,
           "Answers a hold: the slots are taken.");
const struct schema refused_message_schema =
    SCHEMA(struct refused_message, "refused", MESSAGE_REFUSED, refused_message_fields,
           "Answers a hold, a lease or an extension that the host does not accept.");
const struct schema cancel_message_schema =
    SCHEMA(struct cancel_message, "cancel", MESSAGE_CANCEL, cancel_message_fields,
           "The renter gives a hold back.");
const struct schema start_message_schema =
    SCHEMA(struct start_message, "start", MESSAGE_START, start_message_fields,
           "Starts the job of a lease. Never logged, stored or passed on.");
const struct schema gang_confirm_message_schema = SCHEMA(
    struct gang_confirm_message, "gang_confirm", MESSAGE_GANG_CONFIRM, gang_confirm_message_fields,
    "The renter confirms a member of a gang; answered like a lease record alone.");
const struct schema started_message_schema =
    SCHEMA(struct started_message, "started", MESSAGE_STARTED, started_message_fields,
           "Answers start: the job runs.");
const struct schema end_message_schema =
    SCHEMA(struct end_message, "end", MESSAGE_END, end_message_fields, "Either side ends a lease.");
const struct schema lease_query_message_schema =
    SCHEMA(struct lease_query_message, "lease_query", MESSAGE_LEASE_QUERY,
           lease_query_message_fields, "The renter asks how a lease stands.");
const struct schema lease_state_message_schema = SCHEMA(
    struct lease_state_message, "lease_state", MESSAGE_LEASE_STATE, lease_state_message_fields,
    "Answers it: the host's view. From a renter it says that RECLAIM was heard.");
const struct schema auction_closed_message_schema =
    SCHEMA(struct auction_closed_message, "auction_closed", MESSAGE_AUCTION_CLOSED,
           auction_closed_message_fields,
           "An epoch is over: whose commitment is among these opens its bid now.");
const struct schema clearing_pull_message_schema =
    SCHEMA(struct clearing_pull_message, "clearing_pull", MESSAGE_CLEARING_PULL,
           clearing_pull_message_fields, "Asks an auctioneer for a piece of a clearing's file.");
const struct schema clearing_part_message_schema =
    SCHEMA(struct clearing_part_message, "clearing_part", MESSAGE_CLEARING_PART,
           clearing_part_message_fields, "Answers it; unasked and empty, it says what is there.");
const struct schema offer_message_schema =
    SCHEMA(struct offer_message, "offer", MESSAGE_OFFER, offer_message_fields,
           "A host holds slots for a standing request. Answered by the lease, or by cancel.");
const struct schema ping_message_schema =
    SCHEMA(struct ping_message, "ping", MESSAGE_PING, ping_message_fields, "Is somebody there?");
const struct schema pong_message_schema =
    SCHEMA(struct ping_message, "pong", MESSAGE_PONG, ping_message_fields, "Answers a ping.");
const struct schema slots_query_message_schema =
    SCHEMA(struct slots_query_message, "slots_query", MESSAGE_SLOTS_QUERY,
           slots_query_message_fields, "Asks a host how many slots of a group are taken.");
const struct schema slots_message_schema =
    SCHEMA(struct slots_message, "slots", MESSAGE_SLOTS, slots_message_fields,
           "Answers it: a hint, no promise. Not sent for a group that is not offered.");
const struct schema stream_open_message_schema =
    SCHEMA(struct stream_open_message, "stream_open", MESSAGE_STREAM_OPEN,
           stream_open_message_fields, "The renter opens the streams of a lease's job.");
const struct schema stream_read_message_schema =
    SCHEMA(struct stream_read_message, "stream_read", MESSAGE_STREAM_READ,
           stream_read_message_fields, "Acknowledges output and gives credit for more.");
const struct schema stream_data_message_schema =
    SCHEMA(struct stream_data_message, "stream_data", MESSAGE_STREAM_DATA,
           stream_data_message_fields, "A piece of a stream.");
const struct schema stream_credit_message_schema =
    SCHEMA(struct stream_credit_message, "stream_credit", MESSAGE_STREAM_CREDIT,
           stream_credit_message_fields, "The host gives credit for input.");
const struct schema stream_end_message_schema =
    SCHEMA(struct stream_end_message, "stream_end", MESSAGE_STREAM_END, stream_end_message_fields,
           "A stream is complete.");
const struct schema stream_exit_message_schema =
    SCHEMA(struct stream_exit_message, "stream_exit", MESSAGE_STREAM_EXIT,
           stream_exit_message_fields, "The job ended; after all its output.");
const struct schema stream_signal_message_schema =
    SCHEMA(struct stream_signal_message, "stream_signal", MESSAGE_STREAM_SIGNAL,
           stream_signal_message_fields, "The renter sends the job a signal.");
const struct schema stream_refused_message_schema =
    SCHEMA(struct stream_refused_message, "stream_refused", MESSAGE_STREAM_REFUSED,
           stream_refused_message_fields, "The host does not open the streams.");

/* In order of their types. */
static const struct schema *const schemas[] = {
    [MESSAGE_HELLO] = &hello_message_schema,
    [MESSAGE_RECORDS] = &records_message_schema,
    [MESSAGE_PULL] = &pull_message_schema,
    [MESSAGE_PAGE] = &page_message_schema,
    [MESSAGE_SIGNED] = &signed_message_schema,
    [MESSAGE_COSIGNED] = &cosigned_message_schema,
    [MESSAGE_BUSY] = &busy_message_schema,
    [MESSAGE_REFUSED] = &refused_message_schema,
    [MESSAGE_CANCEL] = &cancel_message_schema,
    [MESSAGE_START] = &start_message_schema,
    [MESSAGE_STARTED] = &started_message_schema,
    [MESSAGE_END] = &end_message_schema,
    [MESSAGE_LEASE_QUERY] = &lease_query_message_schema,
    [MESSAGE_LEASE_STATE] = &lease_state_message_schema,
    [MESSAGE_PING] = &ping_message_schema,
    [MESSAGE_PONG] = &pong_message_schema,
    [MESSAGE_OFFER] = &offer_message_schema,
    [MESSAGE_GANG_CONFIRM] = &gang_confirm_message_schema,
    [MESSAGE_AUCTION_CLOSED] = &auction_closed_message_schema,
    [MESSAGE_CLEARING_PULL] = &clearing_pull_message_schema,
    [MESSAGE_CLEARING_PART] = &clearing_part_message_schema,
    [MESSAGE_SLOTS_QUERY] = &slots_query_message_schema,
    [MESSAGE_SLOTS] = &slots_message_schema,
    [MESSAGE_STREAM_OPEN] = &stream_open_message_schema,
    [MESSAGE_STREAM_READ] = &stream_read_message_schema,
    [MESSAGE_STREAM_DATA] = &stream_data_message_schema,
    [MESSAGE_STREAM_CREDIT] = &stream_credit_message_schema,
    [MESSAGE_STREAM_END] = &stream_end_message_schema,
    [MESSAGE_STREAM_EXIT] = &stream_exit_message_schema,
    [MESSAGE_STREAM_SIGNAL] = &stream_signal_message_schema,
    [MESSAGE_STREAM_REFUSED] = &stream_refused_message_schema,
};

const struct schema *
message_schema(uint8_t type)
{
    return type < sizeof schemas / sizeof schemas[0] ? schemas[type] : NULL;
}
