#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/talk.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* Keeps the rows of peers with whom there is something on this side of the books. */
static bool
concerns(const struct money_view *money, bool earned)
{
    return earned ? !amount_is_zero(money->earned_uusd) || !amount_is_zero(money->receivable_uusd)
                  : !amount_is_zero(money->spent_uusd) || !amount_is_zero(money->payable_uusd);
}

static int
ask_money(const struct invocation *invocation, bool earned, struct answer *ret_kept)
{
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    union row_view view;
    int code = talk_once(invocation, CONTROL_MONEY, &question, &answer);
    for (size_t i = 0; code == EXIT_DONE && i < answer.count; i++) {
        const struct kept_row *row = &answer.rows[i];
        const struct answer single = {&answer.rows[i], 1, 1};
        if (answer_row(&single, ROW_MONEY, 0, &view) == STATUS_OK &&
            concerns(&view.money, earned) &&
            answer_keep(ret_kept, ROW_MONEY, row->value) != STATUS_OK) {
            code = EXIT_REFUSED;
        }
    }
    answer_clear(&answer);
    return code;
}

int
run_earnings(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"peer", "RENTER", "peer_label"},
        {"leases", "LEASES", NULL},
        {"earned_uusd", "EARNED", NULL},
        {"receivable_uusd", "STILL OWED TO US", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    int code = ask_money(invocation, true, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_MONEY, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_spending(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"peer", "HOST", "peer_label"},
        {"leases", "LEASES", NULL},
        {"spent_uusd", "SPENT", NULL},
        {"payable_uusd", "STILL OWED BY US", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    int code = ask_money(invocation, false, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_MONEY, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

/* All entries that are wanted, a page at a time: the daemon does not read a long ledger in one go. */
static int
ask_ledger(const struct invocation *invocation, struct answer *answer)
{
    enum { PAGE = 500 };
    const uint64_t limit = option_count(invocation, "limit", UINT64_MAX);
    struct control_ledger question = {.after_number = option_count(invocation, "after", 0)};
    struct connection *connection;
    union row_view view;
    int code = talk_open(invocation, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    size_t before;
    do {
        const uint64_t left = limit - answer->count;
        before = answer->count;
        question.limit = (uint16_t)(left < PAGE ? left : PAGE);
        code = talk_ask(connection, CONTROL_LEDGER, &question, answer, NULL);
        if (code == EXIT_DONE && answer->count > before &&
            answer_row(answer, ROW_LEDGER, answer->count - 1, &view) == STATUS_OK) {
            question.after_number = view.ledger.number;
        }
    } while (code == EXIT_DONE && answer->count == before + question.limit &&
             answer->count < limit);
    connection_close(connection);
    return code;
}

int
run_ledger(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"number", "NUMBER", NULL},  {"at_ms", "WHEN", NULL},         {"debit", "GROWS", NULL},
        {"credit", "SHRINKS", NULL}, {"amount_uusd", "AMOUNT", NULL}, {"peer", "PEER", NULL},
        {"lease", "LEASE", NULL},    {"evidence", "EVIDENCE", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    int code = ask_ledger(invocation, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_LEDGER, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_receipts(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"lease", "LEASE", NULL},        {"host", "HOST", NULL},  {"renter", "RENTER", NULL},
        {"amount_uusd", "AMOUNT", NULL}, {"run_ms", "RAN", NULL}, {"reason", "ENDED", NULL},
        {"ended_at_s", "WHEN", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_receipt question = {bytes_of(NULL, 0)};
    int code = talk_once(invocation, CONTROL_RECEIPT, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_RECEIPT, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}
