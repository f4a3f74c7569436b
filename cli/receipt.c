#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/place.h"
#include "cli/talk.h"
#include "crypto/receipt.h"
#include "protocol/quantity.h"
#include "protocol/record.h"

enum { RECEIPT_FILE_MAX = 65536 };

/* The receipt of one lease, with its signed records. */
static int
ask_receipt(const struct invocation *invocation, struct answer *answer, union row_view *ret_view)
{
    const char *prefix = invocation->operands[0];
    const struct control_receipt question = {bytes_of_text(prefix)};
    int code = talk_once(invocation, CONTROL_RECEIPT, &question, answer);
    const size_t count = answer_count(answer, ROW_RECEIPT);
    if (code == EXIT_DONE && count != 1) {
        talk_say(count == 0 ? "there is no receipt of a lease %s; see: gpulet receipts"
                            : "%s fits several leases; give more digits",
                 prefix);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE && answer_row(answer, ROW_RECEIPT, 0, ret_view) != STATUS_OK) {
        talk_say("gpuletd's receipt cannot be read");
        code = EXIT_REFUSED;
    }
    return code;
}

int
run_receipts_show(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    int code = ask_receipt(invocation, &answer, &view);
    if (code == EXIT_DONE) {
        code = talk_single(invocation, &answer, ROW_RECEIPT);
    }
    answer_clear(&answer);
    return code;
}

int
run_receipts_export(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    const char *path = option_value(invocation, "output");
    int code = ask_receipt(invocation, &answer, &view);
    if (code == EXIT_DONE && option_is_given(invocation, "json")) {
        code = talk_single(invocation, &answer, ROW_RECEIPT);
        answer_clear(&answer);
        return code;
    }
    if (code == EXIT_DONE && path == NULL && output_is_terminal(stdout)) {
        talk_say("a receipt is no text; write it into a file with: --output FILE");
        code = EXIT_USAGE;
    }
    if (code == EXIT_DONE && path != NULL && place_write(path, view.receipt.bundle) != STATUS_OK) {
        talk_say("cannot write %s", path);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE && path == NULL) {
        fwrite(view.receipt.bundle.data, 1, view.receipt.bundle.length, stdout);
        code = talk_flush();
    }
    answer_clear(&answer);
    return code;
}

static json_t *
facts_json(const struct receipt_facts *facts)
{
    char lease[ID_HEX_SIZE];
    char host[ID_HEX_SIZE];
    char renter[ID_HEX_SIZE];
    char network[ID_HEX_SIZE];
    id_to_hex(facts->lease.bytes, lease);
    id_to_hex(facts->host.bytes, host);
    id_to_hex(facts->renter.bytes, renter);
    id_to_hex(facts->network.bytes, network);
    return json_pack("{s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I}",
                     "valid", 1, "network", network, "lease", lease, "host", host, "renter", renter,
                     "ask_uusd_per_hour", (json_int_t)amount_micro(facts->ask_uusd_per_hour),
                     "slots", (json_int_t)facts->slots, "run_ms", (json_int_t)facts->run_ms,
                     "amount_uusd", (json_int_t)amount_micro(facts->amount_uusd), "charge_uusd",
                     (json_int_t)amount_micro(facts->charge_uusd), "reason",
                     name_table_name(&end_reason_names, facts->reason), "started_at_s",
                     (json_int_t)facts->started_at_s, "ended_at_s", (json_int_t)facts->ended_at_s,
                     "meters", (json_int_t)facts->meters);
}

static void
print_id(const char *title, const uint8_t bytes[ID_LENGTH])
{
    char hex[ID_HEX_SIZE];
    id_to_hex(bytes, hex);
    printf("%-9s %s\n", title, hex);
}

static void
print_facts(const struct receipt_facts *facts)
{
    char memory[CELL_SIZE];
    struct buffer text;
    printf("valid: both signatures, and the sum\n");
    print_id("lease", facts->lease.bytes);
    print_id("host", facts->host.bytes);
    print_id("renter", facts->renter.bytes);
    print_id("network", facts->network.bytes);
    buffer_init(&text, memory, sizeof memory);
    quantity_print_amount(&text, facts->amount_uusd);
    buffer_append_format(&text, " for ");
    quantity_print_duration(&text, duration_of_ms((int64_t)facts->run_ms));
    buffer_append_format(&text, " of %u at ", facts->slots);
    quantity_print_price(&text, facts->ask_uusd_per_hour);
    printf("%-9s %.*s\n", "amount", (int)text.length, memory);
    printf("%-9s %s\n", "ended", name_table_name(&end_reason_names, facts->reason));
}

int
run_receipts_verify(const struct invocation *invocation)
{
    const char *path = invocation->operands[0];
    uint8_t *memory = malloc(RECEIPT_FILE_MAX);
    struct receipt_facts facts;
    const char *why = NULL;
    size_t length = 0;
    if (memory == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
        return EXIT_REFUSED;
    }
    enum status status = place_read_bytes(path, memory, RECEIPT_FILE_MAX, &length);
    if (status != STATUS_OK) {
        talk_say("cannot read %s: %s", path, status_text(status));
        free(memory);
        return EXIT_REFUSED;
    }
    status = receipt_verify(bytes_of(memory, length), &facts, &why);
    free(memory);
    if (status != STATUS_OK) {
        talk_say("%s is no valid receipt: %s", path, why != NULL ? why : status_text(status));
        return EXIT_REFUSED;
    }
    if (option_is_given(invocation, "json")) {
        return talk_document(facts_json(&facts));
    }
    print_facts(&facts);
    return talk_flush();
}
