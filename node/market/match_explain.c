#include "node/market/match.h"

#include <string.h>

#include "protocol/bytes.h"

static void
reject_note(struct reject *reject, enum clause clause, uint64_t value)
{
    if (!clause_is_quantity(clause)) {
        return;
    }
    const bool is_nearer =
        clause_is_at_most(clause) ? value < reject->nearest : value > reject->nearest;
    if (reject->at_nearest == 0 || is_nearer) {
        reject->nearest = value;
        reject->at_nearest = 1;
    } else if (value == reject->nearest) {
        reject->at_nearest++;
    }
}

void
match_explain(const struct book *book, const struct filter *filter,
              struct reject_report *ret_report)
{
    struct book_cursor cursor = {0};
    struct market_row row;
    memset(ret_report, 0, sizeof *ret_report);
    while (book_next(book, &cursor, &row)) {
        const clause_set failing = filter_failing(filter, &row);
        ret_report->rows++;
        ret_report->fitting += failing == 0;
        for (clause_set left = failing; left != 0; left &= left - 1) {
            const enum clause clause = (enum clause)__builtin_ctzll(left);
            ret_report->clauses[clause].rejected++;
            if (failing == UINT64_C(1) << clause) {
                ret_report->clauses[clause].only_this++;
                reject_note(&ret_report->clauses[clause], clause,
                            clause_value(clause, filter, &row));
            }
        }
    }
}

void
match_print_nearest(struct buffer *out, enum clause clause, const struct reject *reject)
{
    if (reject->at_nearest == 0) {
        return;
    }
    buffer_append_format(out, "%lu offer%s if %s %s ", (unsigned long)reject->at_nearest,
                         reject->at_nearest == 1 ? "" : "s", clause_name(clause),
                         clause_is_at_most(clause) ? "<=" : ">=");
    clause_print_value(out, clause, reject->nearest);
}
