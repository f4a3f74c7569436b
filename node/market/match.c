#include "node/market/match.h"

#include <assert.h>
#include <string.h>

#include "protocol/bytes.h"

/* Moves the offer at `at` of a heap with the worst on top down to its place. */
static void
sift_down(struct offer *heap, size_t count, size_t at)
{
    const struct offer offer = heap[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && offer_compare(&heap[child + 1], &heap[child]) > 0) {
            child++;
        }
        if (offer_compare(&heap[child], &offer) <= 0) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = offer;
}

static void
sift_up(struct offer *heap, size_t at)
{
    const struct offer offer = heap[at];
    while (at > 0 && offer_compare(&offer, &heap[(at - 1) / 2]) > 0) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = offer;
}

static void
heap_sort(struct offer *heap, size_t count)
{
    while (count > 1) {
        const struct offer worst = heap[0];
        count--;
        heap[0] = heap[count];
        sift_down(heap, count, 0);
        heap[count] = worst;
    }
}

size_t
match_top(const struct book *book, const struct filter *filter, uint64_t seed, size_t limit,
          struct offer *ret_offers)
{
    struct book_cursor cursor = {0};
    struct market_row row;
    size_t count = 0;
    assert(limit <= MATCH_OFFERS_MAX);
    while (book_next(book, &cursor, &row)) {
        if (limit == 0 || !filter_fits(filter, &row)) {
            continue;
        }
        const struct offer offer = offer_make(filter, &row, seed);
        if (count < limit) {
            ret_offers[count] = offer;
            sift_up(ret_offers, count++);
        } else if (offer_compare(&offer, &ret_offers[0]) < 0) {
            ret_offers[0] = offer;
            sift_down(ret_offers, count, 0);
        }
    }
    heap_sort(ret_offers, count);
    return count;
}

size_t
match_near_equal(const struct offer *offers, size_t count)
{
    size_t near_equal = 0;
    while (near_equal < count && offers[near_equal].effective_uusd - offers[0].effective_uusd <=
                                     offers[0].effective_uusd / 100) {
        near_equal++;
    }
    return near_equal;
}

size_t
match_pick(const struct offer *offers, size_t count, uint64_t seed)
{
    static const struct host_key no_host;
    const size_t near_equal = match_near_equal(offers, count);
    return near_equal == 0 ? 0 : (size_t)(offer_spread(seed, &no_host, 0) % near_equal);
}

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
